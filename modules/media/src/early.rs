//! Which rendition of a long film is made first, with all of its sound, so that it can be watched while the others are made.

use crate::plan::Plan;

/// The short side of the picture that is made first, in pixels at most: quick to make, and good enough to begin with.
const EARLY_SIDE: u32 = 480;

/// A plan in the order in which it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// What is made first; none where everything is made at once.
    pub(crate) early: Option<Plan>,
    /// What is made then.
    pub(crate) rest: Plan,
}

impl Order {
    /// Of the plan for a film of `duration` seconds, where those of `from_seconds` and more are to be playable early.
    pub(crate) fn of(plan: &Plan, duration: f64, from_seconds: u64) -> Self {
        let small = |width: u32, height: u32| width.min(height) <= EARLY_SIDE;
        let first = plan.video.iter().position(|track| small(track.width, track.height));
        match first.filter(|_| plan.video.len() > 1 && duration >= from_seconds as f64) {
            Some(first) => {
                let (mut early, mut rest) = (plan.clone(), plan.clone());
                early.video = vec![rest.video.remove(first)];
                rest.audio.clear();
                Self { early: Some(early), rest }
            }
            None => Self { early: None, rest: plan.clone() },
        }
    }
}

/// Where a track stands in a plan: video as planned, then audio.
pub(crate) fn place(plan: &Plan, track_id: &str) -> usize {
    plan.track_ids().iter().position(|id| id == track_id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LadderConfig, fixture::source};

    fn plan(width: u32, height: u32) -> Plan {
        Plan::of(&source(width, height, "25/1"), &LadderConfig::default())
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.video.iter().map(|track| track.track_id.as_str()).collect()
    }

    #[test]
    fn a_long_film_gets_the_tallest_of_its_small_renditions_first() {
        let plan = plan(1920, 1080);
        let order = Order::of(&plan, 100.0, 60);
        assert_eq!(order.early.as_ref().map(ids), Some(vec!["v480"]));
        assert_eq!(ids(&order.rest), ["v1080", "v720", "v360", "v240"]);
        assert_eq!(place(&plan, "v480"), 2);
        assert_eq!(Order::of(&plan, 59.0, 60), Order { early: None, rest: plan });
    }

    #[test]
    fn a_film_of_one_rendition_is_made_at_once_and_a_standing_one_by_its_short_side() {
        let small = plan(320, 180);
        assert_eq!(Order::of(&small, 100.0, 60), Order { early: None, rest: small.clone() });
        let standing = plan(720, 1280);
        assert_eq!(Order::of(&standing, 100.0, 60).early.as_ref().map(ids), Some(vec!["v480"]));
    }
}
