//! FFmpeg's `-progress` lines, and how fast they say that it is.

use std::time::Duration;

use crate::lines::Lines;

/// Reads how far FFmpeg is from what it prints, in pieces of any size.
pub(crate) struct Progress {
    duration: f64,
    lines: Lines,
}

impl Progress {
    /// Of `duration` seconds in all.
    pub(crate) fn new(duration: f64) -> Self {
        Self { duration, lines: Lines::default() }
    }

    /// The share done, 0 to 1, when these bytes say something new.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<f64> {
        let mut latest = None;
        self.lines.push(bytes, |line| latest = share(line, self.duration).or(latest));
        latest
    }
}

fn share(line: &str, duration: f64) -> Option<f64> {
    let micros: f64 = line.strip_prefix("out_time_us=")?.trim().parse().ok()?;
    Some((micros / 1e6 / duration.max(0.001)).clamp(0.0, 1.0))
}

/// How fast a film is encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Seconds of film in a second.
    pub(crate) speed: f64,
    /// Seconds until the end of the film, at this speed.
    pub(crate) seconds_left: u64,
}

impl Pace {
    /// Of work that took `elapsed` to get from `from` to `share` (0 to 1) of `duration` seconds of film. `None` before
    /// there is anything to measure.
    pub(crate) fn of(from: f64, share: f64, duration: f64, elapsed: Duration) -> Option<Self> {
        let (done, elapsed) = ((share - from) * duration, elapsed.as_secs_f64());
        if done <= 0.0 || elapsed < 0.1 {
            return None;
        }
        let speed = done / elapsed;
        let seconds_left = ((1.0 - share).max(0.0) * duration / speed).ceil() as u64;
        Some(Self { speed: (speed * 100.0).round() / 100.0, seconds_left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_of_what_was_done_in_its_time() {
        let ten = Duration::from_secs(10);
        assert_eq!(Pace::of(0.0, 0.25, 80.0, ten), Some(Pace { speed: 2.0, seconds_left: 30 }));
        assert_eq!(Pace::of(0.5, 0.75, 80.0, ten), Some(Pace { speed: 2.0, seconds_left: 10 }), "the rest was there");
        assert_eq!(Pace::of(0.0, 1.0, 80.0, ten), Some(Pace { speed: 8.0, seconds_left: 0 }));
        for (share, elapsed) in [(0.0, ten), (0.5, Duration::ZERO), (f64::NAN, Duration::ZERO)] {
            assert_eq!(Pace::of(0.0, share, 80.0, elapsed), None);
        }
    }

    #[test]
    fn the_latest_time_counts() {
        let mut progress = Progress::new(4.0);
        assert_eq!(progress.push(b"fps=0.00\nout_time_us=N/A\nout_ti"), None);
        assert_eq!(progress.push(b"me_us=1000000\nspeed=2x\n"), Some(0.25));
        assert_eq!(progress.push(b"out_time_us=2000000\nout_time_us=9000000\n"), Some(1.0));
        assert_eq!(progress.push(&vec![b'x'; 10_000]), None);
    }
}
