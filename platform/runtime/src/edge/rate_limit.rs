//! How often one client may ask: token buckets in bounded memory (the generic cell rate algorithm, ITU-T I.371).

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tessera_contract::{Failure, FailureKind};
use tokio::time::Instant;

use crate::config::Quota;

/// A bucket for each key. A full bucket needs no memory; when too many are not full, newcomers share one.
pub struct RateLimiter<K> {
    name: &'static str,
    quota: Quota,
    most: usize,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    /// When each bucket will be full again: the theoretical arrival time.
    full_at: HashMap<K, Instant>,
    newcomers: Option<Instant>,
    swept: Option<Instant>,
}

/// Whether one more request is within the quota, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The policy's name.
    pub policy: &'static str,
    /// The policy.
    pub quota: Quota,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// How long until the whole quota is there again.
    pub reset: Duration,
    /// How long to wait, when this request is one too many.
    pub retry_after: Option<Duration>,
}

impl<K: Hash + Eq> RateLimiter<K> {
    /// `quota` for each of at most `most` keys at a time.
    pub fn new(name: &'static str, quota: Quota, most: usize) -> Self {
        let buckets = Buckets { full_at: HashMap::new(), newcomers: None, swept: None };
        Self { name, quota, most: most.max(1), buckets: Mutex::new(buckets) }
    }

    /// Takes one request out of the bucket of `key`.
    pub fn take(&self, key: K) -> Verdict {
        let (mut buckets, now) = (self.buckets.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        if buckets.full_at.len() >= self.most && !buckets.full_at.contains_key(&key) {
            buckets.sweep(now);
        }
        let full = buckets.full_at.len() >= self.most && !buckets.full_at.contains_key(&key);
        let full_at = if full { buckets.newcomers } else { buckets.full_at.get(&key).copied() };
        let (verdict, then) = self.decide(full_at.map_or(now, |at| at.max(now)), now);
        match full {
            true => buckets.newcomers = Some(then),
            false => drop(buckets.full_at.insert(key, then)),
        }
        verdict
    }

    /// The verdict, and when the bucket is full after it.
    fn decide(&self, full_at: Instant, now: Instant) -> (Verdict, Instant) {
        let (each, window) = (self.quota.window / self.quota.requests, self.quota.window);
        let after = full_at + each;
        let verdict = |remaining, full_at: Instant, retry_after| Verdict {
            policy: self.name,
            quota: self.quota,
            remaining,
            reset: full_at - now,
            retry_after,
        };
        match (after - now).checked_sub(window) {
            Some(wait) if !wait.is_zero() => (verdict(0, full_at, Some(wait)), full_at),
            Some(_) | None => {
                let left = (window - (after - now)).as_nanos() / each.as_nanos().max(1);
                (verdict(u32::try_from(left).unwrap_or(u32::MAX).min(self.quota.requests), after, None), after)
            }
        }
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Forgets full buckets, at most once a second: it looks at all of them.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.swept = Some(now);
        }
    }
}

impl Verdict {
    /// An error when the request is one too many.
    ///
    /// # Errors
    /// [`FailureKind::RateLimited`], with the time to wait.
    pub fn into_result(self) -> Result<(), Failure> {
        let Some(wait) = self.retry_after else { return Ok(()) };
        let Quota { requests, window } = self.quota;
        let detail = format!("more than {requests} requests in {} s; wait before the next one", window.as_secs_f64());
        Err(Failure::new(FailureKind::RateLimited, detail).retry_after(Duration::from_secs(whole_seconds(wait))))
    }

    /// The value of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 §3).
    pub fn policy_header(&self) -> String {
        format!("\"{}\";q={};w={}", self.policy, self.quota.requests, whole_seconds(self.quota.window))
    }

    /// The value of `RateLimit` (the same draft, §4).
    pub fn header(&self) -> String {
        let until = whole_seconds(self.retry_after.unwrap_or(self.reset));
        format!("\"{}\";r={};t={until}", self.policy, self.remaining)
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// What counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber has to itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}
