//! When API keys were last used: noted at every request, written now and then.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use tessera_contract::Failure;
use tessera_contract_identity::ApiKey;
use tessera_runtime::edge::ResolvedKey;
use tessera_store::Store;
use tessera_types::{KeyId, Sensitive, Timestamp};

use crate::store::api_keys::{self, Use};

/// Uses that wait to be written. There is one a key, and keys are real ones: no stranger makes this grow.
#[derive(Default)]
pub(crate) struct KeyUses {
    waiting: Mutex<HashMap<KeyId, Use>>,
}

impl KeyUses {
    /// Notes a use. Does not wait for more than a map.
    pub(crate) fn note(&self, key: &ResolvedKey, address: Sensitive<IpAddr>, at: Timestamp) {
        let known = Some(address.expose()).filter(|address| !address.is_unspecified());
        let address = known.map(IpAddr::to_string);
        let (key_id, tenant) = (key.id.clone(), key.tenant.clone());
        self.lock().insert(key_id.clone(), Use { tenant, key_id, at, address });
    }

    /// Writes what waits, one commit for all. What could not be written waits on.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), Failure> {
        let uses: Vec<Use> = self.lock().drain().map(|(_, last)| last).collect();
        if uses.is_empty() {
            return Ok(());
        }
        let written = api_keys::put_uses(store, uses.clone()).await;
        if written.is_err() {
            let mut waiting = self.lock();
            uses.into_iter().for_each(|last| {
                waiting.entry(last.key_id.clone()).or_insert(last);
            });
        }
        written
    }

    /// The key with what is known of its last use and not written yet.
    pub(crate) fn newest(&self, mut key: ApiKey) -> ApiKey {
        if let Some(last) = self.lock().get(&key.key_id)
            && key.last_used_at.is_none_or(|at| at < last.at)
        {
            key.last_used_at = Some(last.at);
            key.last_used_address = last.address.clone().map(Into::into);
        }
        key
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Use>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
