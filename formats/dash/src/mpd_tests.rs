//! A whole description, and what hostile text can do to it.

use proptest::prelude::*;
use quick_xml::{Reader, events::Event};

use crate::{AdaptationSet, ContentProtection, Error, Media, Mpd, Representation, SegmentTemplate, TimelineSegment};

fn template(timescale: u32, segments: &[(u64, u64)]) -> SegmentTemplate {
    SegmentTemplate {
        timescale,
        initialization: "$RepresentationID$/init.mp4".to_owned(),
        media: "$RepresentationID$/$Number$.m4s".to_owned(),
        segments: segments
            .iter()
            .map(|(start, duration)| TimelineSegment { start: *start, duration: *duration })
            .collect(),
    }
}

fn video(id: &str, height: u32) -> Representation {
    Representation {
        id: id.to_owned(),
        bandwidth: 1_000_000,
        codecs: "avc1.64001f".to_owned(),
        media: Media::Video { width: height * 16 / 9, height, frame_rate: Some((25, 1)) },
        segments: template(12_800, &[(0, 25_600), (25_600, 25_600), (51_200, 12_800)]),
    }
}

fn mpd() -> Mpd {
    let protection = ContentProtection {
        scheme: *b"cbcs",
        key_id: 0x01234567_89abcdef_01234567_89abcdef_u128.to_be_bytes(),
        common_pssh: vec![0, 1, 2],
        license_url: Some("https://drm.example/licence?a=1&b=2".to_owned()),
    };
    let audio = Representation {
        id: "a1".to_owned(),
        bandwidth: 128_000,
        codecs: "mp4a.40.2".to_owned(),
        media: Media::Audio { sample_rate: 48_000, channels: 2 },
        segments: template(48_000, &[(0, 95_232), (95_232, 96_256), (200_000, 96_256)]),
    };
    let set = |representations, language: Option<&str>, protection| AdaptationSet {
        language: language.map(str::to_owned),
        main: true,
        protection,
        representations,
    };
    Mpd {
        duration: (64_000, 12_800),
        min_buffer_time: (2, 1),
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
    mpd.adaptation_sets[0].representations[1].segments.segments.pop();
    let text = mpd.write().unwrap();
    assert_eq!(text.matches("<SegmentTemplate ").count(), 3, "two video, one audio: {text}");
}

#[test]
fn refuses_what_is_no_presentation() {
    type Change = fn(&mut Mpd);
    let changes: [(Error, Change); 5] = [
        (Error::Empty("adaptation set"), |mpd| mpd.adaptation_sets.clear()),
        (Error::Empty("representation"), |mpd| mpd.adaptation_sets[1].representations.clear()),
        (Error::Empty("segment"), |mpd| mpd.adaptation_sets[1].representations[0].segments.segments.clear()),
        (Error::NotId("a b".to_owned()), |mpd| mpd.adaptation_sets[1].representations[0].id = "a b".to_owned()),
        (Error::NotTemplate("x.m4s".to_owned()), |mpd| {
            mpd.adaptation_sets[1].representations[0].segments.media = "x.m4s".to_owned();
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

proptest! {
    #[test]
    fn any_text_comes_back_as_it_was(text in "[ -~\\t\\n\\r<>&\"'é]{0,40}") {
        let mut mpd = mpd();
        mpd.adaptation_sets[1].language = Some(text.clone());
        mpd.adaptation_sets[0].protection.as_mut().unwrap().license_url = Some(text.clone());
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
