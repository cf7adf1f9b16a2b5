//! What editors and viewers see happen.

use std::sync::Arc;

use serde_json::json;
use tessera_contract::{Contract, ContractError, Credential, CxSigner, Remote, http_client};
use tessera_contract_catalog::{
    Catalog, CatalogManagement, CreateTitle, EditTitle, GetManagedTitle, GetTitle, ListChanges, ListTitles,
    PublishTitle, TitleState, WithdrawTitle,
};
use tessera_contract_media::{Asset, AssetReady};
use tessera_events::Log;
use tessera_store::{Migration, Module};
use tessera_testing::{Served, clock, cx, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::{apis, create, draft, editor, open, publish};

/// Stands for media's store: the catalog sees no more of it than its log.
static MEDIA: Module = Module {
    name: "media",
    migrations: &[Migration {
        name: "0001_elsewhere",
        sql: "create table elsewhere (tenant text not null)",
        postgres: None,
    }],
};

#[tokio::test]
async fn a_title_is_visible_from_publishing_until_withdrawing() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let title = publish(&catalog, "acme", "Arrival").await;
        assert_eq!((title.state, title.version), (TitleState::Published, 2));
        let get = || GetTitle { title_id: title.title_id.clone(), locale: None };
        assert_eq!(catalog.get_title(&cx("acme"), get()).await.unwrap().name, "Arrival");

        let withdraw = WithdrawTitle { title_id: title.title_id.clone(), expected_version: None };
        assert_eq!(catalog.withdraw_title(&editor("acme"), withdraw).await.unwrap().state, TitleState::Draft);
        assert_eq!(catalog.get_title(&cx("acme"), get()).await.unwrap_err().code(), "title_not_found");
        let changes = catalog.list_changes(&cx("acme").service("search"), ListChanges::default()).await.unwrap();
        assert_eq!(changes.data.iter().map(|c| (c.version, c.published)).collect::<Vec<_>>(), [(3, false)]);
    })
    .await;
}

#[tokio::test]
async fn browsing_keeps_to_window_territory_and_genre() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let now = cx("acme").business_now;
        let hour = std::time::Duration::from_secs(3600);
        let titles = [
            ("Open", json!({"starts_at": now.minus(hour), "ends_at": now.plus(hour)}), json!(null), "drama"),
            ("Closed", json!({"ends_at": now}), json!(null), "drama"),
            ("Upcoming", json!({"starts_at": now.plus(hour)}), json!(null), "drama"),
            ("German", json!({}), json!(["DE"]), "drama"),
            ("Nowhere", json!({}), json!([]), "drama"),
            ("Funny", json!({}), json!(null), "comedy"),
        ];
        for (name, window, territories, genre) in titles {
            let mut title = draft(name);
            title.window = serde_json::from_value(window).unwrap();
            title.territories = serde_json::from_value(territories).unwrap();
            title.genres = vec![genre.into()];
            let title = catalog.create_title(&editor("acme"), CreateTitle { title }).await.unwrap();
            let request = PublishTitle { title_id: title.title_id, expected_version: None };
            catalog.publish_title(&editor("acme"), request).await.unwrap();
        }
        for (territory, genre, expected) in [
            (None, None, vec!["Funny", "Open"]),
            (Some("DE"), None, vec!["Funny", "German", "Open"]),
            (Some("FR"), Some("drama"), vec!["Open"]),
            (None, Some("horror"), vec![]),
        ] {
            let caller = territory.map_or(cx("acme"), |t| cx("acme").territory(t));
            let request = ListTitles { genre: genre.map(str::to_owned), ..ListTitles::default() };
            let page = catalog.list_titles(&caller, request).await.unwrap();
            let mut names: Vec<&str> = page.data.iter().map(|title| title.name.as_str()).collect();
            names.sort_unstable(); // they were made in the same instant
            assert_eq!(names, expected, "{territory:?} {genre:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_race_is_a_version_conflict_and_changes_nothing() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let title = create(&catalog, &editor("acme"), "Arrival").await;
        let edit = |name: &str| EditTitle {
            title_id: title.title_id.clone(),
            title: draft(name),
            expected_version: title.version,
        };
        catalog.edit_title(&editor("acme"), edit("First")).await.unwrap();
        let lost = catalog.edit_title(&editor("acme"), edit("Second")).await.unwrap_err();
        assert_eq!((lost.code(), lost.status()), ("version_conflict", 412));
        let request = GetManagedTitle { title_id: title.title_id.clone() };
        let now = catalog.get_managed_title(&editor("acme"), request).await.unwrap();
        assert_eq!(now.title.name, draft("First").name);
    })
    .await;
}

#[tokio::test]
async fn another_tenants_editor_finds_no_title() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let title = publish(&catalog, "acme", "Arrival").await;
        let intruder = editor("globex");
        let id = || title.title_id.clone();
        let edit = EditTitle { title_id: id(), title: draft("Stolen"), expected_version: title.version };
        let withdraw = WithdrawTitle { title_id: id(), expected_version: None };
        for refusal in [
            catalog.get_managed_title(&intruder, GetManagedTitle { title_id: id() }).await,
            catalog.edit_title(&intruder, edit).await,
            catalog.withdraw_title(&intruder, withdraw).await,
        ] {
            assert_eq!(refusal.unwrap_err().code(), "title_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn an_assets_length_and_poster_arrive_whichever_comes_first() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let media = engine.open(&MEDIA).await;
        let shutdown = CancellationToken::new();
        let following = tokio::spawn(catalog.clone().follow_media(Log::of(&media), shutdown.clone()));
        let before = publish(&catalog, "acme", "Before").await;
        let asset: Asset = serde_json::from_value(json!({
            "asset_id": "ast_1", "upload_id": "upl_1", "protection": "cbcs", "state": "ready", "progress_percent": 100,
            "renditions": [720], "duration_seconds": 61.6, "created_at": "2026-01-15T12:00:00Z", "version": 5,
        }))
        .unwrap();
        let ready = AssetReady { asset, has_poster: true };
        let caller = cx("acme").service("media");
        let emitted: Result<(), tessera_contract::Failure> =
            media.write(&caller, ready, |tx, ready| Box::pin(async move { tx.emit(ready).await })).await;
        emitted.unwrap();

        let get = |id: &tessera_types::TitleId| GetTitle { title_id: id.clone(), locale: None };
        eventually("the title to know its asset's length", || async {
            let title = catalog.get_title(&cx("acme"), get(&before.title_id)).await.unwrap();
            title.duration_seconds.filter(|seconds| *seconds == 62)
        })
        .await;
        let after = publish(&catalog, "acme", "After").await;
        let after = catalog.get_title(&cx("acme"), get(&after.title_id)).await.unwrap();
        assert_eq!(after.duration_seconds, Some(62));
        assert_eq!(after.poster_url.as_deref(), Some("/delivery/v1/posters/ast_1.jpg"));
        shutdown.cancel();
        following.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_remote_client_is_a_catalog_and_a_key_creates_once() {
    on_every_engine(async |engine| {
        let catalog = open(engine).await;
        let signer = CxSigner::new(&[1; 32], clock());
        let server = Served::start(apis(&catalog), signer.clone()).await;
        let remote = Remote::new(http_client(), &server.base, Credential::Service(signer));
        let far = <dyn CatalogManagement>::remote(remote.clone());
        let editor = || editor("acme").key("intent-1");

        let without_key = far.create_title(&crate::editor("acme"), CreateTitle { title: draft("Once") }).await;
        assert_eq!(without_key.unwrap_err().code(), "idempotency_key_required");
        let first = far.create_title(&editor(), CreateTitle { title: draft("Once") }).await.unwrap();
        let again = far.create_title(&editor(), CreateTitle { title: draft("Once") }).await.unwrap();
        assert_eq!(first, again);
        let other = far.create_title(&editor(), CreateTitle { title: draft("Other") }).await.unwrap_err();
        assert_eq!((other.code(), other.status()), ("idempotency_conflict", 409));

        let near: Arc<dyn Catalog> = <dyn Catalog>::guarded(catalog.clone());
        let far = <dyn Catalog>::remote(remote);
        let request = ListTitles { limit: Some(5), ..ListTitles::default() };
        assert_eq!(
            near.list_titles(&cx("acme"), request.clone()).await.unwrap(),
            far.list_titles(&cx("acme"), request).await.unwrap()
        );
    })
    .await;
}
