//! Rate limits by address, before anything else is done for a request.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use tessera_contract::{Failure, Problem, sent_request_id};

use super::Notes;
use crate::{
    config::RateLimitsConfig,
    edge::{
        Client, Peer,
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

    fn admit(&self, client: &Client, method: &Method, path: &str, notes: Option<&Notes>) -> Result<(), Failure> {
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

fn note(notes: Option<&Notes>, verdict: Verdict) -> Result<(), Failure> {
    if let Some(notes) = notes {
        notes.rate(&verdict);
    }
    verdict.into_result()
}

pub(super) async fn limit(State(rates): State<Arc<Rates>>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Peer>().is_some() {
        return next.run(request).await; // a module of this deployment, for as many people as there are
    }
    let (client, notes) = (request.extensions().get::<Client>(), request.extensions().get::<Notes>());
    let admitted = client.map_or(Ok(()), |client| rates.admit(client, request.method(), request.uri().path(), notes));
    match admitted {
        Ok(()) => next.run(request).await,
        Err(failure) => {
            metrics::counter!("tessera_http_rate_limited_total").increment(1);
            Problem::of_failure(&failure, &sent_request_id(request.headers())).into_response()
        }
    }
}

/// `RateLimit` and `RateLimit-Policy`: every policy is named, and the one that is nearest to refusing counts.
pub(super) fn say(headers: &mut HeaderMap, verdicts: &[Verdict]) {
    let nearest = verdicts.iter().min_by_key(|verdict| verdict.remaining);
    let policies: Vec<String> = verdicts.iter().map(Verdict::policy_header).collect();
    let mut set = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    if let Some(nearest) = nearest {
        set(HeaderName::from_static("ratelimit-policy"), policies.join(", "));
        set(HeaderName::from_static("ratelimit"), nearest.header());
    }
}
