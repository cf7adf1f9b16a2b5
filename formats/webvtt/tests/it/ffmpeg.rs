//! FFmpeg converts what we write to the same texts at the same times as what we read.

use tessera_test_media::Bench;
use tessera_webvtt::read;

const SUBRIP: &str = "1\n00:00:01,000 --> 00:00:02,500\nHello & <b>welcome</b>\n\n7\n00:00:09,000 --> 00:00:10,000\n\
    unsorted\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}top\n<i>two</i> lines\n\n3\n00:00:03,500 --> 00:00:04,500\n\
    overlap\n\nblank inside\n\n00:00:05,000 --> 00:00:06,000\nno number, 1 < 2 > 0\n\n5\n1:02:03.045 --> 1:02:04.5\n\
    <u>dots</u>, Ça va, 日本\n";

/// Without style sheets, of which this FFmpeg knows nothing.
const WEBVTT: &str = "WEBVTT\n\nNOTE a comment\n\none\n00:01.000 --> 00:02.500 line:0 \
    align:start\n<i>Hello</i> &amp; <b>welcome</b>\n\n00:00:02.000 --> 00:00:05.500\nover<c.yellow>lap</c>\n<v Ann>of \
    Ann's</v>\n\n100:00:00.000 --> 100:00:01.000\nlate &lt;3\n";

/// The cues that FFmpeg finds in a file, in SubRip's syntax, without positions.
fn converted(bench: &Bench, name: &str, file: &[u8]) -> Option<String> {
    bench.write(name, file);
    let subrip = bench.ffmpeg(&format!("-i {name} -f srt -"))?;
    Some(String::from_utf8(subrip).unwrap().replace("{\\an8}", ""))
}

fn compare(name: &str, file: &[u8]) {
    let bench = Bench::new();
    let Some(theirs) = converted(&bench, name, file) else { return };
    let track = read(file).unwrap().track;
    assert_eq!(theirs.matches(" --> ").count(), track.cues().len(), "{theirs}");
    assert_eq!(converted(&bench, "ours.vtt", track.write().as_bytes()).unwrap(), theirs, "{name}");
}

#[test]
fn subrip_says_the_same_as_webvtt() {
    compare("utf8.srt", SUBRIP.as_bytes());
    compare("crlf.srt", SUBRIP.replace('\n', "\r\n").as_bytes());
    compare("marked.srt", format!("\u{feff}{SUBRIP}").as_bytes());
    let utf16: Vec<u8> = format!("\u{feff}{SUBRIP}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    compare("utf16.srt", &utf16);
}

#[test]
fn webvtt_says_the_same_when_it_is_written_again() {
    compare("plain.vtt", WEBVTT.as_bytes());
    compare("crlf.vtt", WEBVTT.replace('\n', "\r\n").as_bytes());
}
