//! Why a description cannot be written.

/// Why a description cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A character that XML 1.0 cannot hold, even escaped.
    #[error("{attribute} holds a character that XML cannot: {text:?}")]
    NotXml {
        /// The attribute or element.
        attribute: &'static str,
        /// Its text.
        text: String,
    },
    /// An id that has blanks (schema type `StringNoWhitespaceType`) or is empty.
    #[error("a representation's id has no blanks and is not empty: {0:?}")]
    NotId(String),
    /// Two representations with one id.
    #[error("more than one representation has the id {0:?}")]
    RepeatedId(String),
    /// Representations between which no player can switch.
    #[error("the representations of an adaptation set must not differ in their {0}")]
    Mixed(&'static str),
    /// A trick mode of a set that is not there, or not of video.
    #[error("a trick mode refers to adaptation set {0}, which is no video of this description")]
    NoSuchSet(usize),
    /// A template that names neither `$Number$` nor `$Time$`: all segments would be one.
    #[error("a media template needs $Number$ or $Time$: {0:?}")]
    NotTemplate(String),
    /// A period without adaptation sets, a set without representations, or a timeline without segments.
    #[error("a description needs at least one {0}")]
    Empty(&'static str),
    /// A timescale, a duration, a range of bytes or a part of a ratio is zero.
    #[error("{0} must not be zero")]
    Zero(&'static str),
}
