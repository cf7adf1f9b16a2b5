//! The sections that belong to every process: `[server]`, `[log]`, and where state is kept.

use std::{net::SocketAddr, num::NonZeroU16, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use tessera_types::Territory;

use super::{Secret, seconds};

/// `[server]`: where it listens and whom it believes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on. Default `127.0.0.1:8080`: nobody else's machine reaches it unless told so.
    pub listen: SocketAddr,
    /// The port in addresses that are printed or sent out, when a proxy listens on another one. Default: `listen`'s.
    pub public_port: Option<u16>,
    /// Domains below which a tenant is a label: with `tv.example`, `acme.tv.example` is the tenant `acme`. Hosts that
    /// are registered for a tenant, and `<tenant>.localhost`, need no entry. Default: none.
    pub base_domains: Vec<String>,
    /// Networks whose `forwarded` headers and [`Self::territory_header`] count (CIDR). Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// Which headers those proxies set. Only these are read, since a proxy passes the other kind on as the client sent
    /// it. Default `x-forwarded`.
    pub forwarded_by: ForwardedBy,
    /// A header in which a trusted proxy says the viewer's country (ISO 3166-1 alpha-2), such as `x-country`. Default:
    /// none.
    pub territory_header: Option<String>,
    /// Where viewers are when nothing else says so. Default: unknown.
    pub default_territory: Option<Territory>,
    /// A second address for `/metrics`. Default: none, and then the public one answers it to this machine alone.
    pub metrics_listen: Option<SocketAddr>,
    /// Threads that requests are served by. Default: one a core, of a container's share where it has one. Where many
    /// processes share a machine, fewer each leave less to the changes from thread to thread.
    pub worker_threads: Option<NonZeroU16>,
    /// `[server.limits]`.
    pub limits: LimitsConfig,
    /// `[server.rate_limits]`.
    pub rate_limits: RateLimitsConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_port: None,
            base_domains: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_by: ForwardedBy::default(),
            territory_header: None,
            default_territory: None,
            metrics_listen: None,
            worker_threads: None,
            limits: LimitsConfig::default(),
            rate_limits: RateLimitsConfig::default(),
        }
    }
}

/// The family of headers a trusted proxy sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedBy {
    /// `x-forwarded-for`, `x-forwarded-host`, `x-forwarded-proto`.
    #[default]
    XForwarded,
    /// `forwarded` (RFC 7239).
    Forwarded,
}

/// `[server.limits]`: what one client may hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Open connections at most; further ones wait in the kernel's queue. Default 4096.
    pub connections: usize,
    /// Connections of one address (an IPv6 address counts as its /64) at most; further ones are closed at once. Trusted
    /// proxies and the networks of `rate_limits.exempt` may have any number. Default 512: a carrier's subscribers share
    /// an address.
    pub connections_per_address: usize,
    /// Bytes of a request's head at most. Default 32768.
    pub head_bytes: usize,
    /// Header fields of a request at most. Default 100.
    pub header_fields: usize,
    /// How long a client may take to send a request's head, and keep an idle connection. Default 30.
    #[serde(rename = "head_seconds", deserialize_with = "seconds::deserialize")]
    pub head: Duration,
    /// How long a client may pause within a request's body. Default 30.
    #[serde(rename = "body_pause_seconds", deserialize_with = "seconds::deserialize")]
    pub body_pause: Duration,
    /// Bytes a second in which a request's body has to come on average, after one such pause. Default 1024.
    pub body_bytes_per_second: u64,
    /// How long a client may stop reading the answer. Default 60.
    #[serde(rename = "write_pause_seconds", deserialize_with = "seconds::deserialize")]
    pub write_pause: Duration,
    /// How long requests may take to finish after a stop was asked for. Default 20.
    #[serde(rename = "drain_seconds", deserialize_with = "seconds::deserialize")]
    pub drain: Duration,
    /// How long `/readyz` says "draining" while still serving, so that a load balancer turns away first. Default 0.
    #[serde(rename = "drain_notice_seconds", deserialize_with = "seconds::deserialize")]
    pub drain_notice: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 512,
            head_bytes: 32 * 1024,
            header_fields: 100,
            head: Duration::from_secs(30),
            body_pause: Duration::from_secs(30),
            body_bytes_per_second: 1024,
            write_pause: Duration::from_secs(60),
            drain: Duration::from_secs(20),
            drain_notice: Duration::ZERO,
        }
    }
}

/// `[server.rate_limits]`: how often one client may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitsConfig {
    /// Whether there are any. Default true.
    pub enabled: bool,
    /// For one address (an IPv6 address counts as its /64). Default 6000 in 60 s: a household's players fetch segments.
    pub address: Quota,
    /// For one signed-in caller. Default 1200 in 60 s.
    pub caller: Quota,
    /// For one address on what invites guessing: sign-in, sign-up, checkout. Default 30 in 60 s.
    pub sensitive: Quota,
    /// Networks that are not limited by address, such as the deployment's own. Default: none.
    pub exempt: Vec<IpNet>,
    /// Addresses and callers remembered at most; beyond it, newcomers share one bucket. Default 100000.
    pub remembered: usize,
}

impl Default for RateLimitsConfig {
    fn default() -> Self {
        let minute = |requests| Quota { requests, window: Duration::from_secs(60) };
        Self {
            enabled: true,
            address: minute(6000),
            caller: minute(1200),
            sensitive: minute(30),
            exempt: Vec::new(),
            remembered: 100_000,
        }
    }
}

/// So many requests in so long: `{ requests = 30, window_seconds = 60 }`. All of them may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How many, at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub requests: u32,
    /// In how long.
    #[serde(rename = "window_seconds", deserialize_with = "seconds::deserialize")]
    pub window: Duration,
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(de::Error::custom("0 would refuse everything; to lift the limits, set rate_limits.enabled = false")),
        requests => Ok(requests),
    }
}

/// `[log]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Default `auto`.
    pub format: LogFormat,
    /// What is logged: `info`, or by target, `info,tessera_store=debug`. `TESSERA_LOG` goes before it. Default `info`.
    pub level: Option<String>,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `store`: the engine behind every module's tables. `"sqlite"` (the default: files in the data folder),
/// `"postgres://…"`, or `{ url = …, max_connections = 8 }` with the address as a [`Secret`].
#[derive(Debug, Clone, Default)]
pub enum StoreChoice {
    /// One file a module in the data folder.
    #[default]
    Sqlite,
    /// One schema a module.
    Postgres(PostgresConfig),
}

/// A PostgreSQL database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`, of a role that may create schemas and roles.
    pub url: Secret<String>,
    /// Connections a module may hold at most. Default 8.
    #[serde(default = "eight")]
    pub max_connections: u32,
}

const fn eight() -> u32 {
    8
}

impl StoreChoice {
    /// What the store opens, with SQLite's files in `data`.
    pub fn in_folder(&self, data: &std::path::Path) -> tessera_store::StoreConfig {
        match self {
            Self::Sqlite => tessera_store::StoreConfig::sqlite(data),
            Self::Postgres(PostgresConfig { url, max_connections }) => {
                tessera_store::StoreConfig::Postgres { url: url.expose().clone(), max_connections: *max_connections }
            }
        }
    }
}

impl<'de> Deserialize<'de> for StoreChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StoreVisitor)
    }
}

struct StoreVisitor;

impl<'de> de::Visitor<'de> for StoreVisitor {
    type Value = StoreChoice;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"sqlite\", \"postgres://…\" or { url = … }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StoreChoice, E> {
        match text {
            "sqlite" => Ok(StoreChoice::Sqlite),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                let url = Secret::new(url.to_owned());
                Ok(StoreChoice::Postgres(PostgresConfig { url, max_connections: eight() }))
            }
            // Without the text: it may be a mistyped address with a password in it.
            _ => Err(E::custom("unknown engine, expected \"sqlite\", \"postgres://…\" or { url = … }")),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<StoreChoice, A::Error> {
        PostgresConfig::deserialize(de::value::MapAccessDeserializer::new(map)).map(StoreChoice::Postgres)
    }
}
