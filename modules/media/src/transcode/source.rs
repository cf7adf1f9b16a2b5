//! The source: put together from its chunks, looked at, and refused when it cannot be used.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, time::Duration};

use futures::StreamExt;
use tessera_contract::{Failure, FailureKind};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::{Trouble, attempt::Attempt};
use crate::{
    child::{ChildError, Limits, Overflow},
    encode::{self, SOURCE},
    probe::{self, Source},
    refusal::{Refusal, TAKEN},
    scratch::Scratch,
    sniff::{Container, SNIFFED, sniff},
    store,
    uploads::blob_key,
};

/// Bytes of ffprobe's report at most.
const REPORT_MAX: usize = 4 << 20;
const PROBE_TIME: Duration = Duration::from_secs(60);
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
    let mut head = Vec::new();
    let file = File::open(scratch.path().join(SOURCE)).await.map_err(Trouble::disk(DOING))?;
    let bytes = file.metadata().await.map_err(Trouble::disk(DOING))?.len();
    file.take(SNIFFED as u64).read_to_end(&mut head).await.map_err(Trouble::disk(DOING))?;
    let container = sniff(&head)?;
    let config = &attempt.worker.config;
    let limits = Limits { wall: PROBE_TIME, cpu: PROBE_TIME, silence: PROBE_TIME, ..attempt.limits(0.0, 0, 1) };
    let mut report = Vec::new();
    let on_output = |bytes: &[u8]| match report.len() + bytes.len() <= REPORT_MAX {
        true => {
            report.extend_from_slice(bytes);
            Ok(())
        }
        false => Err(Overflow),
    };
    let arguments = encode::probe(container);
    let probing = attempt.worker.sandbox.run(&config.ffprobe, arguments, scratch.path(), &limits, on_output);
    probing.await.map_err(|error| unreadable(container, error))?;
    Ok(probe::source(container, &report, config.max_duration, bytes)?)
}

fn unreadable(container: Container, error: ChildError) -> Trouble {
    match error {
        ChildError::NotStarted { .. } | ChildError::Lost { .. } => {
            Trouble::Ours(Failure::unavailable(&error.to_string(), error))
        }
        ChildError::Failed { complaint, .. } => {
            if let Some(codec) = not_taken(&complaint) {
                let found = format!("something in the file is coded with {codec}; {TAKEN}, and the usual sound");
                return Refusal::UnsupportedCodec.because(found).into();
            }
            if complaint.contains("max pixel count") {
                let most = encode::PIXELS_MAX;
                let found = format!("the film's picture is larger than {most} pixels: make it smaller, 8K at most");
                return Refusal::TooLarge.because(found).into();
            }
            let name = container.name();
            let found = format!("the file begins like {name} and is cut short or damaged ({complaint}); {TAKEN}");
            Refusal::Truncated.because(found).into()
        }
        ChildError::TooSlow { .. }
        | ChildError::Silent { .. }
        | ChildError::TooMuch { .. }
        | ChildError::WroteTooMuch { .. }
        | ChildError::Stopped { .. } => {
            Refusal::NotAVideo.because(format!("the file takes more than a film may to be looked at: {error}")).into()
        }
    }
}

/// The codec that is on none of our lists, when that is what stopped ffprobe.
fn not_taken(complaint: &str) -> Option<&str> {
    let (before, _) = complaint.split_once(") not on whitelist")?;
    before.rsplit_once("Codec (").map(|(_, codec)| codec)
}
