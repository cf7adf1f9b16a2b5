//! Bit rates as playlists declare them.

use serde::{Deserialize, Serialize};

/// The most segments in one run, so that hostile durations cannot make the search quadratic.
const MAX_RUN: usize = 64;

/// Peak and average bit rate, in bits a second, rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// The largest bit rate of any run of segments between half and one and a half target durations long
    /// (RFC 8216bis §4.4.6.2, `BANDWIDTH`).
    pub peak: u64,
    /// All bits by the whole duration (`AVERAGE-BANDWIDTH`).
    pub average: u64,
}

impl Bandwidth {
    /// Measures segments of (bytes, duration in `timescale`). The longest segment is the target duration.
    pub fn measure(segments: &[(u64, u64)], timescale: u32) -> Self {
        let target = segments.iter().map(|(_, duration)| *duration).max().unwrap_or(0);
        let total = segments.iter().fold((0u64, 0u64), |sum, segment| add(sum, *segment));
        let peak = (0..segments.len()).map(|start| peak_from(&segments[start..], target, timescale)).max();
        Self { peak: peak.unwrap_or(0).max(rate(total, timescale)), average: rate(total, timescale) }
    }
}

/// The peak of the runs that begin with the first of these segments.
fn peak_from(segments: &[(u64, u64)], target: u64, timescale: u32) -> u64 {
    let mut run = (0, 0u64);
    let mut peak = 0;
    for segment in segments.iter().take(MAX_RUN) {
        run = add(run, *segment);
        let doubled = run.1.saturating_mul(2);
        if doubled > target.saturating_mul(3) {
            break;
        }
        if doubled >= target {
            peak = peak.max(rate(run, timescale));
        }
    }
    peak
}

fn add(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
}

fn rate((bytes, duration): (u64, u64), timescale: u32) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits.div_ceil(u128::from(duration.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_segment_is_no_peak() {
        let segments = [(1_000_000, 4_000), (2_000_000, 4_000), (200_000, 100)];
        let Bandwidth { peak, average } = Bandwidth::measure(&segments, 1_000);
        assert_eq!(average, 3_200_000u64 * 8 * 1_000 / 8_100 + 1);
        // The last two together, 4.1 s; the 0.1 s segment alone would be 16 Mbit/s.
        assert_eq!(peak, 2_200_000u64 * 8 * 1_000 / 4_100 + 1);
    }

    #[test]
    fn nothing_has_no_rate() {
        assert_eq!(Bandwidth::measure(&[], 1_000), Bandwidth::default());
        assert_eq!(Bandwidth::measure(&[(0, 0)], 1_000), Bandwidth::default());
    }
}
