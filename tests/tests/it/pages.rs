//! What a real browser shows: the way from the front page to a playing, encrypted film.

use std::{path::Path, process::Command};

use tessera_tests::{Demo, Process, Site, project, run};

#[test]
fn a_person_finds_signs_up_pays_watches_and_comes_back() {
    browser(&Demo::start(), "journey.mjs", &[]);
}

#[test]
fn a_second_device_past_the_limit_is_told_so_and_gets_in_later() {
    browser(&Demo::start(), "limit.mjs", &[]);
}

#[test]
fn an_encrypted_film_shows_the_pictures_of_its_file_at_their_times() {
    let demo = Demo::start();
    let film = film(demo.folder());
    let encrypted = ingest(&demo, &film, &[]);
    let clear = ingest(&demo, &film, &["--clear"]);
    browser(&demo, "picture.mjs", &[&film, &encrypted, &clear]);
}

#[test]
fn a_viewer_goes_over_to_another_language_and_hears_it() {
    let demo = Demo::start();
    let file = demo.folder().join("languages.mkv");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=40"])
        .args([
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:duration=40",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=1320:duration=40",
        ])
        .args(["-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"])
        .args(["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=fre"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    let address = ingest(&demo, file.to_str().expect("a test's path is text"), &[]);
    browser(&demo, "languages.mjs", &[&address]);
}

#[test]
fn a_viewer_reads_subtitles_and_sees_what_is_where_on_the_seek_bar() {
    let demo = Demo::start();
    let folder = demo.folder();
    let cue =
        |text: &str| format!("1\n00:00:04,000 --> 00:00:14,000\n{text}\n\n2\n00:00:25,000 --> 00:00:35,000\n{text}\n");
    let texts = [("de.srt", "Ein Tag am <i>Meer</i>"), ("sdh.srt", "(Wellen rauschen)"), ("en.srt", "A day at sea")];
    for (name, text) in texts {
        std::fs::write(folder.join(name), cue(text)).expect("a test's folder can be written");
    }
    let file = folder.join("subtitles.mkv");
    let made = Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "color=red:size=640x360:rate=25:duration=20"])
        .args(["-f", "lavfi", "-i", "color=blue:size=640x360:rate=25:duration=20", "-i", "de.srt", "-i", "sdh.srt"])
        .args(["-i", "en.srt", "-f", "lavfi", "-i", "sine=frequency=330:duration=40", "-filter_complex", "concat[v]"])
        .args(["-map", "[v]", "-map", "5:a", "-map", "2", "-map", "3", "-map", "4", "-c:v", "libx264"])
        .args(["-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt", "-metadata:s:s:0", "language=ger"])
        .args(["-metadata:s:s:1", "language=ger", "-disposition:s:1", "hearing_impaired"])
        .args(["-metadata:s:s:2", "language=eng"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    let file = file.to_str().expect("a test's path is text");
    let (encrypted, clear) = (ingest(&demo, file, &[]), ingest(&demo, file, &["--clear"]));
    browser(&demo, "subtitles.mjs", &[&encrypted, &clear]);
}

#[test]
fn a_long_film_is_watched_from_its_beginning_while_it_is_still_made() {
    let demo = Demo::configured(tessera_testing::temp_dir(), "[media]\npreset = \"slow\"\n");
    let file = demo.folder().join("long.mp4");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=70"])
        .args(["-f", "lavfi", "-i", "sine=frequency=330:duration=70", "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-c:a", "aac"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    let file = file.to_str().expect("a test's path is text");
    let words = ["ingest", file, "--title", "A long one", "--free", "--data", "data"];
    let mut ingest = Process::start(demo.folder(), &words);
    let said = ingest.wait_for("it can be watched already, at ");
    let address = said.split("watched already, at ").nth(1).and_then(|rest| rest.split_whitespace().next());
    browser(&demo, "growing.mjs", &[address.expect("it says where"), "70"]);
    assert!(ingest.wait().success(), "{}", ingest.said());
}

/// Makes a film whose pictures all differ, with its colours said, so that nobody has to guess them.
fn film(folder: &Path) -> String {
    let file = folder.join("film.mp4");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=3"])
        .args(["-f", "lavfi", "-i", "sine=frequency=330:duration=3"])
        .args(["-vf", "scale=out_color_matrix=bt709,format=yuv420p", "-colorspace", "bt709"])
        .args(["-color_primaries", "bt709", "-color_trc", "bt709", "-c:v", "libx264", "-c:a", "aac"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    file.into_os_string().into_string().expect("a test's path is text")
}

/// Publishes the film for free; gives the address at which the command says it can be watched.
pub(crate) fn ingest(demo: &Demo, film: &str, more: &[&str]) -> String {
    let mut arguments = vec!["ingest", film, "--title", "Moments", "--free", "--data", "data"];
    arguments.extend(more);
    let output = run(demo.folder(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let address = said.split("Watch it at ").nth(1).and_then(|rest| rest.split_whitespace().next());
    address.unwrap_or_else(|| panic!("it does not say where to watch:\n{said}")).to_owned()
}

/// Runs a script of `tests/browser` against the demo; fails when the script does.
pub(crate) fn browser(demo: &Demo, script: &str, arguments: &[&str]) {
    drive(&demo.site, script, arguments, || demo.process.said());
}

/// Runs a script of `tests/browser` against a site; fails when the script does, with what its server said.
pub(crate) fn drive(site: &Site, script: &str, arguments: &[&str], server: impl FnOnce() -> String) {
    drive_also(site, &[], (script, arguments), server);
}

/// The same, for a scenario that leads to pages at other addresses too.
pub(crate) fn drive_also(
    site: &Site,
    also: &[&str],
    (script, arguments): (&str, &[&str]),
    server: impl FnOnce() -> String,
) {
    let folder = project().join("tests/browser");
    let driver = folder.join("node_modules/playwright-core");
    assert!(driver.exists(), "what drives the browser is not installed: npm --prefix tests/browser ci");
    let output = Command::new("node")
        .arg(folder.join(script))
        .args(arguments)
        .env("TESSERA_SITE", &site.url)
        .env("TESSERA_ALSO", also.join(" "))
        .env("TESSERA_SHOTS", project().join("target/screenshots"))
        .output()
        .expect("node can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}:\n{said}\nthe server said:\n{}", server());
    eprintln!("{said}");
}
