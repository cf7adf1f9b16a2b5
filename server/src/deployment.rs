//! Which implementation stands behind which contract: the only place that knows.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tessera_billing::BillingService;
use tessera_catalog::CatalogService;
use tessera_contract::{Contract, CxSigner, Failure};
use tessera_contract_catalog::Catalog;
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::PaymentGateway;
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
use tessera_types::{Clock, TenantId};
use tessera_viewers::ViewersService;

use crate::{config::Root, error::CommandError};

/// The name of the secret that contexts between processes are signed with.
pub(crate) const CX_SECRET: &str = "cx-signing";

/// Every module, opened and wired.
pub(crate) struct Deployment {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Directory,
    pub(crate) edge: Arc<Edge>,
    pub(crate) billing: Arc<BillingService>,
    pub(crate) catalog: Arc<CatalogService>,
    pub(crate) delivery: Arc<DeliveryService>,
    pub(crate) drm: Arc<DrmService>,
    pub(crate) entitlement: Arc<EntitlementService>,
    pub(crate) gateway: Arc<SandboxGateway>,
    pub(crate) identity: Arc<IdentityService>,
    pub(crate) media: Arc<MediaService>,
    pub(crate) playback: Arc<PlaybackService>,
    pub(crate) viewers: Arc<ViewersService>,
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

impl Deployment {
    /// Opens every module with its state in `data`.
    pub(crate) async fn open(root: &Root, data: &Path, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let store = root.store.in_folder(data);
        let secrets = Secrets::open(data).map_err(|e| CommandError::caused("opening the secrets", e))?;
        let directory = Directory::open(&store, clock.clone()).await.map_err(opening("the directory of tenants"))?;
        let blobs = Blobs::folder(&data.join("blobs")).map_err(opening("the blobs"))?;

        let identity = open_identity(root, &store, &secrets, &directory, clock.clone()).await?;
        let edge = Arc::new(
            Edge::new(&root.server, Arc::new(directory.clone()), clock.clone())
                .with_signer(CxSigner::new(secret(&secrets, CX_SECRET)?.expose(), clock.clone()))
                .with_issuers(identity.clone())
                .with_api_keys(identity.clone())
                .with_sessions(identity.clone()),
        );
        let forgetful = Arc::downgrade(&edge); // the edge holds identity
        identity.when_a_key_is_revoked(move || {
            if let Some(edge) = forgetful.upgrade() {
                edge.forget_api_keys();
            }
        });

        let catalog = tessera_catalog::open(root.catalog.clone(), &store, clock.clone()).await;
        let catalog = catalog.map_err(opening("catalog"))?;
        let entitlement = tessera_entitlement::open(root.entitlement.clone(), &store, clock.clone()).await;
        let entitlement = entitlement.map_err(opening("entitlement"))?;
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
            blobs,
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
        Ok(Self {
            clock,
            directory,
            edge,
            billing,
            catalog,
            delivery,
            drm,
            entitlement,
            gateway,
            identity,
            media,
            playback,
            viewers,
        })
    }

    /// Every store, by its module's name.
    pub(crate) fn stores(&self) -> Vec<Store> {
        vec![
            self.directory.store().clone(),
            self.billing.store().clone(),
            self.catalog.store().clone(),
            self.drm.store().clone(),
            self.entitlement.store().clone(),
            self.gateway.store().clone(),
            self.identity.store().clone(),
            self.media.store().clone(),
            self.playback.store().clone(),
            self.viewers.store().clone(),
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
) -> Result<Arc<IdentityService>, CommandError> {
    let deps = tessera_identity::Deps {
        clock,
        tenants: Arc::new(directory.clone()),
        origins: Arc::new(ConfiguredOrigins::new(&root.server, directory.clone())),
        master_key: secret(secrets, "identity-master")?,
        provider: None,
    };
    tessera_identity::open(root.identity.clone(), store, deps).await.map_err(opening("identity"))
}

fn secret(secrets: &Secrets, name: &str) -> Result<tessera_runtime::config::Secret<[u8; 32]>, CommandError> {
    secrets.get_or_create(name).map_err(|e| CommandError::caused("reading a secret", e))
}

fn ring(secrets: &Secrets, name: &str) -> Result<KeyRing, CommandError> {
    KeyRing::new("1", secret(secrets, name)?).map_err(|e| CommandError::caused(format!("reading the secret {name}"), e))
}

fn opening<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> CommandError {
    move |error| CommandError::caused(format!("opening {what}"), error)
}
