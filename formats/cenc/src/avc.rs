//! Which bytes of an AVC sample stay clear (ISO/IEC 23001-7 §9.5.2, §10.4.2; ITU-T H.264).

mod parameter_sets;
mod slice;
mod subsampler;
#[cfg(test)]
mod written_headers_tests;

pub use subsampler::AvcSubsampler;
