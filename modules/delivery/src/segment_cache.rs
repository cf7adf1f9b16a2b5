//! Packaged bytes in memory, bounded: segments that may be asked for again, and whatever is being sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use tessera_contract::Failure;

use crate::shelf::Shelf;

/// A segment by its presentation's identity, its track's place there, and its own place in the track.
pub(crate) type SegmentKey = (Arc<str>, usize, usize);

/// Segments as served, and an account of all packaged bytes that live: what was sent to a slow client counts until it has
/// left, whether it is still kept here or not.
pub(crate) struct SegmentCache {
    kept: Shelf<SegmentKey, Bytes>,
    account: Account,
}

/// Bytes that may live at once.
#[derive(Clone)]
struct Account {
    limit: u64,
    used: Arc<AtomicU64>,
}

/// A part of the account; given back when this is dropped.
pub(crate) struct Room {
    account: Account,
    bytes: u64,
}

/// Bytes that are in the account for as long as anybody holds a part of them.
struct Accounted {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Accounted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a segment is not in memory.
enum Missing {
    /// There is no room for it.
    Full,
    Failed(Failure),
}

impl SegmentCache {
    /// Up to `limit` bytes live at once; half of that is kept for those who ask again.
    pub(crate) fn new(limit: u64) -> Self {
        Self { kept: Shelf::new(limit / 2), account: Account { limit, used: Arc::default() } }
    }

    /// The segment of `size` bytes, from memory or as `package` makes it: once, however many ask at the same time. `None`
    /// when there is no room for it now.
    pub(crate) async fn get(
        &self,
        key: &SegmentKey,
        size: u64,
        package: impl Future<Output = Result<Vec<u8>, Failure>>,
    ) -> Result<Option<Bytes>, Failure> {
        let mut outcome = "hit";
        let load = async || {
            outcome = "miss";
            let room = self.room(size).ok_or(Missing::Full)?;
            let bytes = package.await.map_err(Missing::Failed)?;
            Ok::<_, Missing>((room.hold(bytes), size))
        };
        let found = self.kept.get(key, load).await;
        let found = match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Missing::Full) => {
                outcome = "full";
                Ok(None)
            }
            Err(Missing::Failed(failure)) => Err(failure),
        };
        count(outcome, 1);
        found
    }

    /// The segment, if it is in memory.
    pub(crate) fn peek(&self, key: &SegmentKey) -> Option<Bytes> {
        self.kept.peek(key)
    }

    /// Room for so many bytes, if there is.
    pub(crate) fn room(&self, bytes: u64) -> Option<Room> {
        let Account { limit, used } = &self.account;
        let more = |used: u64| used.checked_add(bytes).filter(|sum| sum <= limit);
        used.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Room { account: self.account.clone(), bytes })
    }

    /// Bytes that live, and how many may.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.account.used.load(Ordering::Acquire), self.account.limit)
    }
}

impl Room {
    /// `bytes`, which keep this room taken.
    pub(crate) fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Accounted { bytes, _room: self })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

fn count(outcome: &'static str, times: u64) {
    metrics::counter!("tessera_delivery_segments_total", "cache" => outcome).increment(times);
}

/// Begins the counts at zero, so that the first one is seen as a rise.
pub(crate) fn announce() {
    for outcome in ["hit", "miss", "full"] {
        count(outcome, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn key(place: usize) -> SegmentKey {
        ("acme".into(), 0, place)
    }

    async fn get(cache: &SegmentCache, place: usize, packaged: &AtomicU32) -> Option<Bytes> {
        let package = async {
            packaged.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(vec![place as u8; 100])
        };
        cache.get(&key(place), 100, package).await.unwrap()
    }

    #[tokio::test]
    async fn a_segment_is_packaged_once_for_all_who_ask() {
        let (cache, packaged) = (SegmentCache::new(1000), AtomicU32::new(0));
        let (a, b, c) = tokio::join!(get(&cache, 1, &packaged), get(&cache, 1, &packaged), get(&cache, 1, &packaged));
        assert!(a.is_some() && a == b && b == c);
        assert_eq!(packaged.load(Ordering::SeqCst), 1);
        assert_eq!(cache.used(), (100, 1000));
        assert_eq!(cache.peek(&key(1)), a);
        assert_eq!(cache.peek(&key(2)), None);
    }

    #[tokio::test]
    async fn what_is_held_counts_until_it_is_let_go_of() {
        let (cache, packaged) = (SegmentCache::new(400), AtomicU32::new(0));
        let mut held = Vec::new();
        for place in 0..4 {
            held.push(get(&cache, place, &packaged).await.unwrap().slice(..1));
        }
        assert_eq!(cache.used().0, 400, "two kept, and two that are held alone");
        assert_eq!(get(&cache, 4, &packaged).await, None, "there is no room");
        assert!(get(&cache, 3, &packaged).await.is_some(), "what is kept is there");
        held.truncate(1);
        assert_eq!(cache.used().0, 300);
        assert!(get(&cache, 4, &packaged).await.is_some());
        drop(held);
        assert_eq!(cache.used().0, 200, "half is kept");
        assert!(cache.room(201).is_none() && cache.room(200).is_some());
        assert_eq!(cache.used().0, 200);
    }

    #[tokio::test]
    async fn a_failure_takes_no_room() {
        let cache = SegmentCache::new(400);
        let failed = cache.get(&key(1), 100, async { Err(Failure::invalid("x", "no")) }).await;
        assert!(failed.is_err());
        assert_eq!(cache.used().0, 0);
    }
}
