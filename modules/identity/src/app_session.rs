//! The app's sessions. The browser has a cookie and nothing else; the refresh token stays here, sealed.
//!
//! Several tabs share a session, and a refresh token may be used once: whoever finds a session stale takes its
//! refreshing on for a while, in the store, and everybody else believes it meanwhile.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tessera_contract::{Caller, Cx, Failure, FailureKind, async_trait};
use tessera_runtime::{
    config::Secret,
    edge::{Session, Sessions},
};
use tessera_store::Store;
use tessera_types::{AccountId, TenantId};

use crate::{
    provider::{LoginRequest, Provider, ProviderError, SignedIn},
    secret::{self, Keyring},
    store::{self, SessionRow},
    subjects,
};

/// How long one refreshing may take before somebody else tries.
const REFRESHING: Duration = Duration::from_secs(15);
/// How long a session is believed while its provider cannot be asked.
const UNASKED: Duration = Duration::from_secs(300);
/// How long a sign-in may take, from the app and back.
pub(crate) const LOGIN_LIFE: Duration = Duration::from_secs(1800);

/// The sessions of every tenant.
#[derive(Clone)]
pub(crate) struct AppSessions {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) provider: Arc<dyn Provider>,
}

/// A sign-in on its way; travels sealed in a cookie of the browser that began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    pub(crate) return_to: String,
    expires_at: i64,
}

/// A session that stands, as the app may see it.
pub(crate) struct Standing {
    pub(crate) account: AccountId,
    pub(crate) email: Option<String>,
    pub(crate) csrf_token: String,
}

impl AppSessions {
    fn cx(&self, tenant: &TenantId) -> Cx {
        store::own_cx(&self.store, tenant)
    }

    /// Begins a sign-in: the sign-in on its way, its sealed form, and where to send the browser.
    pub(crate) async fn login(
        &self,
        tenant: &TenantId,
        origin: &str,
        redirect_uri: String,
        return_to: &str,
        prompt: Option<String>,
    ) -> Result<(Login, String, String), Failure> {
        let login = Login {
            state: secret::random_token(),
            nonce: secret::random_token(),
            verifier: secret::random_token(),
            return_to: return_to.to_owned(),
            expires_at: self.store.now().plus(LOGIN_LIFE).as_micros(),
            redirect_uri,
        };
        let request = LoginRequest {
            origin: origin.to_owned(),
            redirect_uri: login.redirect_uri.clone(),
            state: login.state.clone(),
            nonce: login.nonce.clone(),
            challenge: secret::challenge_of(&login.verifier),
            prompt,
        };
        let url = self.provider.authorize_url(tenant, &request).await?;
        let plain = serde_json::to_vec(&login).map_err(|e| Failure::internal("noting a sign-in", e))?;
        let sealed = self.keyring.seal(&["login", tenant.as_str()], &plain)?;
        Ok((login, BASE64_URL_SAFE_NO_PAD.encode(sealed), url))
    }

    /// The sign-in that a browser began, when it was this one and not too long ago.
    pub(crate) fn begun(&self, tenant: &TenantId, sealed: &str) -> Option<Login> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let login: Login = serde_json::from_slice(&self.keyring.open(&["login", tenant.as_str()], &sealed)?).ok()?;
        (login.expires_at > self.store.now().as_micros()).then_some(login)
    }

    /// Ends a sign-in with a session; answers the secret for the cookie.
    pub(crate) async fn arrive(&self, tenant: &TenantId, login: &Login, code: &str) -> Result<String, ProviderError> {
        let signed_in = self.provider.exchange(tenant, code, &login.redirect_uri, &login.verifier).await?;
        if !signed_in.nonce.as_deref().is_some_and(|nonce| secret::same(nonce, &login.nonce)) {
            return Err(ProviderError::Refused("the answer belongs to another sign-in".into()));
        }
        let token = secret::random_token();
        let (session, expires) = (secret::hash(&token), self.store.now().plus(signed_in.holds_for));
        let (cx, subject) = (self.cx(tenant), signed_in.subject.clone());
        let account = subjects::account(&self.store, &cx, subject).await.map_err(ProviderError::Failure)?;
        let row = self.row(tenant, (&session, account), signed_in, expires.as_micros());
        let write = self.store.write(&cx, (session, row.map_err(ProviderError::Failure)?), |tx, (session, row)| {
            Box::pin(store::add_session(tx, session, row))
        });
        write.await.map_err(ProviderError::Failure)?;
        Ok(token)
    }

    /// The session of this cookie; `None` when it is unknown, signed out or run out.
    pub(crate) async fn standing(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Standing>, Failure> {
        let (session, now) = (secret::hash(cookie), self.store.now());
        let cx = self.cx(tenant);
        let Some(mut row) = store::session(&self.store.tenant(&cx), &session, now).await? else { return Ok(None) };
        if row.fresh_until <= now.as_micros() {
            match self.refreshed(cx, session).await? {
                Some(refreshed) => row = refreshed,
                None => return Ok(None),
            }
        }
        let csrf_token = self.csrf_token(tenant, cookie);
        Ok(Some(Standing { account: row.account_id, email: row.email, csrf_token }))
    }

    /// Ends the session of this cookie, here and at its provider; answers where to send the browser, if anywhere.
    pub(crate) async fn end(&self, tenant: &TenantId, cookie: &str) -> Result<Option<String>, Failure> {
        let (cx, session) = (self.cx(tenant), secret::hash(cookie));
        let delete = self.store.write(&cx, session.clone(), |tx, session| Box::pin(store::delete_session(tx, session)));
        let Some(row): Option<SessionRow> = delete.await? else { return Ok(None) };
        let token = self.refresh_token(tenant, &session, &row)?;
        self.provider.sign_out(tenant, &token).await
    }

    /// What the app repeats with whatever changes something.
    pub(crate) fn csrf_token(&self, tenant: &TenantId, cookie: &str) -> String {
        self.keyring.proof(&["csrf", tenant.as_str(), cookie])
    }

    /// Asks the provider again, in a task of its own: a caller that goes away must not lose the next refresh token.
    async fn refreshed(&self, cx: Cx, session: String) -> Result<Option<SessionRow>, Failure> {
        let this = self.clone();
        let asking = tokio::spawn(async move { this.refresh(&cx, &session).await });
        asking.await.map_err(|e| Failure::internal("refreshing a session", e))?
    }

    async fn refresh(&self, cx: &Cx, session: &str) -> Result<Option<SessionRow>, Failure> {
        let until = self.store.now().plus(REFRESHING);
        let claim = self
            .store
            .write(cx, session.to_owned(), move |tx, session| Box::pin(store::claim_session(tx, session, until)));
        let Some(row): Option<SessionRow> = claim.await? else {
            // Fresh again, being refreshed by somebody else, or gone.
            return store::session(&self.store.tenant(cx), session, self.store.now()).await;
        };
        let token = self.refresh_token(&cx.tenant, session, &row)?;
        match self.provider.refresh(&cx.tenant, &token).await {
            Ok(signed_in) => {
                let account = subjects::account(&self.store, cx, signed_in.subject.clone()).await?;
                if account != row.account_id {
                    return self.over(cx, session, "it belongs to somebody else now").await;
                }
                let row = self.row(&cx.tenant, (session, account), signed_in, row.expires_at)?;
                let input = (session.to_owned(), row.clone());
                let write = self
                    .store
                    .write(cx, input, |tx, (session, row)| Box::pin(store::refreshed_session(tx, session, row)));
                write.await.map(|()| Some(row))
            }
            Err(ProviderError::Refused(why)) => self.over(cx, session, &why).await,
            Err(ProviderError::Failure(failure)) => self.unasked(row, failure),
        }
    }

    async fn over(&self, cx: &Cx, session: &str, why: &str) -> Result<Option<SessionRow>, Failure> {
        tracing::info!(tenant = %cx.tenant, why, "the provider ended a session");
        let delete =
            self.store.write(cx, session.to_owned(), |tx, session| Box::pin(store::delete_session(tx, session)));
        delete.await.map(|_: Option<SessionRow>| None)
    }

    fn unasked(&self, row: SessionRow, failure: Failure) -> Result<Option<SessionRow>, Failure> {
        let stale = self.store.now().as_micros() - row.fresh_until;
        match u128::try_from(stale).unwrap_or(0) < UNASKED.as_micros() && failure.kind != FailureKind::Internal {
            true => Ok(Some(row)),
            false => Err(failure),
        }
    }

    fn row(
        &self,
        tenant: &TenantId,
        (session, account_id): (&str, AccountId),
        of: SignedIn,
        expires_at: i64,
    ) -> Result<SessionRow, Failure> {
        let sealed = self.keyring.seal(&purpose(tenant.as_str(), session), of.refresh_token.as_bytes())?;
        Ok(SessionRow {
            account_id,
            email: of.email,
            sealed_refresh_token: sealed,
            master_key_id: self.keyring.current().to_owned(),
            fresh_until: self.store.now().plus(of.fresh_for).as_micros(),
            expires_at,
        })
    }

    fn refresh_token(&self, tenant: &TenantId, session: &str, row: &SessionRow) -> Result<String, Failure> {
        let plain = self.keyring.open_stored(&purpose(tenant.as_str(), session), &row.sealed_refresh_token)?;
        String::from_utf8(plain).map_err(|e| Failure::internal("reading a stored refresh token", e))
    }
}

/// What a session's refresh token is sealed for.
pub(crate) fn purpose<'t>(tenant: &'t str, session: &'t str) -> [&'t str; 3] {
    ["refresh token", tenant, session]
}

#[async_trait]
impl Sessions for AppSessions {
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure> {
        let standing = self.standing(tenant, cookie).await?;
        Ok(standing.map(|standing| Session {
            caller: Caller::Viewer { account: standing.account, profile: None },
            csrf_token: Secret::new(standing.csrf_token),
        }))
    }
}
