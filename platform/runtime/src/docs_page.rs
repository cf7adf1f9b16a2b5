//! `/docs`: every contract's document in an interactive reference, from files in this binary.
//!
//! The page loads nothing from elsewhere and talks to nobody but this host.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde::Deserialize;

/// The vendored Swagger UI; also the cache key of every asset of the page.
const VERSION: &str = "5.35.0-1";

/// Its own files and nothing else; `data:` for the pictures in Swagger UI's style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The file of the document of events.
const EVENTS: &str = "asyncapi.json";

const PAGE: &str = include_str!("../assets/docs/page.html");

const ASSETS: [(&str, &str, &[u8]); 4] = [
    ("swagger-ui-bundle.js", "text/javascript", include_bytes!("../vendor/swagger-ui/swagger-ui-bundle.js")),
    ("swagger-ui.css", "text/css", include_bytes!("../vendor/swagger-ui/swagger-ui.css")),
    ("docs.js", "text/javascript", include_bytes!("../assets/docs/docs.js")),
    ("docs.css", "text/css", include_bytes!("../assets/docs/docs.css")),
];

/// The reference's routes: the page at `/docs`, and each contract's OpenAPI document at `/docs/<name>.json`.
///
/// Documents are listed in the order given; `events` is the AsyncAPI document of what is told, at `/docs/asyncapi.json`. To let the page try operations out, a document's `servers` names the
/// contract's mount, `/catalog`, as those of the contract kit do.
pub fn router(title: &str, documents: Vec<(String, serde_json::Value)>, events: Option<serde_json::Value>) -> Router {
    let reference = Reference {
        title: title.to_owned(),
        names: documents.iter().map(|(name, _)| name.clone()).collect(),
        documents: documents.into_iter().map(|(name, json)| (name, Bytes::from(json.to_string()))).collect(),
        events: events.map(|json| Bytes::from(json.to_string())),
    };
    Router::new()
        .route("/docs", get(page))
        .route("/docs/{document}", get(document))
        .route(&format!("/docs/assets/{VERSION}/{{file}}"), get(asset))
        .with_state(Arc::new(reference))
}

struct Reference {
    title: String,
    names: Vec<String>,
    documents: BTreeMap<String, Bytes>,
    events: Option<Bytes>,
}

#[derive(Deserialize)]
struct Wanted {
    contract: Option<String>,
}

async fn page(State(reference): State<Arc<Reference>>, Query(wanted): Query<Wanted>) -> Response {
    let known = wanted.contract.filter(|name| reference.documents.contains_key(name));
    let Some(selected) = known.or_else(|| reference.names.first().cloned()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(header::CONTENT_SECURITY_POLICY, POLICY), NO_STORE], Html(reference.page(&selected))).into_response()
}

const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");

impl Reference {
    fn page(&self, selected: &str) -> String {
        let option = |name: &String| {
            let mark = if name == selected { " selected" } else { "" };
            format!("<option value=\"{0}\"{mark}>{0}</option>", escape(name))
        };
        let options: String = self.names.iter().map(option).collect();
        let events = format!("<a class=\"document\" href=\"/docs/{EVENTS}\">AsyncAPI document</a>\n");
        PAGE.replace("{version}", VERSION)
            .replace("{events}", if self.events.is_some() { &events } else { "" })
            .replace("{options}", &options)
            .replace("{selected}", &escape(selected))
            .replace("{title}", &escape(&self.title))
    }
}

async fn document(State(reference): State<Arc<Reference>>, Path(file): Path<String>) -> Response {
    let found = match &*file {
        EVENTS => reference.events.as_ref(),
        _ => file.strip_suffix(".json").and_then(|name| reference.documents.get(name)),
    };
    match found {
        Some(json) => ([(header::CONTENT_TYPE, "application/json"), NO_STORE], json.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn asset(Path(file): Path<String>) -> Response {
    let a_year = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    match ASSETS.iter().find(|(name, ..)| *name == file) {
        Some((_, kind, bytes)) => ([(header::CONTENT_TYPE, *kind), a_year], Bytes::from_static(bytes)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
