//! The port between the app's session and whoever signs people in.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tessera_contract::Failure;
use tessera_runtime::edge;
use tessera_types::{AccountId, TenantId};
use url::form_urlencoded;

use crate::{
    claims::ACCESS_TOKEN,
    client::FIRST_PARTY,
    issuer::{Exchange, Issuer, NoTokens, Tokens},
};

/// An OpenID provider, as the app's session and the edge see it. The built-in one is called in this process; another stands
/// behind its HTTP endpoints, and has names of its own for people.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Where to send the browser.
    async fn authorize_url(&self, tenant: &TenantId, request: &LoginRequest) -> Result<String, Failure>;

    /// Who came back with this code.
    async fn exchange(
        &self,
        tenant: &TenantId,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<SignedIn, ProviderError>;

    /// Whether they are still signed in. The refresh token is used up.
    async fn refresh(&self, tenant: &TenantId, refresh_token: &str) -> Result<SignedIn, ProviderError>;

    /// Signs them out. The answer is where to send the browser, when the provider wants to see it for that.
    async fn sign_out(&self, tenant: &TenantId, refresh_token: &str) -> Result<Option<String>, Failure>;

    /// Whose access tokens the tenant takes, with the present keys.
    async fn token_issuer(&self, tenant: &TenantId) -> Result<edge::Issuer, Failure>;
}

/// Who somebody is, in the words of who signed them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An account of ours.
    Account(AccountId),
    /// Somebody whom another provider knows by a name of its own.
    Foreign(ForeignSubject),
}

/// A provider's name for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignSubject {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// Its `sub`.
    pub subject: String,
    /// Their address, when the provider vouches for it.
    pub verified_email: Option<String>,
}

/// A sign-in that the app begins.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// The origin the browser is at.
    pub origin: String,
    /// Where it has to come back to.
    pub redirect_uri: String,
    /// Comes back unchanged.
    pub state: String,
    /// Stands in the ID token.
    pub nonce: String,
    /// The PKCE challenge, S256.
    pub challenge: String,
    /// `login` or `create`, when the app asked for it.
    pub prompt: Option<String>,
}

/// Somebody who is signed in.
pub struct SignedIn {
    /// Who.
    pub subject: Subject,
    /// Their address, when the provider tells.
    pub email: Option<String>,
    /// The nonce of the request; none after a refresh.
    pub nonce: Option<String>,
    /// For asking again.
    pub refresh_token: String,
    /// When to ask again.
    pub fresh_for: Duration,
    /// When they have to sign in anew.
    pub holds_for: Duration,
}

/// Why the provider did not sign somebody in.
#[derive(Debug)]
pub enum ProviderError {
    /// It says no: the code or the sign-in does not hold.
    Refused(String),
    /// It cannot be asked, or answers nonsense.
    Failure(Failure),
}

/// The issuer in this process.
pub(crate) struct BuiltIn(pub(crate) Arc<Issuer>);

impl BuiltIn {
    fn signed_in(&self, tokens: Result<Tokens, NoTokens>) -> Result<SignedIn, ProviderError> {
        match tokens {
            Ok(tokens) => Ok(SignedIn {
                subject: Subject::Account(tokens.account),
                email: tokens.email,
                nonce: tokens.nonce,
                refresh_token: tokens.refresh_token,
                fresh_for: Duration::from_secs(tokens.expires_in.into()),
                holds_for: tokens.until.since(self.0.store.now()),
            }),
            Err(NoTokens::InvalidGrant(why)) => Err(ProviderError::Refused(why.to_owned())),
            Err(NoTokens::Failure(failure)) => Err(ProviderError::Failure(failure)),
        }
    }
}

#[async_trait]
impl Provider for BuiltIn {
    async fn authorize_url(&self, _: &TenantId, request: &LoginRequest) -> Result<String, Failure> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", FIRST_PARTY)
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("scope", "openid email offline_access")
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", &request.challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(prompt) = &request.prompt {
            query.append_pair("prompt", prompt);
        }
        Ok(format!("{}/identity/oauth/authorize?{}", request.origin, query.finish()))
    }

    async fn exchange(
        &self,
        tenant: &TenantId,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<SignedIn, ProviderError> {
        let exchange = Exchange {
            client_id: FIRST_PARTY.to_owned(),
            code: code.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            verifier: verifier.to_owned(),
        };
        self.signed_in(self.0.exchange(&self.0.cx(tenant), exchange).await)
    }

    async fn refresh(&self, tenant: &TenantId, refresh_token: &str) -> Result<SignedIn, ProviderError> {
        self.signed_in(self.0.refresh(&self.0.cx(tenant), FIRST_PARTY, refresh_token).await)
    }

    async fn sign_out(&self, tenant: &TenantId, refresh_token: &str) -> Result<Option<String>, Failure> {
        self.0.revoke(&self.0.cx(tenant), FIRST_PARTY, refresh_token, true).await.map(|()| None)
    }

    async fn token_issuer(&self, tenant: &TenantId) -> Result<edge::Issuer, Failure> {
        let url = self.0.origins.origin(tenant).await?;
        let keys = self.0.published_keys(&self.0.cx(tenant)).await?;
        Ok(edge::Issuer { audience: url.clone(), url, token_type: Some(ACCESS_TOKEN.to_owned()), keys })
    }
}
