//! Odd films, a row each: every one is either made, with its length and its sound in place, or refused with a reason that a
//! person understands.
//!
//! Where a row says nothing else, its film has 2 s of black pictures, 25 a second, that are white from 1.0 to 1.2 s, while a
//! tone is heard. Both are looked for in the tracks that come out, at the times that their indexes give them.

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
    /// When pictures are white.
    flash: f64,
    /// When the tone begins; none where there is no sound.
    beep: Option<f64>,
    /// When sound ends, where that is not when pictures do.
    sound: Option<f64>,
    size: (u16, u16),
    rate: (u64, u64),
    languages: &'static [&'static str],
}

const USUAL: Expected = Expected {
    seconds: 2.0,
    flash: 1.0,
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

const BASE: &str = "V A -c:v libx264 -g 10 -c:a aac base.mp4";

/// Samples and sizes.
const PICTURES: &[Row] = &[
    usual("10 bits", &["V A -pix_fmt yuv420p10le -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:2:2", &["V A -pix_fmt yuv422p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:4:4", &["V A -pix_fmt yuv444p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:0:0", &["V A -pix_fmt gray -c:v libx264 -c:a aac film.mkv"], "film.mkv"),
    usual("full range", &["V A -vf scale=out_range=pc,format=yuvj420p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual(
        "with transparency",
        &[
            "V A -pix_fmt yuva420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -auto-alt-ref 0 -c:a libopus film.webm",
        ],
        "film.webm",
    ),
    made(
        "rotated by 90°",
        &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=90 film.mov"],
        "film.mov",
        Expected { size: (96, 128), ..USUAL },
    ),
    made("rotated by 180°", &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=180 film.mov"], "film.mov", USUAL),
    made(
        "rotated by 270°",
        &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=270 film.mp4"],
        "film.mp4",
        Expected { size: (96, 128), ..USUAL },
    ),
    made(
        "wide pixels",
        &["V A -vf setsar=4/3 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { size: (170, 96), ..USUAL },
    ),
    usual("odd sides", &["V A -vf scale=129:97 -pix_fmt yuv444p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    made(
        "8K",
        &[
            "-f lavfi -i color=black:s=7680x4320:r=5:d=0.4,drawbox=t=fill:c=white:enable='gte(t,0.19)' -c:v libx264 -preset ultrafast film.mp4",
        ],
        "film.mp4",
        Expected { seconds: 0.4, flash: 0.2, size: (1920, 1080), rate: (5, 1), ..SILENT },
    ),
    refused(
        "1×1",
        &["V -vf scale=1:1 -pix_fmt yuv444p -c:v libx264 film.mkv"],
        "film.mkv",
        ("not_a_video", "the pictures are 1x1 pixels"),
    ),
    refused(
        "a line",
        &["V -vf scale=640:16 -c:v libx264 film.mkv"],
        "film.mkv",
        ("not_a_video", "at most 8 times as long as wide"),
    ),
];

/// Frame rates, interlacing, groups of pictures.
const RATES: &[Row] = &[
    made(
        "varying rate",
        &["V A -vf select='mod(n,5)-2' -fps_mode vfr -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
        USUAL,
    ),
    made(
        "120 pictures a second",
        &["V@120 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (30, 1), ..USUAL },
    ),
    made(
        "1 picture a second",
        &["V@1 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (1, 1), ..USUAL },
    ),
    made(
        "23.976 pictures a second",
        &["V@24000/1001 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (24_000, 1001), ..USUAL },
    ),
    usual(
        "interlaced",
        &["V A -vf setfield=tff -flags +ilme+ildct -x264-params tff=1 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
    ),
    usual(
        "B-pyramid",
        &["V A -c:v libx264 -bf 5 -x264-params b-pyramid=strict:b-adapt=0 -c:a aac film.mp4"],
        "film.mp4",
    ),
    usual(
        "open groups",
        &[
            "V A -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=8:min-keyint=8:scenecut=0:b-adapt=0 -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    made(
        "cut out of open groups",
        &[
            "V A -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=8:min-keyint=8:scenecut=0:b-adapt=0 -c:a aac long.mp4",
            "-ss 0.48 -i long.mp4 -c copy film.mp4",
        ],
        "film.mp4",
        Expected { seconds: 1.52, flash: 0.52, beep: Some(0.52), ..USUAL },
    ),
    made(
        "one picture",
        &["-f lavfi -i color=white:s=128x96:r=25:d=0.04 -c:v libx264 film.mp4"],
        "film.mp4",
        Expected { seconds: 0.04, flash: 0.0, ..SILENT },
    ),
];

/// Where things begin, stop and are missing.
const TIMES: &[Row] = &[
    made(
        "edit list",
        &[BASE, "-ss 0.48 -i base.mp4 -c copy film.mp4"],
        "film.mp4",
        Expected { seconds: 1.52, flash: 0.52, beep: Some(0.52), ..USUAL },
    ),
    made(
        "times below zero",
        &[BASE, "-itsoffset -0.32 -i base.mp4 -c copy -avoid_negative_ts disabled -copyts film.mkv"],
        "film.mkv",
        USUAL,
    ),
    usual(
        "no picture for 0.3 s",
        &["V A -vf select='not(between(t,0.4,0.7))' -fps_mode vfr -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
    ),
    usual(
        "no sound for 0.3 s",
        &["V A -af aselect='not(between(t,0.3,0.6))' -c:v libx264 -c:a pcm_s16le film.mkv"],
        "film.mkv",
    ),
    made(
        "late sound",
        &["V -itsoffset 0.5 A -t 2 -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
        Expected { beep: Some(1.5), ..USUAL },
    ),
    made(
        "late pictures",
        &[BASE, "-itsoffset 0.4 -i base.mp4 -i base.mp4 -map 0:v -map 1:a -c copy film.mkv"],
        "film.mkv",
        Expected { seconds: 2.4, flash: 1.4, sound: Some(2.0), ..USUAL },
    ),
    made(
        "sound longer than pictures",
        &["V A -af apad=whole_dur=3 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { sound: Some(3.0), ..USUAL },
    ),
    made(
        "pictures longer than sound",
        &["V A -af atrim=end=1.4 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { sound: Some(1.4), ..USUAL },
    ),
    made("transport stream", &["V A -c:v libx264 -bf 2 -c:a aac film.ts"], "film.ts", USUAL),
    made(
        "transport stream with times before packets",
        &["V A -c:v libx264 -c:a mp2 -mpegts_m2ts_mode 1 film.m2ts"],
        "film.m2ts",
        USUAL,
    ),
    made(
        "transport stream whose times begin anew",
        &["V A -c:v libx264 -g 10 -c:a ac3 -output_ts_offset 900 one.ts", "V A -c:v libx264 -g 10 -c:a ac3 two.ts"],
        "one.ts+two.ts",
        Expected { seconds: 3.95, sound: Some(4.03), ..USUAL },
    ),
    made(
        "transport stream whose times leap",
        &["V A -c:v libx264 -g 10 -c:a aac one.ts", "V A -c:v libx264 -g 10 -c:a aac -output_ts_offset 900 two.ts"],
        "one.ts+two.ts",
        Expected { seconds: 4.0, ..USUAL },
    ),
    made(
        "transport stream that begins in the middle",
        &["V A -c:v libx265 -x265-params log-level=none:keyint=10 -c:a aac film.ts"],
        "film.ts",
        USUAL,
    )
    .without_its_start(),
];

/// Containers and codecs.
const CODECS: &[Row] = &[
    usual("PCM in MOV", &["V A -c:v libx264 -c:a pcm_s24le film.mov"], "film.mov"),
    usual(
        "VP9 and Opus in WebM",
        &["V A -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus film.webm"],
        "film.webm",
    ),
    usual("FLAC in Matroska", &["V A -c:v libx264 -c:a flac film.mkv"], "film.mkv"),
    usual("MP3 in MP4", &["V A -c:v libx264 -c:a libmp3lame film.mp4"], "film.mp4"),
    usual("H.265", &["V A -c:v libx265 -x265-params log-level=none -c:a aac film.mp4"], "film.mp4"),
    usual("AV1", &["V A -c:v libaom-av1 -usage realtime -cpu-used 8 -c:a aac film.mp4"], "film.mp4"),
    // What films are handed over in.
    usual("ProRes", &["V A -c:v prores_ks -profile:v 1 -c:a pcm_s24le film.mov"], "film.mov"),
    usual(
        "PQ",
        &[
            "V A -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -c:v libx265 -x265-params log-level=none -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    usual(
        "HLG",
        &[
            "V A -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -c:v libx265 -x265-params log-level=none -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    usual("mono at 8 kHz", &["V A -c:v libx264 -ac 1 -ar 8000 -c:a pcm_s16le film.mov"], "film.mov"),
    made(
        "7.1",
        &["V A -c:v libx264 -af pan=7.1|FL=c0|FR=c0|BL=c0 -c:a aac film.mp4"],
        "film.mp4",
        Expected { languages: &["und", "und"], ..USUAL },
    ),
    made(
        "several languages",
        &[
            "V A A -map 0 -map 1 -map 2 -metadata:s:a:0 language=deu -metadata:s:a:1 language=fra -c:v libx264 -c:a aac film.mp4",
        ],
        "film.mp4",
        Expected { languages: &["deu", "fra"], ..USUAL },
    ),
    made("no sound", &["V -c:v libx264 film.mp4"], "film.mp4", SILENT),
    refused("no pictures", &["A -c:a aac film.mp4"], "film.mp4", ("not_a_video", "the file has sound and no pictures")),
    // A camera's stills, one after the other.
    refused("MJPEG", &["V -c:v mjpeg film.mov"], "film.mov", ("unsupported_codec", "coded with mjpeg; taken are")),
    refused(
        "MPEG-2",
        &["V -c:v mpeg2video film.ts"],
        "film.ts",
        ("unsupported_codec", "coded with mpeg2video; taken are"),
    ),
    refused(
        "a transport stream of sound",
        &["A -c:a aac film.ts"],
        "film.ts",
        ("not_a_video", "the transport stream has no pictures"),
    ),
    refused(
        "AVI",
        &["V -c:v libx264 film.avi"],
        "film.avi",
        ("unsupported_container", "the file is an AVI file; taken are"),
    ),
    refused("cut short", &[BASE], "base.mp4", ("truncated", "cut short or damaged")).cut(),
    refused("nothing", &[BASE], "base.mp4", ("not_a_video", "the file is empty; taken are")).emptied(),
];

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
    let mut flash = None;
    for (bytes, index) in &made.tracks {
        let ends = seconds(index, index.duration().cast_signed());
        bench.write("track.mp4", bytes);
        match index.kind {
            TrackKind::Video(_) => {
                let at = first_white(bench, index);
                near(format!("the end of {}", index.codec), ends, expected.seconds, frame);
                near("the flash".into(), at, expected.flash, frame);
                flash = flash.or(Some(at));
            }
            TrackKind::Audio(_) => {
                languages.push(index.language.as_str());
                let at = first_tone(bench, index);
                let lag = expected.beep.unwrap_or(f64::NAN) - expected.flash;
                near(
                    format!("the sound after the flash in {}", index.language),
                    at - flash.unwrap_or(f64::NAN),
                    lag,
                    IN_SYNC,
                );
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

/// When the first white picture of `track.mp4` is shown.
fn first_white(bench: &Bench, index: &TrackIndex) -> f64 {
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
    let white = pictures.iter().position(|level| *level > 120);
    white.map_or(f64::NAN, |number| seconds(index, shown[number]))
}

/// When the tone of `track.mp4` begins, all of its samples decoded and none left out.
fn first_tone(bench: &Bench, index: &TrackIndex) -> f64 {
    let words = "-ignore_editlist 1 -i track.mp4 -af pan=mono|c0=FL -ar 48000 -f f32le -";
    let samples: Vec<f32> =
        bench.ffmpeg(words).unwrap().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    let heard = samples.iter().position(|sample| sample.abs() > 0.3 * loudest);
    heard.map_or(f64::NAN, |number| seconds(index, number as i64 * i64::from(index.timescale) / 48_000))
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
    table(PICTURES).await;
}

#[tokio::test]
async fn odd_rates_and_groups() {
    table(RATES).await;
}

#[tokio::test]
async fn odd_times() {
    table(TIMES).await;
}

#[tokio::test]
async fn odd_codecs() {
    table(CODECS).await;
}
