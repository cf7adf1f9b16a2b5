//! Versions: the last release, as `RELEASES` names it, with its binary; and those of modules, as their changelogs name them.

use std::{fs, path::PathBuf};

use crate::project;

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: String,
}

impl Release {
    /// The newest that `RELEASES` names.
    ///
    /// # Panics
    /// It names none.
    pub fn last() -> Self {
        let all = fs::read_to_string(project().join("RELEASES")).expect("RELEASES is a file of the tree");
        let newest = all.lines().find(|line| !line.starts_with('#') && !line.is_empty());
        let version = newest.and_then(|line| line.split(' ').next()).expect("RELEASES names a release");
        Self { version: version.to_owned() }
    }

    /// Its binary, as `scripts/setup skew` has built it.
    ///
    /// # Errors
    /// What to run, where it has not.
    pub fn binary(&self) -> Result<PathBuf, String> {
        let cache = std::env::var_os("TESSERA_CACHE").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tessera"));
        let cache = cache.or_else(home).ok_or("there is no HOME to look for the cache in")?;
        let binary = cache.join("released").join(&self.version).join("tessera");
        match binary.exists() {
            true => Ok(binary),
            false => Err(format!("there is no {}: run scripts/setup skew", binary.display())),
        }
    }
}

/// The version of a module of this tree: the newest entry of its changelog.
///
/// # Panics
/// It has no changelog with an entry.
pub fn module_version(module: &str) -> String {
    let file = project().join("modules").join(module).join("CHANGELOG.md");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let newest = text.lines().find_map(|line| line.strip_prefix("## [")?.split_once(']')).map(|(version, _)| version);
    newest.unwrap_or_else(|| panic!("{} has no entry", file.display())).to_owned()
}
