//! The DRM contract: content keys and who gets a licence for them.
//!
//! The packager asks for an asset's key; playback asks where a player fetches its licence and with what token. The
//! licence endpoint itself speaks each DRM system's own protocol and is not an operation. DRM knows no plan or price: it
//! asks entitlement again before it gives a key away.

pub mod conformance;
mod label;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract, errors};
use tessera_contract_entitlement::{PlayFacts, Viewing};
use tessera_types::{AssetId, PlaybackSessionId, Sensitive, Timestamp};

pub use label::{KeyLabel, KeyLabelError};

/// Whose keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetContentKey {
    /// The asset. Its key is made when it is first asked for.
    pub asset_id: AssetId,
    /// Which of its keys, where it has several: each label has a key of its own, and no label is one more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<KeyLabel>,
}

/// A content key (ISO/IEC 23001-7): for the packager, never for a front end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContentKey {
    /// The asset it encrypts.
    pub asset_id: AssetId,
    /// Which of its keys this is; not there for the one without a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<KeyLabel>,
    /// KID: 16 bytes, lower-case hexadecimal without hyphens.
    pub key_id: String,
    /// The key: 16 bytes, lower-case hexadecimal.
    pub key: Sensitive<String>,
    /// The constant IV of `cbcs`: 16 bytes, lower-case hexadecimal.
    pub iv: String,
}

/// A session is about to play an asset and will want licences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorizeLicence {
    /// The session.
    pub session_id: PlaybackSessionId,
    /// What it plays.
    pub asset_id: AssetId,
    /// Who watches, and where: decided on again with each licence.
    pub viewing: Viewing,
    /// The facts about the title.
    pub facts: PlayFacts,
    /// Labels of the only keys that the session may have licences for; not there for all of the asset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_labels: Option<Vec<KeyLabel>>,
}

/// Where and with what a player fetches its licences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenceAccess {
    /// Licence servers by key system.
    pub servers: Vec<LicenceServer>,
    /// Send it as `Authorization: Bearer …` with each licence request.
    pub token: Sensitive<String>,
    /// When the token stops working, wall time.
    pub expires_at: Timestamp,
}

/// A licence server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenceServer {
    /// EME key system: `org.w3.clearkey`.
    pub key_system: String,
    /// A URL, or a path at the tenant's host.
    pub url: String,
}

errors! {
    /// Why a DRM operation failed.
    pub enum DrmError {
        /// The playback token is forged, expired, of another tenant, or for another asset.
        TokenInvalid = 401 "token_invalid",
        /// The grant that the session began on does not stand any more; the detail says why.
        LicenceDenied = 403 "licence_denied",
        /// The licence request names a key that is not the session's asset's.
        KeyNotFound = 404 "key_not_found",
    }
}

/// Keeps content keys and authorizes licences.
#[contract(name = "drm", version = "1.0")]
pub trait Drm: Send + Sync + 'static {
    /// Fetch a content key of an asset, making it the first time.
    #[get("/v1/keys/{asset_id}", access = service)]
    async fn get_content_key(&self, cx: &Cx, request: GetContentKey) -> Result<ContentKey, DrmError>;

    /// Say where a session fetches its licences, with a token for it. Has no effect.
    #[post("/v1/licence-access", access = service)]
    async fn authorize_licence(&self, cx: &Cx, request: AuthorizeLicence) -> Result<LicenceAccess, DrmError>;
}
