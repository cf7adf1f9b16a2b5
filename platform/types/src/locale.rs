//! Languages of texts, and texts in several languages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_type;

/// A language tag (BCP 47, RFC 5646): `en`, `pt-BR`, `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// The text is not a language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a locale is a BCP 47 language tag such as \"en\" or \"pt-BR\", got {0:?}")]
pub struct LocaleError(String);

text_type!(
    Locale,
    LocaleError,
    |text| {
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let ok = (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && text.len() <= 35
            && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
        match ok {
            true => Ok(()),
            false => Err(LocaleError(text.chars().take(40).collect())),
        }
    },
    schema = schemars::json_schema!({
        "type": "string", "maxLength": 35, "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
        "description": "BCP 47 language tag.",
    })
);

impl Locale {
    /// The primary language subtag: `pt` of `pt-BR`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

/// One text in several languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Localized(pub BTreeMap<Locale, String>);

impl Localized {
    /// The best text for a reader of `wanted`: the exact tag, else any of the same language, else `fallback`'s,
    /// else the first there is. `None` only when there is no text at all.
    pub fn best(&self, wanted: &Locale, fallback: &Locale) -> Option<&str> {
        let same_language = |of: &Locale| {
            self.0.get(of).or_else(|| self.0.iter().find(|(l, _)| l.language() == of.language()).map(|(_, text)| text))
        };
        same_language(wanted).or_else(|| same_language(fallback)).or_else(|| self.0.values().next()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_back_from_tag_to_language_to_default() {
        let locale = |text: &str| text.parse::<Locale>().unwrap();
        let name = Localized([(locale("en"), "Arrival".into()), (locale("pt-BR"), "A Chegada".into())].into());
        for (wanted, text) in [("pt-BR", "A Chegada"), ("pt-PT", "A Chegada"), ("en-GB", "Arrival"), ("de", "Arrival")]
        {
            assert_eq!(name.best(&locale(wanted), &locale("en")), Some(text), "{wanted}");
        }
        assert_eq!(Localized::default().best(&locale("en"), &locale("en")), None);
    }
}
