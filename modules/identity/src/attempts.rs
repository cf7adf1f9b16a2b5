//! How often somebody may try to sign in or up. An unknown address is counted like a known one.
//!
//! Guessing at one account is limited twice: from one network, and from all of them together. The second would let a
//! stranger with many addresses keep the owner out; so it does not count where the owner has signed in before.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use tessera_contract::Failure;
use tessera_runtime::edge::rate_limit::{RateLimiter, client_network};
use tessera_types::TenantId;

use crate::config::AttemptsConfig;

/// Keys remembered at most, of each kind.
const REMEMBERED: usize = 100_000;

/// An email address at a tenant, and the network it is signed in from.
type Place = (TenantId, String, IpAddr);

/// The limits of one process.
pub(crate) struct Attempts {
    address: RateLimiter<IpAddr>,
    account: RateLimiter<(TenantId, String)>,
    account_at_address: RateLimiter<Place>,
    /// Where accounts have been signed in to since this process began.
    known: Mutex<HashSet<Place>>,
    sign_up: RateLimiter<IpAddr>,
}

impl Attempts {
    pub(crate) fn new(config: &AttemptsConfig) -> Self {
        Self {
            address: RateLimiter::new("sign-in-address", config.address, REMEMBERED),
            account: RateLimiter::new("sign-in-account", config.account, REMEMBERED),
            account_at_address: RateLimiter::new("sign-in-account-address", config.account_at_address, REMEMBERED),
            known: Mutex::default(),
            sign_up: RateLimiter::new("sign-up-address", config.sign_up, REMEMBERED),
        }
    }

    /// One more sign-in to `email`, as typed and normalised, from `address`.
    pub(crate) fn sign_in(&self, tenant: &TenantId, address: IpAddr, email: &str) -> Result<(), Failure> {
        let place = (tenant.clone(), email.to_owned(), client_network(address));
        self.address.take(place.2).into_result()?;
        self.account_at_address.take(place.clone()).into_result()?;
        match self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&place) {
            true => Ok(()),
            false => self.account.take((place.0, place.1)).into_result(),
        }
    }

    /// Somebody has given the right password of `email` from `address`.
    pub(crate) fn signed_in(&self, tenant: &TenantId, address: IpAddr, email: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < REMEMBERED {
            known.insert((tenant.clone(), email.to_owned(), client_network(address)));
        }
    }

    /// One more sign-up from `address`.
    pub(crate) fn sign_up(&self, address: IpAddr) -> Result<(), Failure> {
        self.sign_up.take(client_network(address)).into_result()
    }
}
