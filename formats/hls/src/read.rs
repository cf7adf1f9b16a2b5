//! Playlists read back into the data that is written.
//!
//! What a playlist says and the data has no place for is passed over, as clients pass over what they do not know (§6.3.1);
//! whether the rest keeps the rules is [`check`](crate::check())'s business.

mod media;
mod multivariant;

use crate::{
    Key, KeyFormat, Method, Start,
    lines::{Item, lines},
    values::{AttributeList, signed_millionths, sixteen_bytes},
};

/// The longest playlist that is read or checked, in bytes.
pub const MAX_PLAYLIST: usize = 16 << 20;
/// The most lines of a playlist that is read or checked: two days of one-second segments.
pub const MAX_LINES: usize = 1 << 19;

/// Why a text cannot be read as the playlist wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The first line is not `#EXTM3U`.
    #[error("not a playlist: the first line is not #EXTM3U")]
    NotPlaylist,
    /// A playlist of the other kind, or neither.
    #[error("not a {0}")]
    NotKind(&'static str),
    /// Longer than [`MAX_PLAYLIST`] or [`MAX_LINES`].
    #[error("a playlist of {got} {what} is too long; {limit} are the most")]
    TooLong {
        /// Bytes or lines.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The playlist is live: its segments go again, and this crate's data is of those that have them from the beginning.
    #[error("the playlist has no EXT-X-ENDLIST and is not of type EVENT; live ones are not read")]
    NotWhole,
    /// A line does not say what it must.
    #[error("line {line}: {tag}: {rule}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The tag, without `#`.
        tag: &'static str,
        /// What is wrong with it.
        rule: &'static str,
    },
}

/// Refuses what is longer than a playlist may be.
pub(crate) fn check_length(text: &str) -> Result<(), ReadError> {
    let bytes = ("bytes", text.len(), MAX_PLAYLIST);
    let lines = || ("lines", text.bytes().filter(|byte| *byte == b'\n').count(), MAX_LINES);
    let (what, got, limit) = if bytes.1 > bytes.2 { bytes } else { lines() };
    if got > limit { Err(ReadError::TooLong { what, got, limit }) } else { Ok(()) }
}

/// Refuses what is no playlist at all.
fn checked(text: &str) -> Result<&str, ReadError> {
    check_length(text)?;
    match lines(text).next().map(|line| line.item) {
        Some(Item::Tag { name: "EXTM3U", .. }) => Ok(text),
        _ => Err(ReadError::NotPlaylist),
    }
}

/// One tag on its line: where errors come from.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    tag: &'static str,
}

impl Place {
    fn error(self, rule: &'static str) -> ReadError {
        ReadError::Line { line: self.line, tag: self.tag, rule }
    }

    fn list<'a>(self, value: Option<&'a str>) -> Result<AttributeList<'a>, ReadError> {
        AttributeList::parse(value.unwrap_or_default()).map_err(|rule| self.error(rule))
    }

    /// An attribute that must be there.
    fn wanted<'a>(self, list: &AttributeList<'a>, name: &str, rule: &'static str) -> Result<&'a str, ReadError> {
        list.get(name).ok_or_else(|| self.error(rule))
    }

    /// A value that must read as what it is.
    fn value<T>(self, value: Option<T>, rule: &'static str) -> Result<T, ReadError> {
        value.ok_or_else(|| self.error(rule))
    }

    fn start(self, value: Option<&str>) -> Result<Start, ReadError> {
        let list = self.list(value)?;
        let offset = self.wanted(&list, "TIME-OFFSET", "TIME-OFFSET is missing")?;
        let offset = self.value(signed_millionths(offset), "TIME-OFFSET is a number of seconds")?;
        Ok(Start { offset_milliseconds: offset / 1_000, precise: list.is_yes("PRECISE") })
    }

    /// A key; `None` for METHOD=NONE.
    fn key(self, value: Option<&str>) -> Result<Option<Key>, ReadError> {
        let list = self.list(value)?;
        let method = self.wanted(&list, "METHOD", "METHOD is missing")?;
        if method == "NONE" {
            return Ok(None);
        }
        let method = Method::ALL.into_iter().find(|known| known.name() == method);
        let format = list.get("KEYFORMAT").unwrap_or("identity");
        let format = KeyFormat::ALL.into_iter().find(|known| known.name() == format);
        let hexadecimal = |name, rule| list.get(name).map(|text| self.value(sixteen_bytes(text), rule)).transpose();
        Ok(Some(Key {
            method: self.value(method, "METHOD is not one of fragmented MP4")?,
            format: self.value(format, "KEYFORMAT is not known")?,
            uri: self.wanted(&list, "URI", "URI is missing")?.to_owned(),
            key_id: hexadecimal("KEYID", "KEYID is 16 bytes in hexadecimal")?,
            iv: hexadecimal("IV", "IV is 16 bytes in hexadecimal")?,
        }))
    }
}
