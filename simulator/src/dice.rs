//! The one source of chance: the same seed throws the same for ever.

/// SplitMix64 (Steele, Lea and Flood 2014): small, and its stream never changes under a new version of a library.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Throws that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice for another purpose: how often one is thrown does not change the other.
    pub fn fork(&self, purpose: u64) -> Self {
        Self(Self(self.0 ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93)).throw())
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`, which is positive.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.throw() % bound as u64) as usize
    }

    /// `true` this often in a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of several; there is at least one.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of several by weight; the weights sum to something.
    pub fn weighted<T: Copy>(&mut self, of: &[(usize, T)]) -> T {
        let mut at = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, thing) in of {
            if at < *weight {
                return *thing;
            }
            at -= weight;
        }
        of[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_for_ever() {
        let mut dice = Dice::new(4711);
        let thrown: Vec<usize> = (0..6).map(|_| dice.below(1000)).collect();
        assert_eq!(thrown, EVER, "a new stream makes every seed of every report another one");
    }

    const EVER: [usize; 6] = [563, 924, 267, 196, 962, 54];
}
