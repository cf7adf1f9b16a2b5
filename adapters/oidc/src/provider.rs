//! The provider, asked: what it says of itself is kept for a while, everything else is asked when it is wanted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::Value;
use tessera_runtime::edge::{Issuer, verified};
use tessera_types::{Clock, TenantId};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use crate::{
    OidcConfig, OidcError,
    config::address,
    discovery::Discovery,
    tokens::{Kept, Person, TokenAnswer, Tokens, is_for},
    wire::{Answer, Wire},
};

/// What the provider says of itself is read anew after this long.
const FRESH: Duration = Duration::from_secs(600);
/// Before a browser is sent there: whether it answers is known to this.
const JUST_NOW: Duration = Duration::from_secs(2);
const SCOPE: &str = "openid email offline_access";

/// A sign-in that begins.
#[derive(Debug, Clone)]
pub struct SignInRequest {
    /// Where the browser has to come back to.
    pub redirect_uri: String,
    /// Comes back unchanged.
    pub state: String,
    /// Stands in the ID token.
    pub nonce: String,
    /// The PKCE challenge, S256.
    pub challenge: String,
    /// `login` or `create`, when somebody asked for it.
    pub prompt: Option<String>,
}

/// The provider of a deployment.
pub struct OidcProvider {
    config: OidcConfig,
    wire: Wire,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<(Instant, Arc<Discovery>)>>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    claims: serde_json::Map<String, Value>,
}

impl OidcProvider {
    /// The configured one; nothing is asked yet.
    ///
    /// # Errors
    /// [`OidcError::Configured`].
    pub fn new(config: OidcConfig, clock: Arc<dyn Clock>) -> Result<Self, OidcError> {
        config.check()?;
        Ok(Self { wire: Wire::new(&config.issuer), config, clock, known: Mutex::default() })
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Our client for a tenant's people.
    pub fn client(&self, tenant: &TenantId) -> String {
        self.config.client(tenant)
    }

    /// Where to send a browser to sign in. The provider is asked just before, so that nobody is sent to one that is away.
    ///
    /// # Errors
    /// [`OidcError::Away`], [`OidcError::BadAnswer`].
    pub async fn authorize_url(&self, tenant: &TenantId, request: &SignInRequest) -> Result<String, OidcError> {
        let discovery = self.discovery(JUST_NOW).await?;
        let mut url = self.endpoint(&discovery.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client(tenant))
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", &request.challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(prompt) = request.prompt.as_ref().filter(|prompt| discovery.takes_prompt(prompt)) {
            url.query_pairs_mut().append_pair("prompt", prompt);
        }
        Ok(url.into())
    }

    /// Who came back with this code.
    ///
    /// # Errors
    /// [`OidcError::Refused`] for a code that does not hold; the others where nobody knows.
    pub async fn exchange(
        &self,
        tenant: &TenantId,
        (code, redirect_uri, verifier): (&str, &str, &str),
    ) -> Result<Tokens, OidcError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let answer = self.token(tenant, &fields).await?;
        let id_token = answer.id_token.clone().ok_or_else(|| self.wire.bad_answer("no ID token for a code"))?;
        let (person, nonce) = self.believed(tenant, &id_token).await?;
        let person = self.completed(person, &answer).await?;
        let kept = self.kept(answer.refresh_token.clone(), id_token, &person);
        self.tokens(person, nonce, &answer, &kept)
    }

    /// Whether they are still signed in, by what was kept of [`Tokens::kept`]; the refresh token in it is used up.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub async fn refresh(&self, tenant: &TenantId, kept: &str) -> Result<Tokens, OidcError> {
        let refused = || OidcError::Refused("there is nothing to refresh".into());
        let before = Kept::read(kept).ok_or_else(refused)?;
        let refresh_token = before.refresh_token.ok_or_else(refused)?;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
        let answer = self.token(tenant, &fields).await?;
        let mut person = Person { subject: before.subject, email: before.email, email_verified: before.email_verified };
        let mut id_token = before.id_token;
        // A refresh need not bring an ID token; one that comes is of the same person (OpenID Connect Core §12.2).
        if let Some(new) = &answer.id_token {
            let (now, _) = self.believed(tenant, new).await?;
            if now.subject != person.subject {
                return Err(OidcError::Refused("the sign-in belongs to somebody else now".into()));
            }
            if now.email.is_some() {
                person = now;
            }
            id_token.clone_from(new);
        }
        let next = answer.refresh_token.clone().or(Some(refresh_token));
        let kept = self.kept(next, id_token, &person);
        self.tokens(person, None, &answer, &kept)
    }

    /// Signs them out: the refresh token ends, as far as the provider can be told. Answers where to send the browser, so that
    /// the provider's own session ends too, and where it comes back to.
    ///
    /// # Errors
    /// What the provider says of itself cannot be read.
    pub async fn sign_out(&self, tenant: &TenantId, kept: &str, back_to: &str) -> Result<Option<String>, OidcError> {
        let Some(kept) = Kept::read(kept) else { return Ok(None) };
        let discovery = self.discovery(FRESH).await?;
        if let (Some(endpoint), Some(token)) = (&discovery.revocation_endpoint, &kept.refresh_token) {
            let fields = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
            if let Err(error) = self.wire.ask(self.as_client(tenant, endpoint, &fields)).await {
                tracing::warn!(%tenant, %error, "a refresh token was not revoked; it ends by itself");
            }
        }
        let Some(endpoint) = &discovery.end_session_endpoint else { return Ok(None) };
        let mut url = self.endpoint(endpoint)?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.client(tenant))
            .append_pair("id_token_hint", &kept.id_token)
            .append_pair("post_logout_redirect_uri", back_to);
        Ok(Some(url.into()))
    }

    /// Whose access tokens the tenant at `origin` takes, with the provider's present keys.
    ///
    /// # Errors
    /// [`OidcError::Away`], [`OidcError::BadAnswer`].
    pub async fn token_issuer(&self, tenant: &TenantId, origin: &str) -> Result<Issuer, OidcError> {
        Ok(Issuer {
            url: self.config.issuer.clone(),
            audience: self.config.audience(tenant, origin),
            token_type: Some(self.config.access_token_type.clone()).filter(|kind| !kind.is_empty()),
            keys: self.keys().await?,
        })
    }

    /// What it says of itself, not older than `age`; older, where it cannot be asked and nobody is to be sent there.
    async fn discovery(&self, age: Duration) -> Result<Arc<Discovery>, OidcError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, discovery)) = known.as_ref().filter(|(at, _)| at.elapsed() < age) {
            return Ok(discovery.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let read = self.wire.get(&url, "discovery document").await;
        let read = read
            .and_then(|bytes| Discovery::read(&bytes, &self.config.issuer).map_err(|why| self.wire.bad_answer(why)));
        match (read, known) {
            (Ok(discovery), _) => {
                let discovery = Arc::new(discovery);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), discovery.clone()));
                Ok(discovery)
            }
            (Err(error), Some((_, discovery))) if age > JUST_NOW => {
                tracing::warn!(%error, "going on with what the sign-in service said of itself before");
                Ok(discovery)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Its keys. What is none that could be read is left out.
    async fn keys(&self) -> Result<JwkSet, OidcError> {
        let discovery = self.discovery(FRESH).await?;
        let bytes = self.wire.get(&discovery.jwks_uri, "keys").await?;
        let set: Keys = serde_json::from_slice(&bytes).map_err(|_| self.wire.bad_answer("keys that are no JWK set"))?;
        let keys: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(JwkSet { keys })
    }

    async fn token(&self, tenant: &TenantId, fields: &[(&str, &str)]) -> Result<TokenAnswer, OidcError> {
        let discovery = self.discovery(FRESH).await?;
        let answer = self.wire.ask(self.as_client(tenant, &discovery.token_endpoint, fields)).await?;
        let Answer { status: 200, body } = &answer else { return Err(self.wire.refusal(&answer)) };
        serde_json::from_slice(body).map_err(|e| self.wire.bad_answer(format!("tokens that cannot be read: {e}")))
    }

    /// A form, as our client: by its secret where it has one (RFC 6749 §2.3.1), else by its name.
    fn as_client(&self, tenant: &TenantId, endpoint: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let client = self.client(tenant);
        let request = self.wire.http.post(endpoint);
        match self.config.client_secrets.get(tenant) {
            Some(secret) => request.basic_auth(encoded(&client), Some(encoded(secret.expose()))).form(fields),
            None => request.form(&[fields, &[("client_id", client.as_str())]].concat()),
        }
    }

    /// Whom an ID token is about, when the provider signed it for us and it holds now; and its nonce.
    async fn believed(&self, tenant: &TenantId, id_token: &str) -> Result<(Person, Option<String>), OidcError> {
        let issuer = Issuer {
            url: self.config.issuer.clone(),
            audience: self.client(tenant),
            token_type: None,
            keys: self.keys().await?,
        };
        let claims = verified(id_token, &issuer, self.clock.now())
            .map_err(|failure| self.wire.bad_answer(format!("an ID token that does not hold: {failure}")))?;
        if !is_for(&claims, &issuer.audience) {
            return Err(self.wire.bad_answer("an ID token that was made for another client"));
        }
        let person = Person::of(&claims.subject, &claims.other);
        let person = person.ok_or_else(|| self.wire.bad_answer("an ID token without a subject"))?;
        Ok((person, claims.other.get("nonce").and_then(Value::as_str).map(str::to_owned)))
    }

    /// With the address, which many providers tell at their userinfo endpoint alone (OpenID Connect Core §5.4).
    async fn completed(&self, person: Person, answer: &TokenAnswer) -> Result<Person, OidcError> {
        let endpoint = self.discovery(FRESH).await?.userinfo_endpoint.clone();
        let Some(endpoint) = endpoint.filter(|_| person.email.is_none()) else { return Ok(person) };
        let asked = self.wire.ask(self.wire.http.get(endpoint).bearer_auth(&answer.access_token)).await?;
        let told: Option<UserInfo> =
            Some(asked).filter(|asked| asked.status == 200).and_then(|asked| serde_json::from_slice(&asked.body).ok());
        let Some(told) = told else {
            tracing::info!("the sign-in service does not tell who somebody is; going on without an address");
            return Ok(person);
        };
        // An answer about somebody else must not be used (OpenID Connect Core §5.3.2).
        if told.sub != person.subject {
            return Err(self.wire.bad_answer("its userinfo endpoint told of somebody else"));
        }
        Ok(Person::of(&told.sub, &told.claims).unwrap_or(person))
    }

    fn kept(&self, refresh_token: Option<String>, id_token: String, person: &Person) -> Kept {
        let Person { subject, email, email_verified } = person.clone();
        Kept { refresh_token, id_token, subject, email, email_verified }
    }

    fn tokens(
        &self,
        person: Person,
        nonce: Option<String>,
        answer: &TokenAnswer,
        kept: &Kept,
    ) -> Result<Tokens, OidcError> {
        let Person { subject, email, email_verified } = person;
        let refreshable = kept.refresh_token.is_some();
        let kept = serde_json::to_string(kept).map_err(|e| self.wire.bad_answer(e.to_string()))?;
        Ok(Tokens { subject, email, email_verified, nonce, kept, fresh_for: answer.fresh_for(), refreshable })
    }

    fn endpoint(&self, text: &str) -> Result<Url, OidcError> {
        address(text).ok_or_else(|| self.wire.bad_answer("an endpoint that is no address"))
    }
}

/// As a form has it: what a client id and secret are before they are put together (RFC 6749 §2.3.1).
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
