//! The rule of lists: small pages hold what one large page holds.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::{MAX_PAGE, Method, OperationInfo};

use super::{
    Exchange, Role, Subject, Violation,
    builtin::{ask, insider, viewer},
};

/// How often a list may change while it is read before it is given up as too lively to be judged.
const TRIES: usize = 5;
/// Into how many pages a list is divided.
const PAGES: usize = 5;

/// Each list that needs no more than its cursor: read whole, in pages, and whole again.
pub(super) fn hold_each_entry_once<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        for operation in subject.operations().filter(|op| op.method == Method::Get && subject.is_list(op)) {
            let Some(role) = insider(operation.access, viewer(subject)) else { continue };
            if subject.sample(operation).is_some_and(|needed| needed == json!({})) {
                let list = List { subject, operation, role };
                list.holds_each_entry_once().await?;
            }
        }
        Ok(())
    })
}

struct List<'s, 'p> {
    subject: &'s Subject<'p>,
    operation: &'static OperationInfo,
    role: Role,
}

impl List<'_, '_> {
    async fn holds_each_entry_once(&self) -> Result<(), Violation> {
        for _ in 0..TRIES {
            let Some(whole) = self.page(MAX_PAGE as usize, &Value::Null).await? else { return Ok(()) };
            let verdict = self.walk(&keys(&whole)).await;
            let Some(after) = self.page(MAX_PAGE as usize, &Value::Null).await? else { return Ok(()) };
            // Others may write meanwhile: only a list that stood still can be judged.
            if keys(&after) == keys(&whole) {
                return verdict;
            }
        }
        Ok(())
    }

    /// Reads the list in pages until it has ended, or holds as much as `whole`, which it is compared with.
    async fn walk(&self, whole: &[Value]) -> Result<(), Violation> {
        let limit = whole.len().div_ceil(PAGES).max(1);
        let (mut seen, mut cursors, mut cursor) = (Vec::new(), BTreeSet::new(), Value::Null);
        loop {
            let Some(page) = self.page(limit, &cursor).await? else { return Ok(()) };
            let found = keys(&page);
            if found.len() > limit {
                return Err(page.violation(&format!("{} entries where at most {limit} were asked for", found.len())));
            }
            for entry in &found {
                if seen.contains(entry) {
                    return Err(page.violation(&format!("{entry} was in a page before")));
                }
                match whole.get(seen.len()) {
                    Some(expected) if expected != entry => {
                        let why = format!("expected {expected} next, as in one page of {MAX_PAGE}, and not {entry}");
                        return Err(page.violation(&why));
                    }
                    None if whole.len() < MAX_PAGE as usize => {
                        return Err(page.violation(&format!("one page of {MAX_PAGE} lacks {entry}")));
                    }
                    Some(_) | None => seen.push(entry.clone()),
                }
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() || found.is_empty() {
                return match seen.len() < whole.len() {
                    true => Err(page.violation(&format!("the pages end before {}", whole[seen.len()]))),
                    false => Ok(()),
                };
            }
            if seen.len() >= MAX_PAGE as usize {
                return Ok(());
            }
            if !cursors.insert(cursor.to_string()) {
                return Err(page.violation("next_cursor is one that came before"));
            }
        }
    }

    /// One page; `None` when the caller has no such list.
    async fn page(&self, limit: usize, cursor: &Value) -> Result<Option<Exchange>, Violation> {
        let request = json!({"limit": limit, "cursor": cursor});
        let answer = ask(self.subject, self.operation, self.role.clone(), request).await?;
        Ok(answer.filter(|page| page.ok().is_ok()))
    }
}

/// What tells the entries of a page apart: their ids, for other fields may change while the list is read.
fn keys(page: &Exchange) -> Vec<Value> {
    let key = |entry: &Value| {
        let fields = entry.as_object().into_iter().flatten();
        let ids: Map<String, Value> =
            fields.filter(|(name, _)| name.ends_with("_id")).map(|(name, id)| (name.clone(), id.clone())).collect();
        if ids.is_empty() { entry.clone() } else { Value::Object(ids) }
    };
    page.body["data"].as_array().into_iter().flatten().map(key).collect()
}
