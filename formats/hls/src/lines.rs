//! The lines of a playlist (RFC 8216bis §4.1).

/// One line, its number counted from 1 and its end taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) item: Item<'a>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// `#EXT…`, split at the first colon.
    Tag { name: &'a str, value: Option<&'a str> },
    /// Any other line that begins with `#`, or an empty one.
    Ignored,
    /// All else.
    Uri(&'a str),
}

/// The lines of a text, ended by a line feed or a carriage return and line feed.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let ended = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    ended.enumerate().map(|(place, line)| Line { number: place + 1, item: Item::of(line) })
}

impl<'a> Item<'a> {
    fn of(line: &'a str) -> Self {
        match line.strip_prefix('#') {
            Some(tag) if tag.starts_with("EXT") => match tag.split_once(':') {
                Some((name, value)) => Self::Tag { name, value: Some(value) },
                None => Self::Tag { name: tag, value: None },
            },
            Some(_) => Self::Ignored,
            None if line.is_empty() => Self::Ignored,
            None => Self::Uri(line),
        }
    }
}
