//! The app's session: a cookie for the browser, everything else on the server.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tessera_contract::{Caller, FailureKind};
use tessera_testing::on_every_engine;

use crate::world::{Browser, PASSWORD, World, cookie, location};

/// Signs up and in; answers the browser and its session's cookie.
async fn signed_in(world: &World, tenant: &str) -> (Browser, String) {
    let browser = world.member(tenant, "ada@example.org").await;
    let login = browser.get("/auth/login?return_to=/titles/1").await;
    let authorize = browser.get(&location(&login)).await;
    let arrived = browser.get(&location(&authorize)).await;
    assert_eq!(location(&arrived), "/titles/1");
    let set = cookie(arrived.headers(), "tessera_session").expect("a session's cookie");
    for wanted in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(set.contains(wanted), "{wanted} in {set}");
    }
    (browser, set.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn the_app_signs_in_over_the_issuer_s_page_and_gets_a_session() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "ada@example.org").await;
        let browser = world.browser("acme");
        assert_eq!(browser.session().await, json!({"signed_in": false}));
        assert_eq!(browser.sign_in_to_app("ada@example.org", PASSWORD, "/titles/1?t=2").await, "/titles/1?t=2");
        let session = browser.session().await;
        assert_eq!((&session["signed_in"], &session["email"]), (&json!(true), &json!("ada@example.org")));
        assert!(session["account_id"].as_str().unwrap().starts_with("acc_"));
    })
    .await;
}

#[tokio::test]
async fn the_edge_takes_the_cookie_and_wants_its_token_for_what_changes_something() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (browser, secret) = signed_in(&world, "acme").await;
        let session = browser.session().await;
        let csrf = session["csrf_token"].as_str().unwrap();
        let cookie = format!("tessera_session={secret}");
        let call = async |tenant, method, extra: &[(&str, &str)]| {
            world.caller(tenant, method, &[&[("cookie", cookie.as_str())], extra].concat()).await
        };
        let caller = call("acme", Method::GET, &[]).await.unwrap();
        assert!(matches!(&caller, Caller::Viewer { account, .. } if session["account_id"] == account.as_str()));
        assert_eq!(call("acme", Method::POST, &[("x-csrf-token", csrf)]).await.unwrap(), caller);
        for wrong in
            [&[][..], &[("x-csrf-token", "guess")], &[("x-csrf-token", csrf), ("origin", "http://evil.example")]]
        {
            assert_eq!(call("acme", Method::POST, wrong).await.unwrap_err().kind, FailureKind::Forbidden, "{wrong:?}");
        }
        assert_eq!(call("globex", Method::GET, &[]).await.unwrap(), Caller::Anonymous, "the session is acme's");
    })
    .await;
}

#[tokio::test]
async fn many_tabs_refresh_one_session_together() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (browser, _) = signed_in(&world, "acme").await;
        for _ in 0..3 {
            world.clock.advance(Duration::from_secs(600));
            let tabs = (0..24).map(|_| {
                let browser = browser.clone();
                tokio::spawn(async move { browser.session().await })
            });
            for tab in tabs.collect::<Vec<_>>() {
                assert_eq!(tab.await.unwrap()["signed_in"], true);
            }
        }
        let refreshed = "select count(*) from refresh_tokens where used";
        let refreshed: i64 = world.identity.store().system().scalar(refreshed, vec![]).await.unwrap();
        assert_eq!(refreshed, 3, "each time one of them asked the issuer");
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_its_issuer_says_so_and_after_a_month() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (browser, _) = signed_in(&world, "acme").await;
        let revoke = "update grants set revoked = true";
        let store = world.identity.store();
        let revoked = store.system_write((), move |tx, ()| Box::pin(async move { tx.execute(revoke, vec![]).await }));
        assert!(revoked.await.unwrap() > 0);
        assert_eq!(browser.session().await["signed_in"], true, "believed until its tokens expire");
        world.clock.advance(Duration::from_secs(600));
        assert_eq!(browser.session().await, json!({"signed_in": false}));

        let (browser, _) = signed_in(&world, "globex").await;
        world.clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(browser.session().await, json!({"signed_in": false}));
    })
    .await;
}

#[tokio::test]
async fn giving_the_password_again_keeps_the_session_and_another_person_ends_it() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "eve@example.org").await;
        let (browser, _) = signed_in(&world, "acme").await;
        for (email, stays) in [("ada@example.org", true), ("eve@example.org", false)] {
            let entered = browser.fill("/identity/sign-in", email, PASSWORD).await;
            assert_eq!(entered.status(), StatusCode::SEE_OTHER);
            world.clock.advance(Duration::from_secs(600));
            assert_eq!(browser.session().await["signed_in"], stays, "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_sign_in_behind_it() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let (browser, secret) = signed_in(&world, "acme").await;
        let refused = browser.request(Method::POST, "/auth/logout").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "without the session's token");
        let session = browser.session().await;
        assert_eq!(session["signed_in"], true);
        let csrf = session["csrf_token"].as_str().unwrap();
        let out = browser.request(Method::POST, "/auth/logout").header("x-csrf-token", csrf).send().await.unwrap();
        assert_eq!(out.json::<Value>().await.unwrap(), json!({"redirect_to": "/"}));
        assert_eq!(browser.session().await, json!({"signed_in": false}));
        let kept = world.caller("acme", Method::GET, &[("cookie", &format!("tessera_session={secret}"))]).await;
        assert_eq!(kept.unwrap(), Caller::Anonymous, "a copy of the cookie is worth nothing");
        let again = browser.get("/auth/login").await;
        assert!(location(&browser.get(&location(&again)).await).starts_with("/identity/sign-in?"), "asked anew");
        assert_eq!(browser.request(Method::POST, "/auth/logout").send().await.unwrap().status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn the_app_never_goes_to_another_site_afterwards() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        for evil in ["https://evil.example/", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "javascript:x"]
        {
            let login = browser.get(&format!("/auth/login?return_to={evil}")).await;
            let authorize = browser.get(&location(&login)).await;
            assert_eq!(location(&browser.get(&location(&authorize)).await), "/", "{evil}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_ends_in_the_browser_that_began_it_and_once() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let login = browser.get("/auth/login").await;
        let back = location(&browser.get(&location(&login)).await);
        let victim = world.browser("acme");
        assert_eq!(victim.get(&back).await.status(), StatusCode::BAD_REQUEST, "a link to somebody else's sign-in");
        assert_eq!(victim.session().await, json!({"signed_in": false}));
        assert_eq!(browser.get(&back.replace("state=", "state=x")).await.status(), StatusCode::BAD_REQUEST);
        assert_eq!(browser.get(&back).await.status(), StatusCode::SEE_OTHER);
        assert_eq!(browser.get(&back).await.status(), StatusCode::BAD_REQUEST);
        assert_eq!(browser.session().await["signed_in"], true, "opened twice, and nothing lost");
    })
    .await;
}
