//! All SQL of the catalog.

use tessera_contract::{Cx, Failure};
use tessera_contract_catalog::{Change, TitleDraft};
use tessera_store::{Reader, Tx, params};
use tessera_types::{AssetId, Territory, Timestamp, TitleId};

/// A title as stored, with what is known of its asset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredTitle {
    pub(crate) title_id: TitleId,
    pub(crate) published: bool,
    pub(crate) draft: TitleDraft,
    pub(crate) duration_seconds: Option<u32>,
    pub(crate) has_poster: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) version: i64,
}

#[derive(serde::Deserialize)]
struct TitleRow {
    title_id: String,
    published: bool,
    draft: String,
    duration_seconds: Option<i64>,
    has_poster: Option<bool>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<TitleRow> for StoredTitle {
    type Error = Failure;
    fn try_from(row: TitleRow) -> Result<Self, Failure> {
        Ok(Self {
            title_id: row.title_id.parse().map_err(|e| Failure::internal("reading a stored title's id", e))?,
            published: row.published,
            draft: serde_json::from_str(&row.draft).map_err(|e| Failure::internal("reading a stored draft", e))?,
            duration_seconds: row.duration_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            has_poster: row.has_poster.unwrap_or(false),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

macro_rules! select_titles {
    ($rest:literal) => {
        concat!(
            "select t.title_id, t.published, t.draft, a.duration_seconds, a.has_poster, t.created_at, t.updated_at, \
             t.version from titles t left join asset_facts a on a.tenant = t.tenant and a.asset_id = t.asset_id \
             where t.tenant = $1 ",
            $rest
        )
    };
}

const BY_ID: &str = select_titles!("and t.title_id = $2");
const BY_ASSET: &str = select_titles!("and t.asset_id = $2 order by t.title_id");
const PAGE: &str = select_titles!("and ($2 is null or t.title_id < $2) order by t.title_id desc limit $3");
const BROWSE: &str = select_titles!(
    "and t.published and ($2 is null or t.title_id < $2) \
     and (t.starts_at is null or t.starts_at <= $3) and (t.ends_at is null or t.ends_at > $3) \
     and (t.everywhere or exists (select 1 from title_territories r \
          where r.tenant = t.tenant and r.title_id = t.title_id and r.territory = $4)) \
     and ($5 is null or exists (select 1 from title_genres g \
          where g.tenant = t.tenant and g.title_id = t.title_id and g.genre = $5)) \
     order by t.title_id desc limit $6"
);
const CHANGES: &str = "select title_id, published, version, change_number from titles \
    where tenant = $1 and change_number > $2 order by change_number limit $3";
const NEXT_CHANGE: &str = "insert into change_numbers (tenant, latest) values ($1, 1) \
    on conflict (tenant) do update set latest = change_numbers.latest + 1 returning latest";
const INSERT: &str = "insert into titles (tenant, title_id, published, draft, starts_at, ends_at, everywhere, asset_id, \
    created_at, updated_at, version, change_number) values ($1, $2, false, $3, $4, $5, $6, $7, $8, $8, 1, $9)";
const UPDATE: &str = "update titles set draft = $3, starts_at = $4, ends_at = $5, everywhere = $6, asset_id = $7, \
    updated_at = $8, version = version + 1, change_number = $9, published = $10 where tenant = $1 and title_id = $2";
const DELETE_GENRES: &str = "delete from title_genres where tenant = $1 and title_id = $2";
const INSERT_GENRE: &str =
    "insert into title_genres (tenant, title_id, genre) values ($1, $2, $3) on conflict do nothing";
const DELETE_TERRITORIES: &str = "delete from title_territories where tenant = $1 and title_id = $2";
const INSERT_TERRITORY: &str =
    "insert into title_territories (tenant, title_id, territory) values ($1, $2, $3) on conflict do nothing";
const PUT_ASSET: &str = "insert into asset_facts (tenant, asset_id, duration_seconds, has_poster) \
    values ($1, $2, $3, $4) on conflict (tenant, asset_id) do update \
    set duration_seconds = excluded.duration_seconds, has_poster = excluded.has_poster";

/// The title, in any state.
pub(crate) async fn title(reader: &Reader, id: &TitleId) -> Result<Option<StoredTitle>, Failure> {
    let row: Option<TitleRow> = reader.optional(BY_ID, params![id]).await?;
    row.map(StoredTitle::try_from).transpose()
}

/// All titles before `before`, newest first.
pub(crate) async fn page(reader: &Reader, before: Option<TitleId>, limit: u32) -> Result<Vec<StoredTitle>, Failure> {
    let rows: Vec<TitleRow> = reader.all(PAGE, params![before, limit]).await?;
    rows.into_iter().map(StoredTitle::try_from).collect()
}

/// What a browsing viewer may see.
pub(crate) struct Browse<'a> {
    pub(crate) before: Option<TitleId>,
    pub(crate) genre: Option<&'a str>,
    pub(crate) limit: u32,
}

/// Published titles whose window is open now and whose territories include the caller's, newest first.
pub(crate) async fn browse(reader: &Reader, cx: &Cx, what: Browse<'_>) -> Result<Vec<StoredTitle>, Failure> {
    let territory: Option<Territory> = cx.territory.clone();
    let params = params![what.before, cx.business_now, territory, what.genre, what.limit];
    let rows: Vec<TitleRow> = reader.all(BROWSE, params).await?;
    rows.into_iter().map(StoredTitle::try_from).collect()
}

#[derive(serde::Deserialize)]
struct ChangeRow {
    title_id: String,
    published: bool,
    version: i64,
    change_number: i64,
}

/// Titles changed after change number `after`, oldest change first, each with its number.
pub(crate) async fn changes(reader: &Reader, after: i64, limit: u32) -> Result<Vec<(i64, Change)>, Failure> {
    let rows: Vec<ChangeRow> = reader.all(CHANGES, params![after, limit]).await?;
    let change = |row: ChangeRow| {
        let title_id = row.title_id.parse().map_err(|e| Failure::internal("reading a stored title's id", e))?;
        Ok((row.change_number, Change { title_id, version: row.version, published: row.published }))
    };
    rows.into_iter().map(change).collect()
}

/// The title, for a write that depends on it.
pub(crate) async fn title_in(tx: &mut Tx, id: &TitleId) -> Result<Option<StoredTitle>, Failure> {
    let row: Option<TitleRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(StoredTitle::try_from).transpose()
}

/// The titles that show an asset.
pub(crate) async fn titles_of_asset(tx: &mut Tx, asset: &AssetId) -> Result<Vec<StoredTitle>, Failure> {
    let rows: Vec<TitleRow> = tx.all(BY_ASSET, params![asset]).await?;
    rows.into_iter().map(StoredTitle::try_from).collect()
}

/// Adds a draft.
pub(crate) async fn insert(tx: &mut Tx, id: &TitleId, draft: &TitleDraft) -> Result<(), Failure> {
    let change: i64 = tx.scalar(NEXT_CHANGE, params![]).await?;
    let (window, now) = (&draft.window, tx.now());
    let everywhere = draft.territories.is_none();
    let (starts, ends, asset) = (window.starts_at, window.ends_at, draft.asset_id.clone());
    tx.execute(INSERT, params![id, json(draft)?, starts, ends, everywhere, asset, now, change]).await?;
    put_lists(tx, id, draft).await
}

/// Replaces a title's text and state; its version and change number count up.
pub(crate) async fn update(tx: &mut Tx, id: &TitleId, draft: &TitleDraft, published: bool) -> Result<(), Failure> {
    let change: i64 = tx.scalar(NEXT_CHANGE, params![]).await?;
    let (window, now) = (&draft.window, tx.now());
    let everywhere = draft.territories.is_none();
    let (starts, ends, asset) = (window.starts_at, window.ends_at, draft.asset_id.clone());
    tx.execute(UPDATE, params![id, json(draft)?, starts, ends, everywhere, asset, now, change, published]).await?;
    put_lists(tx, id, draft).await
}

/// Keeps what media says of an asset.
pub(crate) async fn put_asset(
    tx: &mut Tx,
    asset: &AssetId,
    duration_seconds: Option<u32>,
    has_poster: bool,
) -> Result<(), Failure> {
    tx.execute(PUT_ASSET, params![asset, duration_seconds.map(i64::from), has_poster]).await.map(drop)
}

async fn put_lists(tx: &mut Tx, id: &TitleId, draft: &TitleDraft) -> Result<(), Failure> {
    tx.execute(DELETE_GENRES, params![id]).await?;
    for genre in &draft.genres {
        tx.execute(INSERT_GENRE, params![id, genre]).await?;
    }
    tx.execute(DELETE_TERRITORIES, params![id]).await?;
    for territory in draft.territories.iter().flatten() {
        tx.execute(INSERT_TERRITORY, params![id, territory]).await?;
    }
    Ok(())
}

fn json(draft: &TitleDraft) -> Result<String, Failure> {
    serde_json::to_string(draft).map_err(|e| Failure::internal("writing a draft as JSON", e))
}
