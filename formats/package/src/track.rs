//! One track on its way out: a segment is filled with samples, encrypted in place and written behind its header.

use tessera_cenc::{SegmentCipher, Subsampler};
use tessera_isobmff::{Bandwidth, Protection, Segment, SubsampleMap, TrackIndex};

use crate::{Encryption, Error, input::Input, output::Output, plan::Planned};

/// A track file being written.
pub(crate) struct TrackWriter<'a> {
    input: &'a Input,
    track_id: u32,
    index: TrackIndex,
    segments: Vec<Segment>,
    protector: Option<Protector>,
    output: Output,
    /// Where `sidx` will stand.
    segment_index_at: u64,
    /// Bytes of each segment that was written.
    sizes: Vec<u64>,
    /// The next fragment of the index to have its subsamples set.
    fragment: usize,
    /// Room for the samples of a segment, and how much of it is filled. Kept from segment to segment.
    data: Vec<u8>,
    filled: usize,
}

/// A track file as the manifests describe it.
#[derive(Debug)]
pub(crate) struct TrackFile {
    pub(crate) name: String,
    pub(crate) index: TrackIndex,
    pub(crate) segments: Vec<(Segment, u64)>,
    /// Bytes of the init segment, and of `sidx` after it.
    pub(crate) init_size: u64,
    pub(crate) segment_index_size: u64,
}

impl TrackFile {
    /// Bit rates of its segments.
    pub(crate) fn bandwidth(&self) -> Bandwidth {
        let measured: Vec<_> = self.segments.iter().map(|(segment, size)| (*size, segment.duration)).collect();
        Bandwidth::measure(&measured, self.index.timescale)
    }

    /// Its language as a BCP 47 tag, the shortest there is (RFC 5646 §4.5); none when it is not said.
    pub(crate) fn language(&self) -> Option<String> {
        let code = Some(self.index.language.as_str()).filter(|language| *language != "und")?;
        let short = isolang::Language::from_639_3(code).and_then(|language| language.to_639_1());
        Some(short.unwrap_or(code).to_owned())
    }

    /// When the last segment ends, as (ticks, ticks a second).
    pub(crate) fn end(&self) -> (u64, u32) {
        let end = self.segments.last().map_or(0, |(last, _)| last.start.saturating_add(last.duration));
        (end, self.index.timescale)
    }

    /// How long the longest is, as (ticks, ticks a second).
    pub(crate) fn longest(&self) -> (u64, u32) {
        let longest = self.segments.iter().map(|(segment, _)| segment.duration).max();
        (longest.unwrap_or(0), self.index.timescale)
    }

    /// Whether its segments begin when those of `other` do.
    pub(crate) fn is_aligned(&self, other: &Self) -> bool {
        let starts = |track: &Self, scale: u32| -> Vec<u128> {
            track.segments.iter().map(|(segment, _)| u128::from(segment.start) * u128::from(scale)).collect()
        };
        starts(self, other.index.timescale) == starts(other, self.index.timescale)
    }
}

/// The later, or the longer, of two times as (ticks, ticks a second).
pub(crate) fn longer(a: (u64, u32), b: (u64, u32)) -> (u64, u32) {
    match u128::from(a.0) * u128::from(b.1) < u128::from(b.0) * u128::from(a.1) {
        true => b,
        false => a,
    }
}

/// What encrypts a track.
struct Protector {
    protection: Protection,
    cipher: SegmentCipher,
    /// `None` for audio, which is protected as full samples.
    subsampler: Option<Box<dyn Subsampler>>,
}

impl<'a> TrackWriter<'a> {
    /// Begins the file: the init segment, and room for `sidx`, whose size is known from the plan.
    pub(crate) fn begin(
        planned: Planned,
        input: &'a Input,
        encryption: Option<&Encryption>,
        mut output: Output,
    ) -> Result<Self, Error> {
        let protector = encryption.map(|encryption| Protector::new(encryption, &planned, input)).transpose()?;
        let protection = protector.as_ref().map(|protector| &protector.protection);
        let pssh: Vec<_> = encryption.iter().map(|encryption| encryption.pssh()).collect();
        output.write(&planned.index.init_segment(protection, &pssh))?;
        let segment_index_at = output.size();
        output.write(&vec![0; TrackIndex::segment_index_size(planned.segments.len()) as usize])?;
        Ok(Self {
            input,
            track_id: input.movie.tracks[planned.track].init.track_id,
            sizes: Vec::with_capacity(planned.segments.len()),
            index: planned.index,
            segments: planned.segments,
            protector,
            output,
            segment_index_at,
            fragment: 0,
            data: Vec::new(),
            filled: 0,
        })
    }

    /// Reads the segment's next bytes from the input, and writes the segment when they complete it.
    pub(crate) fn take(&mut self, run: crate::runs::Run) -> Result<(), Error> {
        let end = self.filled + run.length;
        if self.data.len() < end {
            let whole = self.segments.get(self.sizes.len()).map_or(0, |segment| segment.data_size as usize);
            self.data.resize(whole.max(end), 0);
        }
        self.input.read(&mut self.data[self.filled..end], run.offset)?;
        self.filled = end;
        if run.completes { self.write_segment() } else { Ok(()) }
    }

    fn write_segment(&mut self) -> Result<(), Error> {
        let Some(segment) = self.segments.get(self.sizes.len()) else { return Ok(()) };
        let data = &mut self.data[..std::mem::take(&mut self.filled)];
        let unfit = |source| Error::Input { path: self.input.path.clone(), source };
        if let Some(Protector { subsampler: Some(subsampler), .. }) = &mut self.protector {
            let mut rest = &*data;
            let mut left = segment.sample_count() as usize;
            let mut sample = 0;
            while let Some(fragment) = self.index.fragments().get(self.fragment).filter(|_| left > 0) {
                let mut map = SubsampleMap::default();
                for size in fragment.samples().map(|sample| sample.size as usize) {
                    let (bytes, after) = rest.split_at(size.min(rest.len()));
                    let subsamples = subsampler.subsamples(bytes).map_err(|source| Error::Sample {
                        path: self.input.path.clone(),
                        track: self.track_id,
                        segment: segment.number,
                        sample,
                        source,
                    })?;
                    map.push(&subsamples).map_err(unfit)?;
                    (rest, sample) = (after, sample + 1);
                }
                left = left.saturating_sub(fragment.sample_count());
                self.index.set_subsamples(self.fragment, map).map_err(unfit)?;
                self.fragment += 1;
            }
        }
        let protection = self.protector.as_ref().map(|protector| &protector.protection);
        let header = self.index.segment_header(segment, protection).map_err(unfit)?;
        if let Some(protector) = &self.protector {
            let failed = |source| Error::Encrypt { path: self.input.path.clone(), source };
            protector.cipher.encrypt(&self.index, segment, data).map_err(failed)?;
        }
        self.output.write(&header)?;
        self.output.write(data)?;
        self.sizes.push((header.len() + data.len()) as u64);
        Ok(())
    }

    /// Writes `sidx` into its room. The file has its name after [`Output::finish`] only.
    pub(crate) fn finish(self, name: String) -> Result<(TrackFile, Output), Error> {
        let segments: Vec<_> = self.segments.into_iter().zip(self.sizes).collect();
        let unfit = |source| Error::Input { path: self.input.path.clone(), source };
        let segment_index = self.index.segment_index(&segments).map_err(unfit)?;
        self.output.replace(&segment_index, self.segment_index_at)?;
        let file = TrackFile {
            name,
            index: self.index,
            segments,
            init_size: self.segment_index_at,
            segment_index_size: segment_index.len() as u64,
        };
        Ok((file, self.output))
    }
}

impl Protector {
    fn new(encryption: &Encryption, planned: &Planned, input: &Input) -> Result<Self, Error> {
        let protection = encryption.protection(planned.place);
        let subsampler = tessera_cenc::subsampler(&input.movie.tracks[planned.track].init);
        let subsampler = subsampler.map_err(|source| Error::Coding { path: input.path.clone(), source })?;
        Ok(Self { cipher: SegmentCipher::new(&encryption.key, &protection), protection, subsampler })
    }
}
