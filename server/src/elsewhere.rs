//! Modules that are not in this process: their contracts and events, at the addresses that the configuration gives.

use std::{collections::BTreeMap, sync::Arc};

use tessera_contract::{Addresses, Contract, CxSigner};
use tessera_events::Log;
use tessera_mtls::Mtls;
use tessera_types::Clock;

use crate::{
    config::Root,
    error::CommandError,
    feed::RemoteFeed,
    modules::{Here, Part},
    remotes::Remotes,
};

/// Makes clients of what is elsewhere.
pub(crate) struct Elsewhere {
    places: BTreeMap<Part, Place>,
    pub(crate) remotes: Remotes,
    /// The module that this process speaks as in what is no module's own business.
    pub(crate) speaker: &'static str,
    clock: Arc<dyn Clock>,
}

/// Where a part is that is not here, and what reaches it.
pub(crate) struct Place {
    pub(crate) addresses: Addresses,
    pub(crate) http: reqwest::Client,
}

impl Elsewhere {
    /// As configured, for a process that holds `here`; calls are signed.
    ///
    /// # Errors
    /// As [`Remotes::client`].
    pub(crate) fn new(
        root: &Root,
        here: &Here,
        (signer, mtls): (CxSigner, Option<Mtls>),
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CommandError> {
        let remotes = Remotes::new(&root.remote, signer, mtls, &root.mtls.strangers);
        let mut places = BTreeMap::new();
        for part in Part::ALL {
            if let Some(addresses) = root.addresses(*part) {
                let http = remotes.client(part.mount(), addresses)?;
                places.insert(*part, Place { addresses: addresses.clone(), http });
            }
        }
        Ok(Self { places, remotes, speaker: here.speaker(), clock })
    }

    /// Wall time.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Where a part is that is not here.
    pub(crate) fn place(&self, part: Part) -> Option<&Place> {
        self.places.get(&part)
    }

    /// The part's implementation of a contract: `here`, or the one at its address.
    pub(crate) fn or<C: Contract + ?Sized>(&self, part: Part, here: Option<Arc<C>>) -> Option<Arc<C>> {
        here.or_else(|| {
            let Place { addresses, http } = self.place(part)?;
            Some(self.remotes.by(http.clone(), addresses))
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
        let Place { addresses, http } = self.place(part)?;
        let signed = (self.remotes.signer.clone(), self.speaker, self.clock.clone());
        let feed = RemoteFeed::new(http.clone(), addresses.clone(), part.mount(), signed);
        Some(Log::fed_by(Arc::new(feed)))
    }
}
