//! The contracts and events of every part, wherever that is: in this process, or at the addresses that the configuration
//! gives.

use std::{collections::BTreeMap, sync::Arc};

use tessera_contract::{Contract, CxSigner};
use tessera_events::Log;
use tessera_mtls::Mtls;
use tessera_types::Clock;

use crate::{
    config::Root,
    error::CommandError,
    feed::RemoteFeed,
    modules::{Here, Part},
    places::PartPlaces,
    remotes::Remotes,
};

/// Makes clients of what is elsewhere.
pub(crate) struct Elsewhere {
    parts: BTreeMap<Part, Arc<PartPlaces>>,
    pub(crate) remotes: Remotes,
    /// The module that this process speaks as in what is no module's own business.
    pub(crate) speaker: &'static str,
    clock: Arc<dyn Clock>,
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
        let mut parts = BTreeMap::new();
        for part in Part::ALL {
            parts.insert(*part, Arc::new(PartPlaces::new(*part, root, here, &remotes)?));
        }
        Ok(Self { parts, remotes, speaker: here.speaker(), clock })
    }

    /// Where a part is asked.
    pub(crate) fn places(&self, part: Part) -> &Arc<PartPlaces> {
        &self.parts[&part]
    }

    /// Wall time.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The part's implementation of a contract, wherever it is asked; `here` is the one of this process.
    pub(crate) fn or<C: Contract + ?Sized>(&self, part: Part, here: Option<Arc<C>>) -> Option<Arc<C>> {
        self.places(part).of(here).map(C::placed)
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
        let places = self.places(part);
        places.way()?;
        let signed = (self.remotes.signer.clone(), self.speaker, self.clock.clone());
        let feed = RemoteFeed::new(places.clone(), part.mount(), signed);
        Some(Log::fed_by(Arc::new(feed)))
    }

    /// Takes over where parts are asked by `root`: all of it or, when part of it cannot be, nothing. A sentence a part says
    /// what has changed.
    ///
    /// # Errors
    /// As [`PartPlaces::changed`].
    pub(crate) fn take_over(&self, root: &Root) -> Result<Vec<String>, CommandError> {
        let mut changes = Vec::new();
        for (part, places) in &self.parts {
            changes.extend(places.changed(root)?.map(|settled| (*part, places, settled)));
        }
        let sentence = |(part, places, settled): (Part, &Arc<PartPlaces>, _)| {
            format!("{part} is asked at {} from now on", places.settle(settled))
        };
        Ok(changes.into_iter().map(sentence).collect())
    }
}
