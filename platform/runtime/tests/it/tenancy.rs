//! Which tenant a request is for, and that host and credential agree.

use std::time::Duration;

use tessera_contract::{Cx, CxSigner};
use tessera_types::Clock;

use crate::world::{ACME, GLOBEX, SECRET, SigningKey, World, call, claims, get, tenant};

#[tokio::test]
async fn the_host_names_the_tenant() {
    let world = World::with(|config| config.base_domains = vec!["tv.example".into()]).await;
    for (host, expected) in [
        (ACME, "acme"),
        ("acme.localhost", "acme"),
        ("ACME.LocalHost.:9", "acme"),
        ("watch.acme.example:443", "acme"),
        ("globex.tv.example", "globex"),
    ] {
        world.send(get(host)).await.is(expected, "anonymous");
    }
    for host in [
        "localhost:8080",
        "initech.localhost",
        "acme.example",
        "a.acme.localhost",
        "tv.example",
        "127.0.0.1",
        "[::1]:8080",
    ] {
        let answer = world.send(get(host)).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (404, Some("not_found")), "{host}: {answer:?}");
    }
}

#[tokio::test]
async fn a_request_names_one_sane_host() {
    let world = World::new().await;
    world.send(call("GET", "/probe/whoami")).await.refused(400, "invalid_request");
    world.send(get(ACME).header("host", GLOBEX)).await.refused(400, "invalid_request");
    for host in ["acme.localhost/../x", "acme localhost", "", "acme.localhost,globex.localhost"] {
        world.send(get(host)).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_and_comes_back() {
    let world = World::new().await;
    world.directory.suspend(&tenant("acme")).await.unwrap();
    world.send(get(ACME)).await.refused(403, "forbidden");
    world.send(get("localhost").bearer("sk_live_acme")).await.refused(403, "forbidden");
    world.send(get(GLOBEX)).await.is("globex", "anonymous");
    world.directory.resume(&tenant("acme")).await.unwrap();
    world.send(get(ACME)).await.is("acme", "anonymous");
}

#[tokio::test]
async fn an_api_key_names_its_tenant_and_the_host_must_not_say_otherwise() {
    let world = World::new().await;
    for host in [ACME, "localhost:8080"] {
        let answer = world.send(get(host).bearer("sk_live_acme")).await;
        assert_eq!(answer.is("acme", "staff:key_1").json["may_write"], true);
    }
    world.send(get(GLOBEX).bearer("sk_test_globex")).await.is("globex", "staff:key_1");
    for (what, host, key) in [
        ("another tenant's host", GLOBEX, "sk_live_acme"),
        ("a test key of a live tenant", ACME, "sk_test_acme"),
        ("an unknown key", ACME, "sk_live_nobody"),
        ("an unknown kind of key", ACME, "sk_other_acme"),
    ] {
        let answer = world.send(get(host).bearer(key)).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert!(!answer.text.contains(key), "{what}: the answer repeats the key");
    }
}

#[tokio::test]
async fn the_platforms_host_and_its_keys_go_together_and_with_nothing_else() {
    const PLATFORM: &str = "platform.localhost";
    let world = World::new().await;
    world.directory.platform().await.unwrap();
    world.send(get(PLATFORM).bearer("sk_platform_1")).await.is("platform", "staff:key_1");
    for (what, call) in [
        ("a tenant's host", get(ACME).bearer("sk_platform_1")),
        ("no tenant's host", get("localhost:8080").bearer("sk_platform_1")),
        ("a live key that says it is the platform's", get(PLATFORM).bearer("sk_live_platform")),
        ("a tenant's key", get(PLATFORM).bearer("sk_live_acme")),
        ("nobody", get(PLATFORM)),
        ("a session", get(PLATFORM).header("cookie", "tessera_session=platform-session")),
    ] {
        let answer = world.send(call).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
    }
    world.directory.add_host(&tenant("platform"), "admin.example").await.unwrap();
    world.send(get("admin.example").bearer("sk_platform_1")).await.is("platform", "staff:key_1");
}

#[tokio::test]
async fn one_credential_a_request() {
    let world = World::new().await;
    let key = SigningKey::p256("k1");
    world.publish("acme", &key);
    let token = key.sign(&claims("acme", &*world.clock));
    let cookie = "tessera_session=acme-session";
    world.send(get(ACME).bearer(&token).bearer("sk_live_acme")).await.refused(400, "invalid_request");
    world.send(get(ACME).bearer(&token).header("cookie", cookie)).await.refused(400, "invalid_request");
    world.send(get(ACME).header("cookie", cookie).header("cookie", cookie)).await.refused(400, "invalid_request");
    world.send(get(ACME).bearer(&token).header("tessera-cx", "x")).await.refused(400, "invalid_request");
    for value in ["Basic YTpi", "Bearer", "Bearer  ", "sk_live_acme"] {
        world.send(get(ACME).header("authorization", value)).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_context_counts_only_when_it_was_signed_for_this_contract() {
    let world = World::new().await;
    let signer = CxSigner::new(&SECRET, world.clock.clone());
    let cx = Cx::service(tenant("acme"), "playback", &*world.clock);
    let signed = |signer: &CxSigner, audience: &str| signer.sign(&cx, audience).unwrap();

    let answer = world.send(get("probe.internal").header("tessera-cx", &signed(&signer, "probe"))).await;
    assert_eq!(answer.is("acme", "service:playback").json["internal"], true);
    assert_eq!(answer.json["request_id"], *cx.request_id);

    let forger = CxSigner::new(&[8; 32], world.clock.clone());
    for (what, host, token) in [
        ("forged", "probe.internal", signed(&forger, "probe")),
        ("for another contract", "probe.internal", signed(&signer, "billing")),
        ("for another tenant than the host", GLOBEX, signed(&signer, "probe")),
        ("not a token", ACME, "{}".into()),
    ] {
        let answer = world.send(get(host).header("tessera-cx", &token)).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
    }
    let stale = signed(&signer, "probe");
    world.clock.advance(Duration::from_secs(40));
    world.send(get(ACME).header("tessera-cx", &stale)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn unsigned_context_headers_say_nothing_and_do_not_get_in() {
    let world = World::new().await;
    let call = get(ACME).header("tessera-tenant", "globex").header("tessera-caller", "service:billing");
    let answer = world.send(call).await;
    assert_eq!(answer.is("acme", "anonymous").json["context_headers"], 0);
}

#[tokio::test]
async fn business_time_is_the_tenants_own() {
    let world = World::new().await;
    let a_month = Duration::from_secs(30 * 86_400);
    world.send(get(GLOBEX)).await.is("globex", "anonymous");
    world.directory.advance_clock(&tenant("globex"), a_month).await.unwrap();
    let now = world.clock.now();
    assert_eq!(world.send(get(GLOBEX)).await.json["business_now"], now.plus(a_month).to_string());
    assert_eq!(world.send(get(ACME)).await.json["business_now"], now.to_string());
}

#[tokio::test]
async fn request_id_and_trace_are_carried_on_when_they_are_sane() {
    let world = World::new().await;
    let answer = world.send(get(ACME).header("x-request-id", "from-client.1~_")).await;
    assert_eq!(
        (answer.header("x-request-id"), &answer.json["request_id"]),
        ("from-client.1~_", &"from-client.1~_".into())
    );
    for insane in ["a b", "x\"y", "../..", &"x".repeat(129), ""] {
        let answer = world.send(get(ACME).header("x-request-id", insane)).await;
        let id = answer.header("x-request-id");
        assert!(id.starts_with("req_"), "{insane:?} became {id:?}");
        assert_eq!(answer.json["request_id"], *id);
    }
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = world.send(get(ACME).header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))).await;
    assert_eq!(answer.json["trace"], trace);
    let answer = world.send(get(ACME).header("traceparent", "nonsense")).await;
    assert_eq!(answer.json["trace"].as_str().unwrap().len(), 32);
}
