//! An account's state: subscriptions and purchases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{AccountId, Money, OfferId, SubscriptionId, Timestamp, TitleId};

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// The first charge has not succeeded.
    Incomplete,
    /// Paid until the end of its period, and renewed then.
    Active,
    /// Not renewed; watchable until the end of the period that was paid.
    Canceled,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// A recurring agreement to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The offer it was made from.
    pub offer_id: OfferId,
    /// The plan it opens.
    pub plan: String,
    /// What it costs a month.
    pub price: Money,
    /// Streams at once that it allows.
    pub max_streams: u32,
    /// Where it stands.
    pub state: SubscriptionState,
    /// When the current period began, business time.
    pub period_starts_at: Timestamp,
    /// When it ends and, while active, the next one is charged; business time.
    pub period_ends_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// A title bought for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Purchase {
    /// The checkout that made it.
    pub checkout_id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// What was bought.
    pub title_id: TitleId,
    /// What was paid.
    pub price: Money,
    /// Streams at once that it allows.
    pub max_streams: u32,
    /// First instant it may be watched, business time.
    pub starts_at: Timestamp,
    /// First instant it may no longer be watched, business time.
    pub ends_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// The caller's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetAccount {}

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountState {
    /// Whose.
    pub account_id: AccountId,
    /// Subscriptions, newest first, canceled ones included.
    pub subscriptions: Vec<Subscription>,
    /// Purchases, newest first, the latest 100.
    pub purchases: Vec<Purchase>,
}

/// Which subscription not to renew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelSubscription {
    /// Its id.
    pub subscription_id: SubscriptionId,
}

/// A subscription began, was renewed, or was canceled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionChanged {
    /// Its full state.
    pub subscription: Subscription,
}

impl Event for SubscriptionChanged {
    const TYPE: &'static str = "tessera.billing.subscription.changed.v1";
    fn subject(&self) -> String {
        self.subscription.subscription_id.to_string()
    }
    fn version(&self) -> i64 {
        self.subscription.version
    }
}

/// A title was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseCompleted {
    /// Its full state.
    pub purchase: Purchase,
}

impl Event for PurchaseCompleted {
    const TYPE: &'static str = "tessera.billing.purchase.completed.v1";
    fn subject(&self) -> String {
        self.purchase.checkout_id.clone()
    }
    fn version(&self) -> i64 {
        self.purchase.version
    }
}
