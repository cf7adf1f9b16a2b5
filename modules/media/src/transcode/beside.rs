//! What is made and stored beside an asset's tracks: subtitles and thumbnails. What cannot be made of them is said, and the
//! asset is made without.

use std::{io::Read, path::PathBuf};

use bytes::Bytes;
use tessera_at_rest::BlobCipher;
use tessera_contract_media::{StoredFile, SubtitleDescriptor, SubtitlesLeftOut, ThumbnailsDescriptor};
use tessera_webvtt::limits::MAX_FILE;

use super::{
    Trouble,
    attempt::{Attempt, transcoding},
    off_the_workers,
    package::{READING, open, sha256},
};
use crate::{
    at_rest::AssetKey,
    child::{ChildError, Limits},
    plan::{Plan, VideoTrack},
    probe::Source,
    scratch::Scratch,
    store::Made,
    subtitles::{self, SubtitleTrack, clean},
    thumbnails::{self, Grid},
    uploads::blob_key,
};

/// What folders of subtitles begin with, within an attempt's own.
pub(crate) const TEXT: &str = "text";
/// A picture of tiles larger than this is none.
const PICTURE_MAX: u64 = 16 << 20;

/// What was made and is not stored yet.
pub(super) struct Beside {
    /// Each as a WebVTT file.
    subtitles: Vec<(SubtitleTrack, String)>,
    left_out: Vec<SubtitlesLeftOut>,
    /// With a picture each so many tiles.
    thumbnails: Option<(Grid, Vec<Vec<u8>>)>,
}

impl Attempt<'_> {
    /// Takes the planned subtitles out of the source, and draws thumbnails from the smallest of the renditions `there`.
    pub(super) async fn make_beside(
        &self,
        source: &Source,
        plan: &Plan,
        there: &[VideoTrack],
        scratch: &Scratch,
    ) -> Result<Beside, Trouble> {
        let (subtitles, mut left_out) = self.take_subtitles(source, &plan.subtitles, scratch).await?;
        left_out.extend(plan.subtitles_left_out.iter().cloned());
        left_out.sort_by_key(|left| left.stream);
        let smallest = there.iter().min_by_key(|track| track.height);
        let thumbnails = match smallest {
            Some(track) => self.draw_thumbnails(track, source.video.duration, scratch).await?,
            None => None,
        };
        Ok(Beside { subtitles, left_out, thumbnails })
    }

    async fn take_subtitles(
        &self,
        source: &Source,
        planned: &[SubtitleTrack],
        scratch: &Scratch,
    ) -> Result<(Vec<(SubtitleTrack, String)>, Vec<SubtitlesLeftOut>), Trouble> {
        let (tracks, mut left_out) = self.extract(source, planned, scratch).await?;
        let start = (source.start * 1000.0).round() as i64;
        let out = scratch.out();
        off_the_workers("reading subtitles", move || {
            let mut taken = Vec::new();
            for track in tracks {
                let file = read_small(out.join(track.file()), MAX_FILE as u64)?;
                match file.as_deref().map(|file| clean(file, start)) {
                    Some(Ok(text)) => taken.push((track, text)),
                    Some(Err(why)) => left_out.push(track.left_out(why.to_string())),
                    None => left_out.push(track.left_out(format!("they are missing, or larger than {MAX_FILE} bytes"))),
                }
            }
            Ok((taken, left_out))
        })
        .await
    }

    /// Has FFmpeg write the tracks' files: all in one reading of the source or, when something is wrong with one of them,
    /// each by itself. Answers those that are there, and why the others are not.
    async fn extract(
        &self,
        source: &Source,
        tracks: &[SubtitleTrack],
        scratch: &Scratch,
    ) -> Result<(Vec<SubtitleTrack>, Vec<SubtitlesLeftOut>), Trouble> {
        if tracks.is_empty() || self.extract_at_once(source, tracks, scratch).await?.is_ok() {
            return Ok((tracks.to_vec(), vec![]));
        }
        let (mut there, mut left_out) = (Vec::new(), Vec::new());
        for track in tracks {
            match self.extract_at_once(source, std::slice::from_ref(track), scratch).await? {
                Ok(()) => there.push(track.clone()),
                Err(error) => {
                    tracing::warn!(asset = %self.asset.asset_id, stream = track.stream, %error, "subtitles are left out");
                    left_out.push(track.clone().left_out(format!("they could not be read: {error}")));
                }
            }
        }
        Ok((there, left_out))
    }

    async fn extract_at_once(
        &self,
        source: &Source,
        tracks: &[SubtitleTrack],
        scratch: &Scratch,
    ) -> Result<Result<(), ChildError>, Trouble> {
        let limits = self.worker.limits(source.video.duration, MAX_FILE as u64 + 1, tracks.len());
        self.try_ffmpeg(subtitles::extract(source, tracks), &limits, scratch).await
    }

    async fn draw_thumbnails(
        &self,
        track: &VideoTrack,
        seconds: f64,
        scratch: &Scratch,
    ) -> Result<Option<(Grid, Vec<Vec<u8>>)>, Trouble> {
        let grid = Grid::of(track, seconds);
        let limits = self.worker.limits(seconds, PICTURE_MAX + 1, grid.pictures() as usize);
        // FFmpeg says nothing while it draws.
        let limits = Limits { silence: limits.wall, ..limits };
        if let Err(error) = self.try_ffmpeg(thumbnails::draw(track, &grid), &limits, scratch).await? {
            tracing::warn!(asset = %self.asset.asset_id, %error, "no thumbnails could be made");
            return Ok(None);
        }
        let out = scratch.out();
        off_the_workers("reading thumbnails", move || {
            let mut pictures = Vec::new();
            for number in 1..=grid.pictures() {
                // The film may be a little shorter than it says.
                let Some(picture) = read_small(out.join(thumbnails::picture(number)), PICTURE_MAX)? else { break };
                pictures.push(picture);
            }
            let count = grid.count.min(pictures.len() as u32 * grid.columns * grid.rows);
            Ok((count > 0).then_some((Grid { count, ..grid }, pictures)))
        })
        .await
    }

    /// Runs FFmpeg for what an asset may do without: only what is our own fault ends the attempt.
    async fn try_ffmpeg(
        &self,
        arguments: Vec<String>,
        limits: &Limits,
        scratch: &Scratch,
    ) -> Result<Result<(), ChildError>, Trouble> {
        let program = &self.worker.config.ffmpeg;
        match self.sandbox.run(program, arguments, scratch.path(), limits, |_| Ok(())).await {
            Err(error @ (ChildError::NotStarted { .. } | ChildError::Lost { .. })) => Err(transcoding(error)),
            ended => Ok(ended),
        }
    }

    /// Stores all of it, and names it in what was made.
    pub(super) async fn store_beside(&self, beside: Beside, made: &mut Made) -> Result<(), Trouble> {
        for (track, text) in beside.subtitles {
            // In a folder of their own, which goes when others take their place.
            let name = format!("{TEXT}-{0}/{0}.vtt", track.subtitle_id);
            let file = self.store_small(&name, text.into_bytes()).await?;
            let SubtitleTrack { subtitle_id, language, kind, .. } = track;
            made.subtitles.push(SubtitleDescriptor { subtitle_id, language, kind, file });
        }
        made.subtitles_left_out = beside.left_out;
        let Some((grid, drawn)) = beside.thumbnails else { return Ok(()) };
        let mut pictures = Vec::new();
        for (picture, number) in drawn.into_iter().zip(1..) {
            pictures.push(self.store_small(&thumbnails::picture(number), picture).await?);
        }
        made.thumbnails = Some(ThumbnailsDescriptor {
            tile_width: grid.tile.0,
            tile_height: grid.tile.1,
            columns: grid.columns,
            rows: grid.rows,
            count: grid.count,
            interval_seconds: grid.interval,
            pictures,
        });
        Ok(())
    }

    async fn store_small(&self, name: &str, clear: Vec<u8>) -> Result<StoredFile, Trouble> {
        let (file, stored) = sealed(&self.key, self.blob(&self.name, name), clear);
        self.worker.blobs.tenant(&self.job.tenant).put(&blob_key(&file.blob)?, stored).await?;
        Ok(file)
    }
}

/// A small file as it is stored under the key `blob`, and what is remembered of it.
pub(crate) fn sealed(key: &AssetKey, blob: String, mut bytes: Vec<u8>) -> (StoredFile, Bytes) {
    BlobCipher::new(&key.0, &blob).apply(&mut bytes);
    (StoredFile { blob, sha256: sha256(&bytes), size_bytes: bytes.len() as u64 }, bytes.into())
}

/// A file of at most `most` bytes that the child wrote; none when it is not there or longer, as one is that reached its
/// limit.
fn read_small(path: PathBuf, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    open(&path)?.take(most + 1).read_to_end(&mut bytes).map_err(Trouble::disk(READING))?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
