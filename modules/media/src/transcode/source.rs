//! The source: put together from its chunks, looked at, and refused when it cannot be used.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use futures::StreamExt;
use tessera_contract::{Failure, FailureKind};
use tokio::{fs::File, io::AsyncWriteExt};

use super::{Trouble, attempt::Attempt, off_the_workers};
use crate::{
    encode::SOURCE,
    look::{self, look},
    probe::Source,
    scratch::Scratch,
    store,
    uploads::blob_key,
};

const DOING: &str = "putting the upload together on the scratch disk";

/// Writes the upload into the scratch folder.
pub(super) async fn assemble(attempt: &Attempt<'_>, scratch: &Scratch) -> Result<(), Trouble> {
    let blobs = attempt.worker.blobs.tenant(&attempt.job.tenant);
    let path = scratch.path().join(SOURCE);
    let mut file = File::create_new(&path).await.map_err(Trouble::disk(DOING))?;
    let mut at = 0;
    loop {
        let reader = attempt.worker.store.tenant(&attempt.job.cx());
        let chunks = store::chunks(&reader, &attempt.asset.upload_id, at).await?;
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
pub(super) async fn probe(attempt: &Attempt<'_>, scratch: &Scratch) -> Result<Source, Trouble> {
    let path = scratch.path().join(SOURCE);
    let head = off_the_workers("reading an upload", move || look::head(&path).map_err(Trouble::disk(DOING))).await?;
    Ok(look(&attempt.sandbox, &attempt.worker.config, scratch.path(), head).await?)
}
