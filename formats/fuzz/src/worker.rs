//! A process that runs cases: what kills it is a finding, and whoever started it is told which case it was.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use clap::Args;
use tessera_fuzz::{Case, Material, TARGETS, Target, corpus};

use crate::{say, tell};

/// How long a case may take: they take less than a millisecond, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which cases.
#[derive(Debug, Clone, Args)]
pub(crate) struct Range {
    /// The number of the first.
    pub(crate) first: u64,
    /// The number after the last.
    pub(crate) end: u64,
    /// Added to each seed.
    pub(crate) from: u64,
    /// Of this target alone.
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Name each case before it is run.
    #[arg(long)]
    pub(crate) announce: bool,
}

/// Every target with every file of its kind, in order.
pub(crate) fn pairs(only: Option<&str>) -> Result<Vec<(&'static Target, Material)>, String> {
    let mut pairs = Vec::new();
    for target in TARGETS.iter().filter(|target| only.is_none_or(|only| only == target.name)) {
        let files = corpus(target.kind).map_err(|error| format!("reading the corpus of {}: {error}", target.kind))?;
        pairs.extend(files.into_iter().map(|material| (target, material)));
    }
    if pairs.is_empty() { Err("there is no such target, or no corpus".to_owned()) } else { Ok(pairs) }
}

/// Runs the cases, and prints findings, and on standard error how many were taken. True when there are no findings.
pub(crate) fn run(range: &Range) -> Result<bool, String> {
    let pairs = pairs(range.target.as_deref())?;
    let count = pairs.len() as u64;
    let case = |number: u64| {
        // Below the number of pairs.
        let (target, material) = &pairs[(number % count) as usize];
        Case { target, material, seed: Some(range.from.wrapping_add(number / count)) }
    };
    // What a panic says is in the finding.
    std::panic::set_hook(Box::new(|_| {}));
    let (running, name) = (AtomicU64::new(range.first), Mutex::new(String::new()));
    let (mut sound, mut taken) = (true, 0u64);
    thread::scope(|scope| {
        scope.spawn(|| watch(&running, range.end, &name));
        let done = (range.first..range.end).try_for_each(|number| {
            let case = case(number);
            *name.lock().unwrap_or_else(PoisonError::into_inner) = case.to_string();
            running.store(number, Ordering::Release);
            if range.announce {
                tell(&case.to_string())?;
            }
            match case.run() {
                Ok(parsed) => taken += u64::from(parsed),
                Err(finding) => {
                    sound = false;
                    tell(&format!("{case}: {finding}"))?;
                }
            }
            Ok::<(), String>(())
        });
        running.store(range.end, Ordering::Release);
        done
    })?;
    say(&taken.to_string());
    Ok(sound)
}

/// Ends the process when a case goes on for too long, and says which.
fn watch(running: &AtomicU64, end: u64, name: &Mutex<String>) {
    const LOOKS: u32 = 100;
    let (mut last, mut looks) = (u64::MAX, 0);
    loop {
        let now = running.load(Ordering::Acquire);
        if now >= end {
            return;
        }
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
        if looks > LOOKS {
            let case = name.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = tell(&format!("{case}: it is not done after {} s", PATIENCE.as_secs()));
            std::process::exit(3);
        }
        thread::sleep(PATIENCE / LOOKS);
    }
}
