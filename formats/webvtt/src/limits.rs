//! What subtitles may cost: each limit is checked before memory is taken.

/// The longest file that is read, in bytes: a film has some 100 KB.
pub const MAX_FILE: usize = 16 << 20;
/// The most cues in one track.
pub const MAX_CUES: usize = 100_000;
/// The longest text of one cue, in bytes of UTF-8.
pub const MAX_CUE_TEXT: usize = 16 << 10;
/// The longest id of a cue, in bytes of UTF-8.
pub const MAX_CUE_ID: usize = 1 << 10;
/// The deepest that tags of a cue's text may nest.
pub const MAX_NESTING: usize = 32;
/// The most style sheets and regions of one track, in bytes of UTF-8 all together.
pub const MAX_HEADER: usize = 32 << 10;
/// The most cues shown at the same time in MP4 samples, each of which repeats all of them.
pub const MAX_AT_ONCE: usize = 64;
/// The most bytes of MP4 samples of one track.
pub const MAX_SAMPLE_BYTES: usize = 64 << 20;
/// The most segments of one track.
pub const MAX_SEGMENTS: u64 = 1 << 20;
/// The latest time, in milliseconds: 100,000 hours, eleven years.
pub const MAX_TIME: u64 = 100_000 * 3_600_000;
/// The most things left out that a [`crate::Reading`] lists; the rest is counted.
pub const MAX_SKIPPED: usize = 100;
