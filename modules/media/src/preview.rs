//! The plan for a file of this machine, without making anything of it.

use std::{io, os::unix::fs::symlink, path::Path};

use serde::Serialize;
use tessera_contract::Failure;
use tessera_contract_media::FailureReason;
use tessera_types::TenantId;

use crate::{
    child::Sandbox,
    chunks::{Division, Undivided},
    config::MediaConfig,
    early::Order,
    encode::SOURCE,
    hardware,
    look::{self, Unknown, look},
    plan::Plan,
    probe::Source,
    scratch::Scratch,
};

/// What would be made of a file, in which order and in which parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// What would be made.
    #[serde(flatten)]
    pub plan: Plan,
    /// Ids of the tracks that are made first and can be played while the others are made; none where all are made at once.
    pub early: Vec<String>,
    /// The parts that the pictures of the others are encoded in.
    pub chunks: Parts,
}

/// The parts that pictures are encoded in, one by one or by several workers at the same time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parts {
    /// How many there are.
    pub count: usize,
    /// When each begins, in seconds.
    pub begin_seconds: Vec<f64>,
    /// Why there is one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undivided: Option<Undivided>,
}

impl Preview {
    /// For a source, by the settings that a worker would have.
    fn of(source: &Source, plan: Plan, config: &MediaConfig) -> Self {
        let order = Order::of(&plan, source.video.duration, config.early_from_seconds);
        let early = order.early.map_or_else(Vec::new, |early| early.track_ids());
        let Division { chunks, undivided } = Division::of(source, &order.rest, config.encode_chunk_seconds);
        let rate = source.video.rate.as_f64();
        let begin_seconds = chunks.iter().map(|chunk| chunk.first as f64 / rate).collect();
        Self { plan, early, chunks: Parts { count: chunks.len(), begin_seconds, undivided } }
    }
}

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

/// What would be made of `file` for a tenant, or for one that has no settings of its own. Like every source it is looked at by
/// ffprobe without rights, in a folder of its own below `scratch`; so it has to be readable to others. Waits for the disk: not
/// for a server.
///
/// # Errors
/// The file is refused, or cannot be looked at.
pub async fn plan(
    config: &MediaConfig,
    tenant: Option<&TenantId>,
    file: &Path,
    scratch: &Path,
) -> Result<Preview, PreviewError> {
    let io = |what| move |source| PreviewError::Io { what, source };
    let file = file.canonicalize().map_err(io("opening the file"))?;
    let head = look::head(&file).map_err(io("reading the file"))?;
    let name = format!("preview-{:016x}", rand::random::<u64>());
    let scratch = Scratch::make(scratch, &name).map_err(io("making a scratch folder"))?;
    symlink(&file, scratch.path().join(SOURCE)).map_err(io("linking to the file"))?;
    let sandbox = Sandbox::new(config.child_memory_bytes).map_err(io("preparing to start ffprobe"))?;
    match look(&sandbox, config, scratch.path(), head).await {
        Ok(source) => {
            let ladder = tenant.map_or_else(|| config.ladder.clone(), |tenant| config.ladder_of(tenant));
            let mut plan = Plan::of(&source, &ladder);
            if config.hardware_encoders {
                // A worker that finds none uses software as well.
                plan.accelerate(&hardware::find(&sandbox, config, scratch.path()).await.unwrap_or_default());
            }
            Ok(Preview::of(&source, plan, config))
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
