//! How often somebody may try to sign in or up. An unknown address is counted like a known one.

use std::net::IpAddr;

use tessera_contract::Failure;
use tessera_runtime::edge::rate_limit::{RateLimiter, client_network};
use tessera_types::TenantId;

use crate::config::AttemptsConfig;

/// Keys remembered at most, of each kind.
const REMEMBERED: usize = 100_000;

/// The limits of one process.
pub(crate) struct Attempts {
    address: RateLimiter<IpAddr>,
    account: RateLimiter<(TenantId, String)>,
    sign_up: RateLimiter<IpAddr>,
}

impl Attempts {
    pub(crate) fn new(config: &AttemptsConfig) -> Self {
        Self {
            address: RateLimiter::new("sign-in-address", config.address, REMEMBERED),
            account: RateLimiter::new("sign-in-account", config.account, REMEMBERED),
            sign_up: RateLimiter::new("sign-up-address", config.sign_up, REMEMBERED),
        }
    }

    /// One more sign-in to `email`, as typed and normalised, from `address`.
    pub(crate) fn sign_in(&self, tenant: &TenantId, address: IpAddr, email: &str) -> Result<(), Failure> {
        self.address.take(client_network(address)).into_result()?;
        self.account.take((tenant.clone(), email.to_owned())).into_result()
    }

    /// One more sign-up from `address`.
    pub(crate) fn sign_up(&self, address: IpAddr) -> Result<(), Failure> {
        self.sign_up.take(client_network(address)).into_result()
    }
}
