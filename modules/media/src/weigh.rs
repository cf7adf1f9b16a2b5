//! A film's moments coded and compared, for [`crate::content`].

use std::path::Path;

use crate::{
    child::{ChildError, Limits, Sandbox},
    content::{self, SAMPLES, Similarity},
    plan::Plan,
    probe::Source,
};

/// Steps of rate factor that the film in `folder` can do without.
pub(crate) async fn weigh(
    (sandbox, program): (&Sandbox, &str),
    folder: &Path,
    limits: &Limits,
    (source, plan): (&Source, &Plan),
) -> Result<u8, ChildError> {
    let Some(arguments) = content::sample(source, plan) else { return Ok(0) };
    sandbox.run(program, arguments, folder, limits, |_| Ok(())).await?;
    let mut found = Vec::new();
    for file in SAMPLES {
        let Some(arguments) = content::compare(source, plan, file) else { return Ok(0) };
        let mut similarity = Similarity::default();
        let on_output = |bytes: &[u8]| {
            similarity.push(bytes);
            Ok(())
        };
        sandbox.run(program, arguments, folder, limits, on_output).await?;
        found.push(similarity.decibels());
    }
    match found.as_slice() {
        [Some(usual), Some(least)] => Ok(content::saved(*usual, *least)),
        _ => Ok(0),
    }
}
