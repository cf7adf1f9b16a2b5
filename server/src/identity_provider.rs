//! An OpenID provider of somebody else's in the place of the built-in issuer: what identity and the edge see of it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tessera_contract::{Cx, EDGE, Failure, FailureKind};
use tessera_contract_identity::{IdentityEdge, IdentityError, ResolveSubject};
use tessera_identity::{ForeignSubject, LoginRequest, Origins, Provider, ProviderError, SignedIn, Subject};
use tessera_oidc::{OidcError, OidcProvider, SignInRequest, Tokens};
use tessera_runtime::edge::{ForeignSubjects, Issuer, SubjectAccounts, Subjects};
use tessera_types::{AccountId, Clock, TenantId};

use crate::{config::Root, error::CommandError};

/// How long a request may wait to learn whose account a token names.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back to a provider that is away.
const COME_BACK: Duration = Duration::from_secs(10);

/// The configured provider, if there is one.
///
/// # Errors
/// A setting of it.
pub(crate) fn of(
    root: &Root,
    origins: Arc<dyn Origins>,
    clock: Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Provider>>, CommandError> {
    let Some(config) = &root.identity_provider else { return Ok(None) };
    let provider = OidcProvider::new(config.clone(), clock).map_err(|e| CommandError::new(e.to_string()))?;
    let holds_for = Duration::from_secs(root.identity.built_in.tokens.sign_in_seconds.into());
    Ok(Some(Arc::new(ForeignProvider { provider, origins, holds_for })))
}

/// What the edge takes the provider's subjects for, if there is one; `identity` says whose accounts they are.
pub(crate) fn subjects(
    root: &Root,
    identity: Option<Arc<dyn IdentityEdge>>,
    clock: Arc<dyn Clock>,
) -> Option<Arc<dyn Subjects>> {
    root.identity_provider.as_ref()?;
    let accounts = ProviderAccounts { identity: identity?, clock };
    Some(Arc::new(ForeignSubjects::new(Arc::new(accounts))))
}

/// The provider, as identity's sessions see it.
struct ForeignProvider {
    provider: OidcProvider,
    origins: Arc<dyn Origins>,
    /// How long a sign-in holds that can be asked after.
    holds_for: Duration,
}

impl ForeignProvider {
    fn signed_in(&self, tokens: Result<Tokens, OidcError>) -> Result<SignedIn, ProviderError> {
        let tokens = tokens.map_err(|error| match error {
            OidcError::Refused(why) => ProviderError::Refused(why),
            error => ProviderError::Failure(failure(error)),
        })?;
        let Tokens { subject, email, email_verified, nonce, kept, fresh_for, refreshable } = tokens;
        let verified_email = email.clone().filter(|_| email_verified);
        let issuer = self.provider.issuer().to_owned();
        Ok(SignedIn {
            subject: Subject::Foreign(ForeignSubject { issuer, subject, verified_email }),
            email,
            nonce,
            refresh_token: kept,
            fresh_for,
            holds_for: if refreshable { self.holds_for } else { fresh_for },
        })
    }
}

/// What people and callers are told of a provider's failure; the log has the rest.
fn failure(error: OidcError) -> Failure {
    match error {
        OidcError::Away { .. } => {
            let detail = "Signing in is not possible at the moment: the sign-in service does not answer. Please try again \
                          in a few minutes. Whoever is signed in stays so.";
            Failure::unavailable(detail, error).retry_after(COME_BACK)
        }
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "the identity provider");
            Failure::new(FailureKind::BadAnswer, "the sign-in service answered something that cannot be believed")
        }
    }
}

#[async_trait]
impl Provider for ForeignProvider {
    async fn authorize_url(&self, tenant: &TenantId, request: &LoginRequest) -> Result<String, Failure> {
        let LoginRequest { redirect_uri, state, nonce, challenge, prompt, .. } = request.clone();
        let request = SignInRequest { redirect_uri, state, nonce, challenge, prompt };
        self.provider.authorize_url(tenant, &request).await.map_err(failure)
    }

    async fn exchange(
        &self,
        tenant: &TenantId,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<SignedIn, ProviderError> {
        self.signed_in(self.provider.exchange(tenant, (code, redirect_uri, verifier)).await)
    }

    async fn refresh(&self, tenant: &TenantId, refresh_token: &str) -> Result<SignedIn, ProviderError> {
        self.signed_in(self.provider.refresh(tenant, refresh_token).await)
    }

    async fn sign_out(&self, tenant: &TenantId, refresh_token: &str) -> Result<Option<String>, Failure> {
        let back_to = format!("{}/", self.origins.origin(tenant).await?);
        match self.provider.sign_out(tenant, refresh_token, &back_to).await {
            Ok(go_to) => Ok(go_to),
            // Here they are signed out already, and that is what they asked for.
            Err(error) => {
                tracing::warn!(%tenant, %error, "somebody who signed out is signed in at the provider still");
                Ok(None)
            }
        }
    }

    async fn token_issuer(&self, tenant: &TenantId) -> Result<Issuer, Failure> {
        let origin = self.origins.origin(tenant).await?;
        self.provider.token_issuer(tenant, &origin).await.map_err(failure)
    }
}

/// Whose accounts the provider's subjects are, as identity says, here or in another process.
struct ProviderAccounts {
    identity: Arc<dyn IdentityEdge>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl SubjectAccounts for ProviderAccounts {
    async fn account_of(&self, tenant: &TenantId, issuer: &str, subject: &str) -> Result<AccountId, Failure> {
        let cx = Cx::service(tenant.clone(), EDGE, self.clock.as_ref()).with_timeout(PATIENCE);
        let request = ResolveSubject { issuer: issuer.to_owned(), subject: subject.to_owned() };
        match self.identity.resolve_subject(&cx, request).await {
            Ok(resolved) => Ok(resolved.account_id),
            // A subject that none can have: the token is nobody's here.
            Err(IdentityError::Failure(failure)) if failure.kind == FailureKind::InvalidRequest => {
                Err(Failure::new(FailureKind::Unauthenticated, "the token's subject is none that anybody can have"))
            }
            Err(IdentityError::Failure(failure)) => Err(failure),
            Err(error) => Err(Failure::new(FailureKind::BadAnswer, format!("identity refused the edge: {error}"))),
        }
    }
}
