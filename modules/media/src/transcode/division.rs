//! A long film's attempt: its chunks are given to whoever leases them, its sound is made here, and what comes back is
//! stitched together. An attempt that ends in the middle leaves the chunks that are done to the next one.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::PathBuf,
    time::Duration,
};

use futures::StreamExt;
use tessera_at_rest::{BlobCipher, Checker};
use tessera_contract::{Failure, FailureKind};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::{
    Trouble,
    attempt::{Attempt, TRANSCODED, kept, transcoding},
    chunk::{self, CHUNK_JOB},
    copies::{Cell, SHARING, SourceCopy, link},
    off_the_workers, package,
};
use crate::{
    at_rest::{self, AssetKey, Place},
    child::Overflow,
    chunks::Chunk,
    encode::{self, Part},
    plan::Plan,
    probe::Source,
    progress::Pace,
    refusal::Refusal,
    scratch::Scratch,
    stitch::{Stitcher, Unfit},
    store::{self, ChunkId, ChunkTrack, Encoding, MadeChunk, StoredChunk},
    uploads::blob_key,
};

/// How often is looked whether chunks are done.
const LOOK: Duration = Duration::from_millis(500);
/// How often progress is told at least.
const TELL: Duration = Duration::from_secs(5);
const STITCHING: &str = "putting the parts of a track together on the scratch disk";

impl Attempt<'_> {
    /// Makes every track file of a plan, the pictures in chunks; `from` is how far the asset is, in percent.
    pub(super) async fn divide(
        &self,
        source: &Source,
        plan: &Plan,
        chunks: &[Chunk],
        from: u8,
        scratch: &Scratch,
    ) -> Result<(), Trouble> {
        let _copy = self.share_source(source, plan, scratch).await?;
        let encoding = self.encoding(source, plan, chunks).await?;
        let parts = self.await_chunks(source, &encoding, from);
        let sound = self.transcode_sound(source, plan, scratch);
        let (made, ()) = tokio::try_join!(parts, sound)?;
        let made = check_lengths(chunks, made)?;
        let key = self.worker.encoding_key(self.job, &self.asset.asset_id, &encoding)?;
        for track in &plan.video {
            self.stitch(&track.track_id, &made, &key, scratch).await?;
        }
        self.account.say("the parts are put together");
        self.tell("transcoding", TRANSCODED).await
    }

    /// Shares the source with the chunks that are made in this process.
    async fn share_source(&self, source: &Source, plan: &Plan, scratch: &Scratch) -> Result<Cell, Trouble> {
        let cell = self.worker.copies.cell(&self.job.tenant, &self.asset.upload_id);
        let fill = async || {
            let own = self.worker.make_scratch(&format!("source-{}", self.name)).await?;
            let from = scratch.path().to_owned();
            let own = off_the_workers(SHARING, move || {
                link(&from, &own).map_err(Trouble::disk(SHARING))?;
                Ok(own)
            });
            Ok::<_, Trouble>(SourceCopy { scratch: own.await?, source: source.clone(), plan: plan.clone() })
        };
        cell.get_or_try_init(fill).await?;
        Ok(cell)
    }

    /// The encoding that an earlier attempt has begun, where it fits and nothing of it has failed; or a new one.
    async fn encoding(&self, source: &Source, plan: &Plan, chunks: &[Chunk]) -> Result<Encoding, Trouble> {
        let (id, cx) = (&self.asset.asset_id, self.job.cx());
        let fingerprint = chunk::fingerprint(source, plan, self.worker.config.preset);
        let reader = self.worker.store.tenant(&cx);
        if let Some(found) = store::encoding(&reader, id).await?.filter(|found| found.fingerprint == fingerprint)
            && self.worker.encoding_key(self.job, id, &found).is_ok()
        {
            let there = store::stored_chunks(&reader, id, &found.encoding).await?;
            let same = there.iter().map(|stored| stored.chunk).eq(chunks.iter().copied());
            if same && there.iter().all(|stored| !matches!(stored.outcome, Some(Err(_)))) {
                let open: Vec<Chunk> = there.iter().filter(|s| s.outcome.is_none()).map(|s| s.chunk).collect();
                self.account.say(&format!("{} of {} parts are there already", there.len() - open.len(), there.len()));
                self.queue(&found, open).await?;
                return Ok(found);
            }
        }
        let key = AssetKey(rand::random());
        let place = Place { tenant: &self.job.tenant, asset: id };
        let keys = &self.worker.master_keys;
        let wrapped_key = at_rest::wrap(keys.current_key(), place, &key, rand::random());
        let (key_id, encoding) = (keys.current().to_owned(), format!("{:016x}", rand::random::<u64>()));
        let saved = plan.video.first().map_or(0, |track| track.saved);
        let new = Encoding { encoding, fingerprint, saved, key_id, wrapped_key };
        let input = (id.clone(), self.name.clone(), new.clone(), chunks.to_vec());
        let write = self.worker.store.write(&cx, input, |tx, (id, attempt, new, chunks)| {
            Box::pin(async move {
                // Those of an encoding that does not fit any more.
                tx.withdraw(CHUNK_JOB, id.as_str()).await?;
                store::log(tx, id, &[format!("encoding in {} parts", chunks.len())]).await?;
                store::begin_encoding(tx, id, attempt, new, chunks).await
            })
        });
        kept(write.await?)?;
        self.queue(&new, chunks.to_vec()).await?;
        Ok(new)
    }

    /// Queues chunks that are not queued yet, at the asset's priority.
    async fn queue(&self, encoding: &Encoding, chunks: Vec<Chunk>) -> Result<(), Trouble> {
        let input = (self.asset.asset_id.clone(), self.name.clone(), encoding.encoding.clone(), chunks);
        let write = self.worker.store.write(&self.job.cx(), input, |tx, (asset, attempt, encoding, chunks)| {
            Box::pin(async move {
                let Some(stored) = store::asset_in(tx, asset).await? else { return Ok(false) };
                if !store::is_attempt(tx, asset, attempt).await? {
                    return Ok(false);
                }
                let now = tx.now();
                for chunk in chunks {
                    let id = ChunkId { asset_id: asset.clone(), encoding: encoding.clone(), number: chunk.number };
                    tx.enqueue(CHUNK_JOB, &chunk::key(&id), &id, now).await?;
                }
                if stored.asset.priority != 0 {
                    tx.prioritize(CHUNK_JOB, asset.as_str(), stored.asset.priority.into()).await?;
                }
                Ok::<_, Failure>(true)
            })
        });
        kept(write.await?)
    }

    /// Comes back with every chunk's result, and tells meanwhile how far they are together.
    async fn await_chunks(&self, source: &Source, encoding: &Encoding, from: u8) -> Result<Vec<MadeChunk>, Trouble> {
        let (asset, duration) = (&self.asset.asset_id, source.video.duration);
        let total = (duration * source.video.rate.as_f64()).max(1.0);
        let (began, mut first, mut charged) = (Instant::now(), None, None);
        let (mut told, mut at) = (from, Instant::now());
        loop {
            let chunks =
                store::stored_chunks(&self.worker.store.tenant(&self.job.cx()), asset, &encoding.encoding).await?;
            if let Some(reason) = chunks.iter().find_map(|chunk| chunk.outcome.as_ref()?.as_ref().err()) {
                return Err(reason.clone().into());
            }
            let spent: i64 = chunks.iter().map(|chunk| chunk.cpu_us).sum();
            // What an earlier attempt has seen is on the asset already.
            let before = *charged.get_or_insert(spent);
            self.account.charge(Duration::from_micros(spent.saturating_sub(before).max(0).unsigned_abs()));
            charged = Some(spent.max(before));
            let share = (chunks.iter().map(|chunk| chunk.done_frames).sum::<u64>() as f64 / total).clamp(0.0, 1.0);
            let pace = Pace::of(*first.get_or_insert(share), share, duration, began.elapsed());
            let percent = (from + (f64::from(TRANSCODED - from) * share) as u8).max(told);
            if percent > told || at.elapsed() >= TELL {
                (told, at) = (percent, Instant::now());
                self.tell_pace("transcoding", percent, pace).await?;
            }
            if chunks.iter().all(|chunk| chunk.outcome.is_some()) {
                return Ok(chunks.into_iter().filter_map(|StoredChunk { outcome, .. }| outcome?.ok()).collect());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sound is made once, whole: pieces of it would click where they meet.
    async fn transcode_sound(&self, source: &Source, plan: &Plan, scratch: &Scratch) -> Result<(), Trouble> {
        if plan.audio.is_empty() {
            return Ok(());
        }
        let (config, most) = (&self.worker.config, encode::largest_file(source, plan));
        self.worker.check_space(most).await?;
        let arguments = encode::transcode(source, plan, config.preset, Part::Sound);
        let limits = self.worker.limits(source.video.duration, most, plan.audio.len());
        let ignored = |_: &[u8]| Ok::<_, Overflow>(());
        let running = self.sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits, ignored);
        running.await.map_err(transcoding)
    }

    /// Puts a rendition together.
    async fn stitch(
        &self,
        track_id: &str,
        made: &[MadeChunk],
        key: &AssetKey,
        scratch: &Scratch,
    ) -> Result<(), Trouble> {
        let out = scratch.out().join(encode::file(track_id));
        let mut stitcher = off_the_workers(STITCHING, move || {
            let file = File::create_new(out).map_err(Trouble::disk(STITCHING))?;
            Ok(Stitcher::new(BufWriter::new(file)))
        })
        .await?;
        for chunk in made {
            let track = chunk.tracks.iter().find(|track| track.track_id == track_id);
            let track = track.ok_or_else(|| lost("a part lacks a rendition"))?;
            let path = self.fetch(track, key, scratch).await?;
            let push = off_the_workers(STITCHING, move || {
                let (index, _) = package::read_index(&path)?;
                let file = File::open(&path).map_err(Trouble::disk(STITCHING))?;
                stitcher.push(&index, BufReader::new(file)).map_err(unfit)?;
                std::fs::remove_file(&path).map_err(Trouble::disk(STITCHING))?;
                Ok(stitcher)
            });
            stitcher = push.await?;
        }
        off_the_workers(STITCHING, move || stitcher.finish().map(drop).map_err(unfit)).await
    }

    /// Brings a part from the blob store to the scratch disk, in the clear; damaged ones are refused.
    async fn fetch(&self, track: &ChunkTrack, key: &AssetKey, scratch: &Scratch) -> Result<PathBuf, Trouble> {
        let path = scratch.path().join("part");
        let mut file = tokio::fs::File::create_new(&path).await.map_err(Trouble::disk(STITCHING))?;
        let blobs = self.worker.blobs.tenant(&self.job.tenant);
        let (_, mut pieces) = blobs.get_stream(&blob_key(&track.blob)?).await?;
        let (mut cipher, mut checker) = (BlobCipher::new(&key.0, &track.blob), Checker::default());
        while let Some(piece) = pieces.next().await {
            let mut piece = piece?.to_vec();
            checker.push(&piece);
            cipher.apply(&mut piece);
            file.write_all(&piece).await.map_err(Trouble::disk(STITCHING))?;
        }
        file.flush().await.map_err(Trouble::disk(STITCHING))?;
        match track.checks.first_difference(&checker.finish()) {
            None => Ok(path),
            Some(_) => Err(lost("a stored part of the film is damaged").into()),
        }
    }
}

/// The chunks that have something of the film, when all of them are as long as they have to be.
fn check_lengths(chunks: &[Chunk], made: Vec<MadeChunk>) -> Result<Vec<MadeChunk>, Trouble> {
    let mut ended = false;
    for (chunk, made) in chunks.iter().zip(&made) {
        if ended && made.frames > 0 {
            let found = "a part in the middle of the film could not be decoded; export it anew";
            return Err(Refusal::TranscodeFailed.because(found).into());
        }
        ended |= chunk.frames.is_some_and(|frames| made.frames < frames);
    }
    Ok(made.into_iter().filter(|made| made.frames > 0).collect())
}

fn lost(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, what)
}

fn unfit(error: Unfit) -> Trouble {
    match error {
        Unfit::Io(error) => Trouble::disk(STITCHING)(error),
        Unfit::Malformed(_) | Unfit::Box(_) | Unfit::Differs(_) => {
            let found = format!("the parts of the film do not fit together ({error}); export it anew");
            Refusal::TranscodeFailed.because(found).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_that_ends_early_has_fewer_parts_and_none_is_missing_in_the_middle() {
        let chunk = |number: u32, frames| Chunk { number, first: u64::from(number) * 100, frames };
        let chunks = [chunk(0, Some(100)), chunk(1, Some(100)), chunk(2, None)];
        for (frames, kept) in [
            ([100, 100, 150], Some(3)),
            ([100, 100, 0], Some(2)),
            ([100, 60, 0], Some(2)),
            ([100, 60, 10], None),
            ([0, 0, 10], None),
        ] {
            let made = frames.map(|frames| MadeChunk { frames, tracks: vec![] }).to_vec();
            assert_eq!(check_lengths(&chunks, made).ok().map(|made| made.len()), kept, "{frames:?}");
        }
    }
}
