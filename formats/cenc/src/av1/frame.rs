//! The frame header, read for its length and its tiles (AV1 Bitstream & Decoding Process Specification §5.9).

use tessera_isobmff::Av1SequenceHeader;

use super::{
    filters, grain, motion,
    quantization::{self, Segments},
    references::{Order, PER_FRAME, Reference, References, SLOTS},
    tiles::Tiles,
};
use crate::{CodecError, bits::BitReader};

/// `PRIMARY_REF_NONE`.
const NO_PRIMARY: u32 = 7;
const ALL_SLOTS: u8 = 0xff;
/// A picture scaled by super-resolution has this over 9 to 16 of its width (§6.8.7).
const SUPERRES_NUMERATOR: u32 = 8;

/// What kind of frame it is (§6.8.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FrameType {
    #[default]
    Key,
    Inter,
    IntraOnly,
    Switch,
}

/// The layer that an OBU's extension names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) temporal: u8,
    pub(super) spatial: u8,
}

/// What matters of a frame header.
pub(super) struct FrameHeader {
    /// In bytes, the alignment after it included.
    pub(super) length: usize,
    /// `None` when it shows a frame that came before.
    pub(super) tiles: Option<Tiles>,
}

struct Header<'a, 'b> {
    bits: BitReader<'a>,
    sequence: &'b Av1SequenceHeader,
    frame_type: FrameType,
    shown: bool,
    /// Now or later.
    showable: bool,
    error_resilient: bool,
    screen_content: bool,
    integer_mv: bool,
    size_override: bool,
    order: Order,
    /// The reference that probabilities, segments and more are taken from.
    primary: Option<usize>,
    refresh: u8,
    intra_block_copy: bool,
    high_precision_mv: bool,
    size: Size,
    /// The slots of its references.
    references: [usize; PER_FRAME],
}

/// In pixels.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// After super-resolution.
    upscaled_width: u32,
    width: u32,
    height: u32,
}

/// Reads the header at the front of `payload`, and keeps the frame in the slots that it refreshes.
pub(super) fn parse(
    payload: &[u8],
    sequence: &Av1SequenceHeader,
    layer: Layer,
    references: &mut References,
) -> Result<FrameHeader, CodecError> {
    let mut header = Header {
        bits: BitReader::new("a frame header", payload),
        sequence,
        frame_type: FrameType::Key,
        shown: true,
        showable: false,
        error_resilient: true,
        screen_content: false,
        integer_mv: false,
        size_override: false,
        order: Order { bits: sequence.order_hint_bits, current: 0 },
        primary: None,
        refresh: ALL_SLOTS,
        intra_block_copy: false,
        high_precision_mv: false,
        size: Size::default(),
        references: [0; PER_FRAME],
    };
    if !sequence.reduced_still_picture {
        if header.bits.flag()? {
            header.existing(references)?;
            return Ok(FrameHeader { length: header.bits.bytes_read(), tiles: None });
        }
        header.kind()?;
    }
    let tiles = header.frame(layer, references)?;
    Ok(FrameHeader { length: header.bits.bytes_read(), tiles: Some(tiles) })
}

impl Header<'_, '_> {
    /// A frame that is shown again, which a key frame comes anew with.
    fn existing(&mut self, references: &mut References) -> Result<(), CodecError> {
        let kept = references.slots[self.bits.bits(3)? as usize % SLOTS];
        self.temporal_point()?;
        self.bits.skip(self.sequence.frame_ids.map_or(0, |ids| ids.bits))?;
        if kept.frame_type == FrameType::Key {
            references.keep(kept, ALL_SLOTS);
        }
        Ok(())
    }

    fn temporal_point(&mut self) -> Result<(), CodecError> {
        match self.sequence.decoder_model {
            Some(model) if !self.sequence.equal_picture_interval => self.bits.skip(model.presentation_time_bits),
            _ => Ok(()),
        }
    }

    fn is_intra(&self) -> bool {
        matches!(self.frame_type, FrameType::Key | FrameType::IntraOnly)
    }

    /// Type, and when it is shown.
    fn kind(&mut self) -> Result<(), CodecError> {
        self.frame_type = match self.bits.bits(2)? {
            0 => FrameType::Key,
            1 => FrameType::Inter,
            2 => FrameType::IntraOnly,
            _ => FrameType::Switch,
        };
        self.shown = self.bits.flag()?;
        if self.shown {
            self.temporal_point()?;
        }
        self.showable = if self.shown { self.frame_type != FrameType::Key } else { self.bits.flag()? };
        self.error_resilient = self.begins_anew() || self.bits.flag()?;
        Ok(())
    }

    /// True for a frame that refreshes all slots and needs nothing of them.
    fn begins_anew(&self) -> bool {
        self.frame_type == FrameType::Switch || (self.frame_type == FrameType::Key && self.shown)
    }

    fn frame(&mut self, layer: Layer, references: &mut References) -> Result<Tiles, CodecError> {
        let keeps_probabilities = self.bits.flag()?;
        self.tools()?;
        self.place(layer)?;
        self.refreshed(references)?;
        match self.is_intra() {
            true => self.intra()?,
            false => self.inter(references)?,
        }
        if !self.sequence.reduced_still_picture && !keeps_probabilities {
            self.bits.flag()?;
        }
        let size = (self.size.width, self.size.height);
        let tiles = Tiles::parse(&mut self.bits, size, self.sequence.superblocks_of_128)?;
        let segments = self.coding(references)?;
        references.keep(
            Reference {
                frame_type: self.frame_type,
                upscaled_width: self.size.upscaled_width,
                height: self.size.height,
                order_hint: self.order.current,
                segments,
            },
            self.refresh,
        );
        Ok(tiles)
    }

    fn tools(&mut self) -> Result<(), CodecError> {
        self.screen_content = match self.sequence.screen_content_tools {
            Some(forced) => forced,
            None => self.bits.flag()?,
        };
        if self.screen_content {
            self.integer_mv = match self.sequence.integer_mv {
                Some(forced) => forced,
                None => self.bits.flag()?,
            };
        }
        Ok(())
    }

    /// Id, order, and what depends on the decoder model.
    fn place(&mut self, layer: Layer) -> Result<(), CodecError> {
        self.bits.skip(self.sequence.frame_ids.map_or(0, |ids| ids.bits))?;
        self.size_override = match self.frame_type {
            FrameType::Switch => true,
            _ => !self.sequence.reduced_still_picture && self.bits.flag()?,
        };
        self.order.current = self.bits.bits(self.order.bits.into())?;
        if !self.is_intra() && !self.error_resilient {
            self.primary = Some(self.bits.bits(3)?).filter(|place| *place != NO_PRIMARY).map(|place| place as usize);
        }
        let Some(model) = self.sequence.decoder_model else { return Ok(()) };
        if self.bits.flag()? {
            let layers = 1 << layer.temporal | 1u16 << (layer.spatial + 8);
            for point in self.sequence.operating_points.iter().filter(|point| point.decoder_model) {
                if point.idc == 0 || point.idc & layers == layers {
                    self.bits.skip(model.removal_time_bits)?;
                }
            }
        }
        Ok(())
    }

    /// The slots that it refreshes, and the order that it expects of the others.
    fn refreshed(&mut self, references: &mut References) -> Result<(), CodecError> {
        if !self.begins_anew() {
            // Eight bits.
            self.refresh = self.bits.bits(8)? as u8;
        }
        let depends = !self.is_intra() || self.refresh != ALL_SLOTS;
        if depends && self.error_resilient && self.order.bits > 0 {
            for kept in &mut references.slots {
                kept.order_hint = self.bits.bits(self.order.bits.into())?;
            }
        }
        Ok(())
    }

    fn intra(&mut self) -> Result<(), CodecError> {
        self.frame_size()?;
        self.render_size()?;
        self.intra_block_copy =
            self.screen_content && self.size.upscaled_width == self.size.width && self.bits.flag()?;
        Ok(())
    }

    fn inter(&mut self, references: &References) -> Result<(), CodecError> {
        let implied = self.order.bits > 0 && self.bits.flag()?;
        if implied {
            let (last, golden) = (self.bits.bits(3)?, self.bits.bits(3)?);
            self.references = references.implied(last as usize, golden as usize, self.order);
        }
        for place in 0..PER_FRAME {
            if !implied {
                self.references[place] = self.bits.bits(3)? as usize;
            }
            self.bits.skip(self.sequence.frame_ids.map_or(0, |ids| ids.delta_bits))?;
        }
        if self.size_override && !self.error_resilient {
            self.size_of_references(references)?;
        } else {
            self.frame_size()?;
            self.render_size()?;
        }
        self.high_precision_mv = !self.integer_mv && self.bits.flag()?;
        // The interpolation filter, unless blocks choose it.
        if !self.bits.flag()? {
            self.bits.skip(2)?;
        }
        // Motion modes.
        self.bits.flag()?;
        if !self.error_resilient && self.sequence.ref_frame_mvs {
            self.bits.flag()?;
        }
        Ok(())
    }

    fn frame_size(&mut self) -> Result<(), CodecError> {
        let (mut width, mut height) = (self.sequence.max_width, self.sequence.max_height);
        if self.size_override {
            let (width_bits, height_bits) = self.sequence.size_bits;
            width = self.bits.bits(width_bits.into())? + 1;
            height = self.bits.bits(height_bits.into())? + 1;
        }
        self.scaled(width, height)
    }

    /// `superres_params`.
    fn scaled(&mut self, upscaled_width: u32, height: u32) -> Result<(), CodecError> {
        let mut width = upscaled_width;
        if self.sequence.superres && self.bits.flag()? {
            let denominator = self.bits.bits(3)? + SUPERRES_NUMERATOR + 1;
            width = (upscaled_width * SUPERRES_NUMERATOR + denominator / 2) / denominator;
        }
        self.size = Size { upscaled_width, width, height };
        Ok(())
    }

    fn render_size(&mut self) -> Result<(), CodecError> {
        let differs = self.bits.flag()?;
        self.bits.skip(if differs { 32 } else { 0 })
    }

    fn size_of_references(&mut self, references: &References) -> Result<(), CodecError> {
        for slot in self.references {
            if self.bits.flag()? {
                let kept = references.slots[slot];
                if kept.upscaled_width == 0 {
                    return Err(CodecError::OutOfRange { element: "ref_frame_idx", value: slot as u32 });
                }
                return self.scaled(kept.upscaled_width, kept.height);
            }
        }
        self.frame_size()?;
        self.render_size()
    }

    /// Everything after the tiles. Returns the segments, which later frames may take over.
    fn coding(&mut self, references: &References) -> Result<Segments, CodecError> {
        let color = &self.sequence.color;
        let color = (color.monochrome, color.separate_uv_delta_q);
        let previous = self.primary.map(|place| references.slots[self.references[place]].segments);
        let quantization = quantization::parse(&mut self.bits, color, previous, self.intra_block_copy)?;
        let all_lossless = quantization.lossless && self.size.width == self.size.upscaled_width;
        let lossless = (quantization.lossless, all_lossless);
        filters::skip(&mut self.bits, self.sequence, lossless, self.intra_block_copy)?;
        if !quantization.lossless {
            // The transform mode.
            self.bits.flag()?;
        }
        if !self.is_intra() {
            let compounds = self.bits.flag()?;
            if compounds && references.allow_skip_mode(&self.references, self.order) {
                self.bits.flag()?;
            }
            if !self.error_resilient && self.sequence.warped_motion {
                self.bits.flag()?;
            }
        }
        // The set of transforms.
        self.bits.flag()?;
        if !self.is_intra() {
            motion::skip(&mut self.bits, self.high_precision_mv)?;
        }
        if self.shown || self.showable {
            grain::skip(&mut self.bits, self.sequence, self.frame_type)?;
        }
        Ok(quantization.segments)
    }
}
