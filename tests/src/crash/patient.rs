//! A client who asks again, in the same words, until somebody answers.

use std::{
    fmt,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::keeper::Keepers;
use crate::{Answer, Browser};

/// How long anybody goes on asking: longer than two processes, one after the other, hold a job that they died with.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How long a request may be told that its like is still running: longer than any lives here, and no longer. What a dead
/// process had begun is not running.
const STILL_RUNNING: Duration = Duration::from_secs(12);
/// The same where others live on: they take over what a dead one had begun once its time is over (modules/playback/src/attempt.rs).
const STILL_RUNNING_ELSEWHERE: Duration = Duration::from_secs(30);
/// How long one answer may take.
const ONE_ANSWER: Duration = Duration::from_secs(30);

/// Somebody who does not give up.
#[derive(Clone)]
pub(crate) struct Patient {
    pub(crate) browser: Browser,
    keepers: Keepers,
}

impl Patient {
    pub(crate) fn new(browser: Browser, keepers: Keepers) -> Self {
        Self { browser, keepers }
    }

    /// Panics if something happened that no kill explains.
    fn check(&self) {
        self.keepers.iter().for_each(|keeper| keeper.check());
    }

    /// Asks until there is an answer that is one.
    pub(crate) async fn ask(&self, request: impl Fn(&Browser) -> RequestBuilder) -> Answer {
        let until = Instant::now() + PATIENCE;
        let (mut pause, mut running_since) = (Duration::from_millis(2), None);
        loop {
            let heard = self.browser.try_send(request(&self.browser).timeout(ONE_ANSWER)).await;
            match &heard {
                Ok(answer) if !passes(answer) => return heard.expect("it is an answer"),
                Ok(answer) if answer.json()["code"] == "in_progress" => {
                    let since = *running_since.get_or_insert_with(Instant::now);
                    let longest = if self.keepers.len() > 1 { STILL_RUNNING_ELSEWHERE } else { STILL_RUNNING };
                    assert!(since.elapsed() < longest, "still running, says {}", answer.text());
                }
                Ok(_) | Err(_) => running_since = None,
            }
            self.check();
            assert!(Instant::now() < until, "nobody answered in time; the last word was {heard:?}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Looks again and again until `probe` sees something.
    pub(crate) async fn until<T>(&self, what: impl fmt::Display, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = probe().await {
                return seen;
            }
            self.check();
            assert!(Instant::now() < until, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(|browser| browser.request(Method::GET, path)).await
    }

    /// Does what may be done twice.
    pub(crate) async fn act(&self, path: &str, body: Value) -> Answer {
        self.ask(|browser| browser.request(Method::POST, path).json(&body)).await
    }

    /// Does what is done once for its idempotency key.
    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.ask(|browser| browser.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(|browser| browser.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(|browser| browser.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(|browser| browser.request(Method::DELETE, path)).await
    }

    /// Everything of a list, page by page.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=100{cursor}")).await.ok();
            all.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}

/// Whether an answer says no more than "not now".
fn passes(answer: &Answer) -> bool {
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    matches!(answer.status.as_u16(), 502..=504) || matches!(code.as_str(), "in_progress" | "upload_locked")
}
