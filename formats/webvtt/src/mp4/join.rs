//! From samples back to cues.

use std::collections::HashMap;

use super::{TextSample, TextSegment, boxes::boxes};
use crate::{
    Cue, CueText, Error, Settings, Track,
    limits::{MAX_AT_ONCE, MAX_CUES, MAX_TIME},
    read,
};

/// What makes two pieces in neighbouring samples one cue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Piece<'a> {
    source: Option<u32>,
    id: &'a str,
    settings: &'a str,
    text: &'a str,
}

/// Cues as far as they have been put together.
#[derive(Default)]
struct Join<'a> {
    /// Each with its start and end.
    cues: Vec<(Piece<'a>, u64, u64)>,
    /// The numbers of the cues of the sample before; equal ones in order, the last first.
    shown: HashMap<Piece<'a>, Vec<usize>>,
    now: u64,
}

impl Track {
    /// The track of a file's samples: `config` is the text of its `vttC` box. Pieces in neighbouring samples that name
    /// one source become one cue again, and so do equal ones that name none, as packagers write them that do not care.
    /// Errors when a sample is not of WebVTT, a cue cannot be kept, or there are more than [`crate::limits`] allow.
    pub fn from_segments(config: &str, segments: &[TextSegment]) -> Result<Self, Error> {
        let header = read(config.as_bytes())?.track.header().clone();
        let mut join = Join::default();
        for segment in segments {
            if segment.start != join.now {
                join.shown.clear();
            }
            join.now = segment.start;
            segment.samples.iter().try_for_each(|sample| join.sample(sample))?;
        }
        let cue = |(piece, start, end): (Piece<'_>, u64, u64)| {
            let cue = Cue::new(start, end, CueText::new(piece.text)?)?.with_settings(Settings::parse(piece.settings));
            cue.with_id(piece.id)
        };
        Self::new(header, join.cues.into_iter().map(cue).collect::<Result<_, _>>()?)
    }
}

impl<'a> Join<'a> {
    fn sample(&mut self, sample: &'a TextSample) -> Result<(), Error> {
        let (start, end) = (self.now, self.now.saturating_add(u64::from(sample.duration)));
        Error::check_limit("milliseconds of a sample's end", end, MAX_TIME)?;
        let pieces = pieces(sample).map_err(|rule| Error::Sample { at: start, rule })?;
        let mut before = std::mem::take(&mut self.shown);
        for piece in pieces {
            let number = match before.get_mut(&piece).and_then(Vec::pop) {
                Some(number) => number,
                None => {
                    self.cues.push((piece, start, end));
                    self.cues.len() - 1
                }
            };
            self.cues[number].2 = end;
            self.shown.entry(piece).or_default().push(number);
        }
        Error::check_limit("cues", self.cues.len() as u64, MAX_CUES as u64)?;
        self.shown.values_mut().for_each(|numbers| numbers.reverse());
        self.now = end;
        Ok(())
    }
}

/// The cues of one sample; comments (`vtta`) and boxes that are unknown are left out.
fn pieces(sample: &TextSample) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    for found in boxes(&sample.data) {
        let (kind, payload) = found.ok_or("a box does not fit")?;
        if &kind == b"vttc" {
            pieces.push(piece(payload)?);
        }
        if pieces.len() > MAX_AT_ONCE {
            return Err("more cues are shown at once than the limit allows");
        }
    }
    Ok(pieces)
}

fn piece(vttc: &[u8]) -> Result<Piece<'_>, &'static str> {
    let mut piece = Piece::default();
    for found in boxes(vttc) {
        let (kind, payload) = found.ok_or("a box does not fit in its vttc")?;
        let text = || std::str::from_utf8(payload).map_err(|_| "a text is not UTF-8");
        match &kind {
            b"vsid" => {
                let id = payload.first_chunk::<4>().ok_or("a vsid has no number")?;
                piece.source = Some(u32::from_be_bytes(*id));
            }
            b"iden" => piece.id = text()?,
            b"sttg" => piece.settings = text()?,
            b"payl" => piece.text = text()?,
            _ => {}
        }
    }
    Ok(piece)
}
