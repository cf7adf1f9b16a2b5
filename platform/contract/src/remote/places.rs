//! Which of a module's addresses is asked: pure.
//!
//! The one with the fewest calls under way. One that fails again and again is left out for a time that grows, then tried
//! by one call, and is back when it answers. When all are left out, the one whose time is up first is asked all the same.

use std::time::Duration;

use tokio::time::Instant;

/// How long an address is left out the first time.
const FIRST: Duration = Duration::from_secs(1);
/// The longest time that an address is left out; one that stays for as long begins anew.
const LONGEST: Duration = Duration::from_secs(60);

/// Addresses of a module at most.
pub(super) const MOST: usize = 64;

/// The addresses, by their number.
#[derive(Debug, Clone)]
pub(super) struct Places {
    allowed: u32,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    under_way: usize,
    failures: u32,
    left_out: Option<LeftOut>,
    /// How long it was left out last, and when it came back.
    last: Option<(Duration, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct LeftOut {
    until: Instant,
    pause: Duration,
    tried: bool,
}

/// The address of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its number.
    pub(super) index: usize,
    /// The attempt finds out whether the address is back.
    tries: bool,
}

/// A change that an operator wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// It is left out for so long.
    Out(Duration),
    /// It is asked again.
    Back,
}

/// What is asked of the choice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    /// The addresses that this call has been to, a bit each by their number: another one, where there is one.
    pub(super) been: u64,
    /// The call may be made again elsewhere, so it can find out whether an address is back.
    pub(super) repeatable: bool,
    /// Breaks ties: any number.
    pub(super) turn: usize,
}

/// The bit of an address in [`Wish::been`].
pub(super) fn bit(index: usize) -> u64 {
    1 << (index % MOST)
}

impl Places {
    /// So many addresses, each left out after `allowed` failures in a row.
    pub(super) fn new(count: usize, allowed: u32) -> Self {
        Self { allowed, places: vec![Place::default(); count] }
    }

    /// How many are left out.
    pub(super) fn out(&self) -> usize {
        self.places.iter().filter(|place| place.left_out.is_some()).count()
    }

    /// Whether there is an address in use where a call has not `been`.
    pub(super) fn has_other(&self, been: u64) -> bool {
        self.places.iter().enumerate().any(|(index, place)| been & bit(index) == 0 && place.left_out.is_none())
    }

    /// The address for an attempt, which counts as under way from now on.
    pub(super) fn choose(&mut self, wish: Wish, now: Instant) -> Choice {
        let count = self.places.len();
        let order: Vec<usize> = (0..count).map(|step| (wish.turn % count + step) % count).collect();
        let fresh: Vec<usize> = order.iter().copied().filter(|index| wish.been & bit(*index) == 0).collect();
        let due = |index: &&usize| self.places[**index].left_out.is_some_and(|out| out.until <= now && !out.tried);
        let in_use = |among: &[usize]| -> Vec<usize> {
            among.iter().copied().filter(|index| self.places[*index].left_out.is_none()).collect()
        };
        let present = Some(in_use(&fresh)).filter(|present| !present.is_empty()).unwrap_or_else(|| in_use(&order));
        let back = fresh.iter().find(due).filter(|_| wish.repeatable || present.is_empty());
        let index = match back {
            Some(index) => *index,
            None if !present.is_empty() => self.idlest(&present),
            None => self.soonest(if fresh.is_empty() { &order } else { &fresh }),
        };
        let place = &mut self.places[index];
        place.under_way += 1;
        let tries = place.left_out.as_mut().is_some_and(|out| !std::mem::replace(&mut out.tried, true));
        Choice { index, tries }
    }

    fn idlest(&self, among: &[usize]) -> usize {
        among.iter().copied().min_by_key(|index| self.places[*index].under_way).unwrap_or_default()
    }

    fn soonest(&self, among: &[usize]) -> usize {
        let until = |index: &usize| self.places[*index].left_out.map(|out| out.until);
        among.iter().copied().min_by_key(until).unwrap_or_default()
    }

    /// Takes note of how an attempt ended; `None` says nothing of the address.
    pub(super) fn settle(&mut self, choice: Choice, well: Option<bool>, now: Instant) -> Option<Move> {
        let (alone, allowed) = (self.places.len() == 1, self.allowed);
        let place = &mut self.places[choice.index];
        place.under_way = place.under_way.saturating_sub(1);
        match (well, &mut place.left_out) {
            (None, Some(out)) if choice.tries => out.tried = false,
            (None, _) => {}
            (Some(true), out) => {
                place.failures = 0;
                let was = out.take()?;
                place.last = Some((was.pause, now));
                return Some(Move::Back);
            }
            (Some(false), Some(out)) if choice.tries && out.until <= now => {
                let pause = out.pause.saturating_mul(2).min(LONGEST);
                *out = LeftOut { until: now + pause, pause, tried: false };
            }
            (Some(false), Some(out)) if choice.tries => out.tried = false, // the last resort, before its time
            (Some(false), Some(_)) => {}
            (Some(false), None) => {
                place.failures = place.failures.saturating_add(1);
                if alone || place.failures < allowed {
                    return None;
                }
                let again = place.last.filter(|(_, back)| now.saturating_duration_since(*back) < LONGEST);
                let pause = again.map_or(FIRST, |(pause, _)| pause.saturating_mul(2).min(LONGEST));
                place.left_out = Some(LeftOut { until: now + pause, pause, tried: false });
                return Some(Move::Out(pause));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: Wish = Wish { been: 0, repeatable: true, turn: 0 };

    fn ask(places: &mut Places, well: bool, now: Instant) -> (usize, Option<Move>) {
        let choice = places.choose(ANY, now);
        (choice.index, places.settle(choice, Some(well), now))
    }

    #[test]
    fn the_one_with_the_fewest_calls_under_way_is_asked() {
        let (mut places, now) = (Places::new(3, 3), Instant::now());
        let choices: Vec<Choice> = (0..6).map(|turn| places.choose(Wish { turn, ..ANY }, now)).collect();
        let mut asked = [0; 3];
        choices.iter().for_each(|choice| asked[choice.index] += 1);
        assert_eq!(asked, [2, 2, 2]);
        let third = *choices.iter().find(|choice| choice.index == 2).unwrap();
        places.settle(third, Some(true), now);
        assert_eq!(places.choose(ANY, now).index, 2);
    }

    #[test]
    fn an_address_that_fails_is_left_out_longer_each_time_and_tried_by_one_call() {
        let (mut places, mut now) = (Places::new(2, 2), Instant::now());
        assert_eq!(ask(&mut places, false, now), (0, None));
        assert_eq!(ask(&mut places, false, now), (0, Some(Move::Out(FIRST))));
        assert_eq!((ask(&mut places, true, now), places.out()), ((1, None), 1));
        for pause in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
            now += pause - Duration::from_millis(1);
            assert_eq!(ask(&mut places, true, now).0, 1, "its time of {pause:?} is not up");
            now += Duration::from_millis(1);
            let trying = places.choose(ANY, now);
            assert_eq!((trying.index, places.choose(ANY, now).index), (0, 1), "one call at a time tries it");
            assert_eq!(places.settle(trying, Some(false), now), None);
        }
        now += LONGEST;
        let careful = Wish { repeatable: false, ..ANY };
        assert_eq!(places.choose(careful, now).index, 1, "what cannot be made again tries nothing");
        assert_eq!(ask(&mut places, true, now), (0, Some(Move::Back)));
        assert_eq!(places.out(), 0);
    }

    #[test]
    fn when_all_are_left_out_one_is_asked_all_the_same() {
        let (mut places, now) = (Places::new(2, 1), Instant::now());
        let first = ask(&mut places, false, now).0;
        let later = now + Duration::from_millis(5);
        assert_ne!(ask(&mut places, false, later).0, first);
        assert_eq!((places.out(), ask(&mut places, false, later).0), (2, first), "whose time is up first");
        let mut alone = Places::new(1, 1);
        assert!((0..9).all(|_| ask(&mut alone, false, now) == (0, None)), "the only one is never left out");
    }

    #[test]
    fn an_attempt_that_is_made_again_goes_elsewhere_where_it_can() {
        let (mut places, now) = (Places::new(3, 1), Instant::now());
        let been = |been| Wish { been, ..ANY };
        assert_eq!((places.choose(been(0b001), now).index, places.has_other(0b001)), (1, true));
        let third = places.choose(been(0b011), now);
        assert_eq!(third.index, 2);
        places.settle(third, Some(false), now);
        assert!(!places.has_other(0b011));
        assert_eq!(places.choose(been(0b011), now).index, 0, "rather where it has been than what is left out");
        assert_eq!(Places::new(1, 1).choose(been(1), now).index, 0);
    }

    proptest! {
        /// Whatever happens, an address is found, and once all is well everything is back within the longest pause.
        #[test]
        fn everything_comes_back(
            count in 1usize..5,
            steps in prop::collection::vec((0u64..20_000, 0..3u8, any::<usize>(), any::<bool>()), 0..200),
        ) {
            let (mut places, mut now) = (Places::new(count, 2), Instant::now());
            let mut under_way = Vec::new();
            for (passed, kind, turn, repeatable) in steps {
                now += Duration::from_millis(passed);
                let choice = places.choose(Wish { been: turn as u64 >> 9, repeatable, turn }, now);
                prop_assert!(choice.index < count);
                under_way.push(choice);
                if kind > 0 {
                    places.settle(under_way.swap_remove(turn % under_way.len()), Some(kind == 1), now);
                }
            }
            for choice in under_way.drain(..) {
                places.settle(choice, None, now);
            }
            prop_assert!(places.places.iter().all(|place| place.under_way == 0));
            now += LONGEST;
            for turn in 0..count {
                let choice = places.choose(Wish { turn, ..ANY }, now);
                places.settle(choice, Some(true), now);
            }
            prop_assert_eq!(places.out(), 0);
        }
    }
}
