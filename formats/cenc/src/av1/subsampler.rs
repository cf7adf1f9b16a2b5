//! From an AV1 sample to its subsamples.

use tessera_isobmff::{Av1Config, Av1Obu, Av1SequenceHeader, Subsample, SubsampleRuns};

use super::{
    frame::{self, Layer},
    references::References,
    tiles::Tiles,
};
use crate::CodecError;

/// Divides the samples of one AV1 track, in decode order, into subsamples.
///
/// Each tile is a subsample of its own, and protected; OBU headers and sizes, sequence and frame headers, the header of a
/// tile group and the sizes of tiles stay clear, as do metadata and padding. Sequence headers in band replace that of
/// `av1C`.
#[derive(Debug, Clone)]
pub struct Av1Subsampler {
    sequence: Option<Av1SequenceHeader>,
    references: References,
    /// A frame whose header came, and whose last tile did not.
    frame: Option<Tiles>,
}

impl Av1Subsampler {
    /// Begins with the sequence header of `av1C`, if it has one. Errors when it cannot be read.
    pub fn new(config: &Av1Config) -> Result<Self, CodecError> {
        let sequence = config.sequence_header().map_err(CodecError::SequenceHeader)?;
        Ok(Self { sequence, references: References::default(), frame: None })
    }

    /// The coded data of the next sample, a temporal unit, as subsamples, which add up to its size.
    pub fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        let mut runs = SubsampleRuns::default();
        let mut rest = sample;
        self.frame = None;
        while !rest.is_empty() {
            let (obu, after) = Av1Obu::split(rest).ok_or(CodecError::Obu(rest.len()))?;
            runs.clear(obu.header as u64);
            self.divide(&obu, &mut runs)?;
            rest = after;
        }
        Ok(runs.finish())
    }

    fn divide(&mut self, obu: &Av1Obu<'_>, runs: &mut SubsampleRuns) -> Result<(), CodecError> {
        match obu.kind {
            Av1Obu::FRAME => {
                let header = self.frame_header(obu)?;
                runs.clear(header as u64);
                self.tile_group(&obu.payload[header..], runs)
            }
            Av1Obu::TILE_GROUP => self.tile_group(obu.payload, runs),
            Av1Obu::TILE_LIST => Err(CodecError::Tool("large scale tile decoding")),
            kind => {
                match kind {
                    Av1Obu::SEQUENCE_HEADER => {
                        let sequence = Av1SequenceHeader::parse(obu.payload).map_err(CodecError::SequenceHeader)?;
                        self.sequence = Some(sequence);
                    }
                    // A second header of a frame repeats the first.
                    Av1Obu::FRAME_HEADER if self.frame.is_none() => {
                        self.frame_header(obu)?;
                    }
                    _ => {}
                }
                runs.clear(obu.payload.len() as u64);
                Ok(())
            }
        }
    }

    /// Reads the header at the front of an OBU, and returns its length in bytes.
    fn frame_header(&mut self, obu: &Av1Obu<'_>) -> Result<usize, CodecError> {
        let sequence = self.sequence.as_ref().ok_or(CodecError::Missing("sequence header"))?;
        let layer = Layer { temporal: obu.temporal_id, spatial: obu.spatial_id };
        let header = frame::parse(obu.payload, sequence, layer, &mut self.references)?;
        self.frame = header.tiles;
        Ok(header.length)
    }

    fn tile_group(&mut self, group: &[u8], runs: &mut SubsampleRuns) -> Result<(), CodecError> {
        let tiles = self.frame.ok_or(CodecError::Missing("frame header"))?;
        if tiles.divide(group, runs)? {
            self.frame = None;
        }
        Ok(())
    }
}
