//! `DATA/secrets/`: random keys that a deployment makes for itself, and replaces when told to.

mod ring;
mod stored;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::config::Secret;
pub use ring::KeyRing;
pub use stored::{StoredKey, StoredRing};

/// The secret's length in bytes: the key size of AES-256 and of HMAC-SHA-256.
pub const SECRET_BYTES: usize = 32;

/// A folder of named secrets, readable by its owner alone. One secret is one file: its key, and older ones that are still
/// taken ([`StoredRing`]).
#[derive(Debug, Clone)]
pub struct Secrets {
    folder: PathBuf,
}

/// Why a secret was not had. What to do stands in the message.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The name could leave the folder.
    #[error("a secret's name is 1 to 64 of a-z, 0-9, '-' and '_', got {0:?}")]
    Name(String),
    /// Others than the owner may read it.
    #[error(
        "{path} may be read by others than its owner (mode {mode:o}); run: chmod {} {path}, and replace the secret \
         if anybody else could have read it",
        if *.folder { "700" } else { "600" }
    )]
    Exposed {
        /// The file or folder.
        path: String,
        /// Its permission bits.
        mode: u32,
        /// Whether it is the folder.
        folder: bool,
    },
    /// The file holds something else.
    #[error(
        "{0} does not hold keys of 64 hexadecimal digits; import it from an export of the keys: what it protects cannot be \
         read without it"
    )]
    Damaged(String),
    /// The disk did not do it.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Secrets {
    /// The secrets in `data`'s subfolder `secrets`, which is made when it is not there.
    ///
    /// # Errors
    /// The folder cannot be made, or others may read it.
    pub fn open(data: &Path) -> Result<Self, SecretError> {
        Self::in_folder(data.join("secrets"))
    }

    /// The secrets in `folder`, which is made when it is not there: for several processes of a deployment.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn in_folder(folder: PathBuf) -> Result<Self, SecretError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(failed("making the secrets folder", &folder))?;
        owner_only(&folder)?;
        Ok(Self { folder })
    }

    /// The key in use of the secret called `name`, as [`Self::ring`].
    ///
    /// # Errors
    /// As [`Self::ring`].
    pub fn get_or_create(&self, name: &str) -> Result<Secret<[u8; SECRET_BYTES]>, SecretError> {
        Ok(self.stored_or_created(name)?.current().key().clone())
    }

    /// The keys called `name`; a fresh random one is made, and is on disk before this returns, when there is none.
    /// Of several callers at once, in several processes, all get the same one.
    ///
    /// Waits for the disk: call it at start, not on a request.
    ///
    /// # Errors
    /// The name is not one, the file is damaged or may be read by others, or the disk fails.
    pub fn ring(&self, name: &str) -> Result<KeyRing, SecretError> {
        self.stored_or_created(name)?.ring()
    }

    fn stored_or_created(&self, name: &str) -> Result<StoredRing, SecretError> {
        match self.stored(name)? {
            Some(ring) => Ok(ring),
            None => {
                let path = self.folder.join(name);
                self.create(&path, &StoredRing::of_first(rand::random()))?;
                read(&path)
            }
        }
    }

    /// The keys called `name` as their file has them; `None` when there is no such file.
    ///
    /// # Errors
    /// As [`Self::ring`].
    pub fn stored(&self, name: &str) -> Result<Option<StoredRing>, SecretError> {
        match read(&self.path(name)?) {
            Err(SecretError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Puts `ring` in place of what is called `name`, at once and whole; it is on disk before this returns.
    ///
    /// # Errors
    /// The name is not one, or the disk fails; then what was there before still is.
    pub fn replace(&self, name: &str, ring: &StoredRing) -> Result<(), SecretError> {
        let (path, beside) = (self.path(name)?, self.beside());
        let renamed = write_new(&beside, ring).and_then(|()| fs::rename(&beside, &path));
        let synced = renamed.and_then(|()| File::open(&self.folder)?.sync_all());
        synced.map_err(failed("writing the secret", &path))
    }

    /// The names of all secrets, sorted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, SecretError> {
        let listed = fs::read_dir(&self.folder).and_then(|files| {
            let named = |file: io::Result<fs::DirEntry>| file.map(|file| file.file_name().into_string());
            files.map(named).collect::<io::Result<Vec<_>>>()
        });
        let listed = listed.map_err(failed("listing the secrets in", &self.folder))?;
        let mut names: Vec<String> = listed.into_iter().filter_map(Result::ok).filter(|name| is_name(name)).collect();
        names.sort();
        Ok(names)
    }

    fn path(&self, name: &str) -> Result<PathBuf, SecretError> {
        match is_name(name) {
            true => Ok(self.folder.join(name)),
            false => Err(SecretError::Name(name.chars().take(80).collect())),
        }
    }

    fn beside(&self) -> PathBuf {
        self.folder.join(format!(".new-{:016x}", rand::random::<u64>()))
    }

    /// Writes beside and links into place: the name never stands for half a secret, and the first of two wins.
    fn create(&self, path: &Path, ring: &StoredRing) -> Result<(), SecretError> {
        let beside = self.beside();
        let written = write_new(&beside, ring);
        let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        });
        let synced = linked.and_then(|()| fs::remove_file(&beside)).and_then(|()| File::open(&self.folder)?.sync_all());
        synced.map_err(failed("writing the secret", path))
    }
}

/// Whether `text` is a plain name: it leaves no folder and needs no escaping.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn write_new(path: &Path, ring: &StoredRing) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(ring.text().expose().as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<StoredRing, SecretError> {
    let text = fs::read_to_string(path).map_err(failed("reading the secret", path))?;
    owner_only(path)?;
    StoredRing::parse(text.trim_end()).ok_or_else(|| SecretError::Damaged(path.display().to_string()))
}

fn owner_only(path: &Path) -> Result<(), SecretError> {
    let metadata = fs::metadata(path).map_err(failed("looking at", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(SecretError::Exposed { path: path.display().to_string(), mode, folder: metadata.is_dir() }),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretError {
    let path = path.display().to_string();
    move |source| SecretError::Io { doing, path, source }
}
