//! The built-in playback against its contract, and what it does when its neighbours do not do their part.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod beats;
mod faults;
mod neighbours;
mod starts;

use std::sync::Arc;

use serde_json::{Value, json};
use tessera_contract::{CloudEvent, Contract, Cx};
use tessera_contract_catalog::Catalog;
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_playback::{
    Heartbeat, Playback, PlaybackError, PlaybackSessions, StartPlayback, StopPlayback, conformance::RULES,
};
use tessera_contract_viewers::Viewers;
use tessera_playback::{PlaybackConfig, PlaybackDeps, PlaybackService};
use tessera_store::Position;
use tessera_testing::{Engine, ManualClock, clock, conforms, cx, eventually, on_every_engine};

use neighbours::{Entitlements, Licences, Origin, Profiled, Titles};

#[tokio::test]
async fn playback_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let apis = || vec![<dyn PlaybackSessions>::api(stage.service.clone())];
        conforms("playback", RULES, apis, &fixture()).await;
    })
    .await;
}

/// The state that the rules ask for.
fn fixture() -> Value {
    json!({
        "viewer": "acc_1", "title": "ttl_film", "denied_title": "ttl_denied", "other_viewer": "acc_2",
        "other_title": "ttl_globex",
    })
}

/// Playback with its neighbours.
struct Stage {
    service: Arc<PlaybackService>,
    /// As the server and other modules call it.
    playback: Arc<dyn PlaybackSessions>,
    clock: Arc<ManualClock>,
    titles: Arc<Titles>,
    entitlements: Arc<Entitlements>,
    origin: Arc<Origin>,
    licences: Arc<Licences>,
    profiled: Arc<Profiled>,
}

impl Stage {
    async fn open(engine: &Engine) -> Self {
        let clock = clock();
        let (titles, origin, licences, profiled) = Default::default();
        let entitlements = Arc::new(Entitlements::new(clock.clone()));
        let (t, o, l, p): (&Arc<Titles>, &Arc<Origin>, &Arc<Licences>, &Arc<Profiled>) =
            (&titles, &origin, &licences, &profiled);
        let deps = PlaybackDeps {
            clock: clock.clone(),
            catalog: <dyn Catalog>::guarded(t.clone()),
            entitlement: <dyn Entitlement>::guarded(entitlements.clone()),
            delivery: <dyn Delivery>::guarded(o.clone()),
            drm: <dyn Drm>::guarded(l.clone()),
            viewers: <dyn Viewers>::guarded(p.clone()),
        };
        let service = tessera_playback::open(PlaybackConfig::default(), &engine.config, deps).await.unwrap();
        let playback = <dyn PlaybackSessions>::guarded(service.clone());
        Self { service, playback, clock, titles, entitlements, origin, licences, profiled }
    }

    async fn start(&self, cx: &Cx, request: StartPlayback) -> Result<Playback, PlaybackError> {
        self.playback.start(cx, request).await
    }

    /// Viewer `acc_1` of acme plays the film on `device`.
    async fn started(&self, device: &str) -> Playback {
        self.start(&viewer(device), press("ttl_film", device)).await.unwrap()
    }

    async fn beat(&self, playback: &Playback, position_seconds: u32) -> Result<(), PlaybackError> {
        let session_id = playback.session_id.clone();
        let beat = Heartbeat { session_id, position_seconds, paused: false };
        self.playback.heartbeat(&viewer("beat"), beat).await.map(drop)
    }

    async fn stop(&self, playback: &Playback, position_seconds: Option<u32>) -> Result<u32, PlaybackError> {
        let stop = StopPlayback { session_id: playback.session_id.clone(), position_seconds };
        self.playback.stop(&viewer("stop"), stop).await.map(|stopped| stopped.position_seconds)
    }

    /// What was told so far.
    async fn events(&self) -> Vec<CloudEvent> {
        let log = tessera_events::Log::of(self.service.store());
        log.read(Position::default(), 1000).await.unwrap().events.into_iter().map(|(_, event)| event).collect()
    }

    /// What was told so far, as `started 1 @90`: what, version and position.
    async fn told(&self) -> Vec<String> {
        let line = |event: CloudEvent| {
            let verb = event.kind.split('.').nth(3).unwrap().to_owned();
            format!("{verb} {} @{}", event.subjectversion, event.data["session"]["position_seconds"])
        };
        self.events().await.into_iter().map(line).collect()
    }

    async fn await_no_slots(&self) {
        eventually("every slot to be given back", || async { self.entitlements.held().is_empty().then_some(()) }).await;
    }
}

/// Viewer `acc_1` of acme with an idempotency key.
fn viewer(key: &str) -> Cx {
    cx("acme").viewer("acc_1").territory("DE").key(key).build()
}

fn press(title: &str, device: &str) -> StartPlayback {
    StartPlayback {
        title_id: title.parse().unwrap(),
        device_id: device.into(),
        device_name: Some(format!("the {device}").into()),
        profile_id: None,
    }
}
