//! Rate limits by address, before anything else is done for a request.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use tessera_contract::Failure;

use super::Notes;
use crate::{
    config::RateLimitsConfig,
    edge::{
        Client,
        rate_limit::{RateLimiter, Verdict, client_network},
    },
};

/// The quotas of an address.
pub(super) struct Rates {
    address: RateLimiter<IpAddr>,
    sensitive: RateLimiter<IpAddr>,
    sensitive_paths: Vec<String>,
    exempt: Vec<IpNet>,
}

impl Rates {
    pub(super) fn new(config: &RateLimitsConfig) -> Self {
        Self {
            address: RateLimiter::new("address", config.address, config.remembered),
            sensitive: RateLimiter::new("sensitive", config.sensitive, config.remembered),
            sensitive_paths: Vec::new(),
            exempt: config.exempt.clone(),
        }
    }

    pub(super) fn sensitive(&mut self, paths: &[&str]) {
        self.sensitive_paths.extend(paths.iter().map(|path| path.trim_end_matches('/').to_owned()));
    }

    /// Counts the request, and refuses it when there were too many.
    pub(super) fn admit(&self, client: &Client, method: &Method, path: &str, notes: &Notes) -> Result<(), Failure> {
        if self.exempt.iter().any(|net| net.contains(client.address.expose())) {
            return Ok(());
        }
        let network = client_network(*client.address);
        note(notes, self.address.take(network))?;
        match !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && self.is_sensitive(path) {
            true => note(notes, self.sensitive.take(network)),
            false => Ok(()),
        }
    }

    fn is_sensitive(&self, path: &str) -> bool {
        let below = |known: &String| {
            path.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.sensitive_paths.iter().any(below)
    }
}

fn note(notes: &Notes, verdict: Verdict) -> Result<(), Failure> {
    notes.rate(&verdict);
    let admitted = verdict.into_result();
    if admitted.is_err() {
        metrics::counter!("tessera_http_rate_limited_total").increment(1);
    }
    admitted
}

/// `RateLimit` and `RateLimit-Policy`: every policy is named, and the one that is nearest to refusing counts.
pub(super) fn say(headers: &mut HeaderMap, verdicts: &[Verdict]) {
    let nearest = verdicts.iter().min_by_key(|verdict| verdict.remaining);
    let mut set = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    if let Some(nearest) = nearest {
        let policies: Vec<String> = verdicts.iter().map(Verdict::policy_header).collect();
        set(HeaderName::from_static("ratelimit-policy"), policies.join(", "));
        set(HeaderName::from_static("ratelimit"), nearest.header());
    }
}
