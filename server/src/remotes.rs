//! How a contract is called that another process implements: the one place where such clients are made.

use std::sync::Arc;

use tessera_contract::{
    Addresses, Contract, Credential, CxSigner, Remote, RemoteConfig, Target, begin_remote_figures, remote_client,
};

/// Makes clients of contracts elsewhere, all under the same settings.
#[derive(Clone)]
pub(crate) struct Remotes {
    config: RemoteConfig,
    signer: CxSigner,
    http: reqwest::Client,
}

impl Remotes {
    /// As `[remote]` says; contexts are signed with `signer`.
    pub(crate) fn new(config: &RemoteConfig, signer: CxSigner) -> Self {
        Self { config: config.clone(), signer, http: remote_client(config) }
    }

    /// The contract at these addresses, its mount included: behind no guard yet, as any implementation.
    pub(crate) fn remote<C: Contract + ?Sized>(&self, addresses: &Addresses) -> Arc<C> {
        let target = Target::new(C::INFO.mount, addresses, self.http.clone(), &self.config);
        C::remote(Remote::at(target, Credential::Service(self.signer.clone())))
    }
}

/// Says 0 of every figure of calls to modules elsewhere.
pub(crate) fn begin_figures() {
    let mut mounts: Vec<&str> = tessera_contracts::ALL.iter().map(|entry| entry.info.mount).collect();
    mounts.dedup();
    mounts.into_iter().for_each(begin_remote_figures);
}
