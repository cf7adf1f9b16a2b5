//! Lists: opaque cursors, bounded pages, a stable order.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Failure;

/// Entries of a page when the caller names no number.
pub const DEFAULT_PAGE: u32 = 20;
/// Entries of a page at most.
pub const MAX_PAGE: u32 = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The entries, in the list's order.
    pub data: Vec<T>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were fetched with one more than `limit`; `position` is what the next page starts after.
    pub fn from_rows<P: Serialize>(mut rows: Vec<T>, limit: u32, position: impl Fn(&T) -> P) -> Self {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| more).map(|last| encode_cursor(&position(last)));
        Self { data: rows, next_cursor }
    }

    /// The same page with each entry turned into another form.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(each).collect(), next_cursor: self.next_cursor }
    }
}

/// The page size to use: [`DEFAULT_PAGE`] when none is asked for. Errors outside 1 to [`MAX_PAGE`].
pub fn page_limit(asked: Option<u32>) -> Result<u32, Failure> {
    match asked {
        None => Ok(DEFAULT_PAGE),
        Some(limit @ 1..=MAX_PAGE) => Ok(limit),
        Some(other) => Err(Failure::invalid("limit", format!("limit is 1 to {MAX_PAGE}, got {other}"))),
    }
}

/// An opaque cursor that carries `position`.
pub fn encode_cursor<P: Serialize>(position: &P) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).expect("a position is plain data"))
}

/// The position in a cursor, `None` when there is none. Errors when it is not one of ours.
pub fn decode_cursor<P: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<P>, Failure> {
    let Some(cursor) = cursor else { return Ok(None) };
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    decoded.map(Some).ok_or_else(|| Failure::invalid("cursor", "pass next_cursor of the page before, unchanged"))
}
