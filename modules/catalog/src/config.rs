//! `[catalog]` of `tessera.toml`.

use serde::Deserialize;
use tessera_types::Locale;

/// Settings of the built-in catalog.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogConfig {
    /// The language of texts when a caller asks for none. Default `en`.
    pub default_locale: Locale,
    /// Where an asset's own poster is found when the editor named none; `{asset_id}` stands for the asset. Default is
    /// the built-in origin's path.
    pub poster_url: String,
}

impl Default for CatalogConfig {
    fn default() -> Self {
        Self {
            default_locale: "en".parse().expect("a literal language tag"),
            poster_url: "/delivery/v1/posters/{asset_id}.jpg".into(),
        }
    }
}
