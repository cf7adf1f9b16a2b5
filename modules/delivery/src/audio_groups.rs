//! Renditions of sound that a variant can go with: a group for each coding and count of channels.

use std::collections::BTreeSet;

use tessera_hls::AudioRendition;
use tessera_isobmff::TrackKind;

use crate::presentation::Track;

/// The sound of variants, in one coding and count of channels.
pub(crate) struct AudioGroup<'t> {
    pub(crate) name: String,
    pub(crate) members: Vec<&'t Track>,
}

/// The groups: AAC first, then the other codings as described, each with the fewest channels first. A group has every
/// language (RFC 8216bis §4.4.6.2.1): where one is not there in its coding and channels, the closest that has no more
/// channels stands in, of its own coding where there is one.
pub(crate) fn audio_groups<'t>(audio: &[&'t Track]) -> Vec<AudioGroup<'t>> {
    let mut codings: Vec<&str> = Vec::new();
    for track in audio {
        if !codings.contains(&track.coding()) {
            codings.push(track.coding());
        }
    }
    // Every player plays AAC, and begins with the first variant that it can play.
    codings.sort_by_key(|coding| *coding != AAC);
    let of_coding = |coding: &&str| {
        let tracks = audio.iter().filter(|track| track.coding() == *coding);
        let counts: BTreeSet<u16> = tracks.map(|track| channels(track)).collect();
        counts.into_iter().map(|count| group(audio, coding, count)).collect::<Vec<_>>()
    };
    codings.iter().flat_map(of_coding).collect()
}

const AAC: &str = "mp4a";

fn group<'t>(audio: &[&'t Track], coding: &str, count: u16) -> AudioGroup<'t> {
    // Smaller is nearer: another coding, more channels than wanted, and how many off.
    let distance = |track: &Track| {
        let channels = channels(track);
        (track.coding() != coding, channels > count, channels.abs_diff(count), track.coding() != AAC)
    };
    let nearest = |language: &str| {
        audio.iter().filter(|track| track.index.language == language).map(|track| distance(track)).min()
    };
    let is_in = |track: &&Track| nearest(&track.index.language) == Some(distance(track));
    let mut members: Vec<&Track> = audio.iter().copied().filter(is_in).collect();
    // The same language first in each, for that is the default.
    members.sort_by_key(|track| audio.iter().position(|first| first.index.language == track.index.language));
    let name = if coding == AAC { format!("audio{count}") } else { format!("audio-{coding}-{count}") };
    AudioGroup { name, members }
}

fn channels(track: &Track) -> u16 {
    match track.index.kind {
        TrackKind::Audio(format) => format.channels,
        TrackKind::Video(_) => 0,
    }
}

impl AudioGroup<'_> {
    /// Its renditions, with the URI of each.
    pub(crate) fn renditions(&self, uri: impl Fn(&Track) -> String) -> Vec<AudioRendition> {
        self.members.iter().enumerate().map(|(place, track)| self.rendition(track, place, uri(track))).collect()
    }

    fn rendition(&self, track: &Track, place: usize, uri: String) -> AudioRendition {
        let named = |track: &Track| track.language_name().map_or_else(|| "Audio".to_owned(), str::to_owned);
        let before = self.members[..place].iter().filter(|other| named(other) == named(track)).count();
        // Unique in its group (§4.4.6.1.1), whatever the languages are.
        let name = if before == 0 { named(track) } else { format!("{} {}", named(track), before + 1) };
        AudioRendition {
            group: self.name.clone(),
            name,
            language: track.language(),
            default: place == 0,
            channels: channels(track),
            uri,
            ..AudioRendition::default()
        }
    }
}
