//! Where a module stands that is not in this process, and what is known of how it does there.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower::retry::budget::{Budget, TpsBudget};

use super::{
    Addresses, Clients, RemoteConfig,
    addresses::written,
    breaker::{Breaker, Leave, Sign, Turn},
    places::{Choice, Move, Places, Wish, bit},
};
use crate::{About, Cx, Failure, FailureKind, OperationInfo, SpanEnd, SpanKind, SpanName, SpanUnderWay, TraceContext};

/// Over how long repeated attempts are weighed against calls.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
/// Repeated attempts a second that there may be however few calls there are.
const BUDGET_FLOOR: u32 = 3;
/// A deadline that leaves an attempt less time than this says nothing of the module.
const FAIR: Duration = Duration::from_millis(100);

/// The addresses of one contract, shared by all who call it: which of them answer, whether the module does, and how many
/// calls are under way.
pub struct Target {
    module: String,
    bases: Vec<Arc<str>>,
    pub(super) clients: Clients,
    pub(super) attempts: u32,
    health: Mutex<Health>,
    budget: TpsBudget,
    room: Arc<Semaphore>,
    figures: Figures,
}

/// What is known of the module and of its addresses.
struct Health {
    breaker: Breaker,
    places: Places,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer that the contract knows, a refusal included.
    Answered,
    /// With a fault that the module tells of itself (5xx).
    Faulty,
    /// With something that the contract does not allow.
    BadAnswer,
    /// No connection was had, so nothing was asked.
    Unreachable,
    /// The connection broke.
    Broken,
    /// No answer came in time.
    Late,
    /// The caller went away.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 7] =
        [Self::Answered, Self::Faulty, Self::BadAnswer, Self::Unreachable, Self::Broken, Self::Late, Self::Abandoned];

    fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Faulty => "faulty",
            Self::BadAnswer => "bad_answer",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Late => "late",
            Self::Abandoned => "abandoned",
        }
    }

    /// What it says of the address.
    fn of_place(self) -> Option<bool> {
        match self {
            Self::Answered => Some(true),
            Self::Faulty | Self::BadAnswer | Self::Unreachable | Self::Broken | Self::Late => Some(false),
            Self::Abandoned => None,
        }
    }

    /// What it says of the module. One that tells of a fault of its own is there: to ask nothing more of it would carry
    /// the fault of one operation to all others.
    fn of_module(self) -> Sign {
        match self {
            Self::Answered | Self::Faulty => Sign::Answered,
            Self::BadAnswer | Self::Unreachable | Self::Broken | Self::Late => Sign::Failed,
            Self::Abandoned => Sign::None,
        }
    }
}

/// What is counted of a module elsewhere.
struct Figures {
    attempts: [metrics::Counter; Outcome::ALL.len()],
    retries: metrics::Counter,
    refused: metrics::Counter,
    open: metrics::Gauge,
    left_out: metrics::Gauge,
}

impl Figures {
    fn new(module: &str) -> Self {
        let attempts = Outcome::ALL.map(|outcome| {
            let (module, outcome) = (module.to_owned(), outcome.label());
            metrics::counter!("tessera_remote_attempts_total", "module" => module, "outcome" => outcome)
        });
        let figures = Self {
            attempts,
            retries: metrics::counter!("tessera_remote_retries_total", "module" => module.to_owned()),
            refused: metrics::counter!("tessera_remote_refused_total", "module" => module.to_owned()),
            open: metrics::gauge!("tessera_remote_breaker_open", "module" => module.to_owned()),
            left_out: metrics::gauge!("tessera_remote_addresses_left_out", "module" => module.to_owned()),
        };
        figures.attempts.iter().chain([&figures.retries, &figures.refused]).for_each(|counter| counter.increment(0));
        figures.open.set(0.0);
        figures.left_out.set(0.0);
        figures
    }
}

/// Says 0 of every figure of calls to `module`, so that the first of each is seen as a rise.
pub fn begin_remote_figures(module: &str) {
    drop(Figures::new(module));
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("module", &self.module).field("addresses", &self.bases).finish_non_exhaustive()
    }
}

impl Target {
    /// `module` at `addresses`.
    pub fn new(module: &str, addresses: &Addresses, clients: impl Into<Clients>, config: &RemoteConfig) -> Arc<Self> {
        Arc::new(Self::with(module, addresses.iter().map(str::to_owned).collect(), clients.into(), config))
    }

    /// One address that is asked once, for [`super::Remote::new`].
    pub(super) fn plain(base: &str, clients: Clients) -> Arc<Self> {
        Arc::new(Self::with("elsewhere", vec![base.to_owned()], clients, &RemoteConfig::once()))
    }

    fn with(module: &str, bases: Vec<String>, clients: Clients, config: &RemoteConfig) -> Self {
        let bases: Vec<Arc<str>> = bases.iter().map(|base| written(base).into()).collect();
        let health = Health {
            breaker: Breaker::new(config.breaker_failures, config.breaker_pause()),
            places: Places::new(bases.len(), config.address_failures.get()),
        };
        Self {
            module: module.to_owned(),
            bases,
            clients,
            attempts: config.attempts.get(),
            health: Mutex::new(health),
            budget: TpsBudget::new(BUDGET_WINDOW, BUDGET_FLOOR, f32::from(config.retry_percent.min(1000)) / 100.0),
            room: Arc::new(Semaphore::new(config.connections.get().min(Semaphore::MAX_PERMITS))),
            figures: Figures::new(module),
        }
    }

    /// The first address: where what is judged and not relied on is asked.
    pub(super) fn first(&self) -> &str {
        &self.bases[0]
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins, which is what repeated attempts are weighed against.
    pub(super) fn called(&self) {
        self.budget.deposit();
    }

    /// Whether the budget has room for one more attempt at a call; takes it.
    pub(super) fn may_repeat(&self) -> bool {
        let may = self.budget.withdraw();
        if may {
            self.figures.retries.increment(1);
        }
        may
    }

    /// Room, leave and an address for an attempt.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] with the time to come back while the module is not asked; when there is no room
    /// until the deadline.
    pub(super) async fn begin(
        self: &Arc<Self>,
        operation: &'static OperationInfo,
        cx: &Cx,
        wish: Wish,
    ) -> Result<Attempt, Failure> {
        let room = self.room.clone();
        let room = match room.try_acquire_owned() {
            Ok(room) => room,
            Err(_) => self.wait_for_room(operation, cx).await?,
        };
        let now = Instant::now();
        let mut health = self.health();
        let leave = health.breaker.admit(now).map_err(|wait| {
            self.figures.refused.increment(1);
            let detail = format!(
                "{} has failed again and again and is left alone; come back in {} s",
                operation.contract,
                wait.as_millis().div_ceil(1000).max(1)
            );
            Failure::new(FailureKind::Unavailable, detail).retry_after(wait)
        })?;
        let choice = health.places.choose(wish, now);
        drop(health);
        let mut span = SpanUnderWay::begin(cx.trace, SpanKind::Client, || About {
            request_id: Some(cx.request_id.clone()),
            tenant: Some(cx.tenant.clone()),
            name: SpanName::Operation(operation),
        });
        span.note(|span| span.address = Some(self.bases[choice.index].clone()));
        Ok(Attempt {
            target: self.clone(),
            trace: span.within(cx.trace),
            span,
            choice,
            leave,
            begun: now,
            deadline: cx.deadline,
            ended: false,
            _room: room,
        })
    }

    async fn wait_for_room(&self, operation: &OperationInfo, cx: &Cx) -> Result<OwnedSemaphorePermit, Failure> {
        let room = tokio::time::timeout_at(cx.deadline, self.room.clone().acquire_owned()).await;
        room.ok().and_then(Result::ok).ok_or_else(|| {
            let detail = format!("{} has as many calls under way as it may have", operation.contract);
            Failure::new(FailureKind::Unavailable, detail)
        })
    }

    fn settle(&self, attempt: &Attempt, outcome: Outcome) {
        let now = Instant::now();
        self.figures.attempts[outcome as usize].increment(1);
        let mut health = self.health();
        let moved = health.places.settle(attempt.choice, outcome.of_place(), now);
        let turned = health.breaker.settle(attempt.leave, outcome.of_module(), now);
        let out = health.places.out();
        drop(health);
        let (module, address) = (self.module.as_str(), attempt.base());
        match moved {
            Some(Move::Out(pause)) => {
                tracing::warn!(module, address, ?pause, "an address fails again and again and is left out");
            }
            Some(Move::Back) => tracing::info!(module, address, "an address that was left out is back"),
            None => {}
        }
        if moved.is_some() {
            self.figures.left_out.set(out as f64);
        }
        match turned {
            Some(Turn::Opened(pause)) => {
                tracing::error!(module, address, ?pause, "a module fails again and again and is not asked");
            }
            Some(Turn::Closed) => tracing::info!(module, address, "a module that was not asked is back"),
            None => {}
        }
        if let Some(turned) = turned {
            self.figures.open.set(f64::from(u8::from(matches!(turned, Turn::Opened(_)))));
        }
    }
}

/// An attempt under way. How it ends is counted; one that is dropped was given up, or ended with its deadline.
pub(super) struct Attempt {
    target: Arc<Target>,
    choice: Choice,
    leave: Leave,
    begun: Instant,
    deadline: Instant,
    span: SpanUnderWay,
    trace: TraceContext,
    ended: bool,
    _room: OwnedSemaphorePermit,
}

impl Attempt {
    /// The address, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.target.bases[self.choice.index]
    }

    /// The address, as [`Wish::been`] has it.
    pub(super) fn place(&self) -> u64 {
        bit(self.choice.index)
    }

    /// Whether there is an address in use where the call has not `been`.
    pub(super) fn has_other(&self, been: u64) -> bool {
        self.target.health().places.has_other(been)
    }

    /// Takes note of how it ended, and names what is wrong in the log.
    pub(super) fn end(mut self, operation: &OperationInfo, outcome: Outcome, said: &dyn fmt::Display) {
        let outcome = self.judged(outcome);
        if !matches!(outcome, Outcome::Answered | Outcome::Abandoned) {
            let (module, address, outcome) = (self.target.module.as_str(), self.base(), outcome.label());
            tracing::warn!(module, address, operation = operation.name, outcome, "a call elsewhere failed: {said}");
        }
        self.ended = true;
        self.span_ends(outcome);
        self.target.settle(&self, outcome);
    }

    /// Where the attempt stands in its trace.
    pub(super) fn trace(&self) -> TraceContext {
        self.trace
    }

    fn span_ends(&mut self, outcome: Outcome) {
        std::mem::replace(&mut self.span, SpanUnderWay::none()).end(match outcome {
            Outcome::Answered => SpanEnd::Done,
            Outcome::Abandoned => SpanEnd::Abandoned,
            Outcome::Faulty | Outcome::BadAnswer | Outcome::Unreachable | Outcome::Broken | Outcome::Late => {
                SpanEnd::Failed(outcome.label().into())
            }
        });
    }

    /// A deadline that was hardly more than over says nothing.
    fn judged(&self, outcome: Outcome) -> Outcome {
        let hurried = self.deadline.saturating_duration_since(self.begun) < FAIR;
        if hurried && outcome == Outcome::Late { Outcome::Abandoned } else { outcome }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            // The caller's own timer may be quicker than ours at the same deadline.
            let late = Instant::now() >= self.deadline;
            let outcome = self.judged(if late { Outcome::Late } else { Outcome::Abandoned });
            self.span_ends(outcome);
            self.target.settle(self, outcome);
        }
    }
}
