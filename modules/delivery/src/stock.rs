//! An asset's stored copy, ready to be packaged in every way: its tracks divided into segments.

use std::sync::Arc;

use tessera_at_rest::BlobChecks;
use tessera_contract_media::{AssetDescriptor, Protection, ThumbnailsDescriptor, TrackDescriptor};
use tessera_isobmff::{Segment, TrackIndex, TrackKind};
use tessera_runtime::blobs::BlobKey;
use tessera_types::{AssetId, TenantId};

use crate::presentation::Unusable;

/// A ready asset, as it is stored.
pub(crate) struct Stock {
    pub(crate) tenant: TenantId,
    pub(crate) asset: AssetId,
    /// Whether it may leave the origin in the clear.
    pub(crate) clear: bool,
    /// Video tallest first, then audio, as described.
    pub(crate) tracks: Vec<Arc<StockTrack>>,
    /// Of each video track its sync samples alone, for trick play.
    pub(crate) tricks: Vec<Arc<StockTrack>>,
    pub(crate) thumbnails: Option<ThumbnailsDescriptor>,
    /// Whether its tracks are still getting longer.
    pub(crate) open_ended: bool,
    /// The key that its track files are encrypted with at rest.
    pub(crate) at_rest: [u8; 16],
}

/// One track with its segments.
pub(crate) struct StockTrack {
    pub(crate) id: String,
    pub(crate) blob: BlobKey,
    pub(crate) index: TrackIndex,
    /// Of the blob as stored; none where it was stored without.
    pub(crate) checks: Option<Arc<BlobChecks>>,
    pub(crate) segments: Vec<Segment>,
    /// Whether it is the sync samples alone of another track.
    pub(crate) trick: bool,
}

/// A track to package, as described: its index, and the checksums of its blob.
pub(crate) type Described = (TrackDescriptor, TrackIndex, Option<BlobChecks>);

impl Stock {
    /// Divides the tracks, in the descriptor's order, into segments of about so many seconds.
    pub(crate) fn new(
        tenant: TenantId,
        described: &AssetDescriptor,
        tracks: Vec<Described>,
        at_rest: [u8; 16],
        seconds: u32,
    ) -> Result<Self, Unusable> {
        let (clear, open_ended) = (described.protection == Protection::Clear, described.open_ended);
        let (asset, thumbnails) = (described.asset_id.clone(), described.thumbnails.clone());
        let mut segments = divided(&tracks, seconds);
        if open_ended {
            keep_final(&mut segments);
            if segments.iter().any(Vec::is_empty) {
                return Err(Unusable::NothingYet);
            }
        }
        let of = |((described, index, checks), segments): (Described, Vec<Segment>)| {
            let TrackDescriptor { track_id: id, blob, .. } = described;
            let blob = blob.parse().map_err(|_| Unusable::BlobKey(id.clone(), blob))?;
            Ok(Arc::new(StockTrack { id, blob, index, checks: checks.map(Arc::new), segments, trick: false }))
        };
        let tracks = tracks.into_iter().zip(segments).map(of).collect::<Result<Vec<_>, Unusable>>()?;
        if tracks.is_empty() {
            return Err(Unusable::NoTracks);
        }
        let mut tricks: Vec<_> = tracks.iter().filter_map(|track| track.sync_samples(seconds)).collect();
        if open_ended {
            for track in &mut tricks {
                track.segments.pop();
            }
            tricks.retain(|track| !track.segments.is_empty());
        }
        let tricks = tricks.into_iter().map(Arc::new).collect();
        Ok(Self { tenant, asset, clear, tracks, tricks, thumbnails, open_ended, at_rest })
    }
}

/// The segments of each track: video at its groups of pictures, audio at the samples nearest to the first video track's
/// boundaries.
fn divided(tracks: &[Described], seconds: u32) -> Vec<Vec<Segment>> {
    let video = tracks.iter().map(|(_, index, _)| index).find(|index| index.kind.is_video());
    let boundaries = video.map(|video| (video, video.segments(seconds)));
    let of_track = |index: &TrackIndex| match &boundaries {
        Some((video, boundaries)) if !index.kind.is_video() => index.segments_aligned_to(video, boundaries),
        _ => index.segments(seconds),
    };
    tracks.iter().map(|(_, index, _)| of_track(index)).collect()
}

/// Leaves the segments that stay as they are when their tracks get longer, as many of each: the last one of a track may grow.
fn keep_final(segments: &mut [Vec<Segment>]) {
    let most = segments.iter().map(|segments| segments.len().saturating_sub(1)).min().unwrap_or(0);
    segments.iter_mut().for_each(|segments| segments.truncate(most));
}

impl StockTrack {
    /// The segment with this number, counted from 1.
    pub(crate) fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Height in pixels; `None` for sound.
    pub(crate) fn height(&self) -> Option<u32> {
        match self.index.kind {
            TrackKind::Video(format) => Some(u32::from(format.height)),
            TrackKind::Audio(_) => None,
        }
    }

    /// The name of its coding: `avc1`, `hvc1`, `av01`, `mp4a`, `ac-3`, `ec-3`, `opus`.
    pub(crate) fn coding(&self) -> &str {
        self.index.codec.split('.').next().unwrap_or_default()
    }

    /// The language as a BCP 47 tag, the shortest there is (RFC 5646 §4.5): `de` and not `deu`. None when it is not known.
    pub(crate) fn language(&self) -> Option<String> {
        let code = Some(self.index.language.as_str()).filter(|language| *language != "und")?;
        let short = isolang::Language::from_639_3(code).and_then(|language| language.to_639_1());
        Some(short.unwrap_or(code).to_owned())
    }

    /// What its language calls itself, `Deutsch`, or its English name. None when it is not known.
    pub(crate) fn language_name(&self) -> Option<&'static str> {
        let language = isolang::Language::from_639_3(&self.index.language).filter(|_| self.index.language != "und")?;
        Some(language.to_autonym().unwrap_or_else(|| language.to_name()))
    }

    /// Where its last segment ends, in its timescale.
    pub(crate) fn end(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.start.saturating_add(last.duration))
    }

    /// Whether its segments begin when the other's do, as players that switch between the two want it.
    pub(crate) fn is_aligned(&self, other: &Self) -> bool {
        let at = |segment: &Segment, timescale: u32| u128::from(segment.start) * u128::from(timescale);
        let pairs = || self.segments.iter().zip(&other.segments);
        let (ours, theirs) = (self.index.timescale, other.index.timescale);
        self.segments.len() == other.segments.len() && pairs().all(|(a, b)| at(a, theirs) == at(b, ours))
    }

    /// The track of its sync samples alone; none of sound, and none of what has no such samples.
    fn sync_samples(&self, seconds: u32) -> Option<Self> {
        let index = self.index.kind.is_video().then(|| self.index.sync_samples().ok())??;
        let segments = index.segments(seconds);
        let id = format!("{}-i", self.id);
        Some(Self { id, blob: self.blob.clone(), index, checks: self.checks.clone(), segments, trick: true })
    }
}
