//! API keys: the contract's rules, and how the edge sees a key.

use std::sync::Arc;

use serde_json::json;
use tessera_contract::{Api, Caller, Contract, ContractError, FailureKind};
use tessera_contract_identity::{CreateApiKey, Identity, IdentityManagement, RevokeApiKey, conformance::RULES};
use tessera_identity::IdentityService;
use tessera_testing::{conforms, cx, on_every_engine};

use crate::world::{PASSWORD, World};

fn apis(identity: &Arc<IdentityService>) -> Vec<Api> {
    vec![<dyn Identity>::api(identity.clone()), <dyn IdentityManagement>::api(identity.clone())]
}

#[tokio::test]
async fn identity_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let ours = world.identity.issue_api_key(&acme, "ours", &["catalog:write"]).await.unwrap();
        let others = world.identity.issue_api_key(&globex, "others", &["*"]).await.unwrap();
        let account = world.identity.create_account(&acme, "ada@example.org", PASSWORD).await.unwrap();
        let others_account = world.identity.create_account(&globex, "ada@example.org", PASSWORD).await.unwrap();
        let fixture = json!({
            "secret": ours.secret, "key": ours.key.key_id, "scope": "catalog:write", "others": others.key.key_id,
            "email": "ada@example.org", "account": account.account_id, "others_account": others_account.account_id,
        });
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
            world.identity.create_api_key(&editor, CreateApiKey { name: "key".into(), scopes }).await
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
