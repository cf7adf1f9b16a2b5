//! Checkout: one purchase, charged once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{Money, OfferId, Sensitive, SubscriptionId, Timestamp, TitleId};

/// Buy an offer with a payment token. There is no price in it: the offer has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateCheckout {
    /// What is bought.
    pub offer_id: OfferId,
    /// Which title, where the offer is for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_id: Option<TitleId>,
    /// From the gateway's token endpoint.
    pub payment_token: Sensitive<String>,
}

/// Which checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetCheckout {
    /// Its id.
    pub checkout_id: String,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutState {
    /// The gateway has not said how the charge ended; nothing else is charged for this until it does.
    Pending,
    /// Paid; the grant is on its way to entitlement.
    Succeeded,
    /// Refused by the card's bank; no money moved.
    Declined,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// A purchase on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
    /// Its id, `chk_…`.
    pub checkout_id: String,
    /// What is bought.
    pub offer_id: OfferId,
    /// Which title, for a rental.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_id: Option<TitleId>,
    /// What is charged.
    pub amount: Money,
    /// How far it is.
    pub state: CheckoutState,
    /// Why it was declined, for the buyer to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_message: Option<String>,
    /// The subscription it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
    /// When, business time.
    pub created_at: Timestamp,
}
