//! One step after the other: throws what happens, makes it happen, checks what must hold.

use std::{future::Future, time::Duration};

use tessera_contract::{ContractError, Failure, FailureKind};
use tessera_contract_billing::{BillingError, Checkout, RenewalRun};
use tokio::task::JoinHandle;

use crate::{
    Broken, Dice,
    book::Book,
    broken::{NO_SURPRISE, hold},
    cast::TENANTS,
    check,
    gateway::Told,
    passing, shopping,
    shopping::Before,
    watching,
    world::World,
};

/// Of a hundred steps, how many have faults: one of these for each seed.
const FAULTS: [usize; 4] = [0, 10, 25, 50];
/// Of a hundred requests to the gateway, how many go wrong: one of these for each seed.
const TROUBLE: [usize; 4] = [0, 25, 50, 80];

/// A simulation.
pub(crate) struct Sim {
    pub(crate) dice: Dice,
    pub(crate) world: World,
    pub(crate) book: Book,
    pub(crate) step: usize,
    /// What happened, a line a step; ids are not in it, so that two runs of a seed read the same.
    pub(crate) trace: Vec<String>,
    /// Work that waits for an answer that the gateway holds back, in the gateway's order.
    pub(crate) in_flight: Vec<(Work, JoinHandle<Landed>)>,
    /// What happens how often, in this seed: some things never, some often. Stories that leave things out go deeper into
    /// the others (Groce et al., Swarm Testing, 2012).
    actions: Vec<(usize, Action)>,
    faults: usize,
    trouble: usize,
    /// A call of this step was answered by nobody.
    unheard: bool,
}

/// Work that asks the gateway.
pub(crate) enum Work {
    /// An intent's request, and how things stood when it was made.
    Checkout(usize, Before),
    Tick,
    Settle,
}

/// How it ended.
pub(crate) enum Landed {
    Checkout(Result<Checkout, BillingError>),
    Tick(Result<RenewalRun, Failure>),
    Settle(Result<bool, Failure>),
}

/// An answer, or none.
pub(crate) enum Reply<T, E> {
    Said(T),
    Refused(E),
    /// It may have happened or not.
    Unheard,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Buy,
    Repeat,
    OtherRequest,
    Look,
    Cancel,
    Archive,
    Tick,
    Settle,
    PutGrants,
    Listen,
    Decide,
    Acquire,
    Renew,
    Release,
    State,
    Revoke,
    Advance,
    Pass,
    Answer,
    AskAgain,
    Crash,
}

/// Beside buying, which every seed does.
const ACTIONS: &[(usize, Action)] = &[
    (6, Action::Repeat),
    (1, Action::OtherRequest),
    (3, Action::Look),
    (4, Action::Cancel),
    (1, Action::Archive),
    (7, Action::Tick),
    (8, Action::Settle),
    (6, Action::PutGrants),
    (3, Action::Listen),
    (8, Action::Decide),
    (7, Action::Acquire),
    (4, Action::Renew),
    (3, Action::Release),
    (6, Action::State),
    (4, Action::Revoke),
    (5, Action::Advance),
    (7, Action::Pass),
    (6, Action::Answer),
    (2, Action::AskAgain),
    (1, Action::Crash),
];

impl Sim {
    pub(crate) async fn new(seed: u64) -> Result<Self, Failure> {
        let dice = Dice::new(seed);
        let (world, mut dice) = (World::open(&dice).await?, dice.fork(2));
        let (book, trace, in_flight) = (Book::default(), Vec::new(), Vec::new());
        let (faults, trouble) = (*dice.pick(&FAULTS), *dice.pick(&TROUBLE));
        let mut actions = vec![(12, Action::Buy)];
        actions.extend(ACTIONS.iter().map(|(weight, action)| (weight * dice.pick(&[0, 1, 1, 3]), *action)));
        Ok(Self { dice, world, book, step: 0, trace, in_flight, actions, faults, trouble, unheard: false })
    }

    /// Makes so many steps, with faults.
    pub(crate) async fn run(&mut self, steps: usize) -> Result<(), Broken> {
        self.world.gateway.set_trouble(self.trouble);
        for _ in 0..steps {
            self.step += 1;
            self.world.gateway.at_step(self.step);
            self.world.pass(Duration::from_millis(1));
            let action = self.dice.weighted(&self.actions);
            self.world.faults.draw(&mut self.dice, self.faults);
            self.perform(action).await?;
        }
        self.world.gateway.set_trouble(0);
        Ok(())
    }

    /// One action under the faults that were drawn, and the checks after it.
    pub(crate) async fn perform(&mut self, action: Action) -> Result<(), Broken> {
        self.unheard = false;
        let told = self.act(action).await;
        let failed = self.world.faults.clear();
        let outcome = told.as_ref().map_or_else(|broken| broken.property.to_owned(), Clone::clone);
        let faults = if failed.is_empty() { String::new() } else { format!("  ✗ {}", failed.join(" ")) };
        self.trace.push(format!("{:>4} {action:?}: {outcome}{faults}", self.step));
        told?;
        let blamed = !self.unheard || !failed.is_empty();
        hold!(blamed, NO_SURPRISE, "an answer", "{action:?} failed as unavailable though nothing was made to fail");
        if self.world.faults.is_dead() {
            self.crash().await?;
            self.trace.push(format!("{:>4} the process ended, and another began", self.step));
        }
        check::always(self, self.step % TENANTS.len()).await
    }

    async fn act(&mut self, action: Action) -> Result<String, Broken> {
        match action {
            Action::Buy => shopping::buy(self).await,
            Action::Repeat => shopping::repeat(self).await,
            Action::OtherRequest => shopping::other_request(self).await,
            Action::Look => shopping::look(self).await,
            Action::Cancel => shopping::cancel(self).await,
            Action::Archive => shopping::archive(self).await,
            Action::Tick => passing::tick(self).await,
            Action::Settle => passing::settle(self).await,
            Action::PutGrants => passing::put_grants(self).await,
            Action::Listen => passing::listen(self).await,
            Action::Decide => watching::decide(self).await,
            Action::Acquire => watching::acquire(self).await,
            Action::Renew => watching::renew(self).await,
            Action::Release => watching::release(self).await,
            Action::State => watching::state(self).await,
            Action::Revoke => watching::revoke(self).await,
            Action::Advance => Ok(passing::advance(self)),
            Action::Pass => Ok(passing::pass(self)),
            Action::Answer => passing::answer(self).await,
            Action::AskAgain => passing::ask_again(self).await,
            Action::Crash => self.crash().await.map(|()| "the process ended, and another began".into()),
        }
    }

    /// The process ends; another one opens what it left.
    pub(crate) async fn crash(&mut self) -> Result<(), Broken> {
        for (_, handle) in self.in_flight.drain(..) {
            handle.abort();
        }
        let opened = self.world.reopen().await;
        opened.map_err(|failure| Broken::new(NO_SURPRISE, "stores that open after a crash", failure.to_string()))
    }

    /// What an answer means: a fault's failure says nothing, any other failure is one of ours.
    pub(crate) fn judge<T, E: ContractError>(&mut self, answer: Result<T, E>) -> Result<Reply<T, E>, Broken> {
        match answer {
            Ok(said) => Ok(Reply::Said(said)),
            Err(error) if ["unavailable", "deadline_exceeded"].contains(&error.code()) => {
                self.unheard = true;
                Ok(Reply::Unheard)
            }
            Err(error) if error.status() >= 500 => Err(Broken::new(NO_SURPRISE, "no fault of ours", error.to_string())),
            Err(error) => Ok(Reply::Refused(error)),
        }
    }

    /// As [`Sim::judge`] for what is no operation: `None` when it may have happened or not.
    pub(crate) fn judge_failure<T>(&mut self, answer: Result<T, Failure>) -> Result<Option<T>, Broken> {
        match answer {
            Ok(said) => Ok(Some(said)),
            Err(failure) if [FailureKind::Unavailable, FailureKind::DeadlineExceeded].contains(&failure.kind) => {
                self.unheard = true;
                Ok(None)
            }
            Err(failure) => Err(Broken::new(NO_SURPRISE, "no failure of ours", failure.to_string())),
        }
    }

    /// Runs work to its end, or until the gateway holds an answer back.
    pub(crate) async fn fly(
        &mut self,
        work: Work,
        flight: impl Future<Output = Landed> + Send + 'static,
    ) -> Result<String, Broken> {
        self.land(work, tokio::spawn(flight)).await
    }

    /// Lets the gateway's held answer `at` go, and its work go on.
    pub(crate) async fn answer(&mut self, at: usize, told: Told) -> Result<String, Broken> {
        let (work, handle) = self.in_flight.remove(at);
        self.world.gateway.release(at, told);
        self.land(work, handle).await
    }

    async fn land(&mut self, work: Work, mut handle: JoinHandle<Landed>) -> Result<String, Broken> {
        let gateway = self.world.gateway.clone();
        let landed = tokio::select! {
            biased;
            landed = &mut handle => landed,
            () = gateway.holding.notified() => {
                self.in_flight.push((work, handle));
                return Ok("the gateway holds its answer back".into());
            }
        };
        let landed = landed.map_err(|e| Broken::new(NO_SURPRISE, "no panic", e.to_string()))?;
        match (work, landed) {
            (Work::Checkout(intent, before), Landed::Checkout(answer)) => {
                shopping::heard(self, intent, &before, answer)
            }
            (_, Landed::Tick(run)) => passing::ticked(self, run),
            (_, Landed::Settle(any)) => passing::settled(self, any),
            (Work::Tick | Work::Settle, Landed::Checkout(_)) => Ok("landed elsewhere".into()),
        }
    }
}
