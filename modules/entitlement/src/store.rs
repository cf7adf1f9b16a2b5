//! All SQL of entitlement.

use tessera_contract::Failure;
use tessera_contract_entitlement::{AcquireLease, Grant, PlayFacts, Viewing};
use tessera_store::{Param, Reader, Row, Store, Tx, params};
use tessera_types::{AccountId, PlaybackSessionId, Timestamp};

use crate::lease::Held;

const COLUMNS_OF_ACCOUNT: &str = "select grant_id, source, reference, account_id, scope, starts_at, ends_at, \
    max_streams, revoked, version, change_number from grants where tenant = $1 and account_id = $2";
const CHANGED: &str = "select grant_id, source, reference, account_id, scope, starts_at, ends_at, max_streams, revoked, \
    version, change_number from grants where tenant = $1 and change_number > $2 order by change_number limit $3";
const CHANGED_OF_ACCOUNT: &str = "select grant_id, source, reference, account_id, scope, starts_at, ends_at, \
    max_streams, revoked, version, change_number from grants \
    where tenant = $1 and account_id = $4 and change_number > $2 order by change_number limit $3";
const BY_REFERENCE: &str = "select grant_id, source, reference, account_id, scope, starts_at, ends_at, max_streams, \
    revoked, version, change_number from grants where tenant = $1 and source = $2 and reference = $3";
const NEXT_CHANGE: &str = "insert into change_numbers (tenant, latest) values ($1, 1) \
    on conflict (tenant) do update set latest = change_numbers.latest + 1 returning latest";
const PUT: &str = "insert into grants (tenant, grant_id, source, reference, account_id, scope, starts_at, ends_at, \
    max_streams, revoked, version, change_number) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
    on conflict (tenant, source, reference) do update set account_id = excluded.account_id, scope = excluded.scope, \
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, max_streams = excluded.max_streams, \
    revoked = excluded.revoked, version = excluded.version, change_number = excluded.change_number";
const HELD: &str = "select session_id, device_id, device_name, expires_at from leases \
    where tenant = $1 and account_id = $2 order by session_id";
const LEASE: &str = "select account_id, device_id, device_name, viewing, facts from leases \
    where tenant = $1 and session_id = $2";
const CLEAR: &str = "delete from leases where tenant = $1 and account_id = $2 \
    and (session_id = $3 or device_id = $4 or expires_at <= $5)";
const TAKE: &str = "insert into leases (tenant, session_id, account_id, device_id, device_name, viewing, facts, \
    expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const STANDING: &str = "select count(*) from leases where expires_at > $1";
const RELEASE: &str = "delete from leases where tenant = $1 and session_id = $2";

#[derive(serde::Deserialize)]
struct GrantRow {
    grant_id: String,
    source: String,
    reference: String,
    account_id: String,
    scope: String,
    starts_at: i64,
    ends_at: Option<i64>,
    max_streams: i64,
    revoked: bool,
    version: i64,
    change_number: i64,
}

impl GrantRow {
    fn grant(self) -> Result<Grant, Failure> {
        Ok(Grant {
            grant_id: id(&self.grant_id)?,
            source: self.source,
            reference: self.reference,
            account_id: id(&self.account_id)?,
            scope: from_json(&self.scope)?,
            starts_at: Timestamp::from_micros(self.starts_at),
            ends_at: self.ends_at.map(Timestamp::from_micros),
            max_streams: u32::try_from(self.max_streams).unwrap_or(0),
            revoked: self.revoked,
            version: self.version,
        })
    }
}

/// Where rows are read from: committed data, or the transaction.
pub(crate) trait Rows {
    fn rows<T: Row>(
        &mut self,
        sql: &'static str,
        params: Vec<Param>,
    ) -> impl Future<Output = Result<Vec<T>, Failure>> + Send;
}

impl Rows for Reader {
    async fn rows<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>, Failure> {
        self.all(sql, params).await
    }
}

impl Rows for Tx {
    async fn rows<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>, Failure> {
        self.all(sql, params).await
    }
}

/// All grants of an account, revoked and ended ones included.
pub(crate) async fn grants_of(rows: &mut impl Rows, account: &AccountId) -> Result<Vec<Grant>, Failure> {
    let found: Vec<GrantRow> = rows.rows(COLUMNS_OF_ACCOUNT, params![account]).await?;
    found.into_iter().map(GrantRow::grant).collect()
}

/// Grants changed after change number `after`, each with its number.
pub(crate) async fn changed(
    reader: &Reader,
    account: Option<&AccountId>,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, Grant)>, Failure> {
    let rows: Vec<GrantRow> = match account {
        Some(account) => reader.all(CHANGED_OF_ACCOUNT, params![after, limit, account]).await?,
        None => reader.all(CHANGED, params![after, limit]).await?,
    };
    rows.into_iter().map(|row| Ok((row.change_number, row.grant()?))).collect()
}

/// The grant that a source stated under a reference.
pub(crate) async fn grant_in(tx: &mut Tx, source: &str, reference: &str) -> Result<Option<Grant>, Failure> {
    let row: Option<GrantRow> = tx.optional(BY_REFERENCE, params![source, reference]).await?;
    row.map(GrantRow::grant).transpose()
}

/// Stores a grant as it stands now.
pub(crate) async fn put(tx: &mut Tx, grant: &Grant) -> Result<(), Failure> {
    let change: i64 = tx.scalar(NEXT_CHANGE, params![]).await?;
    let Grant { grant_id, source, reference, account_id, starts_at, ends_at, max_streams, revoked, version, .. } =
        grant;
    let scope = to_json(&grant.scope)?;
    tx.execute(
        PUT,
        params![
            grant_id,
            source,
            reference,
            account_id,
            scope,
            *starts_at,
            *ends_at,
            *max_streams,
            *revoked,
            *version,
            change
        ],
    )
    .await
    .map(drop)
}

#[derive(serde::Deserialize)]
struct HeldRow {
    session_id: String,
    device_id: String,
    device_name: String,
    expires_at: i64,
}

/// The slots that an account's sessions hold, those that ran out included.
pub(crate) async fn held(tx: &mut Tx, account: &AccountId) -> Result<Vec<Held>, Failure> {
    let rows: Vec<HeldRow> = tx.all(HELD, params![account]).await?;
    let held = |row: HeldRow| {
        Ok(Held {
            session_id: id(&row.session_id)?,
            device_id: row.device_id,
            device_name: row.device_name.into(),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    };
    rows.into_iter().map(held).collect()
}

#[derive(serde::Deserialize)]
struct LeaseRow {
    device_id: String,
    device_name: String,
    viewing: String,
    facts: String,
}

/// What a session's lease was taken for.
pub(crate) async fn lease(tx: &mut Tx, session: &PlaybackSessionId) -> Result<Option<AcquireLease>, Failure> {
    let row: Option<LeaseRow> = tx.optional(LEASE, params![session]).await?;
    let Some(row) = row else { return Ok(None) };
    let (viewing, facts): (Viewing, PlayFacts) = (from_json(&row.viewing)?, from_json(&row.facts)?);
    let LeaseRow { device_id, device_name, .. } = row;
    let (session_id, device_name) = (session.clone(), device_name.into());
    Ok(Some(AcquireLease { session_id, device_id, device_name, viewing, facts }))
}

/// Takes the slot until `expires_at`, in place of the session's, its device's, and those that ran out before `now`.
pub(crate) async fn take(
    tx: &mut Tx,
    lease: &AcquireLease,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Failure> {
    let AcquireLease { session_id, device_id, device_name, viewing, facts } = lease;
    tx.execute(CLEAR, params![&viewing.account_id, session_id, device_id, now]).await?;
    let (account, viewing, facts) = (&viewing.account_id, to_json(viewing)?, to_json(facts)?);
    tx.execute(TAKE, params![session_id, account, device_id, device_name, viewing, facts, expires_at]).await.map(drop)
}

/// Frees the session's slot; whether it held one.
pub(crate) async fn release(tx: &mut Tx, session: &PlaybackSessionId) -> Result<bool, Failure> {
    Ok(tx.execute(RELEASE, params![session]).await? > 0)
}

fn id<T: std::str::FromStr<Err = tessera_types::IdError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|e| Failure::internal("reading a stored id", e))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::internal("reading stored JSON", e))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::internal("writing JSON to store", e))
}

/// How many slots are held, over all tenants.
pub(crate) async fn standing(store: &Store) -> Result<i64, Failure> {
    store.system().scalar(STANDING, params![store.now()]).await
}
