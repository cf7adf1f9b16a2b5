//! What others rely on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Event, Page, contract, errors};
use tessera_types::{AssetId, Locale, Territory, TitleId};

use crate::title::{Title, TitleAccess, Window};

/// Which page of the published titles.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListTitles {
    /// Language of the texts; the tenant's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Only titles of this genre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genre: Option<String>,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which title.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetTitle {
    /// Its id.
    pub title_id: TitleId,
    /// Language of the texts; the tenant's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
}

/// Which title to play.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetPlayable {
    /// Its id.
    pub title_id: TitleId,
}

/// The facts that decide whether a title may be played. Facts only: the decision is entitlement's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Playable {
    /// The title.
    pub title_id: TitleId,
    /// The media to play.
    pub asset_id: AssetId,
    /// When it may be watched.
    pub window: Window,
    /// Where it may be watched; absent means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territories: Option<Vec<Territory>>,
    /// The youngest viewer it is for, in years; 0 is everybody.
    pub minimum_age: u8,
    /// What a viewer must have.
    pub access: TitleAccess,
    /// The title's version these facts are of.
    pub version: i64,
}

/// From where in the feed of changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListChanges {
    /// `next_cursor` of the answer before; from the beginning when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Entries at most, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A title's latest state in the feed. Each title stands in it once, at its latest change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The title.
    pub title_id: TitleId,
    /// Its version after the change.
    pub version: i64,
    /// Whether it is published; when not, forget it.
    pub published: bool,
}

/// Changes, oldest first, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// The changes.
    pub data: Vec<Change>,
    /// Always there: ask again with it later.
    pub next_cursor: String,
}

/// A title became visible to viewers, or changed while it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TitlePublished {
    /// Its full public state, texts in the tenant's own language.
    pub title: Title,
}

impl Event for TitlePublished {
    const TYPE: &'static str = "tessera.catalog.title.published.v1";
    fn subject(&self) -> String {
        self.title.title_id.to_string()
    }
    fn version(&self) -> i64 {
        self.title.version
    }
}

/// A title is no longer visible to viewers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TitleWithdrawn {
    /// Which.
    pub title_id: TitleId,
    /// Its version after the withdrawal.
    pub version: i64,
}

impl Event for TitleWithdrawn {
    const TYPE: &'static str = "tessera.catalog.title.withdrawn.v1";
    fn subject(&self) -> String {
        self.title_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

errors! {
    /// Why a catalog operation failed.
    pub enum CatalogError {
        /// No such title in this tenant, or it is not published.
        TitleNotFound = 404 "title_not_found",
        /// The title lacks what it needs to be published; the detail names it.
        TitleIncomplete = 409 "title_incomplete",
    }
}

/// What can be watched: published titles, the facts that playing needs, and a feed of changes.
///
/// A draft or withdrawn title is not found. Browsing shows what is within its window at the tenant's time; the facts of
/// `playable` are given whatever the time, for entitlement to judge.
#[contract(name = "catalog", version = "1.0", events = [TitlePublished, TitleWithdrawn])]
pub trait Catalog: Send + Sync + 'static {
    /// List published titles, newest first.
    ///
    /// Only titles whose window is open now and whose territories include the caller's.
    #[get("/v1/titles", access = public)]
    async fn list_titles(&self, cx: &Cx, request: ListTitles) -> Result<Page<Title>, CatalogError>;

    /// Fetch one published title.
    #[get("/v1/titles/{title_id}", access = public)]
    async fn get_title(&self, cx: &Cx, request: GetTitle) -> Result<Title, CatalogError>;

    /// Fetch the facts that decide whether a published title may be played.
    #[get("/v1/titles/{title_id}/playable", access = service)]
    async fn playable(&self, cx: &Cx, request: GetPlayable) -> Result<Playable, CatalogError>;

    /// List what changed since a cursor, oldest first.
    #[get("/v1/changes", access = service_or_staff("catalog:read"))]
    async fn list_changes(&self, cx: &Cx, request: ListChanges) -> Result<Changes, CatalogError>;
}
