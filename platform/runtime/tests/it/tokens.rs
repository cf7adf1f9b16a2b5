//! Access tokens: whose are taken, and everything about a token that can be wrong.

use std::{sync::atomic::Ordering, time::Duration};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::world::{ACME, GLOBEX, SigningKey, World, claims, get, issuer_url, later};

#[tokio::test]
async fn a_token_of_the_tenants_issuer_is_its_viewer_whatever_the_key() {
    let world = World::new().await;
    for key in [SigningKey::ed25519("ed"), SigningKey::p256("ec"), SigningKey::rsa("rsa")] {
        world.publish("acme", &key);
    }
    for key in [SigningKey::ed25519("other"), SigningKey::p256("more"), SigningKey::rsa("rsa")] {
        world.publish("acme", &key);
        later(Duration::from_secs(11)).await;
        let answer = world.send(get(ACME).bearer(&key.sign(&claims("acme", &*world.clock)))).await;
        answer.is("acme", "viewer:acc_1");
    }
}

#[tokio::test]
async fn staff_tokens_carry_scopes_and_viewers_tokens_carry_none() {
    let world = World::new().await;
    let key = SigningKey::p256("k1");
    world.publish("acme", &key);
    let mut staff = claims("acme", &*world.clock);
    (staff["kind"], staff["sub"], staff["scope"]) =
        ("staff".into(), "stf_1".into(), "catalog:read catalog:write".into());
    let answer = world.send(get(ACME).bearer(&key.sign(&staff))).await;
    assert_eq!(answer.is("acme", "staff:stf_1").json["may_write"], true);

    let mut viewer = claims("acme", &*world.clock);
    viewer["scope"] = "catalog:write".into();
    let answer = world.send(get(ACME).bearer(&key.sign(&viewer))).await;
    assert_eq!(answer.is("acme", "viewer:acc_1").json["may_write"], false);
}

#[tokio::test]
async fn a_tenants_token_is_worth_nothing_at_another_tenant() {
    let world = World::new().await;
    let (ours, theirs) = (SigningKey::p256("k1"), SigningKey::p256("k1"));
    world.publish("acme", &ours);
    world.publish("globex", &theirs);
    let token = ours.sign(&claims("acme", &*world.clock));
    world.send(get(ACME).bearer(&token)).await.is("acme", "viewer:acc_1");
    world.send(get(GLOBEX).bearer(&token)).await.refused(401, "unauthenticated");
    // Signed by the right tenant, but saying that another one did.
    let lying = theirs.sign(&claims("acme", &*world.clock));
    world.send(get(GLOBEX).bearer(&lying)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused_and_small_clock_differences_are_not() {
    let world = World::new().await;
    let key = SigningKey::ed25519("k1");
    world.publish("acme", &key);
    let now = tessera_types::Clock::now(&*world.clock).as_seconds();
    let cases: [(&str, Value, u16); 14] = [
        ("exp", json!(now - 31), 401),
        ("exp", json!(now - 29), 200),
        ("exp", json!("soon"), 401),
        ("exp", Value::Null, 401),
        ("nbf", json!(now + 31), 401),
        ("nbf", json!(now + 29), 200),
        ("iss", json!(format!("{}/", issuer_url("acme"))), 401),
        ("iss", Value::Null, 401),
        ("aud", json!("another"), 401),
        ("aud", json!(["another", "tessera"]), 200),
        ("aud", Value::Null, 401),
        ("sub", json!("../acc_2"), 401),
        ("sub", Value::Null, 401),
        ("profile", json!("a/b"), 401),
    ];
    for (claim, value, status) in cases {
        let mut with = claims("acme", &*world.clock);
        match value.is_null() {
            true => drop(with.as_object_mut().unwrap().remove(claim)),
            false => with[claim] = value.clone(),
        }
        let answer = world.send(get(ACME).bearer(&key.sign(&with))).await;
        assert_eq!(answer.status, status, "{claim} = {value}: {answer:?}");
    }
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::new().await;
    let key = SigningKey::p256("k1");
    world.publish("acme", &key);
    let good = claims("acme", &*world.clock);
    let token = key.sign(&good);
    let mut tampered = token.clone().into_bytes();
    let at = token.find('.').unwrap() + 10;
    tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };

    let none = {
        let plain = Header { alg: Algorithm::HS256, ..Header::default() };
        let signed = jsonwebtoken::encode(&plain, &good, &EncodingKey::from_secret(b"x")).unwrap();
        let body = signed.split('.').nth(1).unwrap().to_owned();
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.") // {"alg":"none","typ":"at+jwt"}
    };
    let public = serde_json::to_vec(&key.public()).unwrap();
    let header = |alg, typ: &str| Header { kid: Some("k1".into()), typ: Some(typ.into()), ..Header::new(alg) };
    let confused =
        jsonwebtoken::encode(&header(Algorithm::HS256, "at+jwt"), &good, &EncodingKey::from_secret(&public)).unwrap();
    let cases = [
        ("one character changed", String::from_utf8(tampered).unwrap()),
        ("another key under the same id", SigningKey::p256("k1").sign(&good)),
        ("another kind of key under the same id", SigningKey::ed25519("k1").sign(&good)),
        ("a key nobody published", SigningKey::p256("k2").sign(&good)),
        ("no signature", none),
        ("signed with the public key as a shared secret", confused),
        ("an ID token", key.sign_with(&header(Algorithm::ES256, "JWT"), &good)),
        ("no token at all", "garbage".into()),
        ("too long", "x".repeat(9000)),
    ];
    for (what, forged) in cases {
        let answer = world.send(get(ACME).bearer(&forged)).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
    }
    world.send(get(ACME).bearer(&token)).await.is("acme", "viewer:acc_1");
}

#[tokio::test]
async fn a_rotated_key_is_found_and_invented_key_ids_do_not_reach_the_issuer() {
    let world = World::new().await;
    let (old, new) = (SigningKey::p256("old"), SigningKey::p256("new"));
    world.publish("acme", &old);
    let send = async |key: &SigningKey| world.send(get(ACME).bearer(&key.sign(&claims("acme", &*world.clock)))).await;
    send(&old).await.is("acme", "viewer:acc_1");
    send(&old).await.is("acme", "viewer:acc_1");
    assert_eq!(world.ports.reads.load(Ordering::SeqCst), 1, "keys are kept at hand");

    for nth in 0..20 {
        send(&SigningKey::p256(&format!("invented-{nth}"))).await.refused(401, "unauthenticated");
    }
    assert_eq!(world.ports.reads.load(Ordering::SeqCst), 1, "keys were read a moment ago");

    world.publish("acme", &new);
    later(Duration::from_secs(11)).await;
    send(&new).await.is("acme", "viewer:acc_1");
    assert_eq!(world.ports.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_stops_nobody_whose_key_is_known() {
    let world = World::new().await;
    let key = SigningKey::p256("k1");
    let send = async || world.send(get(ACME).bearer(&key.sign(&claims("acme", &*world.clock)))).await;

    *world.ports.down.lock().unwrap() = true;
    send().await.refused(503, "unavailable");
    *world.ports.down.lock().unwrap() = false;
    world.publish("acme", &key);
    later(Duration::from_secs(11)).await;
    send().await.is("acme", "viewer:acc_1");

    *world.ports.down.lock().unwrap() = true;
    later(Duration::from_secs(3600)).await;
    send().await.is("acme", "viewer:acc_1");
    later(Duration::from_secs(3600)).await;
    send().await.is("acme", "viewer:acc_1");
}
