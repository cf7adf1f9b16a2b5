//! `tessera tenant`: the directory, beside a running server or without one.

use std::{path::Path, sync::Arc};

use tessera_runtime::{
    directory::{Directory, NewTenant},
    edge::{Tenant as Entry, TenantKind},
    secrets::Secrets,
};
use tessera_types::{Clock, SystemClock};

use crate::{
    cli::{Place, Tenant},
    config::Root,
    deployment::open_identity,
    error::CommandError,
    output::{say, tell},
    settings,
};

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
            let entry = here.directory.create(new).await.map_err(failed)?;
            let key = here.first_key(&entry).await?;
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
        Tenant::Suspend { tenant, place } => {
            let here = Here::open(config, &place).await?;
            print(&here, &here.directory.suspend(&tenant).await.map_err(failed)?);
        }
        Tenant::Resume { tenant, place } => {
            let here = Here::open(config, &place).await?;
            print(&here, &here.directory.resume(&tenant).await.map_err(failed)?);
        }
        Tenant::Clock { tenant, forward, place } => {
            let here = Here::open(config, &place).await?;
            print(&here, &here.directory.advance_clock(&tenant, forward).await.map_err(failed)?);
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
        let directory = Directory::open(&root.store.in_folder(&root.data), Arc::new(SystemClock)).await;
        let directory = directory.map_err(|e| CommandError::caused("opening the directory of tenants", e))?;
        Ok(Self { root, directory })
    }

    async fn first_key(&self, entry: &Entry) -> Result<String, CommandError> {
        let store = self.root.store.in_folder(&self.root.data);
        let secrets = Secrets::open(&self.root.data).map_err(|e| CommandError::caused("opening the secrets", e))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let identity = open_identity(&self.root, &store, &secrets, &self.directory, clock).await?;
        let key = identity.issue_api_key(&entry.id, "first staff key", &["*"]).await;
        Ok(key.map_err(|e| CommandError::caused("making the first staff key", e))?.secret)
    }
}

fn print(here: &Here, entry: &Entry) {
    let port = here.root.server.public_port.unwrap_or_else(|| here.root.server.listen.port());
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
