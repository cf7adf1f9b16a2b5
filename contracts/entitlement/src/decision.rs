//! Decisions: the question, the answer, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{AccountId, GrantId, Territory, Timestamp, TitleId};

/// The facts about a title, as the catalog states them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlayFacts {
    /// The title.
    pub title_id: TitleId,
    /// Anybody who is signed in may watch.
    pub free: bool,
    /// Plans that include it.
    pub plans: Vec<String>,
    /// First instant it may be watched, business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_from: Option<Timestamp>,
    /// First instant it may no longer be watched, business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_until: Option<Timestamp>,
    /// Where it may be watched; absent means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territories: Option<Vec<Territory>>,
    /// The youngest viewer it is for, in years; 0 is everybody.
    pub minimum_age: u8,
}

/// Who watches, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Viewing {
    /// The account that watches.
    pub account_id: AccountId,
    /// Where the viewer is, as the edge knows it; unknown when absent, and then only titles without a territory
    /// restriction may be watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<Territory>,
    /// The profile's age limit in years; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_limit: Option<u8>,
}

/// May they watch it now? Business time is the caller's context's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionRequest {
    /// Who watches, and where.
    pub viewing: Viewing,
    /// What.
    pub facts: PlayFacts,
}

/// Why, as a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionReason {
    /// The title is free.
    Free,
    /// A grant for one of its plans holds.
    Plan,
    /// A grant for the title itself holds.
    Title,
    /// No grant opens it.
    NotEntitled,
    /// There was a grant, and it has run out.
    GrantEnded,
    /// There was a grant, and it was revoked.
    GrantRevoked,
    /// Its window has not opened.
    NotYetAvailable,
    /// Its window has closed.
    NoLongerAvailable,
    /// It may not be watched where the viewer is.
    TerritoryBlocked,
    /// It is for older viewers than the profile allows.
    AgeLimit,
    /// A reason of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Whether they may.
    pub allowed: bool,
    /// Why, as a code.
    pub reason: DecisionReason,
    /// Why, for a person to read.
    pub message: String,
    /// The grant it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// First instant the answer may no longer hold by itself (the grant's or window's end), business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_until: Option<Timestamp>,
    /// Streams at once that the account may have.
    pub max_streams: u32,
}
