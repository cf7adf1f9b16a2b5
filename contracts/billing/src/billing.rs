//! The operations that others rely on.

use tessera_contract::{Cx, Page, contract, errors};

use crate::{
    account::{AccountState, CancelSubscription, GetAccount, PurchaseCompleted, Subscription, SubscriptionChanged},
    checkout::{Checkout, CreateCheckout, GetCheckout},
    offer::{ListOffers, Offer},
};

errors! {
    /// Why billing refused or failed.
    pub enum BillingError {
        /// No such offer, or it is no longer for sale.
        OfferNotFound = 404 "offer_not_found",
        /// No such checkout of this account.
        CheckoutNotFound = 404 "checkout_not_found",
        /// No such subscription of this account.
        SubscriptionNotFound = 404 "subscription_not_found",
        /// The card was declined; the detail says why and no money moved. Use another card with a new idempotency key.
        CardDeclined = 402 "card_declined",
        /// The payment token is not one that the gateway knows.
        PaymentTokenInvalid = 400 "payment_token_invalid",
        /// A charge for the same thing has an unknown outcome; wait until it is resolved, nothing is charged twice.
        ChargePending = 409 "charge_pending",
        /// The account has this already: a subscription until its last paid period ends, a rental until it runs out.
        AlreadyOwned = 409 "already_owned",
    }
}

/// Sells: offers, checkout, and what an account has.
///
/// An idempotency key charges once, under concurrency and after a crash. An unknown outcome of a charge blocks another
/// charge for the same thing until it is resolved.
#[contract(name = "billing", version = "1.0", events = [SubscriptionChanged, PurchaseCompleted])]
pub trait Billing: Send + Sync + 'static {
    /// List what is for sale.
    #[get("/v1/offers", access = public)]
    async fn list_offers(&self, cx: &Cx, request: ListOffers) -> Result<Page<Offer>, BillingError>;

    /// Buy an offer.
    ///
    /// Answers `succeeded`, or `pending` when the gateway did not say how the charge ended: then ask after the checkout.
    /// A declined card is the error `card_declined`.
    #[post("/v1/checkouts", access = viewer, status = 201, idempotent, timeout_seconds = 45)]
    async fn create_checkout(&self, cx: &Cx, request: CreateCheckout) -> Result<Checkout, BillingError>;

    /// Ask after a checkout.
    #[get("/v1/checkouts/{checkout_id}", access = viewer)]
    async fn get_checkout(&self, cx: &Cx, request: GetCheckout) -> Result<Checkout, BillingError>;

    /// Fetch the caller's subscriptions and purchases.
    #[get("/v1/account", access = viewer)]
    async fn get_account(&self, cx: &Cx, request: GetAccount) -> Result<AccountState, BillingError>;

    /// Stop renewing a subscription. What is paid stays watchable until its period ends. Canceling twice is fine.
    #[post("/v1/subscriptions/{subscription_id}/cancel", access = viewer)]
    async fn cancel_subscription(&self, cx: &Cx, request: CancelSubscription) -> Result<Subscription, BillingError>;
}
