//! Which bytes of a VP9 sample stay clear (VP Codec ISO Media File Format Binding, "Common Encryption"; VP9 Bitstream &
//! Decoding Process Specification).

mod frame;
mod subsampler;

pub use subsampler::Vp9Subsampler;
