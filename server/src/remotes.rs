//! How a contract is called that another process implements: the one place where such clients are made.

use std::{collections::BTreeSet, sync::Arc};

use tessera_contract::{
    Addresses, Contract, Credential, CxSigner, Remote, RemoteConfig, Target, begin_remote_figures, remote_client,
};
use tessera_mtls::Mtls;

use crate::error::CommandError;

/// Makes clients of contracts elsewhere, all under the same settings.
#[derive(Clone)]
pub(crate) struct Remotes {
    config: RemoteConfig,
    signer: CxSigner,
    http: reqwest::Client,
    mtls: Option<Mtls>,
    strangers: Vec<String>,
}

impl Remotes {
    /// As `[remote]` says; contexts are signed with `signer`. With `mtls` each module proves who it is, and so do we, but
    /// for `strangers`.
    pub(crate) fn new(config: &RemoteConfig, signer: CxSigner, mtls: Option<Mtls>, strangers: &[String]) -> Self {
        let (config, http) = (config.clone(), remote_client(config, None));
        Self { config, signer, http, mtls, strangers: strangers.to_vec() }
    }

    /// The contract at these addresses, its mount included: behind no guard yet, as any implementation.
    ///
    /// # Errors
    /// An address is not `https` although modules prove who they are.
    pub(crate) fn remote<C: Contract + ?Sized>(&self, addresses: &Addresses) -> Result<Arc<C>, CommandError> {
        let module = C::INFO.mount;
        let target = Target::new(module, addresses, self.client(module, addresses)?, &self.config);
        Ok(C::remote(Remote::at(target, Credential::Service(self.signer.clone()))))
    }

    /// The HTTP client for a module at these addresses, for what is passed on to it and is no operation.
    ///
    /// # Errors
    /// As [`Self::remote`].
    pub(crate) fn client(&self, module: &str, addresses: &Addresses) -> Result<reqwest::Client, CommandError> {
        let Some(mtls) = self.mtls.as_ref().filter(|_| !self.strangers.iter().any(|name| name == module)) else {
            return Ok(self.http.clone());
        };
        match addresses.iter().find(|address| !address.starts_with("https://")) {
            None => Ok(remote_client(&self.config, Some(mtls.client(module)))),
            Some(plain) => Err(CommandError::new(format!(
                "{module} is said to be at {plain}, and with [mtls] modules are called over https alone: give the address \
                 of its [mtls] listen, or name {module} in strangers if it is somebody else's"
            ))),
        }
    }
}

/// Says 0 of every figure of calls to modules elsewhere.
pub(crate) fn begin_figures() {
    let mounts: BTreeSet<&str> = tessera_contracts::ALL.iter().map(|entry| entry.info.mount).collect();
    mounts.into_iter().for_each(begin_remote_figures);
}
