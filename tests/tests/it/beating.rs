//! Plays that go on, beat by beat, while something changes: none is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tessera_testing::eventually;
use tessera_tests::{Answer, Browser, Demo};

use crate::journey::{newcomer_called, session_path, start};

/// Requests at once.
const AT_ONCE: usize = 8;

/// A viewer with a contract of a hundred streams, which staff states as the operator's CRM would.
pub(crate) async fn many_streams(demo: &Demo, staff: &Browser, name: &str) -> Browser {
    let viewer = newcomer_called(demo, name).await;
    give_many_streams(staff, name).await;
    viewer
}

/// The contract for whoever has signed up under this name.
pub(crate) async fn give_many_streams(staff: &Browser, name: &str) {
    let found = staff.get(&format!("/identity/v1/management/accounts?email={name}%40viewer.example")).await.ok();
    let grant = json!({
        "account_id": found["data"][0]["account_id"], "scope": {"kind": "plan", "plan": "basic"},
        "starts_at": "2020-01-01T00:00:00Z", "max_streams": 100, "version": 1,
    });
    state(staff, name, grant).await;
}

pub(crate) async fn state(staff: &Browser, reference: &str, grant: Value) {
    let path = format!("/entitlement/v1/grants/crm/{reference}");
    staff.send(staff.request(reqwest::Method::PUT, &path).json(&grant)).await.ok();
}

/// Plays of some viewers, each of whom may have a hundred.
pub(crate) struct Plays {
    plays: Vec<(Browser, Value)>,
    over: AtomicBool,
    beats: AtomicUsize,
}

impl Plays {
    /// Starts so many, on a device each.
    pub(crate) async fn begin(viewers: &[Browser], title: &str, count: usize) -> Self {
        let plays = stream::iter(0..count)
            .map(|number| {
                let viewer = viewers[number % viewers.len()].clone();
                async move {
                    let playback = start(&viewer, title, &format!("device-{number}")).await.ok();
                    (viewer, playback)
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Self { plays, over: AtomicBool::new(false), beats: AtomicUsize::new(0) }
    }

    /// Beats for all of them, round and round, until the end; panics when one is refused.
    pub(crate) async fn beating(&self) {
        stream::iter(self.plays.iter().cycle())
            .take_while(|_| std::future::ready(!self.over.load(Ordering::SeqCst)))
            .map(|(viewer, playback)| async move {
                let beat = json!({"position_seconds": 3});
                viewer.post(&session_path(playback, "heartbeat"), beat).await.ok();
                self.beats.fetch_add(1, Ordering::SeqCst);
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<()>>()
            .await;
    }

    /// One beat for each of them, and what is said of every answer.
    pub(crate) async fn each_beats(&self, judge: impl Fn(&Answer)) {
        let beat = |(viewer, playback): &(Browser, Value)| {
            let (viewer, path) = (viewer.clone(), session_path(playback, "heartbeat"));
            async move { viewer.post(&path, json!({"position_seconds": 3})).await }
        };
        stream::iter(self.plays.iter().map(beat))
            .buffer_unordered(AT_ONCE)
            .for_each(async |answer| judge(&answer))
            .await;
    }

    /// Waits until each has beaten again.
    pub(crate) async fn all_beat(&self) {
        let since = self.beats();
        eventually("every play to beat again", || async {
            (self.beats() >= since + self.plays.len() + AT_ONCE).then_some(())
        })
        .await;
    }

    /// No more beats.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// How many so far.
    pub(crate) fn beats(&self) -> usize {
        self.beats.load(Ordering::SeqCst)
    }
}
