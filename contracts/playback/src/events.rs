//! What playback tells the rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{AccountId, PlaybackSessionId, ProfileId, Timestamp, TitleId};

/// A session's full state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionState {
    /// The session.
    pub session_id: PlaybackSessionId,
    /// Whose.
    pub account_id: AccountId,
    /// Who watches.
    pub profile_id: ProfileId,
    /// What.
    pub title_id: TitleId,
    /// On which device.
    pub device_id: String,
    /// How far the viewer is, in seconds.
    pub position_seconds: u32,
    /// Whether the viewer has said so; until then the position is where the session resumed, or 0.
    pub position_reported: bool,
    /// When it began, wall time.
    pub started_at: Timestamp,
    /// When the viewer was last heard of in it, wall time: a session that ends because no beat came keeps its last one's.
    pub updated_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

macro_rules! session_events {
    ($($(#[$doc:meta])* $event:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct $event {
            /// The session's full state.
            pub session: SessionState,
        }

        impl Event for $event {
            const TYPE: &'static str = $kind;
            fn subject(&self) -> String {
                self.session.session_id.to_string()
            }
            fn version(&self) -> i64 {
                self.session.version
            }
        }
    )*};
}

session_events! {
    /// A session began.
    PlaybackStarted = "tessera.playback.session.started.v1";
    /// A session went on: a heartbeat.
    PlaybackProgressed = "tessera.playback.session.progressed.v1";
    /// A session ended, by the viewer or because its slot ran out.
    PlaybackEnded = "tessera.playback.session.ended.v1";
}
