//! Short-term reference picture sets (ITU-T H.265 §7.3.7, §7.4.8).

use crate::{CodecError, nal::BitReader};

/// The most pictures of a set: `sps_max_dec_pic_buffering_minus1` is at most 15 (§A.4.2).
const MAX_PICTURES: usize = 16;

/// The pictures that a picture may refer to, by their distance in picture order count, nearest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReferenceSet {
    before: Vec<Reference>,
    after: Vec<Reference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    delta: i64,
    /// By the current picture, and not by later ones only.
    used: bool,
}

impl ReferenceSet {
    /// Reads the set that follows `sets` in the sequence parameter set, or that stands in a slice header after all of
    /// them.
    pub(super) fn parse(bits: &mut BitReader<'_>, sets: &[Self], in_slice: bool) -> Result<Self, CodecError> {
        let predicted = !sets.is_empty() && bits.flag()?;
        let set = if predicted { Self::parse_predicted(bits, sets, in_slice)? } else { Self::parse_explicit(bits)? };
        match set.before.len() + set.after.len() {
            count if count > MAX_PICTURES => {
                Err(CodecError::OutOfRange { element: "NumDeltaPocs", value: count as u32 })
            }
            _ => Ok(set),
        }
    }

    /// How many pictures the current one refers to.
    pub(super) fn used(&self) -> u32 {
        self.before.iter().chain(&self.after).filter(|picture| picture.used).count() as u32
    }

    fn parse_explicit(bits: &mut BitReader<'_>) -> Result<Self, CodecError> {
        let before = bits.ue_up_to("num_negative_pics", MAX_PICTURES as u32)?;
        let after = bits.ue_up_to("num_positive_pics", MAX_PICTURES as u32)?;
        Ok(Self { before: explicit(bits, before, -1)?, after: explicit(bits, after, 1)? })
    }

    /// A set predicted from another one: each of its pictures, and that set's own picture, moved by one distance (7-61,
    /// 7-62).
    fn parse_predicted(bits: &mut BitReader<'_>, sets: &[Self], in_slice: bool) -> Result<Self, CodecError> {
        let back = if in_slice { bits.ue_up_to("delta_idx_minus1", sets.len() as u32 - 1)? as usize } else { 0 };
        let from = &sets[sets.len() - 1 - back];
        let negative = bits.flag()?;
        let distance = i64::from(bits.ue_up_to("abs_delta_rps_minus1", 0x7fff)?) + 1;
        let shift = if negative { -distance } else { distance };
        let own = Reference { delta: 0, used: true };
        let mut moved = Vec::new();
        for reference in from.before.iter().chain(&from.after).chain([&own]) {
            let used = bits.flag()?;
            let kept = used || bits.flag()?;
            if kept {
                moved.push(Reference { delta: reference.delta + shift, used });
            }
        }
        let side = |wanted: fn(i64) -> bool| {
            let mut side: Vec<_> = moved.iter().copied().filter(|reference| wanted(reference.delta)).collect();
            side.sort_by_key(|reference| reference.delta.abs());
            side
        };
        Ok(Self { before: side(|delta| delta < 0), after: side(|delta| delta > 0) })
    }
}

fn explicit(bits: &mut BitReader<'_>, count: u32, sign: i64) -> Result<Vec<Reference>, CodecError> {
    let mut delta = 0;
    (0..count)
        .map(|_| {
            delta += sign * (i64::from(bits.ue_up_to("delta_poc_minus1", 0x7fff)?) + 1);
            Ok(Reference { delta, used: bits.flag()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], sets: &[ReferenceSet], in_slice: bool) -> ReferenceSet {
        ReferenceSet::parse(&mut BitReader::new("a set", bytes), sets, in_slice).unwrap()
    }

    fn side(references: &[(i64, bool)]) -> Vec<Reference> {
        references.iter().map(|(delta, used)| Reference { delta: *delta, used: *used }).collect()
    }

    #[test]
    fn explicit_sets_add_up_their_distances() {
        // 2 before, 1 after: 011 010; -1 used: 1 1; -3 used: 010 1; +2 for later pictures only: 010 0.
        let set = parse(&[0b0110_1011, 0b0101_0100], &[], false);
        assert_eq!(set, ReferenceSet { before: side(&[(-1, true), (-3, true)]), after: side(&[(2, false)]) });
        assert_eq!(set.used(), 2);
    }

    #[test]
    fn predicted_sets_move_another_and_drop_the_current_picture() {
        let from = ReferenceSet { before: side(&[(-1, true), (-3, true)]), after: side(&[(2, false)]) };
        // Predicted 1, by -1: 1 1; -1 used: 1; -3 dropped: 00; +2 used: 1; its own picture, for later ones: 01.
        let expected = ReferenceSet { before: side(&[(-1, false), (-2, true)]), after: side(&[(1, true)]) };
        assert_eq!(parse(&[0b1111_0010, 0b1000_0000], std::slice::from_ref(&from), false), expected);
        // In a slice header the set that it is predicted from is named: 1 for the last.
        assert_eq!(parse(&[0b1111_1001, 0b0100_0000], std::slice::from_ref(&from), true), expected);
        // By +1: -1 becomes the current picture itself, and goes.
        let moved = parse(&[0b1011_1101], &[from], false);
        assert_eq!(moved, ReferenceSet { before: side(&[(-2, true)]), after: side(&[(1, false), (3, true)]) });
    }
}
