//! The contract, on the store: load, check, commit with events.

use std::sync::Arc;

use tessera_contract::{Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_billing::{
    AccountState, ArchiveOffer, Billing, BillingError, BillingManagement, CancelSubscription, Checkout, CreateCheckout,
    CreateOffer, GetAccount, GetCheckout, LedgerTransaction, ListLedger, ListOffers, Offer, RenewalRun, RunRenewals,
    Subscription, SubscriptionState,
};
use tessera_store::{Store, Tx};
use tessera_types::{AccountId, OfferId, SubscriptionId, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    core::Core,
    id, offer, renewal,
    store::{self, ledger},
};

/// Plans that a list of offers can be filtered by at once.
const PLANS_MAX: usize = 20;

/// The built-in billing.
pub struct BillingService {
    core: Arc<Core>,
}

impl BillingService {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core) }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// Does what is done behind the scenes until `shutdown`: puts grants into entitlement as things are sold, and finds
    /// out how charges ended whose outcome is not known. Without it, a charge that timed out stays pending. Ends when
    /// the charges under way have ended, or have had their time.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        tokio::join!(self.core.clone().put_grants(shutdown.clone()), self.core.clone().settle_pending(shutdown));
        self.core.charging.close();
        let ended = tokio::time::timeout(self.core.config.charge_timeout(), self.core.charging.wait()).await;
        if ended.is_err() {
            tracing::warn!("charges are still under way; after the next start their jobs will find out how they ended");
        }
    }

    /// Renews what is due at `cx`'s tenant and business time, until nothing is due or `cx`'s time is up. For the
    /// scheduler: every half a minute or so for each tenant, and at once when a test tenant's time was moved. Give `cx`
    /// a minute.
    pub async fn tick(&self, cx: &Cx) -> Result<RenewalRun, Failure> {
        self.core.renew_due(cx).await
    }

    /// One step of what [`BillingService::run`] does with charges of unknown outcome: works on the settling jobs that are
    /// due longest, at most one for checkouts and one for renewals; whether there was any. For simulations.
    pub async fn settle_next(&self) -> Result<bool, Failure> {
        self.core.settle_next().await
    }

    /// One step of what [`BillingService::run`] does with things sold: puts the grants of all events that there are now;
    /// whether all of them went. For simulations.
    pub async fn put_grants_now(&self) -> Result<bool, Failure> {
        self.core.clone().put_grants_now().await
    }
}

/// The account that calls.
fn account(cx: &Cx) -> Result<AccountId, Failure> {
    let nobody = || Failure::new(FailureKind::Unauthenticated, "this is for a signed-in viewer: sign in");
    cx.account().cloned().ok_or_else(nobody)
}

/// Whether `text` can be a gateway's token: nothing that a store or a header would choke on.
fn is_token(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn minted(offer_id: &OfferId) -> Result<(), Failure> {
    offer_id.expect_minted().map_err(|e| Failure::invalid("offer_id", e.to_string()))
}

#[async_trait]
impl Billing for BillingService {
    async fn list_offers(&self, cx: &Cx, request: ListOffers) -> Result<Page<Offer>, BillingError> {
        let limit = page_limit(request.limit)?;
        let after = decode_cursor::<OfferId>(request.cursor.as_deref())?;
        if request.plan.len() > PLANS_MAX {
            return Err(Failure::invalid("plan", format!("filter by at most {PLANS_MAX} plans")).into());
        }
        let filter = store::OfferFilter { after, title: request.title_id, plans: request.plan, limit: limit + 1 };
        let rows = store::offers(&self.core.store.tenant(cx), filter).await?;
        Ok(Page::from_rows(rows, limit, |offer| offer.offer_id.clone()))
    }

    async fn create_checkout(&self, cx: &Cx, request: CreateCheckout) -> Result<Checkout, BillingError> {
        let account = account(cx)?;
        minted(&request.offer_id)?;
        if !is_token(&request.payment_token) {
            let detail = "a payment token is what the gateway's token endpoint answered, 1 to 200 visible characters";
            return Err(BillingError::PaymentTokenInvalid(detail.into()));
        }
        // In a task of its own: a caller that goes away must not part a charge from its outcome.
        let bought = self.core.charging.spawn(self.core.clone().buy(cx.clone(), account, request)).await;
        bought.map_err(|e| Failure::internal("buying an offer", e))?
    }

    async fn get_checkout(&self, cx: &Cx, request: GetCheckout) -> Result<Checkout, BillingError> {
        let account = account(cx)?;
        id::expect_checkout(&request.checkout_id)?;
        let found = store::checkout(&self.core.store.tenant(cx), &request.checkout_id).await?;
        let own = found.filter(|checkout| checkout.account_id == account);
        let not_found = || BillingError::CheckoutNotFound(format!("you have no checkout {}", request.checkout_id));
        Ok(own.ok_or_else(not_found)?.checkout)
    }

    async fn get_account(&self, cx: &Cx, _: GetAccount) -> Result<AccountState, BillingError> {
        let (account_id, reader) = (account(cx)?, self.core.store.tenant(cx));
        let subscriptions = store::subscriptions(&reader, &account_id).await?;
        let purchases = store::purchases(&reader, &account_id).await?;
        Ok(AccountState { account_id, subscriptions, purchases })
    }

    async fn cancel_subscription(&self, cx: &Cx, request: CancelSubscription) -> Result<Subscription, BillingError> {
        let account = account(cx)?;
        let id = request.subscription_id;
        id.expect_minted().map_err(|e| Failure::invalid("subscription_id", e.to_string()))?;
        self.core.store.write(cx, (id, account), |tx, (id, account)| Box::pin(cancel(tx, id, account))).await
    }
}

async fn cancel(tx: &mut Tx, id: &SubscriptionId, account: &AccountId) -> Result<Subscription, BillingError> {
    let found = store::agreement_in(tx, id).await?.filter(|agreement| agreement.subscription.account_id == *account);
    let not_found = || BillingError::SubscriptionNotFound(format!("you have no subscription {id}"));
    let agreement = found.ok_or_else(not_found)?;
    match agreement.subscription.state {
        SubscriptionState::Canceled => Ok(agreement.subscription),
        SubscriptionState::Incomplete | SubscriptionState::Unknown => Err(BillingError::ChargePending(
            "it is not known yet whether the first charge succeeded: cancel in a minute, if it did".into(),
        )),
        SubscriptionState::Active => {
            let canceled = agreement.canceled();
            renewal::change(tx, &canceled).await?;
            Ok(canceled.subscription)
        }
    }
}

#[async_trait]
impl BillingManagement for BillingService {
    async fn create_offer(&self, cx: &Cx, request: CreateOffer) -> Result<Offer, BillingError> {
        offer::check(&request)?;
        let CreateOffer { name, description, terms, price, max_streams } = request;
        let offer_id = OfferId::mint(self.core.store.now());
        let offer = Offer { offer_id, name, description, terms, price, max_streams, archived: false, version: 1 };
        let write = self.core.store.write_once(cx, offer, |tx, offer| {
            Box::pin(async move {
                store::insert_offer(tx, offer).await?;
                Ok::<_, BillingError>(offer.clone())
            })
        });
        write.await
    }

    async fn archive_offer(&self, cx: &Cx, request: ArchiveOffer) -> Result<Offer, BillingError> {
        minted(&request.offer_id)?;
        let write = self.core.store.write(cx, request.offer_id, |tx, offer_id| {
            Box::pin(async move {
                store::archive_offer(tx, offer_id).await?;
                let not_found = || BillingError::OfferNotFound(format!("there is no offer {offer_id} here"));
                store::offer_in(tx, offer_id).await?.ok_or_else(not_found)
            })
        });
        write.await
    }

    async fn run_renewals(&self, cx: &Cx, _: RunRenewals) -> Result<RenewalRun, BillingError> {
        Ok(self.core.renew_due(cx).await?)
    }

    async fn list_ledger(&self, cx: &Cx, request: ListLedger) -> Result<Page<LedgerTransaction>, BillingError> {
        let limit = page_limit(request.limit)?;
        let before = decode_cursor::<(Timestamp, String)>(request.cursor.as_deref())?;
        if let Some((_, transaction_id)) = &before {
            id::expect_transaction(transaction_id)?;
        }
        let rows = ledger::page(&self.core.store.tenant(cx), before, limit + 1).await?;
        Ok(Page::from_rows(rows, limit, |transaction| (transaction.booked_at, transaction.transaction_id.clone())))
    }
}
