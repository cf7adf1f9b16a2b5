//! Sessions that are kept a call away: believed for a moment, and for a while when nobody can be asked.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tessera_contract::{Failure, FailureKind};
use tessera_types::TenantId;

use super::{Session, Sessions};
use crate::cache::Cache;

/// How long a session is believed after it was looked up: so long it may still hold after a sign-out.
const BELIEVED: Duration = Duration::from_secs(2);
/// How long it is believed while whoever keeps sessions is out of reach, so that those who watch go on.
const OUT_OF_REACH: Duration = Duration::from_secs(300);
const REMEMBERED: usize = 100_000;

type Key = [u8; 32];

/// Sessions of a source in another process.
pub struct RememberedSessions {
    source: Arc<dyn Sessions>,
    believed: Cache<Key, Option<Session>>,
    last: Cache<Key, Option<Session>>,
}

impl RememberedSessions {
    /// Remembers what `source` says.
    pub fn new(source: Arc<dyn Sessions>) -> Self {
        Self { source, believed: Cache::new(REMEMBERED), last: Cache::new(REMEMBERED) }
    }
}

#[async_trait]
impl Sessions for RememberedSessions {
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure> {
        // A tenant's name has no space in it.
        let key: Key =
            Sha256::new().chain_update(tenant.as_str()).chain_update(" ").chain_update(cookie).finalize().into();
        if let Some(known) = self.believed.get(&key) {
            return Ok(known);
        }
        let (read, read_last) = (self.believed.generation(), self.last.generation());
        let found = match self.source.resolve(tenant, cookie).await {
            Ok(found) => {
                self.last.put(read_last, key, found.clone(), OUT_OF_REACH);
                found
            }
            Err(failure) if matches!(failure.kind, FailureKind::Unavailable | FailureKind::DeadlineExceeded) => {
                self.last.get(&key).ok_or(failure)?
            }
            Err(failure) => return Err(failure),
        };
        self.believed.put(read, key, found.clone(), BELIEVED);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tessera_contract::Caller;

    use super::*;
    use crate::config::Secret;

    /// Says what it is told to.
    struct Told(Mutex<Result<Option<Session>, Failure>>);

    #[async_trait]
    impl Sessions for Told {
        async fn resolve(&self, _: &TenantId, _: &str) -> Result<Option<Session>, Failure> {
            self.0.lock().unwrap().clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_signed_in_stays_so_while_identity_is_out_of_reach_and_not_after_a_sign_out() {
        let session = Session { caller: Caller::Anonymous, csrf_token: Secret::new("token".into()) };
        let source = Arc::new(Told(Mutex::new(Ok(Some(session)))));
        let (sessions, acme) = (RememberedSessions::new(source.clone()), "acme".parse().unwrap());
        let say = |answer| *source.0.lock().unwrap() = answer;
        assert!(sessions.resolve(&acme, "one").await.unwrap().is_some());

        say(Err(Failure::new(FailureKind::Unavailable, "gone")));
        tokio::time::advance(BELIEVED * 2).await;
        assert!(sessions.resolve(&acme, "one").await.unwrap().is_some());
        assert!(sessions.resolve(&acme, "two").await.is_err(), "nothing was known of it");
        assert!(sessions.resolve(&"globex".parse().unwrap(), "one").await.is_err(), "nor of another tenant's");

        say(Ok(None));
        tokio::time::advance(BELIEVED * 2).await;
        assert!(sessions.resolve(&acme, "one").await.unwrap().is_none());
        say(Err(Failure::new(FailureKind::Unavailable, "gone")));
        tokio::time::advance(BELIEVED * 2).await;
        assert!(sessions.resolve(&acme, "one").await.unwrap().is_none(), "it was signed out");
        tokio::time::advance(OUT_OF_REACH).await;
        assert!(sessions.resolve(&acme, "one").await.is_err(), "too long ago");
    }
}
