//! WebVTT as browsers read it (§6.1).

use super::{
    Found,
    lines::{Line, Lines},
};
use crate::{Cue, CueText, Error, Settings, TimestampMap, error::excerpt, time};

/// Whether the first line is a WebVTT file's.
pub(super) fn is_webvtt(text: &str) -> bool {
    text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

/// Reads a file for which [`is_webvtt`] holds.
pub(super) fn read(text: &str) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut lines = Lines::new(text).skip(1).peekable();
    // The rest of the header, as far as the first blank line or the first arrow.
    while let Some(line) = lines.next_if(|line| !line.text.contains("-->")) {
        if line.text.is_empty() {
            break;
        }
        found.timestamp_map = found.timestamp_map.or_else(|| TimestampMap::parse(&line.text));
    }
    while let Some(first) = lines.next() {
        if !first.text.is_empty() {
            Block::collect(first, &mut lines).keep(&mut found)?;
        }
    }
    Ok(found)
}

/// The lines up to the next blank line or the arrow of another cue.
struct Block<'a> {
    /// The line before the times, or the first where there are none.
    first: Option<Line<'a>>,
    timing: Option<Line<'a>>,
    /// The other lines, joined.
    text: String,
}

impl<'a> Block<'a> {
    fn collect(first: Line<'a>, lines: &mut std::iter::Peekable<impl Iterator<Item = Line<'a>>>) -> Self {
        let is_timing = first.text.contains("-->");
        let (first, timing) = if is_timing { (None, Some(first)) } else { (Some(first), None) };
        let mut block = Self { first, timing, text: String::new() };
        let mut is_second = !is_timing;
        loop {
            // Times stand on the first line or the second; later ones begin a block of their own.
            let arrow = |line: &Line<'_>| line.text.contains("-->");
            let Some(line) = lines.next_if(|line| !arrow(line) || is_second) else { return block };
            match (line.text.is_empty(), arrow(&line)) {
                (true, _) => return block,
                (false, true) => block.timing = Some(line),
                (false, false) => {
                    if !block.text.is_empty() {
                        block.text.push('\n');
                    }
                    block.text.push_str(&line.text);
                }
            }
            is_second = false;
        }
    }

    fn keep(self, found: &mut Found) -> Result<(), Error> {
        let Some(timing) = &self.timing else {
            self.keep_definition(found);
            return Ok(());
        };
        found.push(timing.number, self.cue(&timing.text))
    }

    fn cue(&self, timing: &str) -> Result<Cue, Error> {
        let span = time::span(timing, time::webvtt).ok_or_else(|| Error::Timing(excerpt(timing)))?;
        let cue = Cue::new(span.0, span.1, CueText::new(&self.text)?)?.with_settings(Settings::parse(span.2));
        cue.with_id(self.first.as_ref().map_or("", |line| &line.text))
    }

    /// A style sheet or region, which count before the first cue alone; anything else is a comment.
    fn keep_definition(&self, found: &mut Found) {
        let Some(first) = self.first.as_ref().filter(|_| found.cues.is_empty()) else { return };
        let is_style = match first.text.trim_end_matches(time::is_blank) {
            "STYLE" => true,
            "REGION" => false,
            _ => return,
        };
        if let Err(why) = found.header.push(is_style, &self.text) {
            found.skip(first.number, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Reading, limits, read};

    fn texts(reading: &Reading) -> Vec<(Option<&str>, u64, u64, &str, &str)> {
        let cues = reading.track.cues().iter();
        cues.map(|c| (c.id(), c.start(), c.end(), c.settings().as_str(), c.text().as_str())).collect()
    }

    #[test]
    fn reads_what_browsers_read() {
        let file = "\u{feff}WEBVTT - a title\r\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\r\n\r\n\r\nNOTE\r\na \
                    comment\r\n\r\nSTYLE \r\n::cue { color: lime }\r\n\r\nREGION\r\nid:fred width:40%\r\n\r\nsecond\r\n\
                    00:05.000 --> 00:00:06.000 region:fred align:left bad\r\n<i>two</i>\r\nlines\r\n\r\nSTYLE\r\nnot a \
                    style now\r\n\r\n00:01.000-->00:02.500\r\nfirst\0\r\n00:02.000 --> 00:03.000\r\nno blank before";
        let reading = read(file.as_bytes()).unwrap();
        assert_eq!(
            texts(&reading),
            [
                (None, 1_000, 2_500, "", "first\u{fffd}"),
                (None, 2_000, 3_000, "", "no blank before"),
                (Some("second"), 5_000, 6_000, "region:fred align:left", "<i>two</i>\nlines"),
            ]
        );
        assert_eq!(reading.timestamp_map, Some(TimestampMap { mpegts: 900_000, local: 0 }));
        assert_eq!(reading.track.header().styles().collect::<Vec<_>>(), ["::cue { color: lime }"]);
        assert_eq!(reading.track.header().regions().collect::<Vec<_>>(), ["id:fred width:40%"]);
        assert_eq!(reading.skipped, []);
        assert_eq!(read(reading.track.write().as_bytes()).unwrap().track, reading.track);
    }

    #[test]
    fn cues_may_follow_the_header_at_once() {
        let reading = read(b"WEBVTT\nKind: captions\n00:01.000 --> 00:02.000\na").unwrap();
        assert_eq!(texts(&reading), [(None, 1_000, 2_000, "", "a")]);
    }

    #[test]
    fn bad_cues_are_left_out_and_listed() {
        let long = "a".repeat(limits::MAX_CUE_TEXT + 1);
        let file = format!(
            "WEBVTT\n\n00:01.000 --> 00:02\nbad\n\n00:02.000 --> 00:02.000\nnever\n\nid\n00:03.000 --> 00:04.000\ngood\n\n\
             00:05.000 --> 00:06.000\n{long}\n\na\nb\n00:07.000 --> 00:08.000\nnot with this id\n"
        );
        let reading = read(file.as_bytes()).unwrap();
        assert_eq!(
            texts(&reading),
            [(Some("id"), 3_000, 4_000, "", "good"), (None, 7_000, 8_000, "", "not with this id")]
        );
        assert_eq!(reading.skipped.iter().map(|skipped| skipped.line).collect::<Vec<_>>(), [3, 6, 13]);
        assert_eq!(reading.skipped_count, 3);
    }

    #[test]
    fn a_file_without_one_good_cue_says_where_to_look() {
        let error = read(b"WEBVTT\n\n00:01,000 --> 00:02,000\ncommas").unwrap_err();
        let Error::NotSubtitles { line: 3, found, .. } = error else { panic!("{error}") };
        assert_eq!(found, "00:01,000 --> 00:02,000");
        let empty = read(b"WEBVTT").unwrap().track;
        assert_eq!((empty.cues(), empty.header()), ([].as_slice(), &Header::default()));
    }
}
