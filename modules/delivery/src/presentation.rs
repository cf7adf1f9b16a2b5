//! An asset made ready to be packaged: its tracks divided into segments, its protection, its sizes.

use std::fmt;

use sha2::{Digest, Sha256};
use tessera_at_rest::BlobChecks;
use tessera_cenc::SegmentCipher;
use tessera_contract_media::{AssetDescriptor, ThumbnailsDescriptor, TrackDescriptor};
use tessera_hls::rounded_seconds;
use tessera_isobmff::{Bandwidth, Protection, Segment, TrackIndex, TrackKind};
use tessera_runtime::blobs::BlobKey;
use tessera_types::AssetId;

/// Counted up with every change that gives other bytes for the same request, so that no cache mixes two packagings.
const REVISION: u32 = 1;

/// A ready asset. It never changes.
pub(crate) struct Presentation {
    pub(crate) asset: AssetId,
    /// Names this way of packaging in URLs.
    pub(crate) edition: String,
    /// Video tallest first, then audio, as described.
    pub(crate) tracks: Vec<Track>,
    pub(crate) protection: Option<Protected>,
    pub(crate) thumbnails: Option<ThumbnailsDescriptor>,
    /// The key that its track files are encrypted with at rest.
    pub(crate) at_rest: [u8; 16],
    /// What entity tags are made from: asset, edition, key.
    identity: String,
}

/// How segments are protected, with the key made ready.
pub(crate) struct Protected {
    pub(crate) signalled: Protection,
    pub(crate) cipher: SegmentCipher,
}

/// One track with its segments.
pub(crate) struct Track {
    pub(crate) id: String,
    pub(crate) blob: BlobKey,
    pub(crate) index: TrackIndex,
    /// Of the blob as stored; none where it was stored without.
    pub(crate) checks: Option<BlobChecks>,
    pub(crate) segments: Vec<Segment>,
    /// As served: headers and protection included.
    pub(crate) bandwidth: Bandwidth,
}

/// Why an asset cannot be packaged: what media stored contradicts itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the asset has no track that can be packaged")]
    NoTracks,
    #[error("track {0} has the blob key {1:?}, which is none")]
    BlobKey(String, String),
    #[error("track {0}")]
    Track(String, #[source] tessera_isobmff::Error),
}

/// What a presentation is made of.
pub(crate) struct Parts<'a> {
    pub(crate) descriptor: &'a AssetDescriptor,
    /// The tracks to package, in the descriptor's order.
    pub(crate) tracks: Vec<(TrackDescriptor, TrackIndex)>,
    /// The checksums of each track's blob.
    pub(crate) checks: Vec<Option<BlobChecks>>,
    pub(crate) protection: Option<Protected>,
    pub(crate) at_rest: [u8; 16],
    pub(crate) segment_seconds: u32,
}

impl Presentation {
    /// Divides the tracks into segments and measures them.
    pub(crate) fn new(parts: Parts<'_>) -> Result<Self, Unusable> {
        let Parts { descriptor, tracks, checks, protection, at_rest, segment_seconds } = parts;
        let signalled = protection.as_ref().map(|protected| &protected.signalled);
        let segments = divided(&tracks, segment_seconds);
        let tracks: Vec<Track> = tracks
            .into_iter()
            .zip(segments)
            .zip(checks)
            .map(|(((described, index), segments), checks)| {
                Ok(Track { checks, ..Track::new(described, index, segments, signalled)? })
            })
            .collect::<Result<_, _>>()?;
        if tracks.is_empty() {
            return Err(Unusable::NoTracks);
        }
        let edition = format!("e{REVISION}s{segment_seconds}");
        let key = signalled.map(|signalled| u128::from_be_bytes(signalled.key_id));
        let identity = format!("{}\n{edition}\n{key:?}", descriptor.asset_id);
        let asset = descriptor.asset_id.clone();
        let thumbnails = descriptor.thumbnails.clone();
        Ok(Self { asset, edition, tracks, protection, thumbnails, at_rest, identity })
    }

    /// The protection as signalled in boxes and manifests; `None` for clear media.
    pub(crate) fn signalled(&self) -> Option<&Protection> {
        self.protection.as_ref().map(|protected| &protected.signalled)
    }

    /// The tracks that a tier with this limit may have: audio, and video up to the height; the smallest where none is.
    pub(crate) fn allowed(&self, max_height: Option<u32>) -> Vec<&Track> {
        let heights = self.tracks.iter().filter_map(Track::height);
        let smallest = heights.min().unwrap_or(0);
        let limit = max_height.unwrap_or(u32::MAX).max(smallest);
        self.tracks.iter().filter(|track| track.height().is_none_or(|height| height <= limit)).collect()
    }

    /// A strong entity tag (RFC 9110 §8.8.3) of a part whose bytes follow from its name.
    pub(crate) fn entity_tag(&self, part: &str) -> String {
        entity_tag(&[self.identity.as_bytes(), b"\n", part.as_bytes()].concat())
    }

    /// Seconds that no segment of any track is longer than, rounded: renditions of a presentation agree on one target
    /// duration (RFC 8216bis §6.2.4).
    pub(crate) fn target_seconds(&self) -> u64 {
        let longest = |track: &Track| track.segments.iter().map(|segment| segment.duration).max();
        let seconds = |track: &Track| Some(rounded_seconds(longest(track)?, track.index.timescale));
        self.tracks.iter().filter_map(seconds).max().unwrap_or(1)
    }

    /// Where the presentation ends, as (ticks, ticks a second): the end of its longest track.
    pub(crate) fn duration(&self) -> (u64, u32) {
        let ends = self.tracks.iter().map(|track| (track.end(), track.index.timescale));
        let later = |a: &(u64, u32), b: &(u64, u32)| {
            (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1)))
        };
        ends.max_by(later).unwrap_or((0, 1))
    }

    /// How long it is in milliseconds, the last one begun included.
    pub(crate) fn milliseconds(&self) -> u64 {
        let (ticks, timescale) = self.duration();
        let milliseconds = (u128::from(ticks) * 1000).div_ceil(u128::from(timescale.max(1)));
        u64::try_from(milliseconds).unwrap_or(u64::MAX)
    }
}

/// The segments of each track: video at its groups of pictures, audio at the samples nearest to the first video track's
/// boundaries.
fn divided(tracks: &[(TrackDescriptor, TrackIndex)], seconds: u32) -> Vec<Vec<Segment>> {
    let video = tracks.iter().map(|(_, index)| index).find(|index| index.kind.is_video());
    let boundaries = video.map(|video| (video, video.segments(seconds)));
    let of_track = |index: &TrackIndex| match &boundaries {
        Some((video, boundaries)) if !index.kind.is_video() => index.segments_aligned_to(video, boundaries),
        _ => index.segments(seconds),
    };
    tracks.iter().map(|(_, index)| of_track(index)).collect()
}

impl Track {
    fn new(
        described: TrackDescriptor,
        index: TrackIndex,
        segments: Vec<Segment>,
        protection: Option<&Protection>,
    ) -> Result<Self, Unusable> {
        let TrackDescriptor { track_id: id, blob, .. } = described;
        let blob = blob.parse().map_err(|_| Unusable::BlobKey(id.clone(), blob))?;
        let bandwidth = index.bandwidth_of(&segments, protection).map_err(|e| Unusable::Track(id.clone(), e))?;
        Ok(Self { id, blob, index, checks: None, segments, bandwidth })
    }

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

    fn end(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.start.saturating_add(last.duration))
    }
}

impl fmt::Debug for Presentation {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presentation").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// 128 bits of SHA-256 in quotes.
pub(crate) fn entity_tag(of: &[u8]) -> String {
    let digest = Sha256::digest(of);
    let half: [u8; 16] = digest[..16].try_into().expect("a SHA-256 digest has 32 bytes");
    format!("\"{:032x}\"", u128::from_be_bytes(half))
}
