//! What is checked without findings: all that we write. What Shaka Packager and FFmpeg write has those that are named.

use std::{fs, process::Command};

use proptest::{prelude::*, sample::Index};
use tessera_hls::{MediaPlaylist, Presentation, check};
use tessera_test_media::{Bench, picture, tone};

use crate::presentation::{media, multivariant};

proptest! {
    #[test]
    fn what_we_write_keeps_every_rule(media in media(), mut multivariant in multivariant()) {
        prop_assert_eq!(check(&media.write().unwrap()), []);
        prop_assert_eq!(check(&multivariant.write().unwrap()), []);
        multivariant.variants.iter_mut().for_each(|variant| variant.bandwidth = u64::MAX);
        multivariant.i_frame_variants.iter_mut().for_each(|variant| variant.bandwidth = u64::MAX);
        let main = multivariant.write().unwrap();
        let playlist = |uri: &str| match uri {
            "film/main.m3u8" => Some(main.clone()),
            _ => MediaPlaylist { i_frames_only: uri.contains("iframes"), ..media.clone() }.write().ok(),
        };
        let reports = Presentation { playlist: &playlist, size: &|_| None }.check("film/main.m3u8");
        prop_assert!(reports.len() > 2);
        for report in reports {
            prop_assert!(report.findings.is_empty(), "{}", report);
        }
    }

    #[test]
    fn any_text_can_be_checked(
        media in media(), multivariant in multivariant(), at: Index, text in "[ -~\\r\\n\\t,=\"@#:é]{0,20}", cut in 0usize..20,
    ) {
        for whole in [media.write().unwrap(), multivariant.write().unwrap()] {
            let mut damaged: Vec<char> = whole.chars().collect();
            let from = at.index(damaged.len());
            damaged.splice(from..(from + cut).min(damaged.len()), text.chars());
            let damaged: String = damaged.into_iter().collect();
            for finding in check(&damaged) {
                prop_assert!(finding.line <= damaged.split('\n').count(), "{}", finding);
                prop_assert_eq!(finding.to_string().lines().count(), 1);
            }
            let playlist = |_: &str| Some(damaged.clone());
            Presentation { playlist: &playlist, size: &|_| Some(1) }.check("main.m3u8");
        }
        check(&text);
    }
}

/// The rules that a presentation on disk breaks, each of them once a playlist.
fn broken(bench: &Bench, main: &str) -> Vec<String> {
    let playlist = |uri: &str| fs::read_to_string(bench.path(uri)).ok();
    let size = |uri: &str| fs::metadata(bench.path(uri)).ok().map(|file| file.len());
    let reports = Presentation { playlist: &playlist, size: &size }.check(main);
    assert!(reports.len() >= 3, "a multivariant playlist with pictures and sound");
    let mut broken: Vec<String> = Vec::new();
    for report in &reports {
        eprint!("{report}");
        broken.extend(report.findings.iter().map(|finding| format!("{} {}", report.uri, finding.rule.id)));
    }
    broken.dedup();
    broken
}

fn sources(bench: &Bench) -> Option<()> {
    let video = format!("{} -c:v libx264 -preset ultrafast -g 25 -sc_threshold 0", picture("320x180", 25, 6));
    bench.track("v.mp4", &video)?;
    bench.track("a.mp4", &format!("{} -c:a aac", tone(6.0))).map(drop)
}

#[test]
fn shaka_packager_s_presentations_break_no_rule_unexplained() {
    let bench = Bench::new();
    if sources(&bench).is_none() {
        return;
    }
    let keys = "--enable_raw_key_encryption --clear_lead 0 --hls_key_uri skd://film --keys \
                label=:key_id=00112233445566778899aabbccddeeff:key=0123456789abcdef0123456789abcdef";
    let systems = "--protection_systems Widevine,PlayReady,CommonSystem";
    for (name, protection, explained) in [
        ("clear", String::new(), [].as_slice()),
        ("cbcs", format!("{keys} {systems},FairPlay --protection_scheme cbcs"), &[]),
        ("cenc", format!("{keys} {systems} --protection_scheme cenc"), &[]),
        // It writes FairPlay's key for a scheme that FairPlay does not decrypt, when it is asked to.
        (
            "fairplay-cenc",
            format!("{keys} {systems},FairPlay --protection_scheme cenc"),
            &["a.m3u8 key-fairplay", "i.m3u8 key-fairplay", "v.m3u8 key-fairplay"],
        ),
    ] {
        let streams = format!(
            "in=v.mp4,stream=video,output={name}/v.mp4,playlist_name=v.m3u8,iframe_playlist_name=i.m3u8 \
             in=a.mp4,stream=audio,output={name}/a.mp4,playlist_name=a.m3u8,hls_group_id=aud,hls_name=English"
        );
        let output = format!("--segment_duration 2 --hls_master_playlist_output {name}/main.m3u8");
        if bench.shaka_packager(&format!("{streams} {protection} {output}")).is_none() {
            return;
        }
        let explained: Vec<_> = explained.iter().map(|broken| format!("{name}/{broken}")).collect();
        assert_eq!(broken(&bench, &format!("{name}/main.m3u8")), explained, "{name}");
    }
}

#[test]
fn ffmpeg_s_presentations_break_no_rule_unexplained() {
    let bench = Bench::new();
    if sources(&bench).is_none() {
        return;
    }
    for (name, kind) in [("ts", "mpegts"), ("parts", "fmp4"), ("ranges", "fmp4 -hls_flags single_file")] {
        fs::create_dir(bench.path(name)).unwrap();
        let copy = "-i v.mp4 -i a.mp4 -map 0:v -map 1:a -c copy -f hls -hls_time 2 -hls_playlist_type vod";
        let streams = "-var_stream_map";
        let groups = "v:0,agroup:aud,name:v a:0,agroup:aud,name:a,default:yes";
        let names = format!("-hls_fmp4_init_filename init-%v.mp4 -master_pl_name main.m3u8 {name}/%v.m3u8");
        let words = format!("{copy} -hls_segment_type {kind} {streams}");
        let arguments = words.split(' ').chain([groups]).chain(names.split(' '));
        let run = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin"])
            .args(arguments)
            .current_dir(bench.path(""))
            .output();
        assert!(run.unwrap().status.success(), "{name}");
        // It copies without knowing the codecs, never says how many channels there are, and says what it was told or
        // guesses of bit rates.
        let known = ["channels-missing", "codecs-missing", "bandwidth"].map(|rule| format!("{name}/main.m3u8 {rule}"));
        let broken = broken(&bench, &format!("{name}/main.m3u8"));
        assert!(broken.iter().all(|broken| known.contains(broken)), "{name}: {broken:?}");
    }
}
