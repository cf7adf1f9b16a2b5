//! Refusals on their way into the trail: bounded, so that a caller that is refused a million times fills no disk.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tessera_contract::{Cx, OperationInfo};
use tessera_contract_audit::OperationRecorded;
use tessera_types::{TenantId, Timestamp};
use tokio::sync::mpsc;

/// The same caller refused the same operation again within this time is not recorded again.
const APART: Duration = Duration::from_secs(60);
/// Refusals that are remembered for that, and that may wait to be written; beyond it they are counted alone.
const MOST: usize = 1000;

/// A record, and whose trail it belongs into.
pub type Refusal = (TenantId, OperationRecorded);

/// Which tenant's caller was refused what: the caller's key, the contract and the operation.
type Refused = (TenantId, String, &'static str, &'static str);

/// Refusals that wait to be written.
pub struct Refusals {
    last: Mutex<HashMap<Refused, Timestamp>>,
    queue: mpsc::Sender<Refusal>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Refusal>>,
}

impl Default for Refusals {
    fn default() -> Self {
        let (queue, inbox) = mpsc::channel(MOST);
        Self { last: Mutex::default(), queue, inbox: tokio::sync::Mutex::new(inbox) }
    }
}

impl Refusals {
    /// Hears of a refusal at `now` (wall time). Does not wait.
    pub fn offer(&self, cx: &Cx, operation: &OperationInfo, now: Timestamp) {
        let key = (cx.tenant.clone(), cx.caller.subject(), operation.contract, operation.name);
        if !self.is_news(key, now) {
            return;
        }
        let record = OperationRecorded::refused(cx, operation, now);
        if self.queue.try_send((cx.tenant.clone(), record)).is_err() {
            metrics::counter!("tessera_audit_lost_total", "why" => "too many refusals").increment(1);
        }
    }

    /// The next one to be written.
    pub async fn next(&self) -> Option<Refusal> {
        self.inbox.lock().await.recv().await
    }

    fn is_news(&self, key: (TenantId, String, &'static str, &'static str), now: Timestamp) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MOST {
            last.retain(|_, at| now < at.plus(APART));
        }
        if last.get(&key).is_some_and(|at| now < at.plus(APART)) || last.len() >= MOST {
            return false;
        }
        last.insert(key, now);
        true
    }
}
