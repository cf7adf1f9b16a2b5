//! What frames remember of the frames before them (AV1 Bitstream & Decoding Process Specification §7.8, §7.20).

use super::{frame::FrameType, quantization::Segments};

/// How many frames are kept, and how many of them a frame refers to.
pub(super) const SLOTS: usize = 8;
pub(super) const PER_FRAME: usize = 7;
/// The places of references in a frame's list (§6.10.24).
const LAST: usize = 0;
const LAST2: usize = 1;
const LAST3: usize = 2;
const GOLDEN: usize = 3;
const BACKWARD: usize = 4;
const BACKWARD2: usize = 5;
const ALTERNATE: usize = 6;

/// A frame that is kept. One that never came has no width.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reference {
    pub(super) frame_type: FrameType,
    pub(super) upscaled_width: u32,
    pub(super) height: u32,
    pub(super) order_hint: u32,
    pub(super) segments: Segments,
}

/// The frames that are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct References {
    pub(super) slots: [Reference; SLOTS],
}

/// The order of frames, of which so many bits are coded; of none when frames have no order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) bits: u8,
    pub(super) current: u32,
}

impl Order {
    /// `get_relative_dist` (§7.9.3 of the syntax): how far `a` is after `b`.
    fn distance(self, a: u32, b: u32) -> i32 {
        let Some(last) = self.bits.checked_sub(1) else { return 0 };
        // Order hints have at most 8 bits.
        let (difference, sign) = (a.cast_signed() - b.cast_signed(), 1 << last);
        (difference & (sign - 1)) - (difference & sign)
    }
}

impl References {
    /// Keeps a frame in the slots whose bits are set.
    pub(super) fn keep(&mut self, frame: Reference, refresh: u8) {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter(|(slot, _)| refresh >> slot & 1 == 1).for_each(|(_, kept)| *kept = frame);
    }

    /// The slots of a frame that names only its last and its golden reference (§7.8).
    pub(super) fn implied(&self, last: usize, golden: usize, order: Order) -> [usize; PER_FRAME] {
        let distances = self.slots.map(|kept| order.distance(kept.order_hint, order.current));
        let mut choice = Choice { distances, used: [false; SLOTS], found: [None; PER_FRAME] };
        choice.take(LAST, Some(last));
        choice.take(GOLDEN, Some(golden));
        choice.take(ALTERNATE, choice.latest(true));
        choice.take(BACKWARD, choice.earliest_after());
        choice.take(BACKWARD2, choice.earliest_after());
        for place in [LAST2, LAST3, BACKWARD, BACKWARD2, ALTERNATE] {
            if choice.found[place].is_none() {
                choice.take(place, choice.latest(false));
            }
        }
        let earliest = (0..SLOTS).min_by_key(|slot| distances[*slot]).unwrap_or(0);
        choice.found.map(|slot| slot.unwrap_or(earliest))
    }

    /// Whether skip mode is allowed, for which two frames on either side, or two before, are needed
    /// (`skip_mode_params`, §5.9.22).
    pub(super) fn allow_skip_mode(&self, slots: &[usize; PER_FRAME], order: Order) -> bool {
        if order.bits == 0 {
            return false;
        }
        let hints = || slots.iter().map(|slot| self.slots[*slot].order_hint);
        let before = |limit| move |hint: &u32| order.distance(*hint, limit) < 0;
        let latest = |a: u32, b: u32| if order.distance(b, a) > 0 { b } else { a };
        let Some(forward) = hints().filter(before(order.current)).reduce(latest) else { return false };
        hints().any(|hint| order.distance(hint, order.current) > 0) || hints().any(|hint| before(forward)(&hint))
    }
}

/// References that are being chosen. Of equally distant frames the latest is the one in the last slot, and the earliest
/// the one in the first.
struct Choice {
    /// How far each kept frame is after the current one.
    distances: [i32; SLOTS],
    used: [bool; SLOTS],
    found: [Option<usize>; PER_FRAME],
}

impl Choice {
    fn take(&mut self, place: usize, slot: Option<usize>) {
        if let Some(slot) = slot {
            (self.found[place], self.used[slot]) = (Some(slot), true);
        }
    }

    /// The unused frames that come after the current one or with it, or those before it.
    fn unused(&self, after: bool) -> impl Iterator<Item = usize> {
        (0..SLOTS).filter(move |slot| !self.used[*slot] && (self.distances[*slot] >= 0) == after)
    }

    fn latest(&self, after: bool) -> Option<usize> {
        self.unused(after).max_by_key(|slot| self.distances[*slot])
    }

    fn earliest_after(&self) -> Option<usize> {
        self.unused(true).min_by_key(|slot| self.distances[*slot])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(hints: [u32; SLOTS]) -> References {
        References { slots: hints.map(|order_hint| Reference { order_hint, ..Reference::default() }) }
    }

    #[test]
    fn distances_wrap_around() {
        let order = Order { bits: 4, current: 1 };
        for (a, b, distance) in [(3, 1, 2), (1, 3, -2), (1, 15, 2), (15, 1, -2), (8, 0, -8)] {
            assert_eq!(order.distance(a, b), distance, "{a} after {b}");
        }
        assert_eq!(Order { bits: 0, current: 0 }.distance(7, 3), 0);
    }

    #[test]
    fn references_are_implied_by_the_order_of_frames() {
        let order = Order { bits: 7, current: 20 };
        let kept = references([10, 16, 18, 24, 28, 22, 4, 19]);
        // The latest and the two earliest of those that come later; the rest is what came before, latest first.
        assert_eq!(kept.implied(7, 6, order), [7, 2, 1, 6, 5, 3, 4]);
        let before = references([10, 10, 18, 12, 13, 14, 4, 19]);
        assert_eq!(before.implied(7, 6, order), [7, 2, 5, 6, 4, 3, 1]);
    }

    #[test]
    fn skip_mode_takes_frames_on_both_sides_or_two_before() {
        let slots = [0, 1, 2, 3, 4, 5, 6];
        for (hints, current, allowed) in [
            ([8, 8, 8, 8, 8, 8, 12, 0], 10, true),
            ([8, 8, 8, 8, 8, 6, 8, 0], 10, true),
            ([8; 8], 10, false),
            ([12; 8], 10, false),
            ([10; 8], 10, false),
        ] {
            let order = Order { bits: 7, current };
            assert_eq!(references(hints).allow_skip_mode(&slots, order), allowed, "{hints:?}");
        }
        assert!(!references([8, 8, 8, 8, 8, 8, 12, 0]).allow_skip_mode(&slots, Order { bits: 0, current: 10 }));
    }
}
