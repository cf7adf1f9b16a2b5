//! The authorization code flow, as an application and its browser go through it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tessera_contract::Caller;
use tessera_testing::on_every_engine;

use crate::world::{PASSWORD, TV, TV_CALLBACK, World, authorize_path, claims, location, param};

#[tokio::test]
async fn an_application_finds_its_way_by_discovery_to_tokens_that_the_edge_takes() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.browser("acme");
        let found: Value = browser.get("/.well-known/openid-configuration").await.json().await.unwrap();
        let issuer = world.origin("acme");
        assert_eq!(found["issuer"], issuer);
        assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));

        let asked = browser.get(&authorize_path(TV, TV_CALLBACK)).await;
        let page = location(&asked);
        assert!(page.starts_with("/identity/sign-in?"), "{page}");
        let entered = browser.fill(&page.replace("sign-in", "sign-up"), "Ada@Example.org ", PASSWORD).await;
        let answer = browser.get(&location(&entered)).await;
        let back = location(&answer);
        assert!(back.starts_with(&format!("{TV_CALLBACK}?code=")), "{back}");
        assert_eq!(param(&back, "state").as_deref(), Some("state-1"));
        assert_eq!(param(&back, "iss"), Some(issuer.clone()));

        let tokens = browser.redeem(&param(&back, "code").unwrap()).await.unwrap();
        let (id, access) = (claims(&tokens.id), claims(&tokens.access));
        assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&json!(issuer), &json!(TV), &json!("nonce-1")));
        assert_eq!(id["email"], "ada@example.org");
        assert_eq!(
            (&access["iss"], &access["aud"], &access["client_id"]),
            (&json!(issuer), &json!(issuer), &json!(TV))
        );
        let Caller::Viewer { account, .. } = world.bearer("acme", &tokens.access).await.unwrap() else {
            panic!("the bearer of an access token is a viewer");
        };
        assert_eq!(id["sub"], account.as_str());

        let userinfo = found["userinfo_endpoint"].as_str().unwrap();
        let told = browser.request(Method::GET, userinfo).bearer_auth(&tokens.access).send().await.unwrap();
        let told: Value = told.json().await.unwrap();
        assert_eq!(told, json!({"sub": account, "email": "ada@example.org", "email_verified": false}));

        let next = browser.refresh(&tokens.refresh).await.unwrap();
        assert!(world.bearer("acme", &next.access).await.is_ok());
        assert!(world.bearer("acme", &tokens.id).await.is_err(), "an ID token opens nothing");
    })
    .await;
}

#[tokio::test]
async fn a_second_application_is_let_in_without_asking_and_prompt_decides() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let request = authorize_path(TV, TV_CALLBACK);
        let stranger = world.browser("acme").get(&format!("{request}&prompt=none")).await;
        assert_eq!(param(&location(&stranger), "error").as_deref(), Some("login_required"));

        let browser = world.member("acme", "ada@example.org").await;
        assert!(param(&location(&browser.get(&format!("{request}&prompt=none")).await), "code").is_some());
        for (prompt, page) in [("login", "/identity/sign-in?"), ("create", "/identity/sign-up?")] {
            let asked = browser.get(&format!("{request}&prompt={prompt}")).await;
            assert!(location(&asked).starts_with(page), "{prompt}");
        }
        world.clock.advance(std::time::Duration::from_secs(100));
        assert!(location(&browser.get(&format!("{request}&max_age=60")).await).starts_with("/identity/sign-in?"));
        let page = location(&browser.get(&format!("{request}&prompt=login&max_age=60")).await);
        let entered = browser.fill(&page, "ada@example.org", PASSWORD).await;
        assert!(
            param(&location(&browser.get(&location(&entered)).await), "code").is_some(),
            "asked once, not for ever"
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        for (client, uri) in [
            (TV, "https://tv.example/callback/"),
            (TV, "https://tv.example/callback?next=1"),
            (TV, "https://evil.example/callback"),
            ("tessera-viewer", "https://evil.example/auth/callback"),
            ("tessera-viewer", &format!("{}/auth/callback", world.origin("globex"))),
            ("nobody", TV_CALLBACK),
        ] {
            let answer = browser.get(&authorize_path(client, uri)).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{client} {uri}");
            assert!(answer.headers().get("location").is_none());
        }
        let elsewhere = world.member("globex", "ada@example.org").await;
        let answer = elsewhere.get(&authorize_path(TV, TV_CALLBACK)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "the application is acme's");
    })
    .await;
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_client_and_its_redirect_address() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let other = "a".repeat(43);
        for (field, value) in [
            ("code_verifier", other.as_str()),
            ("redirect_uri", "https://tv.example/other"),
            ("client_id", "tessera-viewer"),
        ] {
            let code = browser.code("").await;
            assert_eq!(browser.redeem_with(&code, &[(field, value)]).await.unwrap_err(), "invalid_grant", "{field}");
            assert_eq!(browser.redeem(&code).await.unwrap_err(), "invalid_grant", "{field}: the code is used up");
        }
        let code = browser.code("").await;
        assert_eq!(browser.redeem_with(&code, &[("client_id", "nobody")]).await.unwrap_err(), "invalid_client");
        assert_eq!(
            browser.redeem_with(&code, &[("grant_type", "password")]).await.unwrap_err(),
            "unsupported_grant_type"
        );
        let globex = world.browser("globex");
        let elsewhere = [("client_id", "tessera-viewer")];
        assert_eq!(globex.redeem_with(&code, &elsewhere).await.unwrap_err(), "invalid_grant", "the code is acme's");
        browser.redeem(&code).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_code_that_is_shown_twice_takes_back_what_it_gave() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let code = browser.code("").await;
        let tokens = browser.redeem(&code).await.unwrap();
        assert_eq!(browser.redeem(&code).await.unwrap_err(), "invalid_grant");
        assert_eq!(browser.refresh(&tokens.refresh).await.unwrap_err(), "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn a_code_holds_for_a_minute() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let (early, late) = (browser.code("").await, browser.code("").await);
        world.clock.advance(std::time::Duration::from_secs(59));
        browser.redeem(&early).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(browser.redeem(&late).await.unwrap_err(), "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_that_is_shown_twice_takes_back_its_whole_family() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let first = browser.redeem(&browser.code("").await).await.unwrap();
        let unrelated = browser.redeem(&browser.code("").await).await.unwrap();
        let second = browser.refresh(&first.refresh).await.unwrap();
        let third = browser.refresh(&second.refresh).await.unwrap();
        assert_eq!(browser.refresh(&first.refresh).await.unwrap_err(), "invalid_grant");
        assert_eq!(browser.refresh(&third.refresh).await.unwrap_err(), "invalid_grant", "the newest is revoked too");
        browser.refresh(&unrelated.refresh).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_revoked_refresh_token_is_over_and_a_stranger_s_stays() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let tokens = browser.redeem(&browser.code("").await).await.unwrap();
        let revoke = async |client: &str, token: &str| {
            browser.post("/identity/oauth/revoke", &[("client_id", client), ("token", token)]).await.status()
        };
        assert_eq!(revoke("tessera-viewer", &tokens.refresh).await, StatusCode::OK);
        let tokens = browser.refresh(&tokens.refresh).await.expect("another client cannot revoke it");
        assert_eq!(revoke(TV, "unknown").await, StatusCode::OK);
        assert_eq!(revoke(TV, &tokens.access).await, StatusCode::BAD_REQUEST);
        assert_eq!(revoke(TV, &tokens.refresh).await, StatusCode::OK);
        assert_eq!(browser.refresh(&tokens.refresh).await.unwrap_err(), "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn signing_out_at_the_issuer_asks_first_unless_the_application_knows_who_it_is() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.member("acme", "ada@example.org").await;
        let tokens = browser.redeem(&browser.code("").await).await.unwrap();
        let asked = browser.get("/identity/oauth/end-session").await;
        assert_eq!(asked.status(), StatusCode::OK);
        assert!(asked.text().await.unwrap().contains("Sign out?"));
        browser.code("").await;
        let to = |uri: &str| {
            format!("/identity/oauth/end-session?id_token_hint={}&state=s&post_logout_redirect_uri={uri}", tokens.id)
        };
        let done = browser.get(&to("https://tv.example/bye")).await;
        assert_eq!(location(&done), "https://tv.example/bye?state=s");
        let done = browser.get(&to("https://evil.example/")).await;
        assert_eq!(location(&done), "/identity/signed-out");
        assert!(location(&browser.get(&authorize_path(TV, TV_CALLBACK)).await).starts_with("/identity/sign-in?"));
        assert_eq!(browser.refresh(&tokens.refresh).await.unwrap_err(), "invalid_grant");
    })
    .await;
}
