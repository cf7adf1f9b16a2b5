//! Alternative renditions, `EXT-X-MEDIA` (RFC 8216bis §4.4.6.1).

use std::collections::HashSet;

use crate::{Error, attributes::Attributes};

/// One audio rendition, TYPE=AUDIO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AudioRendition {
    /// Its group; groups of one presentation hold the same renditions in different encodings.
    pub group: String,
    /// How a menu calls it.
    pub name: String,
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// Played unless the viewer chooses another.
    pub default: bool,
    /// Media characteristic tags, such as `public.accessibility.describes-video`.
    pub characteristics: Vec<String>,
    /// Channels: `6` for 5.1.
    pub channels: u16,
    /// Its media playlist.
    pub uri: String,
}

/// One subtitle rendition, TYPE=SUBTITLES.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// Its group.
    pub group: String,
    /// How a menu calls it.
    pub name: String,
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// Shown unless the viewer chooses another.
    pub default: bool,
    /// Essential to understand the programme, and shown to those who want no subtitles.
    pub forced: bool,
    /// Media characteristic tags, such as `public.accessibility.transcribes-spoken-dialog`.
    pub characteristics: Vec<String>,
    /// Its media playlist.
    pub uri: String,
}

/// What must be unique in a group.
pub(crate) struct Place<'a> {
    group: &'a str,
    name: &'a str,
    default: bool,
}

/// Names are unique in a group, and so is its default (§4.4.6.1.1).
pub(crate) fn check_groups<'a>(places: impl Iterator<Item = Place<'a>>) -> Result<(), Error> {
    let (mut names, mut defaults) = (HashSet::new(), HashSet::new());
    for place in places {
        if !names.insert((place.group, place.name)) {
            return Err(Error::RepeatedName { group: place.group.to_owned(), name: place.name.to_owned() });
        }
        if place.default && !defaults.insert(place.group) {
            return Err(Error::RepeatedDefault(place.group.to_owned()));
        }
    }
    Ok(())
}

impl AudioRendition {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { group: &self.group, name: &self.name, default: self.default }
    }

    pub(crate) fn line(&self) -> Result<String, Error> {
        let line = begin("AUDIO", &self.place(), self.language.as_deref())?;
        let line = characteristics(line, &self.characteristics)?;
        Ok(line.quoted("CHANNELS", &self.channels.to_string())?.uri(&self.uri)?.line())
    }
}

impl SubtitleRendition {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { group: &self.group, name: &self.name, default: self.default }
    }

    pub(crate) fn line(&self) -> Result<String, Error> {
        let line = begin("SUBTITLES", &self.place(), self.language.as_deref())?;
        let line = if self.forced { line.plain("FORCED", "YES") } else { line };
        Ok(characteristics(line, &self.characteristics)?.uri(&self.uri)?.line())
    }
}

fn begin(kind: &str, place: &Place<'_>, language: Option<&str>) -> Result<Attributes, Error> {
    let line = Attributes::of("EXT-X-MEDIA").plain("TYPE", kind);
    let mut line = line.quoted("GROUP-ID", place.group)?.quoted("NAME", place.name)?;
    if let Some(language) = language {
        line = line.quoted("LANGUAGE", language)?;
    }
    let default = if place.default { "YES" } else { "NO" };
    Ok(line.plain("DEFAULT", default).plain("AUTOSELECT", "YES"))
}

fn characteristics(line: Attributes, tags: &[String]) -> Result<Attributes, Error> {
    if let Some(tag) = tags.iter().find(|tag| tag.is_empty() || tag.contains(',')) {
        return Err(Error::NotQuotable { attribute: "CHARACTERISTICS", text: tag.clone() });
    }
    if tags.is_empty() { Ok(line) } else { line.quoted("CHARACTERISTICS", &tags.join(",")) }
}
