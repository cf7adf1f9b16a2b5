//! Wall time that can be built on: it never goes back, whatever the machine's clock does.
//!
//! Leases, tokens, jobs, windows and the order of ledgers rest on time that goes forward. So a process follows the
//! machine's clock, and holds it against the time that has passed since the machine started:
//!
//! - a clock that is set back is waited for at half pace: nothing that lasts a minute lasts more than two;
//! - one that jumps ahead by up to a day is followed at once: it was wrong, or the machine stood still;
//! - one that jumps ahead further is not believed while the process runs: it would end every rental and renew every
//!   subscription. A restart believes it.
//!
//! The latest time is kept in the data folder, so that a restart does not go back either.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tessera_types::{Clock, SystemClock, Timestamp};

/// How often [`SteadyClock::keep`] is to be called at least.
pub const KEEP_EVERY: Duration = Duration::from_secs(10);
/// The furthest jump ahead that is followed.
const BELIEVED: i128 = 24 * 60 * 60 * SECOND;
/// Differences below this are those of any clock that is kept right.
const NOTICED: i128 = 5 * SECOND;
const SECOND: i128 = 1_000_000_000;
/// The file in the data folder.
const FILE: &str = "clock";

/// Wall time of a deployment.
pub struct SteadyClock {
    file: PathBuf,
    pace: Mutex<Pace>,
}

/// How the machine's clock stands to the time that is gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drift {
    /// They are the same.
    Same,
    /// The machine's clock was set back by so much of late, and is waited for.
    Behind(Duration),
    /// The machine's clock jumped ahead by so much, and is not believed.
    Ahead(Duration),
}

/// A reading of a clock that goes forward: the time given out last, and how long the machine had run then.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Nanoseconds since the Unix epoch.
    given: i128,
    /// Nanoseconds since the machine started.
    running: i128,
    drift: Drift,
}

impl Pace {
    /// The next reading, when the machine's clock says `wall` and it has run for `running`.
    fn next(self, wall: i128, running: i128) -> Self {
        let elapsed = (running - self.running).max(0);
        let expected = self.given + elapsed;
        let (given, drift) = match wall - expected {
            ahead if ahead > BELIEVED => (expected, Drift::Ahead(duration(ahead))),
            ahead if ahead >= 0 => (wall, Drift::Same),
            behind if behind > -NOTICED => ((self.given + elapsed / 2).max(wall), Drift::Same),
            behind => ((self.given + elapsed / 2).max(wall), Drift::Behind(duration(-behind))),
        };
        Self { given, running: running.max(self.running), drift }
    }
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl SteadyClock {
    /// The clock of the deployment in `data`, which goes on where it was last.
    pub fn open(data: &Path) -> Self {
        let (file, wall) = (data.join(FILE), nanos(SystemClock.now()));
        // What came after the time was kept last is not known: less than this passed.
        let since = i128::try_from(KEEP_EVERY.as_nanos()).unwrap_or(i128::MAX);
        let given = last_seen(data).map(nanos).filter(|last| *last > wall).map_or(wall, |last| last + since);
        if given > wall + NOTICED {
            tracing::error!(
                behind_seconds = (given - wall) / SECOND,
                file = %file.display(),
                "the machine's clock is behind the time when this data was last used: set it right. If that time was \
                 never right itself, stop, delete the file and start again"
            );
        }
        let pace = Pace { given, running: running(), drift: Drift::Same };
        Self { file, pace: Mutex::new(pace) }
    }

    /// Keeps the time for the next start. Waits for the disk.
    ///
    /// # Errors
    /// The disk did not take it; the next call may do better.
    pub fn keep(&self) -> io::Result<()> {
        let beside = self.file.with_extension("new");
        fs::write(&beside, format!("{}\n", self.now()))?;
        fs::rename(beside, &self.file)
    }

    fn read(&self) -> Pace {
        let (before, after) = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let before = *pace;
            *pace = before.next(nanos(SystemClock.now()), running());
            (before, *pace)
        };
        tell(before, after);
        after
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        timestamp(self.read().given)
    }
}

/// When the deployment in `data` last looked at its clock.
pub fn last_seen(data: &Path) -> Option<Timestamp> {
    fs::read_to_string(data.join(FILE)).ok()?.trim().parse().ok()
}

/// Tells of a jump once.
fn tell(before: Pace, after: Pace) {
    let jumped = after.given - before.given - (after.running - before.running);
    match (before.drift, after.drift) {
        (Drift::Same, Drift::Behind(by)) => tracing::warn!(
            seconds = by.as_secs(),
            "the machine's clock was set back: time goes on at half pace until the machine's has come as far"
        ),
        (Drift::Same | Drift::Behind(_), Drift::Ahead(by)) => tracing::error!(
            seconds = by.as_secs(),
            "the machine's clock jumped ahead by more than a day and is not believed: set it right, or restart Tessera \
             if it is right now"
        ),
        (Drift::Behind(_) | Drift::Ahead(_), Drift::Same) => tracing::info!("the machine's clock is followed again"),
        _ if jumped > 60 * SECOND => {
            let seconds = i64::try_from(jumped / SECOND).unwrap_or(i64::MAX);
            tracing::warn!(seconds, "the machine's clock jumped ahead, and is followed");
        }
        _ => {}
    }
}

fn nanos(time: Timestamp) -> i128 {
    i128::from(time.as_micros()) * 1000
}

fn timestamp(nanos: i128) -> Timestamp {
    Timestamp::from_micros(i64::try_from(nanos.div_euclid(1000)).unwrap_or(i64::MAX))
}

/// How long the machine runs, sleep included, in nanoseconds.
fn running() -> i128 {
    let since = clock_gettime(ClockId::Boottime);
    i128::from(since.tv_sec) * SECOND + i128::from(since.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i128 = 3600 * SECOND;
    /// A time of day on an ordinary day.
    const NOON: i128 = 1_768_478_400 * SECOND;

    fn at_noon() -> Pace {
        Pace { given: NOON, running: 0, drift: Drift::Same }
    }

    #[test]
    fn the_machine_s_clock_is_followed_while_it_is_kept_right() {
        let mut pace = at_noon();
        for second in 1..100 {
            // Read often, and slewed by a hundredth in both directions.
            let slewed = second * SECOND * (if second % 2 == 0 { 101 } else { 99 }) / 100;
            let next = pace.next(NOON + slewed, second * SECOND);
            assert!(next.given >= pace.given && next.drift == Drift::Same, "{next:?} after {pace:?}");
            assert!((next.given - NOON - slewed).abs() < 2 * SECOND, "{next:?} at {second}");
            pace = next;
        }
    }

    #[test]
    fn after_a_jump_back_time_goes_on_at_half_pace_until_the_machine_has_caught_up() {
        let mut pace = at_noon().next(NOON - 6 * HOUR, 0);
        assert_eq!((pace.given, pace.drift), (NOON, Drift::Behind(Duration::from_secs(6 * 3600))));
        for minute in 1..=60 * 12 {
            let running = minute * 60 * SECOND;
            // However often it is read.
            let next = pace.next(NOON - 6 * HOUR + running - 30 * SECOND, running - 30 * SECOND);
            let next = next.next(NOON - 6 * HOUR + running, running);
            assert_eq!(next.given - pace.given, 30 * SECOND, "minute {minute}: a lease of a minute lasts two");
            pace = next;
        }
        let caught_up = pace.next(NOON + 6 * HOUR + SECOND, 12 * HOUR + SECOND);
        assert_eq!((caught_up.given, caught_up.drift), (NOON + 6 * HOUR + SECOND, Drift::Same));
    }

    #[test]
    fn a_jump_ahead_is_followed_up_to_a_day_and_a_longer_one_is_not_believed() {
        assert_eq!(at_noon().next(NOON + 20 * HOUR, SECOND).given, NOON + 20 * HOUR);
        let years = 24 * 365 * 70 * HOUR;
        let mut pace = at_noon().next(NOON + years, SECOND);
        assert!(matches!(pace.drift, Drift::Ahead(_)));
        assert_eq!(pace.given, NOON + SECOND, "time goes on as it did");
        pace = pace.next(NOON + 2 * SECOND, 2 * SECOND);
        assert_eq!((pace.given, pace.drift), (NOON + 2 * SECOND, Drift::Same), "and the clock that is set right again");
    }

    #[test]
    fn back_and_forth_never_goes_back_and_nothing_is_held_up_by_the_size_of_the_jump() {
        let (mut pace, mut running) = (at_noon(), 0);
        for jump in [-HOUR, HOUR, 3 * HOUR, -5 * HOUR, 0, 23 * HOUR, -100 * HOUR, 2 * HOUR] {
            for _ in 0..10 {
                running += 6 * SECOND;
                let next = pace.next(NOON + jump + running, running);
                assert!(next.given - pace.given >= 3 * SECOND, "{next:?} after {pace:?}, jump {jump}");
                pace = next;
            }
        }
    }
}
