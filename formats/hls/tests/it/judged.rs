//! What is checked without findings: all that we write. What Shaka Packager and FFmpeg write has those that are named.

use std::{fs, process::Command};

use proptest::{prelude::*, sample::Index};
use tessera_hls::{Key, KeyFormat, MediaPlaylist, Method, Presentation, check};
use tessera_pssh::{ContentKey, PlayReady, Protection, Pssh, Scheme, Widevine, checksum};
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
        media in media(), multivariant in multivariant(), at: Index, text in "[ -~\\r\\n\\t\u{1b}\u{85},=\"@#:é]{0,20}", cut in 0usize..20,
    ) {
        for whole in [media.write().unwrap(), multivariant.write().unwrap()] {
            let mut damaged: Vec<char> = whole.chars().collect();
            let from = at.index(damaged.len());
            damaged.splice(from..(from + cut).min(damaged.len()), text.chars());
            let damaged: String = damaged.into_iter().collect();
            for finding in check(&damaged) {
                prop_assert!(finding.line <= damaged.split('\n').count(), "{}", finding);
                prop_assert!(!finding.to_string().contains(char::is_control), "{}", finding);
            }
            let playlist = |_: &str| Some(damaged.clone());
            Presentation { playlist: &playlist, size: &|_| Some(1) }.check("main.m3u8");
        }
        check(&text);
    }
}

/// Lists of attributes, of tags of both kinds of playlists, that anyone could write.
fn tags() -> impl Strategy<Value = String> {
    let tags = [
        "KEY",
        "MAP",
        "START",
        "DATERANGE",
        "MEDIA",
        "STREAM-INF",
        "SESSION-DATA",
        "SESSION-KEY",
        "I-FRAME-STREAM-INF",
    ];
    let names =
        ["METHOD", "URI", "IV", "TYPE", "GROUP-ID", "NAME", "DEFAULT", "BANDWIDTH", "TIME-OFFSET", "DATA-ID", "AUDIO"];
    let value = prop_oneof!["[A-Z0-9.x@-]{0,30}", "\"[ -~\u{1b}]{0,9}\"", Just("99999999999999999999".to_owned())];
    let attribute = (prop::sample::select(names.to_vec()), value).prop_map(|(name, value)| format!("{name}={value}"));
    let list = prop::collection::vec(attribute, 0..5);
    (prop::sample::select(tags.to_vec()), list).prop_map(|(tag, list)| format!("#EXT-X-{tag}:{}\n", list.join(",")))
}

proptest! {
    #[test]
    fn any_tags_can_be_checked(tags in prop::collection::vec(tags(), 0..12), uri in "[a-z]{1,4}", offset: u64, length: u64) {
        let lines = tags.join(&format!("{uri}\n#EXTINF:{length}.{offset},\n#EXT-X-BYTERANGE:{length}@{offset}\n{uri}.mp4\n"));
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:{length}\n{lines}");
        check(&text).iter().for_each(|finding| assert!(!finding.to_string().contains(char::is_control), "{finding}"));
        let playlist = |_: &str| Some(text.clone());
        Presentation { playlist: &playlist, size: &|_| Some(offset) }.check("main.m3u8");
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

#[test]
fn shaka_packager_s_keys_are_ours() {
    let bench = Bench::new();
    if sources(&bench).is_none() {
        return;
    }
    let (key_id, key) = (0x00112233_4455_6677_8899_aabbccddeeff_u128, 0x01234567_89abcdef_01234567_89abcdef_u128);
    for (scheme, method) in [(Scheme::Cbcs, Method::SampleAes), (Scheme::Cenc, Method::SampleAesCtr)] {
        let name = String::from_utf8_lossy(&scheme.code()).into_owned();
        let words = format!(
            "in=v.mp4,stream=video,output={name}.mp4,playlist_name={name}.m3u8 --hls_master_playlist_output main.m3u8 \
             --enable_raw_key_encryption --keys label=:key_id={key_id:032x}:key={key:032x} --protection_scheme {name} \
             --protection_systems Widevine,PlayReady --clear_lead 0"
        );
        if bench.shaka_packager(&words).is_none() {
            return;
        }
        let (key_id, key) = (key_id.to_be_bytes(), key.to_be_bytes());
        let protection = Protection {
            scheme,
            key: ContentKey { id: key_id, checksum: Some(checksum(key_id, &key)) },
            key_ids: Vec::new(),
            common: false,
            widevine: Some(Widevine::default()),
            playready: Some(PlayReady::default()),
            fairplay: None,
        };
        let [playready, widevine] = <[Pssh; 2]>::try_from(protection.boxes().unwrap()).unwrap();
        let ours = [Key::playready(method, &playready.data), Key::widevine(method, key_id, &widevine.write().unwrap())];
        let text = String::from_utf8(bench.read(&format!("{name}.m3u8"))).unwrap();
        let theirs = MediaPlaylist::read(&text).unwrap().runs.remove(0).keys;
        // It says the IV for each DRM system too, which has it from the init section.
        let theirs = theirs.into_iter().filter(|key| key.format != KeyFormat::Identity);
        let theirs: Vec<_> = theirs.map(|key| Key { iv: None, ..key }).collect();
        assert_eq!(theirs, ours, "{name}");
    }
}
