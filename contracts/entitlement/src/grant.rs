//! Grants: rights to watch, put by whoever sold or gave them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{AccountId, GrantId, Timestamp, TitleId};

/// What a grant opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GrantScope {
    /// Every title that names this plan.
    Plan {
        /// The plan's name.
        plan: String,
    },
    /// One title.
    Title {
        /// Which.
        title_id: TitleId,
    },
    /// A scope of a newer version of this contract: it opens nothing here.
    #[serde(other)]
    Unknown,
}

/// A right to watch, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// Its id.
    pub grant_id: GrantId,
    /// Which system put it: `billing`, `crm`.
    pub source: String,
    /// That system's own name for it; unique with `source`.
    pub reference: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// What it opens.
    pub scope: GrantScope,
    /// First instant it holds, business time.
    pub starts_at: Timestamp,
    /// First instant it no longer holds, business time; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Streams at once that it allows.
    pub max_streams: u32,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The source's version; a put with a lower or equal one changes nothing.
    pub version: i64,
}

/// A grant as its source states it. Repeating it, or an older version, changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PutGrant {
    /// Which system states it: lower-case letters, digits and hyphens.
    pub source: String,
    /// That system's own name for it, URL-safe.
    pub reference: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// What it opens.
    pub scope: GrantScope,
    /// First instant it holds, business time.
    pub starts_at: Timestamp,
    /// First instant it no longer holds, business time; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Streams at once that it allows, 1 to 100.
    pub max_streams: u32,
    /// Counts up at the source.
    pub version: i64,
}

/// Which grant to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokeGrant {
    /// Which system put it.
    pub source: String,
    /// That system's own name for it.
    pub reference: String,
    /// Counts up at the source.
    pub version: i64,
}

/// Grants in the order they last changed, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantPage {
    /// The grants.
    pub data: Vec<Grant>,
    /// Always there: ask again with it later for what changed since.
    pub next_cursor: String,
}

/// A grant was put, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantAdded {
    /// Its full state.
    pub grant: Grant,
}

impl Event for GrantAdded {
    const TYPE: &'static str = "tessera.entitlement.grant.added.v1";
    fn subject(&self) -> String {
        self.grant.grant_id.to_string()
    }
    fn version(&self) -> i64 {
        self.grant.version
    }
}

/// A grant was revoked: no later decision is made on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantRevoked {
    /// Its full state.
    pub grant: Grant,
}

impl Event for GrantRevoked {
    const TYPE: &'static str = "tessera.entitlement.grant.revoked.v1";
    fn subject(&self) -> String {
        self.grant.grant_id.to_string()
    }
    fn version(&self) -> i64 {
        self.grant.version
    }
}
