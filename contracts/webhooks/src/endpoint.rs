//! Addresses that events are brought to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{Sensitive, Timestamp, WebhookId};

/// Whether an address is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It is.
    Enabled,
    /// It is not, because staff said so or because it failed for days.
    Disabled,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// An address that events are brought to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Its id.
    pub endpoint_id: WebhookId,
    /// Where events are posted to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// The types of events it gets, such as `tessera.catalog.title.published.v1`; `*` is every type.
    pub event_types: Vec<String>,
    /// Whether it is called.
    pub state: EndpointState,
    /// Since when every call fails, wall time; absent when the last one did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when what is sent is signed with the secret before the current one as well, wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// When it was made, wall time.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// An address was disabled because it failed for too long, or said that it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointDisabled {
    /// The address as it is now.
    pub endpoint: Endpoint,
    /// What the last call came to.
    pub reason: String,
}

impl Event for EndpointDisabled {
    const TYPE: &'static str = "tessera.webhooks.endpoint.disabled.v1";
    fn subject(&self) -> String {
        self.endpoint.endpoint_id.to_string()
    }
    fn version(&self) -> i64 {
        self.endpoint.version
    }
}

/// An address with its secret, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointWithSecret {
    /// The address.
    pub endpoint: Endpoint,
    /// `whsec_` and the key in base64, as Standard Webhooks has it. It cannot be read again.
    pub secret: Sensitive<String>,
}

/// A new address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateEndpoint {
    /// Where to post to: `https`, without a user in it, and not of a private network.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// What it is for, at most 200 characters.
    #[serde(default)]
    pub description: String,
    /// The types of events it gets, 1 to 100; `*` is every type.
    pub event_types: Vec<String>,
}

/// Which page of the addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListEndpoints {
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetEndpoint {
    /// Its id.
    pub endpoint_id: WebhookId,
}

/// What is different from now on; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditEndpoint {
    /// Its id.
    pub endpoint_id: WebhookId,
    /// Where to post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The types of events it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    /// Whether it is called. Enabled again, it is called for what happens from then on; `replay_since` brings the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The version this edit was made on; over HTTP `If-Match` says the same.
    pub expected_version: i64,
}

/// Which address to forget, with its deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteEndpoint {
    /// Its id.
    pub endpoint_id: WebhookId,
}

/// An address that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointDeleted {
    /// Its id.
    pub endpoint_id: WebhookId,
}

/// Which address gets a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotateSecret {
    /// Its id.
    pub endpoint_id: WebhookId,
    /// Seconds for which the old secret signs too, 0 to 604800 (7 days); 86400 (a day) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
}
