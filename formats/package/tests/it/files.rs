//! Outputs appear whole or not at all, and are the same every time.

use std::{fs, path::Path};

use tessera_package::{Error, package};
use tessera_test_media::{Bench, picture, tone};

use crate::packaged::{job, run};

fn source(bench: &Bench) -> Option<()> {
    let words = format!("{} {} -c:v libx264 -preset veryfast -g 50 -c:a aac", picture("160x90", 25, 5), tone(5.0));
    bench.ffmpeg(&format!("{words} -metadata:s:a language=fra in.mp4")).map(|_| ())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let bench = Bench::new();
    if source(&bench).is_none() {
        return;
    }
    let mut seen = Vec::new();
    let first = run(&job(&bench, bench.path("in.mp4"), "a", true));
    package(&job(&bench, bench.path("in.mp4"), "b", true), |progress| seen.push(progress)).unwrap();
    let expected = ["audio-1.m3u8", "audio-1.mp4", "main.m3u8", "manifest.mpd", "video-1.m3u8", "video-1.mp4"];
    assert_eq!(names(&bench.path("a")), expected);
    assert_eq!(first.files.len(), expected.len());
    for name in expected {
        assert!(bench.read(&format!("a/{name}")) == bench.read(&format!("b/{name}")), "{name}");
    }
    assert!(seen.windows(2).all(|pair| pair[0].done < pair[1].done), "{seen:?}");
    assert_eq!(seen.last().map(|last| last.done), Some(first.media_size));
    let main = String::from_utf8(bench.read("a/main.m3u8")).unwrap();
    assert!(main.contains("LANGUAGE=\"fr\""), "{main}");
}

#[test]
fn several_inputs_are_renditions_of_one_picture() {
    let bench = Bench::new();
    let video = |size| format!("{} -c:v libx264 -preset veryfast -g 50", picture(size, 25, 5));
    if source(&bench).is_none() || bench.ffmpeg(&format!("{} large.mp4", video("320x180"))).is_none() {
        return;
    }
    let mut options = job(&bench, bench.path("in.mp4"), "out", true);
    options.inputs.push(bench.path("large.mp4"));
    run(&options);
    let main = String::from_utf8(bench.read("out/main.m3u8")).unwrap();
    assert!(main.contains("RESOLUTION=160x90") && main.contains("RESOLUTION=320x180"), "{main}");
    let mpd = String::from_utf8(bench.read("out/manifest.mpd")).unwrap();
    assert_eq!((mpd.matches("<AdaptationSet ").count(), mpd.matches("<Representation ").count()), (2, 3), "{mpd}");
    assert!(mpd.contains("subsegmentAlignment=\"true\""), "{mpd}");
}

#[test]
fn existing_outputs_stay_unless_they_may_be_overwritten() {
    let bench = Bench::new();
    if source(&bench).is_none() {
        return;
    }
    let mut options = job(&bench, bench.path("in.mp4"), "out", true);
    fs::create_dir(bench.path("out")).unwrap();
    bench.write("out/main.m3u8", b"mine");
    assert!(matches!(package(&options, |_| {}), Err(Error::Exists(path)) if path.ends_with("main.m3u8")));
    assert_eq!(names(&bench.path("out")), ["main.m3u8"], "nothing was begun");
    bench.write("out/.video-1.mp4.partial", b"another run's");
    fs::remove_file(bench.path("out/main.m3u8")).unwrap();
    assert!(matches!(package(&options, |_| {}), Err(Error::InProgress(_))));
    assert_eq!(bench.read("out/.video-1.mp4.partial"), b"another run's");
    options.overwrite = true;
    run(&options);
    run(&options);
    assert_eq!(names(&bench.path("out")).len(), 6, "{:?}", names(&bench.path("out")));
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let bench = Bench::new();
    if source(&bench).is_none() {
        return;
    }
    let whole = bench.read("in.mp4");
    // The first sample's first NAL unit reaches out of it: the plan is fine, and reading the media fails.
    let mut damaged = whole.clone();
    let media = whole.windows(4).position(|word| word == b"mdat").unwrap() + 4;
    damaged[media..media + 4].copy_from_slice(&[0xff; 4]);
    bench.write("damaged.mp4", &damaged);
    let error = package(&job(&bench, bench.path("damaged.mp4"), "out", true), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Sample { segment: 1, sample: 0, .. }), "{error:?}");
    assert!(names(&bench.path("out")).is_empty(), "{:?}", names(&bench.path("out")));
}

#[test]
fn errors_say_which_file_and_what_to_do() {
    let bench = Bench::new();
    bench.write("text.mp4", b"not a movie at all, but a text of some length");
    bench.write("a-file", b"");
    let failed = |input: &str, out: &str| package(&job(&bench, bench.path(input), out, true), |_| {}).unwrap_err();
    assert!(matches!(failed("absent.mp4", "out"), Error::Read { .. }));
    assert!(matches!(failed("text.mp4", "out"), Error::Input { .. }));
    assert!(matches!(failed("a-file", "out"), Error::Input { .. }));
    let mut nothing = job(&bench, bench.path("x"), "out", false);
    nothing.inputs.clear();
    assert!(matches!(package(&nothing, |_| {}), Err(Error::Nothing)));
    if source(&bench).is_none() {
        return;
    }
    let error = failed("in.mp4", "a-file/out");
    assert!(matches!(&error, Error::Write { .. }), "{error:?}");
    assert!(error.to_string().contains("a-file"), "{error}");
}
