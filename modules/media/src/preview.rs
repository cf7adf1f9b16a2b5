//! The plan for a file of this machine, without making anything of it.

use std::{io, os::unix::fs::symlink, path::Path};

use tessera_contract::Failure;
use tessera_contract_media::FailureReason;
use tessera_types::TenantId;

use crate::{
    child::Sandbox,
    config::MediaConfig,
    encode::SOURCE,
    look::{self, Unknown, look},
    plan::Plan,
    scratch::Scratch,
};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The file cannot be made into an asset.
    #[error("{}", .0.message)]
    Refused(FailureReason),
    /// The file cannot be opened, or no scratch folder be made.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// ffprobe cannot be run.
    #[error("{0}")]
    Ours(Failure),
}

/// What would be made of `file` for a tenant, or for one that has no settings of its own. Like every source it is looked at by ffprobe without rights, in a folder of its own below
/// `scratch`; so it has to be readable to others. Waits for the disk: not for a server.
///
/// # Errors
/// The file is refused, or cannot be looked at.
pub async fn plan(
    config: &MediaConfig,
    tenant: Option<&TenantId>,
    file: &Path,
    scratch: &Path,
) -> Result<Plan, PreviewError> {
    let io = |what| move |source| PreviewError::Io { what, source };
    let file = file.canonicalize().map_err(io("opening the file"))?;
    let head = look::head(&file).map_err(io("reading the file"))?;
    let name = format!("preview-{:016x}", rand::random::<u64>());
    let scratch = Scratch::make(scratch, &name).map_err(io("making a scratch folder"))?;
    symlink(&file, scratch.path().join(SOURCE)).map_err(io("linking to the file"))?;
    let sandbox = Sandbox::new(config.child_memory_bytes).map_err(io("preparing to start ffprobe"))?;
    match look(&sandbox, config, scratch.path(), head).await {
        Ok(source) => {
            Ok(Plan::of(&source, &tenant.map_or_else(|| config.ladder.clone(), |tenant| config.ladder_of(tenant))))
        }
        Err(Unknown::Refused(reason)) if reason.message.contains("Permission denied") => {
            let source = io::Error::new(
                io::ErrorKind::PermissionDenied,
                "ffprobe runs without rights: make the file readable to others (chmod o+r), and its folders passable (chmod o+x)",
            );
            Err(PreviewError::Io { what: "reading the file with ffprobe", source })
        }
        Err(Unknown::Refused(reason)) => Err(PreviewError::Refused(reason)),
        Err(Unknown::Ours(failure)) => Err(PreviewError::Ours(failure)),
    }
}
