//! Which of a module's places is asked, and what became of those that were.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::verdict::{RolloutConfig, Sample, verdict};
use crate::{Cx, OperationInfo, flags};

/// Calls that a place is judged by at most, the latest ones.
const SAMPLES: usize = 512;
/// How often places are judged at most.
const JUDGE_EVERY: Duration = Duration::from_millis(250);
/// Calls in the shadow that are under way at most; beyond it answers are not compared.
const SHADOWS: usize = 64;
/// Names of places that a flag gave and that cannot be asked, of which the log speaks; one line each.
const MISNAMED: usize = 64;

/// A place of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// What it is called in logs and metrics: its addresses, or `built-in`.
    pub name: String,
    /// Its part of the calls, in proportion to the others' weights; `None` is in the shadow.
    pub weight: Option<u32>,
}

/// A module's places: the first is the one that the others are measured against.
pub struct Rollout {
    module: String,
    spots: Vec<Spot>,
    shadow: Option<usize>,
    config: RolloutConfig,
    /// Which places are not asked any more.
    taken_back: Vec<AtomicBool>,
    seen: Mutex<Seen>,
    shadows: Arc<Semaphore>,
    misnamed: Mutex<HashSet<String>>,
}

struct Seen {
    samples: Vec<VecDeque<Sample>>,
    judged: Instant,
}

impl Rollout {
    /// `module` at one place.
    pub fn at(module: &str, name: impl Into<String>) -> Arc<Self> {
        let only = Spot { name: name.into(), weight: Some(1) };
        Self::new(module, vec![only], RolloutConfig::default())
    }

    /// `module` at these places.
    ///
    /// # Panics
    /// The first place has no weight: somebody has to be asked.
    pub fn new(module: &str, spots: Vec<Spot>, config: RolloutConfig) -> Arc<Self> {
        assert!(spots.first().is_some_and(|first| first.weight.is_some()), "{module} is asked somewhere");
        let samples = spots.iter().map(|_| VecDeque::new()).collect();
        let rollout = Self {
            module: module.to_owned(),
            shadow: spots.iter().position(|spot| spot.weight.is_none()),
            taken_back: spots.iter().map(|_| AtomicBool::new(false)).collect(),
            seen: Mutex::new(Seen { samples, judged: Instant::now() }),
            shadows: Arc::new(Semaphore::new(SHADOWS)),
            misnamed: Mutex::default(),
            config,
            spots,
        };
        Arc::new(rollout)
    }

    /// It is gone by from now on: its figures say so.
    pub fn begin(&self) {
        (0..self.spots.len()).for_each(|index| self.show(index));
    }

    /// The module.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// Its places.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Whether several places have a weight.
    pub(super) fn is_shared(&self) -> bool {
        self.spots.iter().filter(|spot| spot.weight.is_some()).nth(1).is_some()
    }

    /// The place in the shadow.
    pub fn shadow(&self) -> Option<usize> {
        self.shadow
    }

    /// Whether a place is asked for its own answers: it has weight, or a flag may name it, and it was not taken back.
    pub fn is_asked(&self, index: usize) -> bool {
        self.weight(index) > 0 || (self.can_be_named(index) && flags::may_name_place(&self.module))
    }

    fn can_be_named(&self, index: usize) -> bool {
        self.spots[index].weight.is_some() && !self.is_taken_back(index)
    }

    /// The place with the name that a flag gave, if it can be asked; else the log says so, once.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let wanted = name.trim_end_matches('/');
        let found = self.spots.iter().position(|spot| spot.name.trim_end_matches('/') == wanted);
        let place = found.filter(|index| self.can_be_named(*index));
        if place.is_none() {
            let mut misnamed = self.misnamed.lock().unwrap_or_else(PoisonError::into_inner);
            if misnamed.len() < MISNAMED && misnamed.insert(name.to_owned()) {
                drop(misnamed);
                let why = match found.map(|index| self.spots[index].weight) {
                    None => "there is no such place",
                    Some(None) => "it is in the shadow",
                    Some(Some(_)) => "it was taken back",
                };
                tracing::warn!(module = self.module, place = name, why, "a flag names a place that is not asked");
            }
        }
        place
    }

    /// Whether a place did so much worse than the first that it is not asked any more.
    pub fn is_taken_back(&self, index: usize) -> bool {
        self.taken_back[index].load(Ordering::Relaxed)
    }

    fn weight(&self, index: usize) -> u32 {
        self.spots[index].weight.filter(|_| !self.is_taken_back(index)).unwrap_or(0)
    }

    /// Which place is asked. An account's calls go to one place, the same in every process; more weight for a later place
    /// adds accounts to it and takes none away. What is about no account is asked at the first place.
    pub(super) fn choose(&self, cx: &Cx, request: &Value) -> usize {
        match flags::account(cx, request) {
            Some(account) => self.place_of(cx.tenant.as_str(), account),
            None => 0,
        }
    }

    /// The place of an account of a tenant.
    pub fn place_of(&self, tenant: &str, account: &str) -> usize {
        let mut hash = Sha256::new();
        for part in [self.module.as_str(), tenant, account] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let drawn = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
        let total: u64 = self.spots.iter().map(|spot| u64::from(spot.weight.unwrap_or(0))).sum();
        // The last place has the lowest numbers: it grows into those of the places before it.
        let mut point = ((u128::from(drawn) * u128::from(total)) >> 64) as u64;
        for (index, spot) in self.spots.iter().enumerate().skip(1).rev() {
            let weight = u64::from(spot.weight.unwrap_or(0));
            if point < weight {
                return if self.is_asked(index) { index } else { 0 };
            }
            point -= weight;
        }
        0
    }

    /// A call to a place begins.
    pub(super) fn watch<'r>(&'r self, index: usize, operation: &'r OperationInfo) -> Watched<'r> {
        Watched { rollout: self, index, operation, begun: Instant::now(), ended: false }
    }

    /// Room for one more call in the shadow.
    pub(super) fn room_for_shadow(&self) -> Option<OwnedSemaphorePermit> {
        let room = self.shadows.clone().try_acquire_owned().ok();
        if room.is_none() {
            self.compared("skipped");
        }
        room
    }

    /// Counts an answer that was compared.
    pub(super) fn compared(&self, outcome: &'static str) {
        metrics::counter!("tessera_shadow_answers_total", "module" => self.module.clone(), "outcome" => outcome)
            .increment(1);
    }

    /// The name of the place in the shadow.
    pub(super) fn shadow_name(&self) -> &str {
        self.shadow.map_or("", |index| &self.spots[index].name)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a call, and takes a place back that does worse than the first.
    fn note(&self, index: usize, sample: Sample) {
        if !self.is_shared() {
            return;
        }
        let mut seen = self.seen();
        let samples = &mut seen.samples[index];
        samples.push_back(sample);
        if samples.len() > SAMPLES {
            samples.pop_front();
        }
        let now = sample.ended;
        if index == 0 || !self.is_asked(index) || now.saturating_duration_since(seen.judged) < JUDGE_EVERY {
            return;
        }
        seen.judged = now;
        let (first, other) = (&seen.samples[0], &seen.samples[index]);
        let Some(why) = verdict(&self.config, now, first.iter().copied(), other.iter().copied()) else { return };
        drop(seen);
        self.taken_back[index].store(true, Ordering::Relaxed);
        self.show(index);
        metrics::counter!("tessera_rollbacks_total", "module" => self.module.clone()).increment(1);
        let (module, place, instead) = (&*self.module, &*self.spots[index].name, &*self.spots[0].name);
        tracing::error!(
            module,
            place,
            instead,
            "a place does worse than the first one and is not asked any more: {why}"
        );
    }

    fn show(&self, index: usize) {
        let place = self.spots[index].name.clone();
        metrics::gauge!("tessera_place_weight", "module" => self.module.clone(), "place" => place)
            .set(f64::from(self.weight(index)));
    }

    /// It is gone by no more: its figures say so.
    pub fn retire(&self) {
        for spot in &self.spots {
            metrics::gauge!("tessera_place_weight", "module" => self.module.clone(), "place" => spot.name.clone())
                .set(0.0);
        }
    }
}

/// A call under way. One that is given up is a failure if its time was over: else it says nothing.
pub(super) struct Watched<'r> {
    rollout: &'r Rollout,
    index: usize,
    operation: &'r OperationInfo,
    begun: Instant,
    ended: bool,
}

impl Watched<'_> {
    pub(super) fn end(mut self, failed: bool) {
        self.ended = true;
        self.tell(failed);
    }

    fn tell(&self, failed: bool) {
        let ended = Instant::now();
        let took = ended.saturating_duration_since(self.begun);
        self.rollout.note(self.index, Sample { ended, took, failed });
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.ended && self.begun.elapsed() >= self.operation.limits.timeout {
            self.tell(true);
        }
    }
}

/// Says 0 of the figures of modules that may be at several places.
pub fn begin_rollout_figures(module: &str) {
    metrics::counter!("tessera_rollbacks_total", "module" => module.to_owned()).absolute(0);
    for outcome in ["same", "different", "failed", "skipped"] {
        metrics::counter!("tessera_shadow_answers_total", "module" => module.to_owned(), "outcome" => outcome)
            .absolute(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spot(weight: impl Into<Option<u32>>) -> Spot {
        Spot { name: "a place".into(), weight: weight.into() }
    }

    fn rollout(weights: &[Option<u32>]) -> Arc<Rollout> {
        Rollout::new("entitlement", weights.iter().copied().map(spot).collect(), RolloutConfig::default())
    }

    #[test]
    fn accounts_are_shared_out_by_weight() {
        let rollout = rollout(&[Some(95), None, Some(5)]);
        let mut counts = [0; 3];
        for account in 0..20_000 {
            counts[rollout.place_of("red", &format!("acc_{account}"))] += 1;
        }
        assert_eq!(counts[1], 0, "nobody is in the shadow");
        assert!((900..=1100).contains(&counts[2]), "{counts:?}");
    }

    proptest! {
        #[test]
        fn more_weight_takes_no_account_away(tenant in "[a-z]{3,8}", account in "[a-z0-9]{4,20}", weight in 0_u32..100) {
            let before = rollout(&[Some(100 - weight), Some(weight)]).place_of(&tenant, &account);
            let after = rollout(&[Some(99 - weight), Some(weight + 1)]).place_of(&tenant, &account);
            prop_assert!(before <= after);
        }
    }

    #[test]
    fn a_flag_names_a_place_that_may_have_no_weight_but_none_in_the_shadow() {
        let at = |name: &str, weight| Spot { name: name.into(), weight };
        let spots = vec![at("built-in", Some(1)), at("http://crm.example/", Some(0)), at("http://new.example", None)];
        let rollout = Rollout::new("entitlement", spots, RolloutConfig::default());
        assert_eq!(rollout.named("built-in"), Some(0));
        assert_eq!(rollout.named("http://crm.example"), Some(1));
        assert_eq!(rollout.named("http://new.example"), None);
        assert_eq!(rollout.named("http://old.example"), None);
        rollout.taken_back[1].store(true, Ordering::Relaxed);
        assert_eq!(rollout.named("http://crm.example"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_fails_is_not_asked_any_more() {
        let rollout = rollout(&[Some(1), Some(1)]);
        let ours = (0..).map(|n| format!("acc_{n}")).find(|account| rollout.place_of("red", account) == 1).unwrap();
        for _ in 0..100 {
            let ended = Instant::now();
            rollout.note(0, Sample { ended, took: Duration::from_millis(2), failed: false });
            rollout.note(1, Sample { ended, took: Duration::from_millis(2), failed: true });
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!(!rollout.is_asked(1));
        assert_eq!(rollout.place_of("red", &ours), 0);
    }
}
