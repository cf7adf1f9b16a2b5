//! How Tessera asks for a flag: through OpenFeature, with the tenant and account of the call, counted.

use async_trait::async_trait;
use open_feature::{
    Client, EvaluationContext, EvaluationDetails, OpenFeature, StructValue, Value, provider::FeatureProvider,
};
use tessera_contract::{FlagSubject, FlagValue, Flags};

use crate::{
    json_of,
    telemetry::{self, Counted},
};

/// The name of Tessera's client of OpenFeature, to which a provider can be bound.
pub const CLIENT: &str = "tessera";

/// Asks OpenFeature's provider.
pub struct OpenFeatureFlags(Client);

impl OpenFeatureFlags {
    /// Binds `provider` to [`CLIENT`], and asks it from now on.
    pub async fn of(provider: impl FeatureProvider) -> Self {
        telemetry::begin();
        let mut api = OpenFeature::singleton_mut().await;
        api.set_named_provider(CLIENT, provider).await;
        Self(api.create_named_client(CLIENT).with_hook(Counted::default()))
    }

    /// A number's value; `None` as for [`Flags::boolean`].
    pub async fn number(&self, key: &str, subject: FlagSubject<'_>) -> Option<f64> {
        self.0.get_float_value(key, Some(&context(subject)), None).await.ok()
    }

    /// As [`Self::number`], an object's.
    pub async fn object(&self, key: &str, subject: FlagSubject<'_>) -> Option<serde_json::Value> {
        let found = self.0.get_struct_details::<StructValue>(key, Some(&context(subject)), None).await.ok()?;
        Some(json_of(&Value::Struct(found.value)))
    }
}

/// The evaluation context: `targetingKey`, `tenant`, and where they are known `account` and `country`.
fn context(subject: FlagSubject<'_>) -> EvaluationContext {
    let mut context = EvaluationContext::default().with_targeting_key(subject.targeting_key());
    context.add_custom_field("tenant", subject.tenant.as_str());
    if let Some(account) = subject.account {
        context.add_custom_field("account", account);
    }
    if let Some(country) = subject.country {
        context.add_custom_field("country", country.as_str());
    }
    context
}

fn value<T>(details: EvaluationDetails<T>) -> FlagValue<T> {
    let EvaluationDetails { value, variant, reason, .. } = details;
    FlagValue { value, variant, reason: telemetry::reason(reason.as_ref()) }
}

#[async_trait]
impl Flags for OpenFeatureFlags {
    async fn boolean(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<bool>> {
        self.0.get_bool_details(key, Some(&context(subject)), None).await.ok().map(value)
    }

    async fn string(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<String>> {
        self.0.get_string_details(key, Some(&context(subject)), None).await.ok().map(value)
    }
}
