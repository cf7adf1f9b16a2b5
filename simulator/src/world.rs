//! The real services on real stores, with a gateway and a time of the simulation's own.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use tempfile::TempDir;
use tessera_billing::{BillingConfig, BillingService};
use tessera_contract::{Caller, Contract, Cx, Failure};
use tessera_contract_billing::{Billing, BillingManagement, Offer};
use tessera_contract_entitlement::Entitlement;
use tessera_contract_payment_gateway::PaymentGateway;
use tessera_entitlement::{EntitlementConfig, EntitlementService};
use tessera_store::{Store, StoreConfig};
use tessera_types::{Clock, ManualClock, Timestamp};
use tokio::time::Instant;

use crate::{
    Dice,
    cast::{self, ACCOUNTS, FREE_STREAMS, GRACE, LEASE, START, TENANTS},
    faults::Faults,
    gateway::Gateway,
    mirror,
};

/// One process: it can end and be another.
pub(crate) struct Services {
    pub(crate) billing: Arc<BillingService>,
    /// Billing behind the contract's rules, as its callers have it.
    pub(crate) shop: Arc<dyn Billing>,
    pub(crate) desk: Arc<dyn BillingManagement>,
    pub(crate) entitlement: Arc<EntitlementService>,
    /// Entitlement behind the contract's rules.
    pub(crate) gate: Arc<dyn Entitlement>,
    pub(crate) mirror: Store,
}

impl Services {
    async fn open(folder: &Path, clock: &Arc<ManualClock>, gateway: Arc<dyn PaymentGateway>) -> Result<Self, Failure> {
        let store = StoreConfig::sqlite(folder);
        let config = EntitlementConfig { lease_seconds: LEASE.as_secs() as u32, free_streams: FREE_STREAMS };
        let entitlement = tessera_entitlement::open(config, &store, clock.clone()).await?;
        let gate = <dyn Entitlement>::guarded(entitlement.clone() as Arc<dyn Entitlement>);
        let deps = tessera_billing::Deps { gateway, entitlement: gate.clone(), clock: clock.clone() };
        // One after the other, and nothing waited for: a step ends the same however fast the machine is.
        let config = BillingConfig {
            renewals_at_once: 1,
            repeat_wait_seconds: 0,
            renewal_grace_seconds: GRACE.as_secs() as u32,
            ..BillingConfig::default()
        };
        let billing = tessera_billing::open(config, &store, deps).await?;
        Ok(Self {
            shop: <dyn Billing>::guarded(billing.clone() as Arc<dyn Billing>),
            desk: <dyn BillingManagement>::guarded(billing.clone() as Arc<dyn BillingManagement>),
            mirror: Store::open(&store, &mirror::MODULE, clock.clone()).await?,
            billing,
            entitlement,
            gate,
        })
    }

    async fn close(&self) {
        self.billing.store().close().await;
        self.entitlement.store().close().await;
        self.mirror.close().await;
    }
}

/// Everything that there is.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) faults: Faults,
    pub(crate) services: Services,
    /// How far each tenant's time is ahead of the clock.
    ahead: [Duration; 2],
    /// What each tenant sells.
    pub(crate) offers: [Vec<Offer>; 2],
}

impl World {
    /// A fresh world, with its offers on sale.
    pub(crate) async fn open(dice: &Dice) -> Result<Self, Failure> {
        let folder = fresh_folder().await?;
        let clock = Arc::new(ManualClock::at(START));
        let dead = Arc::new(AtomicBool::new(false));
        let gateway = Gateway::new(dice.fork(1), clock.clone(), dead.clone());
        let services = Services::open(folder.path(), &clock, gateway.clone()).await?;
        let mut world = Self {
            folder,
            clock,
            gateway,
            faults: Faults::new(dead),
            services,
            ahead: [Duration::ZERO; 2],
            offers: [Vec::new(), Vec::new()],
        };
        for tenant in 0..TENANTS.len() {
            for (number, offer) in cast::offers().into_iter().enumerate() {
                world.pass(Duration::from_millis(1));
                let cx = world.staff(tenant).with_idempotency_key(format!("offer-{number}"));
                let offer = world.services.desk.create_offer(&cx, offer).await;
                world.offers[tenant].push(offer.map_err(|e| Failure::internal("putting up an offer", e))?);
            }
        }
        Ok(world)
    }

    /// The process has ended, and another one opens what it left.
    pub(crate) async fn reopen(&mut self) -> Result<(), Failure> {
        self.gateway.forget_held();
        self.services.close().await;
        self.faults.revive();
        self.services = Services::open(self.folder.path(), &self.clock, self.gateway.clone()).await?;
        Ok(())
    }

    /// Closes the files.
    pub(crate) async fn close(self) {
        self.services.close().await;
    }

    /// Wall time passes, and what was on its way at the gateway arrives.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.gateway.arrive();
    }

    /// A tenant's own time is moved.
    pub(crate) fn advance(&mut self, tenant: usize, by: Duration) {
        self.ahead[tenant] += by;
    }

    /// A tenant's time.
    pub(crate) fn business_now(&self, tenant: usize) -> Timestamp {
        self.clock.now().plus(self.ahead[tenant])
    }

    fn cx(&self, tenant: usize, caller: Caller) -> Cx {
        let mut cx = Cx::new(TENANTS[tenant].parse().expect("a tenant"), caller, self.business_now(tenant));
        // Nothing here depends on how long it takes.
        cx.deadline = Instant::now() + Duration::from_secs(3600);
        cx
    }

    pub(crate) fn viewer(&self, tenant: usize, account: usize) -> Cx {
        self.cx(tenant, Caller::Viewer { account: ACCOUNTS[account].parse().expect("an account"), profile: None })
    }

    pub(crate) fn staff(&self, tenant: usize) -> Cx {
        self.cx(tenant, Caller::Staff { subject: "staff_1".into(), scopes: vec!["*".into()] })
    }

    pub(crate) fn service(&self, tenant: usize, name: &str) -> Cx {
        self.cx(tenant, Caller::Service { name: name.into() })
    }
}

/// A folder in memory where the machine has one, with every schema in place: a copy of the first one of this process.
async fn fresh_folder() -> Result<TempDir, Failure> {
    static TEMPLATE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    let failed = |e: io::Error| Failure::internal("making a folder for the stores", e);
    let files = match TEMPLATE.get() {
        Some(files) => files,
        None => {
            let folder = temp_dir().map_err(failed)?;
            let clock = Arc::new(ManualClock::at(START));
            let gateway = Gateway::new(Dice::new(0), clock.clone(), Arc::default());
            Services::open(folder.path(), &clock, gateway).await?.close().await;
            let files = read_all(folder.path()).map_err(failed)?;
            TEMPLATE.get_or_init(|| files)
        }
    };
    let folder = temp_dir().map_err(failed)?;
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).map_err(failed)?;
    }
    Ok(folder)
}

fn temp_dir() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let mut named = tempfile::Builder::new();
    let named = named.prefix("tessera-simulator-");
    match memory.is_dir() {
        true => named.tempdir_in(memory),
        false => named.tempdir(),
    }
}

fn read_all(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    Ok(files)
}
