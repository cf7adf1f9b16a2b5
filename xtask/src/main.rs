//! Guards of the tree, as commands: `cargo xtask tidy`, `cargo xtask contracts check`.

#![allow(clippy::print_stdout, reason = "a command's output")]

mod changelogs;
mod compatibility;
mod contracts;
#[cfg(test)]
mod every_break;
mod layers;
mod licences;
mod proto;
mod schema_change;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Guards of the tree.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check that layers point one way, files keep their shape, and each module has a version and a changelog that say the same.
    Tidy,
    /// Write what others made that is in the binary, and their licences: DEPENDENCIES.md and THIRD-PARTY.txt.
    Licences {
        /// Where to.
        #[arg(default_value = "target/licences")]
        folder: PathBuf,
    },
    /// The frozen documents of the contracts, contracts/*/v1/.
    Contracts {
        #[command(subcommand)]
        action: Action,
    },
}

#[derive(Subcommand)]
enum Action {
    /// Regenerate, compare with what is frozen, and name every difference.
    Check,
    /// Write the documents. Refuses a change that would break a caller.
    Freeze {
        /// Break callers all the same: for a contract that was never released.
        #[arg(long)]
        breaking: bool,
    },
}

fn main() -> ExitCode {
    let root = root();
    let findings = match Arguments::parse().command {
        Command::Tidy => tidy::check(&root),
        Command::Licences { folder } => licences::write(&root, &root.join(folder)),
        Command::Contracts { action: Action::Check } => contracts::check(&root),
        Command::Contracts { action: Action::Freeze { breaking } } => contracts::freeze(&root, breaking),
    };
    for finding in &findings {
        println!("{finding}");
    }
    match findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            println!("{} found", findings.len());
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is a folder of the workspace").to_owned()
}
