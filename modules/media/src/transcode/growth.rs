//! A rendition that can be played while it is being made: its beginning after some seconds, more as it comes.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use super::{
    Trouble,
    attempt::{Attempt, Done, kept},
    package::Track,
};
use crate::{plan::Plan, probe::Source, scratch::Scratch, store::Made};

/// How often is looked how much there is of what can be played early.
const LOOK: Duration = Duration::from_millis(500);
/// Seconds of every track that are there before it can be played: some segments, whatever length the origin gives them.
const BEGINNING: f64 = 20.0;

impl Attempt<'_> {
    /// Stores the beginnings of a plan's tracks while they are written, each time about twice as much, until it is dropped or
    /// something fails.
    pub(super) async fn grow(
        &self,
        folder: &str,
        source: &Source,
        (plan, poster): (&Plan, &Option<(String, String)>),
        scratch: &Scratch,
    ) -> Result<Infallible, Trouble> {
        let mut stored = HashMap::new();
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(tracks) = self.beginnings(plan, &stored, scratch).await? else { continue };
            if tracks.iter().any(|track| track.seconds() < BEGINNING) {
                continue;
            }
            for track in &tracks {
                stored.insert(track.track_id.clone(), track.size());
            }
            let mut done = Done { poster: poster.clone(), ..Done::default() };
            self.store_all(folder, &mut done, tracks, scratch).await?;
            let made = Made { open_ended: true, duration_seconds: source.video.duration, ..done.made(plan) };
            kept(self.worker.playable(self.job, self, made).await?)?;
        }
    }

    /// What there is of all tracks of a plan, when it is twice as much as is stored.
    async fn beginnings(
        &self,
        plan: &Plan,
        stored: &HashMap<String, u64>,
        scratch: &Scratch,
    ) -> Result<Option<Vec<Track>>, Trouble> {
        let video = plan.video.iter().map(|track| (&track.track_id, Some(track.height)));
        let audio = plan.audio.iter().map(|track| (&track.track_id, None));
        let mut tracks = Vec::new();
        for (id, height) in video.chain(audio) {
            let least = stored.get(id).copied().unwrap_or_default().saturating_mul(2);
            let Some(track) = Track::beginning(id, height, least, scratch).await? else { return Ok(None) };
            tracks.push(track);
        }
        Ok(Some(tracks))
    }
}
