//! Many cases, a part of them in each of a few processes: a parser that overflows its stack or takes all memory ends one of
//! them, and no more.

use std::{
    collections::BTreeSet,
    env,
    process::{Command, Output},
    thread,
    time::Instant,
};

use crate::{
    say, tell,
    worker::{Range, pairs},
};

/// Cases a process.
const CASES: u64 = 20_000;
/// Processes at once.
const PROCESSES: u64 = 2;

/// Runs so many cases, and prints findings and figures. True when nothing was found.
pub(crate) fn run(cases: u64, from: u64, target: Option<&str>) -> Result<bool, String> {
    let pairs = pairs(target)?;
    say(&format!("{cases} cases of {} files and targets, seeds from {from} on", pairs.len()));
    let begun = Instant::now();
    let (mut findings, mut taken) = (BTreeSet::new(), 0);
    for first in (0..cases).step_by((CASES * PROCESSES) as usize) {
        let ranges = (0..PROCESSES).map(|place| {
            let first = (first + place * CASES).min(cases);
            let end = (first + CASES).min(cases);
            Range { first, end, from, target: target.map(str::to_owned), announce: false }
        });
        let found: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = ranges.map(|range| scope.spawn(move || part(range))).collect();
            running
                .into_iter()
                .map(|part| part.join().unwrap_or_else(|_| Err("a thread panicked".to_owned())))
                .collect()
        });
        for part in found {
            let part = part?;
            taken += part.taken;
            for line in part.findings {
                tell(&line)?;
                findings.insert(line);
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = cases as f64 / seconds.max(0.001);
    let found = findings.len();
    tell(&format!("{cases} cases in {seconds:.1} s, {rate:.0} a second: {taken} taken, {found} findings"))?;
    if !findings.is_empty() {
        say("again: cargo run -p tessera-fuzz -- replay TARGET FILE SEED");
    }
    Ok(findings.is_empty())
}

/// What a process found, and how many cases were taken in it.
#[derive(Default)]
struct Part {
    findings: Vec<String>,
    taken: u64,
}

/// Runs a range of cases.
fn part(range: Range) -> Result<Part, String> {
    if range.first >= range.end {
        return Ok(Part::default());
    }
    let output = worker(&range)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let taken = text(&output.stderr).lines().last().and_then(|line| line.parse().ok()).unwrap_or(0);
    let mut part = Part { findings: text(&output.stdout).lines().map(str::to_owned).collect(), taken };
    // 0 and 1 are answers; 3 has named the case that did not end.
    if !matches!(output.status.code(), Some(0 | 1 | 3)) {
        let again = worker(&Range { announce: true, ..range })?;
        let last = text(&again.stdout).lines().last().map(str::to_owned);
        part.findings.push(format!("{}: the process ended with {}", last.unwrap_or_default(), output.status));
    }
    Ok(part)
}

fn worker(range: &Range) -> Result<Output, String> {
    let this = env::current_exe().map_err(|error| format!("finding this program: {error}"))?;
    let numbers = [range.first, range.end, range.from].map(|number| number.to_string());
    let mut command = Command::new(this);
    command.arg("worker").args(numbers);
    command.args(range.target.iter().flat_map(|target| ["--target", target]));
    command.args(range.announce.then_some("--announce"));
    command.output().map_err(|error| format!("running a part: {error}"))
}
