//! Which bucket a subject falls into: flagd's `fractional` operation, number for number, so that an account has the same variant here
//! as wherever else flagd's definitions are evaluated
//! (<https://flagd.dev/reference/custom-operations/fractional-operation/>).

/// A part of the subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share<V> {
    /// What they get: as a rule a variant's name.
    pub variant: V,
    /// How many of all the weights together.
    pub weight: u32,
}

/// The largest sum of weights, as flagd has it.
pub const MOST_WEIGHT: u64 = i32::MAX as u64;

/// The bucket among `total` that a key falls into: of the key's hash, the upper part. It is below `total`, and more weight in
/// front moves no key from one of the first shares to a later one.
pub fn bucket_of(key: &str, total: u64) -> u64 {
    (u64::from(murmur3(key.as_bytes())) * total.min(MOST_WEIGHT)) >> 32
}

/// The share that a key falls into; none when all weigh nothing, or more than [`MOST_WEIGHT`].
pub fn share_of<V: Copy>(key: &str, shares: &[Share<V>]) -> Option<V> {
    let total = shares.iter().map(|share| u64::from(share.weight)).sum::<u64>();
    if total == 0 || total > MOST_WEIGHT {
        return None;
    }
    let bucket = bucket_of(key, total);
    let mut end = 0;
    let found = shares.iter().find(|share| {
        end += u64::from(share.weight);
        bucket < end
    });
    found.map(|share| share.variant)
}

/// `MurmurHash3_x86_32` with the seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let scrambled = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= scrambled(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = rest.iter().rev().fold(0_u32, |rest, byte| (rest << 8) | u32::from(*byte));
    hash ^= scrambled(rest);
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hash_is_murmur3() {
        for (text, hash) in [
            ("", 0),
            ("foo", 0xf6a5_c420),
            ("hello", 0x248b_fa47),
            ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
        ] {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }

    /// What flagd's own conformance suite (flagd-testbed, `fractional.feature`, v2) expects.
    #[test]
    fn subjects_fall_where_flagd_has_them() {
        let suits = ["clubs", "diamonds", "hearts", "spades"].map(|variant| Share { variant, weight: 25 });
        for (seed, name, suit) in [
            ("fractional-flag", "jack", "hearts"),
            ("fractional-flag", "queen", "spades"),
            ("fractional-flag", "ten", "clubs"),
            ("fractional-flag", "nine", "diamonds"),
            ("fractional-flag", "3", "clubs"),
            ("shared-seed", "seven", "hearts"),
            ("shared-seed", "eight", "diamonds"),
            ("shared-seed", "nine", "clubs"),
            ("shared-seed", "two", "spades"),
        ] {
            assert_eq!(share_of(&format!("{seed}{name}"), &suits), Some(suit), "{seed} {name}");
        }
        let halves = ["lower", "upper"].map(|variant| Share { variant, weight: 50 });
        for (key, half) in
            [("ejOoVL", "lower"), ("bY9fO-", "lower"), ("SI7p-", "lower"), ("6LvT0", "upper"), ("ceQdGm", "upper")]
        {
            assert_eq!(share_of(key, &halves), Some(half), "{key}");
        }
    }

    proptest! {
        #[test]
        fn everybody_has_a_share(key in ".{0,40}", weights in prop::collection::vec(0_u32..1_000, 1..8)) {
            let shares: Vec<Share<&str>> = weights.iter().map(|weight| Share { variant: "v", weight: *weight }).collect();
            prop_assert_eq!(share_of(&key, &shares).is_some(), weights.iter().any(|weight| *weight > 0));
        }

        #[test]
        fn a_larger_part_keeps_those_that_it_had(key in ".{1,40}", percent in 0_u32..100) {
            let on = |percent| share_of(&key, &[Share { variant: "on", weight: percent }, Share { variant: "off", weight: 100 - percent }]);
            prop_assert!(on(percent) != Some("on") || on(percent + 1) == Some("on"));
            prop_assert_eq!(on(0), Some("off"));
            prop_assert_eq!(on(100), Some("on"));
        }

        #[test]
        fn no_weights_overflow(key in ".{0,40}", weights in prop::collection::vec(any::<u32>(), 0..8)) {
            let shares: Vec<Share<&str>> = weights.iter().map(|weight| Share { variant: "v", weight: *weight }).collect();
            let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            prop_assert_eq!(share_of(&key, &shares).is_some(), (1..=MOST_WEIGHT).contains(&total));
        }
    }
}
