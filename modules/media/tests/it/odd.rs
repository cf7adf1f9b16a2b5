//! Odd films, a row each: every one is either made, with its length and its sound in place, or refused with a reason that a
//! person understands.
//!
//! Where a row says nothing else, its film has 2 s of black pictures, 25 a second, that are white from 1.0 to 1.2 s, while a
//! tone is heard. Both are looked for in the tracks that come out, at the times that their indexes give them; every tone is.

mod films;

use tessera_contract_media::AssetState;
use tessera_isobmff::{TrackIndex, TrackKind};
use tessera_test_media::Bench;

use crate::{
    accepted::{Made, finished, world},
    world::World,
};

/// Seconds by which sound may be early or late.
const IN_SYNC: f64 = 0.02;

/// A film, and what comes of it.
struct Row {
    kind: &'static str,
    /// Words for FFmpeg, a run each; in them `V` stands for the pictures and `A` for the sound. The last one makes the film.
    runs: &'static [&'static str],
    /// Joined by `+` where it is made of several.
    file: &'static str,
    /// How its bytes are changed.
    forged: fn(Vec<u8>) -> Vec<u8>,
    comes: Comes,
}

enum Comes {
    Made(Expected),
    /// With this code, and these words in its message.
    Refused(&'static str, &'static str),
}

/// What a film that is made has.
#[derive(Clone, Copy)]
struct Expected {
    seconds: f64,
    /// When pictures become white.
    flashes: &'static [f64],
    /// When the first tone begins; none where there is no sound. After every flash there is one, as long after it.
    beep: Option<f64>,
    /// When sound ends, where that is not when pictures do.
    sound: Option<f64>,
    size: (u16, u16),
    rate: (u64, u64),
    languages: &'static [&'static str],
}

const USUAL: Expected = Expected {
    seconds: 2.0,
    flashes: &[1.0],
    beep: Some(1.0),
    sound: None,
    size: (128, 96),
    rate: (25, 1),
    languages: &["und"],
};
const SILENT: Expected = Expected { beep: None, languages: &[], ..USUAL };

const fn made(kind: &'static str, runs: &'static [&'static str], file: &'static str, of: Expected) -> Row {
    Row { kind, runs, file, forged: |bytes| bytes, comes: Comes::Made(of) }
}

const fn usual(kind: &'static str, runs: &'static [&'static str], file: &'static str) -> Row {
    made(kind, runs, file, USUAL)
}

const fn refused(
    kind: &'static str,
    runs: &'static [&'static str],
    file: &'static str,
    why: (&'static str, &'static str),
) -> Row {
    Row { kind, runs, file, forged: |bytes| bytes, comes: Comes::Refused(why.0, why.1) }
}

impl Row {
    /// Cut after 30 packets.
    const fn without_its_start(self) -> Self {
        Self { forged: |bytes| bytes[30 * 188..].to_vec(), ..self }
    }

    const fn cut(self) -> Self {
        Self { forged: |bytes| bytes[..bytes.len() / 2].to_vec(), ..self }
    }

    const fn emptied(self) -> Self {
        Self { forged: |_| Vec::new(), ..self }
    }
}

/// `V`, `V@rate` and `A` written out.
fn words(run: &str) -> String {
    let written = |word: &str| match word {
        "A" => "-f lavfi -i aevalsrc='0.5*sin(6283*t)*between(t,1,1.2)':s=48000:d=2".to_owned(),
        word if word == "V" || word.starts_with("V@") => {
            let rate = word.strip_prefix("V@").unwrap_or("25");
            format!(
                "-f lavfi -i color=black:s=128x96:r={rate}:d=2,drawbox=t=fill:c=white:enable='between(t,0.999,1.199)'"
            )
        }
        word => word.to_owned(),
    };
    run.split(' ').map(written).collect::<Vec<_>>().join(" ")
}

/// What a film comes to, in words where that is not what was expected.
async fn tried(world: &World, row: &Row) -> Result<(), String> {
    let bench = Bench::new();
    for run in row.runs {
        bench.ffmpeg(&words(run));
    }
    let film = (row.forged)(row.file.split('+').flat_map(|file| bench.read(file)).collect());
    let asset = finished(world, &film).await;
    match &row.comes {
        Comes::Refused(code, said) => {
            let reason = asset.failure.as_ref().ok_or_else(|| format!("it is made: {asset:?}"))?;
            let good = reason.code == *code && reason.message.contains(said);
            if good { Ok(()) } else { Err(format!("{reason:?}")) }
        }
        Comes::Made(_) if asset.state != AssetState::Ready => Err(format!("{:?}", asset.failure)),
        Comes::Made(expected) => differences(&bench, &Made::of(world, asset).await, expected),
    }
}

fn differences(bench: &Bench, made: &Made, expected: &Expected) -> Result<(), String> {
    let mut found = Vec::new();
    let frame = expected.rate.1 as f64 / expected.rate.0 as f64;
    let mut near = |what: String, got: f64, wanted: f64, by: f64| {
        if (got - wanted).abs() > by + 1e-6 {
            found.push(format!("{what} is {got:.4}, not {wanted:.4}"));
        }
    };
    let mut languages = Vec::new();
    let mut flashes = Vec::new();
    for (bytes, index) in &made.tracks {
        let ends = seconds(index, index.duration().cast_signed());
        bench.write("track.mp4", bytes);
        match index.kind {
            TrackKind::Video(_) => {
                near(format!("the end of {}", index.codec), ends, expected.seconds, frame);
                let seen = whites(bench, index);
                near(
                    format!("the number of flashes in {}", index.codec),
                    seen.len() as f64,
                    expected.flashes.len() as f64,
                    0.0,
                );
                for (at, wanted) in seen.iter().zip(expected.flashes) {
                    near("a flash".into(), *at, *wanted, frame);
                }
                if flashes.is_empty() {
                    flashes = seen;
                }
            }
            TrackKind::Audio(_) => {
                languages.push(index.language.as_str());
                let heard = tones(bench, index);
                near(
                    format!("the number of tones in {}", index.language),
                    heard.len() as f64,
                    flashes.len() as f64,
                    0.0,
                );
                let lag = expected.beep.unwrap_or(f64::NAN) - expected.flashes[0];
                for (flash, at) in flashes.iter().zip(heard) {
                    near(
                        format!("the sound after the flash at {flash:.2} in {}", index.language),
                        at - flash,
                        lag,
                        IN_SYNC,
                    );
                }
                near("the end of the sound".into(), ends, expected.sound.unwrap_or(expected.seconds), 0.06);
            }
        }
    }
    let first = (made.size(0), made.tracks[0].1.frame_rate());
    if first != (expected.size, Some(expected.rate)) || languages != expected.languages {
        found.push(format!("made are {first:?} and sound in {languages:?}"));
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("; ")) }
}

/// Ticks of the media, as seconds of the presentation.
fn seconds(index: &TrackIndex, ticks: i64) -> f64 {
    let shown = ticks - index.edit.skip.cast_signed() + index.edit.delay.cast_signed();
    shown as f64 / f64::from(index.timescale)
}

/// When the pictures of `track.mp4` become white.
fn whites(bench: &Bench, index: &TrackIndex) -> Vec<f64> {
    let pictures = bench.ffmpeg("-i track.mp4 -fps_mode passthrough -vf scale=1:1,format=gray -f rawvideo -").unwrap();
    let mut shown = Vec::new();
    for fragment in index.fragments() {
        let mut at = fragment.base_decode_time().cast_signed();
        for sample in fragment.samples() {
            shown.push(at + i64::from(sample.composition_offset));
            at += i64::from(sample.duration);
        }
    }
    shown.sort_unstable();
    assert_eq!(pictures.len(), shown.len(), "every picture is shown");
    let mut was_white = false;
    let mut becomes_white = |level: u8| !std::mem::replace(&mut was_white, level > 120) && level > 120;
    pictures.iter().zip(shown).filter(|(level, _)| becomes_white(**level)).map(|(_, at)| seconds(index, at)).collect()
}

/// When the tones of `track.mp4` begin, all of its samples decoded and none left out.
fn tones(bench: &Bench, index: &TrackIndex) -> Vec<f64> {
    /// Samples of silence before a tone, at least: a tenth of a second.
    const SILENCE: usize = 4800;
    let words = "-ignore_editlist 1 -i track.mp4 -af pan=mono|c0=FL -ar 48000 -f f32le -";
    let samples: Vec<f32> =
        bench.ffmpeg(words).unwrap().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    let loud: Vec<usize> = (0..samples.len()).filter(|at| samples[*at].abs() > 0.3 * loudest).collect();
    let begins = |number: usize| number == 0 || loud[number] - loud[number - 1] > SILENCE;
    let first = (0..loud.len()).filter(|number| begins(*number)).map(|number| loud[number] as i64);
    first.map(|sample| seconds(index, sample * i64::from(index.timescale) / 48_000)).collect()
}

/// Tries these rows, one after the other, and tells of all that are not as expected.
async fn table(rows: &[Row]) {
    if Bench::new().ffmpeg("-version").is_none() {
        return;
    }
    let (world, _folder) = world().await;
    let working = world.work();
    let mut wrong = Vec::new();
    for row in rows {
        if let Err(how) = tried(&world, row).await {
            wrong.push(format!("{}: {how}", row.kind));
        }
    }
    working.stop().await;
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn odd_pictures() {
    table(films::PICTURES).await;
}

#[tokio::test]
async fn odd_rates_and_groups() {
    table(films::RATES).await;
}

#[tokio::test]
async fn odd_times() {
    table(films::TIMES).await;
}

#[tokio::test]
async fn odd_codecs() {
    table(films::CODECS).await;
}
