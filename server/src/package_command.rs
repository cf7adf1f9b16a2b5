//! `tessera package`: packaging without a server.

use std::{io::IsTerminal, path::PathBuf};

use tessera_package::{Encryption, Options, Progress, package};

use crate::{
    cli::{Package, PackageScheme},
    error::CommandError,
    output::{say, tell},
};

/// Packages, and prints the files that were made.
pub(crate) async fn run(arguments: Package) -> Result<(), CommandError> {
    let options = options(arguments)?;
    let work = tokio::task::spawn_blocking(move || {
        let mut shown = None;
        package(&options, |progress| show(progress, &mut shown))
    });
    let report = work.await.map_err(|e| CommandError::caused("packaging", e))?;
    let report = report.map_err(|e| CommandError::caused("packaging", e))?;
    for (input, kind) in &report.skipped {
        say(&format!("{}: a track of type '{kind}' is left out: neither video nor audio", input.display()));
    }
    let files: Vec<String> = report.files.iter().map(|file| file.display().to_string()).collect();
    tell(&files.join("\n"));
    Ok(())
}

/// Every tenth of the way, to a person who watches.
fn show(Progress { done, total }: Progress, shown: &mut Option<u64>) {
    let tenth = done * 10 / total.max(1);
    if std::io::stderr().is_terminal() && *shown != Some(tenth) {
        *shown = Some(tenth);
        say(&format!("{} %", tenth * 10));
    }
}

fn options(arguments: Package) -> Result<Options, CommandError> {
    let Package { inputs, out, scheme, key_id, key, iv, license_url, segment_seconds, overwrite } = arguments;
    let keys = key_id.zip(key);
    let encryption = match (scheme, keys) {
        (PackageScheme::Clear, _) => None,
        (_, None) => {
            return Err(CommandError::new(
                "encrypting needs a key: --key-id and --key with 32 hexadecimal digits each, or --scheme clear",
            ));
        }
        (PackageScheme::Cbcs, Some((id, key))) => Some(Encryption::cbcs(&id, &key)),
        (PackageScheme::Cenc, Some((id, key))) => Some(Encryption::cenc(&id, &key)),
    };
    let with_iv = |encryption: Encryption| match &iv {
        Some(iv) => encryption.with_iv(iv),
        None => Ok(encryption),
    };
    let encryption = encryption.map(|encryption| encryption.and_then(with_iv)).transpose();
    let encryption = encryption.map_err(|e| CommandError::new(e.to_string()))?;
    let encryption = encryption.map(|encryption| Encryption { license_url, ..encryption });
    let output: PathBuf = out;
    Ok(Options { inputs, output, segment_duration: segment_seconds, encryption, overwrite })
}
