//! The world outside: a payment gateway that keeps its contract and has all of its bad days.
//!
//! It may lose a request before or after the charge, act on it late, not know yet how it ends, hold its answer back until
//! other things have happened, and answer a question by "not known yet" again and again. What it never does is what the
//! contract forbids: charge a key twice, or forget a charge.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tessera_contract::{Cx, Failure, FailureKind, async_trait};
use tessera_contract_payment_gateway::{Charge, ChargeState, CreateCharge, GatewayError, GetCharge, PaymentGateway};
use tessera_types::{Clock, ManualClock, Money, Timestamp};
use tokio::sync::{Notify, oneshot};

use crate::{
    Dice,
    cast::{DAY, DECLINES, GONE, RUNS_OUT, START},
};

/// The longest it takes to act on a request that it has got, in seconds: less than billing's
/// `never_charged_after_seconds`, as that setting asks for.
const LATEST: usize = 55;
/// How long billing waits for an answer: `charge_timeout_seconds`. What is held back longer is told to nobody.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tenant and a charge's key.
pub(crate) type Key = (String, String);

/// The gateway.
pub(crate) struct Gateway {
    state: Mutex<State>,
    clock: Arc<ManualClock>,
    /// The process that calls is dead: nothing reaches the gateway any more.
    dead: Arc<AtomicBool>,
    /// Rung when an answer is held back.
    pub(crate) holding: Notify,
}

struct State {
    dice: Dice,
    /// Of a hundred requests, how many go wrong.
    trouble: usize,
    charges: BTreeMap<Key, Charge>,
    /// Requests that it will act on.
    coming: Vec<Coming>,
    /// Answers held back, and since when.
    held: Vec<(Timestamp, oneshot::Sender<Told>)>,
    /// Every key that a charge was asked for under, and since when.
    requested: BTreeMap<Key, usize>,
    /// Keys that came with two requests.
    conflicts: BTreeSet<Key>,
    /// How many steps the simulation has made.
    step: usize,
}

struct Coming {
    at: Timestamp,
    key: Key,
    request: CreateCharge,
    due: Timestamp,
    /// Known as pending meanwhile.
    pending: bool,
}

/// How a held answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is told.
    Answer,
    /// It is lost.
    Lost,
}

#[derive(Debug, Clone, Copy)]
enum Day {
    Good,
    LostBefore,
    LostAfter,
    Late,
    Pending,
    Held,
}

impl Gateway {
    pub(crate) fn new(dice: Dice, clock: Arc<ManualClock>, dead: Arc<AtomicBool>) -> Arc<Self> {
        let state = State {
            dice,
            trouble: 0,
            charges: BTreeMap::new(),
            coming: Vec::new(),
            held: Vec::new(),
            requested: BTreeMap::new(),
            conflicts: BTreeSet::new(),
            step: 0,
        };
        Arc::new(Self { state: Mutex::new(state), clock, dead, holding: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on so many of a hundred requests go wrong.
    pub(crate) fn set_trouble(&self, percent: usize) {
        self.state().trouble = percent;
    }

    /// The simulation has come to this step.
    pub(crate) fn at_step(&self, step: usize) {
        self.state().step = step;
    }

    /// Acts on what has been on its way long enough.
    pub(crate) fn arrive(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let mut due: Vec<Coming> = state.coming.extract_if(.., |coming| coming.at <= now).collect();
        due.sort_by_key(|coming| coming.at);
        for Coming { at, key, request, due, .. } in due {
            // An unknown token is no charge, and nobody waits for the answer.
            let _ = state.act(key, &request, due, at);
        }
    }

    /// How many answers are held back.
    pub(crate) fn held(&self) -> usize {
        self.state().held.len()
    }

    /// Lets the held answer `at` go, if somebody still waits for it.
    pub(crate) fn release(&self, at: usize, told: Told) {
        let (since, sender) = self.state().held.remove(at);
        let told = if self.clock.now().since(since) < PATIENCE { told } else { Told::Lost };
        // Nobody may be waiting any more: then it is lost.
        let _ = sender.send(told);
    }

    /// The caller is gone: what is held back is told to nobody.
    pub(crate) fn forget_held(&self) {
        self.state().held.clear();
    }

    /// All that was taken from cards, by tenant and key.
    pub(crate) fn captured(&self) -> BTreeMap<Key, Money> {
        let state = self.state();
        let taken = state.charges.iter().filter(|(_, charge)| charge.state == ChargeState::Succeeded);
        taken.map(|(key, charge)| (key.clone(), charge.amount.clone())).collect()
    }

    /// The step in which a charge was first asked for under each key.
    pub(crate) fn requested(&self) -> BTreeMap<Key, usize> {
        self.state().requested.clone()
    }

    /// Keys that came with two different requests.
    pub(crate) fn conflicts(&self) -> BTreeSet<Key> {
        self.state().conflicts.clone()
    }
}

impl State {
    fn draw(&mut self) -> Day {
        if !self.dice.percent(self.trouble) {
            return Day::Good;
        }
        let days = [Day::LostBefore, Day::LostAfter, Day::Late, Day::Pending, Day::Held, Day::Held];
        *self.dice.pick(&days)
    }

    /// Charges the card, once for each key. `due` is the business time of the charge.
    fn act(
        &mut self,
        key: Key,
        request: &CreateCharge,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<Charge, GatewayError> {
        if let Some(known) = self.charges.get(&key) {
            if known.amount == request.amount {
                return Ok(known.clone());
            }
            self.conflicts.insert(key);
            return Err(Failure::new(FailureKind::IdempotencyConflict, "another charge has this key").into());
        }
        let declines = match token(request) {
            GONE => return Err(GatewayError::TokenNotFound("there is no such token".into())),
            DECLINES => true,
            RUNS_OUT => due >= START.plus(45 * DAY),
            _ => false,
        };
        let charge = Charge {
            reference: key.1.clone(),
            amount: request.amount.clone(),
            state: if declines { ChargeState::Declined } else { ChargeState::Succeeded },
            decline_code: declines.then(|| "card_declined".into()),
            decline_message: declines.then(|| "The card was declined.".into()),
            created_at: now,
        };
        self.charges.insert(key, charge.clone());
        Ok(charge)
    }

    fn come(&mut self, key: &Key, request: &CreateCharge, due: Timestamp, now: Timestamp, pending: bool) {
        let seconds = 1 + self.dice.below(LATEST) as u64;
        let (key, request) = (key.clone(), request.clone());
        self.coming.push(Coming { at: now.plus(Duration::from_secs(seconds)), key, request, due, pending });
    }

    fn look(&self, key: &Key) -> Result<Charge, GatewayError> {
        let pending = self.coming.iter().find(|coming| coming.pending && coming.key == *key);
        match (self.charges.get(key), pending) {
            (Some(charge), _) => Ok(charge.clone()),
            (None, Some(coming)) => Ok(pending_charge(&coming.key, &coming.request, coming.at)),
            (None, None) => Err(GatewayError::ChargeNotFound(format!("there is no charge {}", key.1))),
        }
    }
}

fn token(request: &CreateCharge) -> &str {
    &request.payment_token
}

fn pending_charge(key: &Key, request: &CreateCharge, created_at: Timestamp) -> Charge {
    Charge {
        reference: key.1.clone(),
        amount: request.amount.clone(),
        state: ChargeState::Pending,
        decline_code: None,
        decline_message: None,
        created_at,
    }
}

fn lost() -> GatewayError {
    Failure::new(FailureKind::DeadlineExceeded, "the gateway did not answer").into()
}

#[async_trait]
impl PaymentGateway for Gateway {
    async fn create_charge(&self, cx: &Cx, request: CreateCharge) -> Result<Charge, GatewayError> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(lost());
        }
        let reference = cx.idempotency_key.as_deref().unwrap_or_default().to_owned();
        let key = (cx.tenant.to_string(), reference);
        let (due, now) = (cx.business_now, self.clock.now());
        let told = {
            let mut state = self.state();
            let step = state.step;
            state.requested.entry(key.clone()).or_insert(step);
            match state.draw() {
                Day::Good => return state.act(key, &request, due, now),
                Day::LostBefore => return Err(lost()),
                Day::LostAfter => {
                    let _ = state.act(key, &request, due, now);
                    return Err(lost());
                }
                Day::Late => {
                    state.come(&key, &request, due, now, false);
                    return Err(lost());
                }
                Day::Pending => {
                    state.come(&key, &request, due, now, true);
                    return state.look(&key);
                }
                Day::Held => {
                    match state.dice.percent(50) {
                        true => drop(state.act(key.clone(), &request, due, now)),
                        false => state.come(&key, &request, due, now, false),
                    }
                    let (sender, told) = oneshot::channel();
                    state.held.push((now, sender));
                    told
                }
            }
        };
        self.holding.notify_one();
        match told.await {
            // It acts before it answers.
            Ok(Told::Answer) => self.state().act(key, &request, due, now),
            Ok(Told::Lost) | Err(_) => Err(lost()),
        }
    }

    async fn get_charge(&self, cx: &Cx, request: GetCharge) -> Result<Charge, GatewayError> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(lost());
        }
        let key = (cx.tenant.to_string(), request.reference);
        let mut state = self.state();
        match state.draw() {
            Day::Good | Day::LostAfter | Day::Late => state.look(&key),
            Day::LostBefore => Err(lost()),
            // What it knows it may not know yet on this machine of its own.
            Day::Pending | Day::Held => state.look(&key).map(|charge| Charge { state: ChargeState::Pending, ..charge }),
        }
    }
}
