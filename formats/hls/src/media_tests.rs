//! What media playlists look like, and what is refused.

use crate::{Error, Key, KeyFormat, MediaPlaylist, MediaSegment, Method, Resource, Run, Start};

fn playlist(timescale: u32, durations: &[u64]) -> MediaPlaylist {
    let segment = |(number, duration): (usize, &u64)| MediaSegment {
        resource: Resource::file(format!("{}.m4s", number + 1)),
        duration: *duration,
    };
    let segments = durations.iter().enumerate().map(segment).collect();
    let run = Run { init: Some(Resource::file("init.mp4")), segments, ..Run::default() };
    MediaPlaylist { timescale, media_sequence: 1, runs: vec![run], ..MediaPlaylist::default() }
}

#[test]
fn writes_a_clear_playlist() {
    assert_eq!(
        playlist(48_000, &[95_232, 96_256, 512]).write().unwrap(),
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.984000,\n1.m4s\n#EXTINF:2.005333,\n2.m4s\n\
         #EXTINF:0.010667,\n3.m4s\n#EXT-X-ENDLIST\n"
    );
}

#[test]
fn what_is_still_getting_longer_has_no_end() {
    let open = MediaPlaylist { open_ended: true, ..playlist(1, &[4, 4]) };
    let lines = open.write().unwrap();
    assert!(lines.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !lines.contains("#EXT-X-ENDLIST"), "{lines}");
}

#[test]
fn names_keys_before_the_map() {
    let mut playlist = playlist(1, &[4]);
    let key = |format, uri: &str| Key {
        method: Method::SampleAes,
        format,
        uri: uri.to_owned(),
        key_id: Some([0xab; 16]),
        iv: None,
    };
    playlist.runs[0].keys =
        vec![key(KeyFormat::Identity, "k?a=1"), key(KeyFormat::ClearKey, "https://drm.example/clearkey")];
    let text = playlist.write().unwrap();
    let keys: Vec<_> = text.lines().skip_while(|line| !line.starts_with("#EXT-X-KEY")).take(3).collect();
    let id = "KEYID=0xABABABABABABABABABABABABABABABAB";
    assert_eq!(
        keys,
        [
            format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k?a=1\",{id},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\""),
            format!(
                "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"https://drm.example/clearkey\",{id},KEYFORMAT=\"org.w3.clearkey\",\
             KEYFORMATVERSIONS=\"1\""
            ),
            "#EXT-X-MAP:URI=\"init.mp4\"".to_owned(),
        ]
    );
}

#[test]
fn every_duration_rounds_to_at_most_the_target() {
    for (timescale, durations, target) in [
        (1_000, vec![2_499], 2),
        (1_000, vec![2_500], 3),
        (3, vec![5, 4], 2),
        (48_000, vec![1], 1),
        (1, vec![u64::MAX], u64::MAX),
    ] {
        assert_eq!(text_target(&playlist(timescale, &durations)), target, "{durations:?} / {timescale}");
    }
}

#[test]
fn refuses_what_is_no_playlist() {
    assert_eq!(playlist(0, &[1]).write(), Err(Error::Zero("the timescale")));
    assert_eq!(playlist(1, &[]).write(), Err(Error::Empty("segment")));
    assert_eq!(MediaPlaylist { timescale: 1, ..MediaPlaylist::default() }.write(), Err(Error::Empty("segment")));
    let mut injected = playlist(1, &[1]);
    injected.runs[0].init = Some(Resource::file("a\"\n#EXT-X-ENDLIST"));
    assert!(matches!(injected.write(), Err(Error::NotUri(_))));
}

/// The target duration as it is written.
fn text_target(playlist: &MediaPlaylist) -> u64 {
    let text = playlist.write().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:")).unwrap();
    line.parse().unwrap()
}

#[test]
fn renditions_can_agree_on_a_target_duration() {
    let agreed = |target| MediaPlaylist { target_duration: Some(target), ..playlist(1, &[4]) };
    assert_eq!((text_target(&agreed(6)), text_target(&agreed(2))), (6, 4));
}

#[test]
fn clear_and_protected_runs_stand_side_by_side() {
    let mut playlist = playlist(1, &[4]);
    playlist.start = Some(Start { offset_milliseconds: 4_500, precise: false });
    let segment = |offset| MediaSegment { resource: Resource::range("v.mp4", offset, 100), duration: 4 };
    let protected = Run {
        keys: vec![Key::fairplay("skd://film"), Key::playready(Method::SampleAes, b"xyz")],
        init: Some(Resource::range("v.mp4", 0, 40)),
        segments: vec![segment(40), segment(140)],
        ..Run::default()
    };
    playlist.runs.push(protected);
    playlist.runs.push(Run { discontinuity: true, ..playlist.runs[0].clone() });
    let text = playlist.write().unwrap();
    assert_eq!(
        text.split_once("#EXT-X-INDEPENDENT-SEGMENTS\n").unwrap().1,
        "#EXT-X-START:TIME-OFFSET=4.500\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.000000,\n1.m4s\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://film\",KEYFORMAT=\"com.apple.streamingkeydelivery\",\
         KEYFORMATVERSIONS=\"1\"\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"data:text/plain;charset=UTF-16;base64,eHl6\",\
         KEYFORMAT=\"com.microsoft.playready\",KEYFORMATVERSIONS=\"1\"\n\
         #EXT-X-MAP:URI=\"v.mp4\",BYTERANGE=\"40@0\"\n\
         #EXTINF:4.000000,\n#EXT-X-BYTERANGE:100@40\nv.mp4\n#EXTINF:4.000000,\n#EXT-X-BYTERANGE:100@140\nv.mp4\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.000000,\n1.m4s\n\
         #EXT-X-ENDLIST\n"
    );
}

#[test]
fn runs_that_a_playlist_cannot_say_are_refused() {
    let with = |keys: Vec<Vec<Key>>| {
        let run = |keys: Vec<Key>| Run { keys, ..playlist(1, &[4]).runs.remove(0) };
        MediaPlaylist { runs: keys.into_iter().map(run).collect(), ..playlist(1, &[]) }.write()
    };
    let (fairplay, playready) = (Key::fairplay("skd://a"), Key::playready(Method::SampleAes, b"x"));
    assert!(with(vec![vec![fairplay.clone()], Vec::new(), vec![playready.clone()]]).is_ok(), "a clear run between");
    for refused in [
        vec![vec![fairplay.clone()], vec![fairplay.clone(), playready.clone()]],
        vec![vec![fairplay.clone(), fairplay.clone()]],
        vec![vec![fairplay.clone(), Key::playready(Method::SampleAesCtr, b"x")]],
    ] {
        assert_eq!(with(refused), Err(Error::KeyFormats));
    }
    for key in [
        Key::fairplay("https://drm.example"),
        Key { iv: Some([0; 16]), ..fairplay.clone() },
        Key { method: Method::SampleAesCtr, ..fairplay.clone() },
        Key { iv: Some([0; 16]), ..Key::widevine(Method::SampleAesCtr, [0; 16], b"x") },
    ] {
        assert!(matches!(with(vec![vec![key.clone()]]), Err(Error::Key { .. })), "{key:?}");
    }
    let mut without = playlist(1, &[4]);
    without.runs.push(Run { init: None, ..without.runs[0].clone() });
    assert_eq!(without.write(), Err(Error::NoInit));
}
