//! When a module is not asked at all: pure.

use std::time::Duration;

use tokio::time::Instant;

/// The longest time between two tries.
const LONGEST: Duration = Duration::from_secs(10);
/// What a caller is told to wait while the one try is under way.
const TRYING: Duration = Duration::from_secs(1);

/// Opens after failures in a row; then one attempt at a time is let through after a pause that grows, and the first
/// answer closes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breaker {
    allowed: u32,
    first_pause: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Trying { pause: Duration },
}

/// Leave to make one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// As any other.
    Usual,
    /// The one that finds out whether the module is back.
    Try,
}

/// What an attempt says of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is there.
    Answered,
    /// It is not there, or not itself.
    Failed,
    /// Nothing: the caller went away.
    None,
}

/// A change that an operator wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is not asked for so long.
    Opened(Duration),
    /// It is asked again.
    Closed,
}

impl Breaker {
    /// Opens after `allowed` failures in a row (0 is never), for `first_pause` at first.
    pub(super) fn new(allowed: u32, first_pause: Duration) -> Self {
        Self { allowed, first_pause: first_pause.min(LONGEST), state: State::Closed { failures: 0 } }
    }

    /// Whether an attempt may be made now; if not, when to come back.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Leave, Duration> {
        match self.state {
            State::Closed { .. } => Ok(Leave::Usual),
            State::Open { until, .. } if now < until => Err(until - now),
            State::Open { pause, .. } => {
                self.state = State::Trying { pause };
                Ok(Leave::Try)
            }
            State::Trying { .. } => Err(TRYING),
        }
    }

    /// Takes note of how an attempt ended. Those that began before it opened change nothing any more.
    pub(super) fn settle(&mut self, leave: Leave, sign: Sign, now: Instant) -> Option<Turn> {
        match (self.state, leave, sign) {
            (State::Closed { .. }, _, Sign::Answered) => {
                self.state = State::Closed { failures: 0 };
                None
            }
            (State::Closed { failures }, _, Sign::Failed) => {
                let failures = failures.saturating_add(1);
                if self.allowed == 0 || failures < self.allowed {
                    self.state = State::Closed { failures };
                    return None;
                }
                Some(self.open(self.first_pause, now))
            }
            (State::Trying { .. }, Leave::Try, Sign::Answered) => {
                self.state = State::Closed { failures: 0 };
                Some(Turn::Closed)
            }
            (State::Trying { pause }, Leave::Try, Sign::Failed) => {
                self.open(pause.saturating_mul(2).min(LONGEST), now);
                None
            }
            (State::Trying { pause }, Leave::Try, Sign::None) => {
                self.state = State::Open { until: now, pause };
                None
            }
            (State::Closed { .. }, _, Sign::None) | (State::Open { .. } | State::Trying { .. }, _, _) => None,
        }
    }

    fn open(&mut self, pause: Duration, now: Instant) -> Turn {
        self.state = State::Open { until: now + pause, pause };
        Turn::Opened(pause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_at_the_first_answer() {
        let (mut breaker, mut now) = (Breaker::new(3, PAUSE), Instant::now());
        for sign in [Sign::Failed, Sign::Failed, Sign::Answered, Sign::Failed, Sign::None, Sign::Failed] {
            assert_eq!(breaker.admit(now), Ok(Leave::Usual));
            assert_eq!(breaker.settle(Leave::Usual, sign, now), None);
        }
        assert_eq!(breaker.settle(Leave::Usual, Sign::Failed, now), Some(Turn::Opened(PAUSE)));
        assert_eq!(breaker.admit(now + PAUSE / 2), Err(PAUSE / 2), "the rest of the pause");
        assert_eq!(breaker.settle(Leave::Usual, Sign::Answered, now), None, "a late answer of before");

        for pause in [2, 4, 8, 10, 10] {
            let pause = Duration::from_secs(pause);
            assert!(breaker.admit(now + pause - Duration::from_millis(1)).is_err());
            now += pause;
            assert_eq!(breaker.admit(now), Ok(Leave::Try));
            assert_eq!(breaker.admit(now), Err(TRYING), "one at a time");
            assert_eq!(breaker.settle(Leave::Try, Sign::Failed, now), None);
        }
        now += LONGEST;
        assert_eq!(breaker.admit(now), Ok(Leave::Try));
        assert_eq!(breaker.settle(Leave::Try, Sign::None, now), None);
        assert_eq!(breaker.admit(now), Ok(Leave::Try), "a try that was given up makes room for the next");
        assert_eq!(breaker.settle(Leave::Try, Sign::Answered, now), Some(Turn::Closed));
        assert_eq!(breaker.admit(now), Ok(Leave::Usual));
    }

    #[test]
    fn without_a_limit_it_never_opens() {
        let (mut breaker, now) = (Breaker::new(0, PAUSE), Instant::now());
        assert!((0..1000).all(|_| breaker.settle(Leave::Usual, Sign::Failed, now).is_none()));
        assert_eq!(breaker.admit(now), Ok(Leave::Usual));
    }

    proptest! {
        /// However attempts end and in whatever order, nobody waits longer than the longest pause to find out.
        #[test]
        fn it_always_comes_back(steps in prop::collection::vec((0u64..5000, 0..3u8, any::<prop::sample::Index>()), 1..200)) {
            let (mut breaker, mut now, mut under_way) = (Breaker::new(2, PAUSE), Instant::now(), Vec::new());
            for (passed, kind, which) in steps {
                now += Duration::from_millis(passed);
                match breaker.admit(now) {
                    Ok(leave) => under_way.push(leave),
                    Err(wait) => prop_assert!(wait <= LONGEST),
                }
                prop_assert!(under_way.iter().filter(|leave| **leave == Leave::Try).count() <= 1);
                if kind > 0 && !under_way.is_empty() {
                    let leave = under_way.swap_remove(which.index(under_way.len()));
                    breaker.settle(leave, if kind == 1 { Sign::Failed } else { Sign::Answered }, now);
                }
            }
            for leave in under_way {
                breaker.settle(leave, Sign::None, now);
            }
            prop_assert!(breaker.admit(now + LONGEST).is_ok());
        }
    }
}
