//! The passphrase of an export: from a file, the environment, or whoever sits at the terminal.

use std::{fs, io::IsTerminal, path::Path};

use console::Term;
use tessera_runtime::config::Secret;

use crate::error::CommandError;

/// The variable that may hold it.
pub(crate) const VARIABLE: &str = "TESSERA_KEYS_PASSPHRASE";
const SHORTEST: usize = 12;

/// The passphrase for a new export: long enough, and typed twice.
pub(super) fn new(file: Option<&Path>) -> Result<Secret<String>, CommandError> {
    let passphrase = match given(file)? {
        Some(passphrase) => passphrase,
        None => {
            let first = ask("Passphrase for the export: ")?;
            if ask("The same again: ")?.expose() != first.expose() {
                return Err(CommandError::new("the two are not the same: nothing was exported"));
            }
            first
        }
    };
    match passphrase.expose().chars().count() >= SHORTEST {
        true => Ok(passphrase),
        false => Err(CommandError::new(format!(
            "the passphrase is too short to protect every key there is: take {SHORTEST} characters or more"
        ))),
    }
}

/// The passphrase of an export that is there.
pub(super) fn of_export(file: Option<&Path>) -> Result<Secret<String>, CommandError> {
    given(file)?.map_or_else(|| ask("Passphrase of the export: "), Ok)
}

fn given(file: Option<&Path>) -> Result<Option<Secret<String>>, CommandError> {
    if let Some(path) = file {
        let doing = || format!("reading the passphrase from {}", path.display());
        let text = fs::read_to_string(path).map_err(|e| CommandError::caused(doing(), e))?;
        return Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())));
    }
    Ok(std::env::var(VARIABLE).ok().map(Secret::new))
}

fn ask(prompt: &str) -> Result<Secret<String>, CommandError> {
    if !std::io::stdin().is_terminal() {
        let none = format!("no passphrase: give --passphrase-file FILE, or {VARIABLE} in the environment");
        return Err(CommandError::new(none));
    }
    let terminal = Term::stderr();
    let typed = terminal.write_str(prompt).and_then(|()| terminal.read_secure_line());
    typed.map(Secret::new).map_err(|e| CommandError::caused("reading the passphrase", e))
}
