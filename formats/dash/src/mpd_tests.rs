//! A whole description, and what hostile text can do to it.

use proptest::prelude::*;
use quick_xml::{Reader, events::Event};

use crate::{
    AdaptationSet, ContentProtection, DrmSystem, Dynamic, Error, Media, Mpd, Representation, Role, SegmentTemplate,
    Segments, TimelineSegment, Video,
};

pub(crate) fn template(timescale: u32, segments: &[(u64, u64)]) -> Segments {
    Segments::Template(SegmentTemplate {
        timescale,
        initialization: "$RepresentationID$/init.mp4".to_owned(),
        media: "$RepresentationID$/$Number$.m4s".to_owned(),
        segments: segments
            .iter()
            .map(|(start, duration)| TimelineSegment { start: *start, duration: *duration })
            .collect(),
    })
}

fn segments_of(representation: &mut Representation) -> &mut SegmentTemplate {
    match &mut representation.segments {
        Segments::Template(template) => template,
        other => panic!("no template: {other:?}"),
    }
}

pub(crate) fn video(id: &str, height: u32) -> Representation {
    Representation {
        id: id.to_owned(),
        bandwidth: 1_000_000,
        codecs: Some("avc1.64001f".to_owned()),
        media: Media::Video(Video {
            width: height * 16 / 9,
            height,
            frame_rate: Some((25, 1)),
            sample_aspect_ratio: (1, 1),
            colour: None,
        }),
        segments: template(12_800, &[(0, 25_600), (25_600, 25_600), (51_200, 12_800)]),
    }
}

pub(crate) fn mpd() -> Mpd {
    let protection = ContentProtection {
        scheme: *b"cbcs",
        key_id: 0x01234567_89abcdef_01234567_89abcdef_u128.to_be_bytes(),
        systems: vec![DrmSystem::clear_key(vec![0, 1, 2], Some("https://drm.example/licence?a=1&b=2".to_owned()))],
    };
    let audio = Representation {
        id: "a1".to_owned(),
        bandwidth: 128_000,
        codecs: Some("mp4a.40.2".to_owned()),
        media: Media::Audio { sample_rate: 48_000, channels: 2 },
        segments: template(48_000, &[(0, 95_232), (95_232, 96_256), (200_000, 96_256)]),
    };
    let set = |representations, language: Option<&str>, protection| AdaptationSet {
        language: language.map(str::to_owned),
        roles: vec![Role::Main],
        protection,
        representations,
        ..AdaptationSet::default()
    };
    Mpd {
        duration: (64_000, 12_800),
        min_buffer_time: (2, 1),
        base_urls: Vec::new(),
        dynamic: None,
        adaptation_sets: vec![
            set(vec![video("v360", 360), video("v720", 720)], None, Some(protection)),
            set(vec![audio], Some("fr"), None),
        ],
    }
}

#[test]
fn writes_a_protected_presentation() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" xmlns:dashif="https://dashif.org/CPS" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT5.000000S" minBufferTime="PT2.000000S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs" cenc:default_KID="01234567-89ab-cdef-0123-456789abcdef"/>
      <ContentProtection schemeIdUri="urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b" value="ClearKey1.0">
        <cenc:pssh>AAEC</cenc:pssh>
        <dashif:Laurl licenseType="EME-1.0">https://drm.example/licence?a=1&amp;b=2</dashif:Laurl>
      </ContentProtection>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate timescale="12800" initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number$.m4s" startNumber="1">
        <SegmentTimeline>
          <S t="0" d="25600" r="1"/>
          <S d="12800"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="v360" bandwidth="1000000" codecs="avc1.64001f" width="640" height="360" sar="1:1" frameRate="25">
      </Representation>
      <Representation id="v720" bandwidth="1000000" codecs="avc1.64001f" width="1280" height="720" sar="1:1" frameRate="25">
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" lang="fr" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate timescale="48000" initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number$.m4s" startNumber="1">
        <SegmentTimeline>
          <S t="0" d="95232"/>
          <S d="96256"/>
          <S t="200000" d="96256"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="a1" bandwidth="128000" codecs="mp4a.40.2" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#;
    assert_eq!(mpd().write().unwrap(), expected);
}

#[test]
fn representations_with_timelines_of_their_own_keep_them() {
    let mut mpd = mpd();
    segments_of(&mut mpd.adaptation_sets[0].representations[1]).segments.pop();
    let text = mpd.write().unwrap();
    assert_eq!(text.matches("<SegmentTemplate ").count(), 3, "two video, one audio: {text}");
}

#[test]
fn refuses_what_is_no_presentation() {
    type Change = fn(&mut Mpd);
    let changes: [(Error, Change); 5] = [
        (Error::Empty("adaptation set"), |mpd| mpd.adaptation_sets.clear()),
        (Error::Empty("representation"), |mpd| mpd.adaptation_sets[1].representations.clear()),
        (Error::Empty("segment"), |mpd| segments_of(&mut mpd.adaptation_sets[1].representations[0]).segments.clear()),
        (Error::NotId("a b".to_owned()), |mpd| mpd.adaptation_sets[1].representations[0].id = "a b".to_owned()),
        (Error::NotTemplate("x.m4s".to_owned()), |mpd| {
            segments_of(&mut mpd.adaptation_sets[1].representations[0]).media = "x.m4s".to_owned();
        }),
    ];
    for (error, change) in changes {
        let mut mpd = mpd();
        change(&mut mpd);
        assert_eq!(mpd.write(), Err(error));
    }
}

/// The `lang` attribute and the licence URL as an XML parser reads them back.
fn read_back(text: &str) -> (String, String) {
    let (mut language, mut url) = (String::new(), String::new());
    let mut reader = Reader::from_str(text);
    let mut in_url = false;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                in_url = tag.name().as_ref() == "dashif:Laurl";
                if let Some(lang) = tag.try_get_attribute("lang").unwrap() {
                    language = quick_xml::escape::unescape(&lang.value).unwrap().into_owned();
                }
            }
            Event::Text(text) if in_url => url.push_str(&text),
            Event::GeneralRef(entity) if in_url => {
                let reference: &str = &entity;
                url.push_str(&quick_xml::escape::unescape(&format!("&{reference};")).unwrap());
            }
            Event::End(_) => in_url = false,
            Event::Eof => return (language, url),
            _ => {}
        }
    }
}

/// The segments of the first timeline of a description: `S` elements unrolled.
fn timeline(text: &str) -> Vec<(u64, u64)> {
    let mut segments = Vec::new();
    let mut next = 0;
    for line in text.lines().map(str::trim).skip_while(|line| *line != "<SegmentTimeline>").skip(1) {
        if !line.starts_with("<S ") {
            break;
        }
        let attribute = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split('"').next()?.parse::<u64>().ok()
        };
        let duration = attribute("d").unwrap();
        next = attribute("t").unwrap_or(next);
        for _ in 0..=attribute("r").unwrap_or(0) {
            segments.push((next, duration));
            next += duration;
        }
    }
    segments
}

/// How many elements and attributes there are, by name.
fn skeleton(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                names.push(tag.name().as_ref().to_owned());
                names.extend(tag.attributes().map(|attribute| attribute.unwrap().key.as_ref().to_owned()));
            }
            Event::Eof => return names,
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn timelines_say_every_segment(gaps in prop::collection::vec((0u64..2, 1u64..4), 1..30)) {
        let mut at = 0;
        let segments: Vec<_> = gaps
            .into_iter()
            .map(|(gap, duration)| {
                let start = at + gap;
                at = start + duration;
                (start, duration)
            })
            .collect();
        let mut mpd = mpd();
        mpd.adaptation_sets.truncate(1);
        mpd.adaptation_sets[0].representations.truncate(1);
        mpd.adaptation_sets[0].representations[0].segments = template(1, &segments);
        prop_assert_eq!(timeline(&mpd.write().unwrap()), segments);
    }

    #[test]
    fn hostile_text_adds_no_element_and_no_attribute(
        text in "[ -~\\t\\n\\r<>&\"'/=é]{0,40}",
        id in "[!-~é]{1,20}",
    ) {
        let filled = |text: &str, id: &str| {
            let mut mpd = mpd();
            mpd.base_urls = vec![text.to_owned()];
            let set = &mut mpd.adaptation_sets[0];
            set.label = Some(text.to_owned());
            set.language = Some(text.to_owned());
            set.protection.as_mut().unwrap().systems[0].name = Some(text.to_owned());
            set.representations[0].codecs = Some(text.to_owned());
            set.representations[0].id = format!("x{id}");
            segments_of(&mut set.representations[0]).initialization = text.to_owned();
            segments_of(&mut set.representations[1]).media = format!("$Number${text}");
            mpd.adaptation_sets[1].representations[0].segments = Segments::File { url: text.to_owned() };
            mpd.write().unwrap()
        };
        prop_assert_eq!(skeleton(&filled(&text, &id)), skeleton(&filled("plain", "id")));
    }

    #[test]
    fn any_text_comes_back_as_it_was(text in "[ -~\\t\\n\\r<>&\"'é]{0,40}") {
        let mut mpd = mpd();
        mpd.adaptation_sets[1].language = Some(text.clone());
        mpd.adaptation_sets[0].protection.as_mut().unwrap().systems[0].license_url = Some(text.clone());
        prop_assert_eq!(read_back(&mpd.write().unwrap()), (text.clone(), text));
    }

    #[test]
    fn what_xml_cannot_hold_is_an_error(text in "[a-z]{0,5}[\\x00-\\x08\u{fffe}\u{ffff}][a-z]{0,5}") {
        let mut mpd = mpd();
        mpd.adaptation_sets[1].language = Some(text.clone());
        let refused = Err(Error::NotXml { attribute: "lang", text });
        prop_assert_eq!(mpd.write(), refused);
    }
}

#[test]
fn what_is_still_getting_longer_says_when_to_look_again() {
    let open = |availability_start: &str| {
        let published = "1970-01-01T00:00:12Z".to_owned();
        let dynamic = Dynamic { availability_start: availability_start.to_owned(), published, update_seconds: 4 };
        Mpd { dynamic: Some(dynamic), ..mpd() }.write()
    };
    let text = open("1970-01-01T00:00:00Z").unwrap();
    assert!(
        text.contains(
            "type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\" publishTime=\"1970-01-01T00:00:12Z\" \
             minimumUpdatePeriod=\"PT4.000000S\" minBufferTime="
        ),
        "{text}"
    );
    assert!(!text.contains("mediaPresentationDuration"), "{text}");
    assert!(open("\0").is_err());
}
