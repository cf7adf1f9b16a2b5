//! Common encryption of ISO base media (ISO/IEC 23001-7): which bytes of a sample are protected, and protecting them.
//!
//! [`TrackIndexer`] turns a clear track file into a [`TrackIndex`](tessera_isobmff::TrackIndex) with the subsample map of
//! every video sample, once, at ingest. [`SegmentCipher`] encrypts a segment's samples in place by that map, at each
//! request. Boxes are `tessera-isobmff`'s; where keys come from is nobody's here.
//!
//! Built: AVC and AAC, `cbcs` and `cenc`.

mod avc;
mod cbcs;
mod cenc;
mod error;
mod indexer;
mod segment;

pub use avc::AvcSubsampler;
pub use cbcs::{CbcsCipher, Pattern};
pub use cenc::{CencCipher, KeyStream};
pub use error::{AvcError, Error};
pub use indexer::TrackIndexer;
pub use segment::SegmentCipher;
