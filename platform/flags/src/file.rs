//! The file that flags are read from while the process runs. It is taken over whole or not at all: a broken one leaves what stood
//! before, and says so in the log and in `tessera_flags_file_broken`.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tessera_contract::{FlagKeys, flags_are};
use tokio_util::sync::CancellationToken;

use crate::{Finding, Findings, Flag, FlagSet, MOST_BYTES};

/// Odd things of a file that the log speaks of.
const SAID: usize = 10;

/// Why a file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum FlagFileError {
    /// It cannot be read.
    #[error("reading the flags of {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It says something wrong.
    #[error("{}: {findings}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What, and where.
        findings: Findings,
    },
}

/// Reads a file of flag definitions.
///
/// # Errors
/// It cannot be read, is too large, or says something wrong.
pub fn read(path: &Path) -> Result<FlagSet, FlagFileError> {
    let unreadable = |source| FlagFileError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than may be, so that a file that is too long is known by it.
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text =
        String::from_utf8(bytes).map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    FlagSet::parse(&text).map_err(|findings| FlagFileError::Wrong { path: path.to_owned(), findings })
}

/// The flags that stand, and where they come from.
#[derive(Clone)]
pub struct FlagFile(Arc<Inner>);

struct Inner {
    stand: RwLock<Arc<FlagSet>>,
    source: Mutex<Source>,
    oddity: Oddity,
}

/// Why a flag does not do what it is hardly meant not to do, as those know who ask for it.
pub type Oddity = fn(&str, &Flag) -> Option<String>;

#[derive(Default)]
struct Source {
    path: Option<PathBuf>,
    stamp: Option<Stamp>,
    broken: bool,
}

/// Flags of a file that were read and can be taken over.
pub struct Taken {
    path: Option<PathBuf>,
    stamp: Option<Stamp>,
    flags: FlagSet,
}

impl Taken {
    fn of(path: Option<&Path>) -> Result<Self, FlagFileError> {
        // The stamp first: what changes while the file is read is seen at the next look.
        let stamp = path.and_then(stamp);
        let flags = path.map(read).transpose()?.unwrap_or_default();
        Ok(Self { path: path.map(Path::to_owned), stamp, flags })
    }
}

/// What tells that a file has changed.
type Stamp = (u64, u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

impl FlagFile {
    /// The flags of `path`, or no flags at all. The log speaks of those that are odd.
    ///
    /// # Errors
    /// As [`read`].
    pub fn open(path: Option<&Path>, oddity: Oddity) -> Result<Self, FlagFileError> {
        let (stand, source) = (RwLock::default(), Mutex::default());
        let this = Self(Arc::new(Inner { stand, source, oddity }));
        this.settle(Taken::of(path)?);
        Ok(this)
    }

    /// The flags that stand now.
    pub fn now(&self) -> Arc<FlagSet> {
        self.0.stand.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The flags of `path`, if it is another file than before or says something else.
    ///
    /// # Errors
    /// As [`read`].
    pub fn changed(&self, path: Option<&Path>) -> Result<Option<Taken>, FlagFileError> {
        let source = self.source();
        let same = source.path.as_deref() == path && source.stamp == path.and_then(stamp) && !source.broken;
        drop(source);
        if same { Ok(None) } else { Taken::of(path).map(Some) }
    }

    /// From now on these flags stand, and their file is looked at. Answers how many there are.
    pub fn settle(&self, taken: Taken) -> usize {
        let Taken { path, stamp, flags } = taken;
        self.tell(&flags);
        let enabled = flags.iter().filter(|(_, flag)| flag.enabled).map(|(key, _)| key);
        let (keys, count) = (FlagKeys::of(enabled), flags.iter().count());
        let mut source = self.source();
        *source = Source { path, stamp, broken: false };
        *self.0.stand.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(flags);
        flags_are(keys);
        metrics::gauge!("tessera_flags_file_broken").set(0.0);
        metrics::gauge!("tessera_flags").set(count as f64);
        count
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.0.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, flags: &FlagSet) {
        let odd = flags.iter().filter_map(|(key, flag)| (self.0.oddity)(key, flag));
        let said = odd.chain(flags.warnings.iter().map(Finding::to_string)).take(SAID);
        said.for_each(|what| tracing::warn!("in the flags' file, {what}"));
    }

    /// Reads the file again if it has changed.
    fn look(&self) {
        let mut source = self.source();
        let Some(path) = source.path.clone() else { return };
        let found = stamp(&path);
        if found == source.stamp {
            return;
        }
        source.stamp = found;
        drop(source);
        match Taken::of(Some(&path)) {
            Ok(taken) => {
                let count = self.settle(taken);
                tracing::info!(file = %path.display(), flags = count, "flags are read again");
            }
            Err(error) => {
                self.source().broken = true;
                metrics::gauge!("tessera_flags_file_broken").set(1.0);
                tracing::error!(%error, "the flags' file cannot be taken; the flags of before stand");
            }
        }
    }

    /// Looks whether the file has changed, again and again, until `stop`.
    pub async fn watch(self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let this = self.clone();
            if tokio::task::spawn_blocking(move || this.look()).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one flag, in the place of the one that is there.
    fn replace(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, path).unwrap();
    }

    fn flag(key: &str) -> String {
        let flag = r#"{"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}"#;
        format!("{{\"flags\": {{\"{key}\": {flag}}}}}")
    }

    #[test]
    fn a_broken_file_leaves_what_stands_and_a_mended_one_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.json");
        replace(&path, &flag("one"));
        let file = FlagFile::open(Some(&path), |_, _| None).unwrap();
        let keys = || file.now().iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
        for broken in ["{\"flags\": {", "{\"flags\": {\"two\": {}}}", ""] {
            replace(&path, broken);
            file.look();
            assert_eq!(keys(), ["one"], "{broken}");
            assert!(file.changed(Some(&path)).is_err(), "a signal says again what is wrong with it");
        }
        fs::remove_file(&path).unwrap();
        file.look();
        assert_eq!(keys(), ["one"], "a file that is gone takes no flag with it");

        replace(&path, &flag("two"));
        file.look();
        assert_eq!(keys(), ["two"]);
        assert!(file.changed(Some(&path)).unwrap().is_none());
        file.settle(file.changed(None).unwrap().expect("no file is another one"));
        assert!(keys().is_empty());
    }

    #[test]
    fn a_process_does_not_begin_on_a_broken_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.json");
        assert!(FlagFile::open(Some(&path), |_, _| None).is_err(), "there is none");
        replace(&path, "{\n  \"flags\": 7\n}");
        let error = FlagFile::open(Some(&path), |_, _| None).err().expect("it is broken").to_string();
        assert!(error.contains("flags.json: line 2, column 12"), "{error}");
    }
}
