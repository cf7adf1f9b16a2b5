//! One attempt at one asset, stage by stage.

use std::time::Duration;

use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::Asset;
use tessera_runtime::disk;
use tessera_store::Job;
use tokio::sync::watch;

use super::{Trouble, Worker, ending::Finished, off_the_workers, package::Track, source};
use crate::{
    at_rest::AssetKey,
    child::{ChildError, Limits, Overflow},
    config::Loudness,
    encode,
    loudness::Meter,
    plan::Plan,
    probe::Source,
    progress::Progress,
    refusal::Refusal,
    scratch::Scratch,
    store::{self, Made},
    weigh::weigh,
};

/// How far each stage brings the whole, in percent.
const ASSEMBLED: u8 = 3;
const PROBED: u8 = 5;
const LISTENED: u8 = 8;
const TRANSCODED: u8 = 88;
const PACKAGED: u8 = 92;
const STORED: u8 = 99;
/// The slowest encoding that is waited for: a thirtieth of real time, and some minutes to begin with.
const SLOWEST: f64 = 30.0;
const HEAD_START: Duration = Duration::from_secs(300);
/// Seconds of a film that are coded to find out how many bits it needs, at most.
const WEIGHED: f64 = 12.0;

pub(super) struct Attempt<'w> {
    pub(super) worker: &'w Worker,
    pub(super) job: &'w Job,
    pub(super) asset: Asset,
    /// Fresh and random: names its blobs.
    pub(super) name: String,
    pub(super) key: AssetKey,
}

impl<'w> Attempt<'w> {
    pub(super) fn new(worker: &'w Worker, job: &'w Job, asset: Asset) -> Self {
        let name = format!("{:016x}", rand::random::<u64>());
        Self { worker, job, asset, name, key: AssetKey(rand::random()) }
    }

    /// Everything up to blobs that nobody knows of yet.
    pub(super) async fn run(&self) -> Result<Finished, Trouble> {
        self.begin().await?;
        let scratch = self.make_scratch().await?;
        self.check_space(self.upload_length().await?).await?;
        source::assemble(self, &scratch).await?;
        self.tell("probing", ASSEMBLED).await?;
        let source = source::probe(self, &scratch).await?;
        self.keep_source(&source).await?;

        let ladder = self.worker.config.ladder_of(&self.job.tenant);
        let mut plan = Plan::of(&source, &ladder);
        plan.accelerate(&self.worker.encoders);
        self.tell("probing", PROBED).await?;
        self.listen(&source, &mut plan, &scratch).await?;
        if ladder.by_content {
            self.weigh(&source, &mut plan, &scratch).await?;
        }
        self.tell("transcoding", LISTENED).await?;
        self.transcode(&source, &plan, &scratch).await?;
        let has_poster = self.draw_poster(&source, &scratch).await?;

        self.tell("packaging", TRANSCODED).await?;
        let mut tracks = Vec::new();
        for planned in &plan.video {
            tracks.push(Track::index(&planned.track_id, Some(planned.height), &scratch).await?);
        }
        for planned in &plan.audio {
            tracks.push(Track::index(&planned.track_id, None, &scratch).await?);
        }
        super::package::check(&source, &tracks)?;

        self.tell("storing", PACKAGED).await?;
        let made = self.store_all(tracks, has_poster, &scratch).await?;
        self.tell("storing", STORED).await?;
        Ok(Finished { made, key: self.key.clone() })
    }

    async fn begin(&self) -> Result<(), Trouble> {
        let input = (self.asset.asset_id.clone(), self.name.clone());
        let write = self.worker.store.write(&self.job.cx(), input, |tx, (id, attempt)| {
            Box::pin(async move { store::begin_attempt(tx, id, attempt).await })
        });
        kept(write.await?)
    }

    /// Tells how far it is, on the asset and on the job.
    pub(super) async fn tell(&self, stage: &'static str, percent: u8) -> Result<(), Trouble> {
        self.job.progress(percent, stage).await?;
        let input = (self.asset.asset_id.clone(), self.name.clone());
        let write = self.worker.store.write(&self.job.cx(), input, move |tx, (id, attempt)| {
            Box::pin(async move { store::set_progress(tx, id, attempt, stage, percent).await })
        });
        kept(write.await?)
    }

    /// Tells that the asset waits for somebody to free space.
    pub(super) async fn wait_for_room(&self) {
        if let Err(trouble) = self.tell("waiting for disk space", 0).await {
            tracing::debug!(asset = %self.asset.asset_id, ?trouble, "telling that there is no room");
        }
    }

    async fn keep_source(&self, source: &Source) -> Result<(), Trouble> {
        let input = (self.asset.asset_id.clone(), self.name.clone(), source.info());
        let write = self.worker.store.write(&self.job.cx(), input, |tx, (id, attempt, info)| {
            Box::pin(async move { store::set_source(tx, id, attempt, info).await })
        });
        kept(write.await?)
    }

    async fn make_scratch(&self) -> Result<Scratch, Trouble> {
        let (root, name) = (self.worker.scratch.clone(), self.name.clone());
        off_the_workers("making a scratch folder", move || {
            Scratch::make(&root, &name).map_err(Trouble::disk("making a scratch folder"))
        })
        .await
    }

    async fn upload_length(&self) -> Result<u64, Trouble> {
        let upload = store::upload(&self.worker.store.tenant(&self.job.cx()), &self.asset.upload_id).await?;
        let gone = || Failure::new(FailureKind::NotFound, format!("the upload {} is gone", self.asset.upload_id));
        Ok(upload.map(|upload| upload.length()).ok_or_else(gone)?)
    }

    /// `bytes` and what is to stay free have to fit on the scratch disk.
    async fn check_space(&self, bytes: u64) -> Result<(), Trouble> {
        let root = self.worker.scratch.clone();
        let wanted = bytes.saturating_add(self.worker.config.spare_disk_bytes);
        off_the_workers("looking at the scratch disk", move || Ok(disk::check_room(&root, wanted)?)).await
    }

    /// Measures how loud each track of sound is, and plans how loud it becomes.
    async fn listen(&self, source: &Source, plan: &mut Plan, scratch: &Scratch) -> Result<(), Trouble> {
        let config = &self.worker.config;
        let Loudness::Target(target) = config.loudness_lufs else { return Ok(()) };
        let limits = self.limits(source.video.duration, 0, 0);
        for track in &mut plan.audio {
            let mut meter = Meter::default();
            let on_output = |bytes: &[u8]| {
                meter.push(bytes);
                Ok::<_, Overflow>(())
            };
            let arguments = encode::listen(source, track);
            let listening = self.worker.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, on_output);
            listening.await.map_err(transcoding)?;
            track.gain_db = Some(meter.gain(target));
        }
        Ok(())
    }

    /// Finds out how many bits the content needs, and plans so many. A film that cannot be weighed gets what it would have had.
    async fn weigh(&self, source: &Source, plan: &mut Plan, scratch: &Scratch) -> Result<(), Trouble> {
        let program = (&self.worker.sandbox, self.worker.config.ffmpeg.as_str());
        let limits = self.limits(WEIGHED, 64 << 20, 2);
        match weigh(program, scratch.path(), &limits, (source, plan)).await {
            Ok(steps) => plan.save(steps),
            Err(error @ (ChildError::NotStarted { .. } | ChildError::Lost { .. })) => return Err(transcoding(error)),
            Err(error) => tracing::warn!(asset = %self.asset.asset_id, %error, "its content could not be weighed"),
        }
        Ok(())
    }

    /// A run of FFmpeg for each part of the plan.
    async fn transcode(&self, source: &Source, plan: &Plan, scratch: &Scratch) -> Result<(), Trouble> {
        let parts = plan.parts();
        for (number, part) in parts.iter().enumerate() {
            self.transcode_part(source, part, (number, parts.len()), scratch).await?;
        }
        Ok(())
    }

    /// One run of FFmpeg, while the asset tells how far it is: `number` of `count` parts are done.
    async fn transcode_part(
        &self,
        source: &Source,
        plan: &Plan,
        (number, count): (usize, usize),
        scratch: &Scratch,
    ) -> Result<(), Trouble> {
        let config = &self.worker.config;
        let most = encode::largest_file(source, plan);
        self.check_space(most).await?;
        let (share, heard) = watch::channel(0.0);
        let mut progress = Progress::new(source.video.duration);
        let on_output = move |bytes: &[u8]| {
            if let Some(done) = progress.push(bytes) {
                share.send_replace((number as f64 + done) / count as f64);
            }
            Ok::<_, Overflow>(())
        };
        let arguments = encode::transcode(source, plan, config.preset);
        let limits = self.limits(source.video.duration * plan.effort(), most, plan.tracks());
        let running = self.worker.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, on_output);
        tokio::select! {
            ended = running => ended.map_err(transcoding),
            lost = self.report(heard) => Err(lost),
        }
    }

    /// Tells the encoder's progress until the asset is lost.
    async fn report(&self, mut heard: watch::Receiver<f64>) -> Trouble {
        let mut told = LISTENED;
        while heard.changed().await.is_ok() {
            let share = *heard.borrow_and_update();
            let percent = LISTENED + (f64::from(TRANSCODED - LISTENED) * share) as u8;
            if percent <= told {
                continue;
            }
            told = percent;
            match self.tell("transcoding", percent).await {
                Err(Trouble::Lost) => return Trouble::Lost,
                Err(trouble) => tracing::warn!(asset = %self.asset.asset_id, ?trouble, "telling progress"),
                Ok(()) => {}
            }
        }
        std::future::pending().await
    }

    /// Whether there is a poster in the end. An asset without one is still an asset.
    async fn draw_poster(&self, source: &Source, scratch: &Scratch) -> Result<bool, Trouble> {
        let config = &self.worker.config;
        let limits = self.limits(0.0, 64 << 20, 1);
        let limits = Limits { silence: limits.wall, ..limits };
        let arguments = encode::poster(source);
        let drawn = self.worker.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, |_| Ok(()));
        match drawn.await {
            Ok(()) => {
                Ok(tokio::fs::symlink_metadata(scratch.out().join(encode::POSTER)).await.is_ok_and(|m| m.is_file()))
            }
            Err(error @ (ChildError::NotStarted { .. } | ChildError::Lost { .. })) => Err(transcoding(error)),
            Err(error) => {
                tracing::warn!(asset = %self.asset.asset_id, %error, "no poster could be made");
                Ok(false)
            }
        }
    }

    /// For a run that writes `files` files of `file_size` bytes at most, besides those of earlier runs.
    pub(super) fn limits(&self, duration: f64, file_size: u64, files: usize) -> Limits {
        let wall = HEAD_START + Duration::from_secs_f64(duration * SLOWEST);
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let (memory, silence) = (self.worker.sandbox.memory(), self.worker.config.stall.min(wall));
        let written = file_size.saturating_mul(files as u64);
        Limits { memory, cpu: wall * cores, file_size, written, wall, silence }
    }

    async fn store_all(&self, tracks: Vec<Track>, has_poster: bool, scratch: &Scratch) -> Result<Made, Trouble> {
        let mut renditions: Vec<u32> = tracks.iter().filter_map(|track| track.height).collect();
        renditions.dedup(); // of several codecs
        let duration_seconds = tracks.first().map_or(0.0, Track::seconds);
        let mut stored = Vec::new();
        for track in tracks {
            stored.push(self.store_track(track, scratch).await?);
        }
        let (poster_blob, poster_sha256) = match has_poster {
            true => self.store_poster(scratch).await.map(|(blob, sha256)| (Some(blob), Some(sha256)))?,
            false => (None, None),
        };
        Ok(Made { tracks: stored, poster_blob, poster_sha256, duration_seconds, renditions })
    }
}

/// A write of an attempt that has lost its asset changes nothing.
fn kept(kept: bool) -> Result<(), Trouble> {
    if kept { Ok(()) } else { Err(Trouble::Lost) }
}

/// What an encoder's end means.
fn transcoding(error: ChildError) -> Trouble {
    match error {
        ChildError::NotStarted { .. } | ChildError::Lost { .. } => {
            Trouble::Ours(Failure::unavailable(&error.to_string(), error))
        }
        ChildError::Failed { ref complaint, .. } if complaint.contains("No space left on device") => {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Trouble::Ours(Failure::unavailable(&format!("the scratch disk is full: free some space ({error})"), full))
        }
        ChildError::Failed { ref complaint, .. } if complaint.contains("Unknown encoder") => {
            let what = format!("this FFmpeg has not every encoder that [media.ladder] asks for ({error})");
            Trouble::Ours(Failure::unavailable(&what, error))
        }
        ChildError::Failed { .. }
        | ChildError::TooSlow { .. }
        | ChildError::Silent { .. }
        | ChildError::TooMuch { .. }
        | ChildError::WroteTooMuch { .. }
        | ChildError::Stopped { .. } => {
            let found = format!("the film could not be decoded and encoded again ({error}); export it anew");
            Refusal::TranscodeFailed.because(found).into()
        }
    }
}
