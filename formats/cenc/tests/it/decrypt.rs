//! FFmpeg plays our clear and protected packages, and sees the frames of the source.

use tessera_test_media::{Bench, picture, tone};

use crate::package::{KEY_HEX, SCHEMES, index, presentation, protection};

/// Frame checksums with presentation times, comments left out.
pub(crate) fn frames(bench: &Bench, file: &str, options: &str) -> Vec<String> {
    let output = bench.ffmpeg(&format!("{options} -i {file} -map 0 -f framemd5 -")).unwrap();
    let text = String::from_utf8(output).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn check(words: &str) {
    let bench = Bench::new();
    let Some(source) = bench.track("source.mp4", words) else { return };
    let index = index(&source);
    let segments = index.segments(2);
    assert!(segments.len() > 1, "the test wants several segments: {words}");
    bench.write("clear.mp4", &presentation(&source, &index, &segments, None));
    let expected = frames(&bench, "source.mp4", "");
    assert!(expected.len() > 50, "the source has frames: {words}");
    assert_eq!(frames(&bench, "clear.mp4", ""), expected, "clear: {words}");
    // In order, as a player reads: FFmpeg 5.1 loses the place of encrypted samples in a file it may seek in.
    let key = format!("-seekable 0 -decryption_key {KEY_HEX}");
    for (scheme, _) in SCHEMES {
        let protected = presentation(&source, &index, &segments, Some(&protection(scheme)));
        assert!(
            protected == presentation(&source, &index, &segments, Some(&protection(scheme))),
            "the same bytes twice"
        );
        bench.write("protected.mp4", &protected);
        assert_eq!(frames(&bench, "protected.mp4", &key), expected, "{scheme:?}: {words}");
    }
}

#[test]
fn video_with_b_frames_and_slices_plays() {
    check(&format!("{} -c:v libx264 -g 50 -sc_threshold 0 -bf 3 -x264-params slices=4", picture("320x180", 25, 5)));
}

#[test]
fn interlaced_video_plays() {
    let picture = picture("320x192", 25, 5);
    check(&format!("{picture} -c:v libx264 -g 50 -sc_threshold 0 -flags +ilme+ildct -x264-params tff=1:bframes=2"));
}

#[test]
fn aac_plays_with_its_priming() {
    check(&format!("{} -c:a aac -frag_duration 2000000", tone(5.0)));
}

#[test]
fn hevc_with_slices_plays() {
    let options = "-c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params slices=4:keyint=50:bframes=3:log-level=none";
    check(&format!("{} {options}", picture("416x288", 25, 5)));
}

#[test]
fn av1_with_tiles_plays() {
    check(&format!("{} -c:v libsvtav1 -preset 12 -g 50", picture("320x180", 25, 5)));
    check(&format!("{} -c:v libaom-av1 -cpu-used 8 -tiles 2x2 -g 25", picture("256x256", 25, 3)));
}

#[test]
fn vp9_with_hidden_frames_plays() {
    let options = "-c:v libvpx-vp9 -deadline good -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 16 -b:v 300k -g 25";
    check(&format!("{} {options}", picture("320x180", 25, 4)));
}

#[test]
fn dolby_and_opus_play() {
    for codec in ["ac3 -ac 6", "eac3 -ac 6", "libopus -ac 2"] {
        check(&format!("{} -c:a {codec} -frag_duration 2000000", tone(5.0)));
    }
}

#[test]
fn video_with_an_edit_list_plays() {
    // Composition offsets stay positive, and an edit list takes the first one off.
    let flags = "-movflags +frag_keyframe+delay_moov+default_base_moof";
    let words = format!("{} -c:v libx264 -g 25 -sc_threshold 0 -bf 3", picture("320x180", 25, 4));
    let bench = Bench::new();
    if bench.ffmpeg(&format!("{words} {flags} -f mp4 source.mp4")).is_none() {
        return;
    }
    let source = bench.read("source.mp4");
    let index = index(&source);
    assert!(index.edit.skip > 0, "the source has an edit list: {:?}", index.edit);
    let segments = index.segments(2);
    assert_eq!(segments.iter().map(|s| s.start).collect::<Vec<_>>(), [0, 2 * u64::from(index.timescale)]);
    let key = format!("-seekable 0 -decryption_key {KEY_HEX}");
    for (scheme, _) in SCHEMES {
        bench.write("protected.mp4", &presentation(&source, &index, &segments, Some(&protection(scheme))));
        assert_eq!(frames(&bench, "protected.mp4", &key), frames(&bench, "source.mp4", ""), "{scheme:?}");
    }
}
