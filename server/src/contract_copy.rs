//! `tessera contract copy entitlement`: the grants of one entitlement stated to another, by the contract alone.
//!
//! Each grant keeps its source, reference and version, so that repeating it, and carrying it back, changes nothing twice.
//! Slots are not carried: they last a minute.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode, sync::Arc};

use serde::{Deserialize, Serialize};
use tessera_contract::{Contract, Credential, Cx, CxSigner, Protocol, Remote, http_client};
use tessera_contract_entitlement::{
    Entitlement, EntitlementError, Grant, GrantPage, ListGrants, PutGrant, RevokeGrant,
};
use tessera_runtime::directory::Directory;
use tessera_store::Store;
use tessera_types::{SystemClock, TenantId};

use crate::{
    cli::{CopyArguments, CopyEnd},
    config::Root,
    deployment::CX_SECRET,
    error::CommandError,
    grant_steps::{Step, difference, step},
    output::{say, tell},
    settings,
    tool_certs::ToolCerts,
};

/// Grants that are asked for at a time.
const PAGE: u32 = 100;
/// Differences that a report names; it counts all.
const NAMED: usize = 50;

/// What came of one tenant.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Grants that were looked at, of those that changed since the last copy.
    looked_at: usize,
    /// Grants that were stated over there; with a dry run, that would be.
    carried: usize,
    /// Grants of which a newer version stands over there.
    newer_there: usize,
    /// Grants that differ when all is done; with a dry run, as things stand.
    differing: usize,
    /// The first of them.
    differences: Vec<String>,
}

/// Where the last copy stopped, by tenant: what `--progress` keeps.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    from: String,
    to: String,
    cursors: BTreeMap<TenantId, String>,
}

/// One entitlement, and the store of the built-in one.
struct End {
    entitlement: Arc<dyn Entitlement>,
    store: Option<Store>,
}

/// Copies and prints the report. Exit status 2: something differs.
pub(crate) async fn run(config: Option<&Path>, arguments: CopyArguments) -> Result<ExitCode, CommandError> {
    let root = settings::of_data(config, arguments.data.as_deref())?;
    if arguments.from == arguments.to {
        return Err(CommandError::new(format!("--from and --to name the same {}", arguments.contract)));
    }
    let certs = arguments.certs.as_deref().map(ToolCerts::open).transpose()?;
    let open = |end| End::open(&root, end, certs.as_ref());
    let (from, to) = (open(&arguments.from).await?, open(&arguments.to).await?);
    let tenants = match &arguments.tenants[..] {
        [] => everybody(&root).await?,
        named => named.to_vec(),
    };
    let copy = Copy { from: &*from.entitlement, to: &*to.entitlement, dry_run: arguments.dry_run };
    let mut progress = Progress::read(&arguments)?;
    let mut tallies = BTreeMap::new();
    for tenant in tenants {
        let keep = |progress: &Progress| progress.write(&arguments);
        let tally = copy.tenant(&tenant, &mut progress, keep).await;
        tallies.insert(tenant.clone(), tally.map_err(|e| e.of(&tenant))?);
    }
    for store in [from.store, to.store].into_iter().flatten() {
        store.close().await;
    }
    report(&tallies, arguments.json)?;
    let differ = tallies.values().any(|tally| tally.differing > 0);
    Ok(if differ { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

impl End {
    async fn open(root: &Root, end: &CopyEnd, certs: Option<&ToolCerts>) -> Result<Self, CommandError> {
        let clock = Arc::new(SystemClock);
        match end {
            CopyEnd::BuiltIn => {
                let store = root.store_of(&tessera_entitlement::MODULE, &root.data)?;
                let service = tessera_entitlement::open(root.entitlement.built_in.clone(), &store, clock).await;
                let service = service.map_err(|e| CommandError::caused("opening the built-in entitlement", e))?;
                let store = Some(service.store().clone());
                Ok(Self { entitlement: <dyn Entitlement>::guarded(service), store })
            }
            CopyEnd::At(url) => {
                let doing = |e| CommandError::caused("reading the deployment's secrets", e);
                let secret = root.secrets(&root.data)?.get_or_create(CX_SECRET);
                let signer = CxSigner::new(secret.map_err(doing)?.expose(), clock);
                let clients = match certs {
                    Some(certs) => certs.clients(<dyn Entitlement>::INFO.mount, url, Protocol::Http)?,
                    None => http_client().into(),
                };
                let remote = Remote::new(clients, url, Credential::Service(signer));
                Ok(Self { entitlement: <dyn Entitlement>::remote(remote), store: None })
            }
        }
    }
}

/// Every tenant of the deployment.
async fn everybody(root: &Root) -> Result<Vec<TenantId>, CommandError> {
    let directory = Directory::open(&root.directory_store(&root.data)?, Arc::new(SystemClock)).await;
    let directory = directory.map_err(|e| CommandError::caused("opening the directory of tenants", e))?;
    let entries = directory.list().await.map_err(|e| CommandError::caused("listing tenants", e))?;
    directory.store().close().await;
    Ok(entries.into_iter().map(|entry| entry.id).collect())
}

/// What was being done when an entitlement refused or could not be asked.
struct Stopped {
    doing: &'static str,
    cause: EntitlementError,
}

impl Stopped {
    fn of(self, tenant: &TenantId) -> CommandError {
        let again = "what was copied stays; run it again to go on";
        CommandError::caused(format!("{} of {tenant} ({again})", self.doing), self.cause)
    }
}

fn while_doing(doing: &'static str) -> impl FnOnce(EntitlementError) -> Stopped {
    move |cause| Stopped { doing, cause }
}

struct Copy<'e> {
    from: &'e dyn Entitlement,
    to: &'e dyn Entitlement,
    dry_run: bool,
}

type Grants = BTreeMap<(String, String), Grant>;

impl Copy<'_> {
    async fn tenant(
        &self,
        tenant: &TenantId,
        progress: &mut Progress,
        keep: impl Fn(&Progress),
    ) -> Result<Tally, Stopped> {
        let mut tally = Tally::default();
        let there = all(self.to, tenant).await.map_err(while_doing("listing the grants over there"))?;
        loop {
            let cursor = progress.cursors.get(tenant).cloned();
            let page = list(self.from, tenant, cursor).await.map_err(while_doing("listing the grants here"))?;
            for grant in &page.data {
                tally.looked_at += 1;
                match step(grant, there.get(&key(grant))) {
                    Step::Nothing | Step::Differs => {}
                    Step::NewerThere => tally.newer_there += 1,
                    made => {
                        tally.carried += 1;
                        if !self.dry_run {
                            self.make(tenant, grant, made).await.map_err(while_doing("stating a grant over there"))?;
                        }
                    }
                }
            }
            if page.data.is_empty() {
                break;
            }
            progress.cursors.insert(tenant.clone(), page.next_cursor);
            keep(progress);
        }
        self.compare(tenant, &mut tally).await?;
        Ok(tally)
    }

    async fn make(&self, tenant: &TenantId, grant: &Grant, step: Step) -> Result<(), EntitlementError> {
        let Grant { source, reference, account_id, scope, starts_at, ends_at, max_streams, version, .. } =
            grant.clone();
        if matches!(step, Step::Put | Step::PutAndRevoke) {
            let (source, reference) = (source.clone(), reference.clone());
            let put = PutGrant { source, reference, account_id, scope, starts_at, ends_at, max_streams, version };
            self.to.put_grant(&cx(tenant), put).await?;
        }
        if matches!(step, Step::Revoke | Step::PutAndRevoke) {
            self.to.revoke_grant(&cx(tenant), RevokeGrant { source, reference, version }).await?;
        }
        Ok(())
    }

    /// Both sides as they stand now.
    async fn compare(&self, tenant: &TenantId, tally: &mut Tally) -> Result<(), Stopped> {
        let here = all(self.from, tenant).await.map_err(while_doing("listing the grants here"))?;
        let there = all(self.to, tenant).await.map_err(while_doing("listing the grants over there"))?;
        let keys: std::collections::BTreeSet<_> = here.keys().chain(there.keys()).collect();
        for key in keys {
            let Some(difference) = difference(here.get(key), there.get(key)) else { continue };
            tally.differing += 1;
            if tally.differences.len() < NAMED {
                tally.differences.push(format!("{}/{}: {difference}", key.0, key.1));
            }
        }
        Ok(())
    }
}

fn key(grant: &Grant) -> (String, String) {
    (grant.source.clone(), grant.reference.clone())
}

fn cx(tenant: &TenantId) -> Cx {
    Cx::service(tenant.clone(), "copy", &SystemClock)
}

async fn list(
    entitlement: &dyn Entitlement,
    tenant: &TenantId,
    cursor: Option<String>,
) -> Result<GrantPage, EntitlementError> {
    entitlement.list_grants(&cx(tenant), ListGrants { account_id: None, cursor, limit: Some(PAGE) }).await
}

async fn all(entitlement: &dyn Entitlement, tenant: &TenantId) -> Result<Grants, EntitlementError> {
    let (mut grants, mut cursor) = (Grants::new(), None);
    loop {
        let page = list(entitlement, tenant, cursor).await?;
        if page.data.is_empty() {
            return Ok(grants);
        }
        grants.extend(page.data.into_iter().map(|grant| (key(&grant), grant)));
        cursor = Some(page.next_cursor);
    }
}

impl Progress {
    /// Where the last copy between these two stopped; the beginning for a dry run, and without a file.
    fn read(arguments: &CopyArguments) -> Result<Self, CommandError> {
        let (from, to) = (arguments.from.to_string(), arguments.to.to_string());
        let fresh = Self { from, to, cursors: BTreeMap::new() };
        let Some(path) = arguments.progress.as_deref().filter(|path| path.exists() && !arguments.dry_run) else {
            return Ok(fresh);
        };
        let doing = format!("reading {}", path.display());
        let text = fs::read_to_string(path).map_err(|e| CommandError::caused(doing.clone(), e))?;
        let kept: Self = serde_json::from_str(&text).map_err(|e| CommandError::caused(doing, e))?;
        match (&kept.from, &kept.to) == (&fresh.from, &fresh.to) {
            true => Ok(kept),
            false => {
                let (path, Self { from, to, .. }) = (path.display(), kept);
                Err(CommandError::new(format!("{path} is of a copy from {from} to {to}: name another file")))
            }
        }
    }

    /// What cannot be kept is copied again the next time, which does no harm.
    fn write(&self, arguments: &CopyArguments) {
        let Some(path) = arguments.progress.as_deref().filter(|_| !arguments.dry_run) else { return };
        let written = serde_json::to_string_pretty(self).map_err(std::io::Error::other).and_then(|text| {
            let whole = path.with_extension("new");
            fs::write(&whole, text)?;
            fs::rename(whole, path)
        });
        if let Err(error) = written {
            say(&format!("note: {} could not be written: {error}", path.display()));
        }
    }
}

fn report(tallies: &BTreeMap<TenantId, Tally>, as_json: bool) -> Result<(), CommandError> {
    if as_json {
        let text = serde_json::to_string_pretty(tallies).map_err(|e| CommandError::caused("writing the report", e))?;
        tell(&text);
        return Ok(());
    }
    for (tenant, tally) in tallies {
        let Tally { looked_at, carried, newer_there, differing, differences } = tally;
        tell(&format!(
            "{tenant}: {looked_at} grants looked at, {carried} carried over, {newer_there} newer over there, \
             {differing} differ"
        ));
        differences.iter().for_each(|difference| tell(&format!("  {difference}")));
        if *differing > differences.len() {
            tell(&format!("  and {} more", differing - differences.len()));
        }
    }
    Ok(())
}
