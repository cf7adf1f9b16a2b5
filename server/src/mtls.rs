//! `[mtls]` of `tessera.toml`: calls between modules over TLS with certificates on both sides.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;
use tessera_mtls::{Mtls, MtlsFiles};

use crate::error::CommandError;

/// How long before its end a certificate is spoken of.
pub(crate) const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// On as soon as there is a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MtlsConfig {
    /// Address and port on which modules of other processes call. Default: none, and none can.
    pub(crate) listen: Option<SocketAddr>,
    /// This process's certificate, PEM, which names the modules that it runs. Default: none.
    certificate: Option<PathBuf>,
    /// Its private key, PEM, for its owner alone. Default: none.
    key: Option<PathBuf>,
    /// The certificates of the authorities that are believed, PEM. Default: none.
    authority: Option<PathBuf>,
    /// Modules elsewhere that are somebody else's and know no such certificates: called as without this section.
    /// Default: none.
    pub(crate) strangers: Vec<String>,
}

impl MtlsConfig {
    /// What the files say; nothing without them.
    ///
    /// # Errors
    /// Some of what is needed is missing, or a file is not what it should be.
    pub(crate) fn open(&self) -> Result<Option<Mtls>, CommandError> {
        match (&self.certificate, &self.key, &self.authority) {
            (Some(certificate), Some(key), Some(authority)) => {
                let (certificate, key, authority) = (certificate.clone(), key.clone(), authority.clone());
                let opened = Mtls::open(MtlsFiles { certificate, key, authority });
                opened.map(Some).map_err(|error| CommandError::caused("reading the certificates of [mtls]", error))
            }
            (None, None, None) if self.listen.is_none() => Ok(None),
            _ => Err(CommandError::new("[mtls] wants certificate, key and authority, all three: `tessera certs init`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use tessera_runtime::config::{self, Environment};

    use crate::config::Root;

    #[test]
    fn it_is_whole_or_absent() {
        let open = |text: &str| {
            let root: Root = config::parse("tessera.toml", text, &Environment::default()).unwrap();
            root.mtls.open().map(|mtls| mtls.is_some()).map_err(|error| error.to_string())
        };
        assert_eq!(open(""), Ok(false));
        for partial in
            ["listen = \"127.0.0.1:8443\"", "certificate = \"a.pem\"", "key = \"a.pem\"\nauthority = \"b.pem\""]
        {
            let said = open(&format!("[mtls]\n{partial}\n")).unwrap_err();
            assert!(said.contains("all three"), "{partial}: {said}");
        }
        let said =
            open("[mtls]\ncertificate = \"no.pem\"\nkey = \"no-key.pem\"\nauthority = \"ca.pem\"\n").unwrap_err();
        assert!(said.contains("no.pem"), "{said}");
    }
}
