//! The built-in viewers against its contract, and what it does besides.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod behaviour;
mod faults;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tessera_contract::{Contract, Cx, Failure};
use tessera_contract_playback::{PlaybackEnded, PlaybackProgressed, SessionState};
use tessera_contract_viewers::{FindProfile, GetProgress, Profile, Viewers, conformance::RULES};
use tessera_events::Log;
use tessera_store::{Migration, Module, Store};
use tessera_testing::{Engine, clock, conforms, cx, eventually, on_every_engine};
use tessera_viewers::{ViewersConfig, ViewersService};
use tokio_util::sync::CancellationToken;

/// Stand for the stores of playback and identity: viewers sees no more of them than their logs.
static PLAYBACK: Module = elsewhere("playback");
static IDENTITY: Module = elsewhere("identity");

const fn elsewhere(name: &'static str) -> Module {
    const MIGRATIONS: &[Migration] =
        &[Migration { name: "0001_elsewhere", sql: "create table elsewhere (tenant text not null)", postgres: None }];
    Module { name, migrations: MIGRATIONS }
}

#[tokio::test]
async fn viewers_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let playback = engine.open(&PLAYBACK).await;
        let (fixture, following) = watched(&viewers, &playback).await;
        conforms("viewers", RULES, || vec![<dyn Viewers>::api(viewers.clone())], &fixture).await;
        following.stop().await;
    })
    .await;
}

/// The state that the rules ask for.
async fn watched(viewers: &Arc<ViewersService>, playback: &Store) -> (Value, Following) {
    let following = Following::playback(viewers, playback);
    let profile = default_profile(viewers, "acme", "acc_watcher").await;
    for (number, title) in ["ttl_a", "ttl_b", "ttl_c", "ttl_d"].into_iter().enumerate() {
        let at = u64::try_from(number).unwrap() * 60;
        say(playback, "acme", Said::beat(&profile, title, 2, 100 + number as u32, at)).await;
    }
    await_position(viewers, &profile, "ttl_d", 103).await;
    let fixture = json!({
        "viewer": "acc_watcher", "profile": profile.profile_id, "latest_title": "ttl_d",
        "latest_position_seconds": 103,
    });
    (fixture, following)
}

async fn open(engine: &Engine) -> Arc<ViewersService> {
    tessera_viewers::open(ViewersConfig::default(), &engine.config, clock()).await.unwrap()
}

fn service(tenant: &str) -> Cx {
    cx(tenant).service("playback").build()
}

async fn default_profile(viewers: &ViewersService, tenant: &str, account: &str) -> Profile {
    let request = FindProfile { account_id: account.parse().unwrap(), profile_id: None, title_id: None };
    viewers.find_profile(&service(tenant), request).await.unwrap().profile
}

async fn position(viewers: &ViewersService, tenant: &str, profile: &Profile, title: &str) -> u32 {
    let request = GetProgress { profile_id: profile.profile_id.clone(), title_id: title.parse().unwrap() };
    viewers.get_progress(&service(tenant), request).await.unwrap().position_seconds
}

/// What is said with the profile of where it left off in `title`, if that is asked.
async fn position_with(viewers: &ViewersService, profile: &Profile, title: Option<&str>) -> Option<u32> {
    let (account_id, profile_id) = (profile.account_id.clone(), Some(profile.profile_id.clone()));
    let request = FindProfile { account_id, profile_id, title_id: title.map(|title| title.parse().unwrap()) };
    viewers.find_profile(&service("acme"), request).await.unwrap().position_seconds
}

async fn await_position(viewers: &ViewersService, profile: &Profile, title: &str, seconds: u32) {
    let what = format!("{title} to be at {seconds} s");
    let at = async || position(viewers, "acme", profile, title).await;
    eventually(&what, || async { (at().await == seconds).then_some(()) }).await;
}

/// What playback says of a session.
struct Said {
    state: SessionState,
    ended: bool,
}

impl Said {
    /// A beat of the session that is named for its title, `second` seconds after the clock's start.
    fn beat(profile: &Profile, title: &str, version: i64, position_seconds: u32, second: u64) -> Self {
        let start = cx("acme").business_now;
        let state = SessionState {
            session_id: format!("pbs_{title}").parse().unwrap(),
            account_id: profile.account_id.clone(),
            profile_id: profile.profile_id.clone(),
            title_id: title.parse().unwrap(),
            device_id: "television".into(),
            position_seconds,
            position_reported: true,
            started_at: start,
            updated_at: start.plus(Duration::from_secs(second)),
            version,
        };
        Self { state, ended: false }
    }

    fn in_session(mut self, session: &str) -> Self {
        self.state.session_id = session.parse().unwrap();
        self
    }

    fn at_its_end(self) -> Self {
        Self { ended: true, ..self }
    }

    fn silent(mut self) -> Self {
        self.state.position_reported = false;
        self
    }
}

/// Puts it into playback's log.
async fn say(playback: &Store, tenant: &str, said: Said) {
    let cx = cx(tenant).service("playback").build();
    let emitted: Result<(), Failure> = playback
        .write(&cx, said, |tx, Said { state, ended }| {
            Box::pin(async move {
                let session = state.clone();
                match ended {
                    true => tx.emit(&PlaybackEnded { session }).await,
                    false => tx.emit(&PlaybackProgressed { session }).await,
                }
            })
        })
        .await;
    emitted.unwrap();
}

/// Viewers following a log.
struct Following {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Following {
    fn playback(viewers: &Arc<ViewersService>, playback: &Store) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(viewers.clone().follow_playback(Log::of(playback), shutdown.clone()));
        Self { shutdown, task }
    }

    fn identity(viewers: &Arc<ViewersService>, identity: &Store) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(viewers.clone().follow_identity(Log::of(identity), shutdown.clone()));
        Self { shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}
