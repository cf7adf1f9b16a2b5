//! How many connections one address may hold, so that one client cannot take them all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;

use crate::edge::rate_limit::client_network;

/// The connections of every address. Clones are the same.
#[derive(Clone)]
pub(super) struct Seats {
    most: usize,
    exempt: Arc<[IpNet]>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place; free again when this is dropped.
pub(super) struct Seat {
    seats: Seats,
    network: Option<IpAddr>,
}

impl Seats {
    /// `most` for an address (an IPv6 address counts as its /64), but any number for `exempt` networks: a proxy's
    /// connections are many clients'.
    pub(super) fn new(most: usize, exempt: Vec<IpNet>) -> Self {
        Self { most: most.max(1), exempt: exempt.into(), taken: Arc::default() }
    }

    /// A place for a connection from `address`; `None` when it holds as many as it may.
    pub(super) fn take(&self, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        if self.exempt.iter().any(|net| net.contains(&address)) {
            return Some(Seat { seats: self.clone(), network: None });
        }
        let network = client_network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let held = taken.entry(network).or_default();
        (*held < self.most).then(|| {
            *held += 1;
            Seat { seats: self.clone(), network: Some(network) }
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = taken.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                taken.remove(&network);
            }
        }
    }
}
