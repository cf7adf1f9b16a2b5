//! Who reads a store's events in this process: none of them goes before the slowest has read it.

use std::sync::PoisonError;

use tessera_contract::Failure;

use crate::{Position, Store, params, store::WeakStore};

const OFFSET: &str = "select xact, seq from tessera_offsets where consumer = $1";

/// A consumer of a store's events.
pub(crate) struct FollowerOf {
    consumer: &'static str,
    /// Where its offset is. Weak: two modules may follow each other.
    books: WeakStore,
}

impl Store {
    /// For the platform: `consumer`, with its books in `books`, reads this store's events from now on.
    pub fn followed_by(&self, consumer: &'static str, books: &Store) {
        let mut followers = self.site().followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.consumer != consumer);
        followers.push(FollowerOf { consumer, books: books.downgrade() });
    }
}

/// The consumer that is furthest behind, and where it stands; `None` when nobody follows.
pub(crate) async fn slowest(store: &Store) -> Result<Option<(&'static str, Position)>, Failure> {
    let followers: Vec<(&'static str, Store)> = {
        let followers = store.site().followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.iter().filter_map(|one| Some((one.consumer, one.books.upgrade()?))).collect()
    };
    let mut slowest: Option<(&'static str, Position)> = None;
    for (consumer, books) in followers {
        let read: Option<(i64, i64)> = books.system().optional(OFFSET, params![consumer]).await?;
        let position = read.map_or_else(Position::default, |(xact, seq)| Position { xact, seq });
        if slowest.is_none_or(|(_, behind)| position < behind) {
            slowest = Some((consumer, position));
        }
    }
    Ok(slowest)
}
