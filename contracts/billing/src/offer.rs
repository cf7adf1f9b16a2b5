//! Offers: what is for sale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{Localized, Money, OfferId, TitleId};

/// What the buyer gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OfferTerms {
    /// A plan, paid each month in advance until canceled.
    Subscription {
        /// The plan that titles name.
        plan: String,
    },
    /// One title for a number of hours from the purchase.
    Rental {
        /// The title; an offer without one is for any title that the buyer names at checkout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title_id: Option<TitleId>,
        /// How long, in hours: 48.
        hours: u32,
    },
    /// Terms of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// Something for sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Its id.
    pub offer_id: OfferId,
    /// Name by language.
    pub name: Localized,
    /// A sentence by language.
    #[serde(default)]
    pub description: Localized,
    /// What the buyer gets.
    pub terms: OfferTerms,
    /// What it costs, each month or once; tax included.
    pub price: Money,
    /// Streams at once that it allows.
    pub max_streams: u32,
    /// No longer for sale; existing subscriptions go on.
    pub archived: bool,
    /// Counts up with every change.
    pub version: i64,
}

/// Which offers. With both filters, offers that pass either: all that opens a title with these plans.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListOffers {
    /// Only those that open this title: rentals of it, or rentals of any title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_id: Option<TitleId>,
    /// Only subscriptions to one of these plans; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
