//! Modules that are not in this process: their contracts and events, at the addresses that the configuration gives.

use std::{collections::BTreeMap, sync::Arc};

use tessera_contract::{Contract, Credential, CxSigner, Remote, http_client};
use tessera_events::Log;
use tessera_runtime::config::Secret;
use tessera_types::Clock;

use crate::{config::Root, error::CommandError, feed::RemoteFeed, modules::Part};

/// Makes clients of what is elsewhere.
pub(crate) struct Elsewhere {
    urls: BTreeMap<Part, String>,
    pub(crate) http: reqwest::Client,
    pub(crate) signer: CxSigner,
    clock: Arc<dyn Clock>,
}

impl Elsewhere {
    /// As configured; calls are signed with `secret`.
    pub(crate) fn new(root: &Root, secret: &Secret<[u8; 32]>, clock: Arc<dyn Clock>) -> Self {
        let signer = CxSigner::new(secret.expose(), clock.clone());
        let urls = Part::ALL.iter().filter_map(|part| Some((*part, root.url(*part)?.to_owned()))).collect();
        Self { urls, http: http_client(), signer, clock }
    }

    /// Where a part is that is not here.
    pub(crate) fn url(&self, part: Part) -> Option<&str> {
        self.urls.get(&part).map(String::as_str)
    }

    /// The part's implementation of a contract: `here`, or the one at its address.
    pub(crate) fn or<C: Contract + ?Sized>(&self, part: Part, here: Option<Arc<C>>) -> Option<Arc<C>> {
        here.or_else(|| {
            let credential = Credential::Service(self.signer.clone());
            Some(C::remote(Remote::new(self.http.clone(), self.url(part)?, credential)))
        })
    }

    /// As [`Self::or`], behind the contract's rules, for a module that cannot be without it.
    ///
    /// # Errors
    /// It is nowhere.
    pub(crate) fn needed<C: Contract + ?Sized>(
        &self,
        part: Part,
        here: Option<Arc<C>>,
    ) -> Result<Arc<C>, CommandError> {
        let found = self.or(part, here).ok_or_else(|| CommandError::new(format!("{part} is nowhere")))?;
        Ok(C::guarded(found))
    }

    /// The events of a part that is at an address.
    pub(crate) fn log(&self, part: Part) -> Option<Log> {
        let url = self.url(part)?;
        let feed = RemoteFeed::new(self.http.clone(), url, part.mount(), (self.signer.clone(), self.clock.clone()));
        Some(Log::fed_by(Arc::new(feed)))
    }
}
