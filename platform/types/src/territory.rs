//! Where a viewer is and where a right holds.

use serde::{Deserialize, Serialize};

use crate::text::text_type;

/// A country or area by its ISO 3166-1 alpha-2 code, `DE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Territory(String);

/// The text is not two capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a territory is two capital letters (ISO 3166-1), got {0:?}")]
pub struct TerritoryError(String);

text_type!(
    Territory,
    TerritoryError,
    |text| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(TerritoryError(text.chars().take(16).collect())),
    },
    schema = schemars::json_schema!({
        "type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2 code.",
    })
);
