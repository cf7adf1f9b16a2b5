//! A seed from its first step to its verdict.

use crate::{Broken, Dice, access, broken::NO_SURPRISE, finish, sim::Sim, twins};

/// How a seed is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Steps before everything is drained; fewer find a failure's shortest story.
    pub steps: usize,
    /// Questions to the pure decision.
    pub questions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: 60, questions: 300 }
    }
}

/// What became of a seed.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Which.
    pub seed: u64,
    /// The step it came to.
    pub step: usize,
    /// What happened, a line a step.
    pub trace: Vec<String>,
    /// The property that did not hold.
    pub broken: Option<Broken>,
}

/// Of so many seeds one is run for what twins must agree in, in turn with the other kind.
const TWINS: u64 = 8;

/// Runs a seed on this thread, on a runtime and in a folder of its own.
pub fn run(seed: u64, options: &Options) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(simulate(seed, options)),
        Err(error) => {
            let broken = Some(Broken::new(NO_SURPRISE, "a runtime", error.to_string()));
            Verdict { seed, step: 0, trace: Vec::new(), broken }
        }
    }
}

async fn simulate(seed: u64, options: &Options) -> Verdict {
    let mut verdict = Verdict { seed, step: 0, trace: Vec::new(), broken: None };
    let asked = access::ask(&mut Dice::new(seed).fork(9), options.questions);
    verdict.broken = match asked {
        Err(broken) => Some(broken),
        Ok(()) => world(seed, options, &mut verdict).await.err(),
    };
    if verdict.broken.is_none() {
        verdict.broken = match seed % TWINS {
            0 => twins::advance(seed, options).await.err(),
            4 => twins::converge(seed, options).await.err(),
            _ => None,
        };
    }
    verdict
}

async fn world(seed: u64, options: &Options, verdict: &mut Verdict) -> Result<(), Broken> {
    let mut sim = open(seed).await?;
    let mut end = sim.run(options.steps).await;
    if end.is_ok() {
        end = finish::finish(&mut sim).await;
    }
    verdict.step = sim.step;
    verdict.trace = std::mem::take(&mut sim.trace);
    sim.world.close().await;
    end
}

/// A world after a seed's steps, before it is drained.
pub(crate) async fn begin(seed: u64, options: &Options) -> Result<Sim, Broken> {
    let mut sim = open(seed).await?;
    sim.run(options.steps).await?;
    Ok(sim)
}

async fn open(seed: u64) -> Result<Sim, Broken> {
    let opened = Sim::new(seed).await;
    opened.map_err(|failure| Broken::new(NO_SURPRISE, "a fresh world", format!("{failure:?}")))
}
