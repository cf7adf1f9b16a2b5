//! How loud sound is, and by how much it is turned up or down (EBU R 128, ITU-R BS.1770).

use crate::lines::Lines;

/// dBTP that nothing goes above: a lossy encoder adds a little (EBU R 128 §f).
const PEAK_MAX: f64 = -1.0;
/// LU that very quiet sound is turned up at most, for its noise comes up with it.
const UP_MAX: f64 = 20.0;
/// LUFS below which there is nothing to hear: BS.1770's absolute gate.
const SILENCE: f64 = -70.0;

/// What FFmpeg's `ebur128` filter has found, from what `ametadata` prints, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    lines: Lines,
    /// LUFS.
    integrated: Option<f64>,
    /// Of full scale.
    peak: f64,
}

impl Meter {
    /// Takes the next bytes of output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes, |line| {
            let Some((key, value)) = line.split_once('=') else { return };
            let Some(value) = value.trim().parse::<f64>().ok().filter(|value| value.is_finite()) else { return };
            match key {
                "lavfi.r128.I" => self.integrated = Some(value),
                "lavfi.r128.true_peak" => self.peak = self.peak.max(value),
                _ => {}
            }
        });
    }

    /// By how many dB the sound is to be turned up (or, below zero, down) to be as loud as `target`, in LUFS, without a
    /// sample above [`PEAK_MAX`]. Nothing is compressed: sound with high peaks stays quieter. Zero for silence.
    pub(crate) fn gain(&self, target: f64) -> f64 {
        let Some(integrated) = self.integrated.filter(|loudness| *loudness > SILENCE) else { return 0.0 };
        let room = PEAK_MAX - 20.0 * self.peak.max(1e-6).log10();
        let gain = (target - integrated).min(UP_MAX).min(room);
        (10.0 * gain).round() / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(integrated: &str, peak: &str) -> Meter {
        let mut meter = Meter::default();
        let text =
            format!("frame:1 pts:0\nlavfi.r128.I=-70.000\nlavfi.r128.I={integrated}\nlavfi.r128.true_peak={peak}\n");
        text.as_bytes().chunks(7).for_each(|bytes| meter.push(bytes));
        meter
    }

    #[test]
    fn sound_is_brought_to_the_target_unless_its_peaks_forbid_it() {
        for (integrated, peak, gain) in [
            ("-18.0", "0.5", -5.0),
            ("-30.04", "0.1", 7.0),
            ("-30.0", "0.8", 0.9), // -1.9 dBTP
            ("-23.0", "1.1", -1.8),
            ("-60.0", "0.001", 20.0),
            ("-70.0", "0", 0.0),
            ("-inf", "0", 0.0),
        ] {
            assert_eq!(meter(integrated, peak).gain(-23.0), gain, "{integrated} LUFS, peak {peak}");
        }
        assert_eq!(Meter::default().gain(-23.0), 0.0);
    }
}
