//! The operations. Uploads are not among them: they follow tus 1.0 under `/media/v1/uploads`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract, errors};
use tessera_types::{AssetId, UploadId};

use crate::{
    asset::{Asset, AssetDescriptor, AssetFailed, AssetReady, Protection},
    subtitles::{DeleteSubtitles, PutSubtitles},
};

/// Make an asset of a finished upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateAsset {
    /// The upload.
    pub upload_id: UploadId,
    /// How it may leave the origin.
    pub protection: Protection,
}

/// Which asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetAsset {
    /// Its id.
    pub asset_id: AssetId,
}

/// Which asset's descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetDescriptor {
    /// The asset.
    pub asset_id: AssetId,
}

/// Which page of the assets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListAssets {
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

errors! {
    /// Why a media operation failed.
    pub enum MediaError {
        /// No such asset in this tenant.
        AssetNotFound = 404 "asset_not_found",
        /// The asset is still being made, or has failed.
        AssetNotReady = 409 "asset_not_ready",
        /// No such upload in this tenant.
        UploadNotFound = 404 "upload_not_found",
        /// The upload has not received all of its bytes.
        UploadIncomplete = 409 "upload_incomplete",
        /// An asset is being made, or has been made, of the upload.
        UploadInUse = 409 "upload_in_use",
        /// The file is no SubRip or WebVTT, or is larger than subtitles may be.
        SubtitlesUnreadable = 422 "subtitles_unreadable",
        /// The asset has as many subtitles as it may have.
        TooManySubtitles = 409 "too_many_subtitles",
    }
}

/// Makes assets of uploads, and describes them to whoever packages them.
#[contract(name = "media", version = "1.0", events = [AssetReady, AssetFailed])]
pub trait Media: Send + Sync + 'static {
    /// Submit a finished upload for transcoding. Follow it with `get_asset` or the events. The upload belongs to the
    /// asset from then on, and goes when the asset is ready; when the asset fails, the upload may be submitted again
    /// until it expires.
    #[post("/v1/assets", access = staff("media:write"), status = 201, idempotent)]
    async fn create_asset(&self, cx: &Cx, request: CreateAsset) -> Result<Asset, MediaError>;

    /// Fetch an asset: how far it is, what it has become, or why it failed.
    #[get("/v1/assets/{asset_id}", access = service_or_staff("media:read"))]
    async fn get_asset(&self, cx: &Cx, request: GetAsset) -> Result<Asset, MediaError>;

    /// List assets, newest first.
    #[get("/v1/assets", access = staff("media:read"))]
    async fn list_assets(&self, cx: &Cx, request: ListAssets) -> Result<Page<Asset>, MediaError>;

    /// Fetch what packaging needs of a ready asset.
    #[get("/v1/assets/{asset_id}/descriptor", access = service)]
    async fn get_descriptor(&self, cx: &Cx, request: GetDescriptor) -> Result<AssetDescriptor, MediaError>;

    /// Add subtitles to a ready asset, or replace those of this name. Players find them when they next fetch a manifest.
    ///
    /// Of a file with mistakes, what can be read is taken; style sheets that refer to something elsewhere are left out.
    #[put("/v1/assets/{asset_id}/subtitles/{subtitle_id}", access = staff("media:write"), body_bytes = 2_900_000)]
    async fn put_subtitles(&self, cx: &Cx, request: PutSubtitles) -> Result<Asset, MediaError>;

    /// Take subtitles away from an asset. Taking away what is not there is fine.
    #[delete("/v1/assets/{asset_id}/subtitles/{subtitle_id}", access = staff("media:write"))]
    async fn delete_subtitles(&self, cx: &Cx, request: DeleteSubtitles) -> Result<Asset, MediaError>;
}
