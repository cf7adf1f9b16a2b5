//! Streams of subtitles as a source has them.

use tessera_contract_media::{SubtitleKind, SubtitlesLeftOut};
use tessera_types::Locale;

use super::SubtitleTrack;

/// A stream of text, or of pictures of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubtitleStream {
    pub(crate) index: u32,
    /// As FFmpeg names it.
    pub(crate) codec: String,
    pub(crate) language: Option<Locale>,
    pub(crate) forced: bool,
    pub(crate) hearing_impaired: bool,
}

impl SubtitleStream {
    /// Why nothing can be made of it; `None` when it is text that FFmpeg reads.
    pub(super) fn unusable(&self) -> Option<String> {
        const INSTEAD: &str = "add them as SubRip or WebVTT";
        let what = match self.codec.as_str() {
            "mov_text" | "text" | "subrip" | "ass" | "ssa" | "webvtt" => return None,
            "hdmv_pgs_subtitle" => "PGS subtitles are pictures of text",
            "dvb_subtitle" => "DVB subtitles are pictures of text",
            "dvd_subtitle" => "VobSub subtitles are pictures of text",
            "xsub" => "XSUB subtitles are pictures of text",
            "eia_608" => "captions (CEA-608) within the pictures are not read",
            _ => "subtitles of this kind are not read",
        };
        Some(format!("{what}: {INSTEAD}"))
    }

    pub(super) fn track(&self, number: usize) -> SubtitleTrack {
        SubtitleTrack {
            subtitle_id: format!("t{number}"),
            stream: self.index,
            codec: self.codec.clone(),
            language: self.language.clone(),
            kind: match (self.forced, self.hearing_impaired) {
                (true, _) => SubtitleKind::Forced,
                (false, true) => SubtitleKind::Captions,
                (false, false) => SubtitleKind::Subtitles,
            },
        }
    }

    pub(super) fn left_out(&self, reason: String) -> SubtitlesLeftOut {
        let Self { index, codec, language, .. } = self.clone();
        SubtitlesLeftOut { stream: index, codec, language, reason }
    }
}
