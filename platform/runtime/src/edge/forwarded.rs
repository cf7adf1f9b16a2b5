//! Where a request comes from. What a proxy says counts only when the proxy is a configured one; what a front of the
//! deployment has signed counts before it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, header, request::Parts};
use ipnet::IpNet;
use tessera_contract::{Failure, FailureKind, Forwarded};
use tessera_types::{Sensitive, Territory};

use super::host;
use crate::config::{ForwardedBy, ServerConfig};

/// The proxies that are believed, and what they are believed in.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    by: ForwardedBy,
    territory: Option<HeaderName>,
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The address of whoever asked: the nearest one that is no trusted proxy. Unspecified when there is no connection.
    pub address: Sensitive<IpAddr>,
    /// The host that was asked for, in lower case and without a port.
    pub host: String,
    /// The host as it was asked for, with its port: what an `Origin` names.
    pub authority: String,
    /// Whether the client came over TLS.
    pub https: bool,
}

impl Client {
    /// The network that the client is in, /24 or /48: what may be written down, for it names nobody.
    pub fn network(&self) -> IpNet {
        let bits = if self.address.is_ipv4() { 24 } else { 48 };
        IpNet::new_assert(*self.address, bits).trunc()
    }
}

/// What a proxy said of a request.
#[derive(Default)]
struct Said {
    /// Client first, nearest proxy last.
    addresses: Vec<Option<IpAddr>>,
    host: Option<String>,
    proto: Option<String>,
}

impl Proxies {
    /// As configured.
    pub fn new(config: &ServerConfig) -> Self {
        let territory = config.territory_header.as_deref().and_then(|name| name.to_ascii_lowercase().parse().ok());
        Self { trusted: config.trusted_proxies.clone(), by: config.forwarded_by, territory }
    }

    /// Where the request comes from.
    ///
    /// # Errors
    /// [`FailureKind::InvalidRequest`] for a request without a host, with two, or with one that cannot be a host name.
    pub fn client(&self, head: &Parts) -> Result<Client, Failure> {
        if let Some(Forwarded { address, authority, https, .. }) = head.extensions.get() {
            let host = host::name_of(authority).ok_or_else(|| bad_host("is not a host name"))?;
            return Ok(Client { address: *address, host, authority: authority.clone(), https: *https });
        }
        let peer = peer(head);
        let said = match self.trusts(peer) {
            true => self.said(&head.headers),
            false => Said::default(),
        };
        let authority = match said.host {
            Some(host) => host,
            None => asked_for(head)?,
        };
        let host = host::name_of(&authority).ok_or_else(|| bad_host("is not a host name"))?;
        let https = said.proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        let address = self.nearest_stranger(peer, &said.addresses).into();
        Ok(Client { address, host, authority, https })
    }

    /// The country a trusted proxy put the viewer in.
    pub(super) fn territory(&self, head: &Parts) -> Option<Territory> {
        if let Some(Forwarded { territory, .. }) = head.extensions.get() {
            return territory.clone();
        }
        let header = self.territory.as_ref().filter(|_| self.trusts(peer(head)))?;
        let mut values = head.headers.get_all(header).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok()?.trim().to_ascii_uppercase().parse().ok(),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// From the nearest proxy outwards: past it, every address was only claimed.
    fn nearest_stranger(&self, peer: IpAddr, addresses: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = peer;
        for address in addresses.iter().rev() {
            if !self.trusts(nearest) {
                break;
            }
            match address {
                Some(address) => nearest = *address,
                None => break,
            }
        }
        nearest
    }

    fn said(&self, headers: &HeaderMap) -> Said {
        match self.by {
            ForwardedBy::XForwarded => Said {
                addresses: list(headers, "x-forwarded-for").iter().map(|text| address(text)).collect(),
                host: list(headers, "x-forwarded-host").pop(),
                proto: list(headers, "x-forwarded-proto").pop(),
            },
            ForwardedBy::Forwarded => rfc7239(&list(headers, "forwarded")),
        }
    }
}

/// The address at the other end of the connection.
fn peer(head: &Parts) -> IpAddr {
    let connection = head.extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical())
}

/// The one host of the request (RFC 9112 §3.2: a server refuses none and several).
fn asked_for(head: &Parts) -> Result<String, Failure> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (head.uri.authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => Err(bad_host("stands there twice")),
        (Some(authority), _, None) => Ok(authority.as_str().rsplit('@').next().unwrap_or_default().to_owned()),
        (None, Some(host), None) => Ok(host.to_str().map_err(|_| bad_host("is not text"))?.to_owned()),
        (None, None, None) => Err(bad_host("is missing")),
    }
}

fn bad_host(what: &str) -> Failure {
    Failure::new(FailureKind::InvalidRequest, format!("the Host header {what}; send the tenant's host name, once"))
}

/// The values of a comma-separated header over all its lines.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    let bracketed = || text.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    let parsed = plain.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).or_else(bracketed);
    parsed.map(|address: IpAddr| address.to_canonical())
}

/// RFC 7239 §4: `for=192.0.2.1;host=demo.example;proto=https, for="[2001:db8::1]:4711"`.
fn rfc7239(elements: &[String]) -> Said {
    let mut said = Said::default();
    for element in elements {
        let mut address_here = None;
        for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => address_here = address(value),
                "host" => said.host = Some(value.to_owned()),
                "proto" => said.proto = Some(value.to_owned()),
                _ => {}
            }
        }
        said.addresses.push(address_here);
    }
    said
}
