//! The list of points, and whether it is whole.

use std::{collections::BTreeSet, fmt, fs};

use tessera_contract::{Idempotency, Method};

use super::{Step, World, step::AFTERWARDS};

/// A point to die at, and what to do to get there.
#[derive(Debug, Clone)]
pub struct Kill {
    /// What leads to it.
    pub step: Step,
    /// The point: `name`, or `name#3` for the third time.
    pub point: String,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.step, self.point)
    }
}

/// The committed list: `tests/crash-points.txt`.
pub fn points() -> Vec<Kill> {
    let path = crate::project().join("tests/crash-points.txt");
    let list = fs::read_to_string(&path).expect("tests/crash-points.txt is there");
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let kill = |line: &str| {
        let (step, point) = line.split_once(' ').unwrap_or_else(|| panic!("a line is a step and a point: {line}"));
        Kill { step: step.parse().unwrap_or_else(|e| panic!("{e}: {line}")), point: point.trim().to_owned() }
    };
    lines.map(kill).collect()
}

impl Kill {
    /// The point's name, without how often.
    pub fn name(&self) -> &str {
        self.point.split('#').next().unwrap_or_default()
    }

    /// Takes the step, dies on the way, and takes it to its end.
    pub async fn carry_out(&self, world: &World) {
        if self.step == Step::Tenant {
            return self.step.run(world, Some(&self.point)).await;
        }
        let before = world.deaths();
        world.arm(0, &self.point);
        self.step.run(world, None).await;
        let died = world.dies(before, AFTERWARDS).await;
        world.disarm(0);
        assert!(
            died,
            "the step {} does not lead to {}: give it another step in tests/crash-points.txt",
            self.step, self.point
        );
    }
}

/// Every operation that can leave something behind: before and after each is a point.
pub fn operations() -> BTreeSet<String> {
    let all = tessera_contracts::ALL.iter().flat_map(|entry| entry.info.operations.iter());
    let effectful = all.filter(|o| o.idempotency == Idempotency::Key || o.method != Method::Get);
    effectful.flat_map(|o| ["before", "after"].map(|when| format!("call.{when}:{}.{}", o.contract, o.name))).collect()
}
