//! Kills the server again and again while people buy, upload and watch; `docs/faults.md` describes it.
//!
//! - `soak` kills KILLS times (1000), in rounds of a fresh deployment each; round after round from SEED (random) on.
//! - `soak STEP POINT` replays one point of `tests/crash-points.txt`.
//! - `soak trace` prints the points that each step leads to, as that file has them.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, Instant},
};

use tessera_tests::crash::{Kill, Step, Storm, World, audit, storm};

/// Kills of one deployment.
const ROUND: u64 = 50;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => soak(number("KILLS").unwrap_or(1000), number("SEED").unwrap_or_else(any_seed)).await,
        [step, point] => match step.parse() {
            Ok(step) => at(Kill { step, point: point.to_owned() }).await,
            Err(error) => usage(&error),
        },
        ["trace"] => trace().await,
        _ => usage("there is no such command"),
    }
}

fn usage(error: &str) -> ExitCode {
    let steps: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
    eprintln!("{error}: soak | soak STEP POINT | soak trace, where STEP is one of {}", steps.join(", "));
    ExitCode::FAILURE
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number, got {text:?}")))
}

fn any_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() >> 32
}

/// Round after round; stops at the first that fails, with the command that replays it.
async fn soak(kills: u64, seed: u64) -> ExitCode {
    let (began, mut killed, mut seed) = (Instant::now(), 0, seed);
    while killed < kills {
        let round = Storm { seed, kills: ROUND.min(kills - killed) };
        // Its panics are this round's, and do not unwind into the summary.
        let done = tokio::task::LocalSet::new().run_until(async { tokio::task::spawn_local(one(round)).await }).await;
        match done {
            Ok(line) => eprintln!("{:>5} s  {line}", began.elapsed().as_secs()),
            Err(_) => {
                eprintln!("FAILED after {killed} kills; to replay: make soak KILLS={} SEED={seed}", round.kills);
                return ExitCode::FAILURE;
            }
        }
        killed += round.kills;
        seed = seed.wrapping_add(1);
    }
    eprintln!(
        "{killed} kills in {} s: nothing acknowledged was lost, nothing was charged twice",
        began.elapsed().as_secs()
    );
    ExitCode::SUCCESS
}

async fn one(round: Storm) -> String {
    // Every fourth seed: whoever replays a round gives the seed, and no more.
    let world = if round.seed % 4 == 3 { World::replicated().await } else { World::make().await };
    let steps = storm(&world, round).await;
    format!("seed {}: {} deaths, {steps} steps, {}", round.seed, world.deaths(), audit(&world).await)
}

async fn at(kill: Kill) -> ExitCode {
    let world = World::make().await;
    kill.step.run(&world, None).await;
    kill.carry_out(&world).await;
    eprintln!("{kill}: {}", audit(&world).await);
    ExitCode::SUCCESS
}

async fn trace() -> ExitCode {
    let world = World::make().await;
    let mut seen = BTreeSet::new();
    for step in Step::ALL {
        step.run(&world, None).await;
        loop {
            let before = world.traced().len();
            tokio::time::sleep(Duration::from_secs(3)).await; // jobs and consumers come a little later
            if world.traced().len() == before {
                break;
            }
        }
        for point in world.traced().difference(&seen) {
            eprintln!("{step} {point}");
        }
        seen = world.traced();
    }
    ExitCode::SUCCESS
}
