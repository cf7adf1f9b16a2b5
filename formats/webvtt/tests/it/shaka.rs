//! Our samples are those of Shaka Packager, where both may choose alike.

use tessera_isobmff::{Boxes, Mp4Box};
use tessera_test_media::Bench;
use tessera_webvtt::{SAMPLE_ENTRY, TextSegment, read};

const FILE: &str = "WEBVTT\n\nfirst\n00:00:01.000 --> 00:00:02.500 line:0 align:start\n\
    <i>Hello</i> &amp; <b>welcome</b>\n\n00:00:02.000 --> 00:00:05.500\nover <c.yellow>lap</c>\n\n00:00:06.000 --> \
    00:00:07.000 align:end\ntouching\n\n00:00:07.000 --> 00:00:08.000\nas far as the segment\n\n00:00:09.000 --> \
    00:00:13.000\nacross\ntwo lines\n\n00:00:09.000 --> 00:00:13.000\nat the same time\n";

/// A sample: when it begins, how long it lasts, and its cues as id, settings and text.
type Sample = (u64, u32, Vec<[String; 3]>);

/// The cues of a sample. Shaka Packager writes the usual alignment out, and names no sources.
fn cues(data: &[u8]) -> Vec<[String; 3]> {
    let text = |vttc: &Mp4Box<'_>, kind: &[u8; 4]| {
        let found = vttc.children().optional(kind).unwrap();
        found.map_or(String::new(), |found| String::from_utf8(found.payload.to_vec()).unwrap())
    };
    let boxes: Vec<_> = Boxes::new(b"mdat", data).collect::<Result<_, _>>().unwrap();
    assert!(boxes.iter().all(|found| found.kind == b"vttc") || boxes.len() == 1 && boxes[0].kind == b"vtte");
    let cues = boxes.iter().filter(|found| found.kind == b"vttc");
    cues.map(|vttc| {
        let settings = Some(text(vttc, b"sttg")).filter(|settings| !settings.is_empty());
        [text(vttc, b"iden"), settings.unwrap_or("align:center".to_owned()), text(vttc, b"payl")]
    })
    .collect()
}

fn ours(segments: &[TextSegment]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for segment in segments {
        let mut at = segment.start;
        for sample in &segment.samples {
            samples.push((at, sample.duration, cues(&sample.data)));
            at += u64::from(sample.duration);
        }
    }
    samples
}

/// Reads Shaka Packager's file box by box: each sample has a duration and a size in its `trun`.
fn theirs(file: &[u8]) -> Vec<Sample> {
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut samples = Vec::new();
    let mut described: Vec<(u64, u32, usize)> = Vec::new();
    for found in Boxes::new(b"file", file).map(Result::unwrap) {
        if found.kind == b"moof" {
            let traf = found.children().only(b"traf").unwrap();
            let tfdt = traf.children().only(b"tfdt").unwrap().payload;
            let mut at = if tfdt[0] == 0 { word(tfdt, 4).into() } else { u64::from(word(tfdt, 8)) };
            let trun = traf.children().only(b"trun").unwrap().payload;
            assert_eq!(word(trun, 0) & 0xfff, 0x301, "offset, durations and sizes");
            for sample in trun[12..].chunks(8) {
                described.push((at, word(sample, 0), word(sample, 4) as usize));
                at += u64::from(word(sample, 0));
            }
        }
        if found.kind == b"mdat" {
            let mut rest = found.payload;
            for (at, duration, size) in described.drain(..) {
                samples.push((at, duration, cues(&rest[..size])));
                rest = &rest[size..];
            }
        }
    }
    samples
}

#[test]
fn samples_are_shaka_packager_s() {
    let bench = Bench::new();
    bench.write("in.vtt", FILE.as_bytes());
    let words = "in=in.vtt,stream=text,output=out.mp4,format=mp4 --segment_duration 4";
    if bench.shaka_packager(words).is_none() {
        return;
    }
    let file = bench.read("out.mp4");
    let track = read(FILE.as_bytes()).unwrap().track;
    // Shaka Packager fills the last segment.
    let segments = track.segments(4_000, 16_000).unwrap();
    assert_eq!(ours(&segments), theirs(&file));

    let at = file.windows(4).position(|word| word == SAMPLE_ENTRY).expect("a sample entry");
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
    assert_eq!(
        String::from_utf8_lossy(&file[at + 4..at - 4 + size]),
        String::from_utf8(track.header().sample_entry(Some("source_label")).unwrap()).unwrap(),
        "the sample entry's fields, vttC and vlab"
    );
}
