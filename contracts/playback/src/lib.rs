//! The playback contract: a press of play, from start to stop.
//!
//! One call brings together the catalog's facts, entitlement's decision and stream slot, delivery's route and DRM's
//! licence access. Heartbeats hold the slot and say how far the viewer is. Playback decides nothing itself.

pub mod conformance;
mod events;
mod numbers;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract, errors};
use tessera_contract_delivery::Source;
use tessera_contract_drm::LicenceServer;
use tessera_types::{PlaybackSessionId, ProfileId, Sensitive, Timestamp, TitleId};

use numbers::NUMBERS;

pub use events::{PlaybackEnded, PlaybackProgressed, PlaybackStarted, SessionState};

/// Play this title on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartPlayback {
    /// What.
    pub title_id: TitleId,
    /// A stable random name that the device keeps; starting again on the same device replaces its stream.
    pub device_id: String,
    /// A name of the device that its owner would recognise, such as `Firefox on Linux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<Sensitive<String>>,
    /// Who watches; the account's first profile when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<ProfileId>,
}

/// All that a player needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Playback {
    /// Names the session in heartbeats.
    pub session_id: PlaybackSessionId,
    /// What plays.
    pub title_id: TitleId,
    /// Who watches.
    pub profile_id: ProfileId,
    /// Manifests, in the order to try them.
    pub sources: Vec<Source>,
    /// Licence servers; absent for clear media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// Where the profile left off, in seconds; 0 to begin at the beginning.
    pub resume_position_seconds: u32,
    /// Beat after so many seconds.
    pub heartbeat_after_seconds: u32,
    /// The slot frees itself then unless a beat comes before, wall time.
    pub lease_expires_at: Timestamp,
}

/// How to get licences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Licence {
    /// Licence servers by key system.
    pub servers: Vec<LicenceServer>,
    /// Send it as `Authorization: Bearer …` with each licence request.
    pub token: Sensitive<String>,
}

/// The session goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Which session.
    pub session_id: PlaybackSessionId,
    /// How far the viewer is, in seconds.
    pub position_seconds: u32,
    /// Whether the player stands still at the viewer's wish.
    #[serde(default)]
    pub paused: bool,
}

/// The session may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Beat {
    /// Beat again after so many seconds.
    pub heartbeat_after_seconds: u32,
    /// The slot frees itself then unless a beat comes before, wall time.
    pub lease_expires_at: Timestamp,
}

/// The session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopPlayback {
    /// Which session.
    pub session_id: PlaybackSessionId,
    /// How far the viewer was, in seconds; the last beat's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_seconds: Option<u32>,
}

/// It is over. Stopping twice is fine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Which session.
    pub session_id: PlaybackSessionId,
    /// Where the next start resumes, in seconds.
    pub position_seconds: u32,
}

errors! {
    /// Why playback refused or failed. The codes of a refusal are entitlement's.
    pub enum PlaybackError {
        /// No such title, or it is not published.
        TitleNotFound = 404 "title_not_found",
        /// The title's media is not ready.
        AssetNotReady = 409 "asset_not_ready",
        /// No such profile of this account.
        ProfileNotFound = 404 "profile_not_found",
        /// No such session of this account, or it has ended.
        SessionNotFound = 404 "session_not_found",
        /// No grant opens the title: choose a plan or rent it.
        NotEntitled = 403 "not_entitled",
        /// What was bought has run out.
        GrantEnded = 403 "grant_ended",
        /// What was bought was revoked.
        GrantRevoked = 403 "grant_revoked",
        /// The title's window has not opened.
        NotYetAvailable = 403 "not_yet_available",
        /// The title's window has closed.
        NoLongerAvailable = 403 "no_longer_available",
        /// The title may not be watched where the viewer is.
        TerritoryBlocked = 403 "territory_blocked",
        /// The title is for older viewers than the profile allows.
        AgeLimit = 403 "age_limit",
        /// All streams are in use; the detail names the devices. Stop one, and try again.
        StreamLimitReached = 409 "stream_limit_reached",
        /// The session lost its slot: the same device started something else, or beats stayed away too long.
        LeaseLost = 409 "lease_lost",
    }
}

/// Starts, keeps and ends playback sessions.
#[contract(name = "playback", version = "1.0", events = [PlaybackStarted, PlaybackProgressed, PlaybackEnded], numbers = NUMBERS)]
pub trait PlaybackSessions: Send + Sync + 'static {
    /// Start playing a title.
    #[post("/v1/sessions", access = viewer, status = 201, idempotent, grpc)]
    async fn start(&self, cx: &Cx, request: StartPlayback) -> Result<Playback, PlaybackError>;

    /// Hold the stream slot and say how far the viewer is. Decides again: a rental that ran out ends here.
    #[post("/v1/sessions/{session_id}/heartbeat", access = viewer)]
    async fn heartbeat(&self, cx: &Cx, request: Heartbeat) -> Result<Beat, PlaybackError>;

    /// End the session and free its slot. Stopping twice is fine.
    #[post("/v1/sessions/{session_id}/stop", access = viewer)]
    async fn stop(&self, cx: &Cx, request: StopPlayback) -> Result<Stopped, PlaybackError>;
}
