//! An origin with two tenants, reached as a player reaches it: through the edge.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tessera_contract_delivery::{Delivery, Route};
use tessera_delivery::{DeliveryConfig, DeliveryDeps, DeliveryService};
use tessera_runtime::{
    blobs::Blobs,
    config::{Secret, ServerConfig},
    directory::{Directory, NewTenant},
    edge::{Edge, TenantKind},
    secrets::KeyRing,
};
use tessera_testing::{Engine, ManualClock, cx};
use tower::ServiceExt;

use crate::{
    assets::{self, Clip},
    neighbours::{Assets, OneKey},
};

pub(crate) struct World {
    pub(crate) delivery: Arc<DeliveryService>,
    pub(crate) assets: Arc<Assets>,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<ManualClock>,
    directory: Directory,
    router: Router,
    _engine: Engine,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(crate) async fn with(config: Value) -> Self {
        let (engine, clock) = (Engine::sqlite(), tessera_testing::clock());
        let blobs = Blobs::folder(&engine.folder().join("blobs")).unwrap();
        let directory = Directory::open(&engine.config, clock.clone()).await.unwrap();
        for tenant in ["acme", "globex"] {
            let new = NewTenant {
                id: tenant.parse().unwrap(),
                display_name: tenant.into(),
                kind: TenantKind::Test,
                default_locale: "en".parse().unwrap(),
                default_territory: None,
                hosts: Vec::new(),
            };
            directory.create(new).await.unwrap();
        }
        let assets = Arc::new(Assets::default());
        let config: DeliveryConfig = serde_json::from_value(config).unwrap();
        let delivery = open(config, &clock, &assets, &blobs, ring("1", 1));
        let router = routes(&delivery, &directory, &clock);
        Self { delivery, assets, blobs, clock, directory, router, _engine: engine }
    }

    /// The same origin with this configuration and key ring, over the same assets.
    pub(crate) fn another(&mut self, config: DeliveryConfig, keys: KeyRing) {
        self.delivery = open(config, &self.clock, &self.assets, &self.blobs, keys);
        self.router = routes(&self.delivery, &self.directory, &self.clock);
    }

    pub(crate) async fn add(&self, tenant: &str, asset: &str, protection: &str, clips: &[Clip]) {
        let descriptor = assets::store(&self.blobs, tenant, asset, protection, clips).await;
        self.assets.ready.lock().unwrap().insert((tenant.into(), asset.into()), descriptor);
    }

    pub(crate) async fn route(&self, tenant: &str, asset: &str) -> Route {
        self.route_of_tier(tenant, asset, "standard").await
    }

    pub(crate) async fn route_of_tier(&self, tenant: &str, asset: &str, tier: &str) -> Route {
        let request = serde_json::from_value(json!({"asset_id": asset, "tier": tier})).unwrap();
        self.delivery.route(&cx(tenant).service("playback"), request).await.unwrap()
    }

    /// The signed prefix of an asset, with the slash at its end.
    pub(crate) async fn prefix(&self, tenant: &str, asset: &str) -> String {
        let url = self.route(tenant, asset).await.sources[0].hls_url.clone();
        url.strip_suffix("master.m3u8").unwrap().to_owned()
    }

    pub(crate) async fn get(&self, tenant: &str, path: &str) -> Answer {
        self.send("GET", tenant, path, &[]).await
    }

    pub(crate) async fn send(&self, method: &str, tenant: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", format!("{tenant}.localhost"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        // As a connection does: a piece is let go of before the next one comes.
        while let Some(frame) = body.frame().await {
            bytes.extend(frame.unwrap().into_data().unwrap());
        }
        Answer { status: head.status.as_u16(), headers: head.headers, bytes }
    }
}

pub(crate) fn ring(id: &str, byte: u8) -> KeyRing {
    KeyRing::new(id, Secret::new([byte; 32])).unwrap()
}

fn open(
    config: DeliveryConfig,
    clock: &Arc<ManualClock>,
    assets: &Arc<Assets>,
    blobs: &Blobs,
    url_keys: KeyRing,
) -> Arc<DeliveryService> {
    let deps = DeliveryDeps {
        clock: clock.clone(),
        media: assets.clone(),
        drm: Arc::new(OneKey),
        blobs: blobs.clone(),
        url_keys,
    };
    tessera_delivery::open(config, deps)
}

fn routes(delivery: &Arc<DeliveryService>, directory: &Directory, clock: &Arc<ManualClock>) -> Router {
    let edge = Edge::new(&ServerConfig::default(), Arc::new(directory.clone()), clock.clone());
    Router::new().nest("/delivery", delivery.clone().router(Arc::new(edge)))
}
