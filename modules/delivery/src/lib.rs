//! The built-in delivery: where the bytes of an asset come from.
//!
//! It owns routes, their signed URLs, and the origin behind them, which packages on request: manifests, init segments
//! and segments are pure functions of the stored copy, its index and the content key, so that the same request gets the
//! same bytes, always and from every origin. It stores nothing. It refuses to know viewers, plans and prices: a signed
//! URL names a tenant, an asset, a tier, a territory, and limits of its own.

mod allowance;
mod audio_groups;
mod beside;
mod config;
mod dash;
mod entity;
mod growing;
mod hls;
mod http;
mod layout;
mod library;
mod origin;
mod packager;
mod pieces;
mod place;
mod presentation;
mod protection;
mod segment_cache;
mod service;
mod shelf;
mod signalling;
mod signature;
mod stock;
mod subtitles;
mod thumbnails;
mod written;

use std::sync::Arc;

use tessera_contract_drm::Drm;
use tessera_contract_media::Media;
use tessera_runtime::{blobs::Blobs, secrets::KeyRing};
use tessera_types::Clock;

pub use config::{DeliveryConfig, Tier};
pub use service::DeliveryService;
pub use signalling::{Encryption, KeyDivision, Signalling, System};

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the module is handed.
pub struct DeliveryDeps {
    /// Wall time: signed URLs run out by it.
    pub clock: Arc<dyn Clock>,
    /// Describes assets.
    pub media: Arc<dyn Media>,
    /// Holds content keys.
    pub drm: Arc<dyn Drm>,
    /// Where media keeps track files, indexes and posters.
    pub blobs: Blobs,
    /// Signs URLs. All origins and CDN configurations of a deployment share it.
    pub url_keys: KeyRing,
}

/// Opens the module: implements `Delivery`. There is nothing to wait for and nothing that can fail.
pub fn open(config: DeliveryConfig, deps: DeliveryDeps) -> Arc<DeliveryService> {
    http::announce();
    Arc::new(DeliveryService::new(config, deps))
}
