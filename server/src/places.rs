//! Where each part of the deployment is asked, as this process sees it; and how that changes while it runs.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tessera_contract::{Addresses, Clients, Contract, Now, Placed, Rollout, RolloutConfig, Spot};

use crate::{
    config::Root,
    error::CommandError,
    modules::{Here, Part},
    placement::Places,
    remotes::Remotes,
};

/// What the built-in module is called among places.
const BUILT_IN: &str = "built-in";

/// What reaches a place elsewhere.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) addresses: Addresses,
    /// For what is no operation.
    pub(crate) http: reqwest::Client,
    calls: Clients,
}

/// Where a part is asked at one moment.
pub(crate) struct Settled {
    said: Places,
    pub(crate) rollout: Arc<Rollout>,
    /// The way to each place of the rollout; `None` is the built-in module.
    ways: Vec<Option<Way>>,
}

impl Settled {
    /// As `said`, with clients that `remotes` makes.
    ///
    /// # Errors
    /// As [`Remotes::client`].
    fn new(part: Part, said: Places, rollout: &RolloutConfig, remotes: &Remotes) -> Result<Self, CommandError> {
        let (mut spots, mut ways) = (Vec::new(), Vec::new());
        for place in said.iter() {
            let name = place.url.as_ref().map_or_else(|| BUILT_IN.to_owned(), ToString::to_string);
            spots.push(Spot { name, weight: place.weight });
            let way = place.url.as_ref().map(|addresses| -> Result<Way, CommandError> {
                let http = remotes.client(part.mount(), addresses)?;
                let calls = remotes.clients(part.mount(), addresses);
                Ok(Way { addresses: addresses.clone(), http, calls })
            });
            ways.push(way.transpose()?);
        }
        if spots.is_empty() {
            return Ok(Self { said, rollout: Rollout::at(part.mount(), BUILT_IN), ways: vec![None] });
        }
        Ok(Self { said, rollout: Rollout::new(part.mount(), spots, rollout.clone()), ways })
    }

    /// The contract at each place; `here` stands for the built-in module.
    pub(crate) fn implementations<C: Contract + ?Sized>(&self, here: Option<&Arc<C>>, remotes: &Remotes) -> Now<C> {
        let places = self.ways.iter().map(|way| match way {
            Some(Way { addresses, calls, .. }) => remotes.by(calls.clone(), addresses),
            None => here.cloned().expect("PartPlaces never settles on a built-in module that is not here"),
        });
        Now::new(self.rollout.clone(), places.collect())
    }
}

/// Takes over where a part is asked from now on.
type Follow = Box<dyn Fn(&Settled) + Send + Sync>;

/// Where one part is asked, and who follows when that changes.
pub(crate) struct PartPlaces {
    part: Part,
    /// Whether its built-in module is in this process.
    here: bool,
    /// Whether its process was told to hold it: then nothing that is said of its place counts here.
    chosen: bool,
    settled: RwLock<Arc<Settled>>,
    followers: Mutex<Vec<Follow>>,
    remotes: Remotes,
}

/// Parts whose built-in module can be left, and come back to, while the process runs. The others serve more than operations,
/// or are asked by the process itself.
const MOVABLE: &[Part] =
    &[Part::Billing, Part::Catalog, Part::Entitlement, Part::Playback, Part::SandboxGateway, Part::Viewers];

impl PartPlaces {
    /// As configured, in a process that holds `here`.
    ///
    /// # Errors
    /// The built-in module is among its places and not in this process, or as [`Remotes::client`].
    pub(crate) fn new(part: Part, root: &Root, here: &Here, remotes: &Remotes) -> Result<Self, CommandError> {
        let (chosen, here) = (here.chosen && here.has(part), here.has(part));
        let said = if chosen { Places::default() } else { root.places(part).clone() };
        let settled = Settled::new(part, said, &root.rollout, remotes)?;
        settled.rollout.begin();
        let places = Self {
            part,
            here,
            chosen,
            settled: RwLock::new(Arc::new(settled)),
            followers: Mutex::default(),
            remotes: remotes.clone(),
        };
        Ok(places)
    }

    /// Where it is asked now.
    pub(crate) fn now(&self) -> Arc<Settled> {
        self.settled.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The way to the first of its places, if that is elsewhere.
    pub(crate) fn way(&self) -> Option<Way> {
        self.now().ways.first()?.clone()
    }

    /// The ways to those of its places that are elsewhere.
    pub(crate) fn ways(&self) -> Vec<Way> {
        self.now().ways.iter().flatten().cloned().collect()
    }

    /// Whether the built-in module is not asked at all, for another stands in its place.
    pub(crate) fn is_left(&self) -> bool {
        self.now().said.is_elsewhere()
    }

    /// A contract of the part, of which `here` is the implementation in this process, wherever it is asked.
    pub(crate) fn of<C: Contract + ?Sized>(&self, here: Option<Arc<C>>) -> Option<Arc<Placed<C>>> {
        let now = self.now();
        if now.ways.iter().any(Option::is_none) && here.is_none() {
            return None;
        }
        let placed = Placed::new(now.implementations(here.as_ref(), &self.remotes));
        let (following, remotes) = (placed.clone(), self.remotes.clone());
        let follow = move |settled: &Settled| following.replace(settled.implementations(here.as_ref(), &remotes));
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(follow));
        Some(placed)
    }

    /// What the part's places are to be by `root`; `None` where nothing changes.
    ///
    /// # Errors
    /// It cannot change to that while the process runs, or as [`Remotes::client`].
    pub(crate) fn changed(&self, root: &Root) -> Result<Option<Settled>, CommandError> {
        let (now, said) = (self.now(), root.places(self.part));
        let all_asked = (0..now.rollout.spots().len()).all(|spot| !now.rollout.is_taken_back(spot));
        if self.chosen || (*said == now.said && all_asked) {
            return Ok(None);
        }
        let (part, needs_here) = (self.part, !said.is_elsewhere());
        if needs_here && !self.here {
            return Err(CommandError::new(format!(
                "the built-in {part} is not in this process, which began without it: restart it to have it here"
            )));
        }
        if self.here && !said.is_built_in() && !MOVABLE.contains(&part) {
            return Err(CommandError::new(format!(
                "{part} does more in this process than answer operations: restart it to have {part} elsewhere"
            )));
        }
        Settled::new(part, said.clone(), &root.rollout, &self.remotes).map(Some)
    }

    /// The part is asked there from now on. A sentence says where.
    pub(crate) fn settle(&self, settled: Settled) -> String {
        let settled = Arc::new(settled);
        let before = {
            let mut now = self.settled.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *now, settled.clone())
        };
        before.rollout.retire();
        settled.rollout.begin();
        for follow in &*self.followers.lock().unwrap_or_else(PoisonError::into_inner) {
            follow(&settled);
        }
        settled.to_string()
    }
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let spots = self.rollout.spots();
        for (index, Spot { name, weight }) in spots.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match weight {
                Some(_) if spots.len() == 1 => write!(f, "{name}")?,
                Some(weight) => write!(f, "{comma}{name} (weight {weight})")?,
                None => write!(f, "{comma}{name} (shadow)")?,
            }
        }
        Ok(())
    }
}
