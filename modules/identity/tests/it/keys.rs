//! API keys: the contract's rules, and how the edge sees a key.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tessera_contract::{Api, Caller, Contract, ContractError, FailureKind};
use tessera_contract_identity::{
    ApiKey, CreateApiKey, Identity, IdentityManagement, ListApiKeys, RevokeApiKey, RotateApiKey, conformance::RULES,
};
use tessera_identity::IdentityService;
use tessera_testing::{conforms, cx, on_every_engine};
use tessera_types::Clock;

use crate::world::{PASSWORD, World};

pub(crate) fn apis(identity: &Arc<IdentityService>) -> Vec<Api> {
    vec![<dyn Identity>::api(identity.clone()), <dyn IdentityManagement>::api(identity.clone())]
}

/// The state that the rules ask for.
pub(crate) async fn fixture(world: &World) -> Value {
    let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
    let ours = world.identity.issue_api_key(&acme, "ours", &["catalog:write"]).await.unwrap();
    let others = world.identity.issue_api_key(&globex, "others", &["*"]).await.unwrap();
    let account = world.identity.create_account(&acme, "ada@example.org", PASSWORD).await.unwrap();
    let others_account = world.identity.create_account(&globex, "ada@example.org", PASSWORD).await.unwrap();
    json!({
        "secret": ours.secret, "key": ours.key.key_id, "scope": "catalog:write", "others": others.key.key_id,
        "email": "ada@example.org", "account": account.account_id, "others_account": others_account.account_id,
    })
}

#[tokio::test]
async fn identity_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let fixture = fixture(&world).await;
        conforms("identity", RULES, || apis(&world.identity), &fixture).await;
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_do_more_than_they_may() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let editor = cx("acme").staff(&["identity:write", "catalog:write"]);
        let create = async |scopes: &[&str]| {
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            world.identity.create_api_key(&editor, CreateApiKey { name: "key".into(), scopes, expires_at: None }).await
        };
        create(&["catalog:write"]).await.unwrap();
        for more in [&["catalog:write", "billing:write"][..], &["*"]] {
            assert_eq!(create(more).await.unwrap_err().code(), "scope_exceeded", "{more:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_edge_takes_a_key_for_its_tenant_until_it_is_revoked() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let live = world.identity.issue_api_key(&acme, "ingest", &["media:write"]).await.unwrap();
        let test = world.identity.issue_api_key(&globex, "ingest", &["media:write"]).await.unwrap();
        assert!(live.secret.starts_with("sk_live_") && test.secret.starts_with("sk_test_"));
        let caller = world.bearer("acme", &live.secret).await.unwrap();
        assert_eq!(caller, Caller::Staff { subject: live.key.key_id.to_string(), scopes: live.key.scopes.clone() });
        let elsewhere = world.bearer("globex", &live.secret).await.unwrap_err();
        assert_eq!(elsewhere.kind, FailureKind::Unauthenticated);

        let request = RevokeApiKey { key_id: live.key.key_id };
        world.identity.revoke_api_key(&cx("acme").staff(&["*"]), request).await.unwrap();
        let revoked = world.bearer("acme", &live.secret).await.unwrap_err();
        assert_eq!(revoked.kind, FailureKind::Unauthenticated, "at once, not when the edge's cache runs out");
        world.bearer("globex", &test.secret).await.unwrap();
    })
    .await;
}

fn rotate(key: &ApiKey, hours: u32) -> RotateApiKey {
    RotateApiKey { key_id: key.key_id.clone(), grace_seconds: Some(hours * 3600) }
}

#[tokio::test]
async fn each_replaced_secret_works_for_its_own_grace_and_a_revocation_ends_them_all() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (acme, staff) = ("acme".parse().unwrap(), cx("acme").staff(&["*"]));
        let first = world.identity.issue_api_key(&acme, "ingest", &["media:write"]).await.unwrap();
        let takes = async |secret: &str| world.bearer("acme", secret).await.is_ok();
        let again = async |hours| world.identity.rotate_api_key(&staff, rotate(&first.key, hours)).await.unwrap();
        let (second, third) = (again(2).await, again(1).await);
        assert_ne!(first.key.prefix, third.key.prefix);
        assert!(third.secret.starts_with(third.key.prefix.as_deref().unwrap()) && third.secret.starts_with("sk_live_"));
        assert_eq!(third.key.old_secret_until, Some(world.clock.now().plus(Duration::from_secs(7200))));
        assert!(takes(&first.secret).await && takes(&second.secret).await && takes(&third.secret).await);

        world.clock.advance(Duration::from_secs(3700));
        world.edge.forget_api_keys(); // its own two seconds are not this test's matter
        assert!(takes(&first.secret).await && !takes(&second.secret).await && takes(&third.secret).await);
        world.identity.sweep().await.unwrap();
        assert!(takes(&first.secret).await, "a sweep takes what ran out alone");

        let fourth = again(0).await;
        assert!(!takes(&first.secret).await && !takes(&third.secret).await, "without a grace, at once");
        assert!(takes(&fourth.secret).await && fourth.key.old_secret_until.is_none());
        let fifth = again(1).await;
        world.identity.revoke_api_key(&staff, RevokeApiKey { key_id: first.key.key_id.clone() }).await.unwrap();
        assert!(!takes(&fourth.secret).await && !takes(&fifth.secret).await);
    })
    .await;
}

#[tokio::test]
async fn a_key_stops_at_its_end_and_gets_no_new_secret_then() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let staff = cx("acme").staff(&["*"]);
        let end = world.clock.now().plus(Duration::from_secs(60));
        let request = CreateApiKey { name: "brief".into(), scopes: vec!["media:write".into()], expires_at: Some(end) };
        let made = world.identity.create_api_key(&staff, request).await.unwrap();
        assert_eq!((made.key.expires_at, made.key.created_by.as_deref()), (Some(end), Some("staff:staff_test")));
        let rotated = world.identity.rotate_api_key(&staff, rotate(&made.key, 1)).await.unwrap();
        world.bearer("acme", &made.secret).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        world.edge.forget_api_keys();
        for secret in [&made.secret, &rotated.secret] {
            assert_eq!(world.bearer("acme", secret).await.unwrap_err().kind, FailureKind::Unauthenticated);
        }
        let ended = world.identity.rotate_api_key(&staff, rotate(&made.key, 1)).await.unwrap_err();
        assert_eq!(ended.code(), "api_key_ended");
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_the_secret_of_a_key_that_may_do_more_than_they_may() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let root = world.identity.issue_api_key(&"acme".parse().unwrap(), "root", &["*"]).await.unwrap();
        let editor = cx("acme").staff(&["identity:write", "catalog:write"]);
        let refused = world.identity.rotate_api_key(&editor, rotate(&root.key, 1)).await.unwrap_err();
        assert_eq!(refused.code(), "scope_exceeded");
        world.bearer("acme", &root.secret).await.unwrap();
        let elsewhere = world.identity.rotate_api_key(&cx("globex").staff(&["*"]), rotate(&root.key, 0)).await;
        assert_eq!(elsewhere.unwrap_err().code(), "api_key_not_found");
        world.bearer("acme", &root.secret).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_the_last_use_at_once_and_the_store_has_it_after_a_write() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let made = world.identity.issue_api_key(&"acme".parse().unwrap(), "ingest", &["media:write"]).await.unwrap();
        let others = world.identity.issue_api_key(&"globex".parse().unwrap(), "idle", &["media:write"]).await.unwrap();
        let shown = async |tenant: &str| {
            let page = world.identity.list_api_keys(&cx(tenant).staff(&["*"]), ListApiKeys::default()).await.unwrap();
            page.data[0].last_used_at
        };
        assert_eq!((shown("acme").await, shown("globex").await), (None, None));
        world.bearer("acme", &made.secret).await.unwrap();
        let first = world.clock.now();
        assert_eq!(shown("acme").await, Some(first));
        world.identity.write_key_uses().await.unwrap();
        assert_eq!(shown("acme").await, Some(first), "kept, and no longer only noted");
        world.clock.advance(Duration::from_secs(600));
        world.bearer("acme", &made.secret).await.unwrap();
        assert_eq!(shown("acme").await, Some(world.clock.now()), "though the edge remembers the key");
        assert_eq!(shown("globex").await, None);
        world.bearer("globex", &made.secret).await.unwrap_err();
        world.bearer("globex", &others.secret).await.unwrap();
        assert_eq!(shown("globex").await, Some(world.clock.now()));
    })
    .await;
}
