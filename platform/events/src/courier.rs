//! Events brought to a handler: tried again with back-off, given up and parked, tried once more when somebody asks.

use std::{
    collections::{HashSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use futures::future::join_all;
use tessera_contract::{CloudEvent, Failure};
use tessera_store::Position;
use tokio_util::sync::CancellationToken;

use crate::{
    ConsumerOptions,
    delivery::{Delivery, Undelivered},
    figures::Figures,
    handler::Filter,
    ledger::{Ledger, ParkedRow, Step},
};

/// Events that are under way at a time to a store that puts many writes into one commit.
const TOGETHER: usize = 64;

/// The tenant and subject of an event.
pub(crate) type Key = (String, String);

pub(crate) fn key(event: &CloudEvent) -> Key {
    (event.tenant.as_str().to_owned(), event.subject.clone())
}

/// Brings events to one consumer's handler.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) ledger: Ledger,
    pub(crate) options: ConsumerOptions,
    pub(crate) delivery: Delivery,
    pub(crate) figures: Figures,
    /// The types that are wanted.
    pub(crate) kinds: Arc<HashSet<&'static str>>,
    /// Which of them, if not all.
    pub(crate) filter: Option<Arc<Filter>>,
    /// No further attempt after this.
    pub(crate) shutdown: CancellationToken,
    /// Whether it waits for what is out of reach; otherwise it shuts itself down there.
    pub(crate) waits: bool,
}

/// What came of insisting.
enum Insisted {
    Delivered,
    GaveUp(String),
    RoundIsOver,
}

impl Courier {
    /// Whether the consumer wants the event. What it does not want is passed by without a write.
    pub(crate) async fn wants(&self, event: &CloudEvent) -> Result<bool, Failure> {
        match (self.kinds.contains(event.kind.as_str()), &self.filter) {
            (true, Some(filter)) => filter(event).await,
            (wanted, _) => Ok(wanted),
        }
    }

    /// Brings events, in order, each as [`Self::bring`] does; the steps follow one another. Where writes share a commit, the
    /// next ones are under way before the first is durable: none counts without those before it, for its step begins where
    /// theirs ends.
    pub(crate) async fn bring_all(
        &self,
        parked: &mut HashSet<Key>,
        events: Vec<(CloudEvent, Step)>,
    ) -> Result<ControlFlow<()>, Failure> {
        let mut left: VecDeque<_> = events.into_iter().map(|(event, step)| (Arc::new(event), step)).collect();
        loop {
            let together = left.iter().take_while(|(event, _)| !parked.contains(&key(event))).take(TOGETHER).count();
            if together > 1 && self.delivery.shares_commits() && !self.shutdown.is_cancelled() {
                self.figures.trying(left[0].0.time);
                let attempts = left.iter().take(together).map(|(event, step)| self.delivery.attempt(event, *step));
                let done = join_all(attempts).await.iter().take_while(|attempt| attempt.is_ok()).count();
                left.drain(..done).for_each(|_| self.figures.delivered());
                if done == together {
                    continue;
                }
            }
            // By itself: the last one, one that is parked, and one that failed, with all that it may still try.
            let Some((event, step)) = left.pop_front() else { return Ok(ControlFlow::Continue(())) };
            if self.bring(parked, event, step).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Brings one event, or parks it, behind those of its key that are parked already. `Break` when the round is over:
    /// shutdown, or another process has moved on.
    async fn bring(
        &self,
        parked: &mut HashSet<Key>,
        event: Arc<CloudEvent>,
        step: Step,
    ) -> Result<ControlFlow<()>, Failure> {
        if parked.contains(&key(&event)) {
            self.ledger.park(&event, step, 0, None).await?;
            return Ok(ControlFlow::Continue(()));
        }
        match self.insist(&event, step).await {
            Insisted::Delivered => {
                self.figures.delivered();
                Ok(ControlFlow::Continue(()))
            }
            Insisted::GaveUp(error) => {
                let (id, subject) = (&event.id, &event.subject);
                tracing::error!(consumer = self.ledger.consumer, event = id, subject, error, "an event is parked");
                self.figures.parked();
                self.ledger.park(&event, step, self.options.attempts, Some(&error)).await?;
                parked.insert(key(&event));
                Ok(ControlFlow::Continue(()))
            }
            Insisted::RoundIsOver => Ok(ControlFlow::Break(())),
        }
    }

    /// Tries keys that are to be tried again, of those that are `mine`. Answers the keys that are still parked.
    pub(crate) async fn retry_parked(&self, mine: impl Fn(&Key) -> bool + Send) -> Result<HashSet<Key>, Failure> {
        let keys = self.ledger.parked_keys().await?;
        self.figures.subjects_parked(keys.len());
        let ready: HashSet<Key> = keys.iter().filter(|k| k.2).map(|k| (k.0.clone(), k.1.clone())).collect();
        let mut parked: HashSet<Key> = keys.into_iter().map(|(tenant, subject, _)| (tenant, subject)).collect();
        for key in ready {
            if mine(&key) && self.retry_key(&key).await? {
                parked.remove(&key);
            }
        }
        Ok(parked)
    }

    /// Delivers the parked events of a key in order; whether all of them went.
    async fn retry_key(&self, (tenant, subject): &Key) -> Result<bool, Failure> {
        let ledger = &self.ledger;
        while let Some(row) = ledger.first_parked(tenant, subject).await? {
            let ParkedRow { xact, seq, event, .. } = &row;
            let event = serde_json::from_str(event).map_err(|e| Failure::internal("reading a parked event", e))?;
            let step = Step::Unpark(Position { xact: *xact, seq: *seq });
            match self.insist(&Arc::new(event), step).await {
                Insisted::Delivered => {}
                Insisted::RoundIsOver => return Ok(false),
                Insisted::GaveUp(error) => {
                    ledger.failed_again(&row, self.options.attempts, &error).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Attempts with back-off. What cannot be reached is waited for; what fails of itself is given up in the end.
    async fn insist(&self, event: &Arc<CloudEvent>, step: Step) -> Insisted {
        let options = &self.options;
        let (mut failures, mut tries) = (0, 0u32);
        loop {
            if self.shutdown.is_cancelled() {
                return Insisted::RoundIsOver;
            }
            if !matches!(step, Step::Unpark(_)) {
                self.figures.trying(event.time);
            }
            match self.delivery.attempt(event, step).await {
                Ok(()) => return Insisted::Delivered,
                Err(Undelivered::Moved) => return Insisted::RoundIsOver,
                Err(Undelivered::Transient(error)) => {
                    tracing::warn!(consumer = self.ledger.consumer, event = event.id, error, "waiting");
                    if !self.waits {
                        self.shutdown.cancel();
                        return Insisted::RoundIsOver;
                    }
                }
                Err(Undelivered::Handler(error)) => {
                    failures += 1;
                    if failures >= options.attempts {
                        return Insisted::GaveUp(error);
                    }
                }
            }
            let full = options.backoff.saturating_mul(2u32.saturating_pow(tries)).min(options.longest_backoff);
            tries = (tries + 1).min(31);
            let wait = full.mul_f64(0.5 + 0.5 * rand::random::<f64>());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.shutdown.cancelled() => return Insisted::RoundIsOver,
            }
        }
    }
}
