//! Calling an address: what is sent, how long it may take, and how many calls of one address are under way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use tessera_runtime::outward::Outward;
use tessera_types::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    config::WebhooksConfig,
    signature::{self, SECRET},
    store::{Called, Due},
};

/// How a call ends, for metrics.
pub(crate) const DELIVERED: &str = "delivered";
pub(crate) const FAILED: &str = "failed";
/// What allows private networks.
const SETTING: &str = "`networks` of `[webhooks]` allows it";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The networks that addresses may be of.
pub(crate) fn outward(config: &WebhooksConfig) -> Outward {
    Outward::new(&config.networks, SETTING)
}

/// Addresses that places are remembered of before those that nobody calls are forgotten.
const REMEMBERED: usize = 1024;
/// How long a call waits for a place: a quick address has one soon.
const WAIT: Duration = Duration::from_millis(250);

/// Calls addresses.
pub(crate) struct Caller {
    http: Client,
    outward: Outward,
    places: Mutex<HashMap<String, Weak<Semaphore>>>,
    most: usize,
}

/// A call's place among those of its address.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Caller {
    pub(crate) fn new(config: &WebhooksConfig) -> Self {
        for outcome in [DELIVERED, FAILED] {
            metrics::counter!("tessera_webhook_calls_total", "outcome" => outcome).increment(0);
        }
        let outward = outward(config);
        drop(tessera_contract::http_client()); // installs the TLS provider once for the process
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(config.answer())
            .pool_max_idle_per_host(1)
            .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(outward.clone()))
            .build()
            .expect("a client with these settings always builds once a TLS provider is installed");
        Self { http, outward, places: Mutex::default(), most: config.concurrent_calls_per_endpoint.max(1) }
    }

    /// A place among the calls of an address; `None` when as many are under way as may be, and stay so for a moment.
    pub(crate) async fn place(&self, tenant: &str, endpoint: &str) -> Option<Place> {
        let places = self.places(format!("{tenant}/{endpoint}"));
        let permit = tokio::time::timeout(WAIT, places.acquire_owned()).await;
        Some(Place { _permit: permit.ok()?.ok()? })
    }

    fn places(&self, endpoint: String) -> Arc<Semaphore> {
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = all.get(&endpoint).and_then(Weak::upgrade) {
            return places;
        }
        if all.len() >= REMEMBERED {
            all.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(self.most));
        all.insert(endpoint, Arc::downgrade(&places));
        places
    }

    /// Posts a delivery's body to `url`. The answer's status is all that is read of it.
    pub(crate) async fn call(&self, url: &str, due: &Due, secrets: &[[u8; SECRET]], at: Timestamp) -> Called {
        // What it was registered with may be allowed no more.
        if let Err(refused) = self.outward.url(url) {
            return Called { at, took_ms: 0, status: None, error: Some(refused.to_string()) };
        }
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", &due.message_id)
            .header("webhook-timestamp", signature::seconds(at))
            .header("webhook-signature", signature::header(secrets, &due.message_id, at, &due.body))
            .body(due.body.clone());
        let began = Instant::now();
        let answer = request.send().await;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (status, error) = match answer {
            // The body is not read: dropping the answer closes the connection if there is one.
            Ok(answer) if answer.status().is_success() => (Some(answer.status()), None),
            Ok(answer) => (Some(answer.status()), Some(format!("the address answers {}", answer.status()))),
            Err(error) => (None, Some(why(&error))),
        };
        Called { at, took_ms, status: status.map(|status: StatusCode| status.as_u16()), error }
    }
}

/// What kept a call from being answered. The address is left out: it may hold a secret.
fn why(error: &reqwest::Error) -> String {
    if let Some(refused) = Outward::refusal(error) {
        return refused.to_string();
    }
    if error.is_timeout() {
        return "the address does not answer in time".into();
    }
    let mut source = std::error::Error::source(error);
    let mut last = "no reason is known".to_owned();
    while let Some(cause) = source {
        last = cause.to_string();
        source = cause.source();
    }
    format!("the address cannot be reached: {last}")
}
