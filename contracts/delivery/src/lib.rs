//! The delivery contract: where the bytes of an asset come from.
//!
//! Playback asks for a route and gets manifest URLs in the order to try them, each signed by a path prefix. The origin
//! behind them serves manifests, segments and posters, and is not an operation. Delivery knows no viewer.

pub mod conformance;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract, errors};
use tessera_types::{AssetId, Sensitive, Territory, Timestamp};

/// A session is about to fetch an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteRequest {
    /// What it fetches.
    pub asset_id: AssetId,
    /// What the viewer's tier may have; all viewers of a tier get the same bytes. `standard` is every rendition.
    pub tier: String,
    /// Where the viewer is, as the edge knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<Territory>,
    /// The tallest rendition that the session may have, in pixels, where that is less than its tier allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u32>,
    /// The only codings that the session may have, by the name of their sample entry: `avc1`, `hvc1`, `av01`, `mp4a`,
    /// `ac-3`, `ec-3`, `Opus`. Not there for all that its tier allows. At most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecs: Option<Vec<String>>,
}

/// Signed manifest URLs of one CDN or origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name: `origin`.
    pub name: String,
    /// HLS multivariant playlist: a URL, or a path at the tenant's host.
    pub hls_url: Sensitive<String>,
    /// DASH MPD: a URL, or a path at the tenant's host.
    pub dash_url: Sensitive<String>,
}

/// Where to fetch, in the order to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// At least one.
    pub sources: Vec<Source>,
    /// Whether the segments are encrypted, so that the player needs licences.
    pub encrypted: bool,
    /// Labels of the content keys that these manifests need, as the DRM contract knows them; not there when they need
    /// all of the asset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_labels: Option<Vec<String>>,
    /// When the signatures stop working, wall time.
    pub expires_at: Timestamp,
}

errors! {
    /// Why a delivery operation failed.
    pub enum DeliveryError {
        /// No such asset, or it is not ready.
        AssetNotFound = 404 "asset_not_found",
        /// The URL's signature is missing, wrong, or has run out.
        UrlInvalid = 403 "url_invalid",
    }
}

/// Routes players to bytes.
#[contract(name = "delivery", version = "1.0")]
pub trait Delivery: Send + Sync + 'static {
    /// Route a session to an asset's manifests. Has no effect.
    #[post("/v1/routes", access = service)]
    async fn route(&self, cx: &Cx, request: RouteRequest) -> Result<Route, DeliveryError>;
}
