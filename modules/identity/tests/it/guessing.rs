//! Those who try passwords: what they learn, and whom they keep out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use reqwest::StatusCode;
use tessera_identity::{AttemptsConfig, IdentityConfig};
use tessera_runtime::config::Quota;
use tessera_testing::on_every_engine;

use crate::world::{Browser, PASSWORD, World, config};

/// Counts the hashes of passwords, and nothing else.
#[derive(Default)]
struct Hashes(Arc<Count>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::SeqCst);
    }
}

impl Recorder for Hashes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "tessera_identity_password_hashes_total" => Counter::from_arc(self.0.clone()),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

async fn sign_in(browser: &Browser, email: &str, password: &str) -> StatusCode {
    browser.fill("/identity/sign-in", email, password).await.status()
}

#[tokio::test]
async fn an_unknown_address_costs_as_many_hashes_as_a_known_one() {
    let hashes = Hashes::default();
    let counted = hashes.0.clone();
    // The server runs on this thread too.
    let _recording = metrics::set_default_local_recorder(&hashes);
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "ada@example.org").await;
        world.member("globex", "grace@example.org").await;
        let browser = world.browser("acme");
        for email in ["ada@example.org", "eve@example.org", "grace@example.org", "no address at all", ""] {
            let before = counted.0.load(Ordering::SeqCst);
            assert_eq!(sign_in(&browser, email, "wrong password").await, StatusCode::UNPROCESSABLE_ENTITY, "{email:?}");
            assert_eq!(counted.0.load(Ordering::SeqCst) - before, 1, "hashes for {email:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn guessing_from_many_networks_does_not_lock_out_who_signed_in_from_home() {
    on_every_engine(async |engine| {
        let three = Quota { requests: 3, window: Duration::from_secs(600) };
        let attempts = AttemptsConfig { account: three, ..config().attempts };
        let world = World::with(engine, IdentityConfig { attempts, ..config() }).await;
        world.member("acme", "ada@example.org").await;
        let home = world.browser("acme");
        assert_eq!(sign_in(&home, "Ada@example.org", PASSWORD).await, StatusCode::SEE_OTHER);
        for email in ["ada@example.org", "eve@example.org"] {
            let mut answers = Vec::new();
            for nth in 0..5 {
                let bot = world.browser_at("acme", [127, 0, 1, nth]);
                answers.push(sign_in(&bot, email, "wrong password").await);
            }
            let limited = answers.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
            assert!(limited >= 2, "{email}: a known address is limited like an unknown one: {answers:?}");
        }
        let abroad = world.browser_at("acme", [127, 0, 2, 1]);
        assert_eq!(sign_in(&abroad, "ada@example.org", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(sign_in(&home, "ada@example.org", PASSWORD).await, StatusCode::SEE_OTHER, "home is another matter");
        let elsewhere = world.browser_at("globex", [127, 0, 2, 1]);
        assert_eq!(sign_in(&elsewhere, "ada@example.org", "x").await, StatusCode::UNPROCESSABLE_ENTITY);
    })
    .await;
}

#[tokio::test]
async fn who_guesses_from_home_is_limited_at_home() {
    on_every_engine(async |engine| {
        let three = Quota { requests: 3, window: Duration::from_secs(600) };
        let attempts = AttemptsConfig { account_at_address: three, ..config().attempts };
        let world = World::with(engine, IdentityConfig { attempts, ..config() }).await;
        world.member("acme", "ada@example.org").await;
        let home = world.browser("acme");
        assert_eq!(sign_in(&home, "ada@example.org", PASSWORD).await, StatusCode::SEE_OTHER);
        let (wrong, limited) = (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS);
        for expected in [wrong, wrong, limited] {
            assert_eq!(sign_in(&home, "ada@example.org", "wrong password").await, expected);
        }
        let other = world.browser_at("acme", [127, 0, 3, 1]);
        assert_eq!(sign_in(&other, "ada@example.org", PASSWORD).await, StatusCode::SEE_OTHER);
    })
    .await;
}
