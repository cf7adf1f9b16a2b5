//! Which of a step's points fail, and whether the process dies at one.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tessera_faults::{Failing, fail_when};

use crate::Dice;

/// Points looked at in a step; most steps pass fewer.
const POINTS: usize = 12;
/// What may be away for a whole step.
const AWAY: [&str; 5] = [
    "call.before:entitlement",
    "call.after:entitlement",
    "commit.before:billing",
    "commit.before:entitlement",
    "event",
];

/// The faults of this thread, for as long as this lives.
pub(crate) struct Faults {
    plan: Rc<RefCell<Plan>>,
    dead: Arc<AtomicBool>,
    _failing: Failing,
}

#[derive(Default)]
struct Plan {
    passed: usize,
    fails: BTreeSet<usize>,
    dies: Option<usize>,
    /// Points whose names begin so fail, each time.
    away: Option<&'static str>,
    /// For how many more steps entitlement cannot be reached at all.
    outage: usize,
    /// Points that failed.
    failed: Vec<String>,
}

impl Faults {
    /// `dead` says that the process has died: from its point on everything fails.
    pub(crate) fn new(dead: Arc<AtomicBool>) -> Self {
        let plan = Rc::new(RefCell::new(Plan::default()));
        let (plans, died) = (plan.clone(), dead.clone());
        let failing = fail_when(move |point| {
            let mut plan = plans.borrow_mut();
            plan.passed += 1;
            let at = plan.passed;
            if plan.dies == Some(at) {
                died.store(true, Ordering::SeqCst);
            }
            let fails = died.load(Ordering::SeqCst)
                || plan.fails.contains(&at)
                || plan.away.is_some_and(|away| point.starts_with(away));
            if fails {
                plan.failed.push(point.to_owned());
            }
            fails
        });
        Self { plan, dead, _failing: failing }
    }

    /// Throws for the next step: most have no fault, some have one or two, a few end the process.
    pub(crate) fn draw(&self, dice: &mut Dice, percent: usize) {
        let outage = self.plan.borrow().outage;
        let mut plan = Plan { outage: outage.saturating_sub(1), ..Plan::default() };
        if outage > 0 {
            plan.away = Some(AWAY[0]);
        } else if dice.percent(percent) {
            if dice.percent(10) {
                plan.outage = 4 + dice.below(12);
            }
            for _ in 0..1 + dice.below(2) {
                plan.fails.insert(1 + dice.below(POINTS));
            }
            if dice.percent(25) {
                plan.away = Some(*dice.pick(&AWAY));
            }
            if dice.percent(20) {
                plan.dies = Some(1 + dice.below(POINTS));
            }
        }
        *self.plan.borrow_mut() = plan;
    }

    /// From now on nothing fails. Answers the points that did.
    pub(crate) fn clear(&self) -> Vec<String> {
        let mut plan = self.plan.borrow_mut();
        let outage = plan.outage;
        std::mem::replace(&mut *plan, Plan { outage, ..Plan::default() }).failed
    }

    /// Whether the process has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Another process.
    pub(crate) fn revive(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }
}
