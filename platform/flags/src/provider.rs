//! OpenFeature's provider over a file of flags: what stands in OpenFeature until an operator puts another one there.

use std::sync::Arc;

use open_feature::{
    EvaluationContext, EvaluationContextFieldValue, EvaluationError, EvaluationErrorCode, EvaluationResult,
    StructValue, Value, async_trait,
    provider::{FeatureProvider, ProviderMetadata, ResolutionDetails},
};
use serde_json::{Map, Value as Json};
use tessera_types::Clock;

use crate::{Unresolved, context, file::FlagFile};

/// Resolves flags of a [`FlagFile`].
pub struct FileProvider {
    file: FlagFile,
    clock: Arc<dyn Clock>,
    metadata: ProviderMetadata,
}

impl FileProvider {
    /// Of `file`; `clock` tells rules the time.
    pub fn new(file: FlagFile, clock: Arc<dyn Clock>) -> Self {
        Self { file, clock, metadata: ProviderMetadata::new("tessera file provider") }
    }

    fn resolve<T>(
        &self,
        key: &str,
        asked: &EvaluationContext,
        take: impl FnOnce(&Value) -> Option<T>,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        let fields = asked.custom_fields.iter().filter_map(|(name, value)| Some((name.clone(), json_field(value)?)));
        let now = self.clock.now().as_seconds();
        let context = context(key, asked.targeting_key.as_deref(), fields.collect::<Map<_, _>>(), now);
        let flags = self.file.now();
        let resolved = flags.resolve(key, &context).map_err(|why| failed(code(&why), why.to_string()))?;
        let mismatch = || failed(EvaluationErrorCode::TypeMismatch, format!("the flag {key:?} is of another type"));
        Ok(ResolutionDetails {
            value: take(resolved.value).ok_or_else(mismatch)?,
            variant: Some(resolved.variant.to_owned()),
            reason: Some(resolved.reason),
            flag_metadata: None,
        })
    }
}

fn code(why: &Unresolved) -> EvaluationErrorCode {
    match why {
        Unresolved::NotFound(_) | Unresolved::Disabled(_) | Unresolved::NoDefault(_) => {
            EvaluationErrorCode::FlagNotFound
        }
        Unresolved::Rule { .. } => EvaluationErrorCode::ParseError,
    }
}

fn failed(code: EvaluationErrorCode, message: String) -> EvaluationError {
    EvaluationError { code, message: Some(message) }
}

/// A context's field as rules see it; what is no plain value is left out.
fn json_field(value: &EvaluationContextFieldValue) -> Option<Json> {
    match value {
        EvaluationContextFieldValue::Bool(value) => Some((*value).into()),
        EvaluationContextFieldValue::Int(value) => Some((*value).into()),
        EvaluationContextFieldValue::Float(value) => Some((*value).into()),
        EvaluationContextFieldValue::String(value) => Some(value.clone().into()),
        EvaluationContextFieldValue::DateTime(value) => Some(value.unix_timestamp().into()),
        EvaluationContextFieldValue::Struct(_) => None,
    }
}

#[async_trait]
impl FeatureProvider for FileProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(key, context, Value::as_bool)
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(key, context, Value::as_i64)
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(key, context, |value| value.as_f64().or_else(|| value.as_i64().map(|whole| whole as f64)))
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(key, context, |value| value.as_str().map(str::to_owned))
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(key, context, |value| value.as_struct().cloned())
    }
}
