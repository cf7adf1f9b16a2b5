//! Subtitles: which of a source's are taken, how FFmpeg gets them out, and what of a file is kept. Reading and writing are
//! `tessera-webvtt`'s.

mod clean;
mod streams;

pub(crate) use clean::clean;
pub(crate) use streams::SubtitleStream;

use serde::Serialize;
use tessera_contract_media::{SubtitleKind, SubtitlesLeftOut};
use tessera_types::Locale;

use crate::{
    encode::{self, OUT, input, longest_reading, words},
    probe::Source,
};

/// Subtitles of one source that are taken.
const TAKEN_MAX: usize = 64;
/// Decoders of what is taken.
pub(crate) const DECODERS: &str = "mov_text,text,subrip,srt,ass,ssa,webvtt";

/// Subtitles that are taken out of a source and become WebVTT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubtitleTrack {
    /// `t1`.
    pub subtitle_id: String,
    /// Which of the source's streams they are, counted from 0.
    pub stream: u32,
    /// How they are coded there.
    pub codec: String,
    /// Their language; none where the source does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// Whom they are for.
    pub kind: SubtitleKind,
}

/// What is taken of a source's subtitles in the order of the file, and what is not.
pub(crate) fn chosen(streams: &[SubtitleStream]) -> (Vec<SubtitleTrack>, Vec<SubtitlesLeftOut>) {
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for stream in streams {
        let reason = match stream.unusable() {
            None if taken.len() == TAKEN_MAX => format!("at most {TAKEN_MAX} are taken"),
            None => {
                taken.push(stream.track(taken.len() + 1));
                continue;
            }
            Some(reason) => reason,
        };
        left_out.push(stream.left_out(reason));
    }
    (taken, left_out)
}

impl SubtitleTrack {
    /// The name of the file that FFmpeg makes of them.
    pub(crate) fn file(&self) -> String {
        format!("{}.{}", self.subtitle_id, self.form().1)
    }

    /// As which codec they leave FFmpeg, and in which format: what is text already stays as it is.
    fn form(&self) -> (&'static str, &'static str) {
        match self.codec.as_str() {
            "webvtt" => ("copy", "webvtt"),
            "subrip" => ("copy", "srt"),
            _ => ("subrip", "srt"),
        }
    }

    /// Why nothing came of them.
    pub(crate) fn left_out(self, reason: impl Into<String>) -> SubtitlesLeftOut {
        let Self { stream, codec, language, .. } = self;
        SubtitlesLeftOut { stream, codec, language, reason: reason.into() }
    }
}

/// FFmpeg's arguments: a file of text for each, with the source's own times: what begins before the film does would get a
/// time that no file can say. Progress goes to stdout. The decoders of pictures and sound are there because the source's
/// start, which limits are counted from, is told by them.
pub(crate) fn extract(source: &Source, tracks: &[SubtitleTrack]) -> Vec<String> {
    // Over what an attempt at more of them has left.
    let mut arguments = words(&["-hide_banner", "-nostdin", "-y", "-v", "error", "-progress", "pipe:1"]);
    arguments.extend(words(&["-t", &format!("{:.3}", longest_reading(source))]));
    arguments.push("-copyts".into());
    arguments.extend(input(source.container, &format!("{},{DECODERS}", encode::DECODERS)));
    for track in tracks {
        let (codec, format) = track.form();
        arguments.extend(words(&["-map", &format!("0:{}", track.stream), "-c:s", codec]));
        arguments.extend(words(&["-map_metadata", "-1", "-map_chapters", "-1", "-avoid_negative_ts", "disabled"]));
        arguments.extend(words(&["-f", format]));
        arguments.push(format!("{OUT}/{}", track.file()));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(index: u32, codec: &str) -> SubtitleStream {
        SubtitleStream { index, codec: codec.into(), language: None, forced: false, hearing_impaired: false }
    }

    #[test]
    fn text_is_taken_and_pictures_are_named() {
        let codecs =
            ["subrip", "hdmv_pgs_subtitle", "mov_text", "dvd_subtitle", "dvb_subtitle", "ass", "eia_608", "ttml"];
        let streams: Vec<_> = codecs.into_iter().zip(2..).map(|(codec, index)| stream(index, codec)).collect();
        let (taken, left_out) = chosen(&streams);
        let taken: Vec<_> = taken.iter().map(|t| (t.subtitle_id.as_str(), t.stream, t.file())).collect();
        assert_eq!(taken, [("t1", 2, "t1.srt".into()), ("t2", 4, "t2.srt".into()), ("t3", 7, "t3.srt".into())]);
        let named: Vec<_> = left_out.iter().map(|left| (left.stream, left.codec.as_str())).collect();
        let expected =
            [(3, "hdmv_pgs_subtitle"), (5, "dvd_subtitle"), (6, "dvb_subtitle"), (8, "eia_608"), (9, "ttml")];
        assert_eq!(named, expected);
        assert!(left_out[0].reason.contains("pictures"), "{}", left_out[0].reason);
    }

    #[test]
    fn flags_say_whom_they_are_for() {
        for (forced, hearing_impaired, kind) in [
            (false, false, SubtitleKind::Subtitles),
            (false, true, SubtitleKind::Captions),
            (true, false, SubtitleKind::Forced),
            (true, true, SubtitleKind::Forced),
        ] {
            let stream = SubtitleStream { forced, hearing_impaired, ..stream(1, "webvtt") };
            assert_eq!(chosen(&[stream]).0[0].kind, kind, "{forced} {hearing_impaired}");
        }
    }

    #[test]
    fn a_file_of_hundreds_gives_some() {
        let (taken, left_out) = chosen(&(0..200).map(|index| stream(index, "subrip")).collect::<Vec<_>>());
        assert_eq!((taken.len(), left_out.len()), (TAKEN_MAX, 200 - TAKEN_MAX));
    }
}
