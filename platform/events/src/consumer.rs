//! The loop that follows a log.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_store::{Position, Store, Tx};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    HandlerError, Log, Parked,
    delivery::{Delivery, Undelivered},
    figures::Figures,
    handler::Handler,
    ledger::{Ledger, ParkedRow, Step},
};

/// How a consumer behaves when something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// Attempts at an event before its key is parked.
    pub attempts: i64,
    /// The wait after the first failed attempt; doubled after each, with jitter.
    pub backoff: Duration,
    /// The longest wait between attempts.
    pub longest_backoff: Duration,
    /// How often to look when nothing rings.
    pub poll: Duration,
    /// After how long the offset follows events that nobody here wants: retention waits for it.
    pub pass_by: Duration,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_millis(50),
            longest_backoff: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            pass_by: Duration::from_secs(60),
        }
    }
}

/// Follows the events of some types in one module's log, from the beginning, in order.
///
/// An event whose handler fails again and again parks its key (tenant and subject): later events of that subject wait
/// behind it, others flow on, until [`Parked::retry`] is asked for.
pub struct Consumer {
    ledger: Ledger,
    log: Log,
    kinds: HashSet<&'static str>,
    options: ConsumerOptions,
    latest_only: bool,
    retry: Arc<Notify>,
}

impl Consumer {
    /// A consumer with its books in `store`. Its `name` is for ever: the offset is kept under it.
    pub fn new(name: &'static str, log: Log, store: &Store) -> Self {
        let ledger = Ledger { store: store.clone(), consumer: name };
        let (kinds, options) = (HashSet::new(), ConsumerOptions::default());
        Self { ledger, log, kinds, options, latest_only: false, retry: Arc::new(Notify::new()) }
    }

    /// Subscribes to events of type `E` too.
    pub fn on<E: Event>(mut self) -> Self {
        self.kinds.insert(E::TYPE);
        self
    }

    /// Passes over an event whose version is not above the last one seen of its subject. In-store handlers only.
    pub fn latest_only(mut self) -> Self {
        self.latest_only = true;
        self
    }

    /// With these options.
    pub fn options(self, options: ConsumerOptions) -> Self {
        Self { options, ..self }
    }

    /// The parked events of this consumer, to look at and retry while it runs.
    pub fn parked(&self) -> Parked {
        Parked { ledger: self.ledger.clone(), retry: self.retry.clone() }
    }

    /// Runs until `shutdown`, handling events in the consumer's own store: the handler's writes and the offset are one
    /// transaction of the event's tenant, so that an event counts once. The handler may run again, like any write.
    pub async fn run<F>(self, handler: F, shutdown: CancellationToken)
    where
        F: for<'a> Fn(&'a mut Tx, &'a CloudEvent) -> BoxFuture<'a, Result<(), HandlerError>> + Send + Sync + 'static,
    {
        self.follow(Handler::InStore(Arc::new(handler)), shutdown).await;
    }

    /// Runs until `shutdown`, handling events by calls to other modules, at least once each: the [`Cx`] is this
    /// module's, for the event's tenant, with an idempotency key that is the same at every delivery of the event.
    pub async fn run_outside<F, R>(self, handler: F, shutdown: CancellationToken)
    where
        F: Fn(Cx, Arc<CloudEvent>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.follow(Handler::Outside(Arc::new(move |cx, event| handler(cx, event).boxed())), shutdown).await;
    }

    /// Delivers what there is now, as [`Consumer::run`] does, and returns: whether all of it went. Nothing is waited for:
    /// an event that meets something out of reach ends the pass. For simulations, which decide themselves what happens
    /// when.
    pub async fn drain<F>(self, handler: F) -> Result<bool, Failure>
    where
        F: for<'a> Fn(&'a mut Tx, &'a CloudEvent) -> BoxFuture<'a, Result<(), HandlerError>> + Send + Sync + 'static,
    {
        self.pass(Handler::InStore(Arc::new(handler))).await
    }

    /// [`Consumer::drain`] as [`Consumer::run_outside`] delivers.
    pub async fn drain_outside<F, R>(self, handler: F) -> Result<bool, Failure>
    where
        F: Fn(Cx, Arc<CloudEvent>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.pass(Handler::Outside(Arc::new(move |cx, event| handler(cx, event).boxed()))).await
    }

    async fn pass(self, handler: Handler) -> Result<bool, Failure> {
        let mut follower = Follower { waits: false, ..self.follower(handler, CancellationToken::new()) };
        while !follower.shutdown.is_cancelled() {
            if follower.round().await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn follower(self, handler: Handler, shutdown: CancellationToken) -> Follower {
        let figures = Figures { consumer: self.ledger.consumer, module: self.ledger.store.module().name };
        let delivery = Delivery { ledger: self.ledger.clone(), handler, latest_only: self.latest_only };
        let passed = (Position::default(), Position::default());
        Follower { consumer: self, delivery, shutdown, figures, passed, looked_back: None, waits: true }
    }

    async fn follow(self, handler: Handler, shutdown: CancellationToken) {
        let mut follower = self.follower(handler, shutdown);
        let (log, ledger) = (&follower.consumer.log, &follower.consumer.ledger);
        log.followed_by(ledger.consumer, &ledger.store);
        let mut bell = log.bell();
        follower.figures.announce();
        while !follower.shutdown.is_cancelled() {
            bell.mark_unchanged();
            let wait = match follower.round().await {
                Ok(Some(wait)) => wait,
                Ok(None) => continue,
                Err(failure) => {
                    tracing::warn!(consumer = follower.consumer.ledger.consumer, %failure, "following a log");
                    follower.consumer.options.poll
                }
            };
            tokio::select! {
                () = follower.shutdown.cancelled() => {}
                _ = bell.changed() => {}
                () = follower.consumer.retry.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Events read at a time.
const BATCH: u32 = 256;
/// Events that nobody wants are passed by without a write each time; after so many the offset follows.
const PASSED_UNRECORDED: i64 = 1000;
/// How soon to look again when a running transaction holds back events.
const HELD_BACK: Duration = Duration::from_millis(10);

/// The tenant and subject of an event.
type Key = (String, String);

fn key(event: &CloudEvent) -> Key {
    (event.tenant.as_str().to_owned(), event.subject.clone())
}

struct Follower {
    consumer: Consumer,
    delivery: Delivery,
    shutdown: CancellationToken,
    figures: Figures,
    /// How far it has read beyond which recorded position, past events that it does not want.
    passed: (Position, Position),
    /// When events that were passed by were last looked at.
    looked_back: Option<Instant>,
    /// Whether it waits for what is out of reach; otherwise it shuts itself down there.
    waits: bool,
}

impl Follower {
    /// Delivers what there is. Answers how long to wait for more; `None` is not at all.
    async fn round(&mut self) -> Result<Option<Duration>, Failure> {
        let mut parked = self.retry_parked().await?;
        let recorded = self.consumer.ledger.position().await?;
        let from = if self.passed.0 == recorded { self.passed.1 } else { recorded };
        let batch = self.consumer.log.read(from, BATCH).await?;
        let (mut at, mut saved) = (from, recorded);
        let read = batch.events.len();
        for (to, event) in batch.events {
            at = to;
            if !self.consumer.kinds.contains(event.kind.as_str()) {
                continue;
            }
            let step = Step::Advance { from: saved, to };
            if parked.contains(&key(&event)) {
                self.consumer.ledger.park(&event, step, 0, None).await?;
            } else if self.deliver(&mut parked, Arc::new(event), step).await?.is_break() {
                return Ok(None);
            }
            saved = to;
        }
        let long_ago = self.looked_back.is_none_or(|at| at.elapsed() >= self.consumer.options.pass_by);
        if at.seq - saved.seq >= PASSED_UNRECORDED || (long_ago && at != saved) {
            self.consumer.ledger.take_alone(Step::Advance { from: saved, to: at }).await?;
            saved = at;
        }
        if long_ago {
            self.looked_back = Some(Instant::now());
        }
        self.passed = (saved, at);
        if read == 0 {
            self.figures.caught_up();
        }
        Ok(match (batch.more, read) {
            (true, 0) => Some(HELD_BACK),
            (true, _) => None,
            (false, _) => Some(self.consumer.options.poll),
        })
    }

    /// Delivers one event, or parks it. `Break` when the round is over: shutdown, or another process has moved on.
    async fn deliver(
        &self,
        parked: &mut HashSet<Key>,
        event: Arc<CloudEvent>,
        step: Step,
    ) -> Result<ControlFlow<()>, Failure> {
        let name = self.consumer.ledger.consumer;
        match self.insist(&event, step).await {
            Insisted::Delivered => {
                self.figures.delivered();
                Ok(ControlFlow::Continue(()))
            }
            Insisted::GaveUp(error) => {
                tracing::error!(
                    consumer = name,
                    event = event.id,
                    subject = event.subject,
                    error,
                    "an event is parked"
                );
                self.figures.parked();
                self.consumer.ledger.park(&event, step, self.consumer.options.attempts, Some(&error)).await?;
                parked.insert(key(&event));
                Ok(ControlFlow::Continue(()))
            }
            Insisted::RoundIsOver => Ok(ControlFlow::Break(())),
        }
    }

    /// Tries keys that are to be tried again. Answers the keys that are still parked.
    async fn retry_parked(&self) -> Result<HashSet<Key>, Failure> {
        let keys = self.consumer.ledger.parked_keys().await?;
        self.figures.subjects_parked(keys.len());
        let ready: HashSet<Key> = keys.iter().filter(|k| k.2).map(|k| (k.0.clone(), k.1.clone())).collect();
        let mut parked: HashSet<Key> = keys.into_iter().map(|(tenant, subject, _)| (tenant, subject)).collect();
        for key in ready {
            if self.retry_key(&key).await? {
                parked.remove(&key);
            }
        }
        Ok(parked)
    }

    /// Delivers the parked events of a key in order; whether all of them went.
    async fn retry_key(&self, (tenant, subject): &Key) -> Result<bool, Failure> {
        let ledger = &self.consumer.ledger;
        while let Some(row) = ledger.first_parked(tenant, subject).await? {
            let ParkedRow { xact, seq, event, .. } = &row;
            let event = serde_json::from_str(event).map_err(|e| Failure::internal("reading a parked event", e))?;
            let step = Step::Unpark(Position { xact: *xact, seq: *seq });
            match self.insist(&Arc::new(event), step).await {
                Insisted::Delivered => {}
                Insisted::RoundIsOver => return Ok(false),
                Insisted::GaveUp(error) => {
                    ledger.failed_again(&row, self.consumer.options.attempts, &error).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Attempts with back-off. What cannot be reached is waited for; what fails of itself is given up in the end.
    async fn insist(&self, event: &Arc<CloudEvent>, step: Step) -> Insisted {
        let options = &self.consumer.options;
        let (mut failures, mut tries) = (0, 0u32);
        loop {
            if self.shutdown.is_cancelled() {
                return Insisted::RoundIsOver;
            }
            if let Step::Advance { .. } = step {
                self.figures.trying(event.time);
            }
            match self.delivery.attempt(event, step).await {
                Ok(()) => return Insisted::Delivered,
                Err(Undelivered::Moved) => return Insisted::RoundIsOver,
                Err(Undelivered::Transient(error)) => {
                    tracing::warn!(consumer = self.consumer.ledger.consumer, event = event.id, error, "waiting");
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

/// What came of insisting.
enum Insisted {
    Delivered,
    GaveUp(String),
    RoundIsOver,
}
