//! What a file may cost: each limit is checked before memory is taken.

/// The longest `ftyp`, `moov` or `moof` box that is read, in bytes.
pub const MAX_HEADER_BOX: u64 = 4 << 20;
/// The longest `moov` of a movie with sample tables, in bytes: a day of video and sound.
pub const MAX_MOVIE_BOX: u64 = 64 << 20;
/// The most tracks in a movie.
pub const MAX_MOVIE_TRACKS: usize = 64;
/// The most samples in a movie, all tracks together: three hours of video at 60 a second and ten tracks of sound.
pub const MAX_MOVIE_SAMPLES: u64 = 1 << 23;
/// The most boxes beside each other in a movie file.
pub const MAX_MOVIE_BOXES: u32 = 1 << 22;
/// The longest `mdat` box that is read, in bytes: one group of pictures at a very high bit rate.
pub const MAX_MEDIA_BOX: u64 = 256 << 20;
/// The most samples in one fragment.
pub const MAX_FRAGMENT_SAMPLES: usize = 1 << 16;
/// The most fragments in one track: 12 days at one a second.
pub const MAX_FRAGMENTS: usize = 1 << 20;
/// The most samples in one track: 77 hours at 60 a second.
pub const MAX_TRACK_SAMPLES: usize = 1 << 24;
/// The most subsamples in one sample: a version 0 `saiz` box counts an IV of 8 bytes, and `2 + 6 × subsamples`, in one
/// byte.
pub const MAX_SUBSAMPLES: usize = 40;
/// The largest media segment that is written, in bytes of samples: `trun` and `mdat` count in 31 and 32 bits.
pub const MAX_SEGMENT: u64 = 1 << 30;
/// The longest sample description (codec configuration included), in bytes.
pub const MAX_SAMPLE_ENTRY: usize = 64 << 10;
/// The most samples in a media segment that is written.
pub const MAX_SEGMENT_SAMPLES: u32 = 1 << 20;
/// The most problems of a file that are listed.
pub const MAX_LISTED_PROBLEMS: usize = 200;
/// The most samples, all tracks together, that are counted in a file that is looked into.
pub const MAX_INSPECTED_SAMPLES: u64 = 1 << 26;
/// The most runs of samples that are checked for where they lie in a file.
pub const MAX_INSPECTED_RUNS: usize = 1 << 20;
