//! Somebody else signs people in: the OpenID provider of `examples/identity-oidc`, for two brands.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tessera_testing::{TempDir, eventually, free_port, temp_dir};
use tessera_tests::{Answer, Browser, Demo, SignInProvider, Site, npm_run, run};

use crate::{
    beating::{Plays, many_streams},
    journey::{GOOD_CARD, buy, start, start_bought},
    pages::drive_also,
};

const PASSWORD: &str = "correct horse battery";

struct World {
    demo: Demo,
    provider: SignInProvider,
    rival: Site,
}

impl World {
    fn make() -> Self {
        let folder: TempDir = temp_dir();
        let port = free_port();
        let demo = Demo::configured(folder, &SignInProvider::setting(port));
        let made = run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let provider = SignInProvider::start(&demo.folder().join("provider"), port, &demo.site);
        let rival = demo.site.of("rival");
        Self { demo, provider, rival }
    }

    async fn newcomer(&self, name: &str) -> Browser {
        let mut browser = self.demo.site.browser();
        browser.sign_up(&format!("{name}@viewer.example"), PASSWORD).await;
        browser
    }

    /// Claims of an access token as the provider makes them for the demo.
    fn claims(&self, subject: &str, more: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let mut claims = json!({
            "iss": self.provider.url, "sub": subject, "aud": self.demo.site.url, "client_id": "tv", "iat": now,
            "exp": now + 600,
        });
        claims.as_object_mut().into_iter().zip(more.as_object()).for_each(|(all, more)| all.extend(more.clone()));
        claims
    }

    fn token(&self, subject: &str, more: &Value) -> String {
        self.provider.signed(&json!({"typ": "at+jwt"}), &self.claims(subject, more))
    }

    async fn with(&self, token: &str) -> Answer {
        self.demo.site.with_token(token).get("/viewers/v1/profiles").await
    }
}

async fn session(browser: &Browser) -> Value {
    browser.get("/auth/session").await.ok()
}

#[test]
fn the_provider_is_sound_in_its_types() {
    let output = npm_run("identity-oidc", "check");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_up_at_the_provider_pays_and_plays_and_the_built_in_issuer_serves_nobody() {
    let world = World::make();
    let viewer = world.newcomer("ada").await;
    let known = session(&viewer).await;
    assert_eq!((&known["signed_in"], &known["email"]), (&json!(true), &json!("ada@viewer.example")));
    eventually("the first profile to be there", || async {
        let profiles = viewer.get("/viewers/v1/profiles").await.ok();
        (profiles["data"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let title = world.demo.title("Seahorse Valley");
    start_bought(&viewer, &title, "laptop").await;

    let staff = world.demo.site.with_token(world.demo.fact("staff_key"));
    let accounts = staff.get("/identity/v1/management/accounts?email=ada%40viewer.example").await.ok();
    assert_eq!(accounts["data"][0]["account_id"], known["account_id"], "staff see who it is, by their key as before");
    for path in ["/.well-known/openid-configuration", "/identity/sign-in", "/identity/oauth/jwks"] {
        let answer = world.demo.site.visitor().get(path).await;
        assert!(!answer.text().contains("issuer") && !answer.text().contains("password"), "{path}: {}", answer.text());
    }
    let config = world.demo.site.visitor().get("/app/config.json").await.ok();
    let issuer = (config["issuer"].as_str(), config["client_id"].as_str());
    assert_eq!(issuer, (Some(world.provider.url.as_str()), Some("tessera-demo")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_of_the_provider_is_taken_and_every_other_one_refused() {
    let mut world = World::make();
    let profiles = eventually("a first profile for who never came by the app", || async {
        let profiles = world.with(&world.token("television", &json!({}))).await.ok();
        (profiles["data"].as_array().map(Vec::len) == Some(1)).then(|| profiles.clone())
    })
    .await;
    let again = world.with(&world.token("television", &json!({"jti": "another"}))).await.ok();
    assert_eq!(again, profiles, "the same account");
    let title = world.demo.title("A Quiet Colony");
    let television = world.demo.site.with_token(&world.token("television", &json!({})));
    start(&television, &title, "television").await.ok();

    let none = json!({});
    let long_ago = json!({"exp": 1_700_000_000});
    let rivals = json!({"aud": world.rival.url});
    let elsewhere = json!({"iss": "https://id.example"});
    for (why, more) in [("expired", &long_ago), ("audience", &rivals), ("issuer", &elsewhere)] {
        world.with(&world.token("television", more)).await.refused(401, "unauthenticated");
        eprintln!("refused: {why}");
    }
    let as_id_token = world.provider.signed(&json!({"typ": "JWT"}), &world.claims("television", &none));
    world.with(&as_id_token).await.refused(401, "unauthenticated");
    let good = world.token("television", &none);
    let forged = format!("{}AAAA{}", &good[..good.len() - 10], &good[good.len() - 6..]);
    world.with(&forged).await.refused(401, "unauthenticated");
    world.with(&world.token(&"x".repeat(300), &none)).await.refused(401, "unauthenticated");
    let staff = world.token("intruder", &json!({"kind": "staff", "scope": "*"}));
    let refused = world.demo.site.with_token(&staff).get("/identity/v1/management/accounts").await;
    refused.refused(403, "forbidden");
    world.rival.with_token(&good).get("/viewers/v1/profiles").await.refused(401, "unauthenticated");

    world.provider.come_back_with_another_key();
    let renewed = world.token("television", &none);
    eventually("the new key to be read", || async { world.with(&renewed).await.status.is_success().then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_who_is_signed_in_goes_on_and_nobody_else_is_sent_there() {
    let mut world = World::make();
    let viewer = world.newcomer("grace").await;
    let token = world.token("television", &json!({}));
    world.with(&token).await.ok();
    world.provider.go_away();
    let page = eventually("a page that says so", || async {
        let answer = world.demo.site.visitor().get("/auth/login?return_to=/").await;
        (answer.status == 503).then(|| answer.text())
    })
    .await;
    assert!(page.contains("Signing in is not possible at the moment"), "{page}");
    assert_eq!(session(&viewer).await["signed_in"], true);
    start(&viewer, &world.demo.title("A Quiet Colony"), "laptop").await.ok();
    world.with(&token).await.ok();

    world.provider.come_back();
    eventually("people to be sent there again", || async {
        (world.demo.site.visitor().get("/auth/login?return_to=/").await.status == 303).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_an_account_before_keeps_it_where_the_provider_vouches_for_the_address() {
    let demo = Demo::start();
    let mut before = demo.site.browser();
    before.sign_up("linus@viewer.example", PASSWORD).await;
    let account = session(&before).await["account_id"].clone();
    buy(&before, "plan=basic", GOOD_CARD).await.ok();
    start_bought(&before, &demo.title("Seahorse Valley"), "laptop").await;
    let (folder, _) = demo.stop();
    let port = free_port();
    let demo = Demo::configured_in(folder, &SignInProvider::setting(port));
    let _provider = SignInProvider::start(&demo.folder().join("provider"), port, &demo.site);
    let mut after = demo.site.browser();
    after.sign_up("linus@viewer.example", "another password altogether").await;
    assert_eq!(session(&after).await["account_id"], account);
    start(&after, &demo.title("Seahorse Valley"), "laptop").await.ok();
}

#[test]
fn who_signed_in_at_one_brand_is_known_at_the_other_without_a_password() {
    let world = World::make();
    let (other, provider) = (world.rival.url.as_str(), world.provider.url.as_str());
    let script = ("provider.mjs", &[other, provider][..]);
    drive_also(&world.demo.site, &[other, provider], script, || world.demo.process.said());
}

/// Plays that go on while somebody else begins to sign people in, and ends.
const PLAYS: usize = 200;
/// Sessions of the built-in issuer are asked after all the time.
const SETTINGS: &str = "[server.rate_limits]\nenabled = false\n[identity.tokens]\naccess_seconds = 3\n";

/// Has the settings read again, until people sign in at `issuer`.
async fn moved(demo: &Demo, settings: &str, issuer: &str) {
    fs::write(demo.folder().join("tessera.toml"), format!("{SETTINGS}{settings}")).expect("it can be written");
    demo.process.signal("HUP");
    eventually("people to sign in elsewhere", || async {
        let config = demo.site.visitor().get("/app/config.json").await.ok();
        (config["issuer"] == issuer).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_people_in_changes_and_changes_back_while_200_plays_go_on() {
    let demo = Demo::configured(temp_dir(), SETTINGS);
    let port = free_port();
    let provider = SignInProvider::start(&demo.folder().join("provider"), port, &demo.site);
    let (staff, title) = (demo.site.with_token(demo.fact("staff_key")), demo.title("Seahorse Valley"));
    let mut before = Vec::new();
    for name in ["ada", "grace", "edsger"] {
        before.push(many_streams(&demo, &staff, name).await);
    }
    let plays = Plays::begin(&before, &title, PLAYS).await;
    let moving = async {
        plays.all_beat().await;
        moved(&demo, &SignInProvider::setting(port), &provider.url).await;
        plays.all_beat().await;
        let mut during = demo.site.browser();
        during.sign_up("during@viewer.example", PASSWORD).await;
        start(&during, &demo.title("A Quiet Colony"), "laptop").await.ok();
        start(&before[0], &title, "new").await.ok();
        moved(&demo, "", &demo.site.url).await;
        plays.all_beat().await;
        assert_eq!(session(&during).await["signed_in"], true, "who signed in at the provider stays so");
        let mut after = demo.site.browser();
        after.sign_up("after@viewer.example", PASSWORD).await;
        plays.end();
    };
    tokio::join!(plays.beating(), moving);
    eprintln!("{} beats of {PLAYS} plays, none refused", plays.beats());
}
