//! Which assets still grew when they were last looked at: what was learned of them is believed for some seconds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tessera_types::{AssetId, TenantId, Timestamp};

/// How long it is believed.
const BELIEVED: Duration = Duration::from_secs(5);

/// When each asset that grows was looked at.
#[derive(Default)]
pub(crate) struct Growing(Mutex<HashMap<(TenantId, AssetId), Timestamp>>);

impl Growing {
    /// The asset grows at this time.
    pub(crate) fn note(&self, asset: (TenantId, AssetId), now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(asset, now);
    }

    /// Whether it grew when it was last looked at, and that is a while ago. It is to be looked at anew then, and is noted
    /// again if it still grows.
    pub(crate) fn is_stale(&self, asset: &(TenantId, AssetId), now: Timestamp) -> bool {
        let mut growing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = growing.get(asset).is_some_and(|at| now >= at.plus(BELIEVED));
        if stale {
            growing.remove(asset);
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_that_grows_is_looked_at_anew_after_some_seconds_once() {
        let (growing, asset) = (Growing::default(), ("acme".parse().unwrap(), "ast_1".parse().unwrap()));
        let now = Timestamp::from_micros(1_000_000);
        assert!(!growing.is_stale(&asset, now), "one that is complete never");
        growing.note(asset.clone(), now);
        assert!(!growing.is_stale(&asset, now));
        assert!(growing.is_stale(&asset, now.plus(BELIEVED)));
        assert!(!growing.is_stale(&asset, now.plus(BELIEVED)), "until it is noted again");
    }
}
