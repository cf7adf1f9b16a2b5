//! Other programs decrypt what was packaged, and see the samples and pictures of the source.

use std::path::Path;

use tessera_package::Encryption;
use tessera_test_media::{Bench, picture, tone};

use crate::packaged::{KEY, KEY_ID, for_each_source, job, run};

/// One line of FFmpeg's framehash.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hashed {
    decode_time: i64,
    presentation_time: i64,
    size: String,
    sum: String,
}

fn hashes(bench: &Bench, input: &Path, before: &str, after: &str) -> Vec<Hashed> {
    let words = format!("-copyts {before} -i {} {after} -f framehash -hash md5 -", input.display());
    let text = String::from_utf8(bench.ffmpeg(&words).unwrap()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            // Durations are left out, for FFmpeg guesses that of the last sample; what follows the sum is no sample.
            let columns: Vec<_> = line.split(',').map(str::trim).collect();
            let (size, sum) = (columns[4].to_owned(), columns[5].to_owned());
            let [decode_time, presentation_time] = [1, 2].map(|at: usize| columns[at].parse().unwrap());
            Hashed { decode_time, presentation_time, size, sum }
        })
        .collect()
}

fn sums(lines: Vec<Hashed>) -> Vec<String> {
    lines.into_iter().map(|line| line.sum).collect()
}

/// Equal, or a short word on the first difference.
fn check_equal<T: PartialEq + std::fmt::Debug>(got: &[T], expected: &[T], what: &str, source: &Path) {
    let at = got.iter().zip(expected).position(|(got, expected)| got != expected);
    let pair = at.map(|at| (&got[at], &expected[at]));
    assert!(at.is_none(), "{what} of {}: number {at:?} differs: {pair:?}", source.display());
    assert_eq!(got.len(), expected.len(), "{what} of {}", source.display());
}

#[test]
fn ffmpeg_decrypts_the_samples_and_pictures_of_the_source() {
    for_each_source(|bench, source| {
        run(&job(bench, source.clone(), "out", true));
        // In order, as a player reads: FFmpeg 5.1 loses the place of encrypted samples in a file it may seek in.
        let key = format!("-seekable 0 -decryption_key {KEY}");
        // FFmpeg moves negative composition offsets to zero, in fragmented and progressive files by different ways.
        let moved = |mut lines: Vec<Hashed>| {
            let first = lines.first().map_or(0, |line| line.decode_time);
            if source.ends_with("negative-offsets.mp4") {
                lines.iter_mut().for_each(|line| {
                    line.decode_time -= first;
                    line.presentation_time -= first;
                });
            }
            lines
        };
        for (name, kind) in [("video-1.mp4", "v"), ("audio-1.mp4", "a")] {
            let output = bench.path("out").join(name);
            if !output.exists() {
                continue;
            }
            let samples = moved(hashes(bench, &source, "", &format!("-map 0:{kind} -c copy")));
            assert!(samples.len() > 40, "{} has samples", source.display());
            check_equal(&moved(hashes(bench, &output, &key, "-c copy")), &samples, "samples", &source);
            let encrypted = sums(hashes(bench, &output, "-seekable 0", "-c copy"));
            assert_ne!(encrypted, sums(samples), "{name} is encrypted");
            if kind == "v" {
                let pictures = sums(hashes(bench, &source, "", "-map 0:v"));
                check_equal(&sums(hashes(bench, &output, &key, "")), &pictures, "pictures", &source);
            }
        }
    });
}

#[test]
fn cenc_hevc_and_av1_decrypt_to_the_pictures_of_the_source() {
    for codec in [
        "libx264 -x264-params slices=3",
        "libx265 -tag:v hvc1 -x265-params slices=2:log-level=none",
        "libaom-av1 -cpu-used 8 -tiles 2x1",
    ] {
        let bench = Bench::new();
        let words = format!("{} {} -c:v {codec} -g 50 -c:a aac in.mp4", picture("192x128", 25, 4), tone(4.0));
        if bench.ffmpeg(&words).is_none() {
            return;
        }
        let source = bench.path("in.mp4");
        for encryption in [Encryption::cenc(KEY_ID, KEY).unwrap(), Encryption::cbcs(KEY_ID, KEY).unwrap()] {
            let mut options = job(&bench, source.clone(), "out", true);
            (options.encryption, options.overwrite) = (Some(encryption), true);
            run(&options);
            let key = format!("-seekable 0 -decryption_key {KEY}");
            for (name, kind, decoded) in [("video-1.mp4", "v", ""), ("audio-1.mp4", "a", "-c copy")] {
                let output = bench.path("out").join(name);
                let expected = sums(hashes(&bench, &source, "", &format!("-map 0:{kind} {decoded}")));
                assert!(expected.len() > 40, "{codec}");
                let found = sums(hashes(&bench, &output, &key, decoded));
                check_equal(&found, &expected, &format!("{codec} {name}"), &source);
            }
        }
    }
}

#[test]
fn the_playlists_keep_every_rule_of_the_standard() {
    for_each_source(|bench, source| {
        run(&job(bench, source.clone(), "out", true));
        let playlist = |uri: &str| std::fs::read_to_string(bench.path("out").join(uri)).ok();
        let size = |uri: &str| std::fs::metadata(bench.path("out").join(uri)).ok().map(|metadata| metadata.len());
        let reports = tessera_hls::Presentation { playlist: &playlist, size: &size }.check("main.m3u8");
        let found: Vec<String> =
            reports.iter().filter(|report| !report.findings.is_empty()).map(ToString::to_string).collect();
        assert!(reports.len() > 1 && found.is_empty(), "{}:\n{}", source.display(), found.join("\n"));
    });
}

#[test]
fn shaka_packager_decrypts_what_is_packaged_clear() {
    for_each_source(|bench, source| {
        run(&job(bench, source.clone(), "clear", false));
        run(&job(bench, source.clone(), "out", true));
        for (name, kind) in [("video-1.mp4", "video"), ("audio-1.mp4", "audio")] {
            if !bench.path("out").join(name).exists() {
                continue;
            }
            let keys = format!("--enable_raw_key_decryption --keys label=:key_id={KEY_ID}:key={KEY}");
            let words = format!("in=out/{name},stream={kind},output=decrypted.mp4 --segment_duration 2 {keys}");
            if bench.shaka_packager(&words).is_none() {
                return;
            }
            let copied = |from: &str| sums(hashes(bench, &bench.path(from), "", "-c copy"));
            check_equal(&copied("decrypted.mp4"), &copied(&format!("clear/{name}")), name, &source);
        }
    });
}

#[test]
fn ffmpeg_plays_the_manifests() {
    for_each_source(|bench, source| {
        run(&job(bench, source.clone(), "out", false));
        if !bench.path("out/video-1.mp4").exists() {
            return;
        }
        let pictures = sums(hashes(bench, &source, "", "-map 0:v"));
        for manifest in ["out/main.m3u8", "out/manifest.mpd"] {
            let played = sums(hashes(bench, &bench.path(manifest), "", "-map 0:v"));
            check_equal(&played, &pictures, manifest, &source);
        }
    });
}
