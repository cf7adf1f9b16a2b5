//! Packaging without a server: movies in, one CMAF track file a track out, with HLS and DASH manifests.
//!
//! [`package`] plans from the sample tables alone where every segment begins (`tessera-isobmff`), then reads each media
//! byte once, in the order of the file, into room for one segment a track; there samples are encrypted in place
//! (`tessera-cenc`) and written behind their header. So memory is bounded by the longest segment, and the same inputs
//! give the same outputs.
//!
//! This crate does file I/O, and knows no server, no store and no accounts. Inputs are hostile: what they may cost is
//! bounded as `tessera-isobmff` bounds it, and they are read by positioned reads, for a mapped file that somebody
//! truncates would end the process.

mod dash;
mod error;
mod hls;
mod input;
mod options;
mod output;
mod plan;
mod runs;
mod track;

use std::{iter::Peekable, path::PathBuf};

use tessera_isobmff::{FourCc, MovieSample};

pub use error::Error;
pub use options::{Cipher, Encryption, Options};
use {
    input::Input,
    output::Output,
    plan::Planned,
    runs::Runs,
    track::{TrackFile, TrackWriter},
};

/// How far packaging has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of samples that are packaged.
    pub done: u64,
    /// Bytes of all samples.
    pub total: u64,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// All files in the order in which they came to be, manifests last.
    pub files: Vec<PathBuf>,
    /// Bytes of samples in the inputs.
    pub media_size: u64,
    /// Tracks that are neither video nor audio: the input, and the type of the track's handler.
    pub skipped: Vec<(PathBuf, FourCc)>,
}

/// Packages the inputs. `progress` is called after each segment.
///
/// Track files (`video-1.mp4`, `audio-1.mp4`), their playlists (`video-1.m3u8`), `main.m3u8` and `manifest.mpd` get
/// their names when all of them are whole. They are not synced to the disk. Errors as [`Error`] says; then nothing is
/// left but what was there before.
pub fn package(options: &Options, mut progress: impl FnMut(Progress)) -> Result<Report, Error> {
    let inputs = options.inputs.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, _>>()?;
    let plan = plan::plan(&inputs, options.segment_duration.max(1))?;
    let names: Vec<_> = plan.iter().flat_map(|planned| [track_name(planned), hls::media_name(&planned.name)]).collect();
    let names = names.iter().map(String::as_str).chain([hls::MULTIVARIANT, dash::MANIFEST]);
    output::prepare(&options.output, names, options.overwrite)?;

    let segments = plan.iter().flat_map(|planned| &planned.segments);
    let total = segments.map(|segment| segment.data_size).sum();
    let jobs = plan.into_iter().map(|planned| Job::begin(planned, &inputs, options)).collect::<Result<Vec<_>, _>>()?;
    let (tracks, mut outputs) = finish(copy(jobs, |done| progress(Progress { done, total }))?)?;

    let encryption = options.encryption.as_ref();
    let mut texts =
        tracks.iter().map(|track| Ok((hls::media_name(&track.name), hls::media(track, &tracks, encryption)?)));
    let mut manifests = texts.by_ref().collect::<Result<Vec<_>, Error>>()?;
    manifests.push((hls::MULTIVARIANT.to_owned(), hls::multivariant(&tracks)?));
    manifests.push((dash::MANIFEST.to_owned(), dash::manifest(&tracks, encryption)?));
    for (name, text) in manifests {
        let mut output = Output::begin(&options.output, &name, options.overwrite)?;
        output.write(text.as_bytes())?;
        outputs.push(output);
    }
    let files = outputs.into_iter().map(Output::finish).collect::<Result<Vec<_>, _>>()?;
    let skipped = inputs.iter().flat_map(|input| input.movie.skipped.iter().map(|kind| (input.path.clone(), *kind)));
    Ok(Report { files, media_size: total, skipped: skipped.collect() })
}

/// A track's output on its way, and where its bytes come from.
struct Job<'a> {
    name: String,
    input: usize,
    writer: TrackWriter<'a>,
    runs: Peekable<Runs<Box<dyn Iterator<Item = MovieSample> + 'a>>>,
}

impl<'a> Job<'a> {
    fn begin(planned: Planned, inputs: &'a [Input], options: &Options) -> Result<Self, Error> {
        let input = &inputs[planned.input];
        let samples: Box<dyn Iterator<Item = MovieSample> + 'a> = Box::new(input.movie.tracks[planned.track].samples());
        let output = Output::begin(&options.output, &track_name(&planned), options.overwrite)?;
        Ok(Self {
            name: planned.name.clone(),
            input: planned.input,
            runs: Runs::new(samples, &planned.segments).peekable(),
            writer: TrackWriter::begin(planned, input, options.encryption.as_ref(), output)?,
        })
    }

    /// The input and the place in it where its next bytes are.
    fn next_place(&mut self) -> Option<(usize, u64)> {
        self.runs.peek().map(|run| (self.input, run.offset))
    }
}

/// Copies all samples, input after input and each in the order of its bytes, as far as the tracks' own orders allow.
fn copy<'a>(mut jobs: Vec<Job<'a>>, mut progress: impl FnMut(u64)) -> Result<Vec<Job<'a>>, Error> {
    let mut done = 0;
    let next = |jobs: &mut [Job<'a>]| {
        let places = jobs.iter_mut().enumerate().filter_map(|(job, work)| Some((work.next_place()?, job)));
        places.min().map(|(_, job)| job)
    };
    while let Some(job) = next(&mut jobs) {
        let Job { runs, writer, .. } = &mut jobs[job];
        let Some(run) = runs.next() else { break };
        writer.take(run)?;
        done += run.length as u64;
        if run.completes {
            progress(done);
        }
    }
    Ok(jobs)
}

fn finish(jobs: Vec<Job<'_>>) -> Result<(Vec<TrackFile>, Vec<Output>), Error> {
    let finished = jobs.into_iter().map(|job| job.writer.finish(job.name));
    Ok(finished.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
}

fn track_name(planned: &Planned) -> String {
    track_file_name(&planned.name)
}

/// The name of a track's file.
fn track_file_name(track: &str) -> String {
    format!("{track}.mp4")
}
