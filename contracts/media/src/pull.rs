//! Uploads that the platform fetches itself, from an address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{Timestamp, UploadId};

use crate::asset::FailureReason;

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatePull {
    /// Where the file is: an `http` or `https` address without a user in it, such as a presigned one of an object store; or
    /// `s3://BUCKET/KEY`, of a bucket that whoever runs the platform has given the tenant. It is forgotten once the file is
    /// fetched.
    #[schemars(length(max = 4096))]
    pub url: String,
}

/// Which pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetPull {
    /// The upload that it fills.
    pub upload_id: UploadId,
}

/// How far a pull is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// Waiting for its turn, or being fetched.
    Pulling,
    /// All of it is here: the upload can be submitted.
    Complete,
    /// It cannot be fetched; see failure.
    Failed,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// A file on its way here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pull {
    /// The upload that it fills, to be submitted once it is complete; or deleted, which ends the pull.
    pub upload_id: UploadId,
    /// How far it is.
    pub state: PullState,
    /// The host or bucket that it comes from. The rest of the address may hold a secret.
    pub host: String,
    /// How long the file is, in bytes, once its server has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_bytes: Option<u64>,
    /// Bytes that are here.
    pub received_bytes: u64,
    /// Why it failed: `address_refused`, `source_refused`, `source_changed`, `length_unknown`, `too_large`, `too_slow`,
    /// `upload_ended`, `quota_exceeded`, `unreachable`, `internal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReason>,
    /// When it was asked for, wall time.
    pub created_at: Timestamp,
}
