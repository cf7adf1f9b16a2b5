//! A provider that answers what it should not: each answer is refused, and as what it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, KeyAlgorithm},
};
use serde_json::{Value, json};
use tessera_oidc::{OidcConfig, OidcError, OidcProvider, SignInRequest, Tokens};
use tessera_testing::{ManualClock, clock};
use tessera_types::{Clock, TenantId};

const CLIENT: &str = "tessera-acme";
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// An ES256 key from fixed bytes.
fn key(byte: u8) -> (EncodingKey, Jwk) {
    use p256::pkcs8::EncodePrivateKey;
    let der = p256::SecretKey::from_slice(&[byte; 32]).unwrap().to_pkcs8_der().unwrap();
    let private = EncodingKey::from_ec_der(der.as_bytes());
    let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).unwrap();
    (public.common.key_id, public.common.key_algorithm) = (Some("k1".into()), Some(KeyAlgorithm::ES256));
    (private, public)
}

/// What the provider answers at each of its addresses: a status and a body; the latest holds.
type Answers = Arc<Mutex<Vec<(&'static str, u16, String)>>>;

struct World {
    provider: OidcProvider,
    answers: Answers,
    clock: Arc<ManualClock>,
    issuer: String,
}

async fn answer(State(answers): State<Answers>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let found = answers.lock().unwrap().iter().rev().find(|(at, ..)| *at == path).cloned();
    let Some((_, status, body)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::LOCATION, "/elsewhere")];
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}

impl World {
    /// A provider that does as it should.
    async fn make() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let answers = Answers::default();
        let router = Router::new().fallback(answer).with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = clock();
        let config = json!({"issuer": issuer, "client_id": "tessera-{tenant}"});
        let config: OidcConfig = serde_json::from_value(config).unwrap();
        let provider = OidcProvider::new(config, clock.clone()).unwrap();
        let world = Self { provider, answers, clock, issuer };
        let at = |path: &str| format!("{}{path}", world.issuer);
        let discovery = json!({
            "issuer": world.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "userinfo_endpoint": at("/me"), "end_session_endpoint": at("/end"),
        });
        world.says(DISCOVERY, 200, &discovery);
        let strange = json!("no key at all");
        world.says("/jwks", 200, &json!({"keys": [strange, key(1).1]}));
        world.says("/me", 200, &json!({"sub": "ada", "email": "ada@viewer.example", "email_verified": true}));
        world.says("/token", 200, &world.tokens(&world.id_token(&json!({}))));
        world
    }

    fn says(&self, path: &'static str, status: u16, body: &Value) {
        self.answers.lock().unwrap().push((path, status, body.to_string()));
    }

    fn id_token(&self, more: &Value) -> String {
        self.signed(&key(1).0, more)
    }

    fn signed(&self, private: &EncodingKey, more: &Value) -> String {
        let now = self.clock.now().as_seconds();
        let mut claims =
            json!({"iss": self.issuer, "sub": "ada", "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": "n"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k1".into());
        jsonwebtoken::encode(&header, &claims, private).unwrap()
    }

    fn tokens(&self, id_token: &str) -> Value {
        json!({"access_token": "a", "expires_in": 600, "refresh_token": "r", "id_token": id_token})
    }

    async fn exchange(&self) -> Result<Tokens, OidcError> {
        self.provider.exchange(&acme(), ("code", "http://acme.localhost/auth/callback", "verifier")).await
    }

    async fn bad(&self, why: &str) {
        match self.exchange().await {
            Err(OidcError::BadAnswer { why: said, .. }) => assert!(said.contains(why), "{said}"),
            other => panic!("{why}: {other:?}"),
        }
    }
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn request() -> SignInRequest {
    SignInRequest {
        redirect_uri: "http://acme.localhost/auth/callback".into(),
        state: "s".into(),
        nonce: "n".into(),
        challenge: "c".into(),
        prompt: Some("create".into()),
    }
}

#[tokio::test]
async fn a_provider_that_does_as_it_should_is_believed() {
    let world = World::make().await;
    let url = world.provider.authorize_url(&acme(), &request()).await.unwrap();
    assert!(url.contains("client_id=tessera-acme") && !url.contains("prompt="), "it knows no create: {url}");
    let tokens = world.exchange().await.unwrap();
    assert_eq!((tokens.subject.as_str(), tokens.nonce.as_deref()), ("ada", Some("n")));
    assert_eq!((tokens.email.as_deref(), tokens.email_verified), (Some("ada@viewer.example"), true));
    world.says("/token", 200, &json!({"access_token": "b", "refresh_token": "r2"}));
    let again = world.provider.refresh(&acme(), &tokens.kept).await.unwrap();
    assert_eq!((again.subject, again.email, again.refreshable), (tokens.subject, tokens.email, true));
    let end = world.provider.sign_out(&acme(), &again.kept, "http://acme.localhost/").await.unwrap().unwrap();
    assert!(end.starts_with(&format!("{}/end?", world.issuer)) && end.contains("id_token_hint="), "{end}");
    let issuer = world.provider.token_issuer(&acme(), "http://acme.localhost").await.unwrap();
    let known = (issuer.audience.as_str(), issuer.keys.keys.len());
    assert_eq!(known, ("http://acme.localhost", 1), "what is no key is left out");
}

#[tokio::test]
async fn an_id_token_that_does_not_hold_signs_nobody_in() {
    let world = World::make().await;
    let now = world.clock.now().as_seconds();
    for (more, why) in [
        (json!({"iss": "https://id.example"}), "another issuer's"),
        (json!({"aud": "another"}), "another audience"),
        (json!({"exp": now - 60}), "expired"),
        (json!({"nbf": now + 600}), "not valid yet"),
        (json!({"aud": [CLIENT, "another"], "azp": "another"}), "another client"),
        (json!({"sub": ""}), "without a subject"),
        (json!({"sub": 7}), "do not hold"),
    ] {
        world.says("/token", 200, &world.tokens(&world.id_token(&more)));
        world.bad(why).await;
    }
    world.says("/token", 200, &world.tokens(&world.signed(&key(2).0, &json!({}))));
    world.bad("signature").await;
    let claims = json!({"iss": world.issuer, "sub": "ada", "aud": CLIENT, "exp": now + 600});
    let mut by_secret = Header::new(Algorithm::HS256);
    by_secret.kid = Some("k1".into());
    let by_secret = jsonwebtoken::encode(&by_secret, &claims, &EncodingKey::from_secret(b"k")).unwrap();
    for token in [by_secret.as_str(), "", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        world.says("/token", 200, &world.tokens(token));
        world.bad("does not hold").await;
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused_as_what_it_is() {
    let world = World::make().await;
    world.says("/me", 200, &json!({"sub": "somebody else", "email": "eve@viewer.example"}));
    world.bad("somebody else").await;
    world.says("/token", 200, &json!({"access_token": "a"}));
    world.bad("no ID token").await;
    world.says("/token", 200, &json!("tokens"));
    world.bad("cannot be read").await;
    world.says("/token", 302, &json!({}));
    world.bad("302").await;
    world.says("/token", 401, &json!({"error": "invalid_client", "error_description": "who?"}));
    world.bad("invalid_client").await;
    world.says("/token", 200, &json!("x".repeat(300 * 1024)));
    world.bad("more than").await;
    world.says("/token", 400, &json!({"error": "invalid_grant"}));
    assert!(matches!(world.exchange().await, Err(OidcError::Refused(_))));
    world.says("/token", 503, &json!({}));
    assert!(matches!(world.exchange().await, Err(OidcError::Away { .. })));
    world.says("/token", 200, &world.tokens(&world.id_token(&json!({}))));
    world.says("/jwks", 200, &json!({"keys": "none"}));
    world.bad("JWK set").await;
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_is_another_or_away() {
    let world = World::make().await;
    let other = json!({
        "issuer": "https://id.example", "authorization_endpoint": "https://id.example/auth",
        "token_endpoint": "https://id.example/token", "jwks_uri": "https://id.example/jwks",
    });
    world.says(DISCOVERY, 200, &other);
    let refused = world.provider.authorize_url(&acme(), &request()).await;
    assert!(matches!(&refused, Err(OidcError::BadAnswer { why, .. }) if why.contains("another issuer")), "{refused:?}");
    world.says(DISCOVERY, 502, &json!({}));
    let refused = world.provider.authorize_url(&acme(), &request()).await;
    assert!(matches!(refused, Err(OidcError::Away { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_refresh_that_brings_somebody_else_ends_the_sign_in() {
    let world = World::make().await;
    let tokens = world.exchange().await.unwrap();
    world.says("/token", 200, &world.tokens(&world.id_token(&json!({"sub": "eve"}))));
    let refused = world.provider.refresh(&acme(), &tokens.kept).await;
    assert!(matches!(refused, Err(OidcError::Refused(_))), "{refused:?}");
    assert!(matches!(world.provider.refresh(&acme(), "nonsense").await, Err(OidcError::Refused(_))));
}
