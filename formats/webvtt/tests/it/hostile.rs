//! No bytes make reading panic, and none make it take more than time in proportion to them.

use proptest::prelude::*;
use tessera_webvtt::{CueText, Header, Settings, Track, limits, read};

use crate::any;

/// What files are made of, joined at random.
fn fragment() -> impl Strategy<Value = String> {
    let parts = [
        "WEBVTT\n",
        "\n",
        "\r\n",
        "\r",
        "1\n",
        "00:00:01,000 --> 00:00:02,000\n",
        "00:03.000 --> 00:04.000 line:0 x:y\n",
        "-->",
        "STYLE\n",
        "REGION\n",
        "NOTE\n",
        "X-TIMESTAMP-MAP=MPEGTS:1,LOCAL:00:00.000\n",
        "<i>",
        "</i>",
        "<00:03.500>",
        "<",
        ">",
        "&",
        "&amp;",
        "{\\an8}",
        "{\\i1}",
        "{\\",
        "<font color=red>",
        "</font>",
        "\0",
        "ü",
        "日",
        "text",
        " ",
        "\u{feff}",
    ];
    prop::sample::select(parts.map(str::to_owned).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn what_is_read_can_be_written_and_read_again(
        signature in any::<bool>(),
        parts in prop::collection::vec(fragment(), 0..40),
    ) {
        let file = format!("{}{}", if signature { "WEBVTT\n\n" } else { "" }, parts.concat());
        if let Ok(reading) = read(file.as_bytes()) {
            let again = read(reading.track.write().as_bytes()).unwrap();
            prop_assert_eq!(again.skipped, []);
            prop_assert_eq!(again.track, reading.track);
        }
    }

    #[test]
    fn tracks_are_read_as_they_were_written(track in any::track()) {
        prop_assert_eq!(read(track.write().as_bytes()).unwrap().track, track);
    }

    #[test]
    fn text_cannot_leave_its_cue(text in any::<String>(), id in any::<String>(), settings in any::<String>()) {
        let text = CueText::from_plain(&text).unwrap();
        let cue = tessera_webvtt::Cue::new(0, 1, text).unwrap().with_settings(Settings::parse(&settings));
        let cue = cue.clone().with_id(&id).unwrap_or(cue);
        let track = Track::new(Header::default(), vec![cue]).unwrap();
        prop_assert_eq!(read(track.write().as_bytes()).unwrap().track, track);
    }

    #[test]
    fn times_move_back_and_forth(track in any::track(), by in 0i64..10_000_000) {
        prop_assert_eq!(track.shifted(by).shifted(-by).cues().len(), track.cues().len());
        for (moved, cue) in track.shifted(by).cues().iter().zip(track.cues()) {
            prop_assert_eq!((moved.start(), moved.end()), (cue.start() + by as u64, cue.end() + by as u64));
        }
        let doubled = track.scaled(2, 1).unwrap();
        prop_assert_eq!(doubled.scaled(1, 2).unwrap().cues().len(), track.cues().len());
    }
}

/// What is slow for a reader that looks at anything twice.
const SLOW: [&str; 26] = [
    "<",
    "<i>",
    "</i>",
    "<i",
    "{\\",
    "{\\an8",
    "{\\i1}",
    "&",
    "&am",
    "\n",
    "\r",
    "1\n",
    "0",
    "00:",
    "-->",
    "-->\n",
    "a\n",
    "<00:01.000>",
    "line:0 ",
    "region:a ",
    "STYLE\n\n",
    "STYLE\na\n\n",
    "NOTE\n",
    "\0",
    "\u{feff}",
    "00:00:01,000 --> ",
];

/// Of each file, ten megabytes: quadratic work on them would not end.
const SIZE: usize = 10 << 20;

#[test]
fn ten_megabytes_without_end_are_read_in_one_pass() {
    for unit in SLOW {
        let run = unit.repeat(SIZE / unit.len());
        for head in ["", "WEBVTT\n\n00:01.000 --> 00:02.000 ", "1\n00:00:01,000 --> 00:00:02,000\n"] {
            let _ = read(format!("{head}{run}").as_bytes());
        }
    }
}

#[test]
fn ten_megabytes_of_the_longest_cues_are_read_in_one_pass() {
    for (signature, times, length) in [
        ("WEBVTT\n\n", "00:01.000 --> 00:02.000\n", limits::MAX_CUE_TEXT),
        ("", "00:00:01,000 --> 00:00:02,000\n", 4 * limits::MAX_CUE_TEXT - 10),
    ] {
        let cues = SLOW.iter().map(|unit| format!("{times}{}\n\n", unit.repeat(length / unit.len())));
        let cues: String = cues.collect();
        let file = format!("{signature}{}{times}the last\n", cues.repeat(SIZE / cues.len()));
        let reading = read(file.as_bytes()).unwrap();
        assert!(reading.track.cues().len() + reading.skipped_count > SLOW.len() * 5);
        read(reading.track.shifted(1).write().as_bytes()).unwrap();
    }
}

#[test]
fn counts_are_limited() {
    let cues = |count: usize| "1\n00:00:01,000 --> 00:00:02,000\na\n\n".repeat(count);
    assert_eq!(read(cues(limits::MAX_CUES).as_bytes()).unwrap().track.cues().len(), limits::MAX_CUES);
    assert!(read(cues(limits::MAX_CUES + 1).as_bytes()).is_err());
    let styles = format!("WEBVTT\n\n{}00:01.000 --> 00:02.000\na", "STYLE\na\n\n".repeat(100_000));
    let reading = read(styles.as_bytes()).unwrap();
    assert!(reading.track.header().write().len() <= limits::MAX_HEADER + "WEBVTT".len());
    assert_eq!(reading.skipped.len(), limits::MAX_SKIPPED);
    assert_eq!(reading.skipped_count + reading.track.header().styles().count(), 100_000);
}
