//! A track, whether its samples stand in tables or in fragments.

use serde::Serialize;

use super::{
    extents::Extents,
    problem::{CHECK_WRITER, Problems},
    protection::{InspectedProtection, Unprotected},
};
use crate::{
    Boxes, Error, FourCc, Mp4Box, SampleDefaults, Subsample, TrackKind,
    read::SampleTables,
    read::{language, timescale, track_id},
};

/// One track.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InspectedTrack {
    /// Its id.
    pub track_id: u32,
    /// Its handler, such as `vide`, `soun`, `text`; empty in a media segment, which does not say.
    pub handler: String,
    /// The format of its sample entry; that of the clear one where it is protected.
    pub format: Option<String>,
    /// Codec string of RFC 6381, for codings that are known here.
    pub codec: Option<String>,
    /// Width and height in pixels of a video.
    pub resolution: Option<(u16, u16)>,
    /// Samples a second and channels of a sound.
    pub sound: Option<(u32, u16)>,
    /// Units of media time in a second.
    pub timescale: Option<u32>,
    /// ISO 639-2/T language code.
    pub language: Option<String>,
    /// How it is protected; absent when it is clear.
    pub protection: Option<InspectedProtection>,
    /// How many samples it has.
    pub samples: u64,
    /// How many of them decoding can begin at.
    pub sync_samples: u64,
    /// Bytes of all samples.
    pub bytes: u64,
    /// Decode duration of all samples, in its timescale.
    pub duration: u64,
    /// The shortest and the longest duration of a sample.
    pub sample_durations: Option<(u32, u32)>,
    /// How many fragments it has.
    pub fragments: u64,
    /// Its first samples, as many as were asked for.
    pub first_samples: Vec<InspectedSample>,
}

/// One sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedSample {
    /// Where its first byte stands in the file.
    pub offset: u64,
    /// Size in bytes.
    pub size: u32,
    /// Decode time in the track's timescale.
    pub decode_time: u64,
    /// Duration, likewise.
    pub duration: u32,
    /// Composition time minus decode time.
    pub composition_offset: i32,
    /// Decoding can begin here.
    pub sync: bool,
    /// What `senc` says of its IV, in hexadecimal digits.
    pub iv: Option<String>,
    /// What `senc` says of its bytes.
    pub subsamples: Vec<Subsample>,
}

/// A track that is being looked at.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) seen: InspectedTrack,
    pub(super) defaults: SampleDefaults,
    /// Decode time after its last sample; `None` before the first fragment of a track without tables.
    pub(super) next: Option<u64>,
    tables: Option<(SampleTables, u64)>,
}

impl Track {
    /// A track that a fragment names and no `moov` describes.
    pub(super) fn unknown(track_id: u32) -> Self {
        Self { seen: InspectedTrack { track_id, ..InspectedTrack::default() }, ..Self::default() }
    }

    /// Reads a `trak` at `offset`, and notes what cannot be read of it.
    pub(super) fn parse(trak: &Mp4Box<'_>, offset: u64, mvex: Option<Mp4Box<'_>>, problems: &mut Problems) -> Self {
        let mut track = Self::default();
        let read = track.header(&trak.children(), mvex);
        problems.noted(offset, b"trak", read);
        let stbl = trak.children().only(b"mdia").and_then(|mdia| mdia.children().only(b"minf"));
        let stbl = stbl.and_then(|minf| minf.children().only(b"stbl"));
        let Some(stbl) = problems.noted(offset, b"trak", stbl) else { return track };
        let stbl = stbl.children();
        let entry = stbl.only(b"stsd").and_then(|stsd| track.entry(&stsd));
        problems.noted(offset, b"stsd", entry);
        let tables = if track.is_media() { problems.noted(offset, b"stbl", SampleTables::parse(&stbl)) } else { None };
        track.tables = tables.map(|tables| (tables, offset));
        track
    }

    fn is_media(&self) -> bool {
        self.seen.handler == "vide" || self.seen.handler == "soun"
    }

    fn header(&mut self, trak: &Boxes<'_>, mvex: Option<Mp4Box<'_>>) -> Result<(), Error> {
        self.seen.track_id = track_id(&trak.only(b"tkhd")?)?;
        let mdia = trak.only(b"mdia")?.children();
        let mut hdlr = mdia.only(b"hdlr")?.cursor();
        hdlr.take(8)?;
        self.seen.handler = FourCc(hdlr.array()?).to_string();
        let mdhd = mdia.only(b"mdhd")?;
        self.seen.language = Some(language(&mdhd)?);
        self.seen.timescale = Some(timescale(&mdhd)?);
        if let Some(mvex) = mvex {
            self.defaults = SampleDefaults::of_track(&mvex, self.seen.track_id)?;
        }
        Ok(())
    }

    /// The first sample entry. A coding that is not known here has no codec string, which is no problem of the file.
    fn entry(&mut self, stsd: &Mp4Box<'_>) -> Result<(), Error> {
        let mut cursor = stsd.cursor();
        cursor.take(8)?;
        let missing = Error::Missing { parent: b"stsd".into(), child: b"....".into() };
        let first = Boxes::new(stsd.kind, cursor.rest()).next().ok_or(missing)??;
        let unprotected = Unprotected::of(&first)?;
        self.seen.format = Some(unprotected.entry.format.to_string());
        self.seen.protection = unprotected.protection;
        let (kind, codec) = match unprotected.entry.describe() {
            Err(Error::Unsupported { .. }) => return Ok(()),
            described => described?,
        };
        self.seen.codec = Some(codec);
        match kind {
            TrackKind::Video(format) => self.seen.resolution = Some((format.width, format.height)),
            TrackKind::Audio(format) => self.seen.sound = Some((format.sample_rate, format.channels)),
        }
        Ok(())
    }

    /// Counts the samples of its tables, and lists the first `listed` of them.
    pub(super) fn count_tables(&mut self, listed: usize, extents: &mut Extents) {
        let Some((tables, offset)) = self.tables.take() else { return };
        for sample in tables.iter() {
            extents.samples(
                (sample.offset, sample.offset.saturating_add(sample.size.into())),
                self.seen.track_id,
                offset,
            );
            let sample = InspectedSample {
                offset: sample.offset,
                size: sample.size,
                decode_time: sample.decode_time,
                duration: sample.duration,
                composition_offset: sample.composition_offset,
                sync: sample.sync,
                iv: None,
                subsamples: Vec::new(),
            };
            self.next = Some(sample.decode_time.saturating_add(sample.duration.into()));
            self.count(sample, listed);
        }
    }

    /// Counts a sample, and keeps it if it is one of the first `listed`.
    pub(super) fn count(&mut self, sample: InspectedSample, listed: usize) {
        let seen = &mut self.seen;
        seen.samples += 1;
        seen.sync_samples += u64::from(sample.sync);
        seen.bytes = seen.bytes.saturating_add(sample.size.into());
        seen.duration = seen.duration.saturating_add(sample.duration.into());
        let (shortest, longest) = seen.sample_durations.unwrap_or((u32::MAX, 0));
        seen.sample_durations = Some((shortest.min(sample.duration), longest.max(sample.duration)));
        if seen.first_samples.len() < listed {
            seen.first_samples.push(sample);
        }
    }

    /// What it has in the end.
    pub(super) fn finish(self, whole: bool, problems: &mut Problems) -> InspectedTrack {
        let seen = self.seen;
        if whole && seen.samples > 0 && seen.sync_samples == 0 {
            let problem = format!("track {} has no sync sample: decoding can begin nowhere", seen.track_id);
            problems.add(0, b"file", problem, CHECK_WRITER);
        }
        seen
    }
}
