//! Running the built-in billing. A replacement need not have this.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract};
use tessera_types::{Localized, Money, OfferId, Timestamp};

use crate::{
    billing::BillingError,
    offer::{Offer, OfferTerms},
};

/// Something new for sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateOffer {
    /// Name by language.
    pub name: Localized,
    /// A sentence by language.
    #[serde(default)]
    pub description: Localized,
    /// What the buyer gets.
    pub terms: OfferTerms,
    /// What it costs, each month or once; positive.
    pub price: Money,
    /// Streams at once that it allows, 1 to 100.
    pub max_streams: u32,
}

/// Which offer to take off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveOffer {
    /// Its id.
    pub offer_id: OfferId,
}

/// Renew what is due now, at the tenant's time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRenewals {}

/// What a run of renewals did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewalRun {
    /// Periods that were charged and begun.
    pub renewed: u32,
    /// Subscriptions whose charge was declined and that were canceled.
    pub declined: u32,
    /// Charges whose outcome is still unknown.
    pub pending: u32,
}

/// Which page of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListLedger {
    /// Transactions a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One leg of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    /// The account in the chart of accounts: `gateway:receivable`, `revenue:subscription`.
    pub account: String,
    /// Positive is debit, negative credit.
    pub amount: Money,
}

/// A double-entry transaction: its entries sum to zero in each currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerTransaction {
    /// Its id, `ltx_…`.
    pub transaction_id: String,
    /// What it belongs to: a checkout or a subscription's period.
    pub reference: String,
    /// What it was, for a person to read.
    pub description: String,
    /// When, business time.
    pub booked_at: Timestamp,
    /// The legs, at least two.
    pub entries: Vec<LedgerEntry>,
}

/// Running the built-in billing: offers, renewals, the ledger.
#[contract(name = "billing-management", version = "1.0", mount = "billing")]
pub trait BillingManagement: Send + Sync + 'static {
    /// Put something up for sale.
    #[post("/v1/management/offers", access = staff("billing:write"), status = 201, idempotent)]
    async fn create_offer(&self, cx: &Cx, request: CreateOffer) -> Result<Offer, BillingError>;

    /// Take an offer off sale. Existing subscriptions go on. Archiving twice is fine.
    #[post("/v1/management/offers/{offer_id}/archive", access = staff("billing:write"))]
    async fn archive_offer(&self, cx: &Cx, request: ArchiveOffer) -> Result<Offer, BillingError>;

    /// Renew now what is due at the tenant's time, instead of waiting for the scheduler.
    #[post("/v1/management/renewals", access = staff("billing:write"), timeout_seconds = 60)]
    async fn run_renewals(&self, cx: &Cx, request: RunRenewals) -> Result<RenewalRun, BillingError>;

    /// Read the ledger, newest first.
    #[get("/v1/management/ledger", access = staff("billing:read"))]
    async fn list_ledger(&self, cx: &Cx, request: ListLedger) -> Result<Page<LedgerTransaction>, BillingError>;
}
