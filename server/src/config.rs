//! `tessera.toml`, whole: a section for the process and one for each module.

use std::path::PathBuf;

use serde::Deserialize;
use tessera_audit::AuditConfig;
use tessera_billing::BillingConfig;
use tessera_catalog::CatalogConfig;
use tessera_delivery::DeliveryConfig;
use tessera_drm::DrmConfig;
use tessera_entitlement::EntitlementConfig;
use tessera_identity::IdentityConfig;
use tessera_media::MediaConfig;
use tessera_playback::PlaybackConfig;
use tessera_runtime::config::{LogConfig, ServerConfig, StoreChoice};
use tessera_sandbox_gateway::SandboxGatewayConfig;
use tessera_viewers::ViewersConfig;
use tessera_webhooks::WebhooksConfig;

use crate::{events::EventsConfig, placement::Placement, retention::RetentionConfig};

/// Everything that can be configured. Each field's type documents it; `tessera.toml` in the sources is the annotated
/// sample.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Root {
    /// The folder of all state: databases, blobs, secrets.
    pub(crate) data: PathBuf,
    /// The engine behind every module's tables.
    pub(crate) store: StoreChoice,
    pub(crate) server: ServerConfig,
    pub(crate) log: LogConfig,
    pub(crate) events: EventsConfig,
    pub(crate) retention: RetentionConfig,
    pub(crate) audit: AuditConfig,
    pub(crate) billing: BillingConfig,
    pub(crate) catalog: CatalogConfig,
    pub(crate) delivery: DeliveryConfig,
    pub(crate) drm: DrmConfig,
    pub(crate) entitlement: Placement<EntitlementConfig>,
    pub(crate) identity: IdentityConfig,
    pub(crate) media: MediaConfig,
    pub(crate) playback: PlaybackConfig,
    pub(crate) sandbox_gateway: SandboxGatewayConfig,
    pub(crate) viewers: ViewersConfig,
    pub(crate) webhooks: WebhooksConfig,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            data: "data".into(),
            store: StoreChoice::default(),
            server: ServerConfig::default(),
            log: LogConfig::default(),
            events: EventsConfig::default(),
            retention: RetentionConfig::default(),
            audit: AuditConfig::default(),
            billing: BillingConfig::default(),
            catalog: CatalogConfig::default(),
            delivery: DeliveryConfig::default(),
            drm: DrmConfig::default(),
            entitlement: Placement::default(),
            identity: IdentityConfig::default(),
            media: MediaConfig::default(),
            playback: PlaybackConfig::default(),
            sandbox_gateway: SandboxGatewayConfig::default(),
            viewers: ViewersConfig::default(),
            webhooks: WebhooksConfig::default(),
        }
    }
}
