//! All SQL of the directory.

use std::time::Duration;

use tessera_contract::{Failure, FailureKind};
use tessera_store::{Inspector, Reader, Tx, params};
use tessera_types::{TenantId, Timestamp};

use super::{DirectoryError, NewTenant};
use crate::edge::{Tenant, TenantKind, TenantState};

#[derive(serde::Deserialize)]
struct TenantRow {
    id: String,
    display_name: String,
    kind: String,
    state: String,
    suspended_because: Option<String>,
    default_locale: String,
    default_territory: Option<String>,
    clock_offset_us: i64,
    created_us: i64,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = Failure;

    fn try_from(row: TenantRow) -> Result<Self, Failure> {
        let damaged = || Failure::new(FailureKind::Internal, "a tenant in the directory is not readable");
        let kind = [TenantKind::Live, TenantKind::Test, TenantKind::Platform]
            .into_iter()
            .find(|kind| kind.as_str() == row.kind);
        let state = [TenantState::Active, TenantState::Suspended].into_iter().find(|state| state.as_str() == row.state);
        Ok(Self {
            id: row.id.parse().map_err(|_| damaged())?,
            display_name: row.display_name,
            kind: kind.ok_or_else(damaged)?,
            state: state.ok_or_else(damaged)?,
            suspended_because: row.suspended_because,
            default_locale: row.default_locale.parse().map_err(|_| damaged())?,
            default_territory: row.default_territory.map(|t| t.parse().map_err(|_| damaged())).transpose()?,
            clock_offset: Duration::from_micros(u64::try_from(row.clock_offset_us).map_err(|_| damaged())?),
            created_at: Timestamp::from_micros(row.created_us),
        })
    }
}

fn tenant(row: Option<TenantRow>) -> Result<Option<Tenant>, Failure> {
    row.map(Tenant::try_from).transpose()
}

pub(super) async fn list(reader: &Reader) -> Result<Vec<Tenant>, Failure> {
    let rows: Vec<TenantRow> =
        reader.all("select * from tenants where kind <> 'platform' order by id", params![]).await?;
    rows.into_iter().map(Tenant::try_from).collect()
}

pub(super) async fn seen(look: &mut Inspector) -> Result<Vec<Tenant>, Failure> {
    let rows: Vec<TenantRow> = look.all("select * from tenants order by id", params![]).await?;
    rows.into_iter().map(Tenant::try_from).collect()
}

pub(super) async fn by_id(reader: &Reader, id: &TenantId) -> Result<Option<Tenant>, Failure> {
    tenant(reader.optional("select * from tenants where id = $1", params![id]).await?)
}

pub(super) async fn by_host(reader: &Reader, host: &str) -> Result<Option<Tenant>, Failure> {
    let sql = "select tenants.* from tenants join hosts on hosts.belongs_to = tenants.id where hosts.host = $1";
    tenant(reader.optional(sql, params![host]).await?)
}

pub(super) async fn hosts(reader: &Reader, id: &TenantId) -> Result<Vec<String>, Failure> {
    let sql = "select host from hosts where belongs_to = $1 order by host";
    let rows: Vec<(String,)> = reader.all(sql, params![id]).await?;
    Ok(rows.into_iter().map(|(host,)| host).collect())
}

pub(super) async fn create(tx: &mut Tx, new: &NewTenant) -> Result<Tenant, DirectoryError> {
    let sql = "insert into tenants (id, display_name, kind, state, default_locale, default_territory, \
               clock_offset_us, created_us) values ($1, $2, $3, 'active', $4, $5, 0, $6) on conflict do nothing";
    let territory = new.default_territory.clone();
    let values = params![&new.id, &new.display_name, new.kind.as_str(), &new.default_locale, territory, tx.now()];
    if !tx.insert_unique(sql, values).await? {
        return Err(DirectoryError::TenantTaken(new.id.clone()));
    }
    for host in &new.hosts {
        claim(tx, &new.id, host).await?;
    }
    read(tx, &new.id).await
}

pub(super) async fn add_host(tx: &mut Tx, id: &TenantId, host: &str) -> Result<(), DirectoryError> {
    read(tx, id).await?;
    claim(tx, id, host).await
}

pub(super) async fn remove_host(tx: &mut Tx, id: &TenantId, host: &str) -> Result<(), DirectoryError> {
    tx.execute("delete from hosts where host = $1 and belongs_to = $2", params![host, id]).await?;
    Ok(())
}

pub(super) async fn set_state(
    tx: &mut Tx,
    id: &TenantId,
    state: TenantState,
    because: Option<String>,
) -> Result<Tenant, DirectoryError> {
    let sql = "update tenants set state = $1, suspended_because = $2 where id = $3";
    tx.execute(sql, params![state.as_str(), because, id]).await?;
    read(tx, id).await
}

pub(super) async fn advance_clock(tx: &mut Tx, id: &TenantId, by: Duration) -> Result<Tenant, DirectoryError> {
    let before = read(tx, id).await?;
    if before.kind != TenantKind::Test {
        return Err(DirectoryError::LiveClock(id.clone()));
    }
    let far = i64::MAX / 4; // the tenant's time still has room above
    let micros = i64::try_from(by.as_micros()).ok().filter(|by| *by < far);
    let micros = micros.ok_or_else(|| DirectoryError::TooFar(id.clone()))?;
    let sql = "update tenants set clock_offset_us = clock_offset_us + $1 where id = $2 and clock_offset_us < $3";
    match tx.execute(sql, params![micros, id, far]).await? {
        0 => Err(DirectoryError::TooFar(id.clone())),
        _ => read(tx, id).await,
    }
}

async fn read(tx: &mut Tx, id: &TenantId) -> Result<Tenant, DirectoryError> {
    let row: Option<TenantRow> = tx.optional("select * from tenants where id = $1", params![id]).await?;
    tenant(row)?.ok_or_else(|| DirectoryError::NotFound(id.clone()))
}

async fn claim(tx: &mut Tx, id: &TenantId, host: &str) -> Result<(), DirectoryError> {
    let sql = "insert into hosts (host, belongs_to) values ($1, $2) on conflict do nothing";
    if tx.insert_unique(sql, params![host, id]).await? {
        return Ok(());
    }
    let (tenant,): (String,) = tx.one("select belongs_to from hosts where host = $1", params![host]).await?;
    match tenant == id.as_str() {
        true => Ok(()),
        false => Err(DirectoryError::HostTaken { host: host.to_owned(), tenant }),
    }
}
