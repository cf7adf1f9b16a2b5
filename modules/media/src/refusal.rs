//! Why no asset can be made of a source, in words and as the contract's codes.

use tessera_contract_media::FailureReason;

/// A source that cannot be used. Trying again gives the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotAVideo,
    UnsupportedContainer,
    UnsupportedCodec,
    Truncated,
    TooLarge,
    TranscodeFailed,
}

/// What is taken, for the end of every message.
pub(crate) const TAKEN: &str = "taken are MP4, MOV, MKV, WebM and MPEG-TS with H.264, HEVC, VP9, AV1 or ProRes";

impl Refusal {
    /// The reason with what was found.
    pub(crate) fn because(self, found: impl AsRef<str>) -> FailureReason {
        let code = match self {
            Self::NotAVideo => "not_a_video",
            Self::UnsupportedContainer => "unsupported_container",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::TranscodeFailed => "transcode_failed",
        };
        FailureReason { code: code.into(), message: found.as_ref().to_owned() }
    }
}

/// The reason when it was not the source's fault.
pub(crate) fn internal(what: impl Into<String>) -> FailureReason {
    FailureReason { code: "internal".into(), message: what.into() }
}
