//! Cues and tracks of all kinds, for properties.

use proptest::prelude::*;
use tessera_webvtt::{Cue, CueText, Header, Settings, Track};

/// A text out of few, so that equal cues meet.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let texts = ["", "a", "b", "<i>c</i>\nd", "e <00:00:01.000>f", "&amp; ü 日本"];
    prop::sample::select(texts.map(str::to_owned).to_vec())
}

/// A cue that begins in the first three seconds, in steps of a tenth, so that cues touch and overlap.
pub(crate) fn cue(text: impl Strategy<Value = String>) -> impl Strategy<Value = Cue> {
    let id = prop::sample::select(vec!["", "1", "an id"]);
    let settings = prop::sample::select(vec!["", "line:0", "position:10%,line-left size:50%"]);
    (0u64..30, 1u64..20, id, settings, text).prop_map(|(start, length, id, settings, text)| {
        let cue = Cue::new(start * 100, (start + length) * 100, CueText::new(&text).unwrap()).unwrap();
        cue.with_id(id).unwrap().with_settings(Settings::parse(settings))
    })
}

pub(crate) fn track() -> impl Strategy<Value = Track> {
    prop::collection::vec(cue(text()), 0..12).prop_map(|cues| Track::new(Header::default(), cues).unwrap())
}

/// A track in which no two cues say the same.
pub(crate) fn distinct_track() -> impl Strategy<Value = Track> {
    track().prop_map(|track| {
        let cues = track.cues().iter().enumerate().map(|(number, cue)| {
            let text = CueText::new(&format!("{} {number}", cue.text())).unwrap();
            let renamed = Cue::new(cue.start(), cue.end(), text).unwrap().with_settings(cue.settings().clone());
            renamed.with_id(cue.id().unwrap_or_default()).unwrap()
        });
        Track::new(Header::default(), cues.collect()).unwrap()
    })
}
