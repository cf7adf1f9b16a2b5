//! `tessera key`: a tenant's API keys, by whoever is at the machine; beside a running server or without one.

use std::{path::Path, sync::Arc};

use tessera_contract::{Contract, Cx};
use tessera_contract_identity::{
    ApiKey, CreateApiKey, IdentityManagement, ListApiKeys, NewApiKey, RevokeApiKey, RotateApiKey,
};
use tessera_identity::Providers;
use tessera_runtime::directory::Directory;
use tessera_types::{Clock, SystemClock, TenantId};

use crate::{
    cli::{Key, KeyOf},
    deployment::open_identity,
    error::CommandError,
    output::{say, tell},
    settings,
};

/// Does what was asked, as the operator at the machine: under the rules of the contract, and into the audit trail.
pub(crate) async fn run(config: Option<&Path>, command: Key) -> Result<(), CommandError> {
    match command {
        Key::Create { name, scope, expires, of } => {
            let expires_at = expires.map(|life| SystemClock.now().plus(life));
            let request = CreateApiKey { name, scopes: scope, expires_at };
            let made = open(config, &of).await?.create_api_key(&intent(&of.tenant), request).await;
            shown(&made.map_err(|e| CommandError::caused("making the key", e))?);
        }
        Key::List { json, of } => {
            let keys = open(config, &of).await?;
            let mut cursor = None;
            loop {
                let request = ListApiKeys { limit: Some(100), cursor };
                let page = keys.list_api_keys(&intent(&of.tenant), request).await;
                let page = page.map_err(|e| CommandError::caused("listing the keys", e))?;
                for key in &page.data {
                    match json {
                        true => tell(&serde_json::to_string(key).map_err(|e| CommandError::caused("writing JSON", e))?),
                        false => tell(&line(key)),
                    }
                }
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Key::Rotate { key, grace, of } => {
            let grace_seconds = u32::try_from(grace.as_secs()).ok();
            let request = RotateApiKey { key_id: key, grace_seconds: grace_seconds.or(Some(u32::MAX)) };
            let made = open(config, &of).await?.rotate_api_key(&intent(&of.tenant), request).await;
            shown(&made.map_err(|e| CommandError::caused("giving the key a new secret", e))?);
        }
        Key::Revoke { key, of } => {
            let revoked =
                open(config, &of).await?.revoke_api_key(&intent(&of.tenant), RevokeApiKey { key_id: key }).await;
            tell(&line(&revoked.map_err(|e| CommandError::caused("revoking the key", e))?));
            say("A server that is running takes it no more within two seconds.");
        }
    }
    Ok(())
}

async fn open(config: Option<&Path>, of: &KeyOf) -> Result<Arc<dyn IdentityManagement>, CommandError> {
    let root = settings::load(config, &of.place)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = root.store_of(&tessera_identity::MODULE, &root.data)?;
    let directory = Directory::open(&root.directory_store(&root.data)?, clock.clone()).await;
    let directory = directory.map_err(|e| CommandError::caused("opening the directory of tenants", e))?;
    let secrets = root.secrets(&root.data)?;
    directory.get(&of.tenant).await.map_err(|e| CommandError::new(e.to_string()))?;
    let identity = open_identity(&root, &store, &secrets, &directory, (clock, Providers::default()), None).await?;
    Ok(<dyn IdentityManagement>::guarded(identity))
}

/// One intent of the operator's.
fn intent(tenant: &TenantId) -> Cx {
    Cx::operator(tenant.clone(), &SystemClock).with_idempotency_key(format!("{:032x}", rand::random::<u128>()))
}

fn shown(made: &NewApiKey) {
    say(&line(&made.key));
    say("The secret, shown this once:");
    tell(made.secret.expose());
}

fn line(key: &ApiKey) -> String {
    let mut words = vec![
        key.key_id.to_string(),
        format!("{}…", key.prefix.as_deref().unwrap_or("sk_")),
        format!("{:?}", key.name),
        key.scopes.join(","),
    ];
    let mut add = |word: &str, at: Option<tessera_types::Timestamp>| words.extend(at.map(|at| format!("{word} {at}")));
    add("revoked", key.revoked_at);
    add("until", key.expires_at);
    add("old secret until", key.old_secret_until);
    add("used", key.last_used_at);
    words.extend(key.last_used_address.as_ref().map(|address| format!("from {}", address.expose())));
    words.join("  ")
}
