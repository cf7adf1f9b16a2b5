//! One attempt at one asset, stage by stage.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tessera_contract::Failure;
use tessera_contract_media::{Asset, AssetProgressed, TrackDescriptor};
use tessera_store::Job;
use tokio::{sync::watch, time::Instant};

use super::{Trouble, Worker, ending::Finished, package::Track, published::Published, source};
use crate::{
    at_rest::AssetKey,
    child::{Account, ChildError, Limits, Overflow, Sandbox},
    chunks::Division,
    config::Loudness,
    early::{self, Order},
    encode::{self, Part},
    loudness::Meter,
    plan::Plan,
    probe::Source,
    progress::{Pace, Progress},
    refusal::Refusal,
    scratch::Scratch,
    store::{self, Made, StoredAsset, Told},
    weigh::weigh,
};

/// How far each stage brings the whole, in percent.
const ASSEMBLED: u8 = 3;
const PROBED: u8 = 5;
const LISTENED: u8 = 8;
/// After the rendition that is made first, where there is one.
const EARLY: u8 = 30;
pub(super) const TRANSCODED: u8 = 88;
const PACKAGED: u8 = 92;
const STORED: u8 = 99;
/// How often the pace is told at least while a film is encoded.
const TELL: Duration = Duration::from_secs(5);
/// Seconds of a film that are coded to find out how many bits it needs, at most.
const WEIGHED: f64 = 12.0;

pub(super) struct Attempt<'w> {
    pub(super) worker: &'w Worker,
    pub(super) job: &'w Job,
    pub(super) asset: Asset,
    /// Fresh and random: names its blobs.
    pub(super) name: String,
    pub(super) key: AssetKey,
    /// What an earlier attempt has made that can be played.
    pub(super) published: Option<Published>,
    /// What its children cost and say.
    pub(super) account: Arc<Account>,
    /// Starts children on that account.
    pub(super) sandbox: Sandbox,
    /// The stage and the tenth of the way that were last told as an event.
    milestone: Mutex<(&'static str, u8)>,
}

impl<'w> Attempt<'w> {
    pub(super) fn new(worker: &'w Worker, job: &'w Job, stored: StoredAsset) -> Self {
        let name = format!("{:016x}", rand::random::<u64>());
        let account = Arc::new(Account::default());
        account.charge(Duration::from_micros(stored.cpu_us.unsigned_abs()));
        account.say(&format!("attempt {}", job.attempt));
        let sandbox = worker.sandbox.on(account.clone());
        let opened = worker.opened(job, &stored);
        let published = opened.is_some().then(|| Published::of(stored.made, stored.early)).flatten();
        // All that an asset is made of has one key.
        let key = opened.unwrap_or_else(|| AssetKey(rand::random()));
        Self { worker, job, asset: stored.asset, name, key, published, account, sandbox, milestone: Mutex::default() }
    }

    /// Everything up to blobs that nobody knows of yet.
    pub(super) async fn run(&self) -> Result<Finished, Trouble> {
        self.begin().await?;
        let (worker, upload) = (self.worker, &self.asset.upload_id);
        let scratch = worker.make_scratch(&self.name).await?;
        worker.check_space(worker.upload_length(self.job, upload).await?).await?;
        source::assemble(worker, self.job, upload, &scratch).await?;
        self.tell("probing", ASSEMBLED).await?;
        let source = source::probe(worker, &self.sandbox, &scratch).await?;
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
        let order = Order::of(&plan, source.video.duration, worker.config.early_from_seconds);
        let taken = match &order.early {
            Some(early) => self.take_over(early).await?,
            None => None,
        };
        let there = if taken.is_some() { &order.rest.video } else { &plan.video };
        let mut done = match (taken, &order.early) {
            (Some(done), _) => done,
            (None, Some(early)) => self.make_early(&source, early, &scratch).await?,
            (None, None) => Done::default(),
        };
        let from = if order.early.is_some() { EARLY } else { LISTENED };
        let Division { chunks, undivided } = Division::of(&source, &order.rest, worker.config.encode_chunk_seconds);
        match undivided {
            None => self.divide(&source, &order.rest, &chunks, from, &scratch).await?,
            Some(_) => self.transcode(&source, &order.rest, (from, TRANSCODED), &scratch).await?,
        }
        if order.early.is_none() {
            done.poster = self.make_poster(&self.name, &source, &scratch).await?;
        }
        let beside = self.make_beside(&source, &plan, there, &scratch).await?;

        self.tell("packaging", TRANSCODED).await?;
        let tracks = self.index_all(&order.rest, &scratch).await?;
        let all: Vec<&Track> = done.tracks.iter().map(|(track, _)| track).chain(&tracks).collect();
        super::package::check(&source, &all)?;

        self.tell("storing", PACKAGED).await?;
        self.store_all(&self.name, &mut done, tracks, &scratch).await?;
        let mut made = done.made(&plan);
        self.store_beside(beside, &mut made).await?;
        self.tell("storing", STORED).await?;
        Ok(Finished { made, key: self.key.clone(), early: done.early })
    }

    /// Makes what can be played while the rest is made, and has its beginning played while it is itself made: unless an
    /// earlier attempt's, which may be longer, can be.
    async fn make_early(&self, source: &Source, early: &Plan, scratch: &Scratch) -> Result<Done, Trouble> {
        let folder = self.begin_early().await?;
        let poster = self.make_poster(&folder, source, scratch).await?;
        let transcode = self.transcode(source, early, (LISTENED, EARLY), scratch);
        match self.asset.playable {
            true => transcode.await?,
            false => tokio::select! {
                ended = transcode => ended?,
                Err(trouble) = self.grow(&folder, source, (early, &poster), scratch) => return Err(trouble),
            },
        }
        let mut done = Done { poster, ..Done::default() };
        let tracks = self.index_all(early, scratch).await?;
        super::package::check(source, &tracks.iter().collect::<Vec<_>>())?;
        self.store_all(&folder, &mut done, tracks, scratch).await?;
        kept(self.worker.playable(self.job, self, done.made(early)).await?)?;
        Ok(Done { early: Some(folder), ..done })
    }

    async fn index_all(&self, plan: &Plan, scratch: &Scratch) -> Result<Vec<Track>, Trouble> {
        let mut tracks = Vec::new();
        for planned in &plan.video {
            tracks.push(Track::index(&planned.track_id, Some(planned.height), scratch).await?);
        }
        for planned in &plan.audio {
            tracks.push(Track::index(&planned.track_id, None, scratch).await?);
        }
        Ok(tracks)
    }

    /// The poster's blob and its SHA-256, if one could be made.
    async fn make_poster(
        &self,
        folder: &str,
        source: &Source,
        scratch: &Scratch,
    ) -> Result<Option<(String, String)>, Trouble> {
        match self.draw_poster(source, scratch).await? {
            true => self.store_poster(folder, scratch).await.map(Some),
            false => Ok(None),
        }
    }

    pub(super) async fn store_all(
        &self,
        folder: &str,
        done: &mut Done,
        tracks: Vec<Track>,
        scratch: &Scratch,
    ) -> Result<(), Trouble> {
        for track in tracks {
            let stored = self.store_track(folder, track.clone(), scratch).await?;
            done.tracks.push((track, stored));
        }
        Ok(())
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
        self.tell_pace(stage, percent, None).await
    }

    /// The same with how fast it goes. A stage's beginning and each tenth of the way are events.
    pub(super) async fn tell_pace(&self, stage: &'static str, percent: u8, pace: Option<Pace>) -> Result<(), Trouble> {
        self.job.progress(percent, stage).await?;
        let cpu_us = i64::try_from(self.account.spent().as_micros()).unwrap_or(i64::MAX);
        let told = Told { stage, percent, pace, cpu_us };
        let is_milestone = self.is_milestone(stage, percent);
        let input = (self.asset.asset_id.clone(), self.name.clone(), self.account.take_lines());
        let write = self.worker.store.write(&self.job.cx(), input, move |tx, (id, attempt, lines)| {
            Box::pin(async move {
                store::log(tx, id, lines).await?;
                if !store::set_progress(tx, id, attempt, &told).await? {
                    return Ok(false);
                }
                if is_milestone && let Some(stored) = store::asset_in(tx, id).await? {
                    tx.emit(&AssetProgressed { asset: stored.asset }).await?;
                }
                Ok::<_, Failure>(true)
            })
        });
        kept(write.await?)
    }

    fn is_milestone(&self, stage: &'static str, percent: u8) -> bool {
        let now = (stage, percent / 10);
        let before = std::mem::replace(&mut *self.milestone.lock().unwrap_or_else(PoisonError::into_inner), now);
        before != now
    }

    /// Writes down what was done since it was last told, and how it ended. A log that cannot be kept costs nothing else.
    pub(super) async fn keep_log(&self, outcome: &Result<Finished, Trouble>) {
        let spent = self.account.spent().as_secs_f64();
        match outcome {
            Ok(_) => self.account.say(&format!("everything is stored; {spent:.1} s of processor time so far")),
            Err(Trouble::Source(reason)) => self.account.say(&format!("failed: {} ({})", reason.message, reason.code)),
            Err(Trouble::Ours(failure)) => self.account.say(&format!("this attempt failed: {failure}")),
            Err(Trouble::Lost) => {}
        }
        let cpu_us = i64::try_from(self.account.spent().as_micros()).unwrap_or(i64::MAX);
        let input = (self.asset.asset_id.clone(), self.name.clone(), self.account.take_lines());
        let write = self.worker.store.write(&self.job.cx(), input, move |tx, (id, attempt, lines)| {
            Box::pin(async move {
                store::set_cost(tx, id, attempt, cpu_us).await?;
                store::log(tx, id, lines).await
            })
        });
        if let Err(failure) = write.await {
            tracing::warn!(asset = %self.asset.asset_id, %failure, "writing the log of an attempt");
        }
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

    /// Measures how loud each track of sound is, and plans how loud it becomes.
    async fn listen(&self, source: &Source, plan: &mut Plan, scratch: &Scratch) -> Result<(), Trouble> {
        let config = &self.worker.config;
        let Loudness::Target(target) = config.loudness_lufs else { return Ok(()) };
        let limits = self.worker.limits(source.video.duration, 0, 0);
        for track in &mut plan.audio {
            let mut meter = Meter::default();
            let on_output = |bytes: &[u8]| {
                meter.push(bytes);
                Ok::<_, Overflow>(())
            };
            let arguments = encode::listen(source, track);
            let listening = self.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, on_output);
            listening.await.map_err(transcoding)?;
            track.gain_db = Some(meter.gain(target));
        }
        Ok(())
    }

    /// Finds out how many bits the content needs, and plans so many. A film that cannot be weighed gets what it would have had.
    async fn weigh(&self, source: &Source, plan: &mut Plan, scratch: &Scratch) -> Result<(), Trouble> {
        let program = (&self.sandbox, self.worker.config.ffmpeg.as_str());
        let limits = self.worker.limits(WEIGHED, 64 << 20, 2);
        match weigh(program, scratch.path(), &limits, (source, plan)).await {
            Ok(steps) => plan.save(steps),
            Err(error @ (ChildError::NotStarted { .. } | ChildError::Lost { .. })) => return Err(transcoding(error)),
            Err(error) => tracing::warn!(asset = %self.asset.asset_id, %error, "its content could not be weighed"),
        }
        Ok(())
    }

    /// A run of FFmpeg for each part of a plan, while the asset tells how far it is: `way` is from where to where, in percent.
    async fn transcode(&self, source: &Source, plan: &Plan, way: (u8, u8), scratch: &Scratch) -> Result<(), Trouble> {
        let parts = plan.parts();
        for (number, part) in parts.iter().enumerate() {
            self.transcode_part(source, part, (number, parts.len()), way, scratch).await?;
        }
        Ok(())
    }

    /// One run of FFmpeg: `number` of `count` parts are done.
    async fn transcode_part(
        &self,
        source: &Source,
        plan: &Plan,
        (number, count): (usize, usize),
        way: (u8, u8),
        scratch: &Scratch,
    ) -> Result<(), Trouble> {
        let config = &self.worker.config;
        let most = encode::largest_file(source, plan);
        self.worker.check_space(most).await?;
        let (share, heard) = watch::channel(0.0);
        let mut progress = Progress::new(source.video.duration);
        let on_output = move |bytes: &[u8]| {
            if let Some(done) = progress.push(bytes) {
                share.send_replace((number as f64 + done) / count as f64);
            }
            Ok::<_, Overflow>(())
        };
        let arguments = encode::transcode(source, plan, config.preset, Part::Whole);
        let limits = self.worker.limits(source.video.duration * plan.effort(), most, plan.tracks());
        let running = self.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, on_output);
        let first = number as f64 / count as f64;
        tokio::select! {
            ended = running => ended.map_err(transcoding),
            lost = self.report((first, source.video.duration), way, heard) => Err(lost),
        }
    }

    /// Tells the encoder's progress until the asset is lost.
    async fn report(
        &self,
        (first, duration): (f64, f64),
        (from, to): (u8, u8),
        mut heard: watch::Receiver<f64>,
    ) -> Trouble {
        let began = Instant::now();
        let (mut told, mut at) = (from, began);
        while heard.changed().await.is_ok() {
            let share = *heard.borrow_and_update();
            let percent = from + (f64::from(to - from) * share) as u8;
            if percent <= told && at.elapsed() < TELL {
                continue;
            }
            (told, at) = (percent.max(told), Instant::now());
            let pace = Pace::of(first, share, duration, began.elapsed());
            match self.tell_pace("transcoding", told, pace).await {
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
        let limits = self.worker.limits(0.0, 64 << 20, 1);
        let limits = Limits { silence: limits.wall, ..limits };
        let arguments = encode::poster(source);
        let drawn = self.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, |_| Ok(()));
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
}

/// What is stored of an asset so far.
#[derive(Default)]
pub(super) struct Done {
    pub(super) tracks: Vec<(Track, TrackDescriptor)>,
    pub(super) poster: Option<(String, String)>,
    /// The folder of what can be played already.
    pub(super) early: Option<String>,
}

impl Done {
    /// The asset that it makes, its tracks as planned.
    pub(super) fn made(&self, plan: &Plan) -> Made {
        let mut tracks: Vec<&(Track, TrackDescriptor)> = self.tracks.iter().collect();
        tracks.sort_by_key(|(track, _)| early::place(plan, &track.track_id));
        let (poster_blob, poster_sha256) = self.poster.clone().unzip();
        let mut renditions: Vec<u32> = tracks.iter().filter_map(|(track, _)| track.height).collect();
        renditions.dedup(); // of several codecs
        Made {
            renditions,
            duration_seconds: tracks.first().map_or(0.0, |(track, _)| track.seconds()),
            tracks: tracks.into_iter().map(|(_, stored)| stored.clone()).collect(),
            poster_blob,
            poster_sha256,
            ..Made::default()
        }
    }
}

/// A write of an attempt that has lost its asset changes nothing.
pub(super) fn kept(kept: bool) -> Result<(), Trouble> {
    if kept { Ok(()) } else { Err(Trouble::Lost) }
}

/// What an encoder's end means.
pub(super) fn transcoding(error: ChildError) -> Trouble {
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
