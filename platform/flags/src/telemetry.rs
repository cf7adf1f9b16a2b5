//! Evaluations as figures: a hook of OpenFeature's.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use metrics::Counter;
use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationError, EvaluationReason, Hook, HookContext, HookHints, Value,
    async_trait,
};

/// Combinations of flag, variant and reason that are counted by themselves; all further ones are `other`.
const MOST: usize = 2_000;

/// Of one flag: variant, reason, and how often.
type Variants = Vec<(Box<str>, &'static str, Counter)>;

/// Counts evaluations, by flag.
#[derive(Default)]
pub(crate) struct Counted(RwLock<HashMap<Box<str>, Variants>>);

impl Counted {
    fn counter(&self, flag: &str, variant: &str, reason: &'static str) -> Counter {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .get(flag)
            .and_then(|these| these.iter().find(|(known, why, _)| (&**known, *why) == (variant, reason)));
        if let Some((.., counter)) = found {
            return counter.clone();
        }
        let full = known.values().map(Vec::len).sum::<usize>() >= MOST;
        drop(known);
        if full {
            return made("other", "other", reason);
        }
        let counter = made(flag, variant, reason);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(flag.into()).or_default().push((variant.into(), reason, counter.clone()));
        counter
    }
}

fn made(flag: &str, variant: &str, reason: &'static str) -> Counter {
    metrics::counter!(
        "tessera_flag_evaluations_total",
        "flag" => flag.to_owned(), "variant" => variant.to_owned(), "reason" => reason
    )
}

/// Says 0 of what is counted together, so that there is a figure before the first flag is asked for.
pub(crate) fn begin() {
    made("other", "other", "unknown").increment(0);
}

/// OpenFeature's reasons, as its conventions for telemetry write them.
pub(crate) fn reason(reason: Option<&EvaluationReason>) -> &'static str {
    match reason {
        Some(EvaluationReason::Static) => "static",
        Some(EvaluationReason::Default) => "default",
        Some(EvaluationReason::TargetingMatch) => "targeting_match",
        Some(EvaluationReason::Split) => "split",
        Some(EvaluationReason::Cached) => "cached",
        Some(EvaluationReason::Disabled) => "disabled",
        Some(EvaluationReason::Error) => "error",
        Some(EvaluationReason::Unknown | EvaluationReason::Other(_)) | None => "unknown",
    }
}

#[async_trait]
impl Hook for Counted {
    async fn before<'a>(
        &self,
        _: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        Ok(None)
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        _: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        Ok(())
    }

    async fn error<'a>(&self, context: &HookContext<'a>, error: &EvaluationError, _: Option<&'a HookHints>) {
        let (flag, code) = (context.flag_key, &error.code);
        let why = error.message.as_deref().unwrap_or_default();
        tracing::debug!(flag, %code, why, "a flag stands at nothing");
    }

    async fn finally<'a>(
        &self,
        context: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) {
        let variant = details.variant.as_deref().unwrap_or_default();
        self.counter(context.flag_key, variant, reason(details.reason.as_ref())).increment(1);
    }
}
