//! How a stored title looks to editors, to viewers and to playback.

use tessera_contract_catalog::{ManagedTitle, Playable, Title, TitleState};
use tessera_types::{AssetId, Locale};

use crate::{config::CatalogConfig, store::StoredTitle};

/// As its editors see it.
pub(crate) fn managed(stored: StoredTitle) -> ManagedTitle {
    ManagedTitle {
        title_id: stored.title_id,
        state: if stored.published { TitleState::Published } else { TitleState::Draft },
        title: stored.draft,
        duration_seconds: stored.duration_seconds,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        version: stored.version,
    }
}

/// As a viewer who reads `locale` sees it.
pub(crate) fn public(stored: StoredTitle, locale: Option<&Locale>, config: &CatalogConfig) -> Title {
    let (draft, fallback) = (stored.draft, &config.default_locale);
    let wanted = locale.unwrap_or(fallback);
    let asset_poster = draft.asset_id.as_ref().filter(|_| stored.has_poster).map(|asset| poster(asset, config));
    Title {
        title_id: stored.title_id,
        name: draft.name.best(wanted, fallback).unwrap_or_default().to_owned(),
        synopsis: draft.synopsis.best(wanted, fallback).unwrap_or_default().to_owned(),
        locale: wanted.clone(),
        genres: draft.genres,
        year: draft.year,
        rating: draft.rating,
        window: draft.window,
        access: draft.access,
        duration_seconds: stored.duration_seconds,
        poster_url: draft.poster_url.or(asset_poster),
        version: stored.version,
    }
}

/// The facts that playing needs; `None` when there is nothing to play.
pub(crate) fn playable(stored: StoredTitle) -> Option<Playable> {
    let draft = stored.draft;
    Some(Playable {
        title_id: stored.title_id,
        asset_id: draft.asset_id?,
        window: draft.window,
        territories: draft.territories,
        minimum_age: draft.rating.map_or(0, |rating| rating.minimum_age),
        access: draft.access,
        version: stored.version,
    })
}

fn poster(asset: &AssetId, config: &CatalogConfig) -> String {
    config.poster_url.replace("{asset_id}", asset.as_str())
}
