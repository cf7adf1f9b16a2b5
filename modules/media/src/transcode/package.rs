//! Track files: indexed, checked against each other, encrypted and stored.

use std::{
    fs::OpenOptions,
    io::{Read, Seek},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::{Stream, stream};
use rustix::{fs::OFlags, io::Errno};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tessera_at_rest::{BlobChecks, BlobCipher, Checker};
use tessera_cenc::TrackIndexer;
use tessera_contract::Failure;
use tessera_contract_media::{TrackDescriptor, TrackKind};
use tessera_isobmff::TrackIndex;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt},
};

use super::{Trouble, attempt::Attempt, off_the_workers};
use crate::{
    encode,
    plan::VideoTrack,
    probe::Source,
    refusal::Refusal,
    scratch::Scratch,
    stitch::{self, Unfit},
    uploads::blob_key,
};

const PIECE: usize = 256 * 1024;
pub(super) const READING: &str = "reading a track file on the scratch disk";
/// A tenth of the film, and at least half a second, may be missing at its end before it counts as cut short.
const MISSING_SHARE: f64 = 0.1;
const MISSING_SECONDS: f64 = 0.5;

/// A track file on the scratch disk.
#[derive(Clone)]
pub(super) struct Track {
    pub(super) track_id: String,
    /// In pixels; none for sound.
    pub(super) height: Option<u32>,
    index: TrackIndex,
    size: u64,
    /// Whether it is the beginning of a file that gets longer.
    open_ended: bool,
}

impl Track {
    /// Reads the file that FFmpeg made once, for its index with the subsample maps.
    pub(super) async fn index(track_id: &str, height: Option<u32>, scratch: &Scratch) -> Result<Self, Trouble> {
        let (track_id, path) = (track_id.to_owned(), scratch.out().join(encode::file(track_id)));
        off_the_workers("indexing a track", move || {
            let (index, size) = read_index(&path)?;
            Ok(Self { track_id, height, index, size, open_ended: false })
        })
        .await
    }

    /// The same of what there is of a file that is still being written, when that is at least `least` bytes: its whole
    /// fragments.
    pub(super) async fn beginning(
        track_id: &str,
        height: Option<u32>,
        least: u64,
        scratch: &Scratch,
    ) -> Result<Option<Self>, Trouble> {
        let (track_id, path) = (track_id.to_owned(), scratch.out().join(encode::file(track_id)));
        off_the_workers("indexing the beginning of a track", move || {
            if !path.exists() {
                return Ok(None);
            }
            let mut file = open(&path)?;
            let written = file.metadata().map_err(Trouble::disk(READING))?.len();
            let Some(whole) = stitch::whole_fragments(&mut file, written).ok().filter(|size| *size >= least.max(1))
            else {
                return Ok(None);
            };
            file.rewind().map_err(Trouble::disk(READING))?;
            let (index, size) = index_of(file.take(whole))?;
            Ok(Some(Self { track_id, height, index, size, open_ended: true }))
        })
        .await
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// One that is stored already, with the index that is stored beside it.
    pub(super) fn stored(stored: &TrackDescriptor, height: Option<u32>, index: TrackIndex) -> Self {
        Self { track_id: stored.track_id.clone(), height, index, size: stored.size_bytes, open_ended: false }
    }

    /// Whether it is of this size and rate, and cut as planned.
    pub(super) fn is_of(&self, planned: &VideoTrack) -> bool {
        let tessera_isobmff::TrackKind::Video(format) = self.index.kind else { return false };
        let (num, den) = (u128::from(planned.rate.num), u128::from(planned.rate.den));
        let is_rate = |(ours, per): (u64, u64)| u128::from(ours) * den == num * u128::from(per);
        let rate = self.index.frame_rate().is_some_and(is_rate);
        let is_group = |samples: usize| samples == planned.group as usize;
        let cut = self.index.fragments().split_last().is_none_or(|(last, others)| {
            others.iter().all(|fragment| is_group(fragment.sample_count()))
                && last.sample_count() <= planned.group as usize
        });
        let size = (u32::from(format.width), u32::from(format.height));
        cut && rate && size == (planned.width, planned.height)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.index.duration() as f64 / f64::from(self.index.timescale.max(1))
    }

    /// Whether its fragments begin when those of `other` do. Timescales may differ: a half rate has its own.
    fn is_cut_like(&self, other: &Self) -> bool {
        let starts = |track: &Self, scale: u32| -> Vec<u128> {
            let fragments = track.index.fragments().iter();
            fragments.map(|fragment| u128::from(fragment.base_decode_time()) * u128::from(scale)).collect()
        };
        starts(self, other.index.timescale) == starts(other, self.index.timescale)
    }
}

/// Opens what the child wrote; never through a link that it made, and never a pipe, which would be waited at.
pub(super) fn open(path: &Path) -> Result<std::fs::File, Trouble> {
    let strange =
        || Refusal::TranscodeFailed.because("the encoder left something that is not a file; export the film anew");
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::LOOP | Errno::NXIO)) => {
            return Err(strange().into());
        }
        Err(error) => return Err(Trouble::disk(READING)(error)),
    };
    match file.metadata().map_err(Trouble::disk(READING))?.is_file() {
        true => Ok(file),
        false => Err(strange().into()),
    }
}

/// Reads a track file to its end, for its index and its size.
pub(super) fn read_index(path: &Path) -> Result<(TrackIndex, u64), Trouble> {
    index_of(open(path)?)
}

fn index_of(mut file: impl Read) -> Result<(TrackIndex, u64), Trouble> {
    let unusable = |e: tessera_cenc::Error| {
        let cause = std::error::Error::source(&e).map(|cause| format!(": {cause}")).unwrap_or_default();
        Refusal::TranscodeFailed
            .because(format!("what was encoded of the film cannot be used ({e}{cause}); export it anew"))
    };
    let (mut indexer, mut size, mut piece) = (TrackIndexer::new(), 0, vec![0; 4 * PIECE]);
    loop {
        match file.read(&mut piece).map_err(Trouble::disk(READING))? {
            0 => return Ok((indexer.finish().map_err(unusable)?, size)),
            read => {
                indexer.push(&piece[..read]).map_err(unusable)?;
                size += read as u64;
            }
        }
    }
}

/// The same of a chunk; `None` when the encoder found nothing to write into it.
pub(super) async fn index_of_chunk(path: &Path) -> Result<Option<(TrackIndex, u64)>, Trouble> {
    let path = path.to_owned();
    off_the_workers("indexing a chunk", move || match stitch::has_fragments(open(&path)?) {
        Ok(true) => read_index(&path).map(Some),
        Ok(false) => Ok(None),
        Err(Unfit::Io(error)) => Err(Trouble::disk(READING)(error)),
        Err(error) => {
            let found = format!("what was encoded of the film cannot be used ({error}); export it anew");
            Err(Refusal::TranscodeFailed.because(found).into())
        }
    })
    .await
}

/// Opens what the child wrote, to be read beside the async workers.
pub(super) async fn open_aside(path: PathBuf) -> Result<File, Trouble> {
    off_the_workers(READING, move || open(&path).map(File::from_std)).await
}

/// Whether the tracks are all of the film, and renditions can be switched at every fragment.
pub(super) fn check(source: &Source, tracks: &[&Track]) -> Result<(), Trouble> {
    let video: Vec<&Track> = tracks.iter().copied().filter(|track| track.height.is_some()).collect();
    let Some(first) = video.first() else { return Ok(()) };
    let (wanted, got) = (source.video.duration, first.seconds());
    if got + (MISSING_SHARE * wanted).max(MISSING_SECONDS) < wanted {
        let found = format!("the file says that it is {wanted:.1} s long, and only {got:.1} s of it could be read");
        return Err(Refusal::Truncated.because(format!("{found}: it was cut short")).into());
    }
    // What was read ends a second after this at the latest.
    if got > encode::longest_reading(source) - 1.0 {
        let found = format!("the file says that it is {wanted:.1} s long, and goes on after that");
        return Err(Refusal::TranscodeFailed.because(format!("{found}: remux it, so that it says its length")).into());
    }
    match video.iter().all(|track| track.is_cut_like(first)) {
        true => Ok(()),
        false => Err(Refusal::TranscodeFailed.because("the renditions are not cut at the same pictures").into()),
    }
}

impl Attempt<'_> {
    /// Stores a track, encrypted, and its index, in this folder of the asset's. A longer version of a track takes the place of the
    /// one before: it has the same bytes as far as that goes.
    pub(super) async fn store_track(
        &self,
        folder: &str,
        track: Track,
        scratch: &Scratch,
    ) -> Result<TrackDescriptor, Trouble> {
        let kind = if track.height.is_some() { TrackKind::Video } else { TrackKind::Audio };
        let (track_id, file) = (track.track_id.clone(), encode::file(&track.track_id));
        let (blob, path) = (self.blob(folder, &file), scratch.out().join(file));
        let index_blob = self.blob(folder, &format!("{track_id}.index.json"));
        let blobs = self.worker.blobs.tenant(&self.job.tenant);
        let file = open_aside(path).await?;
        let checker = Arc::new(Mutex::new(Checker::default()));
        let encrypted = encrypted(file.take(track.size), BlobCipher::new(&self.key.0, &blob), checker.clone());
        let stored = blobs.put_stream(&blob_key(&blob)?, encrypted).await?;
        if stored != track.size {
            let detail = format!("the track {track_id} has changed while it was stored");
            return Err(Failure::new(tessera_contract::FailureKind::Internal, detail).into());
        }
        let (size_bytes, open_ended) = (track.size, track.open_ended);
        let json = off_the_workers("writing an index", move || {
            let checker = std::mem::take(&mut *checker.lock().unwrap_or_else(PoisonError::into_inner));
            let stored = StoredIndex { index: &track.index, blob_checks: checker.finish() };
            let json = serde_json::to_vec(&stored).map_err(|e| Failure::internal("writing an index as JSON", e))?;
            let sha256 = sha256(&json);
            // Whoever still knows of a shorter version may meet a longer one's index.
            Ok((Bytes::from(json), Some(sha256).filter(|_| !open_ended)))
        });
        let (json, index_sha256) = json.await?;
        blobs.put(&blob_key(&index_blob)?, json).await?;
        Ok(TrackDescriptor { track_id, kind, blob, index_blob, index_sha256, size_bytes })
    }

    /// Stores the poster, which is public. Answers its blob and its SHA-256.
    pub(super) async fn store_poster(&self, folder: &str, scratch: &Scratch) -> Result<(String, String), Trouble> {
        let path = scratch.out().join(encode::POSTER);
        let bytes = off_the_workers(READING, move || {
            let mut bytes = Vec::new();
            open(&path)?.read_to_end(&mut bytes).map_err(Trouble::disk(READING))?;
            Ok(bytes)
        });
        let blob = self.blob(folder, encode::POSTER);
        let blobs = self.worker.blobs.tenant(&self.job.tenant);
        let bytes = bytes.await?;
        let sha256 = sha256(&bytes);
        blobs.put(&blob_key(&blob)?, Bytes::from(bytes)).await?;
        Ok((blob, sha256))
    }

    /// Where what has this name is stored in a folder of the asset's.
    pub(super) fn blob(&self, within: &str, name: &str) -> String {
        format!("{}/{name}", folder(&self.asset.asset_id, within))
    }
}

/// Where the blobs of an attempt are.
pub(crate) fn folder(asset: &tessera_types::AssetId, attempt: &str) -> String {
    format!("assets/{asset}/{attempt}")
}

/// An index as stored.
#[derive(Serialize)]
struct StoredIndex<'a> {
    #[serde(flatten)]
    index: &'a TrackIndex,
    blob_checks: BlobChecks,
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file in pieces, encrypted; `checker` sees what is stored.
pub(super) fn encrypted(
    file: impl AsyncRead + Unpin + Send,
    cipher: BlobCipher,
    checker: Arc<Mutex<Checker>>,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send {
    stream::try_unfold((file, cipher, checker), |(mut file, mut cipher, checker)| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await.map_err(|e| Failure::unavailable(READING, e))?;
        piece.truncate(read);
        cipher.apply(&mut piece);
        checker.lock().unwrap_or_else(PoisonError::into_inner).push(&piece);
        Ok((read > 0).then(|| (Bytes::from(piece), (file, cipher, checker))))
    })
}
