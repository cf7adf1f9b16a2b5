//! How a file is changed.

use crate::{Random, boxes};

/// The most changes of one file, and how long it may become.
const MOST_CHANGES: usize = 8;
const LONGEST: usize = 256 << 10;
/// Numbers at which sums overflow, signs turn and sizes stop making sense.
const EXTREMES: [u64; 16] = [
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// The file that a seed makes of `original`; `words` are what its format is made of.
pub fn mutate(original: &[u8], words: &[&[u8]], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = original.to_vec();
    // Few changes find more than many: most of the file should still be read.
    let changes = 1 + random.below(MOST_CHANGES) * random.below(2);
    (0..changes).for_each(|_| change(&mut bytes, words, &mut random));
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, words: &[&[u8]], random: &mut Random) {
    let at = place(bytes, random);
    match random.below(12) {
        0 => set(bytes, at, &[1u8 << random.below(8)], |old, bit| old ^ bit),
        1 => set(bytes, at, &[random.number() as u8], |_, new| new),
        2 | 3 => {
            let width = 1 << random.below(4);
            let number = random.one_of(&EXTREMES).copied().unwrap_or(0);
            let mut number = number.to_be_bytes()[8 - width..].to_vec();
            if random.below(4) == 0 {
                number.reverse();
            }
            set(bytes, at, &number, |_, new| new);
        }
        4 => {
            let by = (random.below(65) as u8).wrapping_sub(32);
            set(bytes, at, &[by], u8::wrapping_add);
        }
        5 => bytes.truncate(at),
        6 => {
            let end = (at + 1 + random.below(64)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        7 => {
            let copied = bytes[at..(at + 1 + random.below(256)).min(bytes.len())].to_vec();
            let times = 1 + random.below(2) * random.below(64);
            bytes.splice(at..at, copied.repeat(times));
        }
        8 => {
            let from = random.below(bytes.len());
            let copied = bytes[from..(from + 1 + random.below(64)).min(bytes.len())].to_vec();
            set(bytes, at, &copied, |_, new| new);
        }
        9 => {
            let word = random.one_of(words).copied().unwrap_or_default();
            bytes.splice(at..at, word.iter().copied());
        }
        10 => {
            let word = random.one_of(words).copied().unwrap_or_default();
            set(bytes, at, word, |_, new| new);
        }
        _ => {
            boxes::change(bytes, random);
        }
    }
}

/// A place in the file, its beginning more often than the rest: that is where headers are.
fn place(bytes: &[u8], random: &mut Random) -> usize {
    let within = if random.below(2) == 0 { bytes.len().min(2_048) } else { bytes.len() };
    random.below(within)
}

fn set(bytes: &mut [u8], at: usize, with: &[u8], join: impl Fn(u8, u8) -> u8) {
    bytes.iter_mut().skip(at).zip(with).for_each(|(byte, new)| *byte = join(*byte, *new));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_file_again_and_seeds_differ() {
        let original: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        let made = |seed| mutate(&original, &[b"moov", b"\n"], seed);
        assert!((0..2_000).all(|seed| made(seed) == made(seed)));
        let different = (0..2_000).filter(|seed| made(*seed) != original).count();
        assert!(different > 1_800, "{different} of 2000 are changed");
        assert!((0..2_000).all(|seed| made(seed).len() <= LONGEST));
        assert!(mutate(&[], &[], 5).len() <= LONGEST, "an empty file can be changed");
    }
}
