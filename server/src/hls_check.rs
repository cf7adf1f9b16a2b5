//! `tessera hls check`: playlists against the standard.

use std::{fs::File, io::Read, time::Duration};

use tessera_hls::{Presentation, Report, Severity};
use tokio::runtime::Handle;

use crate::{
    error::CommandError,
    output::{say, tell},
};

/// Bytes of a playlist that are read: more than any that is checked.
const LONGEST: u64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints what is found; answers whether no rule is broken.
pub(crate) async fn run(playlist: &str) -> Result<bool, CommandError> {
    let playlist = playlist.to_owned();
    let checked = tokio::task::spawn_blocking(move || check(&playlist)).await;
    let reports = checked.map_err(|e| CommandError::caused("checking playlists", e))??;
    let errors = count(&reports, Severity::Error);
    for report in reports.iter().filter(|report| !report.findings.is_empty()) {
        tell(report.to_string().trim_end());
    }
    let (playlists, warnings) = (reports.len(), count(&reports, Severity::Warning));
    say(&format!("{playlists} playlists, {errors} rules of RFC 8216bis broken, {warnings} warnings"));
    Ok(errors == 0)
}

fn count(reports: &[Report], severity: Severity) -> usize {
    reports.iter().flat_map(|report| &report.findings).filter(|finding| finding.rule.severity == severity).count()
}

/// Waits for disk and network.
fn check(playlist: &str) -> Result<Vec<Report>, CommandError> {
    let http = tessera_contract::http_client();
    let text = |uri: &str| read(&http, uri).ok();
    // The first one has to be there, and it is said why when it is not.
    read(&http, playlist).map_err(|e| CommandError::caused(format!("reading {playlist}"), e))?;
    let size = |uri: &str| size(&http, uri);
    Ok(Presentation { playlist: &text, size: &size }.check(playlist))
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn is_address(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

fn read(http: &reqwest::Client, uri: &str) -> Result<String, AnyError> {
    let mut bytes = Vec::new();
    if is_address(uri) {
        Handle::current().block_on(async {
            let mut answer = http.get(uri).timeout(PATIENCE).send().await?.error_for_status()?;
            while let Some(piece) = answer.chunk().await? {
                bytes.extend_from_slice(&piece);
                if bytes.len() as u64 > LONGEST {
                    return Err("it is too long for a playlist".into());
                }
            }
            Ok::<_, AnyError>(())
        })?;
    } else {
        File::open(uri)?.take(LONGEST).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8(bytes)?)
}

fn size(http: &reqwest::Client, uri: &str) -> Option<u64> {
    match is_address(uri) {
        true => Handle::current().block_on(async {
            let answer = http.head(uri).timeout(PATIENCE).send().await.ok()?.error_for_status().ok()?;
            answer.headers().get("content-length")?.to_str().ok()?.parse().ok()
        }),
        false => std::fs::metadata(uri).ok().map(|metadata| metadata.len()),
    }
}
