//! A chunk's job: whoever leases it encodes the pictures of a part of a film into all renditions, and stores them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tessera_at_rest::{BlobCipher, Checker};
use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::{Asset, FailureReason};
use tessera_runtime::disk;
use tessera_store::{Job, JobError};
use tessera_types::AssetId;
use tokio::sync::watch;

use super::{
    LOOK_FOR_ROOM, Trouble, Worker,
    attempt::transcoding,
    copies::{Cell, SHARING, SourceCopy, link},
    off_the_workers,
    package::{self, folder},
    source,
};
use crate::{
    at_rest::{AssetKey, Place},
    child::{Account, Overflow, Sandbox},
    chunks::Chunk,
    config::Preset,
    early::Order,
    encode::{self, Part},
    plan::Plan,
    probe::Source,
    progress::Progress,
    refusal::{self, Refusal},
    scratch::Scratch,
    store::{self, ChunkId, ChunkTrack, Encoding, MadeChunk, StoredChunk},
    uploads::blob_key,
};

/// The kind of the jobs; their keys are the asset's, the encoding's and the chunk's.
pub(crate) const CHUNK_JOB: &str = "encode";
/// How often a chunk's progress is told.
const TELL: Duration = Duration::from_secs(2);

/// How long a source is kept for another chunk of it.
const KEPT: Duration = Duration::from_secs(60);

/// The key of a chunk's job.
pub(super) fn key(id: &ChunkId) -> String {
    format!("{}/{}/{:05}", id.asset_id, id.encoding, id.number)
}

/// What all workers of an encoding have to agree on.
pub(super) fn fingerprint(source: &Source, plan: &Plan, preset: Preset) -> String {
    let any = Chunk { number: 0, first: 0, frames: Some(1) };
    super::sha256(encode::transcode(source, plan, preset, Part::Pictures(&any)).join("\n").as_bytes())
}

/// A chunk in the hands of a worker.
struct Task<'w> {
    worker: &'w Worker,
    job: &'w Job,
    id: ChunkId,
    asset: Asset,
    encoding: Encoding,
    chunk: Chunk,
    account: Arc<Account>,
    sandbox: Sandbox,
}

impl Worker {
    /// Encodes the chunk of a job, unless nobody wants it any more.
    pub(super) async fn encode(self: Arc<Self>, job: Arc<Job>) -> Result<(), JobError> {
        let id = job.payload::<ChunkId>()?;
        let Some(task) = Task::load(&self, &job, id).await? else { return Ok(()) };
        let attempts = i64::try_from(self.config.attempts).unwrap_or(i64::MAX);
        if job.attempt > attempts {
            let reason = refusal::internal("the server stopped in the middle of every attempt at a part of the film");
            return Ok(task.fail(reason).await?);
        }
        let cell = self.copies.cell(&job.tenant, &task.asset.upload_id);
        let running = self.running.begin(&job.tenant, &task.id.asset_id);
        let outcome = tokio::select! {
            outcome = task.run(&cell) => outcome,
            () = running.stopped() => Err(Trouble::Lost),
        };
        task.keep_log(&outcome).await;
        match outcome {
            Ok(made) => {
                task.finish(made).await?;
                if Arc::strong_count(&cell) == 1 && task.has_others().await? {
                    // Nobody else here needs it just now, and the next chunk may come soon.
                    tokio::spawn(async move {
                        tokio::time::sleep(KEPT).await;
                        drop(cell);
                    });
                }
                Ok(())
            }
            Err(Trouble::Lost) => Ok(()),
            Err(Trouble::Source(reason)) => Ok(task.fail(reason).await?),
            Err(Trouble::Ours(failure)) if disk::is_full(&failure) => Err(JobError::Later(failure, LOOK_FOR_ROOM)),
            Err(Trouble::Ours(failure)) if job.attempt >= attempts || failure.kind == FailureKind::NotFound => {
                task.fail(refusal::internal(format!("a part of the film could not be encoded: {failure}"))).await?;
                Err(JobError::Dead(failure))
            }
            Err(Trouble::Ours(failure)) => Err(JobError::Retry(failure)),
        }
    }

    /// Encrypts with the key of an encoding.
    pub(super) fn encoding_key(&self, job: &Job, asset: &AssetId, encoding: &Encoding) -> Result<AssetKey, Failure> {
        let place = Place { tenant: &job.tenant, asset };
        let lost = || Failure::new(FailureKind::Internal, "the key of an encoding is under a master key that is gone");
        let master = self.master_keys.get(&encoding.key_id).ok_or_else(lost)?;
        let opened = crate::at_rest::unwrap(master, place, &encoding.wrapped_key);
        opened.map_err(|e| Failure::internal("opening an encoding's key", e))
    }
}

impl<'w> Task<'w> {
    /// The chunk, if it is still to be made.
    async fn load(worker: &'w Worker, job: &'w Job, id: ChunkId) -> Result<Option<Self>, Failure> {
        let reader = worker.store.tenant(&job.cx());
        let Some(stored) = store::asset(&reader, &id.asset_id).await? else { return Ok(None) };
        let under_way = store::encoding(&reader, &id.asset_id).await?;
        let Some(encoding) = under_way.filter(|encoding| encoding.encoding == id.encoding) else { return Ok(None) };
        let found = store::stored_chunk(&reader, &id.asset_id, &id.encoding, id.number).await?;
        let Some(StoredChunk { chunk, cpu_us, outcome: None, .. }) = found else { return Ok(None) };
        let account = Arc::new(Account::default());
        account.charge(Duration::from_micros(cpu_us.unsigned_abs()));
        let sandbox = worker.sandbox.on(account.clone());
        Ok(Some(Self { worker, job, id, asset: stored.asset, encoding, chunk, account, sandbox }))
    }

    async fn run(&self, cell: &Cell) -> Result<MadeChunk, Trouble> {
        let copy = cell.get_or_try_init(|| self.fetch()).await?;
        let preset = self.worker.config.preset;
        if fingerprint(&copy.source, &copy.plan, preset) != self.encoding.fingerprint {
            let detail = "this process would encode otherwise than the one that has begun: give all the same settings";
            return Err(Failure::new(FailureKind::Unavailable, detail).into());
        }
        let scratch = self.worker.make_scratch(&format!("{:016x}", rand::random::<u64>())).await?;
        let most = encode::largest_file(&copy.source, &copy.plan);
        self.worker.check_space(most).await?;
        let copied = copy.scratch.path().to_owned();
        let scratch = off_the_workers(SHARING, move || {
            link(&copied, &scratch).map_err(Trouble::disk(SHARING))?;
            Ok(scratch)
        })
        .await?;
        self.transcode(copy, &scratch, most).await?;
        self.store(copy, &scratch).await
    }

    /// Another copy of the source, for a process that has none.
    async fn fetch(&self) -> Result<SourceCopy, Trouble> {
        let scratch = self.worker.make_scratch(&format!("source-{:016x}", rand::random::<u64>())).await?;
        let upload = &self.asset.upload_id;
        self.worker.check_space(self.worker.upload_length(self.job, upload).await?).await?;
        source::assemble(self.worker, self.job, upload, &scratch).await?;
        let source = source::probe(self.worker, &self.sandbox, &scratch).await?;
        let mut plan = Plan::of(&source, &self.worker.config.ladder_of(&self.job.tenant));
        plan.save(self.encoding.saved);
        let plan = Order::of(&plan, source.video.duration, self.worker.config.early_from_seconds).rest;
        Ok(SourceCopy { scratch, source, plan })
    }

    /// A run of FFmpeg for each part of the plan.
    async fn transcode(&self, copy: &SourceCopy, scratch: &Scratch, most: u64) -> Result<(), Trouble> {
        let parts = copy.plan.parts();
        for (number, part) in parts.iter().enumerate() {
            self.transcode_part(copy, part, (number, parts.len()), (scratch, most)).await?;
        }
        Ok(())
    }

    /// One run of FFmpeg: `number` of `count` parts are done.
    async fn transcode_part(
        &self,
        copy: &SourceCopy,
        plan: &Plan,
        (number, count): (usize, usize),
        (scratch, most): (&Scratch, u64),
    ) -> Result<(), Trouble> {
        let (config, source) = (&self.worker.config, &copy.source);
        let frames = self.frames(source);
        let (share, heard) = watch::channel(0.0);
        let mut progress = Progress::new(frames as f64 / source.video.rate.as_f64());
        let on_output = move |bytes: &[u8]| {
            if let Some(done) = progress.push(bytes) {
                share.send_replace((number as f64 + done) / count as f64);
            }
            Ok::<_, Overflow>(())
        };
        let arguments = encode::transcode(source, plan, config.preset, Part::Pictures(&self.chunk));
        let limits = self.worker.limits(source.video.duration * plan.effort(), most, plan.video.len());
        let running = self.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, on_output);
        tokio::select! {
            ended = running => ended.map_err(transcoding),
            lost = self.report(frames, heard) => Err(lost),
        }
    }

    /// Frames that it has, or about as many.
    fn frames(&self, source: &Source) -> u64 {
        let all = (source.video.duration * source.video.rate.as_f64()).ceil() as u64;
        self.chunk.frames.unwrap_or_else(|| all.saturating_sub(self.chunk.first)).max(1)
    }

    /// Tells how far it is until nobody wants it any more.
    async fn report(&self, frames: u64, mut heard: watch::Receiver<f64>) -> Trouble {
        while heard.changed().await.is_ok() {
            let done = (*heard.borrow_and_update() * frames as f64) as u64;
            let (cpu_us, id) = (self.cpu_us(), self.id.clone());
            let write = self.worker.store.write(&self.job.cx(), id, move |tx, id| {
                Box::pin(async move { store::chunk_progress(tx, id, done, cpu_us).await })
            });
            match write.await {
                Ok(true) => {}
                Ok(false) => return Trouble::Lost,
                Err(failure) => {
                    let failure: Failure = failure;
                    tracing::warn!(asset = %self.id.asset_id, %failure, "telling a chunk's progress");
                }
            }
            tokio::time::sleep(TELL).await;
        }
        std::future::pending().await
    }

    fn cpu_us(&self) -> i64 {
        i64::try_from(self.account.spent().as_micros()).unwrap_or(i64::MAX)
    }

    /// Stores what was made, encrypted with the encoding's key, once it is as long as it has to be.
    async fn store(&self, copy: &SourceCopy, scratch: &Scratch) -> Result<MadeChunk, Trouble> {
        let mut made = MadeChunk { frames: 0, tracks: Vec::new() };
        let key = self.worker.encoding_key(self.job, &self.id.asset_id, &self.encoding)?;
        for (number, planned) in copy.plan.video.iter().enumerate() {
            let name = encode::file(&planned.track_id);
            let Some(index) = package::index_of_chunk(&scratch.out().join(&name)).await? else {
                return self.ended_before(made);
            };
            // A half rate has every other frame.
            let ratio = (copy.source.video.rate.as_f64() / planned.rate.as_f64()).round() as u64;
            let samples: u64 = index.0.fragments().iter().map(|fragment| fragment.sample_count() as u64).sum();
            if number == 0 {
                made.frames = samples * ratio;
            }
            // At the film's end a rate may round to one frame more or less than another.
            let whole = self.chunk.frames.is_some_and(|frames| frames == made.frames);
            let off = (samples * ratio).abs_diff(made.frames);
            if off > if whole { 0 } else { ratio } || self.chunk.frames.is_some_and(|frames| made.frames > frames) {
                let found = "the renditions of a part of the film do not have the same pictures; export the film anew";
                return Err(Refusal::TranscodeFailed.because(found).into());
            }
            let blob = format!("{}/{:05}-{name}", folder(&self.id.asset_id, &self.id.encoding), self.id.number);
            made.tracks.push(self.put(&key, planned.track_id.clone(), blob, index.1, scratch).await?);
        }
        Ok(made)
    }

    /// Nothing was left of the film for this chunk: no rendition may have anything.
    fn ended_before(&self, made: MadeChunk) -> Result<MadeChunk, Trouble> {
        match made.tracks.is_empty() && self.chunk.number > 0 {
            true => Ok(made),
            false => {
                Err(Refusal::TranscodeFailed.because("no picture of the film could be decoded; export it anew").into())
            }
        }
    }

    async fn put(
        &self,
        key: &AssetKey,
        track_id: String,
        blob: String,
        size: u64,
        scratch: &Scratch,
    ) -> Result<ChunkTrack, Trouble> {
        let file = package::open_aside(scratch.out().join(encode::file(&track_id))).await?;
        let checker = Arc::new(Mutex::new(Checker::default()));
        let pieces = package::encrypted(file, BlobCipher::new(&key.0, &blob), checker.clone());
        let blobs = self.worker.blobs.tenant(&self.job.tenant);
        let stored = blobs.put_stream(&blob_key(&blob)?, pieces).await?;
        if stored != size {
            let detail = format!("the chunk {blob} has changed while it was stored");
            return Err(Failure::new(FailureKind::Internal, detail).into());
        }
        let checks = std::mem::take(&mut *checker.lock().unwrap_or_else(PoisonError::into_inner)).finish();
        Ok(ChunkTrack { track_id, blob, size_bytes: size, checks })
    }

    async fn finish(&self, made: MadeChunk) -> Result<(), Failure> {
        let (cpu_us, input) = (self.cpu_us(), (self.id.clone(), made));
        let write = self.worker.store.write(&self.job.cx(), input, move |tx, (id, made)| {
            Box::pin(async move { store::finish_chunk(tx, id, made, cpu_us).await.map(drop) })
        });
        write.await
    }

    async fn fail(&self, reason: FailureReason) -> Result<(), Failure> {
        let input = (self.id.clone(), reason);
        let write = self.worker.store.write(&self.job.cx(), input, |tx, (id, reason)| {
            Box::pin(async move { store::fail_chunk(tx, id, reason).await.map(drop) })
        });
        write.await
    }

    /// Whether other chunks of the film are still to be made.
    async fn has_others(&self) -> Result<bool, Failure> {
        let reader = self.worker.store.tenant(&self.job.cx());
        let chunks = store::stored_chunks(&reader, &self.id.asset_id, &self.id.encoding).await?;
        Ok(chunks.iter().any(|chunk| chunk.outcome.is_none()))
    }

    /// Adds to the asset's log what was done for this chunk.
    async fn keep_log(&self, outcome: &Result<MadeChunk, Trouble>) {
        match outcome {
            Ok(made) => self.account.say(&format!("{} frames are stored", made.frames)),
            Err(Trouble::Source(reason)) => self.account.say(&format!("failed: {} ({})", reason.message, reason.code)),
            Err(Trouble::Ours(failure)) => self.account.say(&format!("attempt {} failed: {failure}", self.job.attempt)),
            Err(Trouble::Lost) => return,
        }
        let part = |line| format!("part {}: {line}", self.id.number + 1);
        let mut lines: Vec<String> = self.account.take_lines().into_iter().map(part).collect();
        if outcome.is_ok() && self.id.number > 0 {
            // The command differs in its numbers alone.
            lines.drain(..lines.len().saturating_sub(2));
        }
        let write = self.worker.store.write(&self.job.cx(), (self.id.asset_id.clone(), lines), |tx, (id, lines)| {
            Box::pin(async move { store::log(tx, id, lines).await })
        });
        if let Err(failure) = write.await {
            tracing::warn!(asset = %self.id.asset_id, %failure, "writing the log of a chunk");
        }
    }
}
