//! A small cache of what never changes: loaded once, however many ask at once, and bounded by weight.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

/// Values by key. What was not used for longest goes first.
pub(crate) struct Shelf<K, V> {
    capacity: u64,
    slots: Mutex<Slots<K, V>>,
}

struct Slots<K, V> {
    by_key: HashMap<K, Slot<V>>,
    weight: u64,
    uses: u64,
}

struct Slot<V> {
    cell: Arc<OnceCell<V>>,
    weight: u64,
    last_use: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Shelf<K, V> {
    /// Holds values of up to `capacity` together; a single one may be heavier, and then stands alone.
    pub(crate) fn new(capacity: u64) -> Self {
        Self { capacity, slots: Mutex::new(Slots { by_key: HashMap::new(), weight: 0, uses: 0 }) }
    }

    /// The value of `key`, or what `load` gives, with its weight. Of several that ask at once, one loads; when it fails,
    /// the next tries, and nothing is kept.
    pub(crate) async fn get<E>(&self, key: &K, load: impl AsyncFnOnce() -> Result<(V, u64), E>) -> Result<V, E> {
        match self.peek(key) {
            Some(value) => Ok(value),
            // On the heap: whoever finds the value carries nothing of what loading takes.
            None => Box::pin(self.load(key, load)).await,
        }
    }

    async fn load<E>(&self, key: &K, load: impl AsyncFnOnce() -> Result<(V, u64), E>) -> Result<V, E> {
        let asking = Asking { shelf: self, key, cell: self.cell(key) };
        let mut weight = None;
        let load = async || {
            let (value, of_value) = load().await?;
            weight = Some(of_value);
            Ok(value)
        };
        let value = asking.cell.get_or_try_init(load).await?.clone();
        if let Some(weight) = weight {
            self.weigh(key, &asking.cell, weight);
        }
        Ok(value)
    }

    /// The value of `key`, if it is here.
    pub(crate) fn peek(&self, key: &K) -> Option<V> {
        let mut slots = self.lock();
        slots.uses += 1;
        let last_use = slots.uses;
        let slot = slots.by_key.get_mut(key)?;
        slot.last_use = last_use;
        slot.cell.get().cloned()
    }

    /// Forgets the value of `key`, so that the next who asks loads it.
    pub(crate) fn forget(&self, key: &K) {
        let mut slots = self.lock();
        let weight = slots.by_key.remove(key).map_or(0, |slot| slot.weight);
        slots.weight -= weight;
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<V>> {
        let mut slots = self.lock();
        slots.uses += 1;
        let last_use = slots.uses;
        let fresh = || Slot { cell: Arc::default(), weight: 0, last_use };
        let slot = slots.by_key.entry(key.clone()).or_insert_with(fresh);
        slot.last_use = last_use;
        slot.cell.clone()
    }

    fn weigh(&self, key: &K, cell: &Arc<OnceCell<V>>, weight: u64) {
        let mut slots = self.lock();
        let Some(slot) = slots.by_key.get_mut(key).filter(|slot| Arc::ptr_eq(&slot.cell, cell)) else { return };
        slot.weight = weight;
        slots.weight += weight;
        while slots.weight > self.capacity {
            let loaded = slots.by_key.iter().filter(|(other, slot)| *other != key && slot.weight > 0);
            let Some(oldest) = loaded.min_by_key(|(_, slot)| slot.last_use).map(|(key, _)| key.clone()) else { break };
            slots.weight -= slots.by_key.remove(&oldest).map_or(0, |slot| slot.weight);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K, V>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who asks for a value, perhaps in vain: then the empty slot goes with the last of them.
struct Asking<'a, K: Hash + Eq + Clone, V: Clone> {
    shelf: &'a Shelf<K, V>,
    key: &'a K,
    cell: Arc<OnceCell<V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for Asking<'_, K, V> {
    fn drop(&mut self) {
        if self.cell.initialized() {
            return;
        }
        let mut slots = self.shelf.lock();
        let ours = slots.by_key.get(self.key).is_some_and(|slot| Arc::ptr_eq(&slot.cell, &self.cell));
        // The shelf's own and this one's: nobody else waits for it.
        if ours && Arc::strong_count(&self.cell) <= 2 {
            slots.by_key.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    async fn put(shelf: &Shelf<u32, u32>, key: u32, weight: u64, loads: &AtomicU32) -> u32 {
        let load = async || {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>((key * 10, weight))
        };
        shelf.get(&key, load).await.unwrap()
    }

    #[tokio::test]
    async fn many_that_ask_at_once_load_once() {
        let (shelf, loads) = (Shelf::new(10), AtomicU32::new(0));
        let (a, b, c) = tokio::join!(put(&shelf, 1, 1, &loads), put(&shelf, 1, 1, &loads), put(&shelf, 1, 1, &loads));
        assert_eq!((a, b, c, loads.load(Ordering::SeqCst)), (10, 10, 10, 1));
    }

    #[tokio::test]
    async fn the_longest_unused_goes_first_and_a_giant_stands_alone() {
        let (shelf, loads) = (Shelf::new(10), AtomicU32::new(0));
        for (key, weight, loaded) in
            [(1, 5, 1), (2, 5, 2), (1, 5, 2), (3, 5, 3), (1, 5, 3), (2, 5, 4), (9, 99, 5), (9, 99, 5)]
        {
            put(&shelf, key, weight, &loads).await;
            assert_eq!(loads.load(Ordering::SeqCst), loaded, "after asking for {key}");
        }
        assert_eq!(shelf.lock().by_key.len(), 1);
        assert_eq!(shelf.lock().weight, 99);
    }

    #[tokio::test]
    async fn failures_and_those_who_went_away_leave_nothing() {
        let shelf: Shelf<u32, u32> = Shelf::new(10);
        assert_eq!(shelf.get(&1, async || Err::<(u32, u64), _>("no")).await, Err("no"));
        let never = shelf.get(&2, std::future::pending::<Result<(u32, u64), ()>>);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), never).await.is_err());
        assert!(shelf.lock().by_key.is_empty());
        assert_eq!(shelf.get(&1, async || Ok::<_, ()>((7, 1))).await, Ok(7));
    }
}
