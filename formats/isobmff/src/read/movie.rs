//! A movie of several tracks, progressive or fragmented (ISO/IEC 14496-12 §8.2 to §8.8).

mod reader;
mod tables;
#[cfg(test)]
mod tests;

pub use reader::MovieReader;
pub(crate) use tables::SampleTables;

use super::{
    fragment::BASE_DATA_OFFSET,
    init::{language, timescale, track_id},
};
use crate::{Boxes, Edit, Error, FourCc, FragmentHeader, Mp4Box, SampleDefaults, TrackInit, codec::Described, limits};

/// Sample flag `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

/// The video and audio tracks of a file, with every sample's place and time. [`MovieReader`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movie {
    /// Video and audio, in the order of the file.
    pub tracks: Vec<MovieTrack>,
    /// Handler types of the tracks that are neither, such as `sbtl` or `tmcd`.
    pub skipped: Vec<FourCc>,
    /// Samples of all tracks, counted as they come: a file can have a million fragments.
    samples: u64,
}

/// One track of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovieTrack {
    /// What `moov` says of it.
    pub init: TrackInit,
    tables: SampleTables,
    /// Where each `moof` stands, and this track's part of it.
    fragments: Vec<(u64, FragmentHeader)>,
}

/// One sample of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovieSample {
    /// Where its first byte stands in the file; nobody has checked that the file is that long.
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
}

impl Movie {
    /// Reads a `moov`. Errors when a video or audio track is one that is not supported, or a limit is exceeded.
    fn parse(moov: &Mp4Box<'_>) -> Result<Self, Error> {
        let children = moov.children();
        let movie_timescale = timescale(&children.only(b"mvhd")?)?;
        let mvex = children.optional(b"mvex")?;
        let mut movie = Self { tracks: Vec::new(), skipped: Vec::new(), samples: 0 };
        for trak in children.clone() {
            let trak = trak?;
            if trak.kind != b"trak" {
                continue;
            }
            let count = movie.tracks.len() + movie.skipped.len() + 1;
            Error::check_limit("tracks in a movie", count as u64, limits::MAX_MOVIE_TRACKS as u64)?;
            let mdia = trak.children().only(b"mdia")?.children();
            let handler = handler(&mdia)?;
            if handler == b"vide" || handler == b"soun" {
                let track = MovieTrack::parse(&trak.children(), &mdia, handler == b"vide", movie_timescale, mvex)?;
                movie.count(track.sample_count(), limits::MAX_MOVIE_SAMPLES)?;
                movie.tracks.push(track);
            } else {
                movie.skipped.push(handler);
            }
        }
        Ok(movie)
    }

    /// Counts samples, which are too many when there are more than the limit.
    fn count(&mut self, samples: u64, limit: u64) -> Result<(), Error> {
        self.samples = self.samples.saturating_add(samples);
        Error::check_limit("samples in a movie", self.samples, limit)
    }

    /// Adds what a `moof` at `position` says of these tracks. Each track's samples must lie in one piece, and the file have
    /// more bytes than samples.
    fn add_fragment(&mut self, moof: &Mp4Box<'_>, position: u64, file_size: u64) -> Result<(), Error> {
        let limit = limits::MAX_MOVIE_SAMPLES.min(file_size);
        let mut first = true;
        for traf in moof.children() {
            let traf = traf?;
            if traf.kind != b"traf" {
                continue;
            }
            let mut tfhd = traf.children().only(b"tfhd")?.cursor();
            let (_, flags) = tfhd.version_flags()?;
            if !first && flags & (BASE_DATA_OFFSET | DEFAULT_BASE_IS_MOOF) == 0 {
                return Err(Error::unsupported(b"tfhd", "data that counts from the end of another track's"));
            }
            first = false;
            let id = tfhd.u32()?;
            if let Some(track) = self.tracks.iter_mut().find(|track| track.init.track_id == id) {
                let header = FragmentHeader::parse_traf(&traf.children(), position, &track.init)?;
                let samples = header.samples.len() as u64;
                track.fragments.push((position, header));
                self.count(samples, limit)?;
            }
        }
        Ok(())
    }
}

impl MovieTrack {
    fn parse(
        trak: &Boxes<'_>,
        mdia: &Boxes<'_>,
        is_video: bool,
        movie_timescale: u32,
        mvex: Option<Mp4Box<'_>>,
    ) -> Result<Self, Error> {
        let mdhd = mdia.only(b"mdhd")?;
        let stbl = mdia.only(b"minf")?.children().only(b"stbl")?.children();
        let described = Described::parse(&stbl.only(b"stsd")?)?;
        if described.kind.is_video() != is_video {
            return Err(Error::invalid(b"hdlr", "the handler does not fit the sample entry"));
        }
        let (timescale, track_id) = (timescale(&mdhd)?, track_id(&trak.only(b"tkhd")?)?);
        let edts = trak.optional(b"edts")?;
        let edit = edts.map(|edts| Edit::parse(&edts, movie_timescale, timescale)).transpose()?;
        let init = TrackInit {
            track_id,
            kind: described.kind,
            codec: described.codec,
            timescale,
            language: language(&mdhd)?,
            edit: edit.unwrap_or_default(),
            sample_entry: described.entry,
            defaults: mvex.map(|mvex| SampleDefaults::of_track(&mvex, track_id)).transpose()?.unwrap_or_default(),
        };
        Ok(Self { init, tables: SampleTables::parse(&stbl)?, fragments: Vec::new() })
    }

    /// How many samples it has.
    pub fn sample_count(&self) -> u64 {
        let fragments = self.fragments.iter().map(|(_, header)| header.samples.len() as u64);
        u64::from(self.tables.sample_count()) + fragments.sum::<u64>()
    }

    /// Its samples in decode order: those of the tables, then those of the fragments.
    pub fn samples(&self) -> impl Iterator<Item = MovieSample> {
        self.tables.iter().chain(self.fragments.iter().flat_map(|(position, header)| fragment(*position, header)))
    }
}

/// The samples of one fragment.
fn fragment(position: u64, header: &FragmentHeader) -> impl Iterator<Item = MovieSample> {
    let mut offset = position.saturating_add(header.data_offset);
    let mut decode_time = header.base_decode_time;
    header.samples.iter().map(move |info| {
        let sample = MovieSample {
            offset,
            size: info.size,
            decode_time,
            duration: info.duration,
            composition_offset: info.composition_offset,
            sync: info.flags & NON_SYNC == 0,
        };
        offset = offset.saturating_add(u64::from(info.size));
        decode_time = decode_time.saturating_add(u64::from(info.duration));
        sample
    })
}

fn handler(mdia: &Boxes<'_>) -> Result<FourCc, Error> {
    let mut cursor = mdia.only(b"hdlr")?.cursor();
    cursor.take(8)?;
    cursor.array().map(FourCc)
}

impl SampleDefaults {
    /// The `trex` of a track, which a fragmented movie has for each.
    pub(crate) fn of_track(mvex: &Mp4Box<'_>, track_id: u32) -> Result<Self, Error> {
        for trex in mvex.children() {
            let trex = trex?;
            let mut cursor = trex.cursor();
            if trex.kind == b"trex" && cursor.version_flags().and_then(|_| cursor.u32())? == track_id {
                cursor.u32()?;
                return Ok(Self { duration: cursor.u32()?, size: cursor.u32()?, flags: cursor.u32()? });
            }
        }
        Err(Error::Missing { parent: b"mvex".into(), child: b"trex".into() })
    }
}
