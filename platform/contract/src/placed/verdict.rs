//! Whether a place does worse than the one that it is to take over from.

use std::{fmt, num::NonZero, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

/// `[rollout]`: when a place that has part of the calls is taken back by itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutConfig {
    /// Whether any is.
    pub take_back: bool,
    /// Seconds of calls that are looked at.
    pub window_seconds: NonZero<u32>,
    /// Calls to it that there have to be.
    pub calls: NonZero<u32>,
    /// Failed calls in a hundred that it may have more than the first place.
    pub failures_percent: f64,
    /// How many times as long it may take as the first place does, at the 95th percentile; at least 1.
    pub times_slower: f64,
    /// Milliseconds that it may take longer in any case, at the 95th percentile.
    pub slower_milliseconds: u32,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            take_back: true,
            window_seconds: NonZero::new(60).expect("60 is not 0"),
            calls: NonZero::new(20).expect("20 is not 0"),
            failures_percent: 5.0,
            times_slower: 3.0,
            slower_milliseconds: 100,
        }
    }
}

/// A call that ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) ended: Instant,
    pub(super) took: Duration,
    /// By the module's fault (a status of 500 or more), not by the caller's.
    pub(super) failed: bool,
}

/// What is wrong with a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Why {
    Fails { of: usize, failed: usize, first_percent: f64 },
    Slow { p95: Duration, first: Duration },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails { of, failed, first_percent } => {
                write!(f, "{failed} of its last {of} calls failed, of the first place's {first_percent:.1} %")
            }
            Self::Slow { p95, first } => {
                let (p95, first) = (p95.as_secs_f64() * 1e3, first.as_secs_f64() * 1e3);
                write!(f, "one call in twenty takes {p95:.0} ms and longer, of the first place's {first:.0} ms")
            }
        }
    }
}

/// What is wrong with the `other` place at `now`, if enough is known of it.
pub(super) fn verdict(
    config: &RolloutConfig,
    now: Instant,
    first: impl Iterator<Item = Sample>,
    other: impl Iterator<Item = Sample>,
) -> Option<Why> {
    let window = Duration::from_secs(u64::from(config.window_seconds.get()));
    let recent = |sample: &Sample| now.saturating_duration_since(sample.ended) <= window;
    let (first, other) = (Figures::of(first.filter(recent)), Figures::of(other.filter(recent)));
    if !config.take_back || other.took.len() < config.calls.get() as usize {
        return None;
    }
    if other.percent() > first.percent() + config.failures_percent {
        return Some(Why::Fails { of: other.took.len(), failed: other.failed, first_percent: first.percent() });
    }
    let (p95, of_first) = (other.p95()?, first.p95()?);
    let enough = first.took.len() >= config.calls.get() as usize;
    let allowed = of_first.mul_f64(config.times_slower.clamp(1.0, 1e6));
    let spare = of_first.saturating_add(Duration::from_millis(u64::from(config.slower_milliseconds)));
    (enough && p95 > allowed && p95 > spare).then_some(Why::Slow { p95, first: of_first })
}

struct Figures {
    /// How long calls took, shortest first.
    took: Vec<Duration>,
    failed: usize,
}

impl Figures {
    fn of(samples: impl Iterator<Item = Sample>) -> Self {
        let (mut took, mut failed) = (Vec::new(), 0);
        for sample in samples {
            took.push(sample.took);
            failed += usize::from(sample.failed);
        }
        took.sort_unstable();
        Self { took, failed }
    }

    fn percent(&self) -> f64 {
        if self.took.is_empty() { 0.0 } else { 100.0 * self.failed as f64 / self.took.len() as f64 }
    }

    fn p95(&self) -> Option<Duration> {
        self.took.get((self.took.len() * 95 / 100).min(self.took.len().checked_sub(1)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(count: usize, milliseconds: u64, failed: usize) -> impl Iterator<Item = Sample> {
        let ended = Instant::now();
        (0..count).map(move |n| Sample { ended, took: Duration::from_millis(milliseconds), failed: n < failed })
    }

    fn judged(first: impl Iterator<Item = Sample>, other: impl Iterator<Item = Sample>) -> Option<Why> {
        verdict(&RolloutConfig::default(), Instant::now(), first, other)
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_errs_or_slows_is_found() {
        assert!(matches!(judged(calls(100, 5, 0), calls(20, 5, 2)), Some(Why::Fails { of: 20, failed: 2, .. })));
        assert!(matches!(judged(calls(100, 5, 0), calls(20, 300, 0)), Some(Why::Slow { .. })));
        let why = judged(calls(200, 5, 1), calls(50, 5, 50)).unwrap().to_string();
        assert_eq!(why, "50 of its last 50 calls failed, of the first place's 0.5 %");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_does_as_the_first_or_is_hardly_known_stays() {
        assert_eq!(judged(calls(100, 5, 0), calls(19, 5, 19)), None, "too few calls");
        assert_eq!(judged(calls(100, 5, 50), calls(100, 5, 50)), None, "the first fails as often");
        assert_eq!(judged(calls(100, 5, 0), calls(100, 40, 0)), None, "slower, and still quick");
        assert_eq!(judged(calls(100, 400, 0), calls(100, 900, 0)), None, "not three times as slow");
        assert_eq!(judged(calls(3, 5, 0), calls(100, 900, 0)), None, "there is nothing to measure it against");
        let never = RolloutConfig { take_back: false, ..RolloutConfig::default() };
        assert_eq!(verdict(&never, Instant::now(), calls(100, 5, 0), calls(100, 5, 100)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_does_not_count() {
        let failed: Vec<Sample> = calls(100, 5, 100).collect();
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(judged(calls(100, 5, 0), failed.into_iter()), None);
    }
}
