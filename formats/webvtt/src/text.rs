//! The text of a cue (WebVTT §4.2.2, §6.4): lines with tags such as `<i>`, and `&amp;`, `&lt;` and the like.

use std::fmt;

use crate::{
    Error,
    limits::{MAX_CUE_TEXT, MAX_NESTING},
    time,
};

/// Cue text that stays one cue's when it is written: no blank line, no `-->`, within the limits. Its tags are kept as
/// they are; players forgive wrong ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CueText(String);

/// A part of a cue's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// What stands between `<` and `>`.
    Tag(&'a str),
}

impl CueText {
    /// Checks cue text in WebVTT's own syntax. Errors when it would end the cue, or is past [`crate::limits`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let wrong = |rule| Err(Error::Text { part: "a cue's text", rule });
        Error::check_limit("bytes of a cue's text", text.len() as u64, MAX_CUE_TEXT as u64)?;
        if text.contains(['\0', '\r']) {
            return wrong("hold NUL or carriage return");
        }
        if text.starts_with('\n') || text.ends_with('\n') || text.contains("\n\n") {
            return wrong("hold a blank line");
        }
        if text.contains("-->") {
            return wrong("hold -->");
        }
        Error::check_limit("tags nested in a cue's text", nesting(text) as u64, MAX_NESTING as u64)?;
        Ok(Self(text.to_owned()))
    }

    /// Cue text from plain lines: what would be markup is escaped, blank lines are left out. Errors when it is too long.
    pub fn from_plain(text: &str) -> Result<Self, Error> {
        let mut escaped = String::new();
        for line in text.split(['\n', '\r']).map(str::trim_end).filter(|line| !line.is_empty()) {
            if !escaped.is_empty() {
                escaped.push('\n');
            }
            line.chars().for_each(|c| escape(c, &mut escaped));
        }
        Self::new(&escaped)
    }

    /// The text as WebVTT writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a viewer reads: without tags, escapes resolved.
    pub fn plain(&self) -> String {
        pieces(&self.0).fold(String::new(), |mut plain, piece| {
            if let Piece::Text(text) = piece {
                unescape(text, &mut plain);
            }
            plain
        })
    }

    /// Whether it has times of its own, such as `<00:00:01.000>`, at which what follows appears.
    pub(crate) fn has_times(&self) -> bool {
        pieces(&self.0).any(|piece| inner_time(piece).is_some())
    }

    /// The same with its inner times mapped; those without an image are left out.
    pub(crate) fn retimed(&self, map: impl Fn(u64) -> Option<u64>) -> Self {
        if !self.has_times() {
            return self.clone();
        }
        let mut text = String::with_capacity(self.0.len());
        for piece in pieces(&self.0) {
            match (inner_time(piece), piece) {
                (Some(time), _) => map(time).into_iter().for_each(|time| {
                    text.push('<');
                    text.push_str(&time::timestamp(time));
                    text.push('>');
                }),
                (None, Piece::Text(kept)) => text.push_str(kept),
                (None, Piece::Tag(kept)) => {
                    text.push('<');
                    text.push_str(kept);
                    text.push('>');
                }
            }
        }
        // A longer form of its times may reach the limit, and a line of nothing but times may become blank.
        Self::new(&without_blank_lines(&text)).unwrap_or_else(|_| self.clone())
    }
}

impl fmt::Display for CueText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `line` as a part of a cue that must not end its line.
pub(crate) fn check_line(part: &'static str, line: &str) -> Result<(), Error> {
    let wrong = |rule| Err(Error::Text { part, rule });
    match () {
        () if line.contains(['\n', '\r', '\0']) => wrong("hold a line end or NUL"),
        () if line.contains("-->") => wrong("hold -->"),
        () => Ok(()),
    }
}

/// Appends a character of plain text. With `>` escaped, `-->` cannot come about.
pub(crate) fn escape(c: char, to: &mut String) {
    match c {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        '\0' => to.push('\u{fffd}'),
        c => to.push(c),
    }
}

/// The lines that have more than blanks.
pub(crate) fn without_blank_lines(text: &str) -> String {
    let lines = text.split('\n').map(str::trim_end).filter(|line| !line.is_empty());
    lines.fold(String::with_capacity(text.len()), |mut kept, line| {
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.push_str(line);
        kept
    })
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // A tag that is not closed reaches to the end, so that nothing is looked at twice.
        let (piece, after) = match rest.strip_prefix('<') {
            Some(tag) => match tag.split_once('>') {
                Some((tag, after)) => (Piece::Tag(tag), after),
                None => (Piece::Tag(tag), ""),
            },
            None => {
                let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                (Piece::Text(text), after)
            }
        };
        rest = after;
        Some(piece)
    })
}

fn inner_time(piece: Piece<'_>) -> Option<u64> {
    match piece {
        Piece::Tag(tag) => time::webvtt(tag).filter(|(_, rest)| rest.is_empty()).map(|(time, _)| time),
        Piece::Text(_) => None,
    }
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for piece in pieces(text) {
        let Piece::Tag(tag) = piece else { continue };
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// WebVTT's escapes (§4.2.2); any other `&` is itself.
const ESCAPES: [(&str, char); 6] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&nbsp;", '\u{a0}'), ("&lrm;", '\u{200e}'), ("&rlm;", '\u{200f}')];

/// The escape that `text` begins with.
pub(crate) fn escape_at(text: &str) -> Option<(&'static str, char)> {
    ESCAPES.into_iter().find(|(name, _)| text.starts_with(name))
}

fn unescape(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, escape) = rest.split_at(at);
        to.push_str(before);
        let (name, c) = escape_at(escape).unwrap_or(("&", '&'));
        to.push(c);
        rest = &escape[name.len()..];
    }
    to.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_end_its_cue_is_refused() {
        for text in ["a\n\nb", "\na", "a\n", "a --> b", "a\rb", "a\0b", &"<b>".repeat(MAX_NESTING + 1)] {
            assert!(CueText::new(text).is_err(), "{text:?}");
        }
        for text in ["", "a\nb", "<i>a</i> < b & c >", "--&gt;", "<", "<<<<", &"<b></b>".repeat(100)] {
            assert_eq!(CueText::new(text).map(|text| text.0), Ok(text.to_owned()));
        }
    }

    #[test]
    fn plain_text_comes_back() {
        for text in ["a < b & c > d --> e", "&amp;", "<i>", "x\ny"] {
            assert_eq!(CueText::from_plain(text).unwrap().plain(), text);
        }
        assert_eq!(CueText::from_plain("\r\n\r\na\r\n\r\n \r\nb\r\n").unwrap().as_str(), "a\nb");
    }

    #[test]
    fn plain_leaves_tags_out() {
        let text =
            CueText::new("<v Ann>a<00:00:01.000><c.yellow>b</c> &amp;&nbsp;&x; <ruby>c<rt>d</rt></ruby><i").unwrap();
        assert_eq!(text.plain(), "ab &\u{a0}&x; cd");
    }

    #[test]
    fn inner_times_move_with_the_cue() {
        let text = CueText::new("a<00:01.000>b<00:00:02.500><i>c").unwrap();
        assert_eq!(text.retimed(|time| Some(time + 500)).as_str(), "a<00:00:01.500>b<00:00:03.000><i>c");
        assert_eq!(text.retimed(|_| None).as_str(), "ab<i>c");
    }
}
