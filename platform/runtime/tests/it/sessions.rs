//! The app's session cookie, and pages of other sites.

use crate::world::{ACME, Call, GLOBEX, World, get, post};

const COOKIE: &str = "theme=dark; tessera_session=acme-session";

#[tokio::test]
async fn a_cookie_is_its_viewer_at_its_own_tenant_only() {
    let world = World::new().await;
    world.send(get(ACME).header("cookie", COOKIE)).await.is("acme", "viewer:acc_cookie");
    world.send(get(GLOBEX).header("cookie", COOKIE)).await.is("globex", "anonymous");
    world.send(get(ACME).header("cookie", "tessera_session=signed-out")).await.is("acme", "anonymous");
    world.send(get(ACME).header("cookie", "xtessera_session=acme-session")).await.is("acme", "anonymous");
}

#[tokio::test]
async fn a_method_that_changes_something_needs_the_token_and_the_same_origin() {
    let world = World::new().await;
    let with_token = || post(ACME).header("cookie", COOKIE).header("x-csrf-token", "csrf-1");
    let same = "http://acme.localhost:8080";
    for (what, call) in [
        ("the token alone, from no browser", with_token()),
        ("the same origin", with_token().header("origin", same).header("sec-fetch-site", "same-origin")),
        ("a typed address", with_token().header("sec-fetch-site", "none")),
    ] {
        let answer = world.send(call).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
    let bare = || post(ACME).header("cookie", COOKIE);
    let refused: [(&str, Call); 8] = [
        ("no token", bare().header("origin", same)),
        ("a wrong token", bare().header("x-csrf-token", "csrf-2")),
        ("an empty token", bare().header("x-csrf-token", "")),
        ("another site's page", with_token().header("origin", "http://evil.example")),
        ("another tenant's page", with_token().header("origin", "http://globex.localhost:8080")),
        ("another port's page", with_token().header("origin", "http://acme.localhost:9999")),
        ("a page without an origin", with_token().header("origin", "null")),
        ("a neighbouring host", with_token().header("sec-fetch-site", "same-site")),
    ];
    for (what, call) in refused {
        let answer = world.send(call).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (403, Some("forbidden")), "{what}: {answer:?}");
    }
    // Without a session there is nothing to protect.
    world.send(post(ACME).header("origin", "http://evil.example")).await.is("acme", "anonymous");
}

#[tokio::test]
async fn over_https_only_the_host_bound_cookie_counts() {
    let world = World::with(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let https = |cookie: &str| get(ACME).peer("10.1.1.1").header("x-forwarded-proto", "https").header("cookie", cookie);
    world.send(https("tessera_session=acme-session")).await.is("acme", "anonymous");
    let answer = world.send(https("__Host-tessera_session=acme-session")).await;
    answer.is("acme", "viewer:acc_cookie");
    assert!(!answer.header("strict-transport-security").is_empty());
    world.send(get(ACME).header("cookie", "__Host-tessera_session=acme-session")).await.is("acme", "anonymous");
}
