//! FFmpeg's `-progress` lines.

/// A line is `out_time_us=` and a number; anything longer than this is none.
const LINE_MAX: usize = 256;

/// Reads how far FFmpeg is from what it prints, in pieces of any size.
pub(crate) struct Progress {
    duration: f64,
    line: Vec<u8>,
}

impl Progress {
    /// Of `duration` seconds in all.
    pub(crate) fn new(duration: f64) -> Self {
        Self { duration, line: Vec::new() }
    }

    /// The share done, 0 to 1, when these bytes say something new.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<f64> {
        let mut latest = None;
        for byte in bytes {
            match byte {
                b'\n' => {
                    latest = self.share().or(latest);
                    self.line.clear();
                }
                byte if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
        latest
    }

    fn share(&self) -> Option<f64> {
        let line = std::str::from_utf8(&self.line).ok()?;
        let micros: f64 = line.strip_prefix("out_time_us=")?.trim().parse().ok()?;
        Some((micros / 1e6 / self.duration.max(0.001)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_time_counts() {
        let mut progress = Progress::new(4.0);
        assert_eq!(progress.push(b"fps=0.00\nout_time_us=N/A\nout_ti"), None);
        assert_eq!(progress.push(b"me_us=1000000\nspeed=2x\n"), Some(0.25));
        assert_eq!(progress.push(b"out_time_us=2000000\nout_time_us=9000000\n"), Some(1.0));
        assert_eq!(progress.push(&vec![b'x'; 10_000]), None);
    }
}
