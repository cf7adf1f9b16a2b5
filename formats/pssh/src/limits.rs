//! What an object may hold: checked before memory is taken.

/// The most key ids in one box or object.
pub const MAX_KEY_IDS: usize = 1 << 10;
/// The longest `pssh` box that is read or written, in bytes.
pub const MAX_BOX: usize = 1 << 20;
/// The most `pssh` boxes that are read from one run of bytes.
pub const MAX_BOXES: usize = 256;
/// The longest PlayReady Object, in bytes: the longest that PlayReady takes (PlayReady Header Specification §2).
pub const MAX_PLAYREADY_OBJECT: usize = 15 << 10;
