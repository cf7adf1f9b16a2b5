//! The built-in catalog against its contract, and what it does besides.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod behaviour;
mod faults;

use std::sync::Arc;

use serde_json::{Value, json};
use tessera_catalog::{CatalogConfig, CatalogService};
use tessera_contract::{Api, Contract};
use tessera_contract_catalog::{
    Catalog, CatalogManagement, CreateTitle, ManagedTitle, PublishTitle, TitleDraft, conformance::RULES,
};
use tessera_testing::{Calls, Engine, clock, conforms, cx, on_every_engine};

#[tokio::test]
async fn the_catalog_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let fixture = stocked(&catalog).await;
        conforms("catalog", RULES, || apis(&catalog), &fixture).await;
    })
    .await;
}

/// The state that the rules ask for.
async fn stocked(catalog: &CatalogService) -> Value {
    let draft = create(catalog, &editor("acme"), "Draft").await;
    let published = publish(catalog, "acme", "Arrival").await;
    for name in ["Sunrise", "Playtime", "Stalker"] {
        publish(catalog, "acme", name).await;
    }
    let others = publish(catalog, "globex", "Metropolis").await;
    json!({
        "published": published.title_id, "published_name": "Arrival", "locale": "en", "draft": draft.title_id,
        "others": others.title_id, "asset": "ast_1",
    })
}

async fn open(engine: &Engine) -> Arc<CatalogService> {
    tessera_catalog::open(CatalogConfig::default(), &engine.config, clock()).await.unwrap()
}

fn apis(catalog: &Arc<CatalogService>) -> Vec<Api> {
    let (contract, management) = (catalog.clone() as Arc<dyn Catalog>, catalog.clone() as Arc<dyn CatalogManagement>);
    vec![<dyn Catalog>::api(contract), <dyn CatalogManagement>::api(management)]
}

fn editor(tenant: &str) -> Calls {
    cx(tenant).staff(&["catalog:write", "catalog:read"])
}

fn draft(name: &str) -> TitleDraft {
    serde_json::from_value(json!({
        "name": {"en": name}, "genres": ["drama"], "asset_id": "ast_1", "access": {"plans": ["basic"]},
    }))
    .unwrap()
}

async fn create(catalog: &CatalogService, editor: &Calls, name: &str) -> ManagedTitle {
    catalog.create_title(editor, CreateTitle { title: draft(name) }).await.unwrap()
}

async fn publish(catalog: &CatalogService, tenant: &str, name: &str) -> ManagedTitle {
    let title = create(catalog, &editor(tenant), name).await;
    let request = PublishTitle { title_id: title.title_id, expected_version: Some(title.version) };
    catalog.publish_title(&editor(tenant), request).await.unwrap()
}
