//! Events on their way to an address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{DeliveryId, Timestamp, WebhookId};

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not taken yet; it is tried, again and again.
    Pending,
    /// The address has taken it.
    Delivered,
    /// It was given up. It can be replayed.
    Failed,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// One event on its way to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Where to.
    pub endpoint_id: WebhookId,
    /// The header `webhook-id`: the event's id, the same at every attempt and replay.
    pub message_id: String,
    /// The event's type.
    pub event_type: String,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts made.
    pub attempts: i64,
    /// What the last attempt came to, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the event came here, wall time.
    pub created_at: Timestamp,
    /// When it was taken or given up, wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// One call of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// From 1.
    pub number: i64,
    /// When, wall time.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The answer's HTTP status; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryWithAttempts {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What is posted: the event's envelope, CloudEvents 1.0 in JSON.
    pub body: String,
    /// The last hundred, oldest first.
    pub calls: Vec<Attempt>,
}

/// Which deliveries of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListDeliveries {
    /// The address.
    pub endpoint_id: WebhookId,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetDelivery {
    /// Its id.
    pub delivery_id: DeliveryId,
}

/// Which address is tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PingEndpoint {
    /// Its id.
    pub endpoint_id: WebhookId,
}

/// Which delivery is made once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayDelivery {
    /// Its id.
    pub delivery_id: DeliveryId,
}

/// Since when what was given up is tried anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplaySince {
    /// The address.
    pub endpoint_id: WebhookId,
    /// Deliveries that were given up and whose event came here at this time or later, wall time.
    pub since: Timestamp,
}

/// What is tried anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// How many deliveries.
    pub deliveries: i64,
    /// Whether there are more: ask again.
    pub more: bool,
}
