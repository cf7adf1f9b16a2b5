//! A billing to buy from: on a real store, with the sandbox gateway, and an entitlement that notes what it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::json;
use tessera_billing::{BillingConfig, BillingService, Deps};
use tessera_contract::{Api, Contract, Cx, Failure, FailureKind, async_trait};
use tessera_contract_billing::{
    AccountState, ArchiveOffer, Billing, BillingError, BillingManagement, Checkout, CreateCheckout, CreateOffer,
    GetAccount, GetCheckout, LedgerTransaction, ListLedger, Offer, OfferTerms,
};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionRequest, Entitlement, EntitlementError, Grant, GrantPage, Lease, ListGrants,
    PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};
use tessera_contract_payment_gateway::{CardVault, CreateToken, PaymentGateway};
use tessera_sandbox_gateway::{SandboxGateway, SandboxGatewayConfig};
use tessera_testing::{Calls, Engine, ManualClock, clock, cx};
use tessera_types::Money;
use tokio_util::sync::CancellationToken;

pub(crate) const PAYS: &str = "4242 4242 4242 4242";
pub(crate) const DECLINED: &str = "4000 0000 0000 0002";
pub(crate) const NO_FUNDS: &str = "4000 0000 0000 9995";
pub(crate) const EXPIRED: &str = "4000 0000 0000 0069";
pub(crate) const ANSWER_LOST: &str = "4000 0000 0000 0259";
pub(crate) const REQUEST_LOST: &str = "4000 0000 0000 0341";
pub(crate) const SLOW: &str = "4000 0000 0000 0077";

/// An entitlement as billing sees it: it keeps grants, by the contract's rule for versions.
#[derive(Default)]
pub(crate) struct Grants {
    kept: Mutex<BTreeMap<(String, String), PutGrant>>,
    pub(crate) puts: AtomicU64,
    pub(crate) away: AtomicBool,
}

impl Grants {
    pub(crate) fn of(&self, tenant: &str, reference: &str) -> Option<PutGrant> {
        self.kept.lock().unwrap().get(&(tenant.to_owned(), reference.to_owned())).cloned()
    }
}

fn elsewhere() -> EntitlementError {
    Failure::new(FailureKind::Internal, "billing puts grants and asks for nothing else").into()
}

#[async_trait]
impl Entitlement for Grants {
    async fn put_grant(&self, cx: &Cx, request: PutGrant) -> Result<Grant, EntitlementError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Failure::new(FailureKind::Unavailable, "entitlement is away").into());
        }
        self.puts.fetch_add(1, Ordering::SeqCst);
        let mut kept = self.kept.lock().unwrap();
        let key = (cx.tenant.to_string(), request.reference.clone());
        if kept.get(&key).is_none_or(|before| before.version < request.version) {
            kept.insert(key.clone(), request);
        }
        let PutGrant { source, reference, account_id, scope, starts_at, ends_at, max_streams, version } =
            kept[&key].clone();
        let grant_id = "grt_1".parse().unwrap();
        Ok(Grant {
            grant_id,
            source,
            reference,
            account_id,
            scope,
            starts_at,
            ends_at,
            max_streams,
            revoked: false,
            version,
        })
    }
    async fn revoke_grant(&self, _: &Cx, _: RevokeGrant) -> Result<Grant, EntitlementError> {
        Err(elsewhere())
    }
    async fn list_grants(&self, _: &Cx, _: ListGrants) -> Result<GrantPage, EntitlementError> {
        Err(elsewhere())
    }
    async fn decide(&self, _: &Cx, _: DecisionRequest) -> Result<Decision, EntitlementError> {
        Err(elsewhere())
    }
    async fn acquire_lease(&self, _: &Cx, _: AcquireLease) -> Result<Lease, EntitlementError> {
        Err(elsewhere())
    }
    async fn renew_lease(&self, _: &Cx, _: RenewLease) -> Result<Lease, EntitlementError> {
        Err(elsewhere())
    }
    async fn release_lease(&self, _: &Cx, _: ReleaseLease) -> Result<Released, EntitlementError> {
        Err(elsewhere())
    }
}

/// Billing with all that stands around it.
pub(crate) struct Shop {
    pub(crate) billing: Arc<BillingService>,
    pub(crate) gateway: Arc<SandboxGateway>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) clock: Arc<ManualClock>,
    stop: CancellationToken,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shop {
    /// Everything opened on `engine`; nothing runs behind the scenes yet.
    pub(crate) async fn open(engine: &Engine) -> Self {
        Self::open_with(engine, clock(), Arc::default()).await
    }

    /// The same data, as another process would find it.
    pub(crate) async fn open_with(engine: &Engine, clock: Arc<ManualClock>, grants: Arc<Grants>) -> Self {
        let config = SandboxGatewayConfig { answer_timeout_seconds: 0, ..SandboxGatewayConfig::default() };
        let gateway = tessera_sandbox_gateway::open(config, &engine.config, clock.clone()).await.unwrap();
        let port = <dyn PaymentGateway>::guarded(gateway.clone() as Arc<dyn PaymentGateway>);
        let billing = billing(engine, port, clock.clone(), grants.clone()).await;
        Self { billing, gateway, grants, clock, stop: CancellationToken::new() }
    }

    /// Starts what runs behind the scenes, until the shop is dropped.
    pub(crate) fn run(&self) {
        tokio::spawn(self.billing.clone().run(self.stop.clone()));
    }

    /// The process ends: nothing is finished, and the files are let go.
    pub(crate) async fn die(&self) {
        self.stop.cancel();
        self.billing.store().close().await;
        self.gateway.store().close().await;
    }

    pub(crate) fn contract(&self) -> Arc<dyn Billing> {
        <dyn Billing>::guarded(self.billing.clone() as Arc<dyn Billing>)
    }

    pub(crate) fn apis(&self) -> Vec<Api> {
        let billing = self.billing.clone();
        vec![<dyn Billing>::api(billing.clone()), <dyn BillingManagement>::api(billing)]
    }

    pub(crate) async fn offer(&self, tenant: &str, terms: OfferTerms) -> Offer {
        let name = serde_json::from_value(json!({"en": "An offer"})).unwrap();
        let price = Money::new(799, "EUR".parse().unwrap());
        let request = CreateOffer { name, description: Default::default(), terms, price, max_streams: 2 };
        self.billing.create_offer(&staff(tenant), request).await.unwrap()
    }

    pub(crate) async fn plan(&self, tenant: &str, plan: &str) -> Offer {
        self.offer(tenant, OfferTerms::Subscription { plan: plan.into() }).await
    }

    pub(crate) async fn rental(&self, tenant: &str, title: &str) -> Offer {
        self.offer(tenant, OfferTerms::Rental { title_id: title.parse().ok(), hours: 48 }).await
    }

    pub(crate) async fn archive(&self, tenant: &str, offer: &Offer) -> Offer {
        let request = ArchiveOffer { offer_id: offer.offer_id.clone() };
        self.billing.archive_offer(&staff(tenant), request).await.unwrap()
    }

    pub(crate) async fn token(&self, tenant: &str, number: &str) -> String {
        self.token_until(tenant, number, 2030, 12).await
    }

    pub(crate) async fn token_until(&self, tenant: &str, number: &str, year: u16, month: u8) -> String {
        let security_code = "123".into();
        let card = CreateToken { card_number: number.into(), expiry_month: month, expiry_year: year, security_code };
        self.gateway.create_token(&cx(tenant), card).await.unwrap().payment_token.into_exposed()
    }

    /// Buys as a viewer does, through the contract's guard.
    pub(crate) async fn buy(&self, viewer: &Calls, offer: &Offer, token: &str) -> Result<Checkout, BillingError> {
        self.contract().create_checkout(viewer, order(offer, token)).await
    }

    pub(crate) async fn account(&self, viewer: &Calls) -> AccountState {
        self.billing.get_account(viewer, GetAccount {}).await.unwrap()
    }

    pub(crate) async fn checkout(&self, viewer: &Calls, checkout_id: &str) -> Checkout {
        let request = GetCheckout { checkout_id: checkout_id.into() };
        self.billing.get_checkout(viewer, request).await.unwrap()
    }

    pub(crate) async fn ledger(&self, tenant: &str) -> Vec<LedgerTransaction> {
        let request = ListLedger { limit: Some(100), cursor: None };
        self.billing.list_ledger(&staff(tenant), request).await.unwrap().data
    }
}

pub(crate) async fn billing(
    engine: &Engine,
    gateway: Arc<dyn PaymentGateway>,
    clock: Arc<ManualClock>,
    entitlement: Arc<Grants>,
) -> Arc<BillingService> {
    let deps = Deps { gateway, entitlement, clock };
    tessera_billing::open(BillingConfig::default(), &engine.config, deps).await.unwrap()
}

pub(crate) fn order(offer: &Offer, token: &str) -> CreateCheckout {
    CreateCheckout { offer_id: offer.offer_id.clone(), title_id: None, payment_token: token.into() }
}

pub(crate) fn staff(tenant: &str) -> Calls {
    cx(tenant).staff(&["billing:write", "billing:read"])
}

pub(crate) fn viewer(account: &str, key: &str) -> Calls {
    cx("acme").viewer(account).key(key)
}
