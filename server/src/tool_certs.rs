//! `--certs`: who a command is to modules that take no call without a certificate.

use std::path::Path;

use tessera_contract::{Clients, EDGE, Protocol, RemoteConfig, remote_client, remote_grpc_client};
use tessera_mtls::{Mtls, MtlsFiles};
use tessera_types::{Clock, SystemClock};

use crate::error::CommandError;

/// The name of the commands' certificate in the folder that `tessera certs` writes.
pub(crate) const TOOLS: &str = "tools";
/// Whom it names: `contract check`, `contract copy`, and the edge, for a check also calls as people.
pub(crate) const NAMES: &[&str] = &["conformance", "copy", EDGE];

/// The commands' certificate in a folder that `tessera certs` wrote.
pub(crate) struct ToolCerts(Mtls);

impl ToolCerts {
    /// Reads it and looks whether it will do, as far as one can tell here.
    ///
    /// # Errors
    /// It is not there, names others, or does not hold.
    pub(crate) fn open(folder: &Path) -> Result<Self, CommandError> {
        let file = |name: &str| folder.join(format!("{name}.pem"));
        let certificate = file(TOOLS);
        let make = format!("`tessera certs renew --dir {}` where the authority is makes it", folder.display());
        if !certificate.exists() {
            return Err(CommandError::new(format!("{} is not there: {make}", certificate.display())));
        }
        let files = MtlsFiles { certificate, key: file(&format!("{TOOLS}-key")), authority: file("authority") };
        let doing = |e| CommandError::caused("reading the certificates of --certs", e);
        let mtls = Mtls::open(files).map_err(doing)?;
        mtls.holds(SystemClock.now()).map_err(doing)?;
        let named = mtls.modules();
        match NAMES.iter().find(|name| !named.contains(**name)) {
            None => Ok(Self(mtls)),
            Some(lacking) => {
                let (shown, named) = (file(TOOLS), Vec::from_iter(named).join(", "));
                let said = format!("{} names {named} and not {lacking}, as which a command calls", shown.display());
                Err(CommandError::new(format!("{said}: {make}")))
            }
        }
    }

    /// Clients for calls to `module` at this address.
    ///
    /// # Errors
    /// The address is not `https`.
    pub(crate) fn clients(&self, module: &str, url: &str, protocol: Protocol) -> Result<Clients, CommandError> {
        if !url.starts_with("https://") {
            let said = format!(
                "{url}: with --certs modules are called over https alone, at the address of their [mtls] listen"
            );
            return Err(CommandError::new(said));
        }
        let (config, tls) = (RemoteConfig::default(), || Some(self.0.client(module)));
        let grpc = (protocol == Protocol::Grpc).then(|| remote_grpc_client(&config, tls()));
        Ok(Clients::of(remote_client(&config, tls()), grpc))
    }
}
