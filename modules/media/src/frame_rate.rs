//! The constant frame rate that a source is made into.

use std::fmt;

/// Frames a second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameRate {
    pub(crate) num: u32,
    pub(crate) den: u32,
}

/// What cameras and editors make (ITU-R BT.2020 table 2, and the half rates).
const STANDARD: [FrameRate; 9] = [
    FrameRate { num: 24_000, den: 1001 },
    FrameRate { num: 24, den: 1 },
    FrameRate { num: 25, den: 1 },
    FrameRate { num: 30_000, den: 1001 },
    FrameRate { num: 30, den: 1 },
    FrameRate { num: 48, den: 1 },
    FrameRate { num: 50, den: 1 },
    FrameRate { num: 60_000, den: 1001 },
    FrameRate { num: 60, den: 1 },
];
const FASTEST: f64 = 60.0;
const SLOWEST: f64 = 1.0;

impl FrameRate {
    /// Reads FFmpeg's `30000/1001`; `None` for `0/0` and other nonsense.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (num, den) = text.split_once('/')?;
        let rate = Self { num: num.parse().ok()?, den: den.parse().ok()? };
        (rate.num > 0 && rate.den > 0).then_some(rate)
    }

    /// Frames a second.
    pub(crate) fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Frames of a group of pictures of about two seconds.
    pub(crate) fn group(self) -> u32 {
        ((2.0 * self.as_f64()).round() as u32).max(1)
    }

    /// Every other frame.
    pub(crate) fn halved(self) -> Self {
        match self.num % 2 {
            0 => Self { num: self.num / 2, den: self.den },
            _ => Self { num: self.num, den: self.den.saturating_mul(2) },
        }
    }

    /// The rate to encode at: the source's own where it is constant, a standard one near the average where it varies,
    /// halved until it is at most 60.
    pub(crate) fn constant(average: Option<Self>, nominal: Option<Self>) -> Self {
        let chosen = match (average, nominal) {
            (Some(average), Some(nominal)) if average.is_near(nominal, 0.01) => nominal.exact(),
            (Some(average), _) => average.standard(),
            (None, Some(nominal)) => nominal.standard(),
            (None, None) => Self { num: 25, den: 1 },
        };
        chosen.within_limits()
    }

    /// The standard rate that this one is a guess at, as it is where a transport stream was joined: the closest within half a
    /// hundredth.
    fn exact(self) -> Self {
        let off = |rate: &FrameRate| (rate.as_f64() - self.as_f64()).abs();
        let closest = STANDARD.iter().copied().min_by(|a, b| off(a).total_cmp(&off(b)));
        closest.filter(|rate| self.is_near(*rate, 0.005)).unwrap_or(self)
    }

    fn is_near(self, other: Self, share: f64) -> bool {
        (self.as_f64() - other.as_f64()).abs() <= share * other.as_f64()
    }

    /// The closest standard rate that is not slower than this one by more than a hundredth.
    fn standard(self) -> Self {
        let enough = |rate: &&Self| rate.as_f64() >= 0.99 * self.as_f64();
        match self.as_f64() {
            // A slide show stays one.
            rate if rate < 20.0 => self,
            _ => STANDARD.iter().find(enough).copied().unwrap_or(self),
        }
    }

    fn within_limits(self) -> Self {
        match self.as_f64() {
            rate if rate < SLOWEST => Self { num: 1, den: 1 },
            rate if rate > 16.0 * FASTEST => Self { num: 60, den: 1 },
            rate if rate > FASTEST + 0.01 => self.halved().within_limits(),
            _ => self,
        }
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_is_kept_and_a_varying_one_made_constant() {
        for (average, nominal, expected) in [
            ("25/1", "25/1", "25/1"),
            ("30000/1001", "30000/1001", "30000/1001"),
            ("2997/100", "30000/1001", "30000/1001"),
            ("15/1", "15/1", "15/1"),
            ("6250/249", "301/12", "25/1"),
            ("23976/1000", "23976/1000", "24000/1001"),
            ("24/1", "24/1", "24/1"),
            ("28730/1000", "90000/1", "30000/1001"),
            ("23976/1000", "0/0", "24000/1001"),
            ("120/1", "120/1", "60/1"),
            ("0/0", "0/0", "25/1"),
            ("1/10", "1/10", "1/1"),
            ("90000/1", "90000/1", "60/1"),
        ] {
            let rate = FrameRate::constant(FrameRate::parse(average), FrameRate::parse(nominal));
            assert_eq!(rate.to_string(), expected, "{average} on average, {nominal} nominally");
        }
    }

    #[test]
    fn a_group_of_pictures_is_about_two_seconds() {
        for (rate, frames) in [("25/1", 50), ("30000/1001", 60), ("24000/1001", 48), ("1/1", 2)] {
            assert_eq!(FrameRate::parse(rate).map(FrameRate::group), Some(frames));
        }
    }
}
