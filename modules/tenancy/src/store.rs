//! All SQL of the module.

use tessera_contract::Failure;
use tessera_contract_tenancy::PictureUse;
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{ExportId, TenantId, Timestamp};

use crate::{brand::Saying, picture::Picture};

const BRAND: &str = "select brand, updated_at, version from brands where tenant = $1";
const PUT_BRAND: &str = "insert into brands (tenant, brand, updated_at, version) values ($1, $2, $3, 1) \
    on conflict (tenant) do update set brand = excluded.brand, updated_at = excluded.updated_at, \
    version = brands.version + 1";
const PICTURES: &str =
    "select picture_use, media_type, width, height, digest from brand_pictures where tenant = $1 order by picture_use";
const PICTURE: &str = "select media_type, content from brand_pictures where tenant = $1 and digest = $2";
const PUT_PICTURE: &str = "insert into brand_pictures (tenant, picture_use, media_type, width, height, digest, content) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant, picture_use) do update set \
    media_type = excluded.media_type, width = excluded.width, height = excluded.height, digest = excluded.digest, \
    content = excluded.content";
const DELETE_PICTURE: &str = "delete from brand_pictures where tenant = $1 and picture_use = $2";
const ADD_EXPORT: &str = "insert into exports (tenant, export_id, created_at, expires_at) values ($1, $2, $3, $4)";
const EXPORT: &str = "select export_id, created_at, expires_at, row_count, byte_count from exports \
    where tenant = $1 and export_id = $2 and expires_at > $3";
const FINISH_EXPORT: &str = "update exports set row_count = $3, byte_count = $4 where tenant = $1 and export_id = $2";
const EXPIRED: &str = "select tenant, export_id from exports where expires_at <= $1 order by expires_at limit 100";
const FORGET_EXPORT: &str = "delete from exports where tenant = $1 and export_id = $2";

/// A brand as stored, its pictures apart.
pub(crate) struct Stored {
    pub(crate) saying: Saying,
    pub(crate) updated_at: Timestamp,
    pub(crate) version: i64,
}

type BrandRow = (String, i64, i64);

fn stored((brand, updated_at, version): BrandRow) -> Result<Stored, Failure> {
    let saying = serde_json::from_str(&brand).map_err(|e| Failure::internal("reading a stored brand", e))?;
    Ok(Stored { saying, updated_at: Timestamp::from_micros(updated_at), version })
}

/// The tenant's brand, if it has set one.
pub(crate) async fn brand(reader: &Reader) -> Result<Option<Stored>, Failure> {
    let row: Option<BrandRow> = reader.optional(BRAND, params![]).await?;
    row.map(stored).transpose()
}

/// As [`brand`], for a write that depends on it.
pub(crate) async fn brand_in(tx: &mut Tx) -> Result<Option<Stored>, Failure> {
    let row: Option<BrandRow> = tx.optional(BRAND, params![]).await?;
    row.map(stored).transpose()
}

/// Replaces the brand; its version counts up.
pub(crate) async fn put_brand(tx: &mut Tx, saying: &Saying) -> Result<(), Failure> {
    let text = serde_json::to_string(saying).map_err(|e| Failure::internal("writing a brand as JSON", e))?;
    let now = tx.now();
    tx.execute(PUT_BRAND, params![text, now]).await.map(drop)
}

/// What is known of a picture without its content.
#[derive(serde::Deserialize)]
pub(crate) struct PictureRow {
    pub(crate) picture_use: String,
    pub(crate) media_type: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) digest: String,
}

/// The tenant's pictures.
pub(crate) async fn pictures(reader: &Reader) -> Result<Vec<PictureRow>, Failure> {
    reader.all(PICTURES, params![]).await
}

/// Media type and content of the picture with this digest.
pub(crate) async fn picture(reader: &Reader, digest: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
    reader.optional(PICTURE, params![digest]).await
}

/// How a use of a picture is stored.
pub(crate) const fn name_of(purpose: PictureUse) -> &'static str {
    match purpose {
        PictureUse::Logo => "logo",
        PictureUse::Favicon => "favicon",
    }
}

/// Sets a picture, or takes it away.
pub(crate) async fn put_picture(tx: &mut Tx, purpose: PictureUse, picture: Option<&Picture>) -> Result<(), Failure> {
    let Some(picture) = picture else {
        return tx.execute(DELETE_PICTURE, params![name_of(purpose)]).await.map(drop);
    };
    let Picture { media_type, width, height, digest, content } = picture;
    let values = params![name_of(purpose), *media_type, *width, *height, digest, content.clone()];
    tx.execute(PUT_PICTURE, values).await.map(drop)
}

/// An export as stored.
#[derive(serde::Deserialize)]
pub(crate) struct ExportRow {
    pub(crate) export_id: ExportId,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) row_count: Option<i64>,
    pub(crate) byte_count: Option<i64>,
}

/// Remembers that an export was asked for.
pub(crate) async fn add_export(tx: &mut Tx, id: &ExportId, expires_at: Timestamp) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(ADD_EXPORT, params![id, now, expires_at]).await.map(drop)
}

/// The export, unless it has run out by `now`.
pub(crate) async fn export(reader: &Reader, id: &ExportId, now: Timestamp) -> Result<Option<ExportRow>, Failure> {
    reader.optional(EXPORT, params![id, now]).await
}

/// Says how large the finished export is.
pub(crate) async fn finish_export(tx: &mut Tx, id: &ExportId, rows: i64, bytes: i64) -> Result<(), Failure> {
    tx.execute(FINISH_EXPORT, params![id, rows, bytes]).await.map(drop)
}

/// Exports of all tenants that ran out, some at a time.
pub(crate) async fn expired(store: &Store) -> Result<Vec<(TenantId, ExportId)>, Failure> {
    let rows: Vec<(String, String)> = store.system().all(EXPIRED, params![store.now()]).await?;
    let read = |(tenant, id): (String, String)| Some((tenant.parse().ok()?, id.parse().ok()?));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Forgets an export.
pub(crate) async fn forget_export(tx: &mut Tx, id: &ExportId) -> Result<(), Failure> {
    tx.execute(FORGET_EXPORT, params![id]).await.map(drop)
}
