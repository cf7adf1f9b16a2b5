//! The outbox: events written in the transaction of their effect, and read in an order that nothing can appear behind.

use serde::{Deserialize, Serialize};
use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_types::{TenantId, Timestamp};
use tokio::sync::watch;

use crate::{Engine, Param, Store, params, store::Backend};

pub(crate) const INSERT: &str = "insert into tessera_outbox \
    (tenant, id, subject, type, version, time_us, traceparent, data) values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Each half is found at its place in the index: SQLite compares no pair that way, and would read all that came before.
const READ: &str = "select xact, seq, id, tenant, subject, type as kind, version, time_us, traceparent, data \
    from tessera_outbox where xact = $1 and seq > $2 union all \
    select xact, seq, id, tenant, subject, type as kind, version, time_us, traceparent, data \
    from tessera_outbox where xact > $1 order by xact, seq limit $3";

/// Transactions below the snapshot's xmin are all finished, and later ones get larger ids.
const READ_FINISHED: &str = "select xact, seq, id, tenant, subject, type as kind, version, time_us, traceparent, data \
    from tessera_outbox where (xact, seq) > ($1, $2) \
    and xact < $4 + pg_snapshot_xmin(pg_current_snapshot())::text::bigint order by xact, seq limit $3";
const MORE: &str = "select exists (select 1 from tessera_outbox where (xact, seq) > ($1, $2))";

const END: &str = "select xact, seq from tessera_outbox order by xact desc, seq desc limit 1";

/// The params of [`INSERT`] after the tenant.
pub(crate) fn values<E: Event>(cx: &Cx, now: Timestamp, event: &E) -> Result<Vec<Param>, Failure> {
    let data = serde_json::to_string(event).map_err(|e| Failure::internal("writing an event", e))?;
    let id = format!("evt_{:013x}{:016x}", now.as_micros(), rand::random::<u64>());
    Ok(params![id, event.subject(), E::TYPE, event.version(), now, cx.trace.to_string(), data])
}

/// A place in an outbox. The beginning is `Position::default()`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// PostgreSQL's transaction id; 0 on SQLite, where commits have one order.
    pub xact: i64,
    /// The event's number.
    pub seq: i64,
}

/// Events read from an outbox.
#[derive(Debug)]
pub struct Batch {
    /// In order, each with its own position.
    pub events: Vec<(Position, CloudEvent)>,
    /// Whether there are more, now or as soon as a running transaction has ended.
    pub more: bool,
}

#[derive(serde::Deserialize)]
struct EventRow {
    xact: i64,
    seq: i64,
    id: String,
    tenant: String,
    subject: String,
    kind: String,
    version: i64,
    time_us: i64,
    traceparent: Option<String>,
    data: String,
}

impl EventRow {
    fn decode(self, source: &str) -> Result<(Position, CloudEvent), Failure> {
        let broken = |e: serde_json::Error| Failure::internal("reading an event", e);
        let tenant = self.tenant.parse::<TenantId>().map_err(|e| Failure::internal("reading an event", e))?;
        let event = CloudEvent {
            specversion: "1.0".into(),
            id: self.id,
            source: source.to_owned(),
            kind: self.kind,
            subject: self.subject,
            time: Timestamp::from_micros(self.time_us),
            tenant,
            subjectversion: self.version,
            traceparent: self.traceparent,
            datacontenttype: "application/json".into(),
            data: serde_json::from_str(&self.data).map_err(broken)?,
        };
        Ok((Position { xact: self.xact, seq: self.seq }, event))
    }
}

impl Store {
    /// Events after `after`, of all tenants, at most `limit`.
    pub async fn events_after(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        let system = self.system();
        let Position { xact, seq } = after;
        let rows: Vec<EventRow> = match self.backend() {
            Backend::Sqlite(_) => system.all(READ, params![xact, seq, limit]).await?,
            Backend::Postgres(server) => system.all(READ_FINISHED, params![xact, seq, limit, server.epoch]).await?,
        };
        let source = format!("/tessera/{}", self.module().name);
        let events = rows.into_iter().map(|row| row.decode(&source)).collect::<Result<Vec<_>, _>>()?;
        let more = match (events.last(), self.engine()) {
            (Some(_), _) if events.len() == limit as usize => true,
            (_, Engine::Sqlite) => false,
            (last, Engine::Postgres) => {
                let last = last.map_or(after, |(position, _)| *position);
                system.scalar(MORE, params![last.xact, last.seq]).await?
            }
        };
        Ok(Batch { events, more })
    }

    /// Where the outbox ends now: a consumer that starts here sees only what comes later.
    pub async fn events_end(&self) -> Result<Position, Failure> {
        let end: Option<(i64, i64)> = self.system().optional(END, vec![]).await?;
        Ok(end.map_or_else(Position::default, |(xact, seq)| Position { xact, seq }))
    }

    /// Changes whenever this process has committed events.
    pub fn events_bell(&self) -> watch::Receiver<u64> {
        self.site().events.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, params};

    use super::READ;

    #[test]
    fn what_was_read_before_is_passed_by_in_the_index() {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch(include_str!("../migrations/0001_platform.sql")).unwrap();
        let mut plan = file.prepare(&format!("explain query plan {READ}")).unwrap();
        let steps = plan.query_map(params![0, 0, 1], |row| row.get(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).filter(|step: &String| step.contains("outbox")).collect();
        let index = "SEARCH tessera_outbox USING INDEX tessera_outbox_position";
        assert_eq!(steps, [format!("{index} (xact=? AND seq>?)"), format!("{index} (xact>?)")]);
    }
}
