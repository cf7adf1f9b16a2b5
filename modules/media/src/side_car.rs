//! Subtitles that staff puts beside a ready asset, and takes away.

use base64::{Engine, prelude::BASE64_STANDARD};
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_media::{
    Asset, DeleteSubtitles, MediaError, PutSubtitles, StoredFile, SubtitleDescriptor, SubtitleKind,
};
use tessera_store::Tx;
use tessera_types::AssetId;

use crate::{
    MediaService,
    at_rest::Place,
    service::asset_not_ready,
    steering::asset_not_found,
    store::{self, Made, StoredAsset},
    subtitles::clean,
    transcode::{TEXT, folder, sealed},
    uploads::blob_key,
};

/// Bytes of a file.
const FILE_MAX: usize = 2 << 20;
/// Subtitles of one asset.
const SUBTITLES_MAX: usize = 100;
const NAME_MAX: usize = 32;

impl MediaService {
    /// Reads the file, stores it beside the tracks under the asset's key, and names it.
    pub(crate) async fn put_side_car(&self, cx: &Cx, request: PutSubtitles) -> Result<Asset, MediaError> {
        let PutSubtitles { asset_id, subtitle_id, language, kind, data } = request;
        check_name(&subtitle_id)?;
        if kind == SubtitleKind::Unknown {
            return Err(Failure::invalid("kind", "kind is subtitles, captions or forced").into());
        }
        let stored = self.ready(cx, &asset_id).await?;
        let text = tokio::task::spawn_blocking(move || text_of(&data));
        let text = text.await.map_err(|e| Failure::internal("reading subtitles", e))??;
        let folder = format!("{}/{TEXT}-{:016x}", stored.attempt.as_deref().unwrap_or_default(), rand::random::<u64>());
        let add = self.store.write(cx, (asset_id.clone(), folder.clone()), |tx, (id, folder)| {
            Box::pin(async move { store::add_folder(tx, id, folder).await })
        });
        add.await?;
        let file = self.store_text(cx, &stored, &format!("{folder}/{subtitle_id}.vtt"), text).await?;
        let put = SubtitleDescriptor { subtitle_id, language: Some(language), kind, file };
        let write = self.store.write(cx, (asset_id, folder, put), |tx, (id, folder, put)| {
            Box::pin(async move {
                if !store::name_folder(tx, id, folder).await? {
                    let slow = "storing the subtitles took too long; try again";
                    return Err(Failure::new(FailureKind::Unavailable, slow).into());
                }
                change(tx, id, |made| replace(made, put)).await
            })
        });
        write.await
    }

    /// Names the subtitles no more; the sweep deletes their file.
    pub(crate) async fn delete_side_car(&self, cx: &Cx, request: DeleteSubtitles) -> Result<Asset, MediaError> {
        let DeleteSubtitles { asset_id, subtitle_id } = request;
        self.ready(cx, &asset_id).await?;
        let write = self.store.write(cx, (asset_id, subtitle_id), |tx, (id, gone)| {
            Box::pin(async move { change(tx, id, |made| Ok(remove(made, gone))).await })
        });
        write.await
    }

    async fn ready(&self, cx: &Cx, id: &AssetId) -> Result<StoredAsset, MediaError> {
        let stored = self.asset(cx, id).await?;
        if stored.made.is_none() { Err(asset_not_ready(&stored.asset)) } else { Ok(stored) }
    }

    /// Stores the text under the asset's key, in a place that no other text ever has.
    async fn store_text(&self, cx: &Cx, asset: &StoredAsset, name: &str, text: String) -> Result<StoredFile, Failure> {
        let place = Place { tenant: &cx.tenant, asset: &asset.asset.asset_id };
        let missing = || Failure::new(FailureKind::Internal, "a ready asset has no key");
        let (key_id, wrapped) = asset.key_id.as_deref().zip(asset.wrapped_key.as_deref()).ok_or_else(missing)?;
        let key = self.open_key(place, key_id, wrapped)?;
        let (file, bytes) = sealed(&key, folder(place.asset, name), text.into_bytes());
        self.blobs.tenant(&cx.tenant).put(&blob_key(&file.blob)?, bytes).await?;
        Ok(file)
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match plain && (1..=NAME_MAX).contains(&name.len()) {
        true => Ok(()),
        false => {
            let rule = format!("subtitle_id is 1 to {NAME_MAX} lower-case letters, digits and hyphens");
            Err(Failure::invalid("subtitle_id", rule))
        }
    }
}

/// The WebVTT file that is kept of the data.
fn text_of(data: &str) -> Result<String, MediaError> {
    let file = BASE64_STANDARD.decode(data).map_err(|e| Failure::invalid("data", format!("data is no base64: {e}")))?;
    if file.len() > FILE_MAX {
        let detail = format!("the file has {} bytes; subtitles of a film have at most {FILE_MAX}", file.len());
        return Err(MediaError::SubtitlesUnreadable(detail));
    }
    clean(&file, 0).map_err(|why| MediaError::SubtitlesUnreadable(why.to_string()))
}

/// Puts an entry in the place of the one with its name, which it gives back.
fn replace(made: &mut Made, put: &SubtitleDescriptor) -> Result<Option<SubtitleDescriptor>, MediaError> {
    if let Some(known) = made.subtitles.iter_mut().find(|known| known.subtitle_id == put.subtitle_id) {
        return Ok(Some(std::mem::replace(known, put.clone())));
    }
    if made.subtitles.len() >= SUBTITLES_MAX {
        let detail = format!("the asset has {SUBTITLES_MAX} subtitles already: take some away first");
        return Err(MediaError::TooManySubtitles(detail));
    }
    made.subtitles.push(put.clone());
    Ok(None)
}

fn remove(made: &mut Made, name: &str) -> Option<SubtitleDescriptor> {
    let at = made.subtitles.iter().position(|subtitles| subtitles.subtitle_id == name)?;
    Some(made.subtitles.remove(at))
}

/// Changes what a ready asset is made of; the file of what is named no more is left to the sweep. Answers the asset as it
/// is then.
async fn change(
    tx: &mut Tx,
    id: &AssetId,
    change: impl FnOnce(&mut Made) -> Result<Option<SubtitleDescriptor>, MediaError> + Send,
) -> Result<Asset, MediaError> {
    let stored = store::asset_in(tx, id).await?.ok_or_else(|| asset_not_found(id))?;
    let before = stored.made.ok_or_else(|| asset_not_ready(&stored.asset))?;
    let mut made = before.clone();
    if let Some(gone) = change(&mut made)?
        && let Some(folder) = folder_of(id, &gone.file.blob)
    {
        store::add_folder(tx, id, folder).await?;
    }
    if made == before {
        return Ok(stored.asset);
    }
    store::set_made(tx, id, &made).await?;
    Ok(store::asset_in(tx, id).await?.ok_or_else(|| asset_not_found(id))?.asset)
}

/// The folder of a blob, below its asset's.
fn folder_of<'b>(id: &AssetId, blob: &'b str) -> Option<&'b str> {
    let below = blob.strip_prefix(&folder(id, ""))?;
    below.rsplit_once('/').map(|(folder, _)| folder)
}
