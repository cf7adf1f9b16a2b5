//! When a delivery is tried again, and when enough is enough.

use std::time::Duration;

use tessera_types::Timestamp;

/// Seconds to wait after each failed attempt; after the last of them, that long each time.
const WAITS: [u64; 10] = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200];
/// The longest that one delivery's failure keeps the address's others waiting.
const PAUSE: Duration = Duration::from_secs(300);

/// The wait after `failures`, from 1, with `jitter` in 0..1: four fifths to six fifths of what the table says, so that what
/// failed together does not come again together.
pub(crate) fn wait(failures: i64, jitter: f64) -> Duration {
    let at = usize::try_from(failures.max(1) - 1).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    Duration::from_secs(WAITS[at]).mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

/// How long an address is left alone after so many failures in a row.
pub(crate) fn pause(failures: i64, jitter: f64) -> Duration {
    wait(failures, jitter).min(PAUSE)
}

/// Whether what began at `since` has gone on for `most` at `now`.
pub(crate) fn is_over(since: Timestamp, now: Timestamp, most: Duration) -> bool {
    now.since(since) >= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_a_delivery_is_tried_a_dozen_times_in_three_days() {
        for failures in 1..20 {
            assert!(wait(failures, 0.5) <= wait(failures + 1, 0.5));
            assert!(wait(failures, 0.0) < wait(failures, 1.0));
            assert!(pause(failures, 1.0) <= PAUSE);
        }
        let (mut passed, mut attempts) = (Duration::ZERO, 1);
        while passed < Duration::from_secs(72 * 3600) {
            passed += wait(attempts, 0.5);
            attempts += 1;
        }
        assert!((12..=16).contains(&attempts), "{attempts}");
        assert_eq!(wait(i64::MIN, 0.5), wait(1, 0.5));
    }
}
