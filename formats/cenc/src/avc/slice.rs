//! The slice header, read for its length alone (ITU-T H.264 §7.3.3).

use super::parameter_sets::{PictureOrder, Pps, Sps};
use crate::{CodecError, nal::BitReader};

/// What kind of slice it is, `slice_type % 5` (table 7-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SliceType {
    P,
    B,
    I,
    SwitchingP,
    SwitchingI,
}

/// `nal_ref_idc` and `nal_unit_type` of the slice's NAL unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct SliceNal {
    pub(super) reference: bool,
    pub(super) idr: bool,
}

/// Parameter sets by id.
pub(super) trait ParameterSets {
    /// The picture parameter set of an id, and the sequence parameter set that it refers to.
    fn activate(&self, pps_id: u32) -> Result<(&Pps, &Sps), CodecError>;
}

struct Header<'a, 'b> {
    bits: &'b mut BitReader<'a>,
    nal: SliceNal,
    sps: &'b Sps,
    pps: &'b Pps,
    slice_type: SliceType,
}

/// The bytes of the slice header that follow the NAL unit header, the partly used last one and emulation prevention bytes
/// included.
pub(super) fn header_length(payload: &[u8], nal: SliceNal, sets: &dyn ParameterSets) -> Result<usize, CodecError> {
    let mut bits = BitReader::new("a slice header", payload);
    bits.ue()?;
    let slice_type = SliceType::from_code(bits.ue_up_to("slice_type", 9)?);
    let (pps, sps) = sets.activate(bits.ue()?)?;
    Header { bits: &mut bits, nal, sps, pps, slice_type }.skip()?;
    Ok(bits.bytes_read())
}

impl SliceType {
    fn from_code(code: u32) -> Self {
        match code % 5 {
            0 => Self::P,
            1 => Self::B,
            2 => Self::I,
            3 => Self::SwitchingP,
            _ => Self::SwitchingI,
        }
    }

    fn is_intra(self) -> bool {
        matches!(self, Self::I | Self::SwitchingI)
    }
}

impl Header<'_, '_> {
    fn skip(mut self) -> Result<(), CodecError> {
        if self.sps.separate_colour_planes {
            self.bits.bits(2)?;
        }
        self.bits.bits(self.sps.frame_num_bits)?;
        let field = !self.sps.frame_mbs_only && self.bits.flag()?;
        if field {
            self.bits.flag()?;
        }
        if self.nal.idr {
            self.bits.ue()?;
        }
        self.picture_order(field)?;
        if self.pps.redundant_pictures {
            self.bits.ue()?;
        }
        if self.slice_type == SliceType::B {
            self.bits.flag()?;
        }
        let references = self.references()?;
        self.list_modifications()?;
        self.prediction_weights(references)?;
        if self.nal.reference {
            self.reference_marking()?;
        }
        self.quantisation_and_deblocking()?;
        self.slice_group_change_cycle()
    }

    fn picture_order(&mut self, field: bool) -> Result<(), CodecError> {
        let bottom = u32::from(self.pps.bottom_field_order && !field);
        match self.sps.picture_order {
            PictureOrder::Lsb(width) => {
                self.bits.bits(width)?;
                self.bits.skip_se(bottom)
            }
            PictureOrder::Delta { always_zero: false } => self.bits.skip_se(1 + bottom),
            PictureOrder::Delta { always_zero: true } | PictureOrder::Implied => Ok(()),
        }
    }

    /// Active references of each list: the defaults, or what the slice says.
    fn references(&mut self) -> Result<[u32; 2], CodecError> {
        let mut references = self.pps.references;
        if self.slice_type.is_intra() || !self.bits.flag()? {
            return Ok(references);
        }
        references[0] = 1 + self.bits.ue_up_to("num_ref_idx_l0_active_minus1", 31)?;
        if self.slice_type == SliceType::B {
            references[1] = 1 + self.bits.ue_up_to("num_ref_idx_l1_active_minus1", 31)?;
        }
        Ok(references)
    }

    /// How many reference lists this slice has.
    fn lists(&self) -> usize {
        match self.slice_type {
            SliceType::I | SliceType::SwitchingI => 0,
            SliceType::P | SliceType::SwitchingP => 1,
            SliceType::B => 2,
        }
    }

    /// §7.3.3.1.
    fn list_modifications(&mut self) -> Result<(), CodecError> {
        for _ in 0..self.lists() {
            if self.bits.flag()? {
                while self.bits.ue_up_to("modification_of_pic_nums_idc", 3)? != 3 {
                    self.bits.ue()?;
                }
            }
        }
        Ok(())
    }

    /// §7.3.3.2.
    fn prediction_weights(&mut self, references: [u32; 2]) -> Result<(), CodecError> {
        let weighted = match self.slice_type {
            SliceType::P | SliceType::SwitchingP => self.pps.weighted_prediction,
            SliceType::B => self.pps.weighted_bipred_idc == 1,
            SliceType::I | SliceType::SwitchingI => false,
        };
        if !weighted {
            return Ok(());
        }
        let chroma = self.sps.chroma_array_type != 0;
        self.bits.ue()?;
        if chroma {
            self.bits.ue()?;
        }
        let entries: u32 = references.iter().take(self.lists()).sum();
        for _ in 0..entries {
            if self.bits.flag()? {
                self.bits.skip_se(2)?;
            }
            if chroma && self.bits.flag()? {
                self.bits.skip_se(4)?;
            }
        }
        Ok(())
    }

    /// §7.3.3.3.
    fn reference_marking(&mut self) -> Result<(), CodecError> {
        if self.nal.idr {
            return self.bits.bits(2).map(|_| ());
        }
        if !self.bits.flag()? {
            return Ok(());
        }
        loop {
            let operands = match self.bits.ue_up_to("memory_management_control_operation", 6)? {
                0 => return Ok(()),
                3 => 2,
                5 => 0,
                _ => 1,
            };
            for _ in 0..operands {
                self.bits.ue()?;
            }
        }
    }

    fn quantisation_and_deblocking(&mut self) -> Result<(), CodecError> {
        if self.pps.cabac && !self.slice_type.is_intra() {
            self.bits.ue_up_to("cabac_init_idc", 2)?;
        }
        self.bits.se()?;
        if self.slice_type == SliceType::SwitchingP {
            self.bits.flag()?;
        }
        if matches!(self.slice_type, SliceType::SwitchingP | SliceType::SwitchingI) {
            self.bits.se()?;
        }
        if self.pps.deblocking_control && self.bits.ue_up_to("disable_deblocking_filter_idc", 2)? != 1 {
            self.bits.skip_se(2)?;
        }
        Ok(())
    }

    /// `Ceil(Log2(PicSizeInMapUnits ÷ SliceGroupChangeRate + 1))` bits: the least n with rate × (2^n - 1) ≥ size (§7.4.3).
    fn slice_group_change_cycle(&mut self) -> Result<(), CodecError> {
        let Some(rate) = self.pps.slice_group_change_rate else { return Ok(()) };
        let size = u64::from(self.sps.map_units);
        let width = (0..32).find(|n| u64::from(rate) * ((1u64 << n) - 1) >= size).unwrap_or(32);
        self.bits.bits(width).map(|_| ())
    }
}
