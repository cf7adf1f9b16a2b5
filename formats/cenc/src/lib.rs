//! Common encryption of ISO base media (ISO/IEC 23001-7): which bytes of a sample are protected, and protecting them.
//!
//! [`TrackIndexer`] turns a clear track file into a [`TrackIndex`](tessera_isobmff::TrackIndex) with the coded data of
//! every video sample, once, at ingest. [`SegmentCipher`] encrypts a segment's samples in place by that map, at each
//! request, under either scheme. Boxes are `tessera-isobmff`'s; where keys come from is nobody's here.
//!
//! Built: `cbcs` and `cenc`; AVC, HEVC, AV1 and VP9, and every sound, which is protected as full samples. A codec is a folder here
//! and a line in `codec.rs`.

mod av1;
mod avc;
mod bits;
mod cbcs;
mod cenc;
mod codec;
mod error;
mod hevc;
mod indexer;
mod nal;
mod segment;
mod vp9;

pub use av1::Av1Subsampler;
pub use avc::AvcSubsampler;
pub use cbcs::{CbcsCipher, Pattern};
pub use cenc::{CencCipher, KeyStream};
pub use codec::{Subsampler, subsampler};
pub use error::{CodecError, Error};
pub use hevc::HevcSubsampler;
pub use indexer::TrackIndexer;
pub use segment::SegmentCipher;
pub use vp9::Vp9Subsampler;
