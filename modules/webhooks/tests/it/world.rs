//! Webhooks, a module that tells something, and receivers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tessera_contract::{Contract, Cx, Event, Failure};
use tessera_contract_webhooks::{
    CreateEndpoint, DeliveryState, DeliveryWithAttempts, EndpointWithSecret, GetDelivery, ListDeliveries, Webhooks,
};
use tessera_events::Log;
use tessera_runtime::{config::Secret, secrets::KeyRing};
use tessera_store::{Migration, Module, Store};
use tessera_testing::{Engine, ManualClock, Served, clock, cx, eventually};
use tessera_types::{DeliveryId, WebhookId};
use tessera_webhooks::{Deps, WebhooksConfig, WebhooksService};
use tokio_util::sync::CancellationToken;

/// The type of [`Changed`].
pub(crate) const THING: &str = "tessera.source.thing.changed.v1";

static SOURCE: Module = Module {
    name: "source",
    migrations: &[Migration { name: "0001_source", sql: "create table source (tenant text not null)", postgres: None }],
};

/// What is told.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Changed {
    subject: String,
    version: i64,
}

impl Event for Changed {
    const TYPE: &'static str = THING;
    fn subject(&self) -> String {
        self.subject.clone()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Settings by which a receiver of this machine may be called.
pub(crate) fn local() -> WebhooksConfig {
    WebhooksConfig { networks: vec!["127.0.0.0/8".parse().unwrap()], allow_http: true, ..WebhooksConfig::default() }
}

/// One post as it came.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Post {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Default)]
struct Inbox {
    posts: Vec<Post>,
    /// Statuses of the next answers; then 204.
    answers: VecDeque<u16>,
}

/// A receiver.
#[derive(Clone)]
pub(crate) struct Receiver {
    inbox: Arc<Mutex<Inbox>>,
    served: Arc<Served>,
}

impl Receiver {
    pub(crate) async fn open() -> Self {
        let inbox: Arc<Mutex<Inbox>> = Arc::default();
        let take = async |State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: Bytes| {
            let mut inbox = inbox.lock().unwrap();
            inbox.posts.push(Post { headers, body: String::from_utf8(body.to_vec()).unwrap() });
            StatusCode::from_u16(inbox.answers.pop_front().unwrap_or(204)).unwrap()
        };
        let router = Router::new().route("/hook", post(take)).with_state(inbox.clone());
        Self { inbox, served: Arc::new(Served::router(router).await) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/hook", self.served.base)
    }

    pub(crate) fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.inbox.lock().unwrap().answers.extend(statuses);
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.inbox.lock().unwrap().posts.clone()
    }

    pub(crate) async fn has(&self, count: usize) -> Vec<Post> {
        eventually(&format!("{count} posts"), async || Some(self.posts()).filter(|posts| posts.len() >= count)).await
    }
}

/// Webhooks at work.
pub(crate) struct World {
    pub(crate) webhooks: Arc<WebhooksService>,
    pub(crate) source: Store,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) fn staff(tenant: &str) -> Cx {
    cx(tenant).staff(&["webhooks:read", "webhooks:write"]).build()
}

impl World {
    pub(crate) async fn open(engine: &Engine, config: WebhooksConfig) -> Self {
        let clock = clock();
        let master_keys = KeyRing::new("1", Secret::new([7; 32])).unwrap();
        let deps = Deps { clock: clock.clone(), master_keys, event_types: vec![THING] };
        let webhooks = tessera_webhooks::open(config, &engine.config, deps).await.unwrap();
        Self { webhooks, source: engine.open_at(&SOURCE, clock.clone()).await, clock }
    }

    pub(crate) fn api(&self) -> Arc<dyn Webhooks> {
        <dyn Webhooks>::guarded(self.webhooks.clone())
    }

    pub(crate) async fn register(&self, tenant: &str, url: &str, key: &str) -> EndpointWithSecret {
        let request = CreateEndpoint { url: url.into(), description: String::new(), event_types: vec![THING.into()] };
        let cx = staff(tenant).with_idempotency_key(key);
        self.api().create_endpoint(&cx, request).await.unwrap()
    }

    /// Follows and delivers until it is stopped.
    pub(crate) fn work(&self) -> Working {
        let stop = CancellationToken::new();
        let follow = self.webhooks.clone().follow("webhooks.source", Log::of(&self.source), stop.clone());
        let deliver = self.webhooks.clone().deliver(stop.clone());
        Working { stop, tasks: vec![tokio::spawn(follow), tokio::spawn(deliver)] }
    }

    pub(crate) async fn tell(&self, tenant: &str, subject: &str, version: i64) {
        let event = Changed { subject: subject.into(), version };
        let write = self.source.write(&cx(tenant), event, |tx, event| Box::pin(async move { tx.emit(event).await }));
        let told: Result<(), Failure> = write.await;
        told.unwrap();
    }

    pub(crate) async fn deliveries(&self, endpoint: &WebhookId, state: DeliveryState) -> Vec<DeliveryId> {
        let request =
            ListDeliveries { endpoint_id: endpoint.clone(), state: Some(state), limit: Some(100), cursor: None };
        let page = self.api().list_deliveries(&staff("acme"), request).await.unwrap();
        page.data.into_iter().map(|delivery| delivery.delivery_id).collect()
    }

    pub(crate) async fn delivery(&self, id: &DeliveryId) -> DeliveryWithAttempts {
        self.api().get_delivery(&staff("acme"), GetDelivery { delivery_id: id.clone() }).await.unwrap()
    }

    /// Waits for so many deliveries in this state, while the clock goes on so that what waits has its turn.
    pub(crate) async fn until(&self, endpoint: &WebhookId, state: DeliveryState, count: usize) -> Vec<DeliveryId> {
        eventually(&format!("{count} deliveries {state:?}"), async || {
            self.clock.advance(std::time::Duration::from_secs(20));
            Some(self.deliveries(endpoint, state).await).filter(|found| found.len() >= count)
        })
        .await
    }
}

/// What runs beside.
pub(crate) struct Working {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Working {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}
