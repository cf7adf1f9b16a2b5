//! Reading files: which format it is, and what was left out of it.

mod lines;
mod markup;
mod subrip;
mod webvtt;

use crate::{
    Error, TimestampMap, Track,
    encoding::decode,
    error::excerpt,
    limits::{MAX_CUES, MAX_FILE, MAX_SKIPPED},
};

/// What a file said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its subtitles.
    pub track: Track,
    /// The timestamp map of an HLS segment.
    pub timestamp_map: Option<TimestampMap>,
    /// What could not be read, at most [`MAX_SKIPPED`] of it.
    pub skipped: Vec<Skipped>,
    /// How much could not be read.
    pub skipped_count: usize,
}

/// A cue, style sheet or region that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The line of its times, or of its name, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: Error,
}

/// Reads WebVTT (a file that begins with `WEBVTT`) or SubRip, in UTF-8, UTF-16 or Windows-1252. Errors, with the line
/// to look at, when nothing in it is subtitles, and when it is past [`crate::limits`].
pub fn read(bytes: &[u8]) -> Result<Reading, Error> {
    Error::check_limit("bytes of a file", bytes.len() as u64, MAX_FILE as u64)?;
    let text = decode(bytes);
    let found = if webvtt::is_webvtt(&text) { webvtt::read(&text)? } else { subrip::read(&text)? };
    found.finish(&text)
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Found {
    header: crate::Header,
    timestamp_map: Option<TimestampMap>,
    cues: Vec<crate::Cue>,
    skipped: Vec<Skipped>,
    skipped_count: usize,
}

impl Found {
    /// Keeps a cue, or notes why not. Errors when there are too many.
    fn push(&mut self, line: usize, cue: Result<crate::Cue, Error>) -> Result<(), Error> {
        match cue {
            Ok(cue) => self.cues.push(cue),
            Err(why) => self.skip(line, why),
        }
        Error::check_limit("cues", self.cues.len() as u64, MAX_CUES as u64)
    }

    fn skip(&mut self, line: usize, why: Error) {
        self.skipped_count += 1;
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(Skipped { line, why });
        }
    }

    /// A file of nothing but cues that could not be read is none.
    fn finish(self, text: &str) -> Result<Reading, Error> {
        let Self { header, timestamp_map, cues, skipped, skipped_count } = self;
        if let (true, Some(first)) = (cues.is_empty(), skipped.first()) {
            let found = lines::Lines::new(text).find(|line| line.number == first.line).map(|line| excerpt(&line.text));
            let expected = "a cue that can be shown, with times like 00:00:01.000 --> 00:00:02.000";
            return Err(Error::NotSubtitles { line: first.line, expected, found: found.unwrap_or_default() });
        }
        Ok(Reading { track: Track::new(header, cues)?, timestamp_map, skipped, skipped_count })
    }
}
