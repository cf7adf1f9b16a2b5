//! The billing contract: what is for sale and who paid.
//!
//! Others rely on three things: the offers, checkout, and an account's state. Billing puts grants into entitlement and
//! is asked nothing when somebody presses play. Prices come from the offer as stored, never from a request.

mod account;
mod billing;
mod checkout;
pub mod conformance;
mod management;
mod offer;

pub use account::{
    AccountState, CancelSubscription, GetAccount, Purchase, PurchaseCompleted, Subscription, SubscriptionChanged,
    SubscriptionState,
};
pub use billing::{Billing, BillingError, billing_operations};
pub use checkout::{Checkout, CheckoutState, CreateCheckout, GetCheckout};
pub use management::{
    ArchiveOffer, BillingManagement, CreateOffer, LedgerEntry, LedgerTransaction, ListLedger, RenewalRun, RunRenewals,
    billing_management_operations,
};
pub use offer::{ListOffers, Offer, OfferTerms};
