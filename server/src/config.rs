//! `tessera.toml`, whole: a section for the process and one for each module.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tessera_audit::AuditConfig;
use tessera_billing::BillingConfig;
use tessera_catalog::CatalogConfig;
use tessera_contract::{RemoteConfig, RolloutConfig};
use tessera_delivery::DeliveryConfig;
use tessera_drm::DrmConfig;
use tessera_entitlement::EntitlementConfig;
use tessera_identity::IdentityConfig;
use tessera_media::MediaConfig;
use tessera_oidc::OidcConfig;
use tessera_playback::PlaybackConfig;
use tessera_runtime::{
    config::{BlobsConfig, LogConfig, PostgresConfig, ServerConfig, StoreChoice, TelemetryConfig},
    secrets::Secrets,
};
use tessera_sandbox_gateway::SandboxGatewayConfig;
use tessera_store::{Module, StoreConfig};
use tessera_viewers::ViewersConfig;
use tessera_webhooks::WebhooksConfig;

use crate::{
    authorize::AuthorizeConfig,
    database,
    error::CommandError,
    events::EventsConfig,
    flags::FlagsConfig,
    modules::{Here, Part},
    mtls::MtlsConfig,
    placement::{Placement, Places},
    retention::RetentionConfig,
};

/// Everything that can be configured. Each field's type documents it; `tessera.toml` in the sources is the annotated
/// sample.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Root {
    /// The folder of all state: databases, blobs, secrets.
    pub(crate) data: PathBuf,
    /// The parts of the deployment that this process holds. Default: none named, and then it is everything that no section
    /// places elsewhere.
    pub(crate) modules: Vec<Part>,
    /// The engine behind every module's tables.
    pub(crate) store: StoreChoice,
    pub(crate) blobs: BlobsConfig,
    pub(crate) shared: SharedConfig,
    pub(crate) server: ServerConfig,
    pub(crate) remote: RemoteConfig,
    pub(crate) rollout: RolloutConfig,
    pub(crate) flags: FlagsConfig,
    pub(crate) mtls: MtlsConfig,
    pub(crate) authorize: AuthorizeConfig,
    pub(crate) log: LogConfig,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) events: EventsConfig,
    pub(crate) retention: RetentionConfig,
    pub(crate) audit: Placement<AuditConfig>,
    pub(crate) billing: Placement<BillingConfig>,
    pub(crate) catalog: Placement<CatalogConfig>,
    pub(crate) delivery: Placement<DeliveryConfig>,
    pub(crate) drm: Placement<DrmConfig>,
    pub(crate) entitlement: Placement<EntitlementConfig>,
    pub(crate) identity: Placement<IdentityConfig>,
    /// Who signs people in, in the place of the built-in issuer.
    pub(crate) identity_provider: Option<OidcConfig>,
    pub(crate) media: Placement<MediaConfig>,
    pub(crate) playback: Placement<PlaybackConfig>,
    pub(crate) sandbox_gateway: Placement<SandboxGatewayConfig>,
    pub(crate) tenancy: Placement<NoSettings>,
    pub(crate) viewers: Placement<ViewersConfig>,
    pub(crate) webhooks: Placement<WebhooksConfig>,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            data: "data".into(),
            modules: Vec::new(),
            store: StoreChoice::default(),
            blobs: BlobsConfig::default(),
            shared: SharedConfig::default(),
            server: ServerConfig::default(),
            remote: RemoteConfig::default(),
            rollout: RolloutConfig::default(),
            flags: FlagsConfig::default(),
            mtls: MtlsConfig::default(),
            authorize: AuthorizeConfig::default(),
            log: LogConfig::default(),
            telemetry: TelemetryConfig::default(),
            events: EventsConfig::default(),
            retention: RetentionConfig::default(),
            audit: Placement::default(),
            billing: Placement::default(),
            catalog: Placement::default(),
            delivery: Placement::default(),
            drm: Placement::default(),
            entitlement: Placement::default(),
            identity: Placement::default(),
            identity_provider: None,
            media: Placement::default(),
            playback: Placement::default(),
            sandbox_gateway: Placement::default(),
            tenancy: Placement::default(),
            viewers: Placement::default(),
            webhooks: Placement::default(),
        }
    }
}

/// A section that can say nothing but where the module is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoSettings {}

/// `[shared]`: folders that several processes of one deployment have in common.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedConfig {
    /// The secrets, above all the one that contexts between processes are signed with. Default: `secrets` in `data`.
    pub(crate) secrets: Option<PathBuf>,
    /// The folder of the directory of tenants, on SQLite; on PostgreSQL it is a schema that all processes reach. Default:
    /// `data`.
    pub(crate) directory: Option<PathBuf>,
}

impl Root {
    /// The parts that this process holds.
    pub(crate) fn here(&self) -> Here {
        Here::new(&self.modules, |part| part != Part::Entitlement && self.places(part).is_elsewhere())
    }

    /// Where a part is asked.
    pub(crate) fn places(&self, part: Part) -> &Places {
        match part {
            Part::Front => Places::BUILT_IN,
            Part::Audit => &self.audit.places,
            Part::Billing => &self.billing.places,
            Part::Catalog => &self.catalog.places,
            Part::Delivery => &self.delivery.places,
            Part::Drm => &self.drm.places,
            Part::Entitlement => &self.entitlement.places,
            Part::Identity => &self.identity.places,
            Part::Media => &self.media.places,
            Part::Playback => &self.playback.places,
            Part::SandboxGateway => &self.sandbox_gateway.places,
            Part::Tenancy => &self.tenancy.places,
            Part::Viewers => &self.viewers.places,
            Part::Webhooks => &self.webhooks.places,
        }
    }

    /// The secrets of the process with its state in `data`.
    ///
    /// # Errors
    /// The folder cannot be made, or others may read it.
    pub(crate) fn secrets(&self, data: &Path) -> Result<Secrets, CommandError> {
        let opened = match &self.shared.secrets {
            Some(folder) => Secrets::in_folder(folder.clone()),
            None => Secrets::open(data),
        };
        opened.map_err(|e| CommandError::caused("opening the secrets", e))
    }

    /// Where `module` keeps its rows, in the process with its state in `data`.
    ///
    /// # Errors
    /// The configured address wants a password that is not among the secrets.
    pub(crate) fn store_of(&self, module: &Module, data: &Path) -> Result<StoreConfig, CommandError> {
        let StoreChoice::Postgres(PostgresConfig { url, max_connections }) = &self.store else {
            let of_all = module.name == tessera_runtime::directory::MODULE.name;
            let shared = self.shared.directory.as_deref().filter(|_| of_all);
            return Ok(StoreConfig::sqlite(shared.unwrap_or(data)));
        };
        let url = database::address_of(url.expose(), module.name, || self.secrets(data))?;
        Ok(StoreConfig::Postgres { url, max_connections: *max_connections })
    }

    /// Where the directory of tenants is, which all processes read.
    ///
    /// # Errors
    /// As [`Self::store_of`].
    pub(crate) fn directory_store(&self, data: &Path) -> Result<StoreConfig, CommandError> {
        self.store_of(&tessera_runtime::directory::MODULE, data)
    }

    /// For commands that see to one data folder with everything in it.
    ///
    /// # Errors
    /// Part of the deployment is kept elsewhere.
    pub(crate) fn expect_whole(&self) -> Result<(), CommandError> {
        let shared = &self.shared;
        let apart = [&shared.secrets, &shared.directory].into_iter().any(Option::is_some);
        let parts = Part::ALL.iter().filter(|part| **part != Part::Entitlement);
        match apart || !self.modules.is_empty() || parts.into_iter().any(|part| self.places(*part).is_elsewhere()) {
            false => Ok(()),
            true => Err(CommandError::new(
                "this works on a deployment of one process, with all its state in one data folder; of several processes, back up \
                 the databases with their own tools, the folders of [shared] and the blobs: docs/placements.md",
            )),
        }
    }

    /// What keeps a process with this configuration from being part of a whole; said before anything is opened.
    ///
    /// # Errors
    /// All of it, a line each.
    pub(crate) fn check_placement(&self) -> Result<(), CommandError> {
        let here = self.here();
        let mut lines = here.missing(|part| self.places(part).is_elsewhere());
        if here.chosen {
            let shared = &self.shared;
            let mut share = |lacks: bool, what: &str, setting: &str| {
                if lacks {
                    lines.push(format!("{what}: set {setting} to a folder that they have in common"));
                }
            };
            let signs = "processes of a deployment sign what they say to each other";
            share(shared.secrets.is_none(), signs, "[shared] secrets");
            let apart = here.has(Part::Media) != here.has(Part::Delivery);
            let reads = "delivery reads what media stores";
            share(apart && matches!(self.blobs, BlobsConfig::InData), reads, "[blobs.s3], or [blobs] folder");
            let own = matches!(self.store, StoreChoice::Sqlite) && shared.directory.is_none();
            let directory = "on SQLite the directory of tenants is a file that every process reads";
            share(own, directory, "[shared] directory");
        }
        match &lines[..] {
            [] => Ok(()),
            [only] => Err(CommandError::new(only.clone())),
            all => Err(CommandError::new(format!("this process would not be whole:\n  {}", all.join("\n  ")))),
        }
    }
}
