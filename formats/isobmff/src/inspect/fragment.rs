//! The part of a fragment that is one track's (ISO/IEC 14496-12 §8.8, ISO/IEC 23001-7 §7).

use super::{
    extents::Extents,
    fields::hex,
    problem::{KEEP_TIMES, PACKAGE_AGAIN, Problems},
    track::{InspectedSample, Track},
};
use crate::{
    Boxes, Error, Mp4Box, SampleDefaults, SampleInfo, Subsample,
    cursor::Cursor,
    limits,
    read::{BASE_DATA_OFFSET, DATA_OFFSET, FIRST_SAMPLE_FLAGS, SAMPLE_DESCRIPTION, run_sample},
};

/// Sample flag `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;
/// Bytes of an IV, as they can be (ISO/IEC 23001-7 §9.1).
const IV_SIZES: [u8; 3] = [8, 0, 16];

/// What `tfhd` says.
pub(super) struct Header {
    pub(super) track_id: u32,
    /// Where data offsets count from, in the file.
    base: u64,
    defaults: SampleDefaults,
}

/// One `traf`, and where it and its `moof` stand.
pub(super) struct TrackFragment<'a> {
    pub(super) boxes: Boxes<'a>,
    pub(super) offset: u64,
    pub(super) moof: &'a [u8],
    pub(super) moof_offset: u64,
    pub(super) file_size: u64,
}

/// What `senc` says of one sample.
struct Encryption {
    iv: Vec<u8>,
    subsamples: Vec<Subsample>,
    /// Bytes in the box.
    size: usize,
}

impl Header {
    /// Reads `tfhd` of a fragment at `moof_offset`. `defaults` are those of a track by its id.
    pub(super) fn parse(
        tfhd: &Mp4Box<'_>,
        moof_offset: u64,
        defaults: impl FnOnce(u32) -> SampleDefaults,
    ) -> Result<Self, Error> {
        let mut cursor = tfhd.cursor();
        let (_, flags) = cursor.version_flags()?;
        let track_id = cursor.u32()?;
        let base = if flags & BASE_DATA_OFFSET != 0 { cursor.u64()? } else { moof_offset };
        cursor.take(if flags & SAMPLE_DESCRIPTION != 0 { 4 } else { 0 })?;
        let defaults = defaults(track_id).overridden(flags, &mut cursor)?;
        Ok(Self { track_id, base, defaults })
    }
}

impl TrackFragment<'_> {
    /// Counts its samples into `track`, and notes what is wrong with them.
    pub(super) fn inspect(
        &self,
        header: &Header,
        track: &mut Track,
        (listed, extents): (usize, &mut Extents),
        problems: &mut Problems,
    ) {
        track.seen.fragments += 1;
        let start = self.start(track, problems);
        let Some(samples) = problems.noted(self.offset, b"trun", self.samples(header)) else { return };
        let encryption = self.encryption(header, &samples, track, problems);
        let mut decode_time = start;
        for (number, (offset, info)) in samples.iter().enumerate() {
            extents.samples((*offset, offset.saturating_add(info.size.into())), header.track_id, self.offset);
            let of_sample = encryption.get(number);
            let wanted = track.seen.first_samples.len() < listed;
            track.count(
                InspectedSample {
                    offset: *offset,
                    size: info.size,
                    decode_time,
                    duration: info.duration,
                    composition_offset: info.composition_offset,
                    sync: info.flags & NON_SYNC == 0,
                    iv: of_sample.filter(|of| wanted && !of.iv.is_empty()).map(|of| hex(&of.iv)),
                    subsamples: of_sample.filter(|_| wanted).map(|of| of.subsamples.clone()).unwrap_or_default(),
                },
                listed,
            );
            decode_time = decode_time.saturating_add(info.duration.into());
        }
        track.next = Some(decode_time);
    }

    /// The decode time of its first sample, after comparing it with the end of the fragment before.
    fn start(&self, track: &Track, problems: &mut Problems) -> u64 {
        let expected = track.next;
        let tfdt = self.boxes.optional(b"tfdt").and_then(|tfdt| tfdt.map(|tfdt| decode_time(&tfdt)).transpose());
        let Some(start) = problems.noted(self.offset, b"tfdt", tfdt).flatten() else { return expected.unwrap_or(0) };
        if let Some(expected) = expected.filter(|expected| *expected != start) {
            let (by, way) = (start.abs_diff(expected), if start > expected { "a gap of" } else { "back by" });
            let seconds = track.seen.timescale.map(|timescale| format!(" ({:.3} s)", by as f64 / f64::from(timescale)));
            let problem = format!(
                "track {} goes on at {start} where {expected} is expected: {way} {by} ticks{}",
                track.seen.track_id,
                seconds.unwrap_or_default()
            );
            problems.add(self.offset, b"tfdt", problem, KEEP_TIMES);
        }
        start
    }

    /// Its samples, each with its place in the file.
    fn samples(&self, header: &Header) -> Result<Vec<(u64, SampleInfo)>, Error> {
        let mut samples = Vec::new();
        let mut next = header.base;
        for found in self.boxes.clone() {
            let found = found?;
            if found.kind != b"trun" {
                continue;
            }
            let mut cursor = found.cursor();
            let (_, flags) = cursor.version_flags()?;
            let count = cursor.u32()?;
            let total = samples.len() as u64 + u64::from(count);
            Error::check_limit("samples in a fragment", total, limits::MAX_FRAGMENT_SAMPLES as u64)?;
            if flags & DATA_OFFSET != 0 {
                next = header.base.saturating_add_signed(cursor.u32()?.cast_signed().into());
            }
            let mut first = if flags & FIRST_SAMPLE_FLAGS != 0 { Some(cursor.u32()?) } else { None };
            for _ in 0..count {
                let mut info = run_sample(&mut cursor, flags, &header.defaults)?;
                info.flags = first.take().unwrap_or(info.flags);
                samples.push((next, info));
                next = next.saturating_add(info.size.into());
            }
        }
        Ok(samples)
    }

    /// What `senc` says of each sample; nothing after noting why that is of no use.
    fn encryption(
        &self,
        header: &Header,
        samples: &[(u64, SampleInfo)],
        track: &Track,
        problems: &mut Problems,
    ) -> Vec<Encryption> {
        let senc = problems.noted(self.offset, b"traf", self.boxes.optional(b"senc")).flatten();
        self.auxiliary_offset(header, senc.as_ref(), problems);
        let Some(senc) = senc else { return Vec::new() };
        let known = track.seen.protection.as_ref().map(|protection| protection.iv_size);
        if track.seen.timescale.is_some() && known.is_none() {
            let problem =
                format!("samples of track {} are encrypted, and 'moov' does not say how", track.seen.track_id);
            problems.add(self.offset, b"senc", problem, PACKAGE_AGAIN);
        }
        // Without the init segment, the size is the one that the box divides by.
        let sizes = known.map_or(IV_SIZES.to_vec(), |known| vec![known]);
        let Some(read) = sizes.iter().find_map(|size| entries(&senc, *size).ok()) else {
            let problem = "its entries do not fill it exactly".to_owned();
            problems.add(self.offset, b"senc", problem, PACKAGE_AGAIN);
            return Vec::new();
        };
        self.compare(samples, &read, problems);
        self.auxiliary_sizes(&read, problems);
        read
    }

    fn compare(&self, samples: &[(u64, SampleInfo)], read: &[Encryption], problems: &mut Problems) {
        if read.len() != samples.len() {
            let problem = format!("it has {} entries for {} samples", read.len(), samples.len());
            problems.add(self.offset, b"senc", problem, PACKAGE_AGAIN);
        }
        for (number, ((_, info), of)) in samples.iter().zip(read).enumerate() {
            let sum: u64 = of.subsamples.iter().map(|s| u64::from(s.clear) + u64::from(s.protected)).sum();
            if !of.subsamples.is_empty() && sum != u64::from(info.size) {
                let number = number + 1;
                let problem = format!("the subsamples of sample {number} have {sum} bytes, and it has {}", info.size);
                problems.add(self.offset, b"senc", problem, PACKAGE_AGAIN);
            }
        }
    }

    /// Compares `saiz` with the entries of `senc`, which it counts.
    fn auxiliary_sizes(&self, read: &[Encryption], problems: &mut Problems) {
        let saiz = self.boxes.optional(b"saiz").and_then(|saiz| saiz.map(|saiz| sizes(&saiz)).transpose());
        let Some(sizes) = problems.noted(self.offset, b"saiz", saiz).flatten() else { return };
        let (said, there) = (sizes.iter().map(|size| *size as usize).sum::<usize>(), read.iter().map(|of| of.size));
        let there: usize = there.sum();
        let differs = sizes.iter().zip(read).position(|(size, of)| usize::from(*size) != of.size);
        let problem = match differs {
            _ if sizes.len() != read.len() => format!("it counts {} samples, and 'senc' {}", sizes.len(), read.len()),
            Some(at) => {
                format!("it says {said} bytes and 'senc' has {there}; sample {} is the first to differ", at + 1)
            }
            None => return,
        };
        problems.add(self.offset, b"saiz", problem, PACKAGE_AGAIN);
    }

    /// Checks that `saio` points at the first entry of `senc`, or into the file at least.
    fn auxiliary_offset(&self, header: &Header, senc: Option<&Mp4Box<'_>>, problems: &mut Problems) {
        let saio = self.boxes.optional(b"saio").and_then(|saio| saio.map(|saio| first_offset(&saio)).transpose());
        let Some(offset) = problems.noted(self.offset, b"saio", saio).flatten().flatten() else { return };
        let points_to = header.base.saturating_add(offset);
        // Both are slices of one file.
        let place = |senc: &Mp4Box<'_>| (senc.payload.as_ptr() as usize).checked_sub(self.moof.as_ptr() as usize);
        let entries = senc.and_then(place).map(|place| self.moof_offset + place as u64 + 8);
        let problem = match entries {
            Some(entries) if entries != points_to => {
                format!("it points to byte {points_to} of the file, and the entries of 'senc' begin at {entries}")
            }
            None if points_to >= self.file_size => format!("it points to byte {points_to}, past the end of the file"),
            _ => return,
        };
        problems.add(self.offset, b"saio", problem, PACKAGE_AGAIN);
    }
}

fn decode_time(tfdt: &Mp4Box<'_>) -> Result<u64, Error> {
    let mut cursor = tfdt.cursor();
    let (version, _) = cursor.version_flags()?;
    cursor.u32_or_u64(version)
}

/// The entries of a `senc`, which fill it.
fn entries(senc: &Mp4Box<'_>, iv_size: u8) -> Result<Vec<Encryption>, Error> {
    let mut cursor = senc.cursor();
    let (_, flags) = cursor.version_flags()?;
    let count = cursor.u32()?;
    Error::check_limit("samples in a fragment", count.into(), limits::MAX_FRAGMENT_SAMPLES as u64)?;
    let entries = (0..count).map(|_| entry(&mut cursor, iv_size, flags & 2 != 0)).collect::<Result<_, _>>()?;
    if cursor.rest().is_empty() { Ok(entries) } else { Err(Error::invalid(b"senc", "its entries must fill it")) }
}

fn entry(cursor: &mut Cursor<'_>, iv_size: u8, with_subsamples: bool) -> Result<Encryption, Error> {
    let before = cursor.rest().len();
    let iv = cursor.take(iv_size.into())?.to_vec();
    let mut subsamples = Vec::new();
    if with_subsamples {
        let count = cursor.u16()?;
        let (pairs, _) = cursor.take(6 * usize::from(count))?.as_chunks::<6>();
        let pair = |[a, b, c, d, e, f]: &[u8; 6]| Subsample {
            clear: u16::from_be_bytes([*a, *b]),
            protected: u32::from_be_bytes([*c, *d, *e, *f]),
        };
        subsamples.extend(pairs.iter().map(pair));
    }
    Ok(Encryption { iv, subsamples, size: before - cursor.rest().len() })
}

/// The sizes that a `saiz` says.
fn sizes(saiz: &Mp4Box<'_>) -> Result<Vec<u8>, Error> {
    let mut cursor = saiz.cursor();
    let (_, flags) = cursor.version_flags()?;
    cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
    let (default, count) = (cursor.u8()?, cursor.u32()?);
    Error::check_limit("samples in a fragment", count.into(), limits::MAX_FRAGMENT_SAMPLES as u64)?;
    if default == 0 { Ok(cursor.take(count as usize)?.to_vec()) } else { Ok(vec![default; count as usize]) }
}

/// The first offset of a `saio`, from the `moof` on.
fn first_offset(saio: &Mp4Box<'_>) -> Result<Option<u64>, Error> {
    let mut cursor = saio.cursor();
    let (version, flags) = cursor.version_flags()?;
    cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
    if cursor.u32()? == 0 { Ok(None) } else { cursor.u32_or_u64(version).map(Some) }
}
