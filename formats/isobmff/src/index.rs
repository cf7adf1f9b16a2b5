//! What is remembered of a track file: enough to write manifests, init segments and segment headers without it.

mod bandwidth;
mod builder;
mod fragment;
mod subsample;

pub use bandwidth::Bandwidth;
pub use builder::TrackIndexBuilder;
pub use fragment::{Fragment, Sample};
use serde::{Deserialize, Serialize};
pub(crate) use subsample::whole_blocks;
pub use subsample::{Subsample, SubsampleMap, SubsampleRuns};

use crate::{Edit, Error, SampleEntry, TrackKind, limits};

/// The version of the stored form. A change of any field below is a new version.
const VERSION: u16 = 1;
const MAGIC: &[u8; 4] = b"TSIX";

/// A track file's index, computed once when the file is made.
///
/// Store it with [`TrackIndex::to_bytes`]; it also serialises with serde. Both ways back check that it is consistent, so
/// that a damaged index is an error and never a wrong segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct TrackIndex {
    version: u16,
    /// Video or audio, and its format.
    pub kind: TrackKind,
    /// Codec string of RFC 6381, such as `avc1.64001f`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `mp4a.40.2`, `ec-3`.
    pub codec: String,
    /// Units of media time in a second.
    pub timescale: u32,
    /// ISO 639-2/T language code, `und` when not said.
    pub language: String,
    /// Priming and late start.
    pub edit: Edit,
    /// The sample entry, codec configuration included.
    pub sample_entry: SampleEntry,
    /// Bytes of `ftyp` and `moov`, from the start of the file.
    pub init_size: u64,
    /// Bit rates of the file, a fragment counting as a segment.
    pub bandwidth: Bandwidth,
    fragments: Vec<Fragment>,
}

/// [`TrackIndex`] as it comes from storage.
#[derive(Deserialize)]
struct Unchecked {
    version: u16,
    kind: TrackKind,
    codec: String,
    timescale: u32,
    language: String,
    edit: Edit,
    sample_entry: SampleEntry,
    init_size: u64,
    bandwidth: Bandwidth,
    fragments: Vec<Fragment>,
}

/// Why stored bytes are not an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Written by another version of this crate.
    #[error("the track index has version {0}, this build reads {VERSION}: index the track file again")]
    Version(u16),
    /// Not an index, or cut short.
    #[error("the bytes are not a track index: {0}")]
    Malformed(String),
    /// An index whose parts contradict each other.
    #[error("the track index is inconsistent")]
    Inconsistent(#[from] Error),
}

impl TrackIndex {
    /// The compact stored form: four bytes `TSIX`, a version, and the fields as varints (postcard).
    pub fn to_bytes(&self) -> Vec<u8> {
        let start = [MAGIC.as_slice(), &VERSION.to_be_bytes()].concat();
        postcard::to_extend(self, start).expect("plain data into memory always serialises")
    }

    /// Reads what [`TrackIndex::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        let malformed = |why: &str| IndexError::Malformed(why.to_owned());
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("it does not begin with TSIX"))?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(|| malformed("it is cut short"))?;
        match u16::from_be_bytes(*version) {
            VERSION => {}
            other => return Err(IndexError::Version(other)),
        }
        let unchecked: Unchecked = postcard::from_bytes(rest).map_err(|error| malformed(&error.to_string()))?;
        Self::try_from(unchecked)
    }

    /// The fragments, in order of decode time and without gaps.
    pub fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// Sets the subsamples of one fragment's samples, for an index that was made before the media was read. Errors when
    /// there is no such fragment, or the map does not fit its samples.
    pub fn set_subsamples(&mut self, fragment: usize, subsamples: SubsampleMap) -> Result<(), Error> {
        let missing = Error::Missing { parent: b"file".into(), child: b"moof".into() };
        self.fragments.get_mut(fragment).ok_or(missing)?.set_subsamples(subsamples)
    }

    /// Decode duration of the whole track, in its timescale.
    pub fn duration(&self) -> u64 {
        self.fragments.iter().map(Fragment::duration).sum()
    }

    /// Frames a second as a reduced fraction, `(25, 1)` or `(30000, 1001)`; the average where it varies. `None` for audio.
    pub fn frame_rate(&self) -> Option<(u64, u64)> {
        let first = self.fragments.first()?.samples().next()?.duration;
        let frames: u64 = self.fragments.iter().map(|fragment| fragment.sample_count() as u64).sum();
        // The last frame's duration is often a guess, so it has no vote when all others agree.
        let steady = self.duration().abs_diff(frames * u64::from(first)) <= u64::from(first) && first > 0;
        let (frames, ticks) = if steady { (1, u64::from(first)) } else { (frames, self.duration()) };
        let rate = (frames.checked_mul(u64::from(self.timescale))?, ticks);
        let divisor = gcd(rate.0, rate.1);
        (self.kind.is_video() && rate.1 > 0).then(|| (rate.0 / divisor, rate.1 / divisor))
    }

    fn check(&self) -> Result<(), Error> {
        Error::check_limit("fragments in a track", self.fragments.len() as u64, limits::MAX_FRAGMENTS as u64)?;
        let samples = self.fragments.iter().map(|fragment| fragment.sample_count() as u64).sum();
        Error::check_limit("samples in a track", samples, limits::MAX_TRACK_SAMPLES as u64)?;
        let skew = self.edit.skip.max(self.edit.delay);
        Error::check_limit("ticks of an edit", skew, fragment::MAX_TIME)?;
        Error::check_limit("bytes of a sample entry", self.sample_entry.body.len() as u64, 64 << 10)?;
        if self.timescale == 0 {
            return Err(Error::invalid(b"mdhd", "the timescale must not be zero"));
        }
        self.fragments.iter().try_for_each(Fragment::check)?;
        let follows = |pair: &[Fragment]| pair[0].end_decode_time() == pair[1].base_decode_time();
        match self.fragments.windows(2).all(follows) {
            true => Ok(()),
            false => Err(Error::invalid(b"tfdt", "fragments must follow each other without gap or overlap")),
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

impl TryFrom<Unchecked> for TrackIndex {
    type Error = IndexError;

    fn try_from(from: Unchecked) -> Result<Self, IndexError> {
        if from.version != VERSION {
            return Err(IndexError::Version(from.version));
        }
        let index = Self {
            version: VERSION,
            kind: from.kind,
            codec: from.codec,
            timescale: from.timescale,
            language: from.language,
            edit: from.edit,
            sample_entry: from.sample_entry,
            init_size: from.init_size,
            bandwidth: from.bandwidth,
            fragments: from.fragments,
        };
        index.check()?;
        Ok(index)
    }
}
