//! What the edge asks of identity, where identity is in another process.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use tessera_contract::{Caller, Contract, Cx, EDGE, Failure, FailureKind};
use tessera_contract_identity::{
    GetIssuer, Identity, IdentityEdge, IdentityError, NoteApiKeyUse, ResolveApiKey, ResolveSession,
};
use tessera_runtime::{
    config::Secret,
    edge::{ApiKeys, Issuer, IssuerKeys, ResolvedKey, Session, Sessions},
};
use tessera_types::{Clock, Sensitive, TenantId};
use tokio::sync::Semaphore;

use crate::{elsewhere::Elsewhere, modules::Part};

/// How long a request may wait to learn who sends it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Uses of keys that may be on their way to identity at once; beyond it they are not told, and the next one is.
const TELLING: usize = 16;

/// Identity at its address.
pub(crate) struct RemoteIdentity {
    identity: Arc<dyn Identity>,
    edge: Arc<dyn IdentityEdge>,
    clock: Arc<dyn Clock>,
    telling: Arc<Semaphore>,
}

impl RemoteIdentity {
    /// Where the configuration says; `None` where it says nothing.
    pub(crate) fn new(elsewhere: &Elsewhere, clock: Arc<dyn Clock>) -> Option<Arc<Self>> {
        let identity = <dyn Identity>::guarded(elsewhere.or(Part::Identity, None)?);
        let edge = <dyn IdentityEdge>::guarded(elsewhere.or(Part::Identity, None)?);
        Some(Arc::new(Self { identity, edge, clock, telling: Arc::new(Semaphore::new(TELLING)) }))
    }

    fn cx(&self, tenant: &TenantId) -> Cx {
        Cx::service(tenant.clone(), EDGE, self.clock.as_ref()).with_timeout(PATIENCE)
    }
}

/// The failure of asking: all that identity itself would say is that there is nothing.
fn failed(error: IdentityError) -> Failure {
    match error {
        IdentityError::Failure(failure) => failure,
        error => Failure::new(FailureKind::BadAnswer, format!("identity refused the edge: {error}")),
    }
}

#[async_trait]
impl ApiKeys for RemoteIdentity {
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        let request = ResolveApiKey { secret: secret.into() };
        match self.identity.resolve_api_key(&self.cx(&TenantId::platform()), request).await {
            Ok(key) => Ok(Some(ResolvedKey { tenant: key.tenant, id: key.key_id, scopes: key.scopes })),
            Err(IdentityError::ApiKeyNotFound(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn used(&self, key: &ResolvedKey, address: Sensitive<IpAddr>) {
        let Ok(turn) = self.telling.clone().try_acquire_owned() else { return };
        let mut cx = self.cx(&key.tenant);
        cx.address = Some(address).filter(|address| !address.is_unspecified());
        let (edge, request) = (self.edge.clone(), NoteApiKeyUse { key_id: key.id.clone() });
        tokio::spawn(async move {
            if let Err(error) = edge.note_api_key_use(&cx, request).await {
                tracing::debug!(%error, "telling identity that an API key was used");
            }
            drop(turn);
        });
    }
}

#[async_trait]
impl Sessions for RemoteIdentity {
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure> {
        let request = ResolveSession { cookie: cookie.into() };
        let found = self.edge.resolve_session(&self.cx(tenant), request).await.map_err(failed)?;
        Ok(found.account_id.zip(found.csrf_token).map(|(account, csrf_token)| Session {
            caller: Caller::Viewer { account, profile: None },
            csrf_token: Secret::new(csrf_token.into_exposed()),
        }))
    }
}

#[async_trait]
impl IssuerKeys for RemoteIdentity {
    async fn issuer(&self, tenant: &TenantId) -> Result<Issuer, Failure> {
        let issuer = self.edge.get_issuer(&self.cx(tenant), GetIssuer {}).await.map_err(failed)?;
        let keys = serde_json::from_value(issuer.jwks).map_err(|e| {
            Failure::new(FailureKind::BadAnswer, format!("identity answered with keys that are no JWK set: {e}"))
        })?;
        Ok(Issuer { url: issuer.issuer, audience: issuer.audience, token_type: issuer.token_type, keys })
    }
}
