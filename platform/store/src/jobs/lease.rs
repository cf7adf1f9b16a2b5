//! A worker's hold on a job: taken, kept alive, given back. Every step is for the holder alone.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Failure, TraceContext};
use tessera_types::{TenantId, Timestamp};

use super::{Job, turns};
use crate::{Engine, Store, params};

/// For SQLite at start: whoever held these leases was the process before this one.
pub(crate) const VOID_LEASES: &str =
    "update tessera_jobs set state = 'queued', lease_owner = null, lease_until_us = null where state = 'running'";

const DUE: &str = "select exists (select 1 from tessera_jobs where kind = $1 and ((state = 'queued' and run_at_us <= $2) \
    or (state = 'running' and lease_until_us <= $2)))";

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "update tessera_jobs set state = 'running', attempts = attempts + 1, lease_owner = $3, ",
            "lease_until_us = $4, updated_us = $2 where kind = $1 and (tenant, key) in (select tenant, key ",
            "from tessera_jobs where kind = $1 and ((state = 'queued' and run_at_us <= $2) ",
            "or (state = 'running' and lease_until_us <= $2)) order by run_at_us limit $5",
            $lock,
            ") returning tenant, key, payload, attempts, traceparent"
        )
    };
}
const CLAIM: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" for update skip locked");

const BEAT: &str = "update tessera_jobs set lease_until_us = $5 \
    where tenant = $1 and kind = $2 and key = $3 and lease_owner = $4 and state = 'running'";
const PROGRESS: &str = "update tessera_jobs set progress = $5, message = $6, updated_us = $7 \
    where tenant = $1 and kind = $2 and key = $3 and lease_owner = $4 and state = 'running'";
const END: &str = "update tessera_jobs set state = $5, error = $6, run_at_us = $7, updated_us = $8, \
    progress = case when $5 = 'done' then 100 else progress end, \
    attempts = case when $9 then attempts else attempts - 1 end, lease_owner = null, lease_until_us = null \
    where tenant = $1 and kind = $2 and key = $3 and lease_owner = $4 and state = 'running'";

/// How an attempt ended.
pub(super) enum End {
    Done,
    /// Not before this time, because of this error.
    Retry(Timestamp, String),
    Dead(String),
    /// Not before this time, because of this; the attempt does not count.
    PutOff(Timestamp, String),
    /// Not before this time; the attempt does not count.
    NotYet(Timestamp),
    /// The worker stops; the attempt does not count.
    Released,
}

#[derive(serde::Deserialize)]
struct Claimed {
    tenant: String,
    key: String,
    payload: String,
    attempts: i64,
    traceparent: Option<String>,
}

/// Who claims, and for how long.
#[derive(Clone)]
pub(super) struct Claimant {
    pub(super) store: Store,
    pub(super) kind: &'static str,
    pub(super) length: Duration,
    /// Jobs of a tenant at a time; with it, tenants take turns.
    pub(super) per_tenant: Option<usize>,
}

impl Claimant {
    /// Takes up to `most` due jobs: the oldest, or those whose tenant's turn it is.
    pub(super) async fn claim(&self, most: usize) -> Result<Vec<Job>, Failure> {
        let now = self.store.now();
        if !self.store.system().scalar::<bool>(DUE, params![self.kind, now]).await? {
            return Ok(Vec::new());
        }
        let per_tenant = self.per_tenant.map(|most| i64::try_from(most).unwrap_or(i64::MAX));
        if let Some(per_tenant) = per_tenant
            && !self.store.system().scalar::<bool>(turns::TURN, params![self.kind, now, per_tenant]).await?
        {
            return Ok(Vec::new());
        }
        let sql = match (self.store.engine(), per_tenant) {
            (Engine::Sqlite, None) => CLAIM,
            (Engine::Postgres, None) => CLAIM_POSTGRES,
            (Engine::Sqlite, Some(_)) => turns::CLAIM,
            (Engine::Postgres, Some(_)) => turns::CLAIM_POSTGRES,
        };
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        // Of its own for every claim: a worker that takes a job a second time is not the holder it was.
        let owner: Arc<str> = format!("{}-{:016x}", std::process::id(), rand::random::<u64>()).into();
        let mut values = params![self.kind, now, &*owner, now.plus(self.length), most];
        values.extend(per_tenant.into_iter().flat_map(|per_tenant| params![per_tenant]));
        let rows: Vec<Claimed> = self
            .store
            .system_write(values, move |tx, values| Box::pin(async move { tx.all(sql, values.clone()).await }))
            .await?;
        rows.into_iter().map(|row| self.job(row, owner.clone())).collect()
    }

    fn job(&self, row: Claimed, owner: Arc<str>) -> Result<Job, Failure> {
        let tenant: TenantId = row.tenant.parse().map_err(|e| Failure::internal("reading a job", e))?;
        let lease = Lease { claimant: self.clone(), owner, tenant: tenant.clone(), key: row.key.clone() };
        let trace = row.traceparent.as_deref().and_then(TraceContext::parse);
        Ok(Job { tenant, key: row.key, attempt: row.attempts, payload: row.payload, trace, lease })
    }
}

/// The hold on one job.
#[derive(Clone)]
pub(super) struct Lease {
    claimant: Claimant,
    owner: Arc<str>,
    tenant: TenantId,
    key: String,
}

impl Lease {
    pub(super) fn store(&self) -> &Store {
        &self.claimant.store
    }

    /// Keeps it for another while; `false` when another worker has it by now.
    pub(super) async fn beat(&self) -> Result<bool, Failure> {
        self.update(BEAT, params![self.store().now().plus(self.claimant.length)]).await
    }

    pub(super) async fn progress(&self, percent: u8, message: &str) -> Result<(), Failure> {
        self.update(PROGRESS, params![i64::from(percent), message, self.store().now()]).await.map(drop)
    }

    /// Gives it back; `false` when another worker has it by now.
    pub(super) async fn end(&self, end: End) -> Result<bool, Failure> {
        let now = self.store().now();
        let (state, error, run_at, counts) = match end {
            End::Done => ("done", None, now, true),
            End::Retry(at, error) => ("queued", Some(error), at, true),
            End::Dead(error) => ("dead", Some(error), now, true),
            End::PutOff(at, error) => ("queued", Some(error), at, false),
            End::NotYet(at) => ("queued", None, at, false),
            End::Released => ("queued", None, now, false),
        };
        self.update(END, params![state, error, run_at, now, counts]).await
    }

    /// Runs a statement whose first four params say which job, and whose it is.
    async fn update(&self, sql: &'static str, rest: Vec<crate::Param>) -> Result<bool, Failure> {
        let mut values = params![&self.tenant, self.claimant.kind, &self.key, &*self.owner];
        values.extend(rest);
        let update = self.store().system_write(values, move |tx, values| {
            Box::pin(async move { Ok::<_, Failure>(tx.execute(sql, values.clone()).await? > 0) })
        });
        update.await
    }
}
