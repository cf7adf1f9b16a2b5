//! `[viewers]` of `tessera.toml`.

use serde::Deserialize;

use crate::profile;

/// Settings of the built-in viewers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewersConfig {
    /// The name of the profile that every account has from the beginning, 1 to 40 characters. Default `Viewer`.
    #[serde(deserialize_with = "name")]
    pub default_profile_name: String,
}

impl Default for ViewersConfig {
    fn default() -> Self {
        Self { default_profile_name: "Viewer".into() }
    }
}

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    profile::checked_name(&name).map_err(|failure| serde::de::Error::custom(failure.detail))
}
