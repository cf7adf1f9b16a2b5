//! Access tokens at the edge, and the keys that sign them.

use std::time::Duration;

use serde_json::Value;
use tessera_contract::FailureKind;
use tessera_testing::on_every_engine;

use crate::world::{World, authorize_path, claims, location, param};

#[tokio::test]
async fn expired_forged_and_foreign_tokens_open_nothing() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let token = browser.redeem(&browser.code("").await).await.unwrap().access;
        world.bearer("acme", &token).await.unwrap();
        let elsewhere = world.bearer("globex", &token).await.unwrap_err();
        assert_eq!(elsewhere.kind, FailureKind::Unauthenticated);

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
        let mut forged = vec![format!("{signed}.{flipped}{}", &signature[1..]), format!("{signed}.")];
        let (header, payload) = signed.split_once('.').unwrap();
        forged.push(format!("{header}.{}A.{signature}", &payload[..payload.len() - 1]));
        forged.push(format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}."));
        for forged in forged {
            let refused = world.bearer("acme", &forged).await.unwrap_err();
            assert_eq!(refused.kind, FailureKind::Unauthenticated, "{forged}");
        }
        world.clock.advance(Duration::from_secs(600 + 30));
        assert_eq!(world.bearer("acme", &token).await.unwrap_err().kind, FailureKind::Unauthenticated);
    })
    .await;
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_old_tokens_hold() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let key_ids = async || {
            let keys: Value = browser.get("/identity/oauth/jwks").await.json().await.unwrap();
            let keys = keys["keys"].as_array().unwrap().clone();
            assert!(keys.iter().all(|key| key["alg"] == "ES256" && key.get("d").is_none()), "{keys:?}");
            keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let tokens = browser.redeem(&browser.code("").await).await.unwrap();
        let old = kid(&tokens.access);
        let new = world.identity.rotate_signing_key(&"acme".parse().unwrap()).await.unwrap();
        assert_eq!(key_ids().await, [old.clone(), new.clone()]);

        let tokens = browser.refresh(&tokens.refresh).await.unwrap();
        assert_eq!(kid(&tokens.access), old, "not everybody knows the new key yet");
        world.clock.advance(Duration::from_secs(3600 - 1));
        let before = browser.refresh(&tokens.refresh).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        let after = browser.refresh(&before.refresh).await.unwrap();
        assert_eq!((kid(&before.access), kid(&after.access)), (old, new.clone()));
        world.clock.advance(Duration::from_secs(590));
        for token in [&before.access, &after.access] {
            world.bearer("acme", token).await.unwrap();
        }
        world.clock.advance(Duration::from_secs(100));
        assert_eq!(key_ids().await, [new]);
    })
    .await;
}

#[tokio::test]
async fn the_first_requests_of_a_tenant_agree_on_its_key() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let asked = (0..16).map(|_| {
            let browser = world.browser("acme");
            tokio::spawn(async move { browser.get("/identity/oauth/jwks").await.json::<Value>().await.unwrap() })
        });
        let mut first = None;
        for keys in asked.collect::<Vec<_>>() {
            let keys = keys.await.unwrap();
            assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
            assert_eq!(*first.get_or_insert_with(|| keys.clone()), keys);
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_gets_a_successor_by_its_age_alone() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let jwks = async || -> Value { world.browser("acme").get("/identity/oauth/jwks").await.json().await.unwrap() };
        assert_eq!(jwks().await["keys"].as_array().unwrap().len(), 1);
        world.clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(jwks().await["keys"].as_array().unwrap().len(), 2);
        let globex: Value = world.browser("globex").get("/identity/oauth/jwks").await.json().await.unwrap();
        assert_ne!(globex["keys"][0]["kid"], jwks().await["keys"][0]["kid"], "each tenant has its own");
    })
    .await;
}

#[tokio::test]
async fn the_same_address_is_somebody_else_in_another_tenant() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (acme, globex) =
            (world.member("acme", "ada@example.org").await, world.member("globex", "ada@example.org").await);
        let ours = claims(&acme.redeem(&acme.code("").await).await.unwrap().id);
        let callback = format!("{}/auth/callback", world.origin("globex"));
        let answer = globex.get(&authorize_path("tessera-viewer", &callback)).await;
        let code = param(&location(&answer), "code").unwrap();
        let own = [("client_id", "tessera-viewer"), ("redirect_uri", callback.as_str())];
        let theirs = claims(&globex.redeem_with(&code, &own).await.unwrap().id);
        assert_ne!(ours["sub"], theirs["sub"]);
        assert_eq!(ours["email"], theirs["email"]);
        let request = authorize_path("tessera-viewer", &callback);
        let acme_cookie_elsewhere = world.browser("globex").get(&format!("{request}&prompt=none")).await;
        assert_eq!(param(&location(&acme_cookie_elsewhere), "error").as_deref(), Some("login_required"));
    })
    .await;
}

#[tokio::test]
async fn what_ran_out_is_forgotten_and_what_stands_is_not() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let count = async |sql| world.identity.store().system().scalar::<i64>(sql, vec![]).await.unwrap();
        let browser = world.member("acme", "ada@example.org").await;
        let tokens = browser.redeem(&browser.code("").await).await.unwrap();
        world.clock.advance(Duration::from_secs(3600));
        world.identity.sweep().await.unwrap();
        browser.refresh(&tokens.refresh).await.expect("a sweep leaves what stands");
        world.clock.advance(Duration::from_secs(31 * 24 * 3600));
        world.identity.sweep().await.unwrap();
        for table in [
            "select count(*) from codes",
            "select count(*) from grants",
            "select count(*) from refresh_tokens",
            "select count(*) from sign_ins",
        ] {
            assert_eq!(count(table).await, 0, "{table}");
        }
        assert_eq!(count("select count(*) from accounts").await, 1);
    })
    .await;
}
