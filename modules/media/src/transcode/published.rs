//! What viewers play already: an attempt that begins after another was cut takes over what that one has published, so that no
//! byte that was seen becomes another.

use bytes::Bytes;
use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::TrackDescriptor;
use tessera_isobmff::TrackIndex;

use super::{
    Trouble,
    attempt::{Attempt, Done, kept},
    off_the_workers,
    package::{Track, sha256},
};
use crate::{
    plan::Plan,
    store::{self, Made},
    uploads::blob_key,
};

/// What can be played of an asset that is not ready.
pub(super) struct Published {
    made: Made,
    /// Where it is, within the asset's folder.
    folder: String,
}

impl Published {
    /// Of what is stored of an asset; none of a rendition that was cut in its making.
    pub(super) fn of(made: Option<Made>, folder: Option<String>) -> Option<Self> {
        Some(Self { made: made.filter(|made| !made.open_ended)?, folder: folder? })
    }
}

impl Attempt<'_> {
    /// Remembers the folder of what is to be played while the rest is made; its name.
    pub(super) async fn begin_early(&self) -> Result<String, Trouble> {
        let input = (self.asset.asset_id.clone(), self.name.clone());
        let write = self.worker.store.write(&self.job.cx(), input, |tx, (id, attempt)| {
            Box::pin(async move { store::begin_early(tx, id, attempt).await })
        });
        kept(write.await?)?;
        Ok(store::early_folder(&self.name))
    }

    /// What an earlier attempt has published, when it is what this plan would make; none where it has to be made.
    pub(super) async fn take_over(&self, early: &Plan) -> Result<Option<Done>, Trouble> {
        let Some(Published { made, folder }) = &self.published else { return Ok(None) };
        if !made.tracks.iter().map(|track| &track.track_id).eq(&early.track_ids()) {
            return Ok(None);
        }
        let mut tracks = Vec::new();
        for (number, stored) in made.tracks.iter().enumerate() {
            let video = early.video.get(number);
            let Some(index) = self.stored_index(stored).await? else { return Ok(None) };
            let track = Track::stored(stored, video.map(|planned| planned.height), index);
            if video.is_some_and(|planned| !track.is_of(planned)) {
                return Ok(None);
            }
            tracks.push((track, stored.clone()));
        }
        self.account.say("what can be played already stays as it is");
        let poster = made.poster_blob.clone().zip(made.poster_sha256.clone());
        Ok(Some(Done { tracks, poster, early: Some(folder.clone()) }))
    }

    /// The index of a stored track; none where it is gone or damaged.
    async fn stored_index(&self, stored: &TrackDescriptor) -> Result<Option<TrackIndex>, Trouble> {
        let blobs = self.worker.blobs.tenant(&self.job.tenant);
        let json: Bytes = match blobs.get(&blob_key(&stored.index_blob)?).await {
            Ok(json) => json,
            Err(Failure { kind: FailureKind::NotFound, .. }) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let expected = stored.index_sha256.clone();
        off_the_workers("reading the index of a stored track", move || {
            let whole = expected.is_none_or(|expected| sha256(&json) == expected);
            Ok(if whole { serde_json::from_slice(&json).ok() } else { None })
        })
        .await
    }
}
