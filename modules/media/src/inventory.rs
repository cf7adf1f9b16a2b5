//! What ready assets are made of, against what the blob store has: for whoever looks after a deployment.

use bytes::Bytes;
use futures::StreamExt;
use serde::Deserialize;
use tessera_at_rest::{BlobChecks, Checker};
use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::TrackDescriptor;
use tessera_runtime::blobs::{Blobs, TenantBlobs};
use tessera_store::Inspector;
use tessera_types::{AssetId, TenantId};

use crate::{
    store::{self, ReadyAsset},
    transcode::sha256,
    uploads::blob_key,
};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Ready assets.
    pub assets: u64,
    /// Assets with something that was stored before it had checksums, of which only sizes are known.
    pub unchecked: u64,
    /// Blobs that are not what was stored.
    pub damaged: Vec<DamagedBlob>,
}

/// A blob that is not what was stored, so that nothing of it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// Whose.
    pub tenant: TenantId,
    /// The asset that is made of it.
    pub asset: AssetId,
    /// Its key in the blob store.
    pub blob: String,
    /// What is wrong with it.
    pub what: String,
}

/// `blob_checks` of a stored index.
#[derive(Deserialize)]
struct Checks {
    blob_checks: Option<BlobChecks>,
}

/// Looks for every blob of every ready asset and its size; with `deep` reads them all and compares their checksums.
///
/// # Errors
/// The store or the blobs cannot be read; what is damaged is a finding and no error.
pub async fn take_inventory(store: &mut Inspector, blobs: &Blobs, deep: bool) -> Result<Inventory, Failure> {
    let mut inventory = Inventory::default();
    let mut after = (String::new(), String::new());
    loop {
        let page = store::ready_assets(store, &after).await?;
        let Some(last) = page.last() else { return Ok(inventory) };
        after = (last.tenant.to_string(), last.asset_id.to_string());
        for asset in page {
            let mut look =
                Look { blobs: blobs.tenant(&asset.tenant), asset: &asset, deep, damaged: vec![], checked: true };
            look.over().await?;
            inventory.assets += 1;
            inventory.unchecked += u64::from(!look.checked);
            inventory.damaged.append(&mut look.damaged);
        }
    }
}

/// A look over one asset.
struct Look<'a> {
    blobs: TenantBlobs,
    asset: &'a ReadyAsset,
    deep: bool,
    damaged: Vec<DamagedBlob>,
    checked: bool,
}

impl Look<'_> {
    async fn over(&mut self) -> Result<(), Failure> {
        for track in &self.asset.made.tracks {
            let checks = self.index(track).await?;
            self.track(track, checks).await?;
        }
        let made = &self.asset.made;
        let pictures = made.thumbnails.iter().flat_map(|thumbnails| &thumbnails.pictures);
        for file in made.subtitles.iter().map(|subtitles| &subtitles.file).chain(pictures) {
            self.whole(&file.blob, Some(&file.sha256)).await?;
        }
        if let Some(poster) = &self.asset.made.poster_blob {
            self.whole(poster, self.asset.made.poster_sha256.as_deref()).await?;
        }
        Ok(())
    }

    /// The checksums that a track's index holds.
    async fn index(&mut self, track: &TrackDescriptor) -> Result<Option<BlobChecks>, Failure> {
        let Some(bytes) = self.whole(&track.index_blob, track.index_sha256.as_deref()).await? else { return Ok(None) };
        match serde_json::from_slice::<Checks>(&bytes) {
            Ok(checks) => Ok(checks.blob_checks),
            Err(error) => {
                self.damaged(&track.index_blob, format!("it is no index any more: {error}"));
                Ok(None)
            }
        }
    }

    async fn track(&mut self, track: &TrackDescriptor, checks: Option<BlobChecks>) -> Result<(), Failure> {
        let blob = &track.blob;
        let Some(size) = self.size(blob).await? else { return Ok(()) };
        if size != track.size_bytes {
            self.damaged(blob, format!("it has {size} bytes, and {} were stored", track.size_bytes));
            return Ok(());
        }
        if !self.deep {
            return Ok(());
        }
        let Some(checks) = checks else {
            self.checked = false;
            return Ok(());
        };
        let (_, mut pieces) = self.blobs.get_stream(&blob_key(blob)?).await?;
        let mut checker = Checker::default();
        while let Some(piece) = pieces.next().await {
            checker.push(&piece?);
        }
        if let Some(at) = checks.first_difference(&checker.finish()) {
            self.damaged(blob, format!("its bytes from {at} on have changed"));
        }
        Ok(())
    }

    /// A small blob, when it is there and, on a deep look, is what was stored. Only a deep look reads it.
    async fn whole(&mut self, blob: &str, expected: Option<&str>) -> Result<Option<Bytes>, Failure> {
        if self.size(blob).await?.is_none() || !self.deep {
            return Ok(None);
        }
        let bytes = self.blobs.get(&blob_key(blob)?).await?;
        match expected {
            Some(expected) if sha256(&bytes) != expected => {
                self.damaged(blob, "its bytes have changed".into());
                Ok(None)
            }
            Some(_) => Ok(Some(bytes)),
            None => {
                self.checked = false;
                Ok(Some(bytes))
            }
        }
    }

    /// The blob's size; one that is not there is damaged.
    async fn size(&mut self, blob: &str) -> Result<Option<u64>, Failure> {
        match self.blobs.info(&blob_key(blob)?).await {
            Ok(info) => Ok(Some(info.size)),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                self.damaged(blob, "it is gone".into());
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn damaged(&mut self, blob: &str, what: String) {
        let (tenant, asset) = (self.asset.tenant.clone(), self.asset.asset_id.clone());
        self.damaged.push(DamagedBlob { tenant, asset, blob: blob.to_owned(), what });
    }
}
