//! One cue (WebVTT §3.1, §4.1).

use std::cmp::Reverse;

use crate::{CueText, Error, Settings, limits, text::check_line};

/// A text and when it is shown. It always ends after it starts, and its parts can be written as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    id: Option<String>,
    start: u64,
    end: u64,
    settings: Settings,
    text: CueText,
}

impl Cue {
    /// A cue from `start` to `end`, in milliseconds. Errors when it would never be shown, or past [`limits::MAX_TIME`].
    pub fn new(start: u64, end: u64, text: CueText) -> Result<Self, Error> {
        if start >= end {
            return Err(Error::Times { start, end });
        }
        Error::check_limit("milliseconds of a cue's end", end, limits::MAX_TIME)?;
        Ok(Self { id: None, start, end, settings: Settings::default(), text })
    }

    /// The same with an id; an empty one is none. Errors when it holds a line end or `-->`, or is too long.
    pub fn with_id(self, id: &str) -> Result<Self, Error> {
        check_line("a cue's id", id)?;
        Error::check_limit("bytes of a cue's id", id.len() as u64, limits::MAX_CUE_ID as u64)?;
        Ok(Self { id: (!id.is_empty()).then(|| id.to_owned()), ..self })
    }

    /// The same with other settings.
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Its id, by which styles and scripts find it.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When it appears, in milliseconds.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// When it is gone, in milliseconds.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where it is shown.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it says.
    pub fn text(&self) -> &CueText {
        &self.text
    }

    /// The same at other times, those inside its text included. `None` when it would never be shown; a time that `map`
    /// has none for becomes 0.
    pub(crate) fn retimed(&self, map: impl Fn(u64) -> Option<u64>) -> Option<Self> {
        let (start, end) = (map(self.start).unwrap_or(0), map(self.end)?);
        let cue =
            Self::new(start, end, self.text.retimed(|time| map(time).filter(|time| *time > start && *time < end)));
        cue.ok().map(|cue| Self { id: self.id.clone(), settings: self.settings.clone(), ..cue })
    }

    /// The order of cues in a track: by start, and the one that stays longer first (HTML, "text track cue order").
    pub(crate) fn order(&self) -> (u64, Reverse<u64>) {
        (self.start, Reverse(self.end))
    }
}
