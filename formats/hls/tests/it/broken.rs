//! Each broken playlist finds the rule that it breaks, and no other.

use std::collections::BTreeMap;

use tessera_hls::{Finding, Presentation, Report, Severity, check};

const MEDIA: &str = "#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-START:TIME-OFFSET=1.5,PRECISE=YES
#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"
#EXT-X-MAP:URI=\"init.mp4\"
#EXTINF:6.000000,
1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=NONE
#EXT-X-MAP:URI=\"film.mp4\",BYTERANGE=\"700@0\"
#EXTINF:5.200000,
#EXT-X-BYTERANGE:1000@700
film.mp4
#EXTINF:4.000000,
#EXT-X-BYTERANGE:1000
film.mp4
#EXT-X-ENDLIST
";

const MULTIVARIANT: &str = "#EXTM3U
#EXT-X-VERSION:7
#EXT-X-SESSION-DATA:DATA-ID=\"com.example.title\",VALUE=\"Film\",LANGUAGE=\"en\"
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"com.apple.streamingkeydelivery\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a.m3u8\"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"English\",FORCED=NO,URI=\"t.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=3000,AVERAGE-BANDWIDTH=2000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,AUDIO=\"aac\",SUBTITLES=\"text\",CLOSED-CAPTIONS=NONE
v.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000,CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"aac\",SUBTITLES=\"text\",CLOSED-CAPTIONS=NONE
w.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=500,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,URI=\"i.m3u8\"
";

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

/// Each case is a rule, a part of the playlist and what stands in its place; the line is where the rule is broken.
fn compare(base: &str, cases: &[(&str, usize, &str, &str)]) {
    assert_eq!(ids(&check(base)), [""; 0], "the whole playlist");
    let mut wrong = Vec::new();
    for (rule, line, part, instead) in cases {
        assert_eq!(base.matches(part).count(), 1, "{part:?} is not in the playlist once");
        let found = check(&base.replacen(part, instead, 1));
        let places: Vec<_> = found.iter().map(|finding| (finding.rule.id, finding.line)).collect();
        if places != [(*rule, *line)] {
            wrong.push(format!("{rule} on line {line}: {instead:?} in place of {part:?}: {places:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn broken_text_is_found() {
    compare(
        MEDIA,
        &[
            ("characters", 1, "#EXTM3U", "\u{feff}#EXTM3U"),
            ("characters", 10, "1.m4s", "1\u{7}.m4s"),
            ("first-line", 1, "#EXTM3U\n", "# a comment\n#EXTM3U\n"),
            ("blanks", 10, "1.m4s", "1.m4s "),
            ("blanks", 20, "#EXT-X-ENDLIST", "#EXT-X-ENDLIST\t"),
            ("unknown-tag", 12, "#EXT-X-DISCONTINUITY", "#EXT-X-DISCONTINUITY\n#EXT-X-SPLICE"),
            ("tag-in-comment", 20, "#EXT-X-ENDLIST", " #EXT-X-ENDLIST\n#EXT-X-ENDLIST"),
            ("repeated-tag", 3, "#EXT-X-TARGETDURATION:6", "#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6"),
            ("mixed-kinds", 11, "#EXT-X-DISCONTINUITY", "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\""),
            ("tag-value", 4, "SEQUENCE:1", "SEQUENCE:one"),
            ("tag-value", 5, "TYPE:VOD", "TYPE:FILM"),
            ("tag-value", 9, "#EXTINF:6.000000,", "#EXTINF:six,"),
            ("tag-value", 12, "#EXT-X-DISCONTINUITY", "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:today"),
            ("attribute-list", 6, "TIME-OFFSET=1.5,PRECISE", "TIME-OFFSET=1.5, PRECISE"),
            ("attribute-list", 6, "PRECISE=YES", "PRECISE=\"YES"),
            ("attribute-repeated", 6, "PRECISE=YES", "TIME-OFFSET=1.5"),
            ("attribute-missing", 6, "TIME-OFFSET=1.5,", ""),
            ("attribute-missing", 7, "METHOD=SAMPLE-AES,", ""),
            ("attribute-value", 6, "PRECISE=YES", "PRECISE=\"YES\""),
            ("attribute-value", 8, "\"init.mp4\"", "init.mp4"),
            ("attribute-value", 13, "700@0", "all"),
            ("attribute-unknown", 6, "PRECISE=YES", "PRECISE=YES,EXACT=YES"),
        ],
    );
    assert_eq!(ids(&check("#EXTM3U\n")), ["no-kind"]);
}

#[test]
fn broken_media_playlists_are_found() {
    let key = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"com.apple.streamingkeydelivery\",\
               KEYFORMATVERSIONS=\"1\"";
    let clearkey = |method: &str| format!("{key}\n#EXT-X-KEY:METHOD={method},URI=\"k\",KEYFORMAT=\"org.w3.clearkey\"");
    compare(
        MEDIA,
        &[
            ("version", 2, "VERSION:7", "VERSION:5"),
            ("version", 0, "#EXT-X-VERSION:7\n", "# no version\n"),
            ("version", 2, "URI=\"film.mp4\"", "URI=\"film.mp4\",REQ-X=1"),
            ("target-duration-missing", 0, "#EXT-X-TARGETDURATION:6\n", "# none\n"),
            ("target-duration", 10, "#EXTINF:6.000000,", "#EXTINF:6.500000,"),
            ("late-sequence", 12, "1.m4s\n", "1.m4s\n# two\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n"),
            ("vod-without-end", 5, "#EXT-X-ENDLIST\n", ""),
            ("duration-missing", 10, "#EXTINF:6.000000,", "# none"),
            ("dangling", 20, "#EXT-X-ENDLIST", "#EXTINF:4,\n#EXT-X-ENDLIST"),
            ("dangling", 20, "#EXT-X-ENDLIST", "#EXT-X-DISCONTINUITY\n#EXT-X-ENDLIST"),
            ("replaced", 10, "#EXTINF:6.000000,", "#EXTINF:6.000000,\n#EXTINF:6.000000,"),
            ("replaced", 16, "1000@700", "1000@700\n#EXT-X-BYTERANGE:1000@700"),
            (
                "range-offset",
                15,
                "1000@700\nfilm.mp4\n#EXTINF:4.000000,\n#EXT-X-BYTERANGE:1000",
                "1000\nfilm.mp4\n#EXTINF:4.000000,\n#EXT-X-BYTERANGE:1000@1700",
            ),
            ("range-overlap", 18, "1000\nfilm.mp4\n#EXT-X-END", "1000@1600\nfilm.mp4\n#EXT-X-END"),
            ("key-uri", 7, "URI=\"skd://a\",", ""),
            ("key-none", 12, "METHOD=NONE", "METHOD=NONE,URI=\"k\""),
            ("key-repeated", 8, key, &format!("{key}\n{key}")),
            ("key-methods", 8, key, &clearkey("AES-128")),
            ("key-formats", 12, "METHOD=NONE", "METHOD=SAMPLE-AES,URI=\"k\",KEYFORMAT=\"org.w3.clearkey\""),
            ("key-fairplay", 7, "skd://a", "https://drm.example"),
            ("key-fairplay", 7, "KEYFORMATVERSIONS=\"1\"", "IV=0x00"),
            ("map-not-repeated", 16, "#EXT-X-MAP:URI=\"film.mp4\",BYTERANGE=\"700@0\"", "# none"),
            ("start-outside", 6, "OFFSET=1.5", "OFFSET=-15.3"),
        ],
    );
    let ctr = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n\
               #EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"k\"\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:4,\n1.m4s\n#EXT-X-ENDLIST\n";
    compare(
        ctr,
        &[
            ("key-ctr-iv", 4, "URI=\"k\"", "URI=\"k\",IV=0x00"),
            ("key-ctr-map", 4, "#EXT-X-MAP:URI=\"i\"\n#EXTINF:4,\n1.m4s", "#EXTINF:4,\n1.ts"),
        ],
    );
    let whole_files = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:4,\n1.m4s\n\
                       #EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\n2.m4s\n#EXT-X-ENDLIST\n";
    assert_eq!(ids(&check(whole_files)), [""; 0], "the init section is that of clear samples still");
    let clear = ctr.replace("#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"k\"\n", "");
    compare(&clear, &[("map-missing", 5, "#EXT-X-MAP:URI=\"i\"\n", "")]);
    let i_frames = clear.replace("#EXT-X-MAP", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP");
    compare(&i_frames, &[("i-frames-map", 6, "#EXT-X-MAP:URI=\"i\"\n", "")]);
}

#[test]
fn broken_multivariant_playlists_are_found() {
    let audio = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",\
                 URI=\"a.m3u8\"";
    let more = |line: &str| format!("{audio}\n#EXT-X-MEDIA:{line}");
    let captions = "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"English\"";
    compare(
        MULTIVARIANT,
        &[
            ("attribute-missing", 7, "BANDWIDTH=3000,AVERAGE-", "AVERAGE-"),
            ("attribute-value", 7, "RESOLUTION=1280x720,AUDIO", "RESOLUTION=720p,AUDIO"),
            ("attribute-value", 7, "RESOLUTION=1280x720,AUDIO", "RESOLUTION=1280x720,VIDEO-RANGE=HDR,AUDIO"),
            ("attribute-missing", 6, "NAME=\"English\",FORCED", "FORCED"),
            ("version", 2, "FORCED=NO", "FORCED=NO,INSTREAM-ID=\"1\""),
            ("variant-without-uri", 7, "v.m3u8\n", ""),
            ("uri-without-variant", 9, "v.m3u8\n", "v.m3u8\nu.m3u8\n"),
            ("codecs-missing", 9, "CODECS=\"avc1.64001e,mp4a.40.2\",", ""),
            ("resolution-missing", 9, "RESOLUTION=640x360,", ""),
            ("average-bandwidth", 7, "AVERAGE-BANDWIDTH=2000", "AVERAGE-BANDWIDTH=4000"),
            ("group-missing", 9, "RESOLUTION=640x360,AUDIO=\"aac\"", "RESOLUTION=640x360,AUDIO=\"eac3\""),
            (
                "group-unused",
                6,
                audio,
                &more("TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"b\""),
            ),
            ("captions-none", 9, "AUDIO=\"aac\",SUBTITLES=\"text\",CLOSED-CAPTIONS=NONE\nw", "AUDIO=\"aac\"\nw"),
            ("name-repeated", 6, audio, &more("TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",CHANNELS=\"2\",URI=\"b\"")),
            (
                "default-repeated",
                6,
                audio,
                &more("TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"French\",DEFAULT=YES,CHANNELS=\"2\",URI=\"b\""),
            ),
            ("default-autoselect", 5, "AUTOSELECT=YES", "AUTOSELECT=NO"),
            ("forced", 5, "AUTOSELECT=YES", "FORCED=YES"),
            ("subtitles-uri", 6, ",URI=\"t.m3u8\"", ""),
            ("channels-missing", 5, "CHANNELS=\"2\",", ""),
            ("session-data", 3, ",VALUE=\"Film\"", ""),
            (
                "session-data-repeated",
                4,
                "LANGUAGE=\"en\"",
                "LANGUAGE=\"en\"\n#EXT-X-SESSION-DATA:DATA-ID=\"com.example.title\",VALUE=\"x\",LANGUAGE=\"en\"",
            ),
            (
                "session-key-none",
                4,
                "METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"com.apple.streamingkeydelivery\"",
                "METHOD=NONE",
            ),
        ],
    );
    let members = MULTIVARIANT
        .replace(
            audio,
            &format!("{audio}\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"French\",CHANNELS=\"2\",URI=\"b\""),
        )
        .replace("640x360,AUDIO=\"aac\"", "640x360,AUDIO=\"b\"");
    assert_eq!(ids(&check(&members)), ["group-members"]);
    let captioned = MULTIVARIANT
        .replace("CLOSED-CAPTIONS=NONE", "CLOSED-CAPTIONS=\"cc\"")
        .replace(audio, &format!("{audio}\n{captions},INSTREAM-ID=\"CC1\""));
    compare(
        &captioned,
        &[
            ("captions-id", 6, ",INSTREAM-ID=\"CC1\"", ""),
            ("captions-uri", 6, "INSTREAM-ID=\"CC1\"", "INSTREAM-ID=\"CC1\",URI=\"c\""),
            ("version", 2, "INSTREAM-ID=\"CC1\"", "INSTREAM-ID=\"CC1\",REQ-X=1"),
        ],
    );
    let empty = "#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\"\n";
    assert_eq!(ids(&check(empty)), ["no-variants"]);
}

/// What is found in a presentation of the playlists above, with one of them changed.
fn presentation(changed: &str, part: &str, instead: &str) -> Vec<(String, &'static str)> {
    // The peak of each playlist is that of 1,000 bytes in four seconds; sound and subtitles come to the variant's.
    let main = MULTIVARIANT
        .replace("BANDWIDTH=3000", "BANDWIDTH=6000")
        .replace("BANDWIDTH=2000,CODECS=\"avc1.64001e", "BANDWIDTH=6000,CODECS=\"avc1.64001e");
    let main = main.replace("BANDWIDTH=500", "BANDWIDTH=2000");
    let media = MEDIA.replace("#EXT-X-BYTERANGE:1000\n", "#EXT-X-BYTERANGE:1000@1700\n");
    let i_frames = media.replace("#EXT-X-MAP:URI=\"init", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init");
    let mut playlists = BTreeMap::from([("x/main.m3u8", main), ("x/i.m3u8", i_frames)]);
    playlists.extend(["x/v.m3u8", "x/w.m3u8", "x/a.m3u8", "x/t.m3u8"].map(|uri| (uri, media.clone())));
    if let Some(playlist) = playlists.get_mut(changed) {
        assert!(playlist.contains(part), "{part:?} is not in {changed}");
        *playlist = playlist.replacen(part, instead, 1);
    }
    let sizes = BTreeMap::from([("x/1.m4s", 375), ("x/film.mp4", 2_700)]);
    let (playlist, size) = (|uri: &str| playlists.get(uri).cloned(), |uri: &str| sizes.get(uri).copied());
    let reports = Presentation { playlist: &playlist, size: &size }.check("x/main.m3u8");
    assert!(reports.len() >= 5, "all playlists are looked at");
    let found = |report: &Report| ids(&report.findings).iter().map(|id| (report.uri.clone(), *id)).collect::<Vec<_>>();
    reports.iter().flat_map(found).collect()
}

#[test]
fn playlists_that_do_not_fit_together_are_found() {
    assert_eq!(presentation("", "", ""), [], "the whole presentation");
    for (changed, part, instead, place, rule) in [
        ("x/main.m3u8", "w.m3u8", "lost.m3u8", "x/main.m3u8", "playlist-missing"),
        ("x/main.m3u8", "w.m3u8", "../x/main.m3u8", "x/main.m3u8", "not-media"),
        ("x/i.m3u8", "#EXT-X-I-FRAMES-ONLY\n", "", "x/main.m3u8", "i-frames-playlist"),
        ("x/main.m3u8", "v.m3u8", "i.m3u8", "x/main.m3u8", "i-frames-variant"),
        ("x/a.m3u8", "DURATION:6", "DURATION:7", "x/a.m3u8", "targets-differ"),
        ("x/w.m3u8", "#EXT-X-DISCONTINUITY\n", "", "x/w.m3u8", "discontinuities-differ"),
        ("x/w.m3u8", "#EXT-X-ENDLIST", "#EXTINF:6.1,\n1.m4s\n#EXT-X-ENDLIST", "x/w.m3u8", "durations-differ"),
        ("x/main.m3u8", "BANDWIDTH=6000,C", "BANDWIDTH=5000,C", "x/main.m3u8", "bandwidth"),
        ("x/v.m3u8", "1000@1700", "1001@1700", "x/v.m3u8", "range-beyond"),
    ] {
        let found = presentation(changed, part, instead);
        assert_eq!(found, [(place.to_owned(), rule)], "{instead:?} in place of {part:?} in {changed}");
    }
    let described = "CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"aac\",SUBTITLES=\"text\"";
    let variant = |rate, uri| format!("BANDWIDTH={rate},{described},CLOSED-CAPTIONS=NONE\n{uri}.m3u8");
    let sound_alone = presentation("x/main.m3u8", &variant(6000, "w"), &variant(4000, "a"));
    assert_eq!(sound_alone, [], "a variant that is a rendition of its own group plays it once");
    let none = Presentation { playlist: &|_| None, size: &|_| None }.check("main.m3u8");
    assert_eq!(ids(&none[0].findings), ["playlist-missing"]);
}

#[test]
fn a_presentation_of_very_many_playlists_is_checked_in_part() {
    let variant = |number| format!("#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\n{number}.m3u8\n");
    let main = format!("#EXTM3U\n{}", (0..1_001).map(variant).collect::<String>());
    let media = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";
    let playlist = |uri: &str| Some(if uri == "main.m3u8" { main.clone() } else { media.to_owned() });
    let reports = Presentation { playlist: &playlist, size: &|_| None }.check("main.m3u8");
    assert_eq!((reports.len(), ids(&reports[0].findings)), (1_001, vec!["too-many-playlists"]));
}

#[test]
fn findings_are_printed_on_one_line_with_clause_and_rule() {
    let late = MEDIA.replace("#EXTINF:6.000000,", "#EXTINF:6.500000,");
    let [finding] = <[Finding; 1]>::try_from(check(&late)).unwrap();
    assert_eq!(finding.rule.severity, Severity::Error);
    let message = "error: a segment's duration, rounded, is at most the target duration: 6.500 s is above 6 \
                   (RFC 8216bis \u{a7}4.4.3.1) [target-duration]";
    assert_eq!(finding.to_string(), format!("line 10: {message}"));
    let report = Report { uri: "a/v.m3u8".to_owned(), findings: vec![finding] };
    assert_eq!(report.to_string(), format!("a/v.m3u8:10: {message}\n"));
    let hostile = check("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT\u{1b}[31m\n");
    assert!(hostile.iter().all(|finding| !finding.to_string().contains('\u{1b}')), "{hostile:?}");
}
