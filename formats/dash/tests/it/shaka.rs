//! What we say of files is what Shaka Packager says of the files it made.

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};
use tessera_dash::{AdaptationSet, Media, Mpd, Representation, Role, SegmentBase, Segments, TrickMode, Video};
use tessera_isobmff::Boxes;
use tessera_test_media::{Bench, picture, tone};

/// What a description says of each file: attributes of the set, of the representation and of its segments by name, and
/// descriptors by scheme.
type Said = BTreeMap<String, BTreeMap<String, String>>;

/// Attributes that may differ: names, rates that are measured in other ways, and what is not said by both.
const OWN: [&str; 6] = ["id", "bandwidth", "par", "subsegmentStartsWithSAP", "segmentAlignment", "value"];

fn said(text: &str) -> Said {
    let mut said = Said::new();
    let (mut set, mut representation) = (BTreeMap::new(), BTreeMap::new());
    let mut file = String::new();
    let mut element = String::new();
    let mut reader = Reader::from_str(text);
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                element = tag.name().as_ref().to_owned();
                let attributes: BTreeMap<String, String> = tag
                    .attributes()
                    .map(|attribute| attribute.unwrap())
                    .map(|attribute| (attribute.key.as_ref().to_owned(), attribute.value.as_ref().to_owned()))
                    .map(|(name, value)| if name == "frameRate" { (name, rate(&value)) } else { (name, value) })
                    .collect();
                if element == "AdaptationSet" {
                    set.clear();
                }
                if element == "Representation" {
                    representation.clear();
                }
                let in_set = matches!(element.as_str(), "AdaptationSet" | "Role" | "EssentialProperty");
                let to = if in_set { &mut set } else { &mut representation };
                if let Some(scheme) = attributes.get("schemeIdUri") {
                    // A trick mode's value is an id, and ids are each one's own.
                    let value = if scheme.ends_with("trickmode") { String::new() } else { attributes["value"].clone() };
                    to.insert(scheme.clone(), value);
                } else if element != "MPD" && element != "Period" {
                    to.extend(attributes.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str())));
                }
            }
            Event::Text(text) if element == "BaseURL" && !text.trim().is_empty() => file = text.trim().to_owned(),
            Event::End(tag) if tag.name().as_ref() == "Representation" => {
                let all = set.clone().into_iter().chain(std::mem::take(&mut representation));
                said.insert(file.clone(), all.collect());
            }
            Event::Eof => return said,
            _ => {}
        }
    }
}

/// A fraction as thousandths, for it is not always reduced.
fn rate(text: &str) -> String {
    let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
    (frames.parse::<u64>().unwrap() * 1_000 / seconds.parse::<u64>().unwrap()).to_string()
}

/// A file's description, its ranges found by walking its boxes.
fn file(bench: &Bench, name: &str, timescale: u32, codecs: &str, media: Media) -> Representation {
    let bytes = bench.read(name);
    let (mut at, mut initialization, mut index) = (0, 0..0, 0..0);
    for found in Boxes::new(b"file", &bytes).map(Result::unwrap) {
        let end = at + found.bytes.len() as u64;
        match &found.kind.0 {
            b"moov" => initialization = 0..end,
            b"sidx" => index = at..end,
            _ => {}
        }
        at = end;
    }
    let segments = Segments::Base(SegmentBase { url: name.to_owned(), timescale, initialization, index });
    Representation { id: name.to_owned(), bandwidth: 1, codecs: Some(codecs.to_owned()), media, segments }
}

fn set(language: Option<&str>, roles: &[Role], representation: Representation) -> AdaptationSet {
    AdaptationSet {
        language: language.map(str::to_owned),
        roles: roles.to_vec(),
        representations: vec![representation],
        ..AdaptationSet::default()
    }
}

#[test]
fn an_on_demand_presentation_is_described_as_shaka_packager_does() {
    let bench = Bench::new();
    let video = format!("{} -c:v libx264 -g 50 -sc_threshold 0", picture("320x180", 25, 4));
    if bench.track("v.mp4", &video).is_none() {
        return;
    }
    bench.track("a.mp4", &format!("{} -c:a aac -ac 2", tone(4.0))).unwrap();
    // Of one stream, Shaka Packager takes one language.
    bench.write("b.mp4", &bench.read("a.mp4"));
    bench.write("t.vtt", b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\na\n");
    let words = "in=v.mp4,stream=video,output=video.mp4 in=v.mp4,stream=video,output=trick.mp4,trick_play_factor=1 \
        in=a.mp4,stream=audio,output=en.mp4,language=en,dash_roles=main \
        in=b.mp4,stream=audio,output=fr.mp4,language=fr,dash_roles=dub \
        in=t.vtt,stream=text,output=text.mp4,format=mp4,language=en \
        in=t.vtt,stream=text,output=text.vtt,language=en --segment_duration 2 --mpd_output theirs.mpd";
    if bench.shaka_packager(words).is_none() {
        return;
    }
    let theirs = String::from_utf8(bench.read("theirs.mpd")).unwrap();
    let codecs = theirs.split("avc1.").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let avc = format!("avc1.{codecs}");
    let pictures = |rate| {
        let (sample_aspect_ratio, colour) = ((1, 1), None);
        Media::Video(Video { width: 320, height: 180, frame_rate: Some(rate), sample_aspect_ratio, colour })
    };
    let sound = Media::Audio { sample_rate: 48_000, channels: 2 };
    let side_car = Representation {
        id: "side-car".to_owned(),
        bandwidth: 1,
        codecs: None,
        media: Media::SideCar,
        segments: Segments::File { url: "text.vtt".to_owned() },
    };
    // A group of pictures is two seconds: the trick mode shows one picture of fifty.
    let trick_mode = TrickMode { of: 0, max_playout_rate: 50, coding_dependency: false, essential: true };
    let trick = file(&bench, "trick.mp4", 12_800, &avc, pictures((1, 2)));
    let ours = Mpd {
        duration: (4, 1),
        min_buffer_time: (2, 1),
        base_urls: Vec::new(),
        dynamic: None,
        adaptation_sets: vec![
            set(None, &[], file(&bench, "video.mp4", 12_800, &avc, pictures((25, 1)))),
            AdaptationSet { trick_mode: Some(trick_mode), ..set(None, &[], trick) },
            set(Some("en"), &[Role::Main], file(&bench, "en.mp4", 48_000, "mp4a.40.2", sound)),
            set(Some("fr"), &[Role::Dub], file(&bench, "fr.mp4", 48_000, "mp4a.40.2", sound)),
            set(Some("en"), &[Role::Subtitle], file(&bench, "text.mp4", 1_000, "wvtt", Media::Text)),
            set(Some("en"), &[Role::Subtitle], side_car),
        ],
    };
    let ours = ours.write().unwrap();
    let (mut they_say, we_say) = (said(&theirs), said(&ours));
    assert_eq!(they_say.len(), 6, "{theirs}");
    // It promises aligned subsegments of a file that has none.
    they_say.get_mut("text.vtt").unwrap().remove("subsegmentAlignment");
    for (file, said) in &they_say {
        assert_eq!(Some(said), we_say.get(file), "{file}\n{theirs}\n{ours}");
    }
    let profile = "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"";
    assert!(theirs.contains(profile) && ours.contains(profile));
}
