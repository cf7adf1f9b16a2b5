//! The whole description (ISO/IEC 23009-1 §5.3.1).

use std::collections::HashSet;

use crate::{
    AdaptationSet, Error, Segments,
    xml::{Tag, Xml},
};

const LIVE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
const ON_DEMAND: &str = "urn:mpeg:dash:profile:isoff-on-demand:2011";
const FULL: &str = "urn:mpeg:dash:profile:full:2011";

/// A presentation of one period: complete (`type="static"`), or one that is still getting longer (`type="dynamic"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mpd {
    /// How long the presentation is, as (ticks, ticks a second).
    pub duration: (u64, u32),
    /// How much a player buffers before it begins, as (ticks, ticks a second): about a segment.
    pub min_buffer_time: (u64, u32),
    /// What URIs are relative to, the preferred first; none when it is the description itself.
    pub base_urls: Vec<String>,
    /// Of a presentation that is still getting longer, when to look again; none of a complete one.
    pub dynamic: Option<Dynamic>,
    /// Video, audio, text and thumbnails. A set's place is its id.
    pub adaptation_sets: Vec<AdaptationSet>,
}

/// What is said of a presentation that is still getting longer (§5.3.1.2). All of its segments that are named are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// `availabilityStartTime`, an XML Schema dateTime in UTC: the same in every version, and so long ago that every segment
    /// that is named is available.
    pub availability_start: String,
    /// `publishTime`, the same kind of time: later in every version.
    pub published: String,
    /// After how many seconds to look for the next version, at least 1.
    pub update_seconds: u32,
}

impl Mpd {
    /// The description as text. Errors when a text cannot stand in XML, a list is empty, something is zero that divides
    /// or lasts, an id occurs twice, or a set mixes what cannot be switched between.
    pub fn write(&self) -> Result<String, Error> {
        if self.adaptation_sets.is_empty() {
            return Err(Error::Empty("adaptation set"));
        }
        self.check_references()?;
        let mut xml = Xml::new();
        xml.element(self.tag()?, |xml| {
            self.base_urls.iter().try_for_each(|url| xml.leaf(Tag::new("BaseURL"), url))?;
            let period = Tag::new("Period").plain("id", 0).plain("start", "PT0S");
            xml.element(period, |xml| {
                self.adaptation_sets.iter().enumerate().try_for_each(|(id, set)| set.write(xml, id))
            })
        })?;
        Ok(xml.finish())
    }

    fn tag(&self) -> Result<Tag, Error> {
        let protections = || self.adaptation_sets.iter().filter_map(|set| set.protection.as_ref());
        let playready = protections().any(|protection| protection.has_playready());
        let tag = Tag::new("MPD")
            .plain("xmlns", "urn:mpeg:dash:schema:mpd:2011")
            .plain("xmlns:cenc", "urn:mpeg:cenc:2013")
            .plain("xmlns:dashif", "https://dashif.org/CPS")
            .optional("xmlns:mspr", playready.then_some("urn:microsoft:playready"))
            .plain("profiles", self.profile())
            .plain("type", if self.dynamic.is_some() { "dynamic" } else { "static" });
        let tag = match &self.dynamic {
            None => tag.plain("mediaPresentationDuration", duration(self.duration)?),
            Some(dynamic) => tag
                .text("availabilityStartTime", &dynamic.availability_start)?
                .text("publishTime", &dynamic.published)?
                .plain("minimumUpdatePeriod", duration((dynamic.update_seconds.max(1).into(), 1))?),
        };
        Ok(tag.plain("minBufferTime", duration(self.min_buffer_time)?))
    }

    /// The profile of the MP4 media (§8.3, §8.4). Side-cars and pictures are beside it: a player of the profile leaves
    /// out what it does not know.
    fn profile(&self) -> &'static str {
        let representations = self.adaptation_sets.iter().flat_map(|set| &set.representations);
        let mp4 = representations.filter(|representation| representation.media.is_mp4());
        let (mut templates, mut files) = (false, false);
        for representation in mp4 {
            match representation.segments {
                Segments::Template(_) | Segments::Numbered { .. } => templates = true,
                Segments::Base(_) | Segments::File { .. } => files = true,
            }
        }
        match (templates, files) {
            (true, true) => FULL,
            (false, true) => ON_DEMAND,
            (true, false) | (false, false) => LIVE,
        }
    }

    /// Ids are unique, and trick modes have a video.
    fn check_references(&self) -> Result<(), Error> {
        let mut ids = HashSet::new();
        for representation in self.adaptation_sets.iter().flat_map(|set| &set.representations) {
            if !ids.insert(representation.id.as_str()) {
                return Err(Error::RepeatedId(representation.id.clone()));
            }
        }
        for (id, set) in self.adaptation_sets.iter().enumerate() {
            let Some(trick_mode) = set.trick_mode else { continue };
            let video = self.adaptation_sets.get(trick_mode.of).filter(|video| video.is_video() && trick_mode.of != id);
            if video.is_none() {
                return Err(Error::NoSuchSet(trick_mode.of));
            }
        }
        Ok(())
    }
}

/// An XML Schema duration in seconds, to the microsecond.
fn duration((ticks, timescale): (u64, u32)) -> Result<String, Error> {
    if timescale == 0 {
        return Err(Error::Zero("the timescale of a duration"));
    }
    let micros = (u128::from(ticks) * 1_000_000 + u128::from(timescale / 2)) / u128::from(timescale);
    Ok(format!("PT{}.{:06}S", micros / 1_000_000, micros % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_to_the_microsecond() {
        for (ticks, timescale, text) in [
            (0, 1, "PT0.000000S"),
            (95_232, 48_000, "PT1.984000S"),
            (1, 3, "PT0.333333S"),
            (7_200, 1, "PT7200.000000S"),
        ] {
            assert_eq!(duration((ticks, timescale)).unwrap(), text);
        }
        assert!(duration((1, 0)).is_err());
    }
}
