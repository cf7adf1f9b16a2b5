//! Why a movie cannot be packaged, and what to do about it.

use std::{io, path::PathBuf};

use tessera_cenc::CodecError;

/// Why packaging failed. Output that was begun is removed; finished files of an earlier run stay as they were.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input cannot be opened or read.
    #[error("reading {path}: check that it exists and may be read")]
    Read {
        /// The input.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An input is shorter than its boxes say.
    #[error("{path} ends at byte {size}, before its media does: copy or download it again")]
    CutShort {
        /// The input.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// An input is not a movie that can be packaged.
    #[error("{path} cannot be packaged")]
    Input {
        /// The input.
        path: PathBuf,
        /// What is wrong with it.
        source: tessera_isobmff::Error,
    },
    /// Samples of a track refer to the same bytes again and again.
    #[error("{path}: the samples of track {track} have more bytes than the file: it is damaged or made to do harm")]
    Overlapping {
        /// The input.
        path: PathBuf,
        /// The track's id.
        track: u32,
    },
    /// A segment would be longer than is held in memory.
    #[error(
        "{path}: {bytes} bytes of track {track} from one sync sample to the next; encode with a shorter distance of key frames"
    )]
    LongSegment {
        /// The input.
        path: PathBuf,
        /// The track's id.
        track: u32,
        /// The segment's size in bytes.
        bytes: u64,
    },
    /// More segments than a `sidx` box counts.
    #[error("{path}: {got} segments are more than a segment index counts, 65,535; ask for longer ones")]
    ManySegments {
        /// The input.
        path: PathBuf,
        /// How many there would be.
        got: usize,
    },
    /// The inputs have neither video nor audio.
    #[error("nothing to package: the inputs have no video or audio samples")]
    Nothing,
    /// The coding of a video track is not known, or its configuration cannot be read.
    #[error("{path}: which bytes of the video may be encrypted cannot be told")]
    Coding {
        /// The input.
        path: PathBuf,
        /// What is wrong with it.
        source: tessera_cenc::Error,
    },
    /// A video sample cannot be divided into clear and protected bytes.
    #[error("{path}: sample {sample} of segment {segment} of track {track}")]
    Sample {
        /// The input.
        path: PathBuf,
        /// The track's id.
        track: u32,
        /// Counted from 1.
        segment: u32,
        /// Counted from 0 within the segment.
        sample: usize,
        /// What is wrong with it.
        source: CodecError,
    },
    /// A segment cannot be encrypted.
    #[error("{path}: encrypting a segment")]
    Encrypt {
        /// The input.
        path: PathBuf,
        /// Why.
        source: tessera_cenc::Error,
    },
    /// An output exists.
    #[error("{0} exists: choose another folder, or say that it may be overwritten")]
    Exists(PathBuf),
    /// Another run works in the same folder, or one was killed there.
    #[error("{0} exists: another run is at work in this folder, or one was killed; if none is, remove the file")]
    InProgress(PathBuf),
    /// The disk is full.
    #[error("writing {path}: the disk is full; free some space or choose a folder on another disk")]
    Full {
        /// The output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("writing {path}: check that the folder may be written")]
    Write {
        /// The output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A playlist cannot be written.
    #[error("the HLS playlists")]
    Hls(#[from] tessera_hls::Error),
    /// The DASH description cannot be written.
    #[error("the DASH description")]
    Dash(#[from] tessera_dash::Error),
    /// A key, key id or IV that is not 32 hexadecimal digits.
    #[error("the {0} must be 32 hexadecimal digits")]
    NotHexadecimal(&'static str),
}
