//! The contract, and licences: load, decide, answer.

use std::sync::Arc;

use tessera_contract::{Cx, Failure, FailureKind, async_trait};
use tessera_contract_drm::{
    AuthorizeLicence, ContentKey as PackagerKey, Drm, DrmError, GetContentKey, KeyLabel, LicenceAccess, LicenceServer,
};
use tessera_contract_entitlement::{DecisionRequest, Entitlement, EntitlementError};
use tessera_runtime::secrets::KeyRing;
use tessera_store::Store;
use tessera_types::{AssetId, Clock, TenantId};

use crate::{
    DrmDeps,
    config::DrmConfig,
    content_key::{ContentKey, from_hex, hex},
    envelope::{self, Place},
    store::{self, KeyRow},
    token::{self, Claims},
};

/// The built-in DRM.
pub struct DrmService {
    config: DrmConfig,
    pub(crate) store: Store,
    clock: Arc<dyn Clock>,
    entitlement: Arc<dyn Entitlement>,
    pub(crate) master_keys: KeyRing,
    token_keys: KeyRing,
}

impl DrmService {
    pub(crate) fn new(config: DrmConfig, store: Store, deps: DrmDeps) -> Self {
        let DrmDeps { clock, entitlement, master_keys, token_keys } = deps;
        Self { config, store, clock, entitlement, master_keys, token_keys }
    }

    /// Its store: for readiness and upkeep.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The keys that a licence request of `token`'s session asks for, when the session may still have them: of those that
    /// its tier may not have none is given, and of another asset's the request is refused. `cx` is the host's; `wanted`
    /// are the key ids asked for.
    pub(crate) async fn licensed_keys(
        &self,
        cx: &Cx,
        token: &str,
        wanted: &[[u8; 16]],
    ) -> Result<Vec<ContentKey>, DrmError> {
        let claims = token::verify(&self.token_keys, token, &cx.tenant, self.clock.now())?;
        let rows = store::keys(&self.store, cx, &claims.asset).await?;
        let named = rows.iter().map(|row| from_hex(&row.key_id)).collect::<Vec<_>>();
        if !wanted.iter().all(|id| named.contains(&Some(*id))) {
            let detail =
                format!("the licence request names a key that is not of {}, what the session plays", claims.asset);
            return Err(DrmError::KeyNotFound(detail));
        }
        let asked = |row: &&KeyRow| from_hex(&row.key_id).is_some_and(|id| wanted.contains(&id));
        let allowed = rows.iter().filter(asked).filter(|row| claims.may_have(&row.label));
        let open = |row| self.open_key(&cx.tenant, &claims.asset, row);
        let keys = allowed.map(open).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            let detail = format!("the session plays {} in a quality that needs no such key", claims.asset);
            return Err(DrmError::LicenceDenied(detail));
        }
        self.decide(cx, claims).await.map(|()| keys)
    }

    /// Asks entitlement again: what was true when the session began may not be any more.
    async fn decide(&self, cx: &Cx, claims: Claims) -> Result<(), DrmError> {
        let request = DecisionRequest { viewing: claims.viewing, facts: claims.facts };
        let decided = self.entitlement.decide(&cx.as_service("drm"), request).await;
        let decision = decided.map_err(|error| match error {
            EntitlementError::Failure(failure) => DrmError::Failure(failure),
            refusal => DrmError::LicenceDenied(refusal.to_string()),
        })?;
        if !decision.allowed {
            tracing::info!(session = %claims.session, reason = ?decision.reason, "a licence was denied");
            return Err(DrmError::LicenceDenied(decision.message));
        }
        Ok(())
    }

    pub(crate) fn open_key(&self, tenant: &TenantId, asset: &AssetId, row: &KeyRow) -> Result<ContentKey, Failure> {
        let fault =
            |why: String| Failure::new(FailureKind::Internal, format!("opening the content key of {asset}: {why}"));
        let master = self.master_keys.get(&row.master_key_id).ok_or_else(|| {
            fault(format!("it is under the master key {:?}, which is not configured", row.master_key_id))
        })?;
        let key_id = from_hex(&row.key_id).ok_or_else(|| fault("its key id is damaged".into()))?;
        let place = Place { tenant, asset, label: &row.label };
        envelope::unwrap(master, place, key_id, &row.wrapped)
            .map_err(|_| fault(format!("it was not made by the master key {:?} that is configured", row.master_key_id)))
    }

    fn new_key(&self, cx: &Cx, asset: &AssetId, label: Option<&KeyLabel>) -> KeyRow {
        let key = ContentKey::of_random(rand::random());
        let label = label.map_or("", KeyLabel::as_str);
        let place = Place { tenant: &cx.tenant, asset, label };
        let wrapped = envelope::wrap(self.master_keys.current_key(), place, &key, rand::random());
        let master_key_id = self.master_keys.current().to_owned();
        KeyRow { label: label.to_owned(), key_id: hex(&key.key_id), wrapped, master_key_id }
    }
}

#[async_trait]
impl Drm for DrmService {
    async fn get_content_key(&self, cx: &Cx, request: GetContentKey) -> Result<PackagerKey, DrmError> {
        let GetContentKey { asset_id: asset, label } = request;
        let row = match store::key(&self.store, cx, &asset, label.as_ref()).await? {
            Some(row) => row,
            None => store::add_key(&self.store, cx, &asset, self.new_key(cx, &asset, label.as_ref())).await?,
        };
        Ok(self.open_key(&cx.tenant, &asset, &row)?.to_contract(asset, label))
    }

    async fn authorize_licence(&self, cx: &Cx, request: AuthorizeLicence) -> Result<LicenceAccess, DrmError> {
        let AuthorizeLicence { session_id, asset_id, viewing, facts, key_labels } = request;
        let expires_at = token::expires_at(self.clock.now(), cx.business_now, self.config.token, &facts);
        let claims = Claims::new(cx.tenant.clone(), session_id, (asset_id, key_labels), (viewing, facts), expires_at);
        let token = token::sign(&self.token_keys, &claims)?;
        let clearkey = LicenceServer { key_system: "org.w3.clearkey".into(), url: self.config.clearkey_url.clone() };
        Ok(LicenceAccess { servers: vec![clearkey], token: token.into(), expires_at })
    }
}
