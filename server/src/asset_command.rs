//! `tessera media jobs|cancel|retry|priority|log`: the work of a running server on its assets, over the public API.

use tessera_contract_media::{
    Asset, AssetState, CancelAsset, CreatePull, GetAssetLog, GetPull, ListAssets, Media, MediaError, PrioritizeAsset,
    PullState, RetryAsset,
};
use tessera_types::AssetId;

use crate::{
    cli::At,
    client::Site,
    error::CommandError,
    ingest::{POLL, WAITING, pace, refused},
    output::{say, tell},
    progress::Progress,
};

/// Assets asked for at a time.
const PAGE: u32 = 100;

/// Lists assets, those in the making or all.
pub(crate) async fn jobs(at: &At, all: bool, json: bool) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    let media = site.contract::<dyn Media>();
    let state = (!all).then_some(AssetState::Processing);
    let (mut cursor, mut listed) = (None, 0);
    loop {
        let request = ListAssets { limit: Some(PAGE), cursor, state };
        let page = media.list_assets(&site.cx(), request).await.map_err(|e| refused("listing assets", &e))?;
        listed += page.data.len();
        for asset in &page.data {
            match json {
                true => tell(&serde_json::to_string(asset).map_err(|e| CommandError::caused("writing JSON", e))?),
                false => tell(&line(asset)),
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if listed == 0 && !json {
        say(if all { "There are no assets." } else { "Nothing is in the making." });
    }
    Ok(())
}

/// Has a file fetched, and prints the upload that it fills once all of it is there.
pub(crate) async fn pull(at: &At, url: String) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    let media = site.contract::<dyn Media>();
    let pull = media.create_pull(&site.intent(), CreatePull { url }).await;
    let mut pull = pull.map_err(|e| refused("asking for the file", &e))?;
    let mut progress = Progress::begin(&pull.host);
    while pull.state == PullState::Pulling {
        let length = pull.length_bytes.unwrap_or_default().max(1);
        progress.at(u8::try_from(pull.received_bytes.saturating_mul(100) / length).unwrap_or(100), "fetching");
        tokio::time::sleep(POLL).await;
        let request = GetPull { upload_id: pull.upload_id.clone() };
        pull = media.get_pull(&site.cx(), request).await.map_err(|e| refused("asking after the file", &e))?;
    }
    if pull.state == PullState::Complete {
        progress.done(&format!("fetched {} bytes", pull.received_bytes));
        tell(pull.upload_id.as_str());
        return Ok(());
    }
    progress.failed();
    let why = pull.failure.map(|failure| format!(" ({}): {}", failure.code, failure.message));
    Err(CommandError::new(format!("the file cannot be fetched{}", why.unwrap_or_default())))
}

/// Stops the work on an asset.
pub(crate) async fn cancel(at: &At, asset_id: AssetId) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    shown(site.contract::<dyn Media>().cancel_asset(&site.cx(), CancelAsset { asset_id }).await, "cancelling the asset")
}

/// Makes an asset anew.
pub(crate) async fn retry(at: &At, asset_id: AssetId) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    shown(site.contract::<dyn Media>().retry_asset(&site.cx(), RetryAsset { asset_id }).await, "retrying the asset")
}

/// Moves an asset in the queue.
pub(crate) async fn prioritize(at: &At, asset_id: AssetId, priority: i8) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    let request = PrioritizeAsset { asset_id, priority };
    shown(site.contract::<dyn Media>().prioritize_asset(&site.cx(), request).await, "setting the asset's priority")
}

/// Prints what was done to make an asset.
pub(crate) async fn log(at: &At, asset_id: AssetId) -> Result<(), CommandError> {
    let site = Site::at(at)?;
    let log = site.contract::<dyn Media>().get_asset_log(&site.cx(), GetAssetLog { asset_id }).await;
    for line in log.map_err(|e| refused("reading the asset's log", &e))?.lines {
        tell(&format!("{} {}", line.at, line.message));
    }
    Ok(())
}

fn shown(answer: Result<Asset, MediaError>, doing: &str) -> Result<(), CommandError> {
    tell(&line(&answer.map_err(|e| refused(doing, &e))?));
    Ok(())
}

/// An asset as people read it.
fn line(asset: &Asset) -> String {
    let id = &asset.asset_id;
    let cost = asset.work.as_ref().map_or(0.0, |work| work.processor_seconds);
    let state = match asset.state {
        AssetState::Processing => {
            let stage = asset.stage.as_deref().unwrap_or(WAITING);
            let pace = asset.work.as_ref().and_then(pace).map(|pace| format!(", {pace}")).unwrap_or_default();
            format!("{:>3} % {stage}{pace}", asset.progress_percent)
        }
        AssetState::Ready => format!("ready, {:.1} s of film", asset.duration_seconds.unwrap_or_default()),
        AssetState::Failed => {
            let why = asset.failure.as_ref().map_or("", |failure| failure.message.as_str());
            format!("failed: {why}")
        }
        AssetState::Cancelled => "cancelled".into(),
        AssetState::Unknown => "in a state that this version does not know".into(),
    };
    let priority = if asset.priority == 0 { String::new() } else { format!(", priority {}", asset.priority) };
    format!("{id}  {state}{priority}, {cost:.1} s of processor time")
}
