//! How titles come to be. A replacement of the catalog need not have this.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract};
use tessera_types::{Timestamp, TitleId};

use crate::{catalog::CatalogError, title::TitleDraft};

/// Where a title is on its way to viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TitleState {
    /// Only editors see it.
    Draft,
    /// Viewers see it.
    Published,
    /// A state that a newer version of this contract knows.
    #[serde(other)]
    Unknown,
}

/// A title as its editors see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagedTitle {
    /// Its id.
    pub title_id: TitleId,
    /// Draft or published.
    pub state: TitleState,
    /// What the editor wrote.
    pub title: TitleDraft,
    /// Length in seconds, once the asset is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// A new title.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateTitle {
    /// What the editor writes.
    pub title: TitleDraft,
}

/// Which page of all titles.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListManagedTitles {
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which title.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetManagedTitle {
    /// Its id.
    pub title_id: TitleId,
}

/// A title's new text, whole.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EditTitle {
    /// Its id.
    pub title_id: TitleId,
    /// Replaces what was there.
    pub title: TitleDraft,
    /// The version this edit was made on; over HTTP `If-Match` says the same.
    pub expected_version: i64,
}

/// Which title to show to viewers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PublishTitle {
    /// Its id.
    pub title_id: TitleId,
    /// The version that was looked at; absent takes whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

/// Which title to hide from viewers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawTitle {
    /// Its id.
    pub title_id: TitleId,
    /// The version that was looked at; absent takes whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

/// Editing the built-in catalog: drafts, publishing, withdrawing.
#[contract(name = "catalog-management", version = "1.0", mount = "catalog")]
pub trait CatalogManagement: Send + Sync + 'static {
    /// Create a draft.
    #[post("/v1/management/titles", access = staff("catalog:write"), status = 201, idempotent)]
    async fn create_title(&self, cx: &Cx, request: CreateTitle) -> Result<ManagedTitle, CatalogError>;

    /// List all titles, newest first, drafts included.
    #[get("/v1/management/titles", access = staff("catalog:read"))]
    async fn list_managed_titles(
        &self,
        cx: &Cx,
        request: ListManagedTitles,
    ) -> Result<Page<ManagedTitle>, CatalogError>;

    /// Fetch a title as its editors see it.
    #[get("/v1/management/titles/{title_id}", access = staff("catalog:read"))]
    async fn get_managed_title(&self, cx: &Cx, request: GetManagedTitle) -> Result<ManagedTitle, CatalogError>;

    /// Replace a title's text. A lost race is `version_conflict`.
    #[put("/v1/management/titles/{title_id}", access = staff("catalog:write"))]
    async fn edit_title(&self, cx: &Cx, request: EditTitle) -> Result<ManagedTitle, CatalogError>;

    /// Show a title to viewers. Publishing what is published changes nothing.
    ///
    /// It needs a name and an asset, else `title_incomplete`.
    #[post("/v1/management/titles/{title_id}/publish", access = staff("catalog:write"))]
    async fn publish_title(&self, cx: &Cx, request: PublishTitle) -> Result<ManagedTitle, CatalogError>;

    /// Hide a title from viewers; it becomes a draft again.
    #[post("/v1/management/titles/{title_id}/withdraw", access = staff("catalog:write"))]
    async fn withdraw_title(&self, cx: &Cx, request: WithdrawTitle) -> Result<ManagedTitle, CatalogError>;
}
