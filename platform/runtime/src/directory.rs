//! The directory of tenants: who is served, and under which host names.
//!
//! The one table set that belongs to no tenant, for it is read before a request's tenant is known. It has its own
//! store, `platform`.

mod rows;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use tessera_contract::{Cx, Failure};
use tessera_store::{Inspector, Module, OpenError, Store, StoreConfig};
use tessera_types::{Clock, Locale, TenantId, Territory};

use crate::{
    cache::Cache,
    edge::{Tenant, TenantKind, TenantState, Tenants, host_name},
};

/// The names of all tenants, for whoever backs the directory up: rows of one text.
pub const TENANTS: &str = "select id from tenants order by id";

/// The directory's schema.
pub static MODULE: Module = tessera_store::module!("platform", ["0001_tenants", "0002_suspended_because"]);

/// How long another process's change may go unseen here; this process's own are seen at once.
const BELIEVED: Duration = Duration::from_secs(2);
const REMEMBERED: usize = 10_000;

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name, a DNS label.
    pub id: TenantId,
    /// Its name for people.
    pub display_name: String,
    /// For real viewers or for trying things out; never changed later.
    pub kind: TenantKind,
    /// The language of its texts where a viewer's own is not there.
    pub default_locale: Locale,
    /// Where its viewers are when nothing else says so.
    pub default_territory: Option<Territory>,
    /// Host names of its own, besides `<tenant>.localhost` and those below the configured domains.
    pub hosts: Vec<String>,
}

/// Why the directory did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The name is another tenant's.
    #[error("there is a tenant {0} already; choose another name")]
    TenantTaken(TenantId),
    /// The name stands for the deployment itself.
    #[error("{0} is the deployment itself, not a tenant; choose another name")]
    Reserved(TenantId),
    /// The host is another tenant's.
    #[error("the host {host} is registered for the tenant {tenant}; remove it there first")]
    HostTaken {
        /// The host.
        host: String,
        /// Whose it is.
        tenant: String,
    },
    /// The text is not a host name.
    #[error("{0:?} is not a host name; give it without scheme, port and path, such as watch.example")]
    NotAHost(String),
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    NotFound(TenantId),
    /// Time stands still for nobody who is real.
    #[error("{0} is a live tenant: only a test tenant's clock can be moved")]
    LiveClock(TenantId),
    /// The clock would pass the end of time.
    #[error("the clock of {0} cannot be moved that far")]
    TooFar(TenantId),
    /// The store did not do it.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The tenants of a deployment. Clones are the same directory.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    known: Arc<Cache<Lookup, Option<Tenant>>>,
    behalf: Option<Arc<Cx>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Lookup {
    Host(String),
    Id(TenantId),
}

impl Directory {
    /// Opens the directory's store.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open(config: &StoreConfig, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let store = Store::open(config, &MODULE, clock).await?;
        Ok(Self { store, known: Arc::new(Cache::new(REMEMBERED)), behalf: None })
    }

    /// The same directory, for a change that `cx`'s caller makes: its audit record is part of the change's commit.
    #[must_use]
    pub fn on_behalf(&self, cx: &Cx) -> Self {
        Self { behalf: Some(Arc::new(cx.clone())), ..self.clone() }
    }

    /// The store, for readiness and an orderly close.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes a tenant, with its hosts, or nothing at all.
    ///
    /// # Errors
    /// [`DirectoryError::TenantTaken`], [`DirectoryError::Reserved`], [`DirectoryError::HostTaken`],
    /// [`DirectoryError::NotAHost`].
    pub async fn create(&self, new: NewTenant) -> Result<Tenant, DirectoryError> {
        if new.id.is_platform() || new.kind == TenantKind::Platform {
            return Err(DirectoryError::Reserved(new.id));
        }
        self.insert(new).await
    }

    /// The deployment itself, whose keys look after tenants; entered into the directory when it is not there yet.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn platform(&self) -> Result<Tenant, DirectoryError> {
        let id = TenantId::platform();
        let new = NewTenant {
            id: id.clone(),
            display_name: "Tessera operators".into(),
            kind: TenantKind::Platform,
            default_locale: "en".parse().expect("a literal language tag"),
            default_territory: None,
            hosts: Vec::new(),
        };
        match self.insert(new).await {
            Err(DirectoryError::TenantTaken(_)) => self.get(&id).await,
            entered => entered,
        }
    }

    async fn insert(&self, mut new: NewTenant) -> Result<Tenant, DirectoryError> {
        new.hosts = new.hosts.iter().map(|host| registrable(host)).collect::<Result<_, _>>()?;
        let made =
            self.store.system_write_for(self.behalf.as_deref(), new, |tx, new| rows::create(tx, new).boxed()).await;
        self.changed(made)
    }

    /// Every tenant, by name; the deployment itself is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self) -> Result<Vec<Tenant>, Failure> {
        rows::list(&self.store.system()).await
    }

    /// The tenant `id`, as it stands in the store.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn get(&self, id: &TenantId) -> Result<Tenant, DirectoryError> {
        let found = rows::by_id(&self.store.system(), id).await?;
        found.ok_or_else(|| DirectoryError::NotFound(id.clone()))
    }

    /// The hosts registered for the tenant, sorted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn hosts(&self, id: &TenantId) -> Result<Vec<String>, Failure> {
        rows::hosts(&self.store.system(), id).await
    }

    /// Registers a host for the tenant; one that it has already stays.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::HostTaken`], [`DirectoryError::NotAHost`].
    pub async fn add_host(&self, id: &TenantId, host: &str) -> Result<(), DirectoryError> {
        let input = (id.clone(), registrable(host)?);
        let done = self
            .store
            .system_write_for(self.behalf.as_deref(), input, |tx, (id, host)| rows::add_host(tx, id, host).boxed())
            .await;
        self.changed(done)
    }

    /// Takes a host from the tenant; one that it has not is taken already.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn remove_host(&self, id: &TenantId, host: &str) -> Result<(), DirectoryError> {
        let input = (id.clone(), registrable(host)?);
        let done = self
            .store
            .system_write_for(self.behalf.as_deref(), input, |tx, (id, host)| rows::remove_host(tx, id, host).boxed())
            .await;
        self.changed(done)
    }

    /// Refuses the tenant's requests from now on. Its data stays.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn suspend(&self, id: &TenantId) -> Result<Tenant, DirectoryError> {
        self.set_state(id, TenantState::Suspended, None).await
    }

    /// As [`Self::suspend`], and keeps the reason for those who look after tenants.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn suspend_because(&self, id: &TenantId, reason: &str) -> Result<Tenant, DirectoryError> {
        self.set_state(id, TenantState::Suspended, Some(reason.to_owned())).await
    }

    /// Serves the tenant again.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn resume(&self, id: &TenantId) -> Result<Tenant, DirectoryError> {
        self.set_state(id, TenantState::Active, None).await
    }

    /// Moves a test tenant's business time forward by `by`.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::LiveClock`], [`DirectoryError::TooFar`].
    pub async fn advance_clock(&self, id: &TenantId, by: Duration) -> Result<Tenant, DirectoryError> {
        let input = (id.clone(), by);
        let moved = self
            .store
            .system_write_for(self.behalf.as_deref(), input, |tx, (id, by)| rows::advance_clock(tx, id, *by).boxed())
            .await;
        self.changed(moved)
    }

    async fn set_state(
        &self,
        id: &TenantId,
        state: TenantState,
        because: Option<String>,
    ) -> Result<Tenant, DirectoryError> {
        if id.is_platform() {
            return Err(DirectoryError::Reserved(id.clone()));
        }
        let input = (id.clone(), state, because);
        let set = self.store.system_write_for(self.behalf.as_deref(), input, |tx, (id, state, because)| {
            rows::set_state(tx, id, *state, because.clone()).boxed()
        });
        self.changed(set.await)
    }

    /// After a change, nothing that was read before it is believed.
    fn changed<T>(&self, result: Result<T, DirectoryError>) -> Result<T, DirectoryError> {
        self.known.clear();
        result
    }
}

#[async_trait]
impl Tenants for Directory {
    async fn by_host(&self, host: &str) -> Result<Option<Tenant>, Failure> {
        let key = Lookup::Host(host.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known);
        }
        let read = self.known.generation();
        let found = rows::by_host(&self.store.system(), host).await?;
        self.known.put(read, key, found.clone(), BELIEVED);
        Ok(found)
    }

    async fn by_id(&self, id: &TenantId) -> Result<Option<Tenant>, Failure> {
        let key = Lookup::Id(id.clone());
        if let Some(known) = self.known.get(&key) {
            return Ok(known);
        }
        let read = self.known.generation();
        let found = rows::by_id(&self.store.system(), id).await?;
        self.known.put(read, key, found.clone(), BELIEVED);
        Ok(found)
    }
}

/// Every tenant, by name, as a look from outside finds them.
///
/// # Errors
/// The store cannot be read.
pub async fn seen(look: &mut Inspector) -> Result<Vec<Tenant>, Failure> {
    rows::seen(look).await
}

/// A host as the edge will look for it.
fn registrable(host: &str) -> Result<String, DirectoryError> {
    let name = host_name(host).filter(|name| !host.contains(':') && !name.contains(':'));
    name.ok_or_else(|| DirectoryError::NotAHost(host.chars().take(300).collect()))
}
