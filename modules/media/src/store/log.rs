//! What was done to make an asset, line by line.

use tessera_contract::Failure;
use tessera_contract_media::LogLine;
use tessera_store::{Reader, Tx, params};
use tessera_types::{AssetId, Timestamp};

/// Lines of an asset that are kept: the latest.
const KEPT: i64 = 1000;

const ADD: &str = "insert into asset_log (tenant, asset_id, line, at, message) \
    select $1, $2, coalesce(max(line), 0) + 1, $3, $4 from asset_log where tenant = $1 and asset_id = $2";
const TRIM: &str = "delete from asset_log where tenant = $1 and asset_id = $2 and line <= \
    (select max(line) - $3 from asset_log where tenant = $1 and asset_id = $2)";
const LINES: &str = "select at, message from asset_log where tenant = $1 and asset_id = $2 order by line";

/// Adds lines, and forgets the oldest of too many.
pub(crate) async fn log(tx: &mut Tx, id: &AssetId, lines: &[String]) -> Result<(), Failure> {
    let now = tx.now();
    for line in lines {
        tx.execute(ADD, params![id, now, line]).await?;
    }
    match lines.is_empty() {
        true => Ok(()),
        false => tx.execute(TRIM, params![id, KEPT]).await.map(drop),
    }
}

/// The lines that are kept, oldest first.
pub(crate) async fn log_lines(reader: &Reader, id: &AssetId) -> Result<Vec<LogLine>, Failure> {
    let rows: Vec<(i64, String)> = reader.all(LINES, params![id]).await?;
    Ok(rows.into_iter().map(|(at, message)| LogLine { at: Timestamp::from_micros(at), message }).collect())
}
