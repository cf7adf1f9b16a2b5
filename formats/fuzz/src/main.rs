//! `cargo run -p tessera-fuzz`: a million cases, one case again, or the corpus anew.

mod campaign;
mod materials;
mod worker;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};
use tessera_fuzz::{Case, corpus, target};

/// Changed files for every parser of the media formats.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run cases of every file and target, and print those that find something. Ends with 1 when there are any.
    Run {
        /// How many.
        #[arg(default_value_t = 1_000_000)]
        cases: u64,
        /// The first seed of each file.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Of this target alone.
        #[arg(long)]
        target: Option<String>,
    },
    /// Run one case again, as a finding names it.
    Replay {
        /// The parser.
        target: String,
        /// The file of the corpus.
        file: String,
        /// How it is changed; not at all without.
        seed: Option<u64>,
        /// Write its bytes to this file, such as to keep them in the corpus.
        #[arg(long)]
        keep: Option<std::path::PathBuf>,
    },
    /// Make the corpus anew: needs FFmpeg. Files that findings left there stay.
    Corpus,
    /// Run a range of cases; what `run` starts.
    #[command(hide = true)]
    Worker(worker::Range),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run { cases, from, target } => campaign::run(cases, from, target.as_deref()),
        Command::Replay { target, file, seed, keep } => replay(&target, &file, seed, keep.as_deref()),
        Command::Corpus => materials::make().map(|()| true).map_err(|error| error.to_string()),
        Command::Worker(range) => worker::run(&range),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Words to the person at the keyboard.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}"); // nobody is there to be told that nobody is there
}

/// Results.
fn tell(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| format!("writing results: {error}"))
}

fn replay(name: &str, file: &str, seed: Option<u64>, keep: Option<&std::path::Path>) -> Result<bool, String> {
    let target = target(name).ok_or_else(|| format!("there is no target {name}"))?;
    let files = corpus(target.kind).map_err(|error| format!("reading the corpus of {}: {error}", target.kind))?;
    let material = files.iter().find(|material| material.name == file);
    let material = material.ok_or_else(|| format!("there is no corpus/{}/{file}", target.kind))?;
    let case = Case { target, material, seed };
    if let Some(path) = keep {
        std::fs::write(path, case.bytes()).map_err(|error| format!("writing {}: {error}", path.display()))?;
    }
    match case.run() {
        Ok(true) => tell(&format!("{case}: it is taken")).map(|()| true),
        Ok(false) => tell(&format!("{case}: it is refused")).map(|()| true),
        Err(finding) => tell(&format!("{case}: {finding}")).map(|()| false),
    }
}
