//! Peak segment bit rates (RFC 8216bis §4.4.6.2, and "peak segment bit rate" of §4.1).

use super::media::MediaSummary;

/// The most segments in one window: windows last at most one and a half target durations.
const MAX_WINDOW: usize = 512;

/// The largest bit rate of segments in a row that together last 0.5 to 1.5 target durations; of a shorter playlist,
/// of all of it. `None` when a size is not known, or nothing lasts any time.
pub(crate) fn peak(summary: &MediaSummary, size: impl Fn(usize) -> Option<u64>) -> Option<u64> {
    let target = u128::from(summary.target_duration?) * 1_000_000;
    let sizes: Vec<u64> = (0..summary.segments.len()).map(size).collect::<Option<_>>()?;
    let segments: Vec<(u64, u64)> =
        summary.segments.iter().map(|segment| segment.duration).zip(sizes.clone()).collect();
    let mut peak = None;
    for from in 0..segments.len() {
        let (mut duration, mut bytes) = (0u128, 0u128);
        for (lasts, size) in segments[from..].iter().take(MAX_WINDOW) {
            duration += u128::from(*lasts);
            bytes += u128::from(*size);
            if duration * 2 > target * 3 {
                break;
            }
            if duration * 2 >= target {
                peak = peak.max(rate(bytes, duration));
            }
        }
    }
    let all = || rate(sizes.iter().map(|size| u128::from(*size)).sum(), u128::from(summary.duration()));
    peak.or_else(all)
}

/// Bits a second, from bytes and millionths of a second.
fn rate(bytes: u128, duration: u128) -> Option<u64> {
    let bits = bytes.saturating_mul(8_000_000).checked_div(duration)?;
    Some(u64::try_from(bits).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::segments::Segment;

    fn summary(durations: &[u64]) -> MediaSummary {
        let segment = |duration: &u64| Segment {
            line: 0,
            uri: String::new(),
            range: None,
            duration: duration * 1_000_000,
            discontinuity: false,
        };
        let segments = durations.iter().map(segment).collect();
        MediaSummary { target_duration: Some(4), segments, ..MediaSummary::default() }
    }

    #[test]
    fn windows_last_about_a_target_duration() {
        for (what, durations, sizes, expected) in [
            ("each segment", vec![4, 4], vec![500, 1_000], Some(2_000)),
            ("a short last segment is too short alone", vec![4, 1], vec![500, 1_000], Some(2_400)),
            ("two short ones together", vec![1, 1, 4], vec![500, 1_000, 100], Some(6_000)),
            ("a whole short playlist", vec![1], vec![100], Some(800)),
            ("no time at all", vec![0], vec![100], None),
        ] {
            assert_eq!(peak(&summary(&durations), |place| sizes.get(place).copied()), expected, "{what}");
        }
        assert_eq!(peak(&summary(&[4]), |_| None), None, "unknown sizes");
    }
}
