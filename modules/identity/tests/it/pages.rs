//! The issuer's pages, and those who should not get through them.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use tessera_identity::{AttemptsConfig, IdentityConfig, SignUpError};
use tessera_runtime::config::Quota;
use tessera_store::Position;
use tessera_testing::on_every_engine;

use crate::world::{Browser, PASSWORD, World, config, form_token, location};

async fn text(response: Response) -> String {
    response.text().await.unwrap()
}

#[tokio::test]
async fn a_form_that_we_did_not_show_to_this_browser_does_nothing() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.browser("acme");
        let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
        let another = form_token(&text(world.browser("acme").get("/identity/sign-up").await).await);
        let own = form_token(&text(browser.get("/identity/sign-up").await).await);
        for token in [None, Some("guess"), Some(another.as_str())] {
            let form: Vec<_> = fields.iter().copied().chain(token.map(|token| ("form_token", token))).collect();
            let refused = browser.post("/identity/sign-up", &form).await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{token:?}");
        }
        let form = [fields[0], fields[1], ("form_token", own.as_str())];
        for (header, value) in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            let request = browser.request(Method::POST, "/identity/sign-up").form(&form).header(header, value);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{header}: {value}");
        }
        let none = "select count(*) from accounts";
        assert_eq!(world.identity.store().system().scalar::<i64>(none, vec![]).await.unwrap(), 0);
        assert_eq!(browser.post("/identity/sign-up", &form).await.status(), StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "ada@example.org").await;
        let browser = world.browser("acme");
        let answer = async |email: &str| {
            let refused = browser.fill("/identity/sign-in", email, "wrong password").await;
            (refused.status(), text(refused).await.replace(email, "EMAIL"))
        };
        let known = answer("ada@example.org").await;
        assert_eq!(known, answer("eve@example.org").await);
        assert_eq!(known.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(known.1.contains("do not match"), "{}", known.1);
    })
    .await;
}

#[tokio::test]
async fn the_sign_up_page_says_what_is_wrong_and_keeps_the_address() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "ada@example.org").await;
        let browser = world.browser("acme");
        for (email, password, wanted) in [
            ("eve@example.org", "short", "at least 8 characters"),
            ("eve@example.org", "password123", "first that anybody would guess"),
            ("not an address", PASSWORD, "name@example.org"),
            ("ADA@example.org", PASSWORD, "Sign in instead"),
        ] {
            let refused = browser.fill("/identity/sign-up", email, password).await;
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let html = text(refused).await;
            assert!(html.contains(wanted) && html.contains(email) && !html.contains(password), "{wanted} in {html}");
        }
        let acme = "acme".parse().unwrap();
        let taken = world.identity.create_account(&acme, " Ada@Example.org", PASSWORD).await;
        assert!(matches!(taken, Err(SignUpError::Taken)));
    })
    .await;
}

#[tokio::test]
async fn attempts_are_counted_for_known_and_unknown_addresses_alike() {
    on_every_engine(async |engine| {
        let few = Quota { requests: 3, window: Duration::from_secs(600) };
        let attempts = AttemptsConfig { account: few, ..config().attempts };
        let world = World::with(engine, IdentityConfig { attempts, ..config() }).await;
        world.member("acme", "ada@example.org").await;
        let browser = world.browser("acme");
        for email in ["ada@example.org", "eve@example.org"] {
            for _ in 0..3 {
                let refused = browser.fill("/identity/sign-in", email, "wrong password").await;
                assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{email}");
            }
            let limited = browser.fill("/identity/sign-in", &email.to_uppercase(), PASSWORD).await;
            assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS, "{email}");
            assert!(limited.headers().contains_key("retry-after"));
        }
        let elsewhere = world.browser("globex").fill("/identity/sign-in", "ada@example.org", PASSWORD).await;
        assert_eq!(elsewhere.status(), StatusCode::UNPROCESSABLE_ENTITY, "another tenant's address is another's");
    })
    .await;
}

#[tokio::test]
async fn pages_load_nothing_foreign_and_are_not_kept() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser: Browser = world.browser("acme");
        let asked = browser.get(&crate::world::authorize_path("tv", crate::world::TV_CALLBACK)).await;
        let page = browser.get(&location(&asked)).await;
        let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("form-action 'self' https://tv.example;"), "the way back is allowed: {policy}");
        assert_eq!(header("cache-control"), "no-store");
        let html = text(page).await;
        assert!(!html.contains("<script") && !html.contains("style=") && html.contains("Acme Cinema"), "{html}");
        let evil = crate::world::authorize_path("tv", "https://evil.example/").replace("oauth/authorize", "sign-in");
        let policy = browser.get(&evil).await.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!policy.contains("evil"), "{policy}");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_form_or_far_too_large_is_refused() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        let browser = world.browser("acme");
        let huge = "x".repeat(20_000);
        let large = browser.post("/identity/sign-in", &[("email", huge.as_str())]).await;
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let json = browser.request(Method::POST, "/identity/sign-in").json(&1).send().await.unwrap();
        assert_eq!(json.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(world.browser("acme").get("/identity/sign-in?%ff=%zz&x").await.status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn a_new_account_is_told_to_others_and_secrets_to_nobody() {
    on_every_engine(async |engine| {
        let world = World::start(engine).await;
        world.member("acme", "ada@example.org").await;
        world.browser("acme").sign_in_to_app("ada@example.org", PASSWORD, "/").await;
        let acme = "acme".parse().unwrap();
        let key = world.identity.issue_api_key(&acme, "first", &["*"]).await.unwrap();
        let batch = world.identity.store().events_after(Position::default(), 10).await.unwrap();
        let told: Vec<_> = batch.events.iter().map(|(_, event)| event.kind.as_str()).collect();
        assert_eq!(told, ["tessera.identity.account.created.v1"]);
        for file in std::fs::read_dir(engine.folder()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for secret in [PASSWORD, &key.secret] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "a secret stands in {}", path.display());
            }
        }
    })
    .await;
}
