//! What a contract tells the rest: events, as CloudEvents 1.0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tessera_types::{TenantId, Timestamp};

/// An event of a contract. It carries its subject's full state, so that a consumer that sees only the last one is right.
pub trait Event: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// CloudEvents `type`: `tessera.{module}.{noun}.{verb}.v1`.
    const TYPE: &'static str;
    /// CloudEvents `subject`: the id of what it is about. Events of one subject are delivered in order.
    fn subject(&self) -> String;
    /// The subject's version, counting up; a consumer ignores a version not above the one it has.
    fn version(&self) -> i64;
}

/// A CloudEvents 1.0 envelope in structured JSON mode (CloudEvents §3, JSON event format).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique with `source`: one id over all deliveries of the event.
    pub id: String,
    /// `/tessera/{module}`.
    pub source: String,
    /// The event's type, see [`Event::TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it was committed.
    pub time: Timestamp,
    /// Extension: whose it is.
    pub tenant: TenantId,
    /// Extension: the subject's version.
    pub subjectversion: i64,
    /// Extension (Distributed Tracing): the trace it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The event itself.
    pub data: serde_json::Value,
}

/// An event's type and its schema, for the frozen document.
pub struct EventInfo {
    /// See [`Event::TYPE`].
    pub kind: &'static str,
    /// Writes the schema of `data`.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl EventInfo {
    /// The description of `E`.
    pub const fn of<E: Event>() -> Self {
        Self { kind: E::TYPE, schema: |generator| generator.subschema_for::<E>() }
    }
}
