//! Which implementation stands behind which contract: the only place that knows.

use std::{path::Path, sync::Arc};

use tessera_audit::AuditService;
use tessera_billing::BillingService;
use tessera_catalog::CatalogService;
use tessera_contract::{Contract, CxSigner};
use tessera_contract_audit::AuditIntake;
use tessera_contract_catalog::Catalog;
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::{IdentityEdge, IdentityManagement};
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::PaymentGateway;
use tessera_contract_tenancy::Tenancy;
use tessera_contract_viewers::Viewers;
use tessera_delivery::{DeliveryDeps, DeliveryService};
use tessera_drm::{DrmDeps, DrmService};
use tessera_entitlement::EntitlementService;
use tessera_events::Log;
use tessera_identity::{IdentityService, Providers};
use tessera_media::{MediaDeps, MediaService};
use tessera_mtls::Mtls;
use tessera_playback::{PlaybackDeps, PlaybackService};
use tessera_runtime::{
    blobs::Blobs,
    directory::Directory,
    edge::{Edge, RememberedSessions},
    secrets::{KeyRing, Secrets},
};
use tessera_sandbox_gateway::SandboxGateway;
use tessera_store::{Module, Store, StoreConfig};
use tessera_tenancy::{BrandService, PlatformDeps, PlatformService};
use tessera_types::Clock;
use tessera_viewers::ViewersService;
use tessera_webhooks::WebhooksService;

use crate::{
    config::Root,
    edge_identity::RemoteIdentity,
    elsewhere::Elsewhere,
    error::CommandError,
    events::Logs,
    flags::ProcessFlags,
    identity_provider::{self, SignIn},
    modules::{Here, Part},
    origins::ConfiguredOrigins,
    placed_entitlement::PlacedEntitlement,
    schema, tenant_data,
    trail::RemoteTrail,
};

/// The name of the secret that contexts between processes are signed with.
pub(crate) const CX_SECRET: &str = "cx-signing";

/// A process's part of the deployment: its modules, opened and wired to those that are elsewhere.
pub(crate) struct Deployment {
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) here: Here,
    pub(crate) directory: Directory,
    pub(crate) edge: Arc<Edge>,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) flags: Arc<ProcessFlags>,
    pub(crate) logs: Logs,
    pub(crate) modules: Modules,
    /// How modules prove to each other who they are, if they do.
    pub(crate) mtls: Option<Mtls>,
    /// Who signs people in.
    pub(crate) sign_in: Arc<SignIn>,
    /// How pages for people look; a front has it.
    pub(crate) looks: Option<Arc<dyn Tenancy>>,
    /// Records on their way to an audit that is elsewhere.
    pub(crate) trail: Option<Arc<RemoteTrail>>,
}

/// The modules of this process.
#[derive(Clone, Default)]
pub(crate) struct Modules {
    pub(crate) audit: Option<Arc<AuditService>>,
    pub(crate) billing: Option<Arc<BillingService>>,
    pub(crate) brands: Option<Arc<BrandService>>,
    /// The built-in entitlement: its grants stay while another stands in its place.
    pub(crate) built_in_entitlement: Option<Arc<EntitlementService>>,
    pub(crate) catalog: Option<Arc<CatalogService>>,
    pub(crate) delivery: Option<Arc<DeliveryService>>,
    pub(crate) drm: Option<Arc<DrmService>>,
    /// Entitlement wherever it is asked: what is stated there is stated at all its places.
    pub(crate) entitlement: Option<Arc<PlacedEntitlement>>,
    pub(crate) gateway: Option<Arc<SandboxGateway>>,
    pub(crate) identity: Option<Arc<IdentityService>>,
    pub(crate) media: Option<Arc<MediaService>>,
    pub(crate) platform: Option<Arc<PlatformService>>,
    pub(crate) playback: Option<Arc<PlaybackService>>,
    pub(crate) viewers: Option<Arc<ViewersService>>,
    pub(crate) webhooks: Option<Arc<WebhooksService>>,
}

impl Modules {
    /// The store of a part that is here and has one.
    pub(crate) fn store(&self, part: Part) -> Option<Store> {
        let store = match part {
            Part::Front | Part::Delivery => None,
            Part::Audit => self.audit.as_ref().map(|service| service.store()),
            Part::Billing => self.billing.as_ref().map(|service| service.store()),
            Part::Catalog => self.catalog.as_ref().map(|service| service.store()),
            Part::Drm => self.drm.as_ref().map(|service| service.store()),
            Part::Entitlement => self.built_in_entitlement.as_ref().map(|service| service.store()),
            Part::Identity => self.identity.as_ref().map(|service| service.store()),
            Part::Media => self.media.as_ref().map(|service| service.store()),
            Part::Playback => self.playback.as_ref().map(|service| service.store()),
            Part::SandboxGateway => self.gateway.as_ref().map(|service| service.store()),
            Part::Tenancy => self.brands.as_ref().map(|service| service.store()),
            Part::Viewers => self.viewers.as_ref().map(|service| service.store()),
            Part::Webhooks => self.webhooks.as_ref().map(|service| service.store()),
        };
        store.cloned()
    }
}

/// What modules are opened with.
struct Opening<'a> {
    root: &'a Root,
    data: &'a Path,
    here: Here,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
    directory: Directory,
    blobs: Blobs,
    elsewhere: Elsewhere,
    modules: Modules,
    sign_in: Arc<SignIn>,
}

impl Deployment {
    /// Opens the process's modules with their state in `data`.
    pub(crate) async fn open(root: &Root, data: &Path, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        root.check_placement()?;
        schema::check_here(root, data).await?;
        let secrets = root.secrets(data)?;
        let directory = Directory::open(&root.directory_store(data)?, clock.clone()).await;
        let (here, mtls) = (root.here(), root.mtls.open()?);
        let signer = CxSigner::new(secret(&secrets, CX_SECRET)?.expose(), clock.clone());
        let elsewhere = Elsewhere::new(root, &here, (signer, mtls.clone()), clock.clone())?;
        let directory = directory.map_err(opening("the directory of tenants"))?;
        let sign_in = Arc::new(SignIn::new(root, &directory, clock.clone())?);
        let flags = Arc::new(ProcessFlags::open(&root.flags, clock.clone()).await?);
        let mut opening = Opening {
            root,
            data,
            here,
            directory,
            blobs: Blobs::open(&root.blobs, data).map_err(opening("the blobs"))?,
            elsewhere,
            clock,
            secrets,
            modules: Modules::default(),
            sign_in,
        };
        opening.people().await?;
        let (edge, trail) = opening.edge(mtls.is_some());
        opening.rights().await?;
        opening.films().await?;
        opening.plays().await?;
        opening.webhooks().await?;
        opening.tenants()?;
        let Opening { blobs, clock, directory, elsewhere, here, modules, sign_in, .. } = opening;
        let looks = modules.brands.clone().map(|brands| brands as Arc<dyn Tenancy>);
        let looks = elsewhere.or(Part::Tenancy, looks).map(<dyn Tenancy>::guarded).filter(|_| here.has(Part::Front));
        let logs = Logs::new(&root.events)?;
        Ok(Self { blobs, looks, elsewhere, flags, clock, here, sign_in, directory, edge, logs, modules, mtls, trail })
    }

    /// Every store of this process, by its module's name.
    pub(crate) fn stores(&self) -> Vec<Store> {
        let modules = Part::ALL.iter().filter_map(|part| self.modules.store(*part));
        [self.directory.store().clone()].into_iter().chain(modules).collect()
    }

    /// The events of a module, at the broker, here or at its address: for its consumers, who need one.
    pub(crate) fn log_of(&self, part: Part) -> Option<Log> {
        let (_, module) = schema::OF_PARTS.iter().find(|(other, _)| *other == part)?;
        let here = || self.modules.store(part).map(|store| Log::of(&store));
        self.logs.at_broker(module.name).or_else(here).or_else(|| self.elsewhere.log(part))
    }
}

impl Opening<'_> {
    /// The store of a module.
    fn store(&self, module: &'static Module) -> Result<StoreConfig, CommandError> {
        self.root.store_of(module, self.data)
    }

    /// Tenancy's brands, identity and the audit: what the edge stands on.
    async fn people(&mut self) -> Result<(), CommandError> {
        let (root, clock) = (self.root, self.clock.clone());
        if self.here.has(Part::Tenancy) {
            let store = self.store(&tessera_tenancy::MODULE)?;
            let brands = tessera_tenancy::open(&store, Arc::new(self.directory.clone()), clock.clone()).await;
            self.modules.brands = Some(brands.map_err(opening("brands"))?);
        }
        if self.here.has(Part::Identity) {
            let brands = self.modules.brands.clone().map(|brands| brands as Arc<dyn Tenancy>);
            let looks = self.elsewhere.needed(Part::Tenancy, brands)?;
            let store = self.store(&tessera_identity::MODULE)?;
            let by = (clock.clone(), self.sign_in.providers());
            let identity = open_identity(root, &store, &self.secrets, &self.directory, by, Some(looks)).await?;
            self.modules.identity = Some(identity);
        }
        if self.here.has(Part::Audit) {
            let store = self.store(&tessera_audit::MODULE)?;
            self.modules.audit = Some(open_audit(root, &store, &self.secrets, clock).await?);
        }
        Ok(())
    }

    /// The edge, which takes calls between modules with certificates alone when they are `certified`; and what sends records
    /// to an audit that is elsewhere.
    fn edge(&self, certified: bool) -> (Arc<Edge>, Option<Arc<RemoteTrail>>) {
        let clock = self.clock.clone();
        let mut edge = Edge::new(&self.root.server, Arc::new(self.directory.clone()), clock.clone())
            .with_signer(self.elsewhere.remotes.signer.clone())
            .with_callers(self.root.authorize.callers());
        if certified {
            edge = edge.with_certificates();
        }
        let identity = self.modules.identity.clone().map(|identity| identity as Arc<dyn IdentityEdge>);
        let identity = self.elsewhere.or(Part::Identity, identity).map(<dyn IdentityEdge>::guarded);
        if let Some(identity) = identity {
            edge = edge.with_subjects(identity_provider::subjects(self.sign_in.clone(), identity, clock.clone()));
        }
        edge = match (&self.modules.identity, RemoteIdentity::new(&self.elsewhere, clock.clone())) {
            (Some(here), _) => edge.with_issuers(here.clone()).with_api_keys(here.clone()).with_sessions(here.clone()),
            (None, Some(there)) => {
                let sessions = Arc::new(RememberedSessions::new(there.clone()));
                edge.with_issuers(there.clone()).with_api_keys(there).with_sessions(sessions)
            }
            (None, None) => edge,
        };
        let intake = self.elsewhere.or::<dyn AuditIntake>(Part::Audit, None).map(<dyn AuditIntake>::guarded);
        let trail = intake.filter(|_| self.modules.audit.is_none());
        let trail = trail.map(|intake| Arc::new(RemoteTrail::new(intake, self.elsewhere.speaker, clock)));
        edge = match (&self.modules.audit, &trail) {
            (Some(here), _) => edge.with_trail(here.clone()),
            (None, Some(there)) => edge.with_trail(there.clone()),
            (None, None) => edge,
        };
        let edge = Arc::new(edge);
        let forgetful = Arc::downgrade(&edge); // the edge holds identity
        if let Some(identity) = &self.modules.identity {
            identity.when_a_key_is_revoked(move || {
                if let Some(edge) = forgetful.upgrade() {
                    edge.forget_api_keys();
                }
            });
        }
        (edge, trail)
    }

    /// Entitlement, and what grants are sold by.
    async fn rights(&mut self) -> Result<(), CommandError> {
        let (root, clock) = (self.root, self.clock.clone());
        if self.here.has(Part::Entitlement) {
            let store = self.store(&tessera_entitlement::MODULE)?;
            let opened = tessera_entitlement::open(root.entitlement.built_in.clone(), &store, clock.clone()).await;
            self.modules.built_in_entitlement = Some(opened.map_err(opening("entitlement"))?);
        }
        let built_in = self.modules.built_in_entitlement.clone().map(|service| service as Arc<dyn Entitlement>);
        let placed = self.elsewhere.places(Part::Entitlement).of(built_in);
        self.modules.entitlement = placed.map(PlacedEntitlement::new);
        if self.here.has(Part::SandboxGateway) {
            let store = self.store(&tessera_sandbox_gateway::MODULE)?;
            let config = root.sandbox_gateway.built_in.clone();
            let gateway = tessera_sandbox_gateway::open(config, &store, clock.clone()).await;
            self.modules.gateway = Some(gateway.map_err(opening("the sandbox gateway"))?);
        }
        if self.here.has(Part::Billing) {
            let gateway = self.modules.gateway.clone().map(|service| service as Arc<dyn PaymentGateway>);
            let deps = tessera_billing::Deps {
                gateway: self.elsewhere.needed(Part::SandboxGateway, gateway)?,
                entitlement: self.entitlement()?,
                clock,
            };
            let store = self.store(&tessera_billing::MODULE)?;
            let billing = tessera_billing::open(root.billing.built_in.clone(), &store, deps).await;
            self.modules.billing = Some(billing.map_err(opening("billing"))?);
        }
        Ok(())
    }

    fn entitlement(&self) -> Result<Arc<dyn Entitlement>, CommandError> {
        let placed = self.modules.entitlement.clone().map(|placed| placed as Arc<dyn Entitlement>);
        placed.map(<dyn Entitlement>::guarded).ok_or_else(|| CommandError::new("entitlement is nowhere"))
    }

    /// Catalog, media, drm and delivery.
    async fn films(&mut self) -> Result<(), CommandError> {
        let (root, clock) = (self.root, self.clock.clone());
        if self.here.has(Part::Catalog) {
            let store = self.store(&tessera_catalog::MODULE)?;
            let catalog = tessera_catalog::open(root.catalog.built_in.clone(), &store, clock.clone()).await;
            self.modules.catalog = Some(catalog.map_err(opening("catalog"))?);
        }
        if self.here.has(Part::Media) {
            let deps = MediaDeps {
                clock: clock.clone(),
                blobs: self.blobs.clone(),
                master_keys: ring(&self.secrets, "media-master")?,
                scratch: self.data.join("scratch"),
            };
            let store = self.store(&tessera_media::MODULE)?;
            let media = tessera_media::open(root.media.built_in.clone(), &store, deps).await;
            self.modules.media = Some(media.map_err(opening("media"))?);
        }
        if self.here.has(Part::Drm) {
            let deps = DrmDeps {
                clock: clock.clone(),
                entitlement: self.entitlement()?,
                master_keys: ring(&self.secrets, "drm-master")?,
                token_keys: ring(&self.secrets, "licence-tokens")?,
            };
            let store = self.store(&tessera_drm::MODULE)?;
            let drm = tessera_drm::open(root.drm.built_in.clone(), &store, deps).await;
            self.modules.drm = Some(drm.map_err(opening("drm"))?);
        }
        if self.here.has(Part::Delivery) {
            let media = self.modules.media.clone().map(|service| service as Arc<dyn Media>);
            let deps = DeliveryDeps {
                clock,
                media: self.elsewhere.needed(Part::Media, media)?,
                drm: self.drm()?,
                blobs: self.blobs.clone(),
                url_keys: ring(&self.secrets, "url-signing")?,
            };
            self.modules.delivery = Some(tessera_delivery::open(root.delivery.built_in.clone(), deps));
        }
        Ok(())
    }

    fn drm(&self) -> Result<Arc<dyn Drm>, CommandError> {
        let drm = self.modules.drm.clone().map(|service| service as Arc<dyn Drm>);
        self.elsewhere.needed(Part::Drm, drm)
    }

    /// Viewers and playback.
    async fn plays(&mut self) -> Result<(), CommandError> {
        let (root, clock) = (self.root, self.clock.clone());
        if self.here.has(Part::Viewers) {
            let store = self.store(&tessera_viewers::MODULE)?;
            let viewers = tessera_viewers::open(root.viewers.built_in.clone(), &store, clock.clone()).await;
            self.modules.viewers = Some(viewers.map_err(opening("viewers"))?);
        }
        if self.here.has(Part::Playback) {
            let modules = self.modules.clone();
            let deps = PlaybackDeps {
                clock,
                catalog: self.elsewhere.needed::<dyn Catalog>(Part::Catalog, modules.catalog.map(|s| s as _))?,
                entitlement: self.entitlement()?,
                delivery: self.elsewhere.needed::<dyn Delivery>(Part::Delivery, modules.delivery.map(|s| s as _))?,
                drm: self.drm()?,
                viewers: self.elsewhere.needed::<dyn Viewers>(Part::Viewers, modules.viewers.map(|s| s as _))?,
            };
            let store = self.store(&tessera_playback::MODULE)?;
            let playback = tessera_playback::open(root.playback.built_in.clone(), &store, deps).await;
            self.modules.playback = Some(playback.map_err(opening("playback"))?);
        }
        Ok(())
    }

    /// What tells others.
    async fn webhooks(&mut self) -> Result<(), CommandError> {
        if !self.here.has(Part::Webhooks) {
            return Ok(());
        }
        let deps = tessera_webhooks::Deps {
            clock: self.clock.clone(),
            master_keys: ring(&self.secrets, "webhooks-master")?,
            event_types: tessera_contracts::event_types(),
        };
        let store = self.store(&tessera_webhooks::MODULE)?;
        let webhooks = tessera_webhooks::open(self.root.webhooks.built_in.clone(), &store, deps).await;
        self.modules.webhooks = Some(webhooks.map_err(opening("webhooks"))?);
        Ok(())
    }

    /// Looking after tenants, which exports what the other modules here have.
    fn tenants(&mut self) -> Result<(), CommandError> {
        let Some(brands) = self.modules.brands.clone() else { return Ok(()) };
        let modules = &self.modules;
        let stores: Vec<Store> = Part::ALL.iter().filter_map(|part| modules.store(*part)).collect();
        let identity = modules.identity.clone().map(|service| service as Arc<dyn IdentityManagement>);
        let deps = PlatformDeps {
            directory: self.directory.clone(),
            identity: self.elsewhere.needed(Part::Identity, identity)?,
            addresses: Arc::new(ConfiguredOrigins::new(&self.root.server, self.directory.clone())),
            base_domains: self.root.server.base_domains.clone(),
            exporters: tenant_data::exporters(&stores),
            beyond_reach: tenant_data::beyond(&stores),
            blobs: self.blobs.clone(),
        };
        self.modules.platform = Some(tessera_tenancy::platform(&brands, deps));
        Ok(())
    }
}

/// Opens identity alone, for what a command does to it.
pub(crate) async fn open_identity(
    root: &Root,
    store: &StoreConfig,
    secrets: &Secrets,
    directory: &Directory,
    (clock, providers): (Arc<dyn Clock>, Providers),
    brands: Option<Arc<dyn Tenancy>>,
) -> Result<Arc<IdentityService>, CommandError> {
    let deps = tessera_identity::Deps {
        providers,
        clock,
        tenants: Arc::new(directory.clone()),
        origins: Arc::new(ConfiguredOrigins::new(&root.server, directory.clone())),
        master_keys: ring(secrets, "identity-master")?,
        brands,
        scopes: tessera_contracts::scopes(),
    };
    tessera_identity::open(root.identity.built_in.clone(), store, deps).await.map_err(opening("identity"))
}

/// Opens the audit alone, for what a command reads of it.
pub(crate) async fn open_audit(
    root: &Root,
    store: &StoreConfig,
    secrets: &Secrets,
    clock: Arc<dyn Clock>,
) -> Result<Arc<AuditService>, CommandError> {
    let deps = tessera_audit::Deps { clock, chain_key: secret(secrets, "audit-chain")? };
    tessera_audit::open(root.audit.built_in.clone(), store, deps).await.map_err(opening("the audit"))
}

fn secret(secrets: &Secrets, name: &str) -> Result<tessera_runtime::config::Secret<[u8; 32]>, CommandError> {
    secrets.get_or_create(name).map_err(|e| CommandError::caused("reading a secret", e))
}

fn ring(secrets: &Secrets, name: &str) -> Result<KeyRing, CommandError> {
    secrets.ring(name).map_err(|e| CommandError::caused("reading a secret", e))
}

fn opening<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> CommandError {
    move |error| CommandError::caused(format!("opening {what}"), error)
}

#[cfg(test)]
mod tests {
    use tessera_types::SystemClock;

    use super::*;
    use crate::schema::MODULES;

    #[tokio::test]
    async fn every_module_that_is_opened_is_backed_up_and_migrated_too() {
        let data = tessera_testing::temp_dir();
        let deployment = Deployment::open(&Root::default(), data.path(), Arc::new(SystemClock)).await.unwrap();
        let mut opened: Vec<&str> = deployment.stores().iter().map(|store| store.module().name).collect();
        let mut known: Vec<&str> = MODULES.iter().map(|module| module.name).collect();
        opened.sort_unstable();
        known.sort_unstable();
        assert_eq!(opened, known, "schema.rs lists every module that deployment.rs opens");
    }
}
