//! The operations. Uploads are not among them: they follow tus 1.0 under `/media/v1/uploads`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract, errors};
use tessera_types::{AssetId, UploadId};

use crate::{
    asset::{Asset, AssetDescriptor, AssetFailed, AssetPlayable, AssetReady, AssetState, Protection},
    pull::{CreatePull, GetPull, Pull},
    subtitles::{DeleteSubtitles, PutSubtitles},
    work::{AssetCancelled, AssetLog, AssetProgressed, CancelAsset, GetAssetLog, PrioritizeAsset, RetryAsset},
};

/// Make an asset of a finished upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateAsset {
    /// The upload.
    pub upload_id: UploadId,
    /// How it may leave the origin.
    pub protection: Protection,
    /// When its turn comes among the tenant's assets that wait, -100 to 100: the highest goes first. 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100, max = 100))]
    pub priority: Option<i8>,
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
    /// Only assets in this state: `processing`, `ready`, `failed` or `cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AssetState>,
}

errors! {
    /// Why a media operation failed.
    pub enum MediaError {
        /// No such asset in this tenant.
        AssetNotFound = 404 "asset_not_found",
        /// Nothing of the asset can be played yet, it has failed, or was cancelled.
        AssetNotReady = 409 "asset_not_ready",
        /// Nobody works on the asset, and none will: it is ready, has failed, or was cancelled.
        AssetNotProcessing = 409 "asset_not_processing",
        /// The asset is ready: there is nothing to make anew.
        AssetNotRetryable = 409 "asset_not_retryable",
        /// The address is not asked: of its form, or of the network that it is in.
        AddressRefused = 400 "address_refused",
        /// No such pull in this tenant.
        PullNotFound = 404 "pull_not_found",
        /// The tenant has as many assets in the making, or files on their way, as it may.
        JobQuotaExceeded = 409 "job_quota_exceeded",
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
#[contract(name = "media", version = "1.0", events = [AssetReady, AssetPlayable, AssetFailed, AssetProgressed, AssetCancelled])]
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

    /// Fetch what packaging needs of an asset that can be played.
    #[get("/v1/assets/{asset_id}/descriptor", access = service)]
    async fn get_descriptor(&self, cx: &Cx, request: GetDescriptor) -> Result<AssetDescriptor, MediaError>;

    /// Fetch a file into an upload, from an `http` or `https` address or a bucket: one that is public, or was allowed by whoever
    /// runs the platform. It goes on where it was cut. Follow it with `get_pull`, submit the upload once it is complete; deleting the
    /// upload ends it.
    #[post("/v1/pulls", access = staff("media:write"), status = 201, idempotent)]
    async fn create_pull(&self, cx: &Cx, request: CreatePull) -> Result<Pull, MediaError>;

    /// Fetch a pull: how far it is, or why it failed.
    #[get("/v1/pulls/{upload_id}", access = staff("media:read"))]
    async fn get_pull(&self, cx: &Cx, request: GetPull) -> Result<Pull, MediaError>;

    /// Stop the work on an asset, whether it has begun or not. What was made of it goes; the upload stays until it expires,
    /// to be submitted again or retried. An asset that was cancelled before is answered as it is.
    #[post("/v1/assets/{asset_id}/cancel", access = staff("media:write"))]
    async fn cancel_asset(&self, cx: &Cx, request: CancelAsset) -> Result<Asset, MediaError>;

    /// Make an asset anew that has failed or was cancelled, of the same upload. One that is being made is answered as it is.
    #[post("/v1/assets/{asset_id}/retry", access = staff("media:write"))]
    async fn retry_asset(&self, cx: &Cx, request: RetryAsset) -> Result<Asset, MediaError>;

    /// Set when the turn of an asset comes that waits for a worker. Tenants take turns whatever their priorities.
    #[put("/v1/assets/{asset_id}/priority", access = staff("media:write"))]
    async fn prioritize_asset(&self, cx: &Cx, request: PrioritizeAsset) -> Result<Asset, MediaError>;

    /// Fetch what was done to make an asset, for whoever has to find out why it failed or took so long.
    #[get("/v1/assets/{asset_id}/log", access = staff("media:read"))]
    async fn get_asset_log(&self, cx: &Cx, request: GetAssetLog) -> Result<AssetLog, MediaError>;
    /// Add subtitles to a ready asset, or replace those of this name. Players find them when they next fetch a manifest.
    ///
    /// Of a file with mistakes, what can be read is taken; style sheets that refer to something elsewhere are left out.
    #[put("/v1/assets/{asset_id}/subtitles/{subtitle_id}", access = staff("media:write"), body_bytes = 2_900_000)]
    async fn put_subtitles(&self, cx: &Cx, request: PutSubtitles) -> Result<Asset, MediaError>;

    /// Take subtitles away from an asset. Taking away what is not there is fine.
    #[delete("/v1/assets/{asset_id}/subtitles/{subtitle_id}", access = staff("media:write"))]
    async fn delete_subtitles(&self, cx: &Cx, request: DeleteSubtitles) -> Result<Asset, MediaError>;
}
