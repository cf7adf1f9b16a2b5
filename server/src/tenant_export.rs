//! `tessera tenant export`: all data of a tenant in one file, which is there when it is whole.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use tessera_contract::Cx;
use tessera_runtime::directory::Directory;
use tessera_tenancy::{Totals, export};
use tessera_types::{Clock, SystemClock, TenantId};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt,
};

use crate::{
    config::Root,
    error::CommandError,
    output::{say, tell},
    schema, tenant_data,
};

/// How long an export may take.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Writes the export and says what is in it.
pub(crate) async fn run(root: &Root, directory: &Directory, id: &TenantId, to: &Path) -> Result<(), CommandError> {
    if fs::try_exists(to).await.unwrap_or(true) {
        let taken = format!("{} is there already or cannot be looked at; name a new file", to.display());
        return Err(CommandError::new(taken));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = root.store.in_folder(&root.data);
    schema::refuse_older(&schema::check(&store, &root.data).await?)?;
    let tenant = directory.get(id).await.map_err(|e| CommandError::new(e.to_string()))?;
    let hosts = directory.hosts(id).await.map_err(|e| CommandError::caused("reading the tenant's hosts", e))?;
    let mut cx = Cx::service(id.clone(), "export", clock.as_ref());
    cx.deadline = tokio::time::Instant::now() + LONGEST;
    let (chunks, totals) = export(&cx, &tenant, &hosts, tenant_data::beside(&store, &clock).await?, clock);

    let part = beside(to);
    let written = write(&part, to, chunks).await;
    if written.is_err() {
        let _ = fs::remove_file(&part).await; // what failed is told already
    }
    written?;
    let Totals { rows, bytes } = *totals.lock().unwrap_or_else(PoisonError::into_inner);
    say(&format!("{rows} rows of {id}, {bytes} bytes. Its first line lists what is not in it, and why."));
    tell(&to.display().to_string());
    Ok(())
}

async fn write(
    part: &Path,
    to: &Path,
    chunks: impl futures::Stream<Item = Result<bytes::Bytes, tessera_contract::Failure>>,
) -> Result<(), CommandError> {
    let doing = |path: &Path| {
        let doing = format!("writing {}", path.display());
        move |error: std::io::Error| CommandError::caused(doing, error)
    };
    // People's data: for whoever wrote it alone.
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part).await.map_err(doing(part))?;
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| CommandError::caused("reading the tenant's data", e))?;
        file.write_all(&chunk).await.map_err(doing(part))?;
    }
    file.flush().await.map_err(doing(part))?;
    file.sync_all().await.map_err(doing(part))?;
    fs::rename(part, to).await.map_err(doing(to))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).await.map_err(doing(to))?;
    folder.sync_all().await.map_err(doing(to))
}

/// The name until it is whole.
fn beside(to: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".part");
    to.with_file_name(name)
}
