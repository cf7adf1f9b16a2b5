//! The modules that delivery asks, holding what a test gives them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tessera_contract::{Caller, Cx, Failure, FailureKind, Page, async_trait};
use tessera_contract_drm::{AuthorizeLicence, ContentKey, Drm, DrmError, GetContentKey, LicenceAccess};
use tessera_contract_media::{
    Asset, AssetDescriptor, AssetLog, CancelAsset, CreateAsset, CreatePull, DeleteSubtitles, GetAsset, GetAssetLog,
    GetDescriptor, GetPull, ListAssets, Media, MediaError, PrioritizeAsset, Pull, PutSubtitles, RetryAsset,
};

pub(crate) const KEY_HEX: &str = "00112233445566778899aabbccddeeff";

/// Descriptors by tenant and asset; an asset that is being made has none.
#[derive(Default)]
pub(crate) struct Assets {
    pub(crate) ready: Mutex<BTreeMap<(String, String), AssetDescriptor>>,
    pub(crate) pending: Mutex<Vec<(String, String)>>,
    pub(crate) asked: AtomicU32,
    pub(crate) unreachable: AtomicBool,
}

fn not_asked() -> Failure {
    Failure::new(FailureKind::Internal, "delivery does not ask for this")
}

#[async_trait]
impl Media for Assets {
    async fn get_descriptor(&self, cx: &Cx, request: GetDescriptor) -> Result<AssetDescriptor, MediaError> {
        assert_eq!(cx.caller, Caller::Service { name: "delivery".into() });
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(Failure::new(FailureKind::Unavailable, "media cannot be reached").into());
        }
        let key = (cx.tenant.to_string(), request.asset_id.to_string());
        if self.pending.lock().unwrap().contains(&key) {
            return Err(MediaError::AssetNotReady("it is being made".into()));
        }
        let found = self.ready.lock().unwrap().get(&key).cloned();
        found.ok_or_else(|| MediaError::AssetNotFound("there is none".into()))
    }

    async fn create_asset(&self, _: &Cx, _: CreateAsset) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn put_subtitles(&self, _: &Cx, _: PutSubtitles) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn delete_subtitles(&self, _: &Cx, _: DeleteSubtitles) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn get_asset(&self, _: &Cx, _: GetAsset) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn list_assets(&self, _: &Cx, _: ListAssets) -> Result<Page<Asset>, MediaError> {
        Err(not_asked().into())
    }
    async fn cancel_asset(&self, _: &Cx, _: CancelAsset) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn retry_asset(&self, _: &Cx, _: RetryAsset) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn prioritize_asset(&self, _: &Cx, _: PrioritizeAsset) -> Result<Asset, MediaError> {
        Err(not_asked().into())
    }
    async fn get_asset_log(&self, _: &Cx, _: GetAssetLog) -> Result<AssetLog, MediaError> {
        Err(not_asked().into())
    }
    async fn create_pull(&self, _: &Cx, _: CreatePull) -> Result<Pull, MediaError> {
        Err(not_asked().into())
    }
    async fn get_pull(&self, _: &Cx, _: GetPull) -> Result<Pull, MediaError> {
        Err(not_asked().into())
    }
}

/// One key for everything, under an id for each label.
pub(crate) struct OneKey;

#[async_trait]
impl Drm for OneKey {
    async fn get_content_key(&self, cx: &Cx, request: GetContentKey) -> Result<ContentKey, DrmError> {
        assert_eq!(cx.caller, Caller::Service { name: "delivery".into() });
        let label = request.label.as_ref().map_or(0, |label| label.as_str().bytes().map(u128::from).sum());
        Ok(ContentKey {
            asset_id: request.asset_id,
            label: request.label,
            key_id: format!("{:032x}", 0x0123456789abcdef0123456789abcdef_u128 + label),
            key: KEY_HEX.into(),
            iv: "d5fbd6b82ed93e4ef98ae40931ee33b7".into(),
        })
    }

    async fn authorize_licence(&self, _: &Cx, _: AuthorizeLicence) -> Result<LicenceAccess, DrmError> {
        Err(not_asked().into())
    }
}
