//! The contract, on the store: load, check, commit with events.

use tessera_contract::{Cx, Failure, Page, async_trait, decode_cursor, encode_cursor, page_limit};
use tessera_contract_catalog::{
    Catalog, CatalogError, CatalogManagement, Changes, CreateTitle, EditTitle, GetManagedTitle, GetPlayable, GetTitle,
    ListChanges, ListManagedTitles, ListTitles, ManagedTitle, Playable, PublishTitle, Title, TitleDraft, WithdrawTitle,
};
use tessera_store::{Store, Tx};
use tessera_types::TitleId;

use crate::{
    config::CatalogConfig,
    draft, events,
    store::{self, StoredTitle},
    view,
};

/// The built-in catalog.
pub struct CatalogService {
    config: CatalogConfig,
    store: Store,
}

impl CatalogService {
    pub(crate) fn new(config: CatalogConfig, store: Store) -> Self {
        Self { config, store }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn config(&self) -> &CatalogConfig {
        &self.config
    }

    async fn published_title(&self, cx: &Cx, id: &TitleId) -> Result<StoredTitle, CatalogError> {
        let found = store::title(&self.store.tenant(cx), id).await?;
        found.filter(|title| title.published).ok_or_else(|| not_found(id))
    }

    /// Replaces text and state of a title, with the event that viewers' side of it wants.
    async fn change(
        &self,
        cx: &Cx,
        title_id: TitleId,
        expected: Option<i64>,
        change: impl Fn(&StoredTitle) -> Result<Option<(TitleDraft, bool)>, CatalogError> + Send + Sync + 'static,
    ) -> Result<ManagedTitle, CatalogError> {
        title_id.expect_minted().map_err(|e| Failure::invalid("title_id", e.to_string()))?;
        let (config, input) = (self.config.clone(), (title_id, change));
        let write = self.store.write(cx, input, move |tx, (title_id, change)| {
            let config = config.clone();
            Box::pin(async move {
                let before = store::title_in(tx, title_id).await?.ok_or_else(|| not_found(title_id))?;
                if let Some(expected) = expected.filter(|expected| *expected != before.version) {
                    return Err(Failure::version_conflict(expected, before.version).into());
                }
                match change(&before)? {
                    Some((draft, published)) => replace(tx, &before, &draft, published, &config).await,
                    None => Ok(before),
                }
            })
        });
        write.await.map(view::managed)
    }
}

async fn replace(
    tx: &mut Tx,
    before: &StoredTitle,
    draft: &TitleDraft,
    published: bool,
    config: &CatalogConfig,
) -> Result<StoredTitle, CatalogError> {
    store::update(tx, &before.title_id, draft, published).await?;
    let after = store::title_in(tx, &before.title_id).await?.ok_or_else(|| not_found(&before.title_id))?;
    match (before.published, published) {
        (_, true) => events::published(tx, &after, config).await?,
        (true, false) => events::withdrawn(tx, &after).await?,
        (false, false) => {}
    }
    Ok(after)
}

fn not_found(id: &TitleId) -> CatalogError {
    CatalogError::TitleNotFound(format!("there is no title {id} here"))
}

#[async_trait]
impl Catalog for CatalogService {
    async fn list_titles(&self, cx: &Cx, request: ListTitles) -> Result<Page<Title>, CatalogError> {
        let limit = page_limit(request.limit)?;
        let before = decode_cursor::<TitleId>(request.cursor.as_deref())?;
        let browse = store::Browse { before, genre: request.genre.as_deref(), limit: limit + 1 };
        let rows = store::browse(&self.store.tenant(cx), cx, browse).await?;
        let page = Page::from_rows(rows, limit, |title| title.title_id.clone());
        Ok(page.map(|title| view::public(title, request.locale.as_ref(), &self.config)))
    }

    async fn get_title(&self, cx: &Cx, request: GetTitle) -> Result<Title, CatalogError> {
        let title = self.published_title(cx, &request.title_id).await?;
        Ok(view::public(title, request.locale.as_ref(), &self.config))
    }

    async fn playable(&self, cx: &Cx, request: GetPlayable) -> Result<Playable, CatalogError> {
        let title = self.published_title(cx, &request.title_id).await?;
        view::playable(title).ok_or_else(|| not_found(&request.title_id))
    }

    async fn list_changes(&self, cx: &Cx, request: ListChanges) -> Result<Changes, CatalogError> {
        let limit = page_limit(request.limit)?;
        let after = decode_cursor::<i64>(request.cursor.as_deref())?.unwrap_or(0);
        let rows = store::changes(&self.store.tenant(cx), after, limit).await?;
        let latest = rows.last().map_or(after, |(number, _)| *number);
        Ok(Changes { data: rows.into_iter().map(|(_, change)| change).collect(), next_cursor: encode_cursor(&latest) })
    }
}

#[async_trait]
impl CatalogManagement for CatalogService {
    async fn create_title(&self, cx: &Cx, request: CreateTitle) -> Result<ManagedTitle, CatalogError> {
        draft::check(&request.title)?;
        let title_id = TitleId::mint(self.store.now());
        let write = self.store.write_once(cx, (title_id, request.title), |tx, (title_id, draft)| {
            Box::pin(async move {
                store::insert(tx, title_id, draft).await?;
                let title = store::title_in(tx, title_id).await?.ok_or_else(|| not_found(title_id))?;
                Ok::<_, CatalogError>(view::managed(title))
            })
        });
        write.await
    }

    async fn list_managed_titles(
        &self,
        cx: &Cx,
        request: ListManagedTitles,
    ) -> Result<Page<ManagedTitle>, CatalogError> {
        let limit = page_limit(request.limit)?;
        let before = decode_cursor::<TitleId>(request.cursor.as_deref())?;
        let rows = store::page(&self.store.tenant(cx), before, limit + 1).await?;
        Ok(Page::from_rows(rows, limit, |title| title.title_id.clone()).map(view::managed))
    }

    async fn get_managed_title(&self, cx: &Cx, request: GetManagedTitle) -> Result<ManagedTitle, CatalogError> {
        let id = &request.title_id;
        id.expect_minted().map_err(|e| Failure::invalid("title_id", e.to_string()))?;
        let title = store::title(&self.store.tenant(cx), id).await?.ok_or_else(|| not_found(id))?;
        Ok(view::managed(title))
    }

    async fn edit_title(&self, cx: &Cx, request: EditTitle) -> Result<ManagedTitle, CatalogError> {
        draft::check(&request.title)?;
        let change = move |before: &StoredTitle| {
            if before.published {
                draft::check_complete(&request.title)?;
            }
            Ok(Some((request.title.clone(), before.published)))
        };
        self.change(cx, request.title_id, Some(request.expected_version), change).await
    }

    async fn publish_title(&self, cx: &Cx, request: PublishTitle) -> Result<ManagedTitle, CatalogError> {
        let change = |before: &StoredTitle| {
            draft::check_complete(&before.draft)?;
            Ok((!before.published).then(|| (before.draft.clone(), true)))
        };
        self.change(cx, request.title_id, request.expected_version, change).await
    }

    async fn withdraw_title(&self, cx: &Cx, request: WithdrawTitle) -> Result<ManagedTitle, CatalogError> {
        let change = |before: &StoredTitle| Ok(before.published.then(|| (before.draft.clone(), false)));
        self.change(cx, request.title_id, request.expected_version, change).await
    }
}
