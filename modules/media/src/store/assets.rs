//! Assets, from submission to their descriptor.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tessera_contract::Failure;
use tessera_contract_media::{
    Asset, AssetState, FailureReason, Protection, SourceInfo, Subtitle, SubtitleDescriptor, SubtitlesLeftOut,
    ThumbnailsDescriptor, TrackDescriptor, Work,
};
use tessera_store::{Reader, Tx, params};
use tessera_types::{AssetId, Timestamp, UploadId};

use crate::progress::Pace;

/// What was made of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) tracks: Vec<TrackDescriptor>,
    pub(crate) poster_blob: Option<String>,
    #[serde(default)]
    pub(crate) poster_sha256: Option<String>,
    pub(crate) duration_seconds: f64,
    /// Whether its tracks are still getting longer.
    #[serde(default)]
    pub(crate) open_ended: bool,
    pub(crate) renditions: Vec<u32>,
    #[serde(default)]
    pub(crate) subtitles: Vec<SubtitleDescriptor>,
    #[serde(default)]
    pub(crate) subtitles_left_out: Vec<SubtitlesLeftOut>,
    #[serde(default)]
    pub(crate) thumbnails: Option<ThumbnailsDescriptor>,
}

impl Made {
    /// Its subtitles as an operator sees them.
    fn subtitles(&self) -> Vec<Subtitle> {
        let told = |stored: &SubtitleDescriptor| {
            let SubtitleDescriptor { subtitle_id, language, kind, .. } = stored.clone();
            Subtitle { subtitle_id, language, kind }
        };
        self.subtitles.iter().map(told).collect()
    }
}

/// An asset with what only its own module sees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredAsset {
    pub(crate) asset: Asset,
    pub(crate) made: Option<Made>,
    /// Who works on it, or has made it.
    pub(crate) attempt: Option<String>,
    /// The folder of what can be played while the rest is made.
    pub(crate) early: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) wrapped_key: Option<Vec<u8>>,
    /// Processor time used so far, in microseconds.
    pub(crate) cpu_us: i64,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Told {
    pub(crate) stage: &'static str,
    pub(crate) percent: u8,
    pub(crate) pace: Option<Pace>,
    /// Processor time of all attempts together, in microseconds.
    pub(crate) cpu_us: i64,
}

#[derive(serde::Deserialize)]
struct AssetRow {
    asset_id: String,
    upload_id: String,
    protection: String,
    state: String,
    stage: Option<String>,
    progress: i64,
    priority: i64,
    speed: Option<f64>,
    seconds_left: Option<i64>,
    cpu_us: i64,
    failure: Option<String>,
    source: Option<String>,
    made: Option<String>,
    attempt: Option<String>,
    early: Option<String>,
    key_id: Option<String>,
    wrapped_key: Option<Vec<u8>>,
    created_at: i64,
    version: i64,
}

impl TryFrom<AssetRow> for StoredAsset {
    type Error = Failure;
    fn try_from(row: AssetRow) -> Result<Self, Failure> {
        let made: Option<Made> = row.made.as_deref().map(from_json).transpose()?;
        let work = (row.cpu_us > 0 || row.stage.is_some()).then(|| Work {
            speed: row.speed,
            seconds_left: row.seconds_left.map(i64::unsigned_abs),
            processor_seconds: (row.cpu_us.max(0) as f64 / 1e4).round() / 100.0,
        });
        let asset = Asset {
            asset_id: row.asset_id.parse().map_err(|e| Failure::internal("reading a stored asset's id", e))?,
            upload_id: row.upload_id.parse().map_err(|e| Failure::internal("reading a stored upload's id", e))?,
            protection: named(&row.protection)?,
            state: named(&row.state)?,
            stage: row.stage,
            progress_percent: u8::try_from(row.progress.clamp(0, 100)).unwrap_or(100),
            priority: i8::try_from(row.priority).unwrap_or_default(),
            work,
            failure: row.failure.as_deref().map(from_json).transpose()?,
            source: row.source.as_deref().map(from_json).transpose()?,
            playable: made.is_some(),
            renditions: made.as_ref().map(|made| made.renditions.clone()).unwrap_or_default(),
            duration_seconds: made.as_ref().map(|made| made.duration_seconds),
            subtitles: made.as_ref().map(Made::subtitles).unwrap_or_default(),
            subtitles_left_out: made.as_ref().map(|made| made.subtitles_left_out.clone()).unwrap_or_default(),
            created_at: Timestamp::from_micros(row.created_at),
            version: row.version,
        };
        let AssetRow { attempt, early, key_id, wrapped_key, cpu_us, .. } = row;
        Ok(Self { asset, made, attempt, early, key_id, wrapped_key, cpu_us })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select asset_id, upload_id, protection, state, stage, progress, priority, speed, seconds_left, cpu_us, \
             failure, source, made, attempt, early, key_id, wrapped_key, created_at, version from assets where tenant = $1 ",
            $rest
        )
    };
}
/// A change by whoever works on the asset, and by nobody who has lost it.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "update assets set version = version + 1, updated_at = $4, ",
            $set,
            " where tenant = $1 and asset_id = $2 and state = 'processing' and ($3 is null or attempt = $3)"
        )
    };
}

const BY_ID: &str = select!("and asset_id = $2");
const PAGE: &str =
    select!("and ($2 is null or asset_id < $2) and ($4 is null or state = $4) order by asset_id desc limit $3");
const INSERT: &str = "insert into assets (tenant, asset_id, upload_id, protection, priority, state, progress, \
    created_at, updated_at, version) values ($1, $2, $3, $4, $5, 'processing', 0, $6, $6, 1)";
const BEGIN: &str = "update assets set attempt = $3, stage = 'probing', progress = 0, speed = null, \
    seconds_left = null, version = version + 1, updated_at = $4 where tenant = $1 and asset_id = $2 and state = 'processing'";
const ADD_ATTEMPT: &str = "insert into attempts (tenant, asset_id, attempt, begun_at) values ($1, $2, $3, $4)";
const CHOOSE_ATTEMPT: &str = "delete from attempts where tenant = $1 and asset_id = $2 and attempt = $3";
const PROGRESS: &str =
    update!("stage = $5, progress = $6, speed = coalesce($7, speed), seconds_left = $8, cpu_us = $9");
const IS_ATTEMPT: &str = "select exists (select 1 from assets where tenant = $1 and asset_id = $2 and attempt = $3 \
    and state = 'processing')";
const COST: &str = "update assets set cpu_us = $4 where tenant = $1 and asset_id = $2 and cpu_us < $4 \
    and (attempt is null or attempt = $3)";
const NAME_FOLDER: &str = "delete from attempts where tenant = $1 and asset_id = $2 and attempt = $3 and begun_at > 0";
const SOURCE: &str = update!("source = $5");
const PLAYABLE: &str = update!("made = $5, key_id = $6, wrapped_key = $7, early = $8");
const READY: &str = update!(
    "state = 'ready', stage = null, seconds_left = null, progress = 100, made = $5, key_id = $6, wrapped_key = $7, \
     early = $8"
);
const FAILED: &str = update!(
    "state = 'failed', stage = null, seconds_left = null, made = null, key_id = null, wrapped_key = null, \
     early = null, failure = $5"
);
const MADE: &str = "update assets set made = $3, version = version + 1, updated_at = $4 \
    where tenant = $1 and asset_id = $2 and state = 'ready'";

/// The asset, in any state.
pub(crate) async fn asset(reader: &Reader, id: &AssetId) -> Result<Option<StoredAsset>, Failure> {
    let row: Option<AssetRow> = reader.optional(BY_ID, params![id]).await?;
    row.map(StoredAsset::try_from).transpose()
}

/// The asset, for a write that depends on it.
pub(crate) async fn asset_in(tx: &mut Tx, id: &AssetId) -> Result<Option<StoredAsset>, Failure> {
    let row: Option<AssetRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(StoredAsset::try_from).transpose()
}

/// Assets before `before`, newest first, in any state or one.
pub(crate) async fn page(
    reader: &Reader,
    before: Option<AssetId>,
    limit: u32,
    state: Option<AssetState>,
) -> Result<Vec<StoredAsset>, Failure> {
    let state = state.map(state_name).transpose()?;
    let rows: Vec<AssetRow> = reader.all(PAGE, params![before, limit, state]).await?;
    rows.into_iter().map(StoredAsset::try_from).collect()
}

/// Adds an asset that waits for its worker.
pub(crate) async fn insert_asset(
    tx: &mut Tx,
    id: &AssetId,
    upload: &UploadId,
    protection: Protection,
    priority: i8,
) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(INSERT, params![id, upload, name(&protection)?, i64::from(priority), now]).await.map(drop)
}

/// Begins an attempt, which takes the asset from any other; `false` when it is not being processed any more.
pub(crate) async fn begin_attempt(tx: &mut Tx, id: &AssetId, attempt: &str) -> Result<bool, Failure> {
    let now = tx.now();
    if tx.execute(BEGIN, params![id, attempt, now]).await? == 0 {
        return Ok(false);
    }
    tx.execute(ADD_ATTEMPT, params![id, attempt, now]).await?;
    Ok(true)
}

/// Tells how far it is; `false` when the attempt has lost the asset, as for all that follow.
pub(crate) async fn set_progress(tx: &mut Tx, id: &AssetId, attempt: &str, told: &Told) -> Result<bool, Failure> {
    let now = tx.now();
    let (speed, left) = (told.pace.map(|pace| pace.speed), told.pace.map(|pace| pace.seconds_left.cast_signed()));
    let values = params![id, attempt, now, told.stage, i64::from(told.percent), speed, left, told.cpu_us];
    Ok(tx.execute(PROGRESS, values).await? > 0)
}

/// Whether the attempt has the asset.
pub(crate) async fn is_attempt(tx: &mut Tx, id: &AssetId, attempt: &str) -> Result<bool, Failure> {
    tx.scalar(IS_ATTEMPT, params![id, attempt]).await
}

/// Keeps what an attempt has cost, whether or not it still has the asset: it was spent.
pub(crate) async fn set_cost(tx: &mut Tx, id: &AssetId, attempt: &str, cpu_us: i64) -> Result<(), Failure> {
    tx.execute(COST, params![id, attempt, cpu_us]).await.map(drop)
}

/// Keeps what was found in the source.
pub(crate) async fn set_source(tx: &mut Tx, id: &AssetId, attempt: &str, source: &SourceInfo) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(SOURCE, params![id, attempt, now, json(source)?]).await? > 0)
}

/// The folder, of an attempt's own, of what can be played while it makes the rest. What is in it is never changed, whoever makes
/// the rest in the end.
pub(crate) fn early_folder(attempt: &str) -> String {
    format!("{attempt}-early")
}

/// Remembers that folder before anything is stored in it; `false` when the attempt has lost the asset.
pub(crate) async fn begin_early(tx: &mut Tx, id: &AssetId, attempt: &str) -> Result<bool, Failure> {
    if !is_attempt(tx, id, attempt).await? {
        return Ok(false);
    }
    let now = tx.now();
    tx.execute(ADD_ATTEMPT, params![id, early_folder(attempt), now]).await?;
    Ok(true)
}

/// Has what an attempt has made so far played while it makes the rest.
pub(crate) async fn set_playable(
    tx: &mut Tx,
    id: &AssetId,
    attempt: &str,
    made: &Made,
    (key_id, wrapped_key): (&str, &[u8]),
) -> Result<bool, Failure> {
    let now = tx.now();
    let values = params![id, attempt, now, json(made)?, key_id, wrapped_key, early_folder(attempt)];
    Ok(tx.execute(PLAYABLE, values).await? > 0)
}

/// Ends it well: the blobs in the attempt's folder, and in the folder `early`, are the asset's, its key wrapped under the master
/// key `key_id`.
pub(crate) async fn finish_ready(
    tx: &mut Tx,
    id: &AssetId,
    (attempt, early): (&str, Option<&str>),
    made: &Made,
    (key_id, wrapped_key): (&str, &[u8]),
) -> Result<bool, Failure> {
    let now = tx.now();
    let values = params![id, attempt, now, json(made)?, key_id, wrapped_key, early.map(str::to_owned)];
    if tx.execute(READY, values).await? == 0 {
        return Ok(false);
    }
    for folder in [Some(attempt), early].into_iter().flatten() {
        tx.execute(CHOOSE_ATTEMPT, params![id, folder]).await?;
    }
    Ok(true)
}

/// Adds a folder within the asset's own whose blobs are deleted unless it is named soon.
pub(crate) async fn add_folder(tx: &mut Tx, id: &AssetId, folder: &str) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(ADD_ATTEMPT, params![id, folder, now]).await.map(drop)
}

/// Keeps a folder for good, in the write that names its blobs; `false` when it is being deleted.
pub(crate) async fn name_folder(tx: &mut Tx, id: &AssetId, folder: &str) -> Result<bool, Failure> {
    Ok(tx.execute(NAME_FOLDER, params![id, folder]).await? > 0)
}

/// Changes what a ready asset is made of.
pub(crate) async fn set_made(tx: &mut Tx, id: &AssetId, made: &Made) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(MADE, params![id, json(made)?, now]).await.map(drop)
}

/// Ends it badly, whoever's attempt it is when `attempt` is `None`.
pub(crate) async fn finish_failed(
    tx: &mut Tx,
    id: &AssetId,
    attempt: Option<&str>,
    failure: &FailureReason,
) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(FAILED, params![id, attempt.map(str::to_owned), now, json(failure)?]).await? > 0)
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::internal("writing an asset as JSON", e))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::internal("reading a stored asset", e))
}

/// A state or protection by its name on the wire.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, Failure> {
    serde_json::from_value(name.into()).map_err(|e| Failure::internal("reading a stored asset", e))
}

fn state_name(state: AssetState) -> Result<&'static str, Failure> {
    match state {
        AssetState::Processing => Ok("processing"),
        AssetState::Ready => Ok("ready"),
        AssetState::Failed => Ok("failed"),
        AssetState::Cancelled => Ok("cancelled"),
        AssetState::Unknown => Err(Failure::invalid("state", "state is processing, ready, failed or cancelled")),
    }
}

fn name(protection: &Protection) -> Result<String, Failure> {
    match protection {
        Protection::Cbcs => Ok("cbcs".into()),
        Protection::Clear => Ok("clear".into()),
        Protection::Unknown => Err(Failure::invalid("protection", "protection is cbcs or clear")),
    }
}

impl StoredAsset {
    /// Whether a worker has still to end it.
    pub(crate) fn is_processing(&self) -> bool {
        self.asset.state == AssetState::Processing
    }
}
