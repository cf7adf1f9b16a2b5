//! An asset packaged one way: in the clear, or encrypted by one scheme. Everything that is served of it follows from this.

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

use sha2::{Digest, Sha256};
use tessera_contract_media::ThumbnailsDescriptor;
use tessera_hls::rounded_seconds;
use tessera_isobmff::{Bandwidth, Protection};
use tessera_types::{AssetId, TenantId};

use crate::{
    layout::Layout,
    protection::{OpenKey, Protected, iv_prefix},
    signalling::{Encryption, Signalling},
    stock::{Stock, StockTrack},
    written::Written,
};

/// Counted up with every change that gives other bytes for the same request, so that no cache mixes two packagings.
const REVISION: u32 = 1;

/// A ready asset, packaged one way. It never changes.
pub(crate) struct Presentation {
    pub(crate) tenant: TenantId,
    pub(crate) asset: AssetId,
    /// Names this way of packaging in URLs.
    pub(crate) edition: String,
    /// Video tallest first, then audio, as described.
    pub(crate) tracks: Vec<Track>,
    /// Of each video track its sync samples alone, for trick play.
    pub(crate) tricks: Vec<Track>,
    pub(crate) thumbnails: Option<ThumbnailsDescriptor>,
    /// Whether its tracks are still getting longer.
    pub(crate) open_ended: bool,
    /// About how long a segment is.
    pub(crate) segment_seconds: u32,
    /// The key that its track files are encrypted with at rest.
    pub(crate) at_rest: [u8; 16],
    /// Names it among all presentations of all tenants.
    pub(crate) identity: Arc<str>,
    pub(crate) written: Written,
}

/// One track, packaged.
pub(crate) struct Track {
    stock: Arc<StockTrack>,
    pub(crate) protection: Option<Protected>,
    /// As one file, headers and protection included.
    pub(crate) layout: Layout,
    /// As served.
    pub(crate) bandwidth: Bandwidth,
}

impl Deref for Track {
    type Target = StockTrack;

    fn deref(&self) -> &StockTrack {
        &self.stock
    }
}

/// Why an asset cannot be packaged: what media stored contradicts itself, or what is configured does not fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the asset has no track that can be packaged")]
    NoTracks,
    #[error("no segment of the asset is whole yet")]
    NothingYet,
    #[error("track {0} has the blob key {1:?}, which is none")]
    BlobKey(String, String),
    #[error("track {0}")]
    Track(String, #[source] tessera_isobmff::Error),
    #[error("track {0} has no content key")]
    NoKey(String),
    #[error("tracks {0} and {1} would encrypt with the same counters under cenc: encode one of them anew")]
    SharedCounters(String, String),
    #[error("what DRM systems are told of track {0}")]
    Signalling(String, #[source] tessera_pssh::Error),
}

/// One way of packaging.
pub(crate) struct Way<'a> {
    /// None for the clear.
    pub(crate) encryption: Option<Encryption>,
    /// The content keys by label.
    pub(crate) keys: BTreeMap<Option<String>, OpenKey>,
    pub(crate) settings: &'a Signalling,
    pub(crate) segment_seconds: u32,
}

/// The name of a way of packaging, in URLs: what it is called never has other bytes.
pub(crate) fn edition(encryption: Option<Encryption>, settings: &Signalling, segment_seconds: u32) -> String {
    let scheme = if encryption == Some(Encryption::Cenc) { "-cenc" } else { "" };
    let told = encryption.and_then(|_| settings.fingerprint()).map(|name| format!("-{name}")).unwrap_or_default();
    format!("e{REVISION}s{segment_seconds}{scheme}{told}")
}

impl Presentation {
    /// Protects and measures the tracks.
    pub(crate) fn new(stock: &Stock, way: &Way<'_>) -> Result<Self, Unusable> {
        if way.encryption == Some(Encryption::Cenc) {
            check_counters(stock)?;
        }
        let packaged = |tracks: &[Arc<StockTrack>]| {
            tracks.iter().map(|track| Track::new(track.clone(), way)).collect::<Result<Vec<_>, _>>()
        };
        let edition = edition(way.encryption, way.settings, way.segment_seconds);
        Ok(Self {
            tenant: stock.tenant.clone(),
            asset: stock.asset.clone(),
            identity: format!("{}\n{}\n{edition}\n{}", stock.tenant, stock.asset, files(stock)).into(),
            edition,
            tracks: packaged(&stock.tracks)?,
            tricks: packaged(&stock.tricks)?,
            thumbnails: stock.thumbnails.clone(),
            open_ended: stock.open_ended,
            segment_seconds: way.segment_seconds,
            at_rest: stock.at_rest,
            written: Written::default(),
        })
    }

    /// The place of the track with this id, for trick play or not.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.tracks.iter().chain(&self.tricks).position(|track| track.id == id)
    }

    /// The track at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Track> {
        self.tracks.get(place).or_else(|| self.tricks.get(place.checked_sub(self.tracks.len())?))
    }

    /// A strong entity tag (RFC 9110 §8.8.3) of a part whose bytes follow from its name.
    pub(crate) fn entity_tag(&self, track: &Track, part: &str) -> String {
        let key = track.signalled().map(|signalled| u128::from_be_bytes(signalled.key_id));
        entity_tag(format!("{}\n{}\n{key:?}\n{}/{part}", self.asset, self.edition, track.id).as_bytes())
    }

    /// Seconds that no segment of any track is longer than, rounded: renditions of a presentation agree on one target
    /// duration (RFC 8216bis §6.2.4), which does not change while it gets longer (§6.2.1).
    pub(crate) fn target_seconds(&self) -> u64 {
        let expected = if self.open_ended { self.segment_seconds.into() } else { 1 };
        let longest = |track: &Track| track.segments.iter().map(|segment| segment.duration).max();
        let seconds = |track: &Track| Some(rounded_seconds(longest(track)?, track.index.timescale));
        self.tracks.iter().filter_map(seconds).fold(expected, u64::max)
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

/// Names the files that an asset is made of: one that grows has other tracks at the same places later.
fn files(stock: &Stock) -> String {
    let blobs: Vec<&str> = stock.tracks.iter().map(|track| track.blob.as_str()).collect();
    entity_tag(blobs.join("\n").as_bytes())
}

/// No two track files share counters: a pair of names in four thousand million does.
fn check_counters(stock: &Stock) -> Result<(), Unusable> {
    let mut seen = BTreeMap::new();
    for track in stock.tracks.iter().chain(&stock.tricks) {
        if let Some(other) = seen.insert(iv_prefix(track.blob.as_str(), track.trick).0, &track.id) {
            return Err(Unusable::SharedCounters(other.clone(), track.id.clone()));
        }
    }
    Ok(())
}

impl Track {
    fn new(stock: Arc<StockTrack>, way: &Way<'_>) -> Result<Self, Unusable> {
        let protection = way.encryption.map(|encryption| protected(&stock, encryption, way)).transpose()?;
        let boxes = protection.as_ref().map_or(Ok(Vec::new()), Protected::boxes);
        let boxes = boxes.map_err(|e| Unusable::Signalling(stock.id.clone(), e))?;
        let signalled = protection.as_ref().map(|protected| &protected.signalled);
        let init = stock.index.init_segment(signalled, &boxes);
        let measured = measured(&stock, signalled).map_err(|e| Unusable::Track(stock.id.clone(), e))?;
        let (segment_index, sizes, bandwidth) = measured;
        let layout = Layout::new(init.into(), segment_index.into(), &sizes);
        Ok(Self { stock, protection, layout, bandwidth })
    }

    /// The protection as signalled in boxes and manifests; `None` for clear media.
    pub(crate) fn signalled(&self) -> Option<&Protection> {
        self.protection.as_ref().map(|protected| &protected.signalled)
    }
}

fn protected(track: &StockTrack, encryption: Encryption, way: &Way<'_>) -> Result<Protected, Unusable> {
    let label = way.settings.keys.label(encryption, &track.index.kind);
    let key = way.keys.get(&label).ok_or_else(|| Unusable::NoKey(track.id.clone()))?;
    let key_ids: Vec<_> = way.keys.values().map(|key| key.id).collect();
    let prefix = iv_prefix(track.blob.as_str(), track.trick);
    Ok(Protected::new(key, &key_ids, encryption, prefix, way.settings))
}

/// The segment index, the size of each segment as served, and their bit rates.
fn measured(
    track: &StockTrack,
    signalled: Option<&Protection>,
) -> Result<(Vec<u8>, Vec<u64>, Bandwidth), tessera_isobmff::Error> {
    let sizes = track.segments.iter().map(|segment| track.index.segment_size(segment, signalled));
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    let sized: Vec<_> = track.segments.iter().cloned().zip(sizes.iter().copied()).collect();
    let rates: Vec<_> = sized.iter().map(|(segment, size)| (*size, segment.duration)).collect();
    Ok((track.index.segment_index(&sized)?, sizes, Bandwidth::measure(&rates, track.index.timescale)))
}

impl fmt::Debug for Presentation {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presentation")
            .field("asset", &self.asset)
            .field("edition", &self.edition)
            .finish_non_exhaustive()
    }
}

/// 128 bits of SHA-256 in quotes.
pub(crate) fn entity_tag(of: &[u8]) -> String {
    let digest = Sha256::digest(of);
    let half: [u8; 16] = digest[..16].try_into().expect("a SHA-256 digest has 32 bytes");
    format!("\"{:032x}\"", u128::from_be_bytes(half))
}
