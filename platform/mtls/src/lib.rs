//! TLS between modules, with certificates on both sides.
//!
//! A module is who its certificate says: a URI `spiffe://TRUST-DOMAIN/module/NAME` among its alternative names
//! (SPIFFE ID, 2.1). A process that runs several modules has a certificate that names them all. Both sides check that the
//! other's certificate was issued by the authority that they know, is in its time, and names a module of the same trust
//! domain; a client also, that it names the module it wants. Host names say nothing here.
//!
//! Files are read again when they change, and used from the next connection on; connections that stand go on. Who may call
//! whom is not decided here.

mod authority;
mod credentials;
mod files;
mod identity;
mod verify;

pub use authority::{Authority, Written};
pub use credentials::{Mtls, MtlsFiles};
pub use identity::{ModuleId, TrustDomain};

use std::{io, path::PathBuf};

/// What is wrong with a certificate, a key or a name. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MtlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is there and is not to be overwritten.
    #[error("{} is there already: `tessera certs renew` replaces certificates and keeps the authority", .0.display())]
    Exists(PathBuf),
    /// A file does not hold what it should.
    #[error("{} does not hold {wanted} in PEM", path.display())]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A private key can be read by others.
    #[error("{} can be read by others than its owner: chmod 600", .0.display())]
    Exposed(PathBuf),
    /// A certificate and its key are not of one kind, or the key is none.
    #[error("the certificate and its key do not go together: {0}")]
    Mismatched(#[source] rustls::Error),
    /// The others would not take the certificate.
    #[error("the certificate does not hold: {0}")]
    NotHeld(#[source] rustls::Error),
    /// A certificate names no module.
    #[error("{} names no module: its alternative names have no URI spiffe://TRUST-DOMAIN/module/NAME", .0.display())]
    Nameless(PathBuf),
    /// A certificate names modules of several trust domains.
    #[error("{} names modules of several trust domains", .0.display())]
    Divided(PathBuf),
    /// Not a name that a module or trust domain can have.
    #[error("{0:?} cannot be a {1}: lower-case letters, digits, '-' and, in trust domains, '.', 1 to 63 of them")]
    Name(String, &'static str),
    /// A certificate could not be made.
    #[error("making a certificate: {0}")]
    Making(#[from] rcgen::Error),
}
