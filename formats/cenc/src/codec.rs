//! The codecs whose samples are divided, a folder each.

use std::fmt::Debug;

use tessera_isobmff::{Subsample, TrackInit};

use crate::{Av1Subsampler, AvcSubsampler, CodecError, Error, HevcSubsampler, Vp9Subsampler};

/// Divides the samples of one track, in decode order.
pub trait Subsampler: Debug + Send {
    /// The coded data of the next sample as subsamples, which add up to its size.
    fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError>;
}

impl Subsampler for AvcSubsampler {
    fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        Self::subsamples(self, sample)
    }
}

impl Subsampler for HevcSubsampler {
    fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        Self::subsamples(self, sample)
    }
}

impl Subsampler for Av1Subsampler {
    fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        Self::subsamples(self, sample)
    }
}

impl Subsampler for Vp9Subsampler {
    fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        Self::subsamples(self, sample)
    }
}

/// What divides the samples of a track; `None` for sound, which is protected as full samples. Errors for a coding that is not
/// known here, and when its configuration cannot be read.
pub fn subsampler(init: &TrackInit) -> Result<Option<Box<dyn Subsampler>>, Error> {
    let entry = &init.sample_entry;
    let subsampler: Box<dyn Subsampler> = match &entry.format.0 {
        _ if !init.kind.is_video() => return Ok(None),
        b"avc1" => Box::new(AvcSubsampler::new(&entry.avc_config()?).map_err(Error::Configuration)?),
        b"hvc1" => Box::new(HevcSubsampler::new(&entry.hevc_config()?).map_err(Error::Configuration)?),
        b"av01" => Box::new(Av1Subsampler::new(&entry.av1_config()?).map_err(Error::Configuration)?),
        b"vp09" => Box::new(Vp9Subsampler::new()),
        _ => return Err(Error::Codec(entry.format)),
    };
    Ok(Some(subsampler))
}
