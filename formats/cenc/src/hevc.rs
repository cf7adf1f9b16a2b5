//! Which bytes of an HEVC sample stay clear (ISO/IEC 23001-7 §9.5.2, §10.4.2; ITU-T H.265).

mod pps;
mod reference_set;
mod slice;
mod sps;
mod subsampler;

pub use subsampler::HevcSubsampler;
