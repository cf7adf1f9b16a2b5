//! Password hashing off the async workers, so many at once and no more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tessera_contract::{Failure, FailureKind};
use tokio::sync::Semaphore;

use crate::{config::PasswordConfig, secret};

/// Hashes and checks passwords.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Hashing or waiting for a turn.
    inside: AtomicUsize,
    most_inside: usize,
    /// The hash of a password that nobody has: compared with when there is no account, so that it takes as long.
    nobody: String,
}

/// Leaves when the caller does, hash or no hash.
struct Place<'h>(&'h AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hasher {
    /// As configured.
    ///
    /// # Errors
    /// Parameters that argon2 does not take.
    pub(crate) async fn new(config: &PasswordConfig) -> Result<Self, Failure> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        let params = params.map_err(|e| {
            let detail = format!("[identity.password] does not describe an argon2id hash: {e}");
            Failure::new(FailureKind::Internal, detail)
        })?;
        let mut hasher = Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(config.at_once.max(1))),
            inside: AtomicUsize::new(0),
            most_inside: config.at_once.max(1) + config.queue,
            nobody: String::new(),
        };
        hasher.nobody = hasher.hash(secret::random_token()).await?;
        Ok(hasher)
    }

    /// Sets the gauges of how full it is.
    pub(crate) fn look(&self) {
        metrics::gauge!("tessera_identity_hashes_active").set(self.inside.load(Ordering::Relaxed) as f64);
        metrics::gauge!("tessera_identity_hashes_limit").set(self.most_inside as f64);
    }

    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when too many wait.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Failure> {
        let argon2 = self.argon2.clone();
        let work = move || argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string());
        self.in_turn(work).await?.map_err(|e| Failure::internal("hashing a password", e))
    }

    /// Whether the password is the hash's. Without a hash it never is, and that takes as long to find out.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when too many wait.
    pub(crate) async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, Failure> {
        let known = hash.is_some();
        let (argon2, hash) = (self.argon2.clone(), hash.unwrap_or_else(|| self.nobody.clone()));
        let work = move || {
            let parsed = PasswordHash::new(&hash);
            parsed.map(|parsed| argon2.verify_password(password.as_bytes(), &parsed).is_ok())
        };
        let matches = self.in_turn(work).await?.map_err(|e| Failure::internal("reading a password's hash", e))?;
        Ok(matches && known)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.inside);
        if before >= self.most_inside {
            tracing::warn!("the queue of passwords to be hashed is full; somebody was turned away");
            let busy = "many people are signing in just now; try again in a few seconds";
            return Err(Failure::new(FailureKind::Unavailable, busy).retry_after(Duration::from_secs(5)));
        }
        metrics::counter!("tessera_identity_password_hashes_total").increment(1);
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|e| Failure::internal("waiting for a turn to hash a password", e))?;
        // The turn is over when the hash is, even when nobody waits for it any more.
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        running.await.map_err(|e| Failure::internal("hashing a password", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick(at_once: usize, queue: usize) -> PasswordConfig {
        PasswordConfig { memory_kib: 64, iterations: 1, parallelism: 1, at_once, queue }
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_nobody_s_none() {
        let hasher = Hasher::new(&quick(2, 8)).await.unwrap();
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(hasher.matches("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.matches("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!hasher.matches("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn beyond_the_queue_one_is_turned_away_and_the_place_is_free_again_later() {
        let hasher = Arc::new(Hasher::new(&quick(1, 1)).await.unwrap());
        let held = hasher.turns.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash("correct horse".into()).await })
            })
            .collect();
        while hasher.inside.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        let refused = hasher.hash("correct horse".into()).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Unavailable);
        drop(held);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        hasher.hash("correct horse".into()).await.unwrap();
    }

    #[tokio::test]
    async fn parameters_that_argon2_does_not_take_are_refused_at_start() {
        let refused = Hasher::new(&PasswordConfig { memory_kib: 1, ..quick(1, 1) }).await;
        assert!(refused.is_err_and(|e| e.detail.contains("[identity.password]")));
    }
}
