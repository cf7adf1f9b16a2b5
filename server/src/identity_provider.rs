//! An OpenID provider of somebody else's in the place of the built-in issuer: what identity and the edge see of it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use tessera_contract::{Caller, Cx, EDGE, Failure, FailureKind};
use tessera_contract_identity::{IdentityEdge, IdentityError, ResolveSubject};
use tessera_identity::{ForeignSubject, LoginRequest, Origins, Provider, ProviderError, Providers, SignedIn, Subject};
use tessera_oidc::{OidcConfig, OidcError, OidcProvider, SignInRequest, Tokens};
use tessera_runtime::{
    directory::Directory,
    edge::{Claims, ForeignSubjects, Issuer, OwnSubjects, SubjectAccounts, Subjects},
};
use tessera_types::{AccountId, Clock, TenantId};

use crate::{config::Root, error::CommandError, origins::ConfiguredOrigins};

/// How long a request may wait to learn whose account a token names.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back to a provider that is away.
const COME_BACK: Duration = Duration::from_secs(10);

/// Who signs people in, as the configuration has it; SIGHUP may change it.
pub(crate) struct SignIn {
    providers: Providers,
    said: RwLock<Option<OidcConfig>>,
    origins: Arc<dyn Origins>,
    clock: Arc<dyn Clock>,
    /// How long a sign-in holds that can be asked after.
    holds_for: Duration,
}

/// Another configuration that can be taken over.
pub(crate) struct Change {
    said: Option<OidcConfig>,
    provider: Option<(String, Arc<dyn Provider>)>,
}

impl SignIn {
    /// As configured.
    ///
    /// # Errors
    /// A setting of the provider.
    pub(crate) fn new(root: &Root, directory: &Directory, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let sign_in = Self {
            providers: Providers::default(),
            said: RwLock::default(),
            origins: Arc::new(ConfiguredOrigins::new(&root.server, directory.clone())),
            clock,
            holds_for: Duration::from_secs(root.identity.built_in.tokens.sign_in_seconds.into()),
        };
        if let Some(change) = sign_in.changed(root)? {
            sign_in.settle(change);
        }
        Ok(sign_in)
    }

    /// Providers, as identity asks them.
    pub(crate) fn providers(&self) -> Providers {
        self.providers.clone()
    }

    /// The provider in the place of the built-in issuer, if there is one.
    pub(crate) fn said(&self) -> Option<OidcConfig> {
        self.said.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to be by `root`; `None` where nothing changes.
    ///
    /// # Errors
    /// A setting of the provider.
    pub(crate) fn changed(&self, root: &Root) -> Result<Option<Change>, CommandError> {
        let said = root.identity_provider.clone();
        if said == self.said() {
            return Ok(None);
        }
        let provider = match &said {
            None => None,
            Some(config) => {
                let provider = OidcProvider::new(config.clone(), self.clock.clone());
                let provider = provider.map_err(|e| CommandError::new(e.to_string()))?;
                let (origins, holds_for) = (self.origins.clone(), self.holds_for);
                let foreign: Arc<dyn Provider> = Arc::new(ForeignProvider { provider, origins, holds_for });
                Some((config.issuer.clone(), foreign))
            }
        };
        Ok(Some(Change { said, provider }))
    }

    /// People sign in there from now on. A sentence says where.
    pub(crate) fn settle(&self, Change { said, provider }: Change) -> String {
        let whom = said.as_ref().map_or_else(|| "the built-in issuer".to_owned(), |config| config.issuer.clone());
        self.providers.replace(provider);
        *self.said.write().unwrap_or_else(PoisonError::into_inner) = said;
        format!("people sign in at {whom} from now on")
    }
}

/// What the edge takes subjects of tokens for; `identity` says whose accounts another provider's are.
pub(crate) fn subjects(
    sign_in: Arc<SignIn>,
    identity: Arc<dyn IdentityEdge>,
    clock: Arc<dyn Clock>,
) -> Arc<dyn Subjects> {
    let foreign = ForeignSubjects::new(Arc::new(ProviderAccounts { identity, clock }));
    Arc::new(SubjectsOfAll { providers: sign_in.providers(), foreign })
}

/// Our own issuer's subjects are accounts, another provider's are names of its own.
struct SubjectsOfAll {
    providers: Providers,
    foreign: ForeignSubjects,
}

#[async_trait]
impl Subjects for SubjectsOfAll {
    async fn caller(&self, tenant: &TenantId, claims: &Claims) -> Result<Caller, Failure> {
        match self.providers.knows(&claims.issuer) {
            true => self.foreign.caller(tenant, claims).await,
            false => OwnSubjects.caller(tenant, claims).await,
        }
    }
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
