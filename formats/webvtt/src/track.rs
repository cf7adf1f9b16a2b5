//! A whole track of subtitles, and moving it in time.

use std::fmt::Write;

use crate::{Cue, Error, Header, limits::MAX_CUES, time};

/// Cues in the order in which they appear, with the style sheets and regions that they refer to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    header: Header,
    cues: Vec<Cue>,
}

impl Track {
    /// A track of these cues, which are put in order: by start, and the one that stays longer first. Errors when there
    /// are more than [`MAX_CUES`].
    pub fn new(header: Header, mut cues: Vec<Cue>) -> Result<Self, Error> {
        Error::check_limit("cues", cues.len() as u64, MAX_CUES as u64)?;
        cues.sort_by_key(Cue::order);
        Ok(Self { header, cues })
    }

    /// Style sheets and regions.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The cues in order.
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// The whole track as a WebVTT file (§4.1), to be delivered beside the media.
    pub fn write(&self) -> String {
        let mut text = self.header.write();
        text.push('\n');
        self.cues.iter().for_each(|cue| write_cue(cue, &mut text));
        text
    }

    /// All times later by so many milliseconds, or earlier. A cue that would start before 0 starts there; those that
    /// would end before it, or after [`crate::limits::MAX_TIME`], are left out.
    pub fn shifted(&self, by: i64) -> Self {
        self.retimed(|time| time.checked_add_signed(by))
    }

    /// All times multiplied by `numerator / denominator`, rounded down to the millisecond: (25, 24) slows subtitles of
    /// 25 frames a second down for a film of 24. Errors when one of them is zero.
    pub fn scaled(&self, numerator: u32, denominator: u32) -> Result<Self, Error> {
        if numerator == 0 || denominator == 0 {
            return Err(Error::Zero("the scale of times"));
        }
        let scale = |time: u64| u128::from(time) * u128::from(numerator) / u128::from(denominator);
        Ok(self.retimed(|time| u64::try_from(scale(time)).ok()))
    }

    fn retimed(&self, map: impl Fn(u64) -> Option<u64>) -> Self {
        let mut cues: Vec<_> = self.cues.iter().filter_map(|cue| cue.retimed(&map)).collect();
        // Cues that were cut at 0 start together now.
        cues.sort_by_key(Cue::order);
        Self { header: self.header.clone(), cues }
    }
}

/// A blank line and a cue's block.
pub(crate) fn write_cue(cue: &Cue, text: &mut String) {
    text.push('\n');
    if let Some(id) = cue.id() {
        text.push_str(id);
        text.push('\n');
    }
    let (start, end) = (time::timestamp(cue.start()), time::timestamp(cue.end()));
    // Writing to a String does not fail.
    let _ = write!(text, "{start} --> {end}");
    for part in [(" ", cue.settings().as_str()), ("\n", cue.text().as_str())] {
        if !part.1.is_empty() {
            text.push_str(part.0);
            text.push_str(part.1);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CueText, Settings};

    fn cue(start: u64, end: u64, text: &str) -> Cue {
        Cue::new(start, end, CueText::new(text).unwrap()).unwrap()
    }

    fn track(cues: Vec<Cue>) -> Track {
        Track::new(Header::default(), cues).unwrap()
    }

    fn times(track: &Track) -> Vec<(u64, u64)> {
        track.cues().iter().map(|cue| (cue.start(), cue.end())).collect()
    }

    #[test]
    fn writes_a_file() {
        let first = cue(3_600_000, 3_601_500, "<i>Hello</i>\nworld").with_id("1").unwrap();
        let track = track(vec![cue(4_000_000, 4_000_001, ""), first.with_settings(Settings::parse("line:0 x:y"))]);
        assert_eq!(
            track.write(),
            "WEBVTT\n\n1\n01:00:00.000 --> 01:00:01.500 line:0\n<i>Hello</i>\nworld\n\n01:06:40.000 --> 01:06:40.001\n"
        );
    }

    #[test]
    fn shifts_and_scales() {
        let track = track(vec![cue(0, 1_000, "a"), cue(500, 2_000, "b<00:01.000>c"), cue(1_500, 3_000, "d")]);
        assert_eq!(times(&track.shifted(250)), [(250, 1_250), (750, 2_250), (1_750, 3_250)]);
        assert_eq!(times(&track.shifted(-1_000)), [(0, 1_000), (500, 2_000)], "the one that ends at 0 is gone");
        assert_eq!(track.shifted(250).cues()[1].text().as_str(), "b<00:00:01.250>c");
        assert_eq!(track.shifted(-1_000).cues()[0].text().as_str(), "bc", "its time is its start now");
        assert_eq!(times(&track.scaled(25, 24).unwrap()), [(0, 1_041), (520, 2_083), (1_562, 3_125)]);
        assert_eq!(track.shifted(i64::MIN).cues(), []);
        assert_eq!(track.shifted(i64::MAX).cues(), []);
        assert_eq!(track.scaled(0, 1), Err(Error::Zero("the scale of times")));
        assert_eq!(times(&track.scaled(u32::MAX, 1).unwrap()), [], "past the last possible time");
    }

    #[test]
    fn cues_that_are_never_shown_are_refused() {
        let text = || CueText::new("a").unwrap();
        assert_eq!(Cue::new(1, 1, text()), Err(Error::Times { start: 1, end: 1 }));
        assert!(Cue::new(0, u64::MAX, text()).is_err());
        assert!(cue(0, 1, "a").with_id("a\nb").is_err());
        assert!(cue(0, 1, "a").with_id("a --> b").is_err());
    }
}
