//! Why samples cannot be protected.

use tessera_isobmff::FourCc;

/// Why a sample, or the configuration of its codec, cannot be read as far as its protection needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A NAL unit reaches past the end of its sample.
    #[error("a NAL unit of {length} bytes in a sample with {left} bytes left")]
    NalLength {
        /// Its declared length.
        length: u64,
        /// What there is.
        left: usize,
    },
    /// A syntax structure ends early.
    #[error("{0} is cut short")]
    Truncated(&'static str),
    /// A syntax element is outside its range in the codec's standard.
    #[error("{element} of {value} is out of range")]
    OutOfRange {
        /// Its name in the standard.
        element: &'static str,
        /// Its value.
        value: u32,
    },
    /// A slice or picture parameter set refers to a parameter set that has not come.
    #[error("a reference to {kind} parameter set {id}, which is neither in the sample entry nor came before")]
    NoParameterSet {
        /// `picture` or `sequence`.
        kind: &'static str,
        /// Its id.
        id: u32,
    },
    /// Data partitioning, auxiliary, scalable, multiview, 3D or reserved slices: which of their bytes stay clear is not
    /// known here.
    #[error("NAL unit type {0} is not supported: encode one layer with a usual profile, such as High or Main 10")]
    NalType(u8),
    /// An AV1 sample that is no sequence of OBUs.
    #[error("an OBU that does not fit into the {0} bytes left of its sample")]
    Obu(usize),
    /// A tile reaches past the end of its tile group.
    #[error("a tile of {size} bytes in a tile group with {left} bytes left")]
    TileSize {
        /// Its declared size.
        size: u64,
        /// What there is.
        left: usize,
    },
    /// A frame reaches past the end of its superframe.
    #[error("a frame of {size} bytes in a superframe with {left} bytes left")]
    FrameSize {
        /// Its declared size; of all frames together where they do not fit together.
        size: u64,
        /// What there is.
        left: usize,
    },
    /// The sequence header of AV1 cannot be read.
    #[error("the sequence header")]
    SequenceHeader(#[source] tessera_isobmff::Error),
    /// A frame without the header that it depends on.
    #[error("a frame or tile group without a {0} before it")]
    Missing(&'static str),
    /// A coding tool of a rare profile.
    #[error("{0} is not supported: encode with a usual profile, such as Main 10")]
    Tool(&'static str),
}

/// Why a track cannot be indexed or a segment not be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The track file is not one that can be used.
    #[error("reading the track file")]
    Track(#[from] tessera_isobmff::Error),
    /// A video sample cannot be divided into subsamples.
    #[error("sample {sample} of the fragment at byte {fragment}")]
    Sample {
        /// Counted from 0.
        sample: usize,
        /// Where its fragment begins in the file.
        fragment: u64,
        /// What is wrong with it.
        source: CodecError,
    },
    /// What the sample entry says of the codec cannot be read, such as a parameter set.
    #[error("the codec configuration in the sample entry")]
    Configuration(#[source] CodecError),
    /// A video codec whose samples cannot be divided here.
    #[error("which bytes of '{0}' samples may be encrypted is not known here")]
    Codec(FourCc),
    /// The data is not this segment's.
    #[error("a segment of {expected} bytes, given {got}")]
    DataSize {
        /// What the index says.
        expected: u64,
        /// What was passed.
        got: u64,
    },
    /// A video segment without a subsample map.
    #[error("the index has no subsample map for segment {0}: index the track with TrackIndexer")]
    NoSubsamples(u32),
}
