//! All SQL of playback.

use std::str::FromStr;

use tessera_contract::Failure;
use tessera_contract_playback::{Playback, SessionState};
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{AccountId, IdError, PlaybackSessionId, TenantId, Timestamp};

use crate::session::Session;

const PENDING: &str = "select expires_at from starts where tenant = $1 and session_id = $2";
const CLAIM: &str = "insert into starts (tenant, session_id, attempt, expires_at) values ($1, $2, $3, $4) \
    on conflict (tenant, session_id) do update set attempt = excluded.attempt, expires_at = excluded.expires_at";
const HOLD: &str = "update starts set expires_at = $4 where tenant = $1 and session_id = $2 and attempt = $3";
const CLEAR: &str = "delete from starts where tenant = $1 and session_id = $2 and attempt = $3";
const ABANDON: &str = "update starts set expires_at = 0 where expires_at > 0";
const ANSWER: &str = "select answer from sessions where tenant = $1 and session_id = $2";
const ADD: &str = "insert into sessions (tenant, session_id, account_id, profile_id, title_id, device_id, \
    device_name, position_seconds, position_reported, started_at, updated_at, beat_by, ended_at, version, answer) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
const BY_ID: &str = "select session_id, account_id, profile_id, title_id, device_id, device_name, \
    position_seconds, position_reported, started_at, updated_at, beat_by, ended_at, version \
    from sessions where tenant = $1 and account_id = $2 and session_id = $3";
const UPDATE: &str = "update sessions set position_seconds = $3, position_reported = $4, updated_at = $5, \
    beat_by = $6, ended_at = $7, version = $8 where tenant = $1 and session_id = $2";
const LATER_OF_DEVICE: &str = "select session_id from sessions where tenant = $1 and account_id = $2 \
    and device_id = $3 and (started_at > $4 or (started_at = $4 and session_id > $5)) limit 1";
const SILENT: &str = "select tenant, account_id, session_id from sessions \
    where ended_at is null and beat_by <= $1 order by beat_by limit $2";
const FORGET_ENDED: &str = "delete from sessions where (tenant, session_id) in \
    (select tenant, session_id from sessions where ended_at is not null and ended_at < $1 limit $2)";
const FORGET_STARTS: &str = "delete from starts where (tenant, session_id) in \
    (select tenant, session_id from starts where expires_at < $1 limit $2)";

/// Rows of one sweeping statement: none holds up other writes for long.
pub(crate) const CHUNK: u32 = 500;

/// Until when the attempt at this start may go on, if one is known.
pub(crate) async fn pending(tx: &mut Tx, session: &PlaybackSessionId) -> Result<Option<Timestamp>, Failure> {
    let row: Option<(i64,)> = tx.optional(PENDING, params![session]).await?;
    Ok(row.map(|(expires_at,)| Timestamp::from_micros(expires_at)))
}

/// Begins an attempt at a start, in place of any before it.
pub(crate) async fn claim(
    tx: &mut Tx,
    session: &PlaybackSessionId,
    attempt: i64,
    until: Timestamp,
) -> Result<(), Failure> {
    tx.execute(CLAIM, params![session, attempt, until]).await.map(drop)
}

/// Gives the attempt until `until`; whether it is still the one.
pub(crate) async fn hold(
    tx: &mut Tx,
    session: &PlaybackSessionId,
    attempt: i64,
    until: Timestamp,
) -> Result<bool, Failure> {
    Ok(tx.execute(HOLD, params![session, attempt, until]).await? > 0)
}

/// Ends the attempt; whether it was still the one.
pub(crate) async fn clear(tx: &mut Tx, session: &PlaybackSessionId, attempt: i64) -> Result<bool, Failure> {
    Ok(tx.execute(CLEAR, params![session, attempt]).await? > 0)
}

/// Every attempt is over: whoever was at one is gone. How many there were.
pub(crate) async fn abandon_starts(store: &Store) -> Result<u64, Failure> {
    store.system_write((), |tx, ()| Box::pin(tx.execute(ABANDON, params![]))).await
}

/// What the start of this session answered, if it came that far.
pub(crate) async fn answer(tx: &mut Tx, session: &PlaybackSessionId) -> Result<Option<Playback>, Failure> {
    let row: Option<(String,)> = tx.optional(ANSWER, params![session]).await?;
    let read = |(answer,): (String,)| serde_json::from_str(&answer);
    row.map(read).transpose().map_err(|e| Failure::internal("reading what a start answered", e))
}

/// Adds a session with the answer of its start.
pub(crate) async fn add(tx: &mut Tx, session: &Session, answer: &Playback) -> Result<(), Failure> {
    let answer = serde_json::to_string(answer).map_err(|e| Failure::internal("keeping what a start answers", e))?;
    let Session { state, device_name, beat_by, ended_at } = session;
    let params = params![
        &state.session_id,
        &state.account_id,
        &state.profile_id,
        &state.title_id,
        &state.device_id,
        device_name,
        state.position_seconds,
        state.position_reported,
        state.started_at,
        state.updated_at,
        *beat_by,
        *ended_at,
        state.version,
        answer
    ];
    tx.execute(ADD, params).await.map(drop)
}

#[derive(serde::Deserialize)]
struct SessionRow {
    session_id: String,
    account_id: String,
    profile_id: String,
    title_id: String,
    device_id: String,
    device_name: String,
    position_seconds: i64,
    position_reported: bool,
    started_at: i64,
    updated_at: i64,
    beat_by: i64,
    ended_at: Option<i64>,
    version: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = Failure;
    fn try_from(row: SessionRow) -> Result<Self, Failure> {
        let state = SessionState {
            session_id: id(&row.session_id)?,
            account_id: id(&row.account_id)?,
            profile_id: id(&row.profile_id)?,
            title_id: id(&row.title_id)?,
            device_id: row.device_id,
            position_seconds: u32::try_from(row.position_seconds).unwrap_or(0),
            position_reported: row.position_reported,
            started_at: Timestamp::from_micros(row.started_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        };
        let (beat_by, ended_at) = (Timestamp::from_micros(row.beat_by), row.ended_at.map(Timestamp::from_micros));
        Ok(Self { state, device_name: row.device_name.into(), beat_by, ended_at })
    }
}

/// A session of the account.
pub(crate) async fn session(
    reader: &Reader,
    account: &AccountId,
    session: &PlaybackSessionId,
) -> Result<Option<Session>, Failure> {
    let row: Option<SessionRow> = reader.optional(BY_ID, params![account, session]).await?;
    row.map(Session::try_from).transpose()
}

/// A session of the account, for a write that depends on it.
pub(crate) async fn session_in(
    tx: &mut Tx,
    account: &AccountId,
    session: &PlaybackSessionId,
) -> Result<Option<Session>, Failure> {
    let row: Option<SessionRow> = tx.optional(BY_ID, params![account, session]).await?;
    row.map(Session::try_from).transpose()
}

/// Whether the account's device has started nothing after this session.
pub(crate) async fn is_latest_of_its_device(reader: &Reader, session: &SessionState) -> Result<bool, Failure> {
    let SessionState { account_id, device_id, started_at, session_id, .. } = session;
    let params = params![account_id, device_id, *started_at, session_id];
    let later: Option<(String,)> = reader.optional(LATER_OF_DEVICE, params).await?;
    Ok(later.is_none())
}

/// Stores a session as it stands now.
pub(crate) async fn update(tx: &mut Tx, session: &Session) -> Result<(), Failure> {
    let Session { state, beat_by, ended_at, .. } = session;
    let SessionState { session_id, position_seconds, position_reported, updated_at, version, .. } = state;
    let params = params![session_id, *position_seconds, *position_reported, *updated_at, *beat_by, *ended_at, *version];
    tx.execute(UPDATE, params).await.map(drop)
}

/// A session of any tenant.
pub(crate) type AnySession = (TenantId, AccountId, PlaybackSessionId);

/// Sessions of all tenants that play and had no beat in time, the longest silent first; a chunk of them.
pub(crate) async fn silent(store: &Store, now: Timestamp) -> Result<Vec<AnySession>, Failure> {
    let rows: Vec<(String, String, String)> = store.system().all(SILENT, params![now, CHUNK]).await?;
    let read = |(tenant, account, session): (String, String, String)| {
        let tenant = tenant.parse().map_err(|e| Failure::internal("reading a stored tenant", e))?;
        Ok((tenant, id(&account)?, id(&session)?))
    };
    rows.into_iter().map(read).collect()
}

/// Forgets a chunk of the sessions that ended before `before`; how many.
pub(crate) async fn forget_ended(store: &Store, before: Timestamp) -> Result<u64, Failure> {
    delete(store, FORGET_ENDED, before).await
}

/// Forgets a chunk of the starts whose attempt died before `before`; how many.
pub(crate) async fn forget_starts(store: &Store, before: Timestamp) -> Result<u64, Failure> {
    delete(store, FORGET_STARTS, before).await
}

async fn delete(store: &Store, sql: &'static str, before: Timestamp) -> Result<u64, Failure> {
    let write = store.system_write(before, move |tx, before| Box::pin(tx.execute(sql, params![*before, CHUNK])));
    write.await
}

fn id<T: FromStr<Err = IdError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|e| Failure::internal("reading a stored id", e))
}
