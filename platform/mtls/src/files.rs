//! Certificates and keys as files: PEM, and keys for their owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::MtlsError;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> MtlsError {
    let path = path.to_owned();
    move |source| MtlsError::File { path, source }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, MtlsError> {
    let size = fs::metadata(path).map_err(failed(path))?.len();
    if size > MAX_FILE {
        return Err(failed(path)(io::Error::other("it is larger than any certificate or key")));
    }
    fs::read(path).map_err(failed(path))
}

/// Every certificate in the file, of which there is at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MtlsError> {
    let not_pem = || MtlsError::NotPem { path: path.to_owned(), wanted: "a certificate" };
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(not_pem)
}

/// The private key in the file, which nobody but its owner may read.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, MtlsError> {
    let mode = fs::metadata(path).map_err(failed(path))?.mode();
    if mode & 0o077 != 0 {
        return Err(MtlsError::Exposed(path.to_owned()));
    }
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| MtlsError::NotPem { path: path.to_owned(), wanted: "a private key" })
}

/// Puts a file in its place at once, so that nobody reads half of it; `mode` is its permissions.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), MtlsError> {
    let aside = aside(path);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&aside)(error)),
        Ok(()) | Err(_) => {}
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside);
    let mut file = made.map_err(failed(&aside))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed(&aside))?;
    fs::rename(&aside, path).map_err(failed(path))
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// What tells that a file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

impl Stamp {
    pub(crate) fn of(paths: &[&Path]) -> Self {
        let one = |path: &&Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
        };
        Self(paths.iter().map(one).collect())
    }
}
