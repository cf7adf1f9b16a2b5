//! Protection system specific headers: the `pssh` box (ISO/IEC 23001-7 §8.1) and the objects that DRM systems put in it.
//!
//! One [`Protection`] says which keys protect a presentation and what each system is told; [`Protection::boxes`] makes
//! the boxes, for `moov`, `moof` or a manifest, in the order and bytes of Shaka Packager 3.8. What others wrote is read
//! by [`Pssh::read_all`], [`WidevineData::read`] and [`PlayReadyObject::read`]; every byte is taken as hostile, and what
//! an object may cost is bounded by [`limits`].
//!
//! This crate knows no keys (but to check one against PlayReady's [`checksum`]), no licences and no media.

mod cursor;
mod error;
pub mod limits;
mod playready;
mod protection;
mod pssh;
mod system;
mod widevine;

pub use error::Error;
pub use playready::{PlayReadyHeader, PlayReadyKey, PlayReadyObject, checksum};
pub use protection::{ContentKey, FairPlay, PlayReady, Protection, Scheme, Widevine};
pub use pssh::Pssh;
pub use system::SystemId;
pub use widevine::WidevineData;

/// A key id as it stands in `tenc` and `pssh`: the bytes of its UUID in their written order.
pub type KeyId = [u8; 16];
