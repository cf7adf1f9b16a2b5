//! Which bytes of an AV1 sample stay clear (AV1 Codec ISO Media File Format Binding §4; AV1 Bitstream & Decoding Process
//! Specification).

mod filters;
mod frame;
mod grain;
mod motion;
mod quantization;
mod references;
mod subsampler;
mod tiles;

pub use subsampler::Av1Subsampler;
