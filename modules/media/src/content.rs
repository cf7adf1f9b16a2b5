//! How many bits a film's content needs: found by coding some moments of it, and looking at what came of them.
//!
//! The ladder's quality is set for pictures that are hard to code. A film whose moments look the same with fewer bits, a drawn
//! one, slides, a still camera, gets fewer: at the same structural similarity (SSIM) to its source, never more than it would
//! have had.

use crate::{
    encode::{self, OUT, words},
    lines::Lines,
    picture,
    plan::{Plan, VideoTrack},
    probe::Source,
};

/// Moments that are coded, and how long each lasts in seconds.
const MOMENTS: u32 = 4;
const MOMENT: f64 = 1.5;
/// The rendition that they are coded as: the smallest of at least this height.
const HEIGHT: u32 = 360;
/// SSIM of luma that is enough, in dB: 0.98.
const ENOUGH: f64 = 16.99;
/// Steps of rate factor that are saved at most. Six halve the bits.
const MOST_SAVED: u8 = 6;
/// x264's rate factor without anything saved.
const RATE_FACTOR: u8 = 23;

/// What FFmpeg's `ssim` filter has found, from what `metadata` prints, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Similarity {
    lines: Lines,
    sum: f64,
    pictures: u32,
}

impl Similarity {
    /// Takes the next bytes of output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes, |line| {
            let value = line.strip_prefix("lavfi.ssim.Y=").and_then(|value| value.trim().parse::<f64>().ok());
            if let Some(value) = value.filter(|value| (0.0..=1.0).contains(value)) {
                self.sum += value;
                self.pictures += 1;
            }
        });
    }

    /// In dB, on average; none where no picture was compared.
    pub(crate) fn decibels(&self) -> Option<f64> {
        let mean = (self.pictures > 0).then(|| self.sum / f64::from(self.pictures))?;
        Some(-10.0 * (1.0 - mean).max(1e-5).log10())
    }
}

/// Steps of rate factor that a film can do without, when its moments have these similarities in dB: as usual, and with
/// [`MOST_SAVED`] steps less.
pub(crate) fn saved(usual: f64, least: f64) -> u8 {
    let step = (usual - least) / f64::from(MOST_SAVED);
    match usual - ENOUGH {
        spare if spare <= 0.0 => 0,
        // Fewer bits that change nothing.
        _ if step <= 0.0 => MOST_SAVED,
        spare => (spare / step).min(f64::from(MOST_SAVED)) as u8,
    }
}

/// What so many steps leave of a bit rate.
fn less(kbps: u32, steps: u8) -> u32 {
    (f64::from(kbps) * (-f64::from(steps) / 6.0).exp2()).round().max(1.0) as u32
}

impl Plan {
    /// Takes these steps of rate factor off every rendition, and off its highest bit rate what they come to.
    pub(crate) fn save(&mut self, steps: u8) {
        for track in &mut self.video {
            track.saved = steps;
            track.max_kbps = less(track.max_kbps, steps);
        }
    }

    fn sampled(&self) -> Option<&VideoTrack> {
        self.video.iter().rev().find(|track| track.height >= HEIGHT).or(self.video.first())
    }
}

/// The files that a sample is coded into: as usual, and with as few bits as may be.
pub(crate) const SAMPLES: [&str; 2] = ["usual.mkv", "least.mkv"];

/// FFmpeg's arguments that code a film's moments twice; none for a plan without pictures.
pub(crate) fn sample(source: &Source, plan: &Plan) -> Option<Vec<String>> {
    let track = plan.sampled()?;
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1"]);
    arguments.extend(moments(source));
    arguments.extend(["-filter_complex".into(), format!("{},split=2[m0][m1]", joined(source, track))]);
    for (number, file) in SAMPLES.iter().enumerate() {
        let saved = if number == 0 { 0 } else { MOST_SAVED };
        let (factor, most) = (RATE_FACTOR + saved, less(track.max_kbps, saved));
        let closed = format!("scenecut=0:open-gop=0:keyint={0}:min-keyint={0}", track.group);
        arguments.extend(words(&["-map", &format!("[m{number}]"), "-c:v", "libx264", "-preset", "veryfast"]));
        arguments.extend(words(&["-crf", &factor.to_string(), "-x264-params", &closed, "-f", "matroska"]));
        arguments.extend(words(&["-maxrate", &format!("{most}k"), "-bufsize", &format!("{}k", 2 * most)]));
        arguments.push(format!("{OUT}/{file}"));
    }
    Some(arguments)
}

/// FFmpeg's arguments that compare what was coded into `file` with the film: what [`Similarity`] reads on stdout.
pub(crate) fn compare(source: &Source, plan: &Plan, file: &str) -> Option<Vec<String>> {
    let track = plan.sampled()?;
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error"]);
    arguments.extend(moments(source));
    arguments.extend(encode::guarded("h264", "matroska", "matroska"));
    arguments.extend(["-i".into(), format!("{OUT}/{file}")]);
    let number = starts(source).len();
    let same = "setpts=N/TB";
    let graph = format!(
        "{},{same}[film];[{number}:v]{same}[coded];[coded][film]ssim,metadata=print:key=lavfi.ssim.Y:file=-[m]",
        joined(source, track)
    );
    arguments.extend(["-filter_complex".into(), graph]);
    arguments.extend(words(&["-map", "[m]", "-f", "null", "-"]));
    Some(arguments)
}

/// When the moments begin: spread over the film, not at its ends. A short film is one moment.
fn starts(source: &Source) -> Vec<f64> {
    let length = source.video.duration;
    match length > 2.0 * f64::from(MOMENTS) * MOMENT {
        true => (1..=MOMENTS).map(|place| length * f64::from(place) / f64::from(MOMENTS + 1)).collect(),
        false => vec![0.0],
    }
}

/// The source as so many inputs.
fn moments(source: &Source) -> Vec<String> {
    let starts = starts(source);
    let length = if starts.len() == 1 { source.video.duration.min(f64::from(MOMENTS) * MOMENT) } else { MOMENT };
    let input = |start: &f64| {
        let seek = words(&["-ss", &format!("{start:.3}"), "-t", &format!("{length:.3}")]);
        seek.into_iter().chain(encode::source_input(source.container))
    };
    starts.iter().flat_map(input).collect()
}

/// The pictures of all moments, one after the other, as the sampled rendition has them.
fn joined(source: &Source, track: &VideoTrack) -> String {
    let count = starts(source).len();
    let each = (0..count).map(|number| format!("{}[t{number}];", picture::moment(source, track, number)));
    let ends: String = (0..count).map(|number| format!("[t{number}]")).collect();
    format!("{}{ends}concat=n={count}", each.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_film_can_do_without_follows_from_how_its_moments_look() {
        for (usual, least, steps) in [
            (16.0, 12.0, 0), // hard: nothing to spare
            (18.9, 15.9, 3),
            (18.0, 14.0, 1),
            (25.0, 21.0, 6),
            (31.0, 31.0, 6),
        ] {
            assert_eq!(saved(usual, least), steps, "{usual} dB and {least} dB");
        }
    }

    #[test]
    fn similarity_is_the_mean_of_all_pictures() {
        let mut similarity = Similarity::default();
        assert_eq!(similarity.decibels(), None);
        let text = "frame:0    pts:0       pts_time:0\nlavfi.ssim.Y=0.98\nframe:1 pts:1\nlavfi.ssim.Y=1.00\nlavfi.ssim.Y=nan\n";
        text.as_bytes().chunks(5).for_each(|bytes| similarity.push(bytes));
        assert!((similarity.decibels().unwrap() - 20.0).abs() < 1e-6);
    }
}
