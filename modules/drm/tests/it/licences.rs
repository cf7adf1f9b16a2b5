//! Licences: for the session's own key, while the grant stands, and for nobody else.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tessera_testing::on_every_engine;

use crate::world::{World, base64url, request};

#[tokio::test]
async fn a_session_gets_the_key_of_what_it_plays() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        let access = world.session("acme", "ast_1").await;
        assert_eq!(access.servers[0].key_system, "org.w3.clearkey");
        assert_eq!(access.servers[0].url, "/drm/v1/clearkey");

        let answer = world.licence("acme", &access.token, &[&key.key_id]).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let jwk = json!({"kty": "oct", "kid": base64url(&key.key_id), "k": base64url(&key.key)});
        assert_eq!(answer.json(), json!({"keys": [jwk], "type": "temporary"}));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["content-type"], "application/json");
    })
    .await;
}

#[tokio::test]
async fn the_identity_form_gives_the_same_key_under_the_same_conditions() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let (key, other) = (world.key("acme", "ast_1").await, world.key("acme", "ast_2").await);
        let access = world.session("acme", "ast_1").await;
        let fetch = async |key_id: &str, token: &str| {
            let bearer = format!("Bearer {token}");
            let path = format!("/drm/v1/clearkey/{key_id}");
            world.send(request("GET", "acme", &path).header("authorization", bearer), Value::Null).await
        };
        let answer = fetch(&key.key_id, &access.token).await;
        assert_eq!(
            (answer.status, answer.bytes),
            (200, u128::from_str_radix(&key.key, 16).unwrap().to_be_bytes().to_vec())
        );
        assert_eq!(fetch(&other.key_id, &access.token).await.code(), "key_not_found");
        assert_eq!(fetch(&key.key_id, "x").await.code(), "token_invalid");
        assert_eq!(fetch("../clearkey", &access.token).await.status, 404);
        assert_eq!(fetch("xyz", &access.token).await.code(), "invalid_request");
        world.grants.revoke("acme", "acc_1", "basic");
        assert_eq!(fetch(&key.key_id, &access.token).await.code(), "licence_denied");
    })
    .await;
}

#[tokio::test]
async fn without_a_grant_or_after_its_revocation_the_decision_s_reason_is_told() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        // A grant in the other tenant is none here.
        world.grants.give("globex", "acc_1", "basic");
        let access = world.authorize("acme", "ast_1", json!({})).await;
        let denied = world.licence("acme", &access.token, &[&key.key_id]).await;
        assert_eq!((denied.status, denied.code().as_str()), (403, "licence_denied"));
        assert_eq!(denied.headers["content-type"], "application/problem+json");
        assert_eq!(denied.json()["detail"], "No plan of yours includes it.");

        world.grants.give("acme", "acc_1", "basic");
        assert_eq!(world.licence("acme", &access.token, &[&key.key_id]).await.status, 200);
        world.grants.revoke("acme", "acc_1", "basic");
        assert_eq!(world.licence("acme", &access.token, &[&key.key_id]).await.code(), "licence_denied");
    })
    .await;
}

#[tokio::test]
async fn a_decision_is_made_at_the_tenant_s_own_time() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        world.grants.give("acme", "acc_1", "basic");
        let access = world.authorize("acme", "ast_1", json!({"available_until": "2026-01-16T12:00:00Z"})).await;
        assert_eq!(world.licence("acme", &access.token, &[&key.key_id]).await.status, 200);
        world.directory.advance_clock(&"acme".parse().unwrap(), Duration::from_secs(25 * 3600)).await.unwrap();
        let denied = world.licence("acme", &access.token, &[&key.key_id]).await;
        assert_eq!(denied.json()["detail"], "It left the programme.");
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_asset_or_tenant_is_not_found() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let ours = world.key("acme", "ast_1").await.key_id;
        let others = [world.key("acme", "ast_2").await.key_id, world.key("globex", "ast_1").await.key_id];
        let access = world.session("acme", "ast_1").await;
        for other in &others {
            for wanted in [&[other.as_str()][..], &[ours.as_str(), other.as_str()]] {
                let answer = world.licence("acme", &access.token, wanted).await;
                assert_eq!((answer.status, answer.code().as_str()), (404, "key_not_found"));
            }
        }
        let access = world.session("acme", "ast_without_a_key").await;
        assert_eq!(world.licence("acme", &access.token, &[&ours]).await.code(), "key_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_session_gets_the_keys_of_its_tier_and_no_other() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let mut ids = Vec::new();
        for label in [None, Some("audio"), Some("hd"), Some("sd")] {
            ids.push(world.labelled_key("acme", "ast_1", label).await.key_id);
        }
        let [whole, audio, hd, sd] = &ids[..] else { panic!("four keys") };
        world.grants.give("acme", "acc_1", "basic");
        let given = async |labels: Value, wanted: &[&str]| {
            let access = world.authorize_for("acme", "ast_1", json!({}), labels).await;
            let answer = world.licence("acme", &access.token, wanted).await;
            let keys = answer.json()["keys"].as_array().cloned().unwrap_or_default();
            (answer.code(), keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        let all = [whole.as_str(), audio, hd, sd];
        let expected = |ids: &[&String]| (String::new(), ids.iter().map(|id| base64url(id)).collect::<Vec<_>>());
        assert_eq!(given(json!(null), &all).await, expected(&[whole, audio, hd, sd]), "no list is all of them");
        assert_eq!(given(json!(["audio", "sd"]), &all).await, expected(&[audio, sd]));
        assert_eq!(given(json!(["audio", "sd"]), &[sd]).await, expected(&[sd]), "what is asked for");
        assert_eq!(given(json!(["audio", "sd"]), &[hd]).await.0, "licence_denied");
        assert_eq!(given(json!([]), &all).await.0, "licence_denied");
        let access = world.authorize_for("acme", "ast_1", json!({}), json!(["audio", "sd"])).await;
        let bearer = format!("Bearer {}", access.token.as_str());
        for (id, status) in [(sd, 200), (hd, 403), (whole, 403)] {
            let path = format!("/drm/v1/clearkey/{id}");
            let fetched = request("GET", "acme", &path).header("authorization", &bearer);
            assert_eq!(world.send(fetched, Value::Null).await.status, status, "the bare key");
        }
    })
    .await;
}

#[tokio::test]
async fn forged_expired_and_foreign_tokens_are_401() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        let access = world.session("acme", "ast_1").await;
        world.session("globex", "ast_1").await;
        let refused = async |tenant: &str, token: &str| {
            let answer = world.licence(tenant, token, &[&key.key_id]).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "token_invalid"), "{token:.30} at {tenant}");
            answer.json()["detail"].as_str().unwrap().to_owned()
        };
        let (head, signature) = access.token.rsplit_once('.').unwrap();
        let claims = head.split('.').nth(1).unwrap();
        let richer = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let richer = BASE64_URL_SAFE_NO_PAD.encode(richer.replace("\"free\":false", "\"free\":true"));
        let unsigned = format!("{}.{richer}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        let altered = format!("{}.{richer}.{signature}", head.split('.').next().unwrap());
        for token in ["", "not-a-token", &unsigned, &altered, &access.token[1..]] {
            refused("acme", token).await;
        }
        assert!(refused("globex", &access.token).await.contains("another service"));
        world.clock.advance(Duration::from_secs(6 * 3600));
        assert!(refused("acme", &access.token).await.contains("run out"));
    })
    .await;
}

#[tokio::test]
async fn malformed_requests_and_unknown_hosts_are_problems_that_a_player_elsewhere_can_read() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let access = world.session("acme", "ast_1").await;
        let bearer = format!("Bearer {}", access.token.expose());
        let post = |tenant: &str| request("POST", tenant, "/drm/v1/clearkey").header("authorization", bearer.clone());
        let offline = json!({"kids": [base64url("00")], "type": "persistent-license"});
        for (answer, status, code) in [
            (world.send_bytes(post("acme"), b"{".to_vec()).await, 400, "invalid_request"),
            (world.send_bytes(post("acme"), vec![b'['; 5000]).await, 413, "payload_too_large"),
            (world.send_bytes(post("acme"), vec![b'['; 4000]).await, 400, "invalid_request"),
            (world.send(post("acme"), offline.clone()).await, 400, "invalid_request"),
            (world.send(post("nobody"), offline).await, 404, "not_found"),
            (world.send(request("POST", "acme", "/drm/v1/clearkey"), json!({})).await, 401, "token_invalid"),
        ] {
            assert_eq!((answer.status, answer.code().as_str()), (status, code));
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
        let preflight = request("OPTIONS", "acme", "/drm/v1/clearkey")
            .header("origin", "https://player.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = world.send(preflight, Value::Null).await;
        assert_eq!(answer.status, 200);
        let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    })
    .await;
}

#[tokio::test]
async fn when_entitlement_cannot_be_asked_there_is_no_licence_and_it_says_try_again() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        let access = world.session("acme", "ast_1").await;
        world.grants.cut_off();
        let answer = world.licence("acme", &access.token, &[&key.key_id]).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    })
    .await;
}
