//! Which version holds what.

use std::{fmt, path::PathBuf};

use crate::{MODULES, Release, tessera};

/// A deployment of two versions.
#[derive(Debug, Clone)]
pub struct Mix {
    /// The last release.
    release: Release,
    /// Its binary.
    released: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// This module is of the release, all else of this tree.
    Older(&'static str),
    /// This module is of this tree, all else of the release.
    Newer(&'static str),
    /// A process of each with every module, on one database.
    Replicas,
}

impl Mix {
    /// Each module both ways, and the replicas; of one module alone where it is named.
    ///
    /// # Errors
    /// There is no such module, or no binary of the release.
    pub fn all(only: Option<&str>) -> Result<Vec<Self>, String> {
        let release = Release::last();
        let released = release.binary()?;
        let names = MODULES.iter().map(|(name, ..)| *name);
        let modules: Vec<&str> = names.clone().filter(|name| only.is_none_or(|only| only == *name)).collect();
        let pairs = modules.into_iter().flat_map(|name| [Kind::Older(name), Kind::Newer(name)]);
        let replicas = only.is_none_or(|only| only == "replicas").then_some(Kind::Replicas);
        let kinds: Vec<Kind> = pairs.chain(replicas).collect();
        if kinds.is_empty() {
            return Err(format!("say replicas, or a module: {}", names.collect::<Vec<_>>().join(", ")));
        }
        Ok(kinds.into_iter().map(|kind| Self { release: release.clone(), released: released.clone(), kind }).collect())
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The release's binary, and this tree's.
    pub(super) fn binaries(&self) -> [PathBuf; 2] {
        [self.released.clone(), tessera()]
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.release.version;
        match self.kind {
            Kind::Older(module) => write!(f, "{module} of {version}, the rest of this tree"),
            Kind::Newer(module) => write!(f, "{module} of this tree, the rest of {version}"),
            Kind::Replicas => write!(f, "everything of {version} beside this tree"),
        }
    }
}
