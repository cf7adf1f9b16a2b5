//! Where a representation's bytes are (ISO/IEC 23009-1 §5.3.9).

use std::ops::Range;

use crate::{
    Error, SegmentTemplate,
    xml::{Tag, Xml},
};

/// How a representation is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segments {
    /// Segments of their own, timed by a timeline (live profile).
    Template(SegmentTemplate),
    /// One file with an index of its subsegments (on-demand profile).
    Base(SegmentBase),
    /// One file that is one segment: a side-car of subtitles.
    File {
        /// Where it is.
        url: String,
    },
    /// Segments of equal duration without an init segment: pictures of thumbnails.
    Numbered {
        /// URI of the segments, with `$Number$`, from 1.
        media: String,
        /// How long each plays, as (ticks, ticks a second).
        duration: (u64, u32),
    },
}

/// One file a representation: self-initializing, with a `sidx` box (§5.3.9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentBase {
    /// Where the file is.
    pub url: String,
    /// Units of the index in a second.
    pub timescale: u32,
    /// The bytes of `ftyp` and `moov`.
    pub initialization: Range<u64>,
    /// The bytes of `sidx`.
    pub index: Range<u64>,
}

impl Segments {
    /// The elements that address a representation.
    pub(crate) fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        match self {
            Self::Template(template) => template.write(xml),
            Self::Base(base) => base.write(xml),
            Self::File { url } => xml.leaf(Tag::new("BaseURL"), url),
            Self::Numbered { media, duration: (ticks, timescale) } => {
                if *ticks == 0 || *timescale == 0 {
                    return Err(Error::Zero("the duration of segments"));
                }
                if !media.contains("$Number") {
                    return Err(Error::NotTemplate(media.clone()));
                }
                let tag = Tag::new("SegmentTemplate").plain("timescale", timescale).text("media", media)?;
                xml.empty(tag.plain("duration", ticks).plain("startNumber", 1));
                Ok(())
            }
        }
    }

    /// Whether representations of one adaptation set may share the element.
    pub(crate) fn is_shared(&self, other: &Self) -> bool {
        matches!(self, Self::Template(_) | Self::Numbered { .. }) && self == other
    }

    /// Whether both change segments at the same times; `None` where only the file's index tells.
    pub(crate) fn is_aligned(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Template(first), Self::Template(second)) => Some(first.is_aligned(second)),
            (Self::Numbered { duration: first, .. }, Self::Numbered { duration: second, .. }) => {
                let scaled =
                    |(ticks, _): &(u64, u32), (_, timescale): &(u64, u32)| u128::from(*ticks) * u128::from(*timescale);
                Some(scaled(first, second) == scaled(second, first))
            }
            (Self::File { .. }, Self::File { .. }) => Some(true),
            (Self::Base(_), Self::Base(_)) => None,
            _ => Some(false),
        }
    }
}

impl SegmentBase {
    fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        if self.timescale == 0 {
            return Err(Error::Zero("the timescale"));
        }
        let (index, initialization) = (inclusive(&self.index)?, inclusive(&self.initialization)?);
        xml.leaf(Tag::new("BaseURL"), &self.url)?;
        let tag = Tag::new("SegmentBase").plain("indexRange", index).plain("timescale", self.timescale);
        xml.element(tag, |xml| {
            xml.empty(Tag::new("Initialization").plain("range", initialization));
            Ok(())
        })
    }
}

/// A range of bytes as HTTP has it, its last one included.
fn inclusive(range: &Range<u64>) -> Result<String, Error> {
    match range.is_empty() {
        true => Err(Error::Zero("a range of bytes")),
        false => Ok(format!("{}-{}", range.start, range.end - 1)),
    }
}
