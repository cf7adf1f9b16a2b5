//! A DRM with two tenants, reached as a player reaches it: through the edge.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, request::Builder},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tessera_contract::Cx;
use tessera_contract_drm::{AuthorizeLicence, ContentKey, Drm, GetContentKey, LicenceAccess};
use tessera_drm::{DrmConfig, DrmDeps, DrmService};
use tessera_runtime::{
    config::{Secret, ServerConfig},
    directory::{Directory, NewTenant},
    edge::{Edge, TenantKind},
    secrets::KeyRing,
};
use tessera_testing::{Engine, ManualClock, cx};
use tower::ServiceExt;

use crate::grants::Grants;

pub(crate) struct World {
    pub(crate) drm: Arc<DrmService>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Directory,
    router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn ring(id: &str, byte: u8) -> KeyRing {
    KeyRing::new(id, Secret::new([byte; 32])).unwrap()
}

pub(crate) async fn open(
    engine: &Engine,
    clock: &Arc<ManualClock>,
    grants: &Arc<Grants>,
    master: KeyRing,
) -> Arc<DrmService> {
    let deps =
        DrmDeps { clock: clock.clone(), entitlement: grants.handle(), master_keys: master, token_keys: ring("1", 7) };
    tessera_drm::open(DrmConfig::default(), &engine.config, deps).await.unwrap()
}

impl World {
    pub(crate) async fn on(engine: &Engine) -> Self {
        let (clock, grants) = (tessera_testing::clock(), Arc::new(Grants::default()));
        let drm = open(engine, &clock, &grants, ring("m1", 9)).await;
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
        let edge = Edge::new(&ServerConfig::default(), Arc::new(directory.clone()), clock.clone());
        let router = Router::new().nest("/drm", drm.clone().router(Arc::new(edge)));
        Self { drm, grants, clock, directory, router }
    }

    /// A session of acc_1, who has the plan that the title wants.
    pub(crate) async fn session(&self, tenant: &str, asset: &str) -> LicenceAccess {
        self.grants.give(tenant, "acc_1", "basic");
        self.authorize(tenant, asset, json!({})).await
    }

    pub(crate) async fn authorize(&self, tenant: &str, asset: &str, more_facts: Value) -> LicenceAccess {
        self.authorize_for(tenant, asset, more_facts, json!(null)).await
    }

    /// For the keys with these labels alone, or for all when it is `null`.
    pub(crate) async fn authorize_for(
        &self,
        tenant: &str,
        asset: &str,
        more_facts: Value,
        key_labels: Value,
    ) -> LicenceAccess {
        let mut facts = json!({"title_id": "ttl_1", "free": false, "plans": ["basic"], "minimum_age": 0});
        facts.as_object_mut().unwrap().extend(more_facts.as_object().unwrap().clone());
        let request: AuthorizeLicence = serde_json::from_value(json!({
            "session_id": "pbs_1", "asset_id": asset, "viewing": {"account_id": "acc_1"}, "facts": facts,
            "key_labels": key_labels,
        }))
        .unwrap();
        self.drm.authorize_licence(&service(tenant), request).await.unwrap()
    }

    pub(crate) async fn key(&self, tenant: &str, asset: &str) -> ContentKey {
        self.labelled_key(tenant, asset, None).await
    }

    pub(crate) async fn labelled_key(&self, tenant: &str, asset: &str, label: Option<&str>) -> ContentKey {
        let label = label.map(|label| label.parse().unwrap());
        let request = GetContentKey { asset_id: asset.parse().unwrap(), label };
        self.drm.get_content_key(&service(tenant), request).await.unwrap()
    }

    /// A ClearKey licence request at `tenant`'s host.
    pub(crate) async fn licence(&self, tenant: &str, token: &str, key_ids: &[&str]) -> Answer {
        let kids: Vec<String> = key_ids.iter().map(|id| base64url(id)).collect();
        let body = json!({"kids": kids, "type": "temporary"});
        self.send(request("POST", tenant, "/drm/v1/clearkey").header("authorization", format!("Bearer {token}")), body)
            .await
    }

    pub(crate) async fn send(&self, request: Builder, body: Value) -> Answer {
        self.send_bytes(request, if body.is_null() { Vec::new() } else { body.to_string().into_bytes() }).await
    }

    pub(crate) async fn send_bytes(&self, request: Builder, body: Vec<u8>) -> Answer {
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, bytes }
    }
}

pub(crate) fn request(method: &str, tenant: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("host", format!("{tenant}.localhost:8080"))
}

pub(crate) fn service(tenant: &str) -> Cx {
    cx(tenant).service("playback").build()
}

/// 32 hexadecimal digits as base64url.
pub(crate) fn base64url(hex: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(u128::from_str_radix(hex, 16).unwrap().to_be_bytes())
}
