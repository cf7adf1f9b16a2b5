//! The source: put together from its chunks, looked at, and refused when it cannot be used.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use futures::StreamExt;
use tessera_contract::{Failure, FailureKind};
use tessera_store::Job;
use tessera_types::UploadId;
use tokio::{fs::File, io::AsyncWriteExt};

use super::{Trouble, Worker, off_the_workers};
use crate::{
    child::Sandbox,
    encode::SOURCE,
    look::{self, look},
    probe::Source,
    scratch::Scratch,
    store,
    uploads::blob_key,
};

const DOING: &str = "putting the upload together on the scratch disk";

/// Writes the upload into the scratch folder.
pub(super) async fn assemble(worker: &Worker, job: &Job, upload: &UploadId, scratch: &Scratch) -> Result<(), Trouble> {
    let blobs = worker.blobs.tenant(&job.tenant);
    let path = scratch.path().join(SOURCE);
    let mut file = File::create_new(&path).await.map_err(Trouble::disk(DOING))?;
    let mut at = 0;
    loop {
        let chunks = store::chunks(&worker.store.tenant(&job.cx()), upload, at).await?;
        if chunks.is_empty() {
            break;
        }
        for chunk in chunks {
            let (size, mut pieces) = blobs.get_stream(&blob_key(&chunk.blob)?).await?;
            if chunk.first_byte != at || size != chunk.size.unsigned_abs() {
                return Err(damaged(&chunk.blob).into());
            }
            while let Some(piece) = pieces.next().await {
                file.write_all(&piece?).await.map_err(Trouble::disk(DOING))?;
            }
            at += chunk.size;
        }
    }
    file.flush().await.map_err(Trouble::disk(DOING))?;
    let readable = Permissions::from_mode(0o444);
    tokio::fs::set_permissions(&path, readable).await.map_err(Trouble::disk(DOING))
}

fn damaged(blob: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("the chunk {blob} is not what was stored"))
}

/// What the source is, or why it is refused.
pub(super) async fn probe(worker: &Worker, sandbox: &Sandbox, scratch: &Scratch) -> Result<Source, Trouble> {
    let path = scratch.path().join(SOURCE);
    let head = off_the_workers("reading an upload", move || look::head(&path).map_err(Trouble::disk(DOING))).await?;
    Ok(look(sandbox, &worker.config, scratch.path(), head).await?)
}
