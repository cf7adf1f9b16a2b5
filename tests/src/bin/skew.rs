//! The last release and this tree together, module by module and both ways, under load; `make skew`.
//!
//! - `skew` runs every mix of versions; `skew MODULE` those of one module, `skew replicas` the two side by side on one database.
//! - SECONDS=10 is how long people work on each.

use std::{process::ExitCode, time::Duration};

use tessera_tests::skew::{Mix, head, run};

#[tokio::main]
async fn main() -> ExitCode {
    let only = std::env::args().nth(1);
    let mixes = match Mix::all(only.as_deref()) {
        Ok(mixes) => mixes,
        Err(error) => {
            eprintln!("skew: {error}");
            return ExitCode::FAILURE;
        }
    };
    let seconds = std::env::var("SECONDS").ok().filter(|text| !text.is_empty());
    let seconds =
        seconds.map_or(10, |text| text.parse().unwrap_or_else(|_| panic!("SECONDS is a number, not {text:?}")));
    eprintln!("{}", head());
    let mut failed = 0;
    for mix in &mixes {
        let outcome = run(mix, Duration::from_secs(seconds)).await;
        eprintln!("{outcome}");
        for failure in &outcome.failures {
            eprintln!("    {failure}");
        }
        failed += usize::from(!outcome.failures.is_empty());
    }
    eprintln!("{} of {} went well", mixes.len() - failed, mixes.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
