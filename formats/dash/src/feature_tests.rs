//! What a description says of each kind of content, and that it keeps to the schema's order.

use quick_xml::{Reader, events::Event};

use crate::{
    Accessibility, AdaptationSet, Colour, ContentProtection, DrmSystem, Error, ImageCoding, Media, Mpd, Representation,
    Role, SegmentBase, Segments, TrickMode, Video,
    mpd_tests::{mpd, template, video},
};

/// One file with an index.
fn file(id: &str, codecs: &str, media: Media) -> Representation {
    let base = SegmentBase { url: format!("{id}.mp4"), timescale: 1_000, initialization: 0..700, index: 700..800 };
    Representation {
        id: id.to_owned(),
        bandwidth: 1_000,
        codecs: Some(codecs.to_owned()),
        media,
        segments: Segments::Base(base),
    }
}

fn audio(id: &str, codecs: &str, channels: u16) -> Representation {
    file(id, codecs, Media::Audio { sample_rate: 48_000, channels })
}

fn pictures(id: &str, colour: Option<Colour>) -> Representation {
    let video =
        Video { width: 720, height: 576, frame_rate: Some((24_000, 1_001)), sample_aspect_ratio: (16, 11), colour };
    file(id, "hvc1.2.4.L153.B0", Media::Video(video))
}

fn side_car(id: &str) -> Representation {
    let segments = Segments::File { url: format!("{id}.vtt") };
    Representation { id: id.to_owned(), bandwidth: 100, codecs: None, media: Media::SideCar, segments }
}

fn thumbnails(id: &str) -> Representation {
    let media = Media::Thumbnails { size: (1_600, 1_800), tiles: (10, 20), coding: ImageCoding::Jpeg };
    let segments = Segments::Numbered { media: "$RepresentationID$/$Number$.jpg".to_owned(), duration: (2_000, 1) };
    Representation { id: id.to_owned(), bandwidth: 5_000, codecs: None, media, segments }
}

fn set(representation: Representation) -> AdaptationSet {
    AdaptationSet { representations: vec![representation], ..AdaptationSet::default() }
}

fn described(sets: Vec<AdaptationSet>) -> Mpd {
    Mpd { adaptation_sets: sets, ..mpd() }
}

/// Everything at once.
fn everything() -> Mpd {
    let protection = ContentProtection {
        scheme: *b"cbcs",
        key_id: [0xab; 16],
        systems: vec![
            DrmSystem { pssh: Some(vec![1]), ..DrmSystem::of(DrmSystem::WIDEVINE) },
            DrmSystem {
                name: Some("MSPR 2.0".to_owned()),
                pssh: Some(vec![2]),
                playready_object: Some(vec![3]),
                license_url: Some("https://drm.example/pr".to_owned()),
                ..DrmSystem::of(DrmSystem::PLAYREADY)
            },
            DrmSystem::of(DrmSystem::FAIRPLAY),
        ],
    };
    let trick_mode = TrickMode { of: 0, max_playout_rate: 32, coding_dependency: false, essential: true };
    let pq = Colour { primaries: 9, transfer: 16, matrix: 9 };
    let mut mpd = described(vec![
        AdaptationSet {
            roles: vec![Role::Main],
            protection: Some(protection),
            aligned_subsegments: true,
            bitstream_switching: true,
            ..set(pictures("v", Some(pq)))
        },
        AdaptationSet { trick_mode: Some(trick_mode), ..set(pictures("i", Some(pq))) },
        AdaptationSet {
            language: Some("de".to_owned()),
            label: Some("Deutsch <AD>".to_owned()),
            accessibility: vec![Accessibility::VisuallyImpaired],
            roles: vec![Role::Alternate, Role::Description],
            ..set(audio("a", "ec-3", 6))
        },
        AdaptationSet {
            language: Some("en".to_owned()),
            roles: vec![Role::Subtitle],
            ..set(file("t", "wvtt", Media::Text))
        },
        AdaptationSet {
            language: Some("en".to_owned()),
            roles: vec![Role::Caption],
            accessibility: vec![Accessibility::HardOfHearing],
            ..set(side_car("c"))
        },
        set(thumbnails("thumbs")),
    ]);
    mpd.base_urls = vec!["https://cdn.example/a&b/".to_owned()];
    mpd
}

#[test]
fn describes_everything() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" xmlns:dashif="https://dashif.org/CPS" xmlns:mspr="urn:microsoft:playready" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT5.000000S" minBufferTime="PT2.000000S">
  <BaseURL>https://cdn.example/a&amp;b/</BaseURL>
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" subsegmentAlignment="true" subsegmentStartsWithSAP="1" bitstreamSwitching="true">
      <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs" cenc:default_KID="abababab-abab-abab-abab-abababababab"/>
      <ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
        <cenc:pssh>AQ==</cenc:pssh>
      </ContentProtection>
      <ContentProtection schemeIdUri="urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95" value="MSPR 2.0">
        <cenc:pssh>Ag==</cenc:pssh>
        <mspr:pro>Aw==</mspr:pro>
        <dashif:Laurl licenseType="EME-1.0">https://drm.example/pr</dashif:Laurl>
      </ContentProtection>
      <ContentProtection schemeIdUri="urn:uuid:94ce86fb-07ff-4f43-adb8-93d2fa968ca2"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:ColourPrimaries" value="9"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="16"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:MatrixCoefficients" value="9"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Representation id="v" bandwidth="1000" codecs="hvc1.2.4.L153.B0" width="720" height="576" sar="16:11" frameRate="24000/1001">
        <BaseURL>v.mp4</BaseURL>
        <SegmentBase indexRange="700-799" timescale="1000">
          <Initialization range="0-699"/>
        </SegmentBase>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" subsegmentAlignment="true" subsegmentStartsWithSAP="1" maxPlayoutRate="32" codingDependency="false">
      <EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="0"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:ColourPrimaries" value="9"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="16"/>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:MatrixCoefficients" value="9"/>
      <Representation id="i" bandwidth="1000" codecs="hvc1.2.4.L153.B0" width="720" height="576" sar="16:11" frameRate="24000/1001">
        <BaseURL>i.mp4</BaseURL>
        <SegmentBase indexRange="700-799" timescale="1000">
          <Initialization range="0-699"/>
        </SegmentBase>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="de" subsegmentAlignment="true" subsegmentStartsWithSAP="1">
      <Label>Deutsch &lt;AD&gt;</Label>
      <Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="description"/>
      <Representation id="a" bandwidth="1000" codecs="ec-3" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="tag:dolby.com,2014:dash:audio_channel_configuration:2011" value="F801"/>
        <BaseURL>a.mp4</BaseURL>
        <SegmentBase indexRange="700-799" timescale="1000">
          <Initialization range="0-699"/>
        </SegmentBase>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="3" contentType="text" mimeType="application/mp4" lang="en" subsegmentAlignment="true" subsegmentStartsWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>
      <Representation id="t" bandwidth="1000" codecs="wvtt">
        <BaseURL>t.mp4</BaseURL>
        <SegmentBase indexRange="700-799" timescale="1000">
          <Initialization range="0-699"/>
        </SegmentBase>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="4" contentType="text" mimeType="text/vtt" lang="en">
      <Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="2"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption"/>
      <Representation id="c" bandwidth="100">
        <BaseURL>c.vtt</BaseURL>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="5" contentType="image" mimeType="image/jpeg">
      <SegmentTemplate timescale="1" media="$RepresentationID$/$Number$.jpg" duration="2000" startNumber="1"/>
      <Representation id="thumbs" bandwidth="5000" width="1600" height="1800">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="10x20"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#;
    assert_eq!(everything().write().unwrap(), expected);
}

/// The order of an element's children (DASH-MPD.xsd, ISO/IEC 23009-1 annex B), as far as they are written here.
fn order(parent: &str) -> &'static [&'static str] {
    match parent {
        "MPD" => &["BaseURL", "Period"],
        "Period" => &["AdaptationSet"],
        "AdaptationSet" => &[
            "ContentProtection",
            "EssentialProperty",
            "SupplementalProperty",
            "Label",
            "Accessibility",
            "Role",
            "SegmentTemplate",
            "Representation",
        ],
        "Representation" => &[
            "AudioChannelConfiguration",
            "EssentialProperty",
            "SupplementalProperty",
            "BaseURL",
            "SegmentBase",
            "SegmentTemplate",
        ],
        "ContentProtection" => &["cenc:pssh", "mspr:pro", "dashif:Laurl"],
        "SegmentBase" => &["Initialization"],
        "SegmentTemplate" => &["SegmentTimeline"],
        "SegmentTimeline" => &["S"],
        _ => &[],
    }
}

/// Asserts that children stand in the schema's order.
fn check_order(text: &str) {
    let mut reader = Reader::from_str(text);
    // Each open element with the place of its last child.
    let mut open: Vec<(String, usize)> = Vec::new();
    let child = |open: &mut Vec<(String, usize)>, name: &str| {
        let Some((parent, last)) = open.last_mut() else { return };
        let place = order(parent).iter().position(|known| *known == name);
        let place = place.unwrap_or_else(|| panic!("{name} has no place in {parent}: {text}"));
        assert!(place >= *last, "{name} stands too late in {parent}: {text}");
        *last = place;
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                child(&mut open, &name);
                open.push((name, 0));
            }
            Event::Empty(tag) => child(&mut open, tag.name().as_ref()),
            Event::End(_) => drop(open.pop()),
            Event::Eof => return assert!(open.is_empty()),
            _ => {}
        }
    }
}

#[test]
fn elements_stand_in_the_schema_s_order() {
    check_order(&everything().write().unwrap());
    check_order(&mpd().write().unwrap());
    let hlg = Colour { primaries: 9, transfer: 18, matrix: 9 };
    let trick_mode = TrickMode { of: 0, max_playout_rate: 8, coding_dependency: true, essential: false };
    let mut sets = everything().adaptation_sets;
    sets[1] = AdaptationSet { trick_mode: Some(trick_mode), ..set(pictures("i", Some(hlg))) };
    check_order(&described(sets).write().unwrap());
}

#[test]
fn colours_are_announced_as_what_they_need() {
    let properties = |transfer| {
        let colour = Colour { primaries: 9, transfer, matrix: 9 };
        let text = described(vec![set(pictures("v", Some(colour)))]).write().unwrap();
        let lines = text.lines().filter(|line| line.contains("Transfer")).map(|line| line.trim().to_owned());
        lines.collect::<Vec<_>>()
    };
    let property = |name: &str, value: u8| {
        format!("<{name}Property schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" value=\"{value}\"/>")
    };
    assert_eq!(properties(16), [property("Essential", 16)]);
    assert_eq!(properties(18), [property("Essential", 14), property("Supplemental", 18)]);
    assert_eq!(properties(1), [property("Supplemental", 1)]);
}

#[test]
fn channels_are_described_in_the_codec_s_scheme() {
    for (codecs, channels, value) in [
        ("mp4a.40.2", 1, Some("1")),
        ("mp4a.40.2", 2, Some("2")),
        ("mp4a.40.2", 6, Some("6")),
        ("mp4a.40.2", 8, Some("7")),
        ("opus", 2, Some("2")),
        ("mp4a.40.2", 9, None),
        ("ac-3", 1, Some("4000")),
        ("ac-3", 2, Some("A000")),
        ("ec-3", 6, Some("F801")),
        ("ec-3", 8, Some("FA01")),
        ("ec-3", 7, None),
    ] {
        let text = described(vec![set(audio("a", codecs, channels))]).write().unwrap();
        let line = text.lines().find(|line| line.contains("AudioChannelConfiguration"));
        let found = line.map(|line| line.rsplit('"').nth(1).unwrap().to_owned());
        assert_eq!(found.as_deref(), value, "{codecs}, {channels} channels");
        assert_eq!(line.is_some_and(|line| line.contains("dolby")), value.is_some() && codecs.ends_with("-3"));
    }
}

#[test]
fn profiles_and_alignment_follow_from_the_segments() {
    let profile = |sets: Vec<AdaptationSet>| {
        let text = described(sets).write().unwrap();
        let (_, rest) = text.split_once("urn:mpeg:dash:profile:").unwrap();
        rest.split(':').next().unwrap().to_owned()
    };
    let in_segments = || set(video("v", 360));
    let in_file = || set(audio("a", "mp4a.40.2", 2));
    assert_eq!(profile(vec![in_segments(), set(side_car("c")), set(thumbnails("t"))]), "isoff-live");
    assert_eq!(profile(vec![in_file(), set(side_car("c")), set(thumbnails("t"))]), "isoff-on-demand");
    assert_eq!(profile(vec![in_segments(), in_file()]), "full");

    let aligned = |first: Segments, second: Segments, in_files: bool| {
        let with = |id: &str, segments| Representation { segments, ..video(id, 360) };
        let representations = vec![with("1", first), with("2", second)];
        let set = AdaptationSet { representations, aligned_subsegments: in_files, ..AdaptationSet::default() };
        described(vec![set]).write().unwrap().contains("egmentAlignment=\"true\"")
    };
    let times = |timescale, segments: &[(u64, u64)]| template(timescale, segments);
    assert!(aligned(times(10, &[(0, 20), (20, 10)]), times(30, &[(0, 60), (60, 30)]), false), "other units");
    assert!(!aligned(times(10, &[(0, 20), (20, 10)]), times(10, &[(0, 15), (15, 15)]), true), "other times");
    assert!(!aligned(times(10, &[(0, 20), (20, 10)]), times(10, &[(0, 20)]), true), "one less");
    let file = || pictures("f", None).segments;
    assert!(aligned(file(), file(), true));
    assert!(!aligned(file(), file(), false));
    assert!(!aligned(file(), times(10, &[(0, 20)]), true), "mixed");
}

#[test]
fn refuses_what_players_cannot_use() {
    let trick_mode = |of| {
        let trick_mode = TrickMode { of, max_playout_rate: 8, coding_dependency: false, essential: true };
        AdaptationSet { trick_mode: Some(trick_mode), ..set(pictures("i", None)) }
    };
    let mixed = |first, second| AdaptationSet { representations: vec![first, second], ..AdaptationSet::default() };
    let pq = Colour { primaries: 9, transfer: 16, matrix: 9 };
    let ranged = |initialization, index| {
        let base = SegmentBase { url: "a".to_owned(), timescale: 1, initialization, index };
        set(Representation { segments: Segments::Base(base), ..audio("a", "mp4a.40.2", 2) })
    };
    for (error, sets) in [
        (Error::RepeatedId("a".to_owned()), vec![set(audio("a", "ac-3", 2)), set(audio("a", "ac-3", 2))]),
        (Error::NoSuchSet(7), vec![set(pictures("v", None)), trick_mode(7)]),
        (Error::NoSuchSet(0), vec![trick_mode(0)]),
        (Error::NoSuchSet(0), vec![set(side_car("c")), trick_mode(0)]),
        (Error::Mixed("kind of media"), vec![mixed(pictures("v", None), side_car("c"))]),
        (Error::Mixed("colours"), vec![mixed(pictures("v", None), pictures("w", Some(pq)))]),
        (Error::Zero("a range of bytes"), vec![ranged(0..0, 1..2)]),
        (Error::Zero("a range of bytes"), vec![ranged(0..9, 9..9)]),
    ] {
        assert_eq!(described(sets).write(), Err(error));
    }
}
