//! From a file to a published title: upload, transcode, title, publish, over the public API.

use std::{io::SeekFrom, path::Path, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{StatusCode, header};
use serde_json::Value;
use tessera_contract::ContractError;
use tessera_contract_catalog::{CatalogManagement, CreateTitle, ManagedTitle, PublishTitle, TitleDraft, WithdrawTitle};
use tessera_contract_media::{Asset, AssetState, CreateAsset, GetAsset, Media, Protection, Work};
use tessera_types::{AssetId, UploadId};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use crate::{client::Site, error::CommandError, progress::Progress};

/// Bytes sent in one PATCH.
const CHUNK: u64 = 4 * 1024 * 1024;
/// How often a broken connection is resumed before giving up.
const RESUMPTIONS: u32 = 5;
pub(crate) const POLL: Duration = Duration::from_millis(250);
/// What an asset does that nobody works on yet.
pub(crate) const WAITING: &str = "waiting for a worker";

/// What to make of a file.
pub(crate) struct Film<'a> {
    pub(crate) file: &'a Path,
    /// What the title will say; its asset is filled in.
    pub(crate) draft: TitleDraft,
    pub(crate) protection: Protection,
    /// Whether viewers see it at the end.
    pub(crate) publish: bool,
    /// What to call it in the progress bar.
    pub(crate) name: &'a str,
}

/// Uploads, creates the title and publishes it as soon as the asset can be played, and waits until that is ready.
pub(crate) async fn ingest(site: &Site, film: Film<'_>) -> Result<ManagedTitle, CommandError> {
    let mut progress = Progress::begin(film.name);
    let outcome = run(site, film, &mut progress).await;
    match &outcome {
        Ok(title) => progress.done(&format!("{:?} as {}", title.state, title.title_id).to_lowercase()),
        Err(_) => progress.failed(),
    }
    outcome
}

async fn run(site: &Site, film: Film<'_>, progress: &mut Progress) -> Result<ManagedTitle, CommandError> {
    let upload_id = upload(site, film.file, progress).await?;
    let media = site.contract::<dyn Media>();
    let create = CreateAsset { upload_id, protection: film.protection, priority: None };
    let asset = media.create_asset(&site.intent(), create).await;
    let mut asset = asset.map_err(|e| refused("submitting the upload", &e))?;
    let mut early = None;
    loop {
        match (asset.state, early.take()) {
            (AssetState::Ready, Some(title)) => return Ok(title),
            (AssetState::Ready, None) => return entitle(site, &film, &asset.asset_id).await,
            (AssetState::Failed | AssetState::Cancelled, title) => {
                let left = match title {
                    Some(title) => withdraw(site, title).await,
                    None => String::new(),
                };
                return Err(CommandError::new(format!("{}{left}", end(&asset))));
            }
            (AssetState::Processing | AssetState::Unknown, None) if asset.playable && film.publish => {
                let title = entitle(site, &film, &asset.asset_id).await?;
                progress.note(&format!("it can be watched already, at {}/titles/{}", site.url, title.title_id));
                early = Some(title);
            }
            (AssetState::Processing | AssetState::Unknown, title) => early = title,
        }
        // The upload is the first tenth of the way.
        let percent = 10 + u16::from(asset.progress_percent) * 89 / 100;
        progress.at(u8::try_from(percent).unwrap_or(99), asset.stage.as_deref().unwrap_or(WAITING));
        progress.pace(asset.work.as_ref().and_then(pace));
        tokio::time::sleep(POLL).await;
        let request = GetAsset { asset_id: asset.asset_id.clone() };
        asset = media.get_asset(&site.cx(), request).await.map_err(|e| refused("asking after the asset", &e))?;
    }
}

/// The title of an asset that can be played.
async fn entitle(site: &Site, film: &Film<'_>, asset: &AssetId) -> Result<ManagedTitle, CommandError> {
    let catalog = site.contract::<dyn CatalogManagement>();
    let title = TitleDraft { asset_id: Some(asset.clone()), ..film.draft.clone() };
    let created = catalog.create_title(&site.intent(), CreateTitle { title }).await;
    let created = created.map_err(|e| refused("creating the title", &e))?;
    if !film.publish {
        return Ok(created);
    }
    let publish = PublishTitle { title_id: created.title_id, expected_version: None };
    catalog.publish_title(&site.cx(), publish).await.map_err(|e| refused("publishing the title", &e))
}

/// Takes a title from the viewers whose film has come to nothing; what is said of that.
async fn withdraw(site: &Site, title: ManagedTitle) -> String {
    let (id, catalog) = (title.title_id, site.contract::<dyn CatalogManagement>());
    let request = WithdrawTitle { title_id: id.clone(), expected_version: None };
    match catalog.withdraw_title(&site.cx(), request).await {
        Ok(_) => format!(" ({id}, which could be watched already, is withdrawn)"),
        Err(error) => format!(" ({id}, which could be watched already, could not be withdrawn: {error})"),
    }
}

/// `1.8× real time, 0:42 left`, once it is measured.
pub(crate) fn pace(work: &Work) -> Option<String> {
    let (speed, left) = (work.speed?, work.seconds_left?);
    Some(format!("{speed:.1}× real time, {} left", clock(left)))
}

/// `0:42` and `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Why an asset has not become ready.
fn end(asset: &Asset) -> String {
    let id = &asset.asset_id;
    match &asset.failure {
        _ if asset.state == AssetState::Cancelled => {
            format!("{id} was cancelled; `tessera media retry {id}` makes it anew")
        }
        Some(reason) => format!("the file cannot be made into an asset ({}): {}", reason.code, reason.message),
        None => format!("the file cannot be made into an asset; see {id}"),
    }
}

pub(crate) fn refused(doing: &str, error: &impl ContractError) -> CommandError {
    CommandError::new(format!("{doing}: {error} ({})", error.code()))
}

/// Uploads by tus 1.0: creates, sends chunks, and after a broken connection asks how much arrived and goes on.
async fn upload(site: &Site, path: &Path, progress: &mut Progress) -> Result<UploadId, CommandError> {
    let doing = || format!("reading {}", path.display());
    let mut file = File::open(path).await.map_err(|e| CommandError::caused(doing(), e))?;
    let metadata = file.metadata().await.map_err(|e| CommandError::caused(doing(), e))?;
    if !metadata.is_file() {
        return Err(CommandError::new(format!("{} is not a file", path.display())));
    }
    let length = metadata.len();
    let location = create(site, path, length).await?;
    let (mut offset, mut resumptions) = (0, 0);
    while offset < length {
        progress.at(u8::try_from(offset * 10 / length).unwrap_or(10), "uploading");
        match send_chunk(site, &location, &mut file, offset).await {
            Ok(next) => (offset, resumptions) = (next, 0),
            Err(error) if resumptions >= RESUMPTIONS => return Err(error),
            Err(_) => {
                resumptions += 1;
                tokio::time::sleep(POLL * resumptions).await;
                offset = received(site, &location).await.unwrap_or(offset);
            }
        }
    }
    let id = location.rsplit('/').next().unwrap_or_default();
    id.parse().map_err(|e| CommandError::caused("reading the upload's address", e))
}

fn tus(site: &Site, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request.bearer_auth(&site.key).header("tus-resumable", "1.0.0").timeout(Duration::from_secs(120))
}

async fn create(site: &Site, path: &Path, length: u64) -> Result<String, CommandError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = format!("filename {}", BASE64_STANDARD.encode(name.as_bytes()));
    let request = site.http.post(format!("{}/media/v1/uploads", site.url));
    let request = tus(site, request).header("upload-length", length).header("upload-metadata", metadata);
    let response = request.send().await.map_err(|e| CommandError::caused(format!("reaching {}", site.url), e))?;
    if response.status() != StatusCode::CREATED {
        return Err(problem("beginning the upload", response).await);
    }
    let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let base = reqwest::Url::parse(&site.url).map_err(|e| CommandError::caused("reading the address", e))?;
    base.join(location).map(String::from).map_err(|e| CommandError::caused("reading the upload's address", e))
}

async fn send_chunk(site: &Site, location: &str, file: &mut File, offset: u64) -> Result<u64, CommandError> {
    let mut chunk = Vec::new();
    file.seek(SeekFrom::Start(offset)).await.map_err(|e| CommandError::caused("reading the file", e))?;
    file.take(CHUNK).read_to_end(&mut chunk).await.map_err(|e| CommandError::caused("reading the file", e))?;
    let request = tus(site, site.http.patch(location)).header("upload-offset", offset);
    let request = request.header(header::CONTENT_TYPE, "application/offset+octet-stream").body(chunk);
    let response = request.send().await.map_err(|e| CommandError::caused("sending a part of the file", e))?;
    match response.status() {
        StatusCode::NO_CONTENT => upload_offset(&response),
        _ => Err(problem("sending a part of the file", response).await),
    }
}

async fn received(site: &Site, location: &str) -> Result<u64, CommandError> {
    let response = tus(site, site.http.head(location)).send().await;
    upload_offset(&response.map_err(|e| CommandError::caused("asking how much has arrived", e))?)
}

fn upload_offset(response: &reqwest::Response) -> Result<u64, CommandError> {
    let offset = response.headers().get("upload-offset").and_then(|v| v.to_str().ok()?.parse().ok());
    offset.ok_or_else(|| CommandError::new("the answer has no Upload-Offset"))
}

async fn problem(doing: &str, response: reqwest::Response) -> CommandError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    match body["detail"].as_str() {
        Some(detail) => CommandError::new(format!("{doing}: {detail} ({})", body["code"].as_str().unwrap_or("?"))),
        None => CommandError::new(format!("{doing}: the server answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_told_once_it_is_measured() {
        let work = |speed, seconds_left| Work { speed, seconds_left, processor_seconds: 1.0 };
        assert_eq!(pace(&work(Some(1.75), Some(42))).as_deref(), Some("1.8× real time, 0:42 left"));
        assert_eq!(pace(&work(Some(0.5), Some(3723))).as_deref(), Some("0.5× real time, 1:02:03 left"));
        assert_eq!(pace(&work(None, None)), None);
    }
}
