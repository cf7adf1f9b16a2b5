//! Somebody outside who is told of every event.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use serde_json::{Value, json};
use tessera_testing::Served;

use super::deployment::Deployment;

/// The ids of events that came.
type Heard = Arc<Mutex<BTreeSet<String>>>;

/// An address that every event of the tenant is brought to.
pub(super) struct Hook {
    heard: Heard,
    _served: Served,
}

impl Hook {
    /// Registers one.
    pub(super) async fn open(deployment: &Deployment) -> Self {
        let heard = Heard::default();
        let take = async |State(heard): State<Heard>, body: Bytes| {
            let event: Value = serde_json::from_slice(&body).unwrap_or_default();
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            heard.lock().expect("nobody panics while holding it").insert(id);
        };
        let served = Served::router(Router::new().route("/hook", post(take)).with_state(heard.clone())).await;
        let endpoint = json!({"url": format!("{}/hook", served.base), "event_types": ["*"]});
        deployment.staff().post("/webhooks/v1/endpoints", endpoint).await.ok();
        Self { heard, _served: served }
    }

    /// Whether this event came.
    pub(super) fn heard(&self, id: &str) -> bool {
        self.heard.lock().expect("nobody panics while holding it").contains(id)
    }
}
