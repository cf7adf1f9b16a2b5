//! The built-in media module: from a video file to track files that can be packaged.
//!
//! It owns uploads (tus 1.0), transcoding jobs, and assets: the stored copy, encrypted at rest under a key of its own,
//! with its index. It refuses to know titles, viewers, plans and content keys. FFmpeg does the coding, as a child
//! process without rights; every file is taken as hostile.

mod at_rest;
mod child;
mod chunks;
mod colour;
mod config;
mod content;
mod early;
mod encode;
mod encoder;
#[cfg(test)]
mod fixture;
mod frame_rate;
mod hardware;
mod http;
mod inventory;
mod ladder;
mod language;
mod light;
mod lines;
mod look;
mod loudness;
mod picture;
mod plan;
mod preview;
mod probe;
mod progress;
mod pulls;
mod refusal;
mod rewrap;
mod scratch;
mod service;
mod side_car;
mod sniff;
mod steering;
mod stitch;
mod store;
mod subtitles;
mod sweep;
mod tenant_tables;
mod thumbnails;
mod transcode;
mod transport;
mod tus;
mod uploads;
mod weigh;

use std::{path::PathBuf, sync::Arc};

use tessera_runtime::{blobs::Blobs, secrets::KeyRing};
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;
use tokio_util::sync::CancellationToken;

pub use chunks::Undivided;
pub use colour::DynamicRange;
pub use config::{
    BucketConfig, Buckets, LadderChange, LadderConfig, Loudness, MediaConfig, Preset, RungConfig, TenantConfig,
    VideoCodec,
};
pub use inventory::{DamagedBlob, Inventory, take_inventory};
pub use plan::{AudioTrack, Plan, VideoTrack};
pub use preview::{Parts, Preview, PreviewError, plan};
pub use service::MediaService;
pub use store::{BLOB_FOLDERS, SEALED_UNDER};
pub use subtitles::SubtitleTrack;
pub use tenant_tables::TABLES;

use child::Sandbox;
use hardware::Encoders;
use pulls::{Fetcher, Puller};
use transcode::Worker;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module =
    tessera_store::module!("media", ["0001_media", "0002_steering", "0003_chunks", "0004_pulls", "0005_early"]);

/// What the module is handed.
pub struct MediaDeps {
    /// Wall time: uploads expire by it.
    pub clock: Arc<dyn Clock>,
    /// Where chunks, track files and posters are kept.
    pub blobs: Blobs,
    /// Encrypts assets' keys at rest. A key that is lost takes the assets under it along.
    pub master_keys: KeyRing,
    /// A folder of this process's own on a disk with room for a source and its renditions. What is in it is deleted
    /// when work begins.
    pub scratch: PathBuf,
}

/// Opens the module: implements `Media`.
///
/// # Errors
/// The store does not open.
pub async fn open(config: MediaConfig, store: &StoreConfig, deps: MediaDeps) -> Result<Arc<MediaService>, OpenError> {
    for outcome in ["ready", "failed", "cancelled"] {
        // From zero, so that the first one is seen as a rise.
        metrics::counter!("tessera_media_assets_total", "outcome" => outcome).increment(0);
    }
    let store = Store::open(store, &MODULE, deps.clock.clone()).await?;
    Ok(Arc::new(MediaService::new(config, store, deps)))
}

impl MediaService {
    /// Works on transcoding jobs and pulls until `shutdown`. Running ones are then given up, and begin again later.
    ///
    /// # Errors
    /// The thread that starts children cannot be started.
    pub async fn work(self: Arc<Self>, shutdown: CancellationToken) -> std::io::Result<()> {
        let sandbox = Sandbox::new(self.config.child_memory_bytes)?;
        let encoders = self.encoders(&sandbox).await;
        let worker = Worker {
            config: self.config.clone(),
            store: self.store.clone(),
            blobs: self.blobs.clone(),
            master_keys: self.master_keys.clone(),
            scratch: self.scratch.clone(),
            sandbox,
            encoders,
            running: self.running.clone(),
            copies: Default::default(),
        };
        let puller = Puller {
            config: self.config.clone(),
            store: self.store.clone(),
            uploads: self.uploads.clone(),
            fetcher: Fetcher::new(&self.config.pull_networks),
        };
        tokio::join!(Arc::new(worker).work(shutdown.clone()), Arc::new(puller).work(shutdown));
        Ok(())
    }

    /// The graphics card's, where they may be used and there are any.
    async fn encoders(&self, sandbox: &Sandbox) -> Encoders {
        if !self.config.hardware_encoders {
            return Encoders::default();
        }
        match hardware::find(sandbox, &self.config, &self.scratch).await {
            Ok(found) => {
                tracing::info!(?found, "encoders of graphics cards were looked for");
                found
            }
            Err(error) => {
                tracing::warn!(%error, "encoders of graphics cards cannot be looked for; software encodes");
                Encoders::default()
            }
        }
    }

    /// Sweeps now and then until `shutdown`.
    pub async fn sweep_until(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            if let Err(failure) = self.sweep().await {
                tracing::warn!(%failure, "sweeping uploads and blobs; the next round tries again");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.config.sweep) => {}
            }
        }
    }

    /// One round: ends expired uploads, deletes chunks and blobs that nothing names any more.
    ///
    /// # Errors
    /// Store or blobs cannot be reached; what is left is for the next round.
    pub async fn sweep(&self) -> Result<(), tessera_contract::Failure> {
        sweep::sweep(&self.store, &self.blobs).await
    }
}
