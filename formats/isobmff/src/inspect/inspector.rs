//! Which bytes of a file are looked at, asked for one piece after the other.

use std::ops::Range;

use super::{
    InspectedBox, Inspection,
    extents::Extents,
    fragment::{Header, TrackFragment},
    problem::{CHECK_WRITER, COPY_AGAIN, NOT_A_FILM, Problems, WRITE_AGAIN},
    track::Track,
    tree::{RawHeader, Tree},
};
use crate::{Mp4Box, limits};

/// The longest header of a box: size, type and large size.
const LONGEST_HEADER: u64 = 16;

/// How much is listed; everything is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectLimits {
    /// Boxes, at any depth.
    pub boxes: usize,
    /// Samples of each track.
    pub samples: usize,
}

/// Looks at a file without its media: it says which bytes it wants, and the caller brings them.
///
/// ```
/// # fn inspect(file: &[u8]) -> tessera_isobmff::Inspection {
/// let limits = tessera_isobmff::InspectLimits { boxes: 200, samples: 5 };
/// let mut inspector = tessera_isobmff::Inspector::new(file.len() as u64, limits);
/// while let Some(range) = inspector.wanted() {
///     inspector.give(&file[range.start as usize..range.end as usize]);
/// }
/// inspector.finish()
/// # }
/// ```
#[derive(Debug)]
pub struct Inspector {
    size: u64,
    limits: InspectLimits,
    position: u64,
    count: u32,
    /// The box at `position`, once its header is known and its content is wanted, with its size in the file.
    body: Option<(RawHeader, u64)>,
    tree: Tree,
    boxes: Vec<InspectedBox>,
    tracks: Vec<Track>,
    /// Samples that may still be counted.
    samples_left: u64,
    has_movie: bool,
    /// Whether there is a `moov` or `moof`, readable or not.
    is_film: bool,
    extents: Extents,
    problems: Problems,
}

impl Inspector {
    /// At the start of a file of `size` bytes.
    pub fn new(size: u64, limits: InspectLimits) -> Self {
        Self {
            size,
            limits,
            position: 0,
            count: 0,
            body: None,
            tree: Tree { left: limits.boxes, not_listed: 0 },
            boxes: Vec::new(),
            tracks: Vec::new(),
            samples_left: most_samples(size),
            has_movie: false,
            is_film: false,
            extents: Extents::default(),
            problems: Problems::default(),
        }
    }

    /// The bytes that come next, within the file and at most [`limits::MAX_MOVIE_BOX`] of them; `None` at the end.
    pub fn wanted(&self) -> Option<Range<u64>> {
        let left = self.size.saturating_sub(self.position);
        let length = self.body.map_or(LONGEST_HEADER.min(left), |(_, size)| size);
        (left > 0).then(|| self.position..self.position + length)
    }

    /// Takes the bytes that were wanted. Fewer end the looking.
    pub fn give(&mut self, bytes: &[u8]) {
        match self.body.take() {
            Some((header, size)) => {
                match bytes.get(header.length..).filter(|_| bytes.len() as u64 == size) {
                    Some(_) => self.look_into(&header, bytes),
                    None => self.problems.add(self.position, header.kind, "it cannot be read".to_owned(), COPY_AGAIN),
                }
                self.position += size;
            }
            None => self.read_header(bytes),
        }
    }

    /// What was found, after all that was wanted came.
    pub fn finish(mut self) -> Inspection {
        if !self.is_film {
            let problem = "there is neither a 'moov' nor a 'moof'".to_owned();
            self.problems.add(0, b"file", problem, NOT_A_FILM);
        }
        self.extents.check(self.size, &mut self.problems);
        let whole = self.has_movie;
        let tracks = self.tracks.into_iter().map(|track| track.finish(whole, &mut self.problems)).collect();
        Inspection {
            size: self.size,
            boxes: self.boxes,
            boxes_not_listed: self.tree.not_listed,
            tracks,
            problems: self.problems.listed,
            problems_not_listed: self.problems.not_listed,
        }
    }

    fn read_header(&mut self, bytes: &[u8]) {
        self.count += 1;
        let left = self.size - self.position;
        let Some(header) = RawHeader::read(bytes).filter(|_| self.count <= limits::MAX_MOVIE_BOXES) else {
            let problem = format!("the last {left} bytes of the file are no box");
            self.problems.add(self.position, b"file", problem, COPY_AGAIN);
            self.position = self.size;
            return;
        };
        let size = if header.size == 0 { left } else { header.size };
        if size < header.length as u64 || size > left {
            let problem = match size > left {
                true => format!("it has {size} bytes, and the file ends after {left} of them"),
                false => format!("its size of {size} bytes is less than its header"),
            };
            let remedy = if size > left { COPY_AGAIN } else { WRITE_AGAIN };
            self.problems.add(self.position, header.kind, problem, remedy);
        }
        self.is_film |= header.kind == b"moov" || header.kind == b"moof";
        let limit = match &header.kind.0 {
            b"moov" => limits::MAX_MOVIE_BOX,
            b"moof" | b"ftyp" | b"styp" | b"sidx" | b"pssh" | b"mfra" => limits::MAX_HEADER_BOX,
            _ => 0,
        };
        if size >= header.length as u64 && size <= left && size <= limit {
            self.body = Some((header, size));
            return;
        }
        if limit > 0 && size > limit {
            let problem = format!("its {size} bytes are more than the {limit} that are looked at");
            self.problems.add(self.position, header.kind, problem, COPY_AGAIN);
        }
        let end = self.position.saturating_add(size.max(header.length as u64)).min(self.size);
        if header.kind == b"mdat" {
            self.extents.media(self.position + header.length as u64, end);
        }
        self.boxes.extend(self.tree.list(&header, (self.position, size), None, &mut self.problems));
        // After a size that makes no sense nobody knows where the next box begins.
        self.position = if size < header.length as u64 { self.size } else { end };
    }

    fn look_into(&mut self, header: &RawHeader, bytes: &[u8]) {
        let (offset, size) = (self.position, bytes.len() as u64);
        let payload = &bytes[header.length..];
        self.boxes.extend(self.tree.list(header, (offset, size), Some(payload), &mut self.problems));
        let found = Mp4Box { kind: header.kind, bytes, payload };
        match &header.kind.0 {
            b"moov" if self.has_movie => {
                let problem = "a second 'moov': players take the first or the last".to_owned();
                self.problems.add(offset, b"moov", problem, WRITE_AGAIN);
            }
            b"moov" => self.movie(&found, offset),
            b"moof" => self.fragment(&found, offset),
            _ => {}
        }
    }

    fn movie(&mut self, moov: &Mp4Box<'_>, offset: u64) {
        self.has_movie = true;
        let mvex = moov.children().optional(b"mvex");
        let mvex = self.problems.noted(offset, b"mvex", mvex).flatten();
        for trak in moov.children().map_while(Result::ok).filter(|found| found.kind == b"trak") {
            if self.tracks.len() >= limits::MAX_MOVIE_TRACKS {
                let problem = format!("there are more than {} tracks", limits::MAX_MOVIE_TRACKS);
                return self.problems.add(offset, b"moov", problem, WRITE_AGAIN);
            }
            let at = offset + place(moov.bytes, trak.bytes);
            let mut track = Track::parse(&trak, at, mvex, &mut self.problems);
            track.count_tables(self.limits.samples, &mut self.extents);
            self.samples_left = self.samples_left.saturating_sub(track.seen.samples);
            if self.tracks.iter().any(|other| other.seen.track_id == track.seen.track_id) {
                let problem = format!("two tracks have the id {}", track.seen.track_id);
                self.problems.add(at, b"trak", problem, WRITE_AGAIN);
            }
            self.tracks.push(track);
        }
        if self.tracks.is_empty() {
            self.problems.add(offset, b"moov", "it has no track".to_owned(), NOT_A_FILM);
        }
    }

    fn fragment(&mut self, moof: &Mp4Box<'_>, moof_offset: u64) {
        for traf in moof.children().map_while(Result::ok).filter(|found| found.kind == b"traf") {
            let offset = moof_offset + place(moof.bytes, traf.bytes);
            if self.samples_left == 0 {
                let problem = format!("there are more than {} samples", most_samples(self.size));
                return self.problems.add(offset, b"traf", problem, CHECK_WRITER);
            }
            let defaults = |id| self.tracks.iter().find(|track| track.seen.track_id == id).map(|track| track.defaults);
            let header = traf.children().only(b"tfhd");
            let header =
                header.and_then(|tfhd| Header::parse(&tfhd, moof_offset, |id| defaults(id).unwrap_or_default()));
            let Some(header) = self.problems.noted(offset, b"tfhd", header) else { continue };
            let (boxes, moof, file_size) = (traf.children(), moof.bytes, self.size);
            let fragment = TrackFragment { boxes, offset, moof, moof_offset, file_size };
            let Some(place) = self.place_of(header.track_id, &fragment) else { continue };
            let listing = (self.limits.samples, &mut self.extents);
            let before = self.tracks[place].seen.samples;
            fragment.inspect(&header, &mut self.tracks[place], listing, &mut self.problems);
            self.samples_left = self.samples_left.saturating_sub(self.tracks[place].seen.samples - before);
        }
    }

    /// The place of a track among all. One that no `moov` describes is new, in a segment without its init segment.
    fn place_of(&mut self, track_id: u32, fragment: &TrackFragment<'_>) -> Option<usize> {
        let known = self.tracks.iter().position(|track| track.seen.track_id == track_id);
        if known.is_some() {
            return known;
        }
        if self.has_movie || self.tracks.len() >= limits::MAX_MOVIE_TRACKS {
            let problem = format!("it is of track {track_id}, which 'moov' does not have");
            self.problems.add(fragment.offset, b"tfhd", problem, WRITE_AGAIN);
            return None;
        }
        self.tracks.push(Track::unknown(track_id));
        Some(self.tracks.len() - 1)
    }
}

/// Samples that are counted in a file of `size` bytes: one that has bytes has fewer than those.
fn most_samples(size: u64) -> u64 {
    limits::MAX_INSPECTED_SAMPLES.min(size)
}

/// Where `part` begins in `whole`, which it is a slice of.
fn place(whole: &[u8], part: &[u8]) -> u64 {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize) as u64
}
