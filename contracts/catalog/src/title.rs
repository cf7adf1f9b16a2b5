//! A title: what an editor writes and what a viewer sees of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{AssetId, Locale, Localized, Territory, Timestamp, TitleId};

/// When something may be shown, in the tenant's business time. Open ends are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// First instant it is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// First instant it no longer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl Window {
    /// Whether `now` lies within.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
    }
}

/// An age rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rating {
    /// The system that gave it: `FSK`, `MPA`, `BBFC`.
    pub system: String,
    /// The label in that system: `12`, `PG-13`.
    pub label: String,
    /// The youngest viewer it is for, in years.
    pub minimum_age: u8,
}

/// What a viewer must have in order to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TitleAccess {
    /// Anybody who is signed in may watch; nothing to pay.
    #[serde(default)]
    pub free: bool,
    /// Plans that include it, by name. A grant for the title itself (a rental) also opens it.
    #[serde(default)]
    pub plans: Vec<String>,
}

/// What an editor writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TitleDraft {
    /// Name by language.
    pub name: Localized,
    /// A paragraph by language.
    #[serde(default)]
    pub synopsis: Localized,
    /// Genres, lower case, such as `drama`.
    #[serde(default)]
    pub genres: Vec<String>,
    /// Year of first release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Age rating; absent means for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// When it may be watched.
    #[serde(default)]
    pub window: Window,
    /// Where it may be watched; absent means everywhere, an empty list nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territories: Option<Vec<Territory>>,
    /// What a viewer must have.
    #[serde(default)]
    pub access: TitleAccess,
    /// The media to play. Needed to publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<AssetId>,
    /// Poster image: an absolute URL or a path at the tenant's host. Filled from the asset when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_url: Option<String>,
}

/// What a viewer sees: texts in one language, only what is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Title {
    /// Its id.
    pub title_id: TitleId,
    /// Name in the language asked for, or the nearest there is.
    pub name: String,
    /// A paragraph, perhaps empty.
    pub synopsis: String,
    /// The language that was asked for and used to pick the texts.
    pub locale: Locale,
    /// Genres.
    pub genres: Vec<String>,
    /// Year of first release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Age rating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// When it may be watched.
    pub window: Window,
    /// What a viewer must have.
    pub access: TitleAccess,
    /// Length in seconds, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// Poster image, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poster_url: Option<String>,
    /// Counts up with every change.
    pub version: i64,
}
