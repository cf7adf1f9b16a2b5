//! A follower of entitlement's events with books of its own: what every module that listens is like.

use tessera_contract::{CloudEvent, Event, Failure};
use tessera_contract_entitlement::{Grant, GrantAdded, GrantRevoked};
use tessera_events::{Consumer, HandlerError, Log, decode};
use tessera_store::{Module, Store, Tx, params};

/// Its schema.
pub(crate) static MODULE: Module = tessera_store::module!("mirror", ["0001_mirror"]);

const WORD: &str = "insert into words (tenant, event_id, times) values ($1, $2, 1) \
    on conflict (tenant, event_id) do update set times = words.times + 1";
const HEAR: &str = "insert into grants_heard (tenant, grant_id, version, revoked, disorder) values ($1, $2, $3, $4, 0) \
    on conflict (tenant, grant_id) do update set version = excluded.version, revoked = excluded.revoked, \
    disorder = grants_heard.disorder + case when excluded.version < grants_heard.version then 1 else 0 end";
const HEARD: &str = "select tenant, grant_id, version, revoked from grants_heard order by tenant, grant_id";
const WRONG: &str = "select (select coalesce(sum(times - 1), 0) from words) + (select coalesce(sum(disorder), 0) \
    from grants_heard)";
const WORDS: &str = "select count(*) from words";

/// Delivers what there is; whether all of it went.
pub(crate) async fn listen(grants: &Store, mirror: &Store) -> Result<bool, Failure> {
    let consumer = Consumer::new("mirror.grants", Log::of(grants), mirror).on::<GrantAdded>().on::<GrantRevoked>();
    consumer.drain(|tx, event| Box::pin(hear(tx, event))).await
}

async fn hear(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    let grant: Grant = match event.kind == GrantAdded::TYPE {
        true => decode::<GrantAdded>(event)?.grant,
        false => decode::<GrantRevoked>(event)?.grant,
    };
    tx.execute(WORD, params![&event.id]).await?;
    tx.execute(HEAR, params![grant.grant_id, grant.version, grant.revoked]).await?;
    Ok(())
}

/// A grant as it was last heard of: tenant, id, version, whether it was revoked.
pub(crate) type Heard = (String, String, i64, bool);

/// What was heard, how many events that was, and how often one counted twice or came too late.
pub(crate) async fn heard(mirror: &Store) -> Result<(Vec<Heard>, i64, i64), Failure> {
    let system = mirror.system();
    let wrong = system.scalar::<i64>(WRONG, vec![]).await?;
    Ok((system.all(HEARD, vec![]).await?, system.scalar(WORDS, vec![]).await?, wrong))
}
