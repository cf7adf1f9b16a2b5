//! What multivariant playlists look like, and what is refused.

use proptest::prelude::*;

use crate::{AudioRendition, IFrameVariant, MultivariantPlaylist, SubtitleRendition, Variant, VideoRange};

fn playlist() -> MultivariantPlaylist {
    MultivariantPlaylist {
        variants: vec![Variant {
            uri: "v720/index.m3u8".to_owned(),
            bandwidth: 3_200_000,
            average_bandwidth: 2_100_000,
            codecs: ["avc1.64001f", "mp4a.40.2", "mp4a.40.2"].map(str::to_owned).to_vec(),
            resolution: Some((1280, 720)),
            frame_rate: Some((30_000, 1_001)),
            audio: Some("aac".to_owned()),
            ..Variant::default()
        }],
        audio: vec![AudioRendition {
            group: "aac".to_owned(),
            name: "Français".to_owned(),
            language: Some("fr".to_owned()),
            default: true,
            channels: 2,
            uri: "a/index.m3u8".to_owned(),
            ..AudioRendition::default()
        }],
        ..MultivariantPlaylist::default()
    }
}

#[test]
fn writes_variants_and_their_audio() {
    assert_eq!(
        playlist().write().unwrap(),
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=YES,AUTOSELECT=YES,\
         CHANNELS=\"2\",URI=\"a/index.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=3200000,AVERAGE-BANDWIDTH=2100000,CODECS=\"avc1.64001f,mp4a.40.2\",\
         RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"aac\"\nv720/index.m3u8\n"
    );
}

#[test]
fn refuses_text_that_would_break_out() {
    type Change = fn(&mut MultivariantPlaylist);
    let changes: [(&str, Change); 8] = [
        ("name", |p| p.audio[0].name = "x\",URI=\"https://evil.example".to_owned()),
        ("language", |p| p.audio[0].language = Some("fr\n#EXT-X-ENDLIST".to_owned())),
        ("codec", |p| p.variants[0].codecs[0] = "avc1\",X=\"".to_owned()),
        ("uri", |p| p.variants[0].uri = "#EXT-X-ENDLIST".to_owned()),
        ("group", |p| p.variants[0].audio = Some("none".to_owned())),
        ("subtitle group", |p| p.variants[0].subtitles = Some("aac".to_owned())),
        ("characteristic", |p| p.audio[0].characteristics = vec!["a,b".to_owned()]),
        ("frame rate", |p| p.variants[0].frame_rate = Some((25, 0))),
    ];
    for (what, change) in changes {
        let mut changed = playlist();
        change(&mut changed);
        assert!(changed.write().is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn no_text_adds_a_line_or_an_attribute(text in "[ -~\\n\\r\\u{85}\\u{2028}é,=\"#]{0,30}") {
        let mut changed = playlist();
        changed.audio[0].name = text.clone();
        changed.variants[0].uri = text.clone();
        changed.audio[0].uri = text;
        if let Ok(written) = changed.write() {
            prop_assert_eq!(written.lines().count(), playlist().write().unwrap().lines().count());
            let quotes = |text: &str| text.matches('"').count();
            prop_assert_eq!(quotes(&written), quotes(&playlist().write().unwrap()));
        }
    }
}

#[test]
fn writes_subtitles_ranges_and_i_frames() {
    let mut playlist = playlist();
    playlist.no_closed_captions = true;
    playlist.audio[0].characteristics = vec!["public.accessibility.describes-video".to_owned()];
    playlist.subtitles = vec![SubtitleRendition {
        group: "text".to_owned(),
        name: "Français".to_owned(),
        forced: true,
        uri: "t/index.m3u8".to_owned(),
        ..SubtitleRendition::default()
    }];
    let variant = &mut playlist.variants[0];
    variant.subtitles = Some("text".to_owned());
    variant.video_range = Some(VideoRange::Pq);
    variant.supplemental_codecs = vec!["dvh1.08.07/db4h".to_owned()];
    playlist.i_frame_variants = vec![IFrameVariant {
        uri: "v720/iframes.m3u8".to_owned(),
        bandwidth: 90,
        average_bandwidth: 80,
        codecs: vec!["avc1.64001f".to_owned()],
        resolution: Some((1280, 720)),
        ..IFrameVariant::default()
    }];
    assert_eq!(
        playlist.write().unwrap().split_once("#EXT-X-INDEPENDENT-SEGMENTS\n").unwrap().1,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=YES,AUTOSELECT=YES,\
         CHARACTERISTICS=\"public.accessibility.describes-video\",CHANNELS=\"2\",URI=\"a/index.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"Français\",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,\
         URI=\"t/index.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=3200000,AVERAGE-BANDWIDTH=2100000,CODECS=\"avc1.64001f,mp4a.40.2\",\
         SUPPLEMENTAL-CODECS=\"dvh1.08.07/db4h\",RESOLUTION=1280x720,VIDEO-RANGE=PQ,FRAME-RATE=29.970,AUDIO=\"aac\",\
         SUBTITLES=\"text\",CLOSED-CAPTIONS=NONE\nv720/index.m3u8\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90,AVERAGE-BANDWIDTH=80,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,\
         URI=\"v720/iframes.m3u8\"\n"
    );
}

#[test]
fn names_and_defaults_are_unique_in_a_group() {
    let add = |change: fn(&mut AudioRendition)| {
        let mut changed = playlist();
        let mut second = changed.audio[0].clone();
        (second.name, second.default) = ("English".to_owned(), false);
        change(&mut second);
        changed.audio.push(second);
        changed.write()
    };
    assert!(add(|_| {}).is_ok());
    assert!(add(|audio| (audio.group, audio.name, audio.default) = ("ec-3".into(), "Français".into(), true)).is_ok());
    assert!(add(|audio| audio.name = "Français".into()).is_err(), "name");
    assert!(add(|audio| audio.default = true).is_err(), "default");
}
