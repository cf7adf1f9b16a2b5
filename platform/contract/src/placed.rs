//! A contract wherever it is asked: at one place, at several by weight, and at one more in the shadow. Where that is may
//! change at any time; a call that has begun ends where it began.

mod differences;
mod rollout;
mod shadow;
mod verdict;

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::{ContractError, Cx, Failure, Operation, flags};

pub use rollout::{Rollout, Spot, begin_rollout_figures};
pub use verdict::RolloutConfig;

/// How long a place that was left is asked for what only it knows, such as plays that began there: longer than any film.
const DRAIN: Duration = Duration::from_secs(6 * 3600);
/// Places left that are remembered.
const LEFT: usize = 4;

/// The implementations of one contract, as a module's [`Rollout`] numbers its places.
pub struct Placed<C: ?Sized> {
    now: RwLock<Arc<Now<C>>>,
}

/// Where it is asked, as it is at one moment.
pub struct Now<C: ?Sized> {
    rollout: Arc<Rollout>,
    places: Vec<Arc<C>>,
    /// The place, where there is but one.
    only: Option<Arc<C>>,
    left: Vec<Left<C>>,
}

/// A place that was left.
struct Left<C: ?Sized> {
    name: String,
    place: Arc<C>,
    at: Instant,
}

impl<C: ?Sized> Clone for Left<C> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), place: self.place.clone(), at: self.at }
    }
}

impl<C: ?Sized> Now<C> {
    /// `places`, one for each place of `rollout` in its order.
    ///
    /// # Panics
    /// There are more or fewer.
    pub fn new(rollout: Arc<Rollout>, places: Vec<Arc<C>>) -> Self {
        assert_eq!(rollout.spots().len(), places.len(), "an implementation for each place of {}", rollout.module());
        let only = (places.len() == 1).then(|| places[0].clone());
        Self { rollout, places, only, left: Vec::new() }
    }

    /// The places, and who says which of them is asked.
    pub fn rollout(&self) -> &Arc<Rollout> {
        &self.rollout
    }

    /// The implementation at each place.
    pub fn places(&self) -> &[Arc<C>] {
        &self.places
    }

    /// Places that may know of what began: those with weight, and those that were left, the latest first. Each with its number, if
    /// it has one still.
    pub fn knowing(&self) -> impl Iterator<Item = (Option<usize>, &Arc<C>)> {
        let weighted = self.places.iter().enumerate().filter(|(index, _)| Some(*index) != self.rollout.shadow());
        weighted.map(|(index, place)| (Some(index), place)).chain(self.left().map(|left| (None, left)))
    }

    /// Places that were left not long ago, the latest first.
    pub fn left(&self) -> impl Iterator<Item = &Arc<C>> {
        self.left.iter().filter(|left| left.at.elapsed() < DRAIN).map(|left| &left.place)
    }

    /// What this comes after is left.
    fn after(mut self, before: &Self) -> Self {
        let at = Instant::now();
        let spots = before.rollout.spots().iter().zip(&before.places);
        let asked = spots.filter(|(spot, _)| spot.weight.is_some());
        let left = asked.map(|(spot, place)| Left { name: spot.name.clone(), place: place.clone(), at });
        let stays = |name: &str| self.rollout.spots().iter().any(|spot| spot.name == name && spot.weight.is_some());
        let mut all: Vec<Left<C>> = left.chain(before.left.iter().cloned()).filter(|left| !stays(&left.name)).collect();
        all.truncate(LEFT);
        self.only = self.only.filter(|_| all.is_empty());
        self.left = all;
        self
    }
}

impl<C: ?Sized + Send + Sync + 'static> Placed<C> {
    /// Asked there from the beginning.
    pub fn new(now: Now<C>) -> Arc<Self> {
        Arc::new(Self { now: RwLock::new(Arc::new(now)) })
    }

    /// Calls from now on go there.
    pub fn replace(&self, now: Now<C>) {
        let mut place = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(now.after(&place));
    }

    /// Where calls go now.
    pub fn now(&self) -> Arc<Now<C>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The place, where there is but one; for `#[contract]`.
    pub fn only(&self) -> Option<Arc<C>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).only.clone()
    }

    /// Asks the place that a flag names, else the one whose turn it is by weight: always the same one for an account, while flag
    /// and weights stand. What that one does not
    /// know (404, which is without effect) is asked at the others, and at those that were left. For `#[contract]`.
    pub async fn call<Req, Res, Err, Fut>(
        &self,
        operation: &'static Operation<Req, Res, Err>,
        cx: &Cx,
        request: Req,
        ask: fn(Arc<C>, Cx, Req) -> Fut,
    ) -> Result<Res, Err>
    where
        Req: Clone + Serialize,
        Res: Serialize,
        Err: ContractError,
        Fut: Future<Output = Result<Res, Err>> + Send + 'static,
    {
        let now = self.now();
        let index = match now.rollout.is_shared() {
            true => {
                let asked = serde_json::to_value(&request);
                let asked = asked.map_err(|e| Failure::internal("writing a request as JSON", e))?;
                let said = flags::place(now.rollout.module(), cx, &asked).await;
                let named = said.and_then(|name| now.rollout.named(&name));
                named.unwrap_or_else(|| now.rollout.choose(cx, &asked))
            }
            false => 0,
        };
        let begun = Instant::now();
        let watched = now.rollout.watch(index, operation);
        let mut answer = ask(now.places[index].clone(), cx.clone(), request.clone()).await;
        watched.end(answer.as_ref().err().is_some_and(|error| error.status() >= 500 && !flags::is_switched_off(error)));
        let unknown = |answer: &Result<Res, Err>| answer.as_ref().err().is_some_and(|error| error.status() == 404);
        if unknown(&answer) {
            for (_, other) in now.knowing().filter(|(place, _)| *place != Some(index)) {
                let known = ask(other.clone(), cx.clone(), request.clone()).await;
                // Who cannot be asked may know it: then it is not gone.
                let silent = known.as_ref().err().is_some_and(|error| error.status() >= 500);
                let tells_nothing = unknown(&known) || (silent && operation.safe);
                if !tells_nothing {
                    answer = known;
                }
                if !unknown(&answer) && !silent {
                    break;
                }
            }
        }
        if let Some(shadow) = now.rollout.shadow().filter(|_| operation.safe)
            && let Some(room) = now.rollout.room_for_shadow()
        {
            let mut patient = cx.clone();
            patient.deadline = Instant::now() + operation.limits.timeout;
            let theirs = ask(now.places[shadow].clone(), patient, request);
            shadow::compare(&now.rollout, operation, (room, begun.elapsed()), &answer, theirs);
        }
        answer
    }
}
