//! The OpenID provider: sign-ins, codes, tokens, keys. One issuer a tenant.

use std::sync::Arc;

use jsonwebtoken::{EncodingKey, jwk::JwkSet};
use tessera_contract::{Cx, Failure};
use tessera_store::{Store, Tx};
use tessera_types::{AccountId, TenantId, Timestamp};

use crate::{
    authorization::Authorization,
    claims::{self, ACCESS_TOKEN, AccessClaims, ID_TOKEN, IdClaims},
    config::{TokenConfig, seconds},
    origin::Origins,
    secret::{self, Keyring},
    signing_key,
    store::{self, CodeRow, GrantRow, SignInRow},
};

/// The issuer of every tenant.
pub(crate) struct Issuer {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) origins: Arc<dyn Origins>,
    pub(crate) config: TokenConfig,
}

/// What a client gets for a code or a refresh token.
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    pub(crate) refresh_token: String,
    pub(crate) scope: String,
    pub(crate) expires_in: u32,
    pub(crate) account: AccountId,
    pub(crate) email: Option<String>,
    pub(crate) nonce: Option<String>,
    /// When the sign-in behind it runs out.
    pub(crate) until: Timestamp,
}

/// Why there are no tokens.
#[derive(Debug)]
pub(crate) enum NoTokens {
    /// `invalid_grant` (RFC 6749 §5.2), with the reason.
    InvalidGrant(&'static str),
    /// Something else is wrong.
    Failure(Failure),
}

impl From<Failure> for NoTokens {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What a client shows for tokens.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) client_id: String,
    pub(crate) code: String,
    pub(crate) redirect_uri: String,
    pub(crate) verifier: String,
}

/// A grant that stands, with the nonce of its request; or why it does not.
type Settled = Result<(GrantRow, Option<String>), &'static str>;

struct SigningKey {
    id: String,
    key: EncodingKey,
}

impl Issuer {
    pub(crate) fn cx(&self, tenant: &TenantId) -> Cx {
        store::own_cx(&self.store, tenant)
    }

    /// Notes that somebody gave the right password; answers the secret for the browser, which is a new one even when
    /// it had one `before`.
    pub(crate) async fn begin(&self, cx: &Cx, account: &AccountId, before: Option<&str>) -> Result<String, Failure> {
        let (token, now) = (secret::random_token(), self.store.now());
        let row = SignInRow {
            account_id: account.clone(),
            authenticated_at: now.as_micros(),
            expires_at: now.plus(seconds(self.config.sign_in_seconds)).as_micros(),
        };
        let input = (secret::hash(&token), row, before.map(secret::hash));
        let write = self.store.write(cx, input, |tx, (sign_in, row, before)| {
            Box::pin(async move {
                match before {
                    Some(before) => store::replace_sign_in(tx, before, sign_in, row).await,
                    None => store::add_sign_in(tx, sign_in, row).await,
                }
            })
        });
        write.await.map(|()| token)
    }

    /// Who signed in in the browser with this secret.
    pub(crate) async fn signed_in(&self, cx: &Cx, token: &str) -> Result<Option<SignInRow>, Failure> {
        store::sign_in(&self.store.tenant(cx), &secret::hash(token), self.store.now()).await
    }

    /// Ends the sign-in of the browser with this secret, and all tokens that came from it.
    pub(crate) async fn end(&self, cx: &Cx, token: &str) -> Result<(), Failure> {
        let end = self.store.write(cx, secret::hash(token), |tx, sign_in| Box::pin(store::end_sign_in(tx, sign_in)));
        end.await
    }

    /// A code for the application, in the name of who signed in with this secret.
    pub(crate) async fn authorize(
        &self,
        cx: &Cx,
        token: &str,
        sign_in: &SignInRow,
        asked: &Authorization,
    ) -> Result<String, Failure> {
        let (code, now) = (secret::random_token(), self.store.now());
        let grant = GrantRow {
            grant_id: secret::random_token(),
            sign_in: secret::hash(token),
            account_id: sign_in.account_id.clone(),
            client_id: asked.client_id.clone(),
            scope: asked.scope.clone(),
            authenticated_at: sign_in.authenticated_at,
            expires_at: sign_in.expires_at,
            revoked: false,
        };
        let row = CodeRow {
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.challenge.clone(),
            nonce: asked.nonce.clone(),
            expires_at: now.plus(seconds(self.config.code_seconds)).as_micros(),
            used: false,
            grant_id: grant.grant_id.clone(),
        };
        let write = self.store.write(cx, (secret::hash(&code), grant, row), |tx, (hash, grant, row)| {
            Box::pin(async move {
                store::add_grant(tx, grant).await?;
                store::add_code(tx, hash, row).await
            })
        });
        write.await.map(|()| code)
    }

    /// Tokens for a code. A code that is shown again takes back what it was given for the first time.
    pub(crate) async fn exchange(&self, cx: &Cx, exchange: Exchange) -> Result<Tokens, NoTokens> {
        let (key, refresh_token) = (self.signing_key(cx).await?, secret::random_token());
        let input = (exchange, secret::hash(&refresh_token));
        let write = self.store.write(cx, input, |tx, (exchange, refresh)| Box::pin(redeem(tx, exchange, refresh)));
        let (grant, nonce) = write.await?.map_err(NoTokens::InvalidGrant)?;
        Ok(self.tokens(cx, &key, grant, nonce, refresh_token).await?)
    }

    /// New tokens for a refresh token, which is used up. One that is shown again takes all back (RFC 9700 §4.14.2).
    pub(crate) async fn refresh(&self, cx: &Cx, client_id: &str, token: &str) -> Result<Tokens, NoTokens> {
        let (key, next) = (self.signing_key(cx).await?, secret::random_token());
        let input = (client_id.to_owned(), secret::hash(token), secret::hash(&next));
        let write = self.store.write(cx, input, |tx, (client_id, old, new)| Box::pin(rotate(tx, client_id, old, new)));
        let (grant, nonce) = write.await?.map_err(NoTokens::InvalidGrant)?;
        Ok(self.tokens(cx, &key, grant, nonce, next).await?)
    }

    /// Takes back a refresh token with all that came from the same authorization; with `sign_in_too`, also the sign-in.
    /// A token that is not the client's stays as it is.
    pub(crate) async fn revoke(&self, cx: &Cx, client_id: &str, token: &str, sign_in_too: bool) -> Result<(), Failure> {
        let input = (client_id.to_owned(), secret::hash(token));
        let write = self.store.write(cx, input, move |tx, (client_id, token)| {
            Box::pin(async move {
                let Some(found) = store::refresh(tx, token).await? else { return Ok(()) };
                match store::grant(tx, &found.grant_id).await? {
                    Some(grant) if grant.client_id == *client_id => {
                        store::revoke_grant(tx, &grant.grant_id).await?;
                        if sign_in_too {
                            store::end_sign_in(tx, &grant.sign_in).await?;
                        }
                        Ok(())
                    }
                    Some(_) | None => Ok(()),
                }
            })
        });
        write.await
    }

    async fn tokens(
        &self,
        cx: &Cx,
        key: &SigningKey,
        grant: GrantRow,
        nonce: Option<String>,
        refresh_token: String,
    ) -> Result<Tokens, Failure> {
        let (issuer, now) = (self.origins.origin(&cx.tenant).await?, self.store.now());
        let (iat, exp) = (now.as_seconds(), now.plus(seconds(self.config.access_seconds)).as_seconds());
        let auth_time = Timestamp::from_micros(grant.authenticated_at).as_seconds();
        let account = store::account(&self.store.tenant(cx), &grant.account_id).await?;
        let email = account.map(|account| account.email).filter(|_| has_scope(&grant.scope, "email"));
        let access = AccessClaims {
            iss: issuer.clone(),
            sub: grant.account_id.clone(),
            aud: issuer.clone(),
            client_id: grant.client_id.clone(),
            jti: secret::random_token(),
            scope: grant.scope.clone(),
            iat,
            exp,
            auth_time,
        };
        let id = IdClaims {
            iss: issuer,
            sub: grant.account_id.clone(),
            aud: grant.client_id,
            nonce: nonce.clone(),
            email_verified: email.as_ref().map(|_| false),
            email: email.clone(),
            iat,
            exp,
            auth_time,
        };
        Ok(Tokens {
            access_token: claims::sign(&access, ACCESS_TOKEN, &key.id, &key.key)?,
            id_token: claims::sign(&id, ID_TOKEN, &key.id, &key.key)?,
            refresh_token,
            scope: grant.scope,
            expires_in: self.config.access_seconds,
            account: grant.account_id,
            until: Timestamp::from_micros(grant.expires_at),
            email,
            nonce,
        })
    }

    /// The claims of an access token of this tenant that holds now.
    pub(crate) async fn access_claims(&self, cx: &Cx, token: &str) -> Result<Option<AccessClaims>, Failure> {
        let (keys, issuer) = (self.published_keys(cx).await?, self.origins.origin(&cx.tenant).await?);
        let now = self.store.now().as_seconds();
        let claims = claims::read::<AccessClaims>(token, ACCESS_TOKEN, &keys);
        Ok(claims.filter(|claims| claims.iss == issuer && claims.aud == issuer && claims.exp > now))
    }

    /// The claims of an ID token that we once gave out, expired or not.
    pub(crate) async fn id_hint(&self, cx: &Cx, token: &str) -> Result<Option<IdClaims>, Failure> {
        let (keys, issuer) = (self.published_keys(cx).await?, self.origins.origin(&cx.tenant).await?);
        Ok(claims::read::<IdClaims>(token, ID_TOKEN, &keys).filter(|claims| claims.iss == issuer))
    }

    /// The keys that tokens of this tenant are checked with.
    pub(crate) async fn published_keys(&self, cx: &Cx) -> Result<JwkSet, Failure> {
        let keys = self.store.tenant(cx);
        let mut rows = store::signing_keys(&keys).await?;
        if signing_key::is_due(&rows, &self.config, self.store.now()) {
            self.add_key(cx, false).await?;
            rows = store::signing_keys(&keys).await?;
        }
        signing_key::published(&rows, &self.config, self.store.now())
    }

    /// Gives the tenant a new signing key whatever its present one's age; answers its id. It is published at once and
    /// signs after `publish_seconds`.
    pub(crate) async fn rotate(&self, cx: &Cx) -> Result<String, Failure> {
        self.add_key(cx, true).await?;
        let rows = store::signing_keys(&self.store.tenant(cx)).await?;
        Ok(rows.last().map(|newest| newest.key_id.clone()).unwrap_or_default())
    }

    async fn signing_key(&self, cx: &Cx) -> Result<SigningKey, Failure> {
        let mut rows = store::signing_keys(&self.store.tenant(cx)).await?;
        if signing_key::is_due(&rows, &self.config, self.store.now()) {
            self.add_key(cx, false).await?;
            rows = store::signing_keys(&self.store.tenant(cx)).await?;
        }
        let row = signing_key::signing(&rows, self.store.now()).ok_or_else(|| {
            Failure::new(tessera_contract::FailureKind::Internal, "no signing key of this tenant may sign yet")
        })?;
        let key = signing_key::open(&self.keyring, cx.tenant.as_str(), row)?;
        Ok(SigningKey { id: row.key_id.clone(), key })
    }

    /// Adds a key when one is due or `wanted` anyway, and forgets the retired ones.
    async fn add_key(&self, cx: &Cx, wanted: bool) -> Result<(), Failure> {
        let (generated, keyring, config) = (signing_key::generate()?, self.keyring.clone(), self.config.clone());
        let write = self.store.write(cx, (generated, keyring, config), move |tx, (generated, keyring, config)| {
            Box::pin(async move {
                let (rows, now) = (store::signing_keys_in(tx).await?, tx.now());
                for (at, row) in rows.iter().enumerate() {
                    if signing_key::is_retired(&rows, at, config, now) {
                        store::delete_signing_key(tx, row.generation).await?;
                    }
                }
                if !wanted && !signing_key::is_due(&rows, config, now) {
                    return Ok(());
                }
                let generation = rows.last().map_or(1, |newest| newest.generation + 1);
                let wait = if rows.is_empty() { 0 } else { config.publish_seconds };
                let tenant = tx.cx().map(|cx| cx.tenant.to_string()).unwrap_or_default();
                let row = generated.row(keyring, &tenant, generation, now, now.plus(seconds(wait)))?;
                store::add_signing_key(tx, &row).await.map(drop)
            })
        });
        write.await
    }
}

pub(crate) fn has_scope(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|one| one == scope)
}

async fn redeem(tx: &mut Tx, asked: &Exchange, refresh: &str) -> Result<Settled, Failure> {
    let hash = secret::hash(&asked.code);
    let Some(code) = store::code(tx, &hash).await? else { return Ok(Err("the code is unknown")) };
    let Some(grant) = store::grant(tx, &code.grant_id).await? else { return Ok(Err("the code has expired")) };
    if code.used {
        store::revoke_grant(tx, &grant.grant_id).await?;
        return Ok(Err("the code was used before; all tokens that came from it are revoked"));
    }
    // Whoever shows it wrongly has it and should not: it is used up all the same.
    store::use_code(tx, &hash).await?;
    if code.expires_at <= tx.now().as_micros() {
        return Ok(Err("the code has expired"));
    }
    if grant.client_id != asked.client_id || code.redirect_uri != asked.redirect_uri {
        return Ok(Err("the code was given to another client_id or redirect_uri"));
    }
    if !secret::same(&secret::challenge_of(&asked.verifier), &code.challenge) {
        return Ok(Err("code_verifier does not fit the code_challenge"));
    }
    Ok(standing(tx, grant, refresh).await?.map(|grant| (grant, code.nonce)))
}

async fn rotate(tx: &mut Tx, client_id: &str, old: &str, new: &str) -> Result<Settled, Failure> {
    let Some(token) = store::refresh(tx, old).await? else { return Ok(Err("the refresh token is unknown")) };
    let Some(grant) = store::grant(tx, &token.grant_id).await? else {
        return Ok(Err("the refresh token has expired"));
    };
    if grant.client_id != client_id {
        return Ok(Err("the refresh token was given to another client_id"));
    }
    if token.used {
        store::revoke_grant(tx, &grant.grant_id).await?;
        return Ok(Err("the refresh token was used before; all tokens that came from it are revoked"));
    }
    store::use_refresh(tx, old).await?;
    Ok(standing(tx, grant, new).await?.map(|grant| (grant, None)))
}

/// A grant that neither was revoked nor ran out gets its next refresh token.
async fn standing(tx: &mut Tx, grant: GrantRow, refresh: &str) -> Result<Result<GrantRow, &'static str>, Failure> {
    if grant.revoked || grant.expires_at <= tx.now().as_micros() {
        return Ok(Err("the sign-in is over"));
    }
    store::add_refresh(tx, refresh, &grant.grant_id).await?;
    Ok(Ok(grant))
}
