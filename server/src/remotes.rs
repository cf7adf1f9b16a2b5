//! How a contract is called that another process implements: the one place where such clients are made.

use std::{collections::BTreeSet, sync::Arc};

use tessera_contract::{
    Addresses, Clients, Contract, Credential, CxSigner, Protocol, Remote, RemoteConfig, Target, begin_remote_figures,
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

    /// The contract at these addresses, its mount included: behind no guard yet, as any implementation.
    pub(crate) fn by<C: Contract + ?Sized>(&self, clients: Clients, addresses: &Addresses) -> Arc<C> {
        let target = Target::new(C::INFO.mount, addresses, clients, &self.config);
        C::remote(Remote::at(target, Credential::Service(self.signer.clone())))
    }

    /// What carries calls to a module at addresses that [`Self::client`] takes.
    pub(crate) fn clients(&self, module: &str, addresses: &Addresses) -> Clients {
        let tls = self.mtls_with(module).map(|mtls| mtls.client(module));
        Clients::between(addresses, &self.config, tls.as_ref())
    }

    /// What proves who we are to a module, unless it is somebody else's.
    fn mtls_with(&self, module: &str) -> Option<&Mtls> {
        self.mtls.as_ref().filter(|_| !self.strangers.iter().any(|name| name == module))
    }

    /// A client for what a module at these addresses has besides operations.
    ///
    /// # Errors
    /// An address is not `https` although modules prove who they are; the protocol is gRPC and the module has none.
    pub(crate) fn client(&self, module: &str, addresses: &Addresses) -> Result<reqwest::Client, CommandError> {
        if addresses.protocol() == Protocol::Grpc && !has_grpc(module) {
            let others = "no operation of it travels by gRPC: leave protocol out";
            return Err(CommandError::new(format!("{module} is said to be at {addresses}, and {others}")));
        }
        let Some(mtls) = self.mtls_with(module) else { return Ok(self.http.clone()) };
        match addresses.iter().find(|address| !address.starts_with("https://")) {
            None => Ok(remote_client(&self.config, Some(mtls.client(module)))),
            Some(plain) => Err(CommandError::new(format!(
                "{module} is said to be at {plain}, and with [mtls] modules are called over https alone: give the address \
                 of its [mtls] listen, or name {module} in strangers if it is somebody else's"
            ))),
        }
    }
}

/// Whether an operation of the module travels by gRPC.
fn has_grpc(module: &str) -> bool {
    let contracts = tessera_contracts::ALL.iter().filter(|entry| entry.info.mount == module);
    contracts.into_iter().any(|entry| entry.info.by_grpc().next().is_some())
}

/// Says 0 of every figure of calls to modules elsewhere.
pub(crate) fn begin_figures() {
    let mounts: BTreeSet<&str> = tessera_contracts::ALL.iter().map(|entry| entry.info.mount).collect();
    for mount in mounts {
        begin_remote_figures(mount);
        begin_rollout_figures(mount);
    }
}
