//! Whose turn it is in a queue that tenants share: nobody waits behind all the work of another.

use tessera_contract::Failure;

use crate::{Tx, params};

/// Due jobs in the order of their turns; `$1` is the kind, `$2` the time. A tenant's own jobs go by priority, then age.
/// Between tenants the one with the fewest running goes first, then the one that was served longest ago.
macro_rules! turns {
    ($per_tenant:literal) => {
        concat!(
            "select d.tenant, d.key, h.running + d.turn as turn, h.served, d.priority, d.run_at_us from ",
            "(select tenant, key, priority, run_at_us, ",
            "row_number() over (partition by tenant order by priority desc, run_at_us, key) as turn ",
            "from tessera_jobs where kind = $1 and ((state = 'queued' and run_at_us <= $2) ",
            "or (state = 'running' and lease_until_us <= $2))) d ",
            "join (select tenant, sum(case when state = 'running' and lease_until_us > $2 then 1 else 0 end) as running, ",
            "max(claimed_us) as served from tessera_jobs where kind = $1 ",
            "and (state in ('queued', 'running') or claimed_us >= $2 - 3600000000) group by tenant) h ",
            "on h.tenant = d.tenant where h.running + d.turn <= ",
            $per_tenant
        )
    };
}

/// Materialized, so that the rows are chosen once: PostgreSQL may run a subquery of `in` again for each row it looks at.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "with taken as materialized (select j.tenant, j.key from tessera_jobs j join (",
            turns!("$6"),
            ") t on t.tenant = j.tenant and t.key = j.key where j.kind = $1 ",
            "order by t.turn, t.served, t.priority desc, t.run_at_us limit $5",
            $lock,
            ") update tessera_jobs set state = 'running', attempts = attempts + 1, lease_owner = $3, ",
            "lease_until_us = $4, updated_us = $2, claimed_us = $2 where kind = $1 ",
            "and (tenant, key) in (select tenant, key from taken) ",
            "returning tenant, key, payload, attempts, traceparent"
        )
    };
}

/// Whether anybody's turn has come; `$3` is how many jobs a tenant may have running.
pub(super) const TURN: &str = concat!("select exists (", turns!("$3"), ")");
/// Takes up to `$5` of them for the owner `$3` until `$4`; `$6` is how many jobs a tenant may have running.
pub(super) const CLAIM: &str = claim!("");
/// The same on PostgreSQL.
pub(super) const CLAIM_POSTGRES: &str = claim!(" for update of j skip locked");

/// The job of a key, and those below it.
macro_rules! at_or_below {
    ($statement:literal, $and:literal) => {
        concat!(
            $statement,
            " where tenant = $1 and kind = $2 and (key = $3 or substr(key, 1, length($3) + 1) = $3 || '/')",
            $and
        )
    };
}
const PRIORITIZE: &str = at_or_below!("update tessera_jobs set priority = $4", " and state in ('queued', 'running')");
const WITHDRAW: &str = at_or_below!("delete from tessera_jobs", "");

impl Tx {
    /// Sets the priority of the tenant's job of this key and of those below it (`key/…`) that have not ended; answers how
    /// many those are. Workers that share by tenant take the highest first; every job begins with 0.
    pub async fn prioritize(&mut self, kind: &'static str, key: &str, priority: i64) -> Result<u64, Failure> {
        self.execute(PRIORITIZE, params![kind, key, priority]).await
    }

    /// Takes the tenant's job of this key and those below it (`key/…`) away, whatever their state; answers how many
    /// there were. A worker that has one hears of it at its next heartbeat, and drops its handler.
    pub async fn withdraw(&mut self, kind: &'static str, key: &str) -> Result<u64, Failure> {
        self.execute(WITHDRAW, params![kind, key]).await
    }
}
