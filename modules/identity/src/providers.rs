//! Who signs people in: the built-in issuer, or a provider in its place. That may change while people watch: a sign-in goes
//! on at who made it.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tessera_contract::Failure;
use tessera_runtime::edge;
use tessera_types::TenantId;

use crate::provider::{LoginRequest, Provider, ProviderError, SignedIn};

/// Begins what is kept of a sign-in at another provider; its issuer, a line's end and the provider's own token follow.
const ELSEWHERE: &str = "at:";

/// Providers besides the built-in issuer: the one in its place, and those of before, whose sign-ins go on. A clone is the same.
#[derive(Clone, Default)]
pub struct Providers(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    now: Option<Named>,
    before: Vec<Named>,
}

/// A provider by its issuer identifier.
#[derive(Clone)]
struct Named {
    issuer: String,
    provider: Arc<dyn Provider>,
}

impl Providers {
    /// From now on this provider signs people in, by its issuer identifier; `None` is the built-in issuer.
    pub fn replace(&self, provider: Option<(String, Arc<dyn Provider>)>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let now = provider.map(|(issuer, provider)| Named { issuer, provider });
        if let Some(left) = std::mem::replace(&mut known.now, now) {
            // One of an issuer: the latest is as it was configured last.
            known.before.retain(|named| named.issuer != left.issuer);
            known.before.push(left);
        }
    }

    /// Whether another provider signs people in: then the built-in issuer serves nobody.
    pub fn is_foreign(&self) -> bool {
        self.now().is_some()
    }

    /// Whether this is the issuer of another provider, now or before.
    pub fn knows(&self, issuer: &str) -> bool {
        self.find(issuer).is_some()
    }

    fn now(&self) -> Option<Named> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).now.clone()
    }

    fn find(&self, issuer: &str) -> Option<Named> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.now.iter().chain(&known.before).find(|named| named.issuer == issuer).cloned()
    }
}

/// The provider that the app's sessions are made by: whoever it is at the time.
pub(crate) struct Switch {
    pub(crate) providers: Providers,
    pub(crate) built_in: Arc<dyn Provider>,
}

impl Switch {
    fn now(&self) -> Arc<dyn Provider> {
        self.providers.now().map_or_else(|| self.built_in.clone(), |named| named.provider)
    }

    /// Who made a sign-in, and that one's own token. `None` where its provider is not known any more.
    fn of<'t>(&self, kept: &'t str) -> Option<(Option<Named>, &'t str)> {
        let Some((issuer, token)) = kept.strip_prefix(ELSEWHERE).and_then(|rest| rest.split_once('\n')) else {
            return Some((None, kept));
        };
        self.providers.find(issuer).map(|named| (Some(named), token))
    }
}

/// The same with what is kept of it under its provider's name.
fn kept_at(named: Option<&Named>, signed_in: SignedIn) -> SignedIn {
    let Some(Named { issuer, .. }) = named else { return signed_in };
    SignedIn { refresh_token: format!("{ELSEWHERE}{issuer}\n{}", signed_in.refresh_token), ..signed_in }
}

#[async_trait]
impl Provider for Switch {
    async fn authorize_url(&self, tenant: &TenantId, request: &LoginRequest) -> Result<String, Failure> {
        self.now().authorize_url(tenant, request).await
    }

    async fn exchange(
        &self,
        tenant: &TenantId,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<SignedIn, ProviderError> {
        let named = self.providers.now();
        let provider = named.as_ref().map_or(&self.built_in, |named| &named.provider);
        let signed_in = provider.exchange(tenant, code, redirect_uri, verifier).await?;
        Ok(kept_at(named.as_ref(), signed_in))
    }

    async fn refresh(&self, tenant: &TenantId, refresh_token: &str) -> Result<SignedIn, ProviderError> {
        let unknown = || ProviderError::Refused("its provider is not configured any more".into());
        let (named, token) = self.of(refresh_token).ok_or_else(unknown)?;
        let provider = named.as_ref().map_or(&self.built_in, |named| &named.provider);
        Ok(kept_at(named.as_ref(), provider.refresh(tenant, token).await?))
    }

    async fn sign_out(&self, tenant: &TenantId, refresh_token: &str) -> Result<Option<String>, Failure> {
        match self.of(refresh_token) {
            None => Ok(None),
            Some((Some(named), token)) => named.provider.sign_out(tenant, token).await,
            Some((None, token)) => self.built_in.sign_out(tenant, token).await,
        }
    }

    async fn token_issuer(&self, tenant: &TenantId) -> Result<edge::Issuer, Failure> {
        self.now().token_issuer(tenant).await
    }
}
