//! All SQL of viewers.

use std::str::FromStr;

use tessera_contract::Failure;
use tessera_contract_viewers::{Profile, Progress};
use tessera_store::{Reader, Tx, params};
use tessera_types::{AccountId, IdError, ProfileId, Timestamp, TitleId};

use crate::progress::Watched;

const PROFILE: &str = "select profile_id, account_id, name, age_limit, version from profiles \
    where tenant = $1 and account_id = $2 and profile_id = $3";
const PROFILES: &str = "select profile_id, account_id, name, age_limit, version from profiles \
    where tenant = $1 and account_id = $2 order by number";
const ADD_FIRST: &str = "insert into profiles (tenant, profile_id, account_id, number, name, age_limit, version) \
    values ($1, $2, $3, 1, $4, $5, $6) on conflict do nothing";
const EDIT: &str = "update profiles set name = $3, age_limit = $4, version = $5 where tenant = $1 and profile_id = $2";
const POSITION: &str = "select g.position_seconds from profiles p \
    left join progress g on g.tenant = p.tenant and g.profile_id = p.profile_id and g.title_id = $3 \
    where p.tenant = $1 and p.profile_id = $2";
const PAGE: &str = "select title_id, position_seconds, watched_at, session_id, session_version, version \
    from progress where tenant = $1 and profile_id = $2 and ($3 is null or (watched_at, title_id) < ($3, $4)) \
    order by watched_at desc, title_id desc limit $5";
const WATCHED: &str = "select title_id, position_seconds, watched_at, session_id, session_version, version \
    from progress where tenant = $1 and profile_id = $2 and title_id = $3";
const PUT_WATCHED: &str = "insert into progress (tenant, profile_id, title_id, position_seconds, watched_at, \
    session_id, session_version, version) values ($1, $2, $3, $4, $5, $6, $7, $8) \
    on conflict (tenant, profile_id, title_id) do update set position_seconds = excluded.position_seconds, \
    watched_at = excluded.watched_at, session_id = excluded.session_id, \
    session_version = excluded.session_version, version = excluded.version";

#[derive(serde::Deserialize)]
struct ProfileRow {
    profile_id: String,
    account_id: String,
    name: String,
    age_limit: Option<i64>,
    version: i64,
}

impl TryFrom<ProfileRow> for Profile {
    type Error = Failure;
    fn try_from(row: ProfileRow) -> Result<Self, Failure> {
        Ok(Self {
            profile_id: id(&row.profile_id)?,
            account_id: id(&row.account_id)?,
            name: row.name.into(),
            age_limit: row.age_limit.and_then(|years| u8::try_from(years).ok()),
            version: row.version,
        })
    }
}

#[derive(serde::Deserialize)]
struct WatchedRow {
    title_id: String,
    position_seconds: i64,
    watched_at: i64,
    session_id: String,
    session_version: i64,
    version: i64,
}

impl TryFrom<WatchedRow> for Watched {
    type Error = Failure;
    fn try_from(row: WatchedRow) -> Result<Self, Failure> {
        Ok(Self {
            progress: Progress {
                title_id: id(&row.title_id)?,
                position_seconds: u32::try_from(row.position_seconds).unwrap_or(0),
                watched_at: Timestamp::from_micros(row.watched_at),
                version: row.version,
            },
            session_id: id(&row.session_id)?,
            session_version: row.session_version,
        })
    }
}

/// The account's profiles, its default first.
pub(crate) async fn profiles(reader: &Reader, account: &AccountId) -> Result<Vec<Profile>, Failure> {
    let rows: Vec<ProfileRow> = reader.all(PROFILES, params![account]).await?;
    rows.into_iter().map(Profile::try_from).collect()
}

/// The account's profiles, for a write that depends on them.
pub(crate) async fn profiles_in(tx: &mut Tx, account: &AccountId) -> Result<Vec<Profile>, Failure> {
    let rows: Vec<ProfileRow> = tx.all(PROFILES, params![account]).await?;
    rows.into_iter().map(Profile::try_from).collect()
}

/// One of the account's profiles.
pub(crate) async fn profile(
    reader: &Reader,
    account: &AccountId,
    profile: &ProfileId,
) -> Result<Option<Profile>, Failure> {
    let row: Option<ProfileRow> = reader.optional(PROFILE, params![account, profile]).await?;
    row.map(Profile::try_from).transpose()
}

/// One of the account's profiles, for a write that depends on it.
pub(crate) async fn profile_in(
    tx: &mut Tx,
    account: &AccountId,
    profile: &ProfileId,
) -> Result<Option<Profile>, Failure> {
    let row: Option<ProfileRow> = tx.optional(PROFILE, params![account, profile]).await?;
    row.map(Profile::try_from).transpose()
}

/// Adds an account's default profile; whether it had none.
pub(crate) async fn add_first(tx: &mut Tx, profile: &Profile) -> Result<bool, Failure> {
    let Profile { profile_id, account_id, name, age_limit, version } = profile;
    let age_limit = age_limit.map(i64::from);
    tx.insert_unique(ADD_FIRST, params![profile_id, account_id, name, age_limit, *version]).await
}

/// Stores an edited profile.
pub(crate) async fn edit(tx: &mut Tx, profile: &Profile) -> Result<(), Failure> {
    let Profile { profile_id, name, age_limit, version, .. } = profile;
    tx.execute(EDIT, params![profile_id, name, age_limit.map(i64::from), *version]).await.map(drop)
}

/// How far a profile is in a title, 0 when it never watched it; `None` when there is no such profile.
pub(crate) async fn position(reader: &Reader, profile: &ProfileId, title: &TitleId) -> Result<Option<u32>, Failure> {
    let row: Option<(Option<i64>,)> = reader.optional(POSITION, params![profile, title]).await?;
    Ok(row.map(|(seconds,)| seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0)))
}

/// What a profile was watching, latest first, after `after`.
pub(crate) async fn page(
    reader: &Reader,
    profile: &ProfileId,
    after: Option<(Timestamp, TitleId)>,
    limit: u32,
) -> Result<Vec<Progress>, Failure> {
    let (watched_at, title) = after.unzip();
    let rows: Vec<WatchedRow> = reader.all(PAGE, params![profile, watched_at, title, limit]).await?;
    rows.into_iter().map(|row| Watched::try_from(row).map(|watched| watched.progress)).collect()
}

/// How far a profile is in a title, for a write that depends on it.
pub(crate) async fn watched_in(tx: &mut Tx, profile: &ProfileId, title: &TitleId) -> Result<Option<Watched>, Failure> {
    let row: Option<WatchedRow> = tx.optional(WATCHED, params![profile, title]).await?;
    row.map(Watched::try_from).transpose()
}

/// Stores how far a profile is.
pub(crate) async fn put_watched(tx: &mut Tx, profile: &ProfileId, watched: &Watched) -> Result<(), Failure> {
    let Watched { progress, session_id, session_version } = watched;
    let Progress { title_id, position_seconds, watched_at, version } = progress;
    let params = params![profile, title_id, *position_seconds, *watched_at, session_id, *session_version, *version];
    tx.execute(PUT_WATCHED, params).await.map(drop)
}

fn id<T: FromStr<Err = IdError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|e| Failure::internal("reading a stored id", e))
}
