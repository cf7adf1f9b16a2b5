//! The loop that follows a log.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_store::{Position, Store, Tx};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    HandlerError, Log, Parked,
    courier::Courier,
    delivery::Delivery,
    elsewhere::Elsewhere,
    figures::Figures,
    handler::{Filter, Handler},
    ledger::{Ledger, Step},
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
    /// How often a process tells others of the same consumer that it is there, where several share a topic's partitions;
    /// not heard of for three times as long, it is left out.
    pub presence: Duration,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_millis(50),
            longest_backoff: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            pass_by: Duration::from_secs(60),
            presence: Duration::from_secs(3),
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
    filter: Option<Arc<Filter>>,
    options: ConsumerOptions,
    latest_only: bool,
    retry: Arc<Notify>,
}

impl Consumer {
    /// A consumer with its books in `store`. Its `name` is for ever: the offset is kept under it.
    pub fn new(name: &'static str, log: Log, store: &Store) -> Self {
        let ledger = Ledger { store: store.clone(), consumer: name };
        let (kinds, options) = (HashSet::new(), ConsumerOptions::default());
        Self { ledger, log, kinds, filter: None, options, latest_only: false, retry: Arc::new(Notify::new()) }
    }

    /// Subscribes to events of type `E` too.
    pub fn on<E: Event>(mut self) -> Self {
        self.kinds.insert(E::TYPE);
        self
    }

    /// Subscribes to events of these types too, whatever is in them.
    pub fn on_types(mut self, types: impl IntoIterator<Item = &'static str>) -> Self {
        self.kinds.extend(types);
        self
    }

    /// Hands on only those for which `filter` answers true: the others are passed by, which costs no write.
    pub fn when<F>(self, filter: F) -> Self
    where
        F: for<'a> Fn(&'a CloudEvent) -> BoxFuture<'a, Result<bool, Failure>> + Send + Sync + 'static,
    {
        Self { filter: Some(Arc::new(filter)), ..self }
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
        let courier = Courier { waits: false, ..self.courier(handler, CancellationToken::new()) };
        let mut follower = Self::follower(self.log.clone(), courier);
        while !follower.courier.shutdown.is_cancelled() {
            if follower.round().await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn courier(&self, handler: Handler, shutdown: CancellationToken) -> Courier {
        let (ledger, options) = (self.ledger.clone(), self.options.clone());
        let figures = Figures { consumer: ledger.consumer, module: ledger.store.module().name };
        let delivery = Delivery { ledger: ledger.clone(), handler, latest_only: self.latest_only };
        let (kinds, filter) = (Arc::new(self.kinds.clone()), self.filter.clone());
        Courier { ledger, options, delivery, figures, kinds, filter, shutdown, waits: true }
    }

    fn follower(log: Log, courier: Courier) -> Follower {
        let passed = (Position::default(), Position::default());
        Follower { courier, log, elsewhere: None, passed, looked_back: None }
    }

    async fn follow(self, handler: Handler, shutdown: CancellationToken) {
        let courier = self.courier(handler, shutdown);
        courier.figures.announce();
        #[cfg(feature = "kafka")]
        if let Some(topic) = self.log.topic().cloned() {
            return crate::partitions::follow(topic, courier, self.retry).await;
        }
        self.follow_in_order(courier).await;
    }

    async fn follow_in_order(self, courier: Courier) {
        let (name, retry, poll) = (self.ledger.consumer, self.retry.clone(), self.options.poll);
        self.log.followed_by(name, &self.ledger.store);
        let (mut bell, shutdown) = (self.log.bell(), courier.shutdown.clone());
        let mut follower = Self::follower(self.log, courier);
        while !shutdown.is_cancelled() {
            bell.mark_unchanged();
            let wait = match follower.round().await {
                Ok(Some(wait)) => wait,
                Ok(None) => continue,
                Err(failure) => {
                    tracing::warn!(consumer = name, %failure, "following a log");
                    poll
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = bell.changed() => {}
                () = retry.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Events read at a time.
const BATCH: u32 = 256;
/// Events that nobody wants are passed by without a write each time; after so many the offset follows.
pub(crate) const PASSED_UNRECORDED: i64 = 1000;
/// How soon to look again when a running transaction holds back events.
pub(crate) const HELD_BACK: Duration = Duration::from_millis(10);

/// Follows an outbox, or the feed of one.
struct Follower {
    courier: Courier,
    log: Log,
    /// What came over a broker before; `None` until that is looked up.
    elsewhere: Option<Elsewhere>,
    /// How far it has read beyond which recorded position, past events that it does not want.
    passed: (Position, Position),
    /// When events that were passed by were last looked at.
    looked_back: Option<Instant>,
}

impl Follower {
    /// Delivers what there is. Answers how long to wait for more; `None` is not at all.
    async fn round(&mut self) -> Result<Option<Duration>, Failure> {
        let Courier { ledger, options, .. } = &self.courier;
        let elsewhere = match &mut self.elsewhere {
            Some(known) => known,
            unknown => unknown.insert(Elsewhere::of(ledger, None).await?),
        };
        let mut parked = self.courier.retry_parked(|_| true).await?;
        let recorded = ledger.position().await?;
        let from = if self.passed.0 == recorded { self.passed.1 } else { recorded };
        let batch = self.log.read(from, BATCH).await?;
        let (mut at, mut saved) = (from, recorded);
        let (read, mut wanted) = (batch.events.len(), Vec::new());
        for (to, event) in batch.events {
            at = to;
            if elsewhere.handled(&event, to) || !self.courier.wants(&event).await? {
                continue;
            }
            wanted.push((event, Step::Advance { from: saved, to }));
            saved = to;
        }
        if self.courier.bring_all(&mut parked, wanted).await?.is_break() {
            return Ok(None);
        }
        let long_ago = self.looked_back.is_none_or(|at| at.elapsed() >= options.pass_by);
        if at.seq - saved.seq >= PASSED_UNRECORDED || (long_ago && at != saved) {
            ledger.take_alone(Step::Advance { from: saved, to: at }).await?;
            saved = at;
        }
        if long_ago {
            self.looked_back = Some(Instant::now());
        }
        self.passed = (saved, at);
        if read == 0 {
            self.courier.figures.caught_up();
        }
        Ok(match (batch.more, read) {
            (true, 0) => Some(HELD_BACK),
            (true, _) => None,
            (false, _) => Some(self.courier.options.poll),
        })
    }
}
