//! `tessera tenant`: the directory, beside a running server or without one.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tessera_contract::{Contract, Cx, Deed};
use tessera_contract_identity::{CreateApiKey, IdentityManagement};
use tessera_identity::Providers;
use tessera_runtime::{
    directory::{Directory, NewTenant},
    edge::{Tenant as Entry, TenantKind},
};
use tessera_types::{Clock, SystemClock, TenantId};

use crate::{
    cli::{Place, Tenant},
    config::Root,
    deployment::open_identity,
    error::CommandError,
    output::{say, tell},
    settings, tenant_export,
};

/// What operators of the deployment may do: look after tenants, and after their own keys. Nothing within a tenant.
pub(crate) const OPERATOR_SCOPES: &[&str] =
    &["tenants:read", "tenants:write", "tenants:export", "identity:read", "identity:write", "audit:read"];

/// Does what was asked and prints what stands now.
pub(crate) async fn run(config: Option<&Path>, command: Tenant) -> Result<(), CommandError> {
    match command {
        Tenant::Create { tenant, name, test, locale, host, place } => {
            let here = Here::open(config, &place).await?;
            let new = NewTenant {
                display_name: name.unwrap_or_else(|| tenant.to_string()),
                id: tenant,
                kind: if test { TenantKind::Test } else { TenantKind::Live },
                default_locale: locale,
                default_territory: None,
                hosts: host,
            };
            let said = json!({"tenant_id": new.id, "name": new.display_name, "hosts": new.hosts});
            let entry = here.recorded("create_tenant", &said).create(new).await.map_err(failed)?;
            let key = here.key(&entry, "first staff key", &["*"]).await?;
            print(&here, &entry);
            say("The first staff key, shown this once:");
            tell(&key);
        }
        Tenant::List(place) => {
            let here = Here::open(config, &place).await?;
            let entries = here.directory.list().await.map_err(|e| CommandError::caused("listing tenants", e))?;
            entries.iter().for_each(|entry| print(&here, entry));
            if entries.is_empty() {
                say("There is no tenant yet: tessera tenant create NAME");
            }
        }
        Tenant::OperatorKey { name, host, place } => {
            let here = Here::open(config, &place).await?;
            let platform = here.directory.platform().await.map_err(failed)?;
            if let Some(host) = &host {
                let said = json!({"tenant_id": platform.id, "host": host});
                here.recorded("add_host", &said).add_host(&platform.id, host).await.map_err(failed)?;
            }
            let key = here.key(&platform, &name, OPERATOR_SCOPES).await?;
            say(&format!("For operators of this deployment, at http://platform.localhost:{}:", here.port()));
            host.iter().for_each(|host| say(&format!("and at {host}.")));
            say("The key, shown this once:");
            tell(&key);
        }
        Tenant::Host { tenant, host, remove, place } => {
            let here = Here::open(config, &place).await?;
            let said = json!({"tenant_id": tenant, "host": host});
            match remove {
                true => here.recorded("remove_host", &said).remove_host(&tenant, &host).await,
                false => here.recorded("add_host", &said).add_host(&tenant, &host).await,
            }
            .map_err(failed)?;
            let hosts = here.directory.hosts(&tenant).await.map_err(failed)?;
            hosts.iter().for_each(|host| tell(host));
        }
        Tenant::Export { tenant, to, place } => {
            let here = Here::open(config, &place).await?;
            tenant_export::run(&here.root, &here.directory, &tenant, &to).await?;
        }
        Tenant::Suspend { tenant, reason, place } => {
            let here = Here::open(config, &place).await?;
            let directory = here.recorded("suspend_tenant", &json!({"tenant_id": tenant, "reason": reason}));
            let suspended = match &reason {
                Some(reason) => directory.suspend_because(&tenant, reason).await,
                None => directory.suspend(&tenant).await,
            };
            print(&here, &suspended.map_err(failed)?);
        }
        Tenant::Resume { tenant, place } => {
            let here = Here::open(config, &place).await?;
            let directory = here.recorded("resume_tenant", &json!({"tenant_id": tenant}));
            print(&here, &directory.resume(&tenant).await.map_err(failed)?);
        }
        Tenant::Clock { tenant, forward, place } => {
            let here = Here::open(config, &place).await?;
            let said = json!({"tenant_id": tenant, "seconds": forward.as_secs()});
            let directory = here.recorded("advance_clock", &said);
            print(&here, &directory.advance_clock(&tenant, forward).await.map_err(failed)?);
        }
    }
    Ok(())
}

fn failed(error: impl std::error::Error) -> CommandError {
    CommandError::new(error.to_string())
}

/// The directory of a data folder. A server may be running on it: the engine keeps the two apart, and the server sees a
/// change within two seconds.
struct Here {
    root: Root,
    directory: Directory,
}

impl Here {
    async fn open(config: Option<&Path>, place: &Place) -> Result<Self, CommandError> {
        let root = settings::load(config, place)?;
        std::fs::create_dir_all(&root.data).map_err(|e| CommandError::caused("making the data folder", e))?;
        let directory = Directory::open(&root.directory_store(&root.data)?, Arc::new(SystemClock)).await;
        let directory = directory.map_err(|e| CommandError::caused("opening the directory of tenants", e))?;
        Ok(Self { root, directory })
    }

    /// The directory, for a change that the operator makes here: it stands in the platform's audit trail, as the same
    /// change by API does.
    fn recorded(&self, operation: &str, request: &Value) -> Directory {
        let cx = Cx::operator(TenantId::platform(), &SystemClock);
        self.directory.on_behalf(&cx.with_deed(Deed::new("tenancy-platform", operation, request)))
    }

    async fn key(&self, entry: &Entry, name: &str, scopes: &[&str]) -> Result<String, CommandError> {
        let store = self.root.store_of(&tessera_identity::MODULE, &self.root.data)?;
        let secrets = self.root.secrets(&self.root.data)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let identity =
            open_identity(&self.root, &store, &secrets, &self.directory, (clock, Providers::default()), None).await?;
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let cx = Cx::operator(entry.id.clone(), &SystemClock)
            .with_idempotency_key(format!("{:032x}", rand::random::<u128>()));
        let request = CreateApiKey { name: name.to_owned(), scopes, expires_at: None };
        let key = <dyn IdentityManagement>::guarded(identity).create_api_key(&cx, request).await;
        Ok(key.map_err(|e| CommandError::caused(format!("making the key {name:?}"), e))?.secret.into_exposed())
    }
}

impl Here {
    fn port(&self) -> u16 {
        self.root.server.public_port.unwrap_or_else(|| self.root.server.listen.port())
    }
}

fn print(here: &Here, entry: &Entry) {
    let port = here.port();
    tell(&format!(
        "{:<20} {:<6} {:<10} http://{}.localhost:{port}  business time {}  {}",
        entry.id.as_str(),
        entry.kind.as_str(),
        entry.state.as_str(),
        entry.id,
        entry.business_now(SystemClock.now()),
        entry.display_name,
    ));
}
