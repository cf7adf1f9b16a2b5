//! How a contract is called that another process implements: the one place where such clients are made.

use std::{collections::BTreeSet, sync::Arc};

use tessera_contract::{
    Addresses, Contract, Credential, CxSigner, Remote, RemoteConfig, Target, begin_remote_figures,
    begin_rollout_figures, remote_client,
};
use tessera_mtls::Mtls;

use crate::error::CommandError;

/// Makes clients of contracts elsewhere, all under the same settings.
#[derive(Clone)]
pub(crate) struct Remotes {
    config: RemoteConfig,
    pub(crate) signer: CxSigner,
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

    /// The contract at these addresses, its mount included, by a client that [`Self::client`] made: behind no guard yet, as any
    /// implementation.
    pub(crate) fn by<C: Contract + ?Sized>(&self, http: reqwest::Client, addresses: &Addresses) -> Arc<C> {
        let target = Target::new(C::INFO.mount, addresses, http, &self.config);
        C::remote(Remote::at(target, Credential::Service(self.signer.clone())))
    }

    /// A client for a module at these addresses.
    ///
    /// # Errors
    /// An address is not `https` although modules prove who they are.
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
    for mount in mounts {
        begin_remote_figures(mount);
        begin_rollout_figures(mount);
    }
}
