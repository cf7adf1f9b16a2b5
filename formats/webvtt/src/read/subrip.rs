//! SubRip as found in the wild. There is no standard: times make cues, and everything between belongs to the one before.

use super::{Found, lines::Lines, markup};
use crate::{Cue, Error, error::excerpt, limits::MAX_CUE_TEXT, time};

/// The longest source of a cue, in bytes: more than its text may be, for markup is dropped.
const MAX_SOURCE: u64 = 4 * MAX_CUE_TEXT as u64;

/// A cue being read.
struct Open {
    line: usize,
    start: u64,
    end: u64,
    text: String,
    /// Where the last line begins in the text; `None` when a blank one came after it.
    last: Option<usize>,
    bytes: u64,
}

pub(super) fn read(text: &str) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut open: Option<Open> = None;
    for line in Lines::new(text) {
        let span = line.text.contains("-->").then(|| time::span(&line.text, time::subrip)).flatten();
        match (span, &mut open) {
            (Some((start, end, _)), _) => {
                let next = Open { line: line.number, start, end, text: String::new(), last: None, bytes: 0 };
                if let Some(mut done) = open.replace(next) {
                    done.drop_counter();
                    found.push(done.line, done.cue())?;
                }
            }
            (None, Some(open)) => open.push(&line.text),
            (None, None) => {}
        }
    }
    match open {
        Some(done) => found.push(done.line, done.cue())?,
        None => return Err(no_subtitles(text)),
    }
    Ok(found)
}

impl Open {
    /// Adds a line; blank ones are left out, and what is past the limit is only counted.
    fn push(&mut self, line: &str) {
        self.last = None;
        if line.trim().is_empty() {
            return;
        }
        self.bytes += line.len() as u64 + 1;
        if self.bytes <= MAX_SOURCE {
            self.last = Some(self.text.len());
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// The number of the next cue stands directly before its times; in files without numbers a blank line stands there.
    fn drop_counter(&mut self) {
        let Some(last) = self.last else { return };
        if self.text[last..].trim().bytes().all(|b| b.is_ascii_digit()) {
            self.text.truncate(last);
        }
    }

    fn cue(&self) -> Result<Cue, Error> {
        Error::check_limit("bytes of a cue's text", self.bytes, MAX_SOURCE)?;
        let (text, settings) = markup::translate(&self.text)?;
        if text.as_str().is_empty() {
            return Err(Error::Text { part: "a cue's text", rule: "be empty" });
        }
        Ok(Cue::new(self.start, self.end, text)?.with_settings(settings))
    }
}

fn no_subtitles(text: &str) -> Error {
    let first = Lines::new(text).find(|line| !line.text.trim().is_empty());
    let (line, found) = first.map_or((1, String::new()), |line| (line.number, excerpt(&line.text)));
    let expected = "WEBVTT, or a cue's number and times like 00:00:01,000 --> 00:00:02,000";
    Error::NotSubtitles { line, expected, found }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Reading, limits, read};

    fn texts(reading: &Reading) -> Vec<(u64, u64, &str)> {
        reading.track.cues().iter().map(|cue| (cue.start(), cue.end(), cue.text().as_str())).collect()
    }

    #[test]
    fn reads_what_is_found_in_the_wild() {
        let file = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500 X1:100 X2:200\r\nHello & <b>welcome</b>\r\n\r\n7\r\n\
                    0:00:09.000-->00:00:10.000\r\nunsorted\r\n\r\n\r\nafter blank lines\r\n\r\n00:00:03,000 --> \
                    00:00:04,000\r\n1984\r\n\r\n00:00:02,000 --> 00:00:03,500\r\nno numbers, overlapping\r\n4\r\n\
                    00:00:05,000 --> 00:00:06,000\r\nno blank line before";
        assert_eq!(
            texts(&read(file.as_bytes()).unwrap()),
            [
                (1_000, 2_500, "Hello &amp; <b>welcome</b>"),
                (2_000, 3_500, "no numbers, overlapping"),
                (3_000, 4_000, "1984"),
                (5_000, 6_000, "no blank line before"),
                (9_000, 10_000, "unsorted\nafter blank lines"),
            ]
        );
    }

    #[test]
    fn empty_and_backward_cues_are_left_out_and_listed() {
        let file = "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:04,000 --> 00:00:03,000\nback\n\n3\n00:00:05,000 --> \
                    00:00:06,000\n{\\an8}\n<i></i> \n\n4\n00:00:07,000 --> 00:00:08,000\ngood\n";
        let reading = read(file.as_bytes()).unwrap();
        assert_eq!(reading.skipped.iter().map(|skipped| skipped.line).collect::<Vec<_>>(), [2, 5, 9]);
        assert_eq!(texts(&reading), [(7_000, 8_000, "good")]);
    }

    #[test]
    fn other_files_are_refused_with_a_line() {
        for (file, line, found) in [
            (&b"\n\n<?xml version=\"1.0\"?>\n<tt>"[..], 3, "<?xml version=\"1.0\"?>"),
            (b"", 1, ""),
            (b"\n\n\n", 1, ""),
            (b"WEBVTTX\n\nhello", 1, "WEBVTTX"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 1, "\u{2030}PNG"),
            (b"1\n00:00:01,000 -> 00:00:02,000\narrow too short", 1, "1"),
        ] {
            let error = read(file).unwrap_err();
            assert!(
                matches!(&error, Error::NotSubtitles { line: at, found: text, .. } if (*at, &**text) == (line, found)),
                "{error}"
            );
        }
        let long = vec![b' '; limits::MAX_FILE + 1];
        assert!(matches!(read(&long), Err(Error::Limit { .. })));
    }
}
