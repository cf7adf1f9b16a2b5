//! The viewers contract: profiles and what they have watched.
//!
//! Others rely on a profile by account and on watch progress. Viewers knows accounts only by id, and no credential,
//! plan or media.

pub mod conformance;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Event, Page, contract, errors};
use tessera_types::{AccountId, ProfileId, Sensitive, Timestamp, TitleId};

/// One viewer within an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Its id.
    pub profile_id: ProfileId,
    /// Whose.
    pub account_id: AccountId,
    /// What to call the viewer, 1 to 40 characters.
    pub name: Sensitive<String>,
    /// The oldest age rating it may watch, in years; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_limit: Option<u8>,
    /// Counts up with every change.
    pub version: i64,
}

/// The caller's profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListProfiles {}

/// An account's profiles, the first one is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profiles {
    /// At least one.
    pub data: Vec<Profile>,
}

/// A profile's new name and age limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditProfile {
    /// Which.
    pub profile_id: ProfileId,
    /// What to call the viewer, 1 to 40 characters.
    pub name: Sensitive<String>,
    /// The oldest age rating it may watch, in years; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_limit: Option<u8>,
    /// The version this edit was made on.
    pub expected_version: i64,
}

/// Which profile of which account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindProfile {
    /// The account.
    pub account_id: AccountId,
    /// The profile; the account's first when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<ProfileId>,
    /// The title that it is about to play, for the answer to say where it left off there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_id: Option<TitleId>,
}

/// A profile, and where it left off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundProfile {
    /// The profile.
    #[serde(flatten)]
    pub profile: Profile,
    /// How far it is in the title that was asked about, in seconds: 0 when it never watched it. Absent when none was asked about,
    /// and from implementations that do not say; `get_progress` answers the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_seconds: Option<u32>,
}

/// How far a profile is in a title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The title.
    pub title_id: TitleId,
    /// How far, in seconds.
    pub position_seconds: u32,
    /// When it was last watched, wall time.
    pub watched_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// What a profile was watching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListProgress {
    /// Whose.
    pub profile_id: ProfileId,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How far is this profile in this title?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetProgress {
    /// Whose.
    pub profile_id: ProfileId,
    /// In what.
    pub title_id: TitleId,
}

/// A position, 0 when the title was never watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// How far, in seconds.
    pub position_seconds: u32,
}

/// A profile was made or edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileUpdated {
    /// Its full state.
    pub profile: Profile,
}

impl Event for ProfileUpdated {
    const TYPE: &'static str = "tessera.viewers.profile.updated.v1";
    fn subject(&self) -> String {
        self.profile.profile_id.to_string()
    }
    fn version(&self) -> i64 {
        self.profile.version
    }
}

/// A profile got further in a title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgressUpdated {
    /// Whose.
    pub profile_id: ProfileId,
    /// How far in what.
    pub progress: Progress,
}

impl Event for ProgressUpdated {
    const TYPE: &'static str = "tessera.viewers.progress.updated.v1";
    fn subject(&self) -> String {
        format!("{}.{}", self.profile_id, self.progress.title_id)
    }
    fn version(&self) -> i64 {
        self.progress.version
    }
}

errors! {
    /// Why a viewers operation failed.
    pub enum ViewersError {
        /// No such profile of this account.
        ProfileNotFound = 404 "profile_not_found",
    }
}

/// Keeps profiles and their watch progress.
///
/// Every account has at least one profile: it is made when first asked for. Progress follows playback's events.
#[contract(name = "viewers", version = "1.0", events = [ProfileUpdated, ProgressUpdated])]
pub trait Viewers: Send + Sync + 'static {
    /// List the caller's profiles.
    #[get("/v1/profiles", access = viewer)]
    async fn list_profiles(&self, cx: &Cx, request: ListProfiles) -> Result<Profiles, ViewersError>;

    /// Edit one of the caller's profiles.
    #[put("/v1/profiles/{profile_id}", access = viewer)]
    async fn edit_profile(&self, cx: &Cx, request: EditProfile) -> Result<Profile, ViewersError>;

    /// List what one of the caller's profiles was watching, latest first.
    #[get("/v1/profiles/{profile_id}/progress", access = viewer)]
    async fn list_progress(&self, cx: &Cx, request: ListProgress) -> Result<Page<Progress>, ViewersError>;

    /// Find a profile of an account, and where it left off in a title.
    #[get("/v1/accounts/{account_id}/profile", access = service)]
    async fn find_profile(&self, cx: &Cx, request: FindProfile) -> Result<FoundProfile, ViewersError>;

    /// Fetch where a profile left off in a title.
    #[get("/v1/progress/{profile_id}/{title_id}", access = service)]
    async fn get_progress(&self, cx: &Cx, request: GetProgress) -> Result<Position, ViewersError>;
}
