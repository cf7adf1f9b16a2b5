//! `tessera-simulator --seeds 1..10000`, and one seed again with `--seed 4711 --trace`.

#![allow(clippy::print_stdout, reason = "a command's answer goes to its caller")]

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use clap::Parser;
use tessera_simulator::{Options, Verdict, run};

/// Runs billing, entitlement and events through seeded stories with faults, and checks what must always hold.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds to run, `first..last`, the last one included.
    #[arg(long, default_value = "1..100", value_parser = range, conflicts_with = "seed")]
    seeds: (u64, u64),
    /// One seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps a seed; fewer make a failure's story shorter.
    #[arg(long, default_value_t = Options::default().steps)]
    steps: usize,
    /// Print every step.
    #[arg(long)]
    trace: bool,
    /// Threads; each runs seeds of its own.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let parsed = text.split_once("..").and_then(|(first, last)| {
        Some((first.parse::<u64>().ok()?, last.trim_start_matches('=').parse::<u64>().ok()?))
    });
    match parsed {
        Some((first, last)) if first <= last => Ok((first, last)),
        _ => Err(format!("seeds are two numbers such as 1..10000, the smaller one first, got {text:?}")),
    }
}

fn main() -> ExitCode {
    if !cfg!(debug_assertions) {
        println!("This build has no points at which anything could fail: run it without --release.");
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    let (first, last) = arguments.seed.map_or(arguments.seeds, |seed| (seed, seed));
    let options = Options { steps: arguments.steps, ..Options::default() };
    let (next, done, began) = (AtomicU64::new(first), AtomicU64::new(0), Instant::now());
    let failed: Vec<Verdict> = thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > last {
                    return failed;
                }
                let verdict = run(seed, &options);
                if arguments.trace {
                    println!("seed {seed}\n{}", verdict.trace.join("\n"));
                }
                if verdict.broken.is_some() {
                    report(&verdict, &arguments);
                    failed.push(verdict);
                }
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(500) {
                    println!("{done} of {} seeds in {} s", last - first + 1, began.elapsed().as_secs());
                }
            }
        };
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let seeds = last - first + 1;
    println!("{seeds} seeds in {:.1} s: {} failed", began.elapsed().as_secs_f64(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(verdict: &Verdict, arguments: &Arguments) {
    let Verdict { seed, step, trace, broken } = verdict;
    let Some(broken) = broken else { return };
    println!("seed {seed} failed at step {step}: {broken}");
    for line in trace.iter().skip(trace.len().saturating_sub(8)) {
        println!("  {line}");
    }
    let steps = match arguments.steps == Options::default().steps {
        true => String::new(),
        false => format!(" --steps {}", arguments.steps),
    };
    println!("  again: cargo run -p tessera-simulator -- --seed {seed}{steps} --trace");
}
