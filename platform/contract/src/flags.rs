//! Where flags count: an operation is switched off for whom a flag says so, and a module with several places is asked at the one
//! that a flag names. What flags say, and who says it, is a [`Flags`]; without one nothing is switched.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use tessera_types::{TenantId, Territory};

use crate::{Caller, ContractError, Cx, Failure, FailureKind, OperationInfo, SpanUnderWay};

/// `operation.<contract>.<operation>`, a boolean: whether the operation is served.
pub const OPERATION_FLAG: &str = "operation.";
/// `place.<module>`, a text: the name of the place that is asked.
pub const PLACE_FLAG: &str = "place.";

/// When to come back to what is switched off.
const COME_BACK: Duration = Duration::from_secs(60);

/// Says what flags stand at, in OpenFeature's terms (<https://openfeature.dev/specification>).
#[async_trait]
pub trait Flags: Send + Sync + 'static {
    /// A boolean flag's value; `None` when nothing is said: it is unknown, disabled, of another type, or cannot be had now.
    async fn boolean(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<bool>>;

    /// As [`Self::boolean`], a text's.
    async fn string(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<String>>;
}

/// What a flag stands at, and how it came to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagValue<T> {
    /// Its value.
    pub value: T,
    /// The name of its variant, where it has one.
    pub variant: Option<String>,
    /// OpenFeature's reason, as its conventions for telemetry write it: `targeting_match`.
    pub reason: &'static str,
}

/// A flag that decided something, as a span tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanFlag {
    /// Its key.
    pub key: Arc<str>,
    /// See [`FlagValue::variant`].
    pub variant: Option<String>,
    /// See [`FlagValue::reason`].
    pub reason: &'static str,
}

/// Whom a flag is asked for: what the evaluation context is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagSubject<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The viewer's account, or the one that a module asks about.
    pub account: Option<&'a str>,
    /// Where the viewer is, as the edge knows it.
    pub country: Option<&'a Territory>,
}

impl<'a> FlagSubject<'a> {
    /// Whom a call is for; `request` is what it asks.
    pub fn of(cx: &'a Cx, request: &'a Value) -> Self {
        Self { tenant: &cx.tenant, account: account(cx, request), country: cx.territory.as_ref() }
    }

    /// The targeting key: the account, else the tenant.
    pub fn targeting_key(&self) -> &'a str {
        self.account.unwrap_or(self.tenant.as_str())
    }
}

/// Whose call it is: the viewer's own, or the account that a module asks about.
pub(crate) fn account<'c>(cx: &'c Cx, request: &'c Value) -> Option<&'c str> {
    match &cx.caller {
        Caller::Viewer { account, .. } => Some(account.as_str()),
        _ => named(request),
    }
}

/// The `account_id` of a request, or of a part of it.
fn named(request: &Value) -> Option<&str> {
    let fields = request.as_object()?;
    let own = fields.get("account_id").and_then(Value::as_str);
    own.or_else(|| fields.values().find_map(|part| part.get("account_id")?.as_str()))
}

/// The flags that something may be said of; the others are not asked.
#[derive(Debug, Default)]
pub struct FlagKeys {
    /// By contract and operation.
    operations: HashMap<Box<str>, HashMap<Box<str>, Arc<str>>>,
    /// By module.
    places: HashMap<Box<str>, Arc<str>>,
    every: bool,
}

impl FlagKeys {
    /// Those among `keys` that count here.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        let mut these = Self::default();
        for key in keys {
            if let Some((contract, operation)) = key.strip_prefix(OPERATION_FLAG).and_then(|rest| rest.split_once('.'))
            {
                these.operations.entry(contract.into()).or_default().insert(operation.into(), key.into());
            } else if let Some(module) = key.strip_prefix(PLACE_FLAG) {
                these.places.insert(module.into(), key.into());
            }
        }
        these
    }

    /// All that there can be, for who cannot say which flags there are: then each call asks.
    pub fn every() -> Self {
        Self { every: true, ..Self::default() }
    }

    fn of_operation(&self, info: &OperationInfo) -> Option<Arc<str>> {
        let known = || self.operations.get(info.contract)?.get(info.name).cloned();
        match self.every {
            true => Some(format!("{OPERATION_FLAG}{}.{}", info.contract, info.name).into()),
            false => known(),
        }
    }

    fn of_place(&self, module: &str) -> Option<Arc<str>> {
        match self.every {
            true => Some(format!("{PLACE_FLAG}{module}").into()),
            false => self.places.get(module).cloned(),
        }
    }
}

static FLAGS: OnceLock<Arc<dyn Flags>> = OnceLock::new();
static KEYS: RwLock<Option<Arc<FlagKeys>>> = RwLock::new(None);
/// Whether there are flags of operations, and of places: all that a call looks at while there are none.
static OPERATIONS: AtomicBool = AtomicBool::new(false);
static PLACES: AtomicBool = AtomicBool::new(false);

/// From now on `flags` says what this process's flags stand at; the first one stays.
pub fn ask_flags(flags: Arc<dyn Flags>) {
    let _the_first_stays = FLAGS.set(flags);
}

/// From now on these flags are asked, and no others.
pub fn flags_are(keys: FlagKeys) {
    let (operations, places) = (!keys.operations.is_empty(), !keys.places.is_empty());
    let every = keys.every;
    *KEYS.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    OPERATIONS.store(operations || every, Ordering::Release);
    PLACES.store(places || every, Ordering::Release);
}

fn key(of: impl FnOnce(&FlagKeys) -> Option<Arc<str>>) -> Option<Arc<str>> {
    of(KEYS.read().unwrap_or_else(PoisonError::into_inner).as_ref()?)
}

/// The flag of an operation, and what its request says of whom it is for.
pub(crate) struct Switch {
    key: Arc<str>,
    asked: Value,
}

/// The flag that says whether an operation is served; none while nothing is said of it.
///
/// # Errors
/// The request cannot be written as JSON.
pub(crate) fn switch<Req: Serialize>(info: &OperationInfo, request: &Req) -> Result<Option<Switch>, Failure> {
    if !OPERATIONS.load(Ordering::Acquire) {
        return Ok(None);
    }
    let Some(key) = key(|keys| keys.of_operation(info)) else { return Ok(None) };
    let asked = serde_json::to_value(request).map_err(|e| Failure::internal("writing a request as JSON", e))?;
    Ok(Some(Switch { key, asked }))
}

/// Whether an operation is served to this caller now. The flag that says so is noted on the call's span.
///
/// # Errors
/// [`FailureKind::SwitchedOff`], which names the flag.
pub(crate) async fn admit(
    Switch { key, asked }: Switch,
    info: &OperationInfo,
    cx: &Cx,
    span: &mut SpanUnderWay,
) -> Result<(), Failure> {
    let Some(flags) = FLAGS.get() else { return Ok(()) };
    let Some(FlagValue { value, variant, reason }) = flags.boolean(&key, FlagSubject::of(cx, &asked)).await else {
        return Ok(());
    };
    span.note(|span| span.flag = Some(Box::new(SpanFlag { key: key.clone(), variant, reason })));
    if value { Ok(()) } else { Err(switched_off(info, &key)) }
}

fn switched_off(info: &OperationInfo, key: &str) -> Failure {
    let detail = format!("{}.{} is switched off for now, by the flag {key}", info.contract, info.name);
    Failure::new(FailureKind::SwitchedOff, detail).retry_after(COME_BACK)
}

/// Whether an error is what a flag did, which is nobody's fault.
pub(crate) fn is_switched_off<Err: ContractError>(error: &Err) -> bool {
    error.failure().is_some_and(|failure| failure.kind == FailureKind::SwitchedOff)
}

/// Whether a flag may name a module's place.
pub(crate) fn may_name_place(module: &str) -> bool {
    PLACES.load(Ordering::Acquire) && key(|keys| keys.of_place(module)).is_some()
}

/// The name of the place at which a flag has a module asked.
pub(crate) async fn place(module: &str, cx: &Cx, request: &Value) -> Option<String> {
    if !PLACES.load(Ordering::Acquire) {
        return None;
    }
    let (flags, key) = (FLAGS.get()?, key(|keys| keys.of_place(module))?);
    flags.string(&key, FlagSubject::of(cx, request)).await.map(|found| found.value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tessera_types::{Clock, SystemClock};

    use super::*;

    #[test]
    fn a_call_is_about_the_viewer_or_the_account_that_it_names() {
        let service = Cx::service("red".parse().unwrap(), "playback", &SystemClock);
        let viewer = Caller::Viewer { account: "acc_1".parse().unwrap(), profile: None };
        let viewer = Cx::new(service.tenant.clone(), viewer, SystemClock.now());
        assert_eq!(account(&viewer, &json!({"account_id": "acc_2"})), Some("acc_1"));
        assert_eq!(account(&service, &json!({"account_id": "acc_2"})), Some("acc_2"));
        assert_eq!(account(&service, &json!({"facts": {}, "viewing": {"account_id": "acc_3"}})), Some("acc_3"));
        assert_eq!(account(&service, &json!({"cursor": null})), None);
        assert_eq!(
            FlagSubject::of(&service, &json!({})).targeting_key(),
            "red",
            "the tenant, where there is no account"
        );
    }

    #[test]
    fn only_flags_that_count_somewhere_are_asked() {
        let keys =
            FlagKeys::of(["operation.playback.start_session", "place.entitlement", "app.notice", "operation.odd"]);
        assert_eq!(keys.of_place("entitlement").as_deref(), Some("place.entitlement"));
        assert_eq!(keys.of_place("playback"), None);
        assert_eq!(keys.operations.len(), 1, "{keys:?}");
        assert_eq!(FlagKeys::every().of_place("playback").as_deref(), Some("place.playback"));
    }
}
