//! Which implementation stands behind which contract: the only place that knows.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tessera_audit::AuditService;
use tessera_billing::BillingService;
use tessera_catalog::CatalogService;
use tessera_contract::{Contract, CxSigner, Failure};
use tessera_contract_catalog::Catalog;
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::IdentityManagement;
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::PaymentGateway;
use tessera_contract_tenancy::Tenancy;
use tessera_contract_viewers::Viewers;
use tessera_delivery::{DeliveryDeps, DeliveryService};
use tessera_drm::{DrmDeps, DrmService};
use tessera_entitlement::EntitlementService;
use tessera_identity::{IdentityService, Origins};
use tessera_media::{MediaDeps, MediaService};
use tessera_playback::{PlaybackDeps, PlaybackService};
use tessera_runtime::{
    blobs::Blobs,
    config::ServerConfig,
    directory::Directory,
    edge::Edge,
    secrets::{KeyRing, Secrets},
};
use tessera_sandbox_gateway::SandboxGateway;
use tessera_store::{Store, StoreConfig};
use tessera_tenancy::{Addresses, BrandService, PlatformDeps, PlatformService};
use tessera_types::{Clock, TenantId};
use tessera_viewers::ViewersService;
use tessera_webhooks::WebhooksService;

use crate::{
    config::Root, error::CommandError, events::Logs, placed_entitlement::PlacedEntitlement, schema, tenant_data,
};

/// The name of the secret that contexts between processes are signed with.
pub(crate) const CX_SECRET: &str = "cx-signing";

/// Every module, opened and wired.
pub(crate) struct Deployment {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Directory,
    pub(crate) edge: Arc<Edge>,
    pub(crate) audit: Arc<AuditService>,
    pub(crate) billing: Arc<BillingService>,
    pub(crate) brands: Arc<BrandService>,
    pub(crate) catalog: Arc<CatalogService>,
    pub(crate) delivery: Arc<DeliveryService>,
    pub(crate) drm: Arc<DrmService>,
    pub(crate) entitlement: Arc<PlacedEntitlement>,
    /// The built-in entitlement: its grants stay while another stands in its place.
    pub(crate) built_in_entitlement: Arc<EntitlementService>,
    pub(crate) gateway: Arc<SandboxGateway>,
    pub(crate) identity: Arc<IdentityService>,
    pub(crate) logs: Logs,
    pub(crate) media: Arc<MediaService>,
    pub(crate) platform: Arc<PlatformService>,
    pub(crate) playback: Arc<PlaybackService>,
    pub(crate) viewers: Arc<ViewersService>,
    pub(crate) webhooks: Arc<WebhooksService>,
}

/// Where a tenant is reached, by the process's configuration: its first own host, else below a configured domain, else
/// below localhost.
pub(crate) struct ConfiguredOrigins {
    directory: Directory,
    base_domain: Option<String>,
    port: u16,
    https: bool,
}

impl ConfiguredOrigins {
    pub(crate) fn new(server: &ServerConfig, directory: Directory) -> Self {
        let port = server.public_port.unwrap_or_else(|| server.listen.port());
        let base_domain = server.base_domains.first().cloned();
        // Nobody terminates TLS in front of localhost; a public name on 443 is never plain.
        Self { directory, base_domain, port, https: port == 443 }
    }
}

#[async_trait]
impl Origins for ConfiguredOrigins {
    async fn origin(&self, tenant: &TenantId) -> Result<String, Failure> {
        let own = self.directory.hosts(tenant).await?.into_iter().next();
        let domain = self.base_domain.as_deref().unwrap_or("localhost");
        let host = own.unwrap_or_else(|| format!("{tenant}.{domain}"));
        let (scheme, usual) = if self.https { ("https", 443) } else { ("http", 80) };
        Ok(match self.port == usual {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{}", self.port),
        })
    }
}

#[async_trait]
impl Addresses for ConfiguredOrigins {
    async fn address(&self, tenant: &TenantId) -> Result<String, Failure> {
        self.origin(tenant).await
    }
}

impl Deployment {
    /// Opens every module with its state in `data`.
    pub(crate) async fn open(root: &Root, data: &Path, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let store = root.store.in_folder(data);
        schema::check(&store, data).await?;
        let secrets = Secrets::open(data).map_err(|e| CommandError::caused("opening the secrets", e))?;
        let directory = Directory::open(&store, clock.clone()).await.map_err(opening("the directory of tenants"))?;
        let blobs = Blobs::folder(&data.join("blobs")).map_err(opening("the blobs"))?;

        let brands = tessera_tenancy::open(&store, Arc::new(directory.clone()), clock.clone()).await;
        let brands = brands.map_err(opening("brands"))?;
        let looks = Some(<dyn Tenancy>::guarded(brands.clone()));
        let identity = open_identity(root, &store, &secrets, &directory, clock.clone(), looks).await?;
        let audit = open_audit(root, &store, &secrets, clock.clone()).await?;
        let signer = CxSigner::new(secret(&secrets, CX_SECRET)?.expose(), clock.clone());
        let edge = Arc::new(
            Edge::new(&root.server, Arc::new(directory.clone()), clock.clone())
                .with_signer(signer.clone())
                .with_issuers(identity.clone())
                .with_api_keys(identity.clone())
                .with_sessions(identity.clone())
                .with_trail(audit.clone()),
        );
        let forgetful = Arc::downgrade(&edge); // the edge holds identity
        identity.when_a_key_is_revoked(move || {
            if let Some(edge) = forgetful.upgrade() {
                edge.forget_api_keys();
            }
        });

        let catalog = tessera_catalog::open(root.catalog.clone(), &store, clock.clone()).await;
        let catalog = catalog.map_err(opening("catalog"))?;
        let built_in = tessera_entitlement::open(root.entitlement.built_in.clone(), &store, clock.clone()).await;
        let built_in_entitlement = built_in.map_err(opening("entitlement"))?;
        let url = root.entitlement.url.as_deref();
        let entitlement = PlacedEntitlement::new(built_in_entitlement.clone(), signer, url);
        let viewers = tessera_viewers::open(root.viewers.clone(), &store, clock.clone()).await;
        let viewers = viewers.map_err(opening("viewers"))?;
        let gateway = tessera_sandbox_gateway::open(root.sandbox_gateway.clone(), &store, clock.clone()).await;
        let gateway = gateway.map_err(opening("the sandbox gateway"))?;

        let entitlement_handle = <dyn Entitlement>::guarded(entitlement.clone());
        let deps = tessera_billing::Deps {
            gateway: <dyn PaymentGateway>::guarded(gateway.clone()),
            entitlement: entitlement_handle.clone(),
            clock: clock.clone(),
        };
        let billing = tessera_billing::open(root.billing.clone(), &store, deps).await.map_err(opening("billing"))?;
        let deps = MediaDeps {
            clock: clock.clone(),
            blobs: blobs.clone(),
            master_keys: ring(&secrets, "media-master")?,
            scratch: data.join("scratch"),
        };
        let media = tessera_media::open(root.media.clone(), &store, deps).await.map_err(opening("media"))?;
        let deps = DrmDeps {
            clock: clock.clone(),
            entitlement: entitlement_handle.clone(),
            master_keys: ring(&secrets, "drm-master")?,
            token_keys: ring(&secrets, "licence-tokens")?,
        };
        let drm = tessera_drm::open(root.drm.clone(), &store, deps).await.map_err(opening("drm"))?;
        let deps = DeliveryDeps {
            clock: clock.clone(),
            media: <dyn Media>::guarded(media.clone()),
            drm: <dyn Drm>::guarded(drm.clone()),
            blobs: blobs.clone(),
            url_keys: ring(&secrets, "url-signing")?,
        };
        let delivery = tessera_delivery::open(root.delivery.clone(), deps);
        let deps = PlaybackDeps {
            clock: clock.clone(),
            catalog: <dyn Catalog>::guarded(catalog.clone()),
            entitlement: entitlement_handle,
            delivery: <dyn Delivery>::guarded(delivery.clone()),
            drm: <dyn Drm>::guarded(drm.clone()),
            viewers: <dyn Viewers>::guarded(viewers.clone()),
        };
        let playback = tessera_playback::open(root.playback.clone(), &store, deps).await;
        let playback = playback.map_err(opening("playback"))?;
        let deps = tessera_webhooks::Deps {
            clock: clock.clone(),
            master_keys: ring(&secrets, "webhooks-master")?,
            event_types: tessera_contracts::event_types(),
        };
        let webhooks = tessera_webhooks::open(root.webhooks.clone(), &store, deps).await;
        let webhooks = webhooks.map_err(opening("webhooks"))?;
        let stores = [
            brands.store(),
            identity.store(),
            viewers.store(),
            catalog.store(),
            media.store(),
            drm.store(),
            billing.store(),
            built_in_entitlement.store(),
            playback.store(),
            gateway.store(),
            audit.store(),
            webhooks.store(),
        ];
        let deps = PlatformDeps {
            directory: directory.clone(),
            identity: <dyn IdentityManagement>::guarded(identity.clone()),
            addresses: Arc::new(ConfiguredOrigins::new(&root.server, directory.clone())),
            base_domains: root.server.base_domains.clone(),
            exporters: tenant_data::exporters(&stores),
            blobs: blobs.clone(),
        };
        let platform = tessera_tenancy::platform(&brands, deps);
        Ok(Self {
            clock,
            directory,
            edge,
            audit,
            billing,
            brands,
            catalog,
            delivery,
            drm,
            entitlement,
            built_in_entitlement,
            gateway,
            identity,
            logs: Logs::new(&root.events)?,
            media,
            platform,
            playback,
            viewers,
            webhooks,
        })
    }

    /// Every store, by its module's name.
    pub(crate) fn stores(&self) -> Vec<Store> {
        vec![
            self.directory.store().clone(),
            self.audit.store().clone(),
            self.billing.store().clone(),
            self.catalog.store().clone(),
            self.drm.store().clone(),
            self.built_in_entitlement.store().clone(),
            self.gateway.store().clone(),
            self.identity.store().clone(),
            self.media.store().clone(),
            self.playback.store().clone(),
            self.brands.store().clone(),
            self.viewers.store().clone(),
            self.webhooks.store().clone(),
        ]
    }
}

/// Opens identity alone, for what a command does to it.
pub(crate) async fn open_identity(
    root: &Root,
    store: &StoreConfig,
    secrets: &Secrets,
    directory: &Directory,
    clock: Arc<dyn Clock>,
    brands: Option<Arc<dyn Tenancy>>,
) -> Result<Arc<IdentityService>, CommandError> {
    let deps = tessera_identity::Deps {
        clock,
        tenants: Arc::new(directory.clone()),
        origins: Arc::new(ConfiguredOrigins::new(&root.server, directory.clone())),
        master_keys: ring(secrets, "identity-master")?,
        brands,
        scopes: tessera_contracts::scopes(),
        provider: None,
    };
    tessera_identity::open(root.identity.clone(), store, deps).await.map_err(opening("identity"))
}

/// Opens the audit alone, for what a command reads of it.
pub(crate) async fn open_audit(
    root: &Root,
    store: &StoreConfig,
    secrets: &Secrets,
    clock: Arc<dyn Clock>,
) -> Result<Arc<AuditService>, CommandError> {
    let deps = tessera_audit::Deps { clock, chain_key: secret(secrets, "audit-chain")? };
    tessera_audit::open(root.audit.clone(), store, deps).await.map_err(opening("the audit"))
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
