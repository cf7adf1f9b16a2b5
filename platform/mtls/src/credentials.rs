//! What a process shows for itself and whom it believes, as the files say it now.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SignatureScheme,
    client::{ResolvesClientCert, Resumption},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::TLS13,
};
use serde::Deserialize;
use tessera_types::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    MtlsError, TrustDomain,
    files::{self, Stamp},
    identity::modules_of,
    verify::{AnyModule, OneModule},
};

/// Where a process's certificate is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MtlsFiles {
    /// The process's certificate, PEM, with those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key, PEM, for its owner alone.
    pub key: PathBuf,
    /// The certificates of the authorities that are believed, PEM. Two, while one replaces the other.
    pub authority: PathBuf,
}

impl MtlsFiles {
    fn paths(&self) -> [&Path; 3] {
        [&self.certificate, &self.key, &self.authority]
    }
}

/// rustls with ring.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> =
        std::sync::LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    PROVIDER.clone()
}

/// What the files say.
#[derive(Debug)]
pub(crate) struct Credentials {
    shown: Arc<CertifiedKey>,
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) clients: Arc<dyn ClientCertVerifier>,
    pub(crate) domain: TrustDomain,
    modules: BTreeSet<String>,
}

impl Credentials {
    fn read(files: &MtlsFiles) -> Result<Self, MtlsError> {
        let chain = files::certificates(&files.certificate)?;
        let named = modules_of(&chain[0]);
        let Some(domain) = named.first().map(|id| id.domain.clone()) else {
            return Err(MtlsError::Nameless(files.certificate.clone()));
        };
        if named.iter().any(|id| id.domain != domain) {
            return Err(MtlsError::Divided(files.certificate.clone()));
        }
        let shown = CertifiedKey::from_der(chain, files::key(&files.key)?, &provider());
        let not_certificate =
            || MtlsError::NotPem { path: files.authority.clone(), wanted: "an authority's certificate" };
        let mut roots = RootCertStore::empty();
        for root in files::certificates(&files.authority)? {
            roots.add(root).map_err(|_| not_certificate())?;
        }
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider()).build();
        Ok(Self {
            shown: Arc::new(shown.map_err(MtlsError::Mismatched)?),
            roots,
            clients: clients.map_err(|_| not_certificate())?,
            domain,
            modules: named.into_iter().map(|id| id.name).collect(),
        })
    }
}

/// The credentials that hold now.
#[derive(Debug, Clone)]
pub(crate) struct Current(Arc<RwLock<Arc<Credentials>>>);

impl Current {
    pub(crate) fn get(&self) -> Arc<Credentials> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().shown.clone())
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.get().shown.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

/// A process's part in TLS between modules.
#[derive(Debug, Clone)]
pub struct Mtls {
    files: Arc<MtlsFiles>,
    current: Current,
}

impl Mtls {
    /// With the certificate, key and authority in `files`.
    ///
    /// # Errors
    /// [`MtlsError`] says which file is not what it should be.
    pub fn open(files: MtlsFiles) -> Result<Self, MtlsError> {
        let current = Current(Arc::new(RwLock::new(Arc::new(Credentials::read(&files)?))));
        Ok(Self { files: Arc::new(files), current })
    }

    /// The modules that this process's certificate names.
    pub fn modules(&self) -> BTreeSet<String> {
        self.current.get().modules.clone()
    }

    /// Whether the others will take this process's certificate at that time: issued by an authority that is believed here,
    /// and not over.
    ///
    /// # Errors
    /// Why not.
    pub fn holds(&self, at: Timestamp) -> Result<(), MtlsError> {
        let current = self.current.get();
        let (own, between) =
            current.shown.cert.split_first().ok_or(MtlsError::NotHeld(rustls::Error::NoCertificatesPresented))?;
        let seconds = u64::try_from(at.as_seconds()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        current.clients.verify_client_cert(own, between, at).map(drop).map_err(MtlsError::NotHeld)
    }

    /// For a listener: asks for a certificate of a module of this deployment, and ends the handshake without one.
    pub fn server(&self) -> Arc<ServerConfig> {
        let versions = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
        let verifier = Arc::new(AnyModule { current: self.current.clone() });
        let mut config = versions
            .expect("ring has cipher suites for TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(self.current.clone()));
        // A session that is resumed would outlive the certificate that it began with.
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// For calls to `module`, whatever host it is at.
    pub fn client(&self, module: &str) -> ClientConfig {
        let versions = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
        let verifier = Arc::new(OneModule { current: self.current.clone(), name: module.to_owned() });
        let mut config = versions
            .expect("ring has cipher suites for TLS 1.3")
            .dangerous() // host names are not looked at: OneModule does more, not less
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(self.current.clone()));
        config.resumption = Resumption::disabled();
        config
    }

    /// The modules that the other side's certificate names, as a handshake left it.
    pub fn peer(certificates: Option<&[CertificateDer<'_>]>) -> Vec<String> {
        let first = certificates.and_then(<[_]>::first);
        first.map(modules_of).unwrap_or_default().into_iter().map(|id| id.name).collect()
    }

    /// Reads the files again; connections from now on use what they say.
    ///
    /// # Errors
    /// As [`Self::open`]; what stood before stands then.
    pub fn reload(&self) -> Result<(), MtlsError> {
        let read = Arc::new(Credentials::read(&self.files)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Looks at the files `every` so often and reads them again when they have changed, until `stop`. Files that do not go
    /// together yet, since one of them is still to be written, are read again at the next look.
    pub async fn watch(self, every: Duration, stop: CancellationToken) {
        let mut known = Stamp::of(&self.files.paths());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let stamp = Stamp::of(&this.files.paths());
                let changed = stamp != known;
                (stamp, changed.then(|| this.reload()), known)
            });
            let Ok((stamp, reloaded, before)) = looked.await else { return };
            known = match reloaded {
                None => stamp,
                Some(Ok(())) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "certificates are read again");
                    stamp
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "certificates changed and cannot be used; those of before are");
                    before
                }
            };
        }
    }
}
