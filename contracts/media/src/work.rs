//! The work on an asset: how fast it goes, what it has cost, what was done, and how a person steers it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{AssetId, Timestamp};

use crate::asset::Asset;

/// The work on an asset so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// Seconds of film that are encoded in a second, into all renditions: 1.0 is real time. Once it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Seconds until everything is encoded, as it looks now; storing comes after that. While it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// Processor time used, in seconds: all attempts, all cores together.
    pub processor_seconds: f64,
}

/// Which asset to stop working on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAsset {
    /// Its id.
    pub asset_id: AssetId,
}

/// Which asset to make anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetryAsset {
    /// Its id.
    pub asset_id: AssetId,
}

/// When an asset's turn comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrioritizeAsset {
    /// Its id.
    pub asset_id: AssetId,
    /// -100 to 100: of the tenant's assets that wait, the highest goes first.
    #[schemars(range(min = -100, max = 100))]
    pub priority: i8,
}

/// Which asset's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetAssetLog {
    /// Its id.
    pub asset_id: AssetId,
}

/// What was done to make an asset, all attempts. Only the latest lines are kept, some hundred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssetLog {
    /// The asset.
    pub asset_id: AssetId,
    /// Oldest first.
    pub lines: Vec<LogLine>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When it was written, wall time.
    pub at: Timestamp,
    /// For a person to read: what was run, what it complained about, how it ended. No keys, no paths of the machine.
    pub message: String,
}

/// The work on an asset got further: told when a stage begins, and at each tenth of the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetProgressed {
    /// Its full state.
    pub asset: Asset,
}

impl Event for AssetProgressed {
    const TYPE: &'static str = "tessera.media.asset.progressed.v1";
    fn subject(&self) -> String {
        self.asset.asset_id.to_string()
    }
    fn version(&self) -> i64 {
        self.asset.version
    }
}

/// Somebody stopped the work on an asset. It may be retried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetCancelled {
    /// Its full state.
    pub asset: Asset,
}

impl Event for AssetCancelled {
    const TYPE: &'static str = "tessera.media.asset.cancelled.v1";
    fn subject(&self) -> String {
        self.asset.asset_id.to_string()
    }
    fn version(&self) -> i64 {
        self.asset.version
    }
}
