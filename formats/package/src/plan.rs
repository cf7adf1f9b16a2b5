//! Which tracks there are, and where their segments begin: from sample tables alone.

use std::path::PathBuf;

use tessera_isobmff::{
    FragmentHeader, MovieSample, MovieTrack, SampleInfo, Segment, SubsampleMap, TrackIndex, TrackIndexBuilder, limits,
};

use crate::{Error, input::Input};

/// Audio without video is cut between groups of so many samples.
const AUDIO_GROUP: usize = 16;
/// The longest segment, which is held in memory.
const MAX_SEGMENT: u64 = limits::MAX_MEDIA_BOX;
/// The most segments that a `sidx` box counts.
const MAX_SEGMENTS: usize = u16::MAX as usize;
/// Sample flags (ISO/IEC 14496-12 §8.8.3.1): depends on no other, and depends on others and is no sync sample.
const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;

/// A track to be packaged.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The input's place among all, and the track's place in its movie.
    pub(crate) input: usize,
    pub(crate) track: usize,
    /// Its place among the outputs.
    pub(crate) place: usize,
    /// What its output's name begins with: `video-1`.
    pub(crate) name: String,
    /// The index of the output; its fragments are the groups of pictures, and stand in no file.
    pub(crate) index: TrackIndex,
    pub(crate) segments: Vec<Segment>,
}

/// Plans the outputs of all tracks that have samples, video first.
pub(crate) fn plan(inputs: &[Input], segment_duration: u32) -> Result<Vec<Planned>, Error> {
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for (place, input) in inputs.iter().enumerate() {
        for (track, movie_track) in input.movie.tracks.iter().enumerate() {
            if movie_track.sample_count() == 0 {
                continue;
            }
            let index = index(input, movie_track)?;
            let (kind, tracks) = if index.kind.is_video() { ("video", &mut video) } else { ("audio", &mut audio) };
            let name = format!("{kind}-{}", tracks.len() + 1);
            tracks.push(Planned { input: place, track, place: 0, name, index, segments: Vec::new() });
        }
    }
    for planned in &mut video {
        planned.segments = planned.index.segments(segment_duration);
    }
    let leader = video.first();
    for planned in &mut audio {
        planned.segments = match leader {
            Some(leader) => planned.index.segments_aligned_to(&leader.index, &leader.segments),
            None => planned.index.segments(segment_duration),
        };
    }
    video.append(&mut audio);
    video.iter_mut().enumerate().for_each(|(place, planned)| planned.place = place);
    if video.is_empty() {
        return Err(Error::Nothing);
    }
    video.iter().try_for_each(|planned| check_segments(inputs, planned))?;
    Ok(video)
}

fn check_segments(inputs: &[Input], planned: &Planned) -> Result<(), Error> {
    let got = planned.segments.len();
    if got > MAX_SEGMENTS {
        return Err(Error::ManySegments { path: inputs[planned.input].path.clone(), got });
    }
    let too_long = planned.segments.iter().find(|segment| segment.data_size > MAX_SEGMENT);
    too_long.map_or(Ok(()), |segment| {
        let (path, track) = place(&inputs[planned.input], &inputs[planned.input].movie.tracks[planned.track]);
        Err(Error::LongSegment { path, track, bytes: segment.data_size })
    })
}

/// The index of a track as it will be written, without subsamples. Errors when samples lie outside the file.
fn index(input: &Input, track: &MovieTrack) -> Result<TrackIndex, Error> {
    let mut groups = Groups {
        video: track.init.kind.is_video(),
        builder: TrackIndexBuilder::new(track.init.clone(), 0),
        written: 0,
        group: Vec::new(),
        begins: 0,
        ends: 0,
    };
    let unfit = |source| Error::Input { path: input.path.clone(), source };
    let mut bytes = 0;
    for sample in track.samples() {
        if sample.offset.saturating_add(u64::from(sample.size)) > input.size {
            return Err(Error::CutShort { path: input.path.clone(), size: input.size });
        }
        bytes += u64::from(sample.size);
        groups.add(&sample).map_err(unfit)?;
    }
    if bytes > input.size {
        let (path, track) = place(input, track);
        return Err(Error::Overlapping { path, track });
    }
    groups.finish().map_err(unfit)
}

/// An input and the id of a track in it, for errors.
fn place(input: &Input, track: &MovieTrack) -> (PathBuf, u32) {
    (input.path.clone(), track.init.track_id)
}

/// Samples on their way into an index, group after group.
struct Groups {
    video: bool,
    builder: TrackIndexBuilder,
    /// Bytes of the groups before.
    written: u64,
    group: Vec<SampleInfo>,
    /// Decode times of the group.
    begins: u64,
    ends: u64,
}

impl Groups {
    fn add(&mut self, sample: &MovieSample) -> Result<(), tessera_isobmff::Error> {
        let full = if self.video { limits::MAX_FRAGMENT_SAMPLES } else { AUDIO_GROUP };
        let begins = (self.video && sample.sync) || self.group.len() >= full || sample.decode_time != self.ends;
        if begins {
            self.push()?;
            (self.begins, self.ends) = (sample.decode_time, sample.decode_time);
        }
        self.ends = self.ends.saturating_add(u64::from(sample.duration));
        self.group.push(SampleInfo {
            size: sample.size,
            duration: sample.duration,
            flags: if sample.sync { SYNC } else { NON_SYNC },
            composition_offset: sample.composition_offset,
        });
        Ok(())
    }

    fn push(&mut self) -> Result<(), tessera_isobmff::Error> {
        if self.group.is_empty() {
            return Ok(());
        }
        let data_size = self.group.iter().map(|sample| u64::from(sample.size)).sum();
        let samples = std::mem::take(&mut self.group);
        let header = FragmentHeader { base_decode_time: self.begins, samples, data_offset: 0, data_size };
        self.builder.push(&header, self.written, data_size, SubsampleMap::default())?;
        self.written += data_size;
        Ok(())
    }

    fn finish(mut self) -> Result<TrackIndex, tessera_isobmff::Error> {
        self.push()?;
        self.builder.finish()
    }
}
