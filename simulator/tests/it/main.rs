//! A fixed handful of seeds, and that a seed is one story.

use tessera_simulator::{Options, run};

#[test]
fn a_handful_of_seeds_holds() {
    for seed in 1..=40 {
        let verdict = run(seed, &Options::default());
        let last = verdict.trace.last().cloned().unwrap_or_default();
        let again = format!("cargo run -p tessera-simulator -- --seed {seed} --trace");
        assert_eq!(verdict.broken, None, "seed {seed}, step {}: {last}\nagain: {again}", verdict.step);
    }
}

#[test]
fn a_seed_is_the_same_story_every_time() {
    for seed in [3, 4711] {
        let (one, other) = (run(seed, &Options::default()), run(seed, &Options::default()));
        assert!(one.trace.len() > 60, "a story of its length");
        assert_eq!(one.trace, other.trace, "seed {seed}");
    }
}
