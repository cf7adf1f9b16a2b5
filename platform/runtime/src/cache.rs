//! A small cache: values live for a while, and there are never more than so many.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Values by key until they run out. When it is full, what has run out goes first, then anything.
pub(crate) struct Cache<K, V> {
    most: usize,
    entries: Mutex<HashMap<K, (Instant, V)>>,
    generation: AtomicU64,
}

/// When a value was asked for; see [`Cache::put`].
#[derive(Clone, Copy)]
pub(crate) struct Generation(u64);

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// At most `most` values.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default(), generation: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let entries = self.lock();
        entries.get(key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }

    /// To be taken before a value is read at its source.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// Keeps a value that was read at its source since `read`, unless the cache was cleared meanwhile: then it may be
    /// what it was cleared of.
    pub(crate) fn put(&self, read: Generation, key: K, value: V, life: Duration) {
        let (mut entries, now) = (self.lock(), Instant::now());
        if read.0 != self.generation.load(Ordering::SeqCst) {
            return;
        }
        if entries.len() >= self.most && !entries.contains_key(&key) {
            entries.retain(|_, (until, _)| *until > now);
        }
        while entries.len() >= self.most && !entries.contains_key(&key) {
            let Some(any) = entries.keys().next().cloned() else { break };
            entries.remove(&any);
        }
        entries.insert(key, (now + life, value));
    }

    pub(crate) fn clear(&self) {
        let mut entries = self.lock();
        self.generation.fetch_add(1, Ordering::SeqCst);
        entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
