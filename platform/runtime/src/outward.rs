//! Which addresses may be asked that a tenant names. Without this it could reach what only this machine may: the metadata of
//! a cloud, databases, the machine itself. A name is checked when it is looked up, so that it cannot lead elsewhere later.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Characters of an address at most.
const URL_MAX: usize = 4096;

/// An address that is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The networks that may be asked: the public Internet, and what the operator allows besides. Cheap to clone.
#[derive(Clone)]
pub struct Outward {
    allowed: Arc<[IpNet]>,
    /// Which setting allows more, for messages.
    setting: &'static str,
}

impl Outward {
    /// The public Internet and these networks. `setting` says in messages what allows more: "`networks` of `[webhooks]`
    /// allows it".
    pub fn new(allowed: &[IpNet], setting: &'static str) -> Self {
        Self { allowed: allowed.into(), setting }
    }

    /// These networks as well.
    pub fn and(&self, networks: &[IpNet]) -> Self {
        Self::new(&[&self.allowed[..], networks].concat(), self.setting)
    }

    /// The address, when its form is one that is asked: `http` or `https`, without a user in it. Its name is looked up, and
    /// checked, when it is asked ([`Resolve`]).
    ///
    /// # Errors
    /// Why it is not asked.
    pub fn url(&self, text: &str) -> Result<Url, Refused> {
        let refused = |why: &str| Err(Refused(format!("the address {why}")));
        if text.len() > URL_MAX {
            return refused("is longer than 4096 characters");
        }
        let Ok(url) = Url::parse(text) else {
            return refused("is none: it begins with http:// or https:// and a host");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("is not one of http or https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("has a user or password in it; use one that is signed instead");
        }
        match literal(&url) {
            Some(ip) if !may_ask(ip, &self.allowed) => refused(&self.private()),
            Some(_) | None => Ok(url),
        }
    }

    fn private(&self) -> String {
        format!("is of a private or local network; {}", self.setting)
    }

    /// Why a request was refused before it was sent, if it was.
    pub fn refusal(error: &reqwest::Error) -> Option<&Refused> {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if let Some(refused) = cause.downcast_ref::<Refused>() {
                return Some(refused);
            }
            source = cause.source();
        }
        None
    }
}

/// Looks names up, and gives only addresses that may be asked.
impl Resolve for Outward {
    fn resolve(&self, name: Name) -> Resolving {
        let outward = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let there = !found.is_empty();
            let may: Vec<SocketAddr> = found.into_iter().filter(|at| may_ask(at.ip(), &outward.allowed)).collect();
            match (may.is_empty(), there) {
                (false, _) => Ok(Box::new(may.into_iter()) as Addrs),
                (true, true) => Err(Refused(format!("the host {}", outward.private())).into()),
                (true, false) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            }
        })
    }
}

/// The IP address that stands in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether an address is of the public Internet, or of a network that is allowed.
fn may_ask(ip: IpAddr, allowed: &[IpNet]) -> bool {
    let ip = ip.to_canonical();
    allowed.iter().any(|network| network.contains(&ip))
        || match ip {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
}

/// Globally reachable by IANA's registry of special addresses (RFC 6890), multicast and reserved ones left out.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast (RFC 4291 §2.4) but for documentation, and for what carries an IPv4 address to somewhere else: 6to4,
/// Teredo and other protocol assignments.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let special = matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    (0x2000..=0x3fff).contains(&a) && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_local_and_metadata_addresses_are_not_asked() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!may_ask(ip.parse().unwrap(), &[]), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.63.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(may_ask(ip.parse().unwrap(), &[]), "{ip}");
        }
        let allowed = ["10.1.0.0/16".parse().unwrap()];
        assert!(
            may_ask("10.1.2.3".parse().unwrap(), &allowed) && may_ask("::ffff:10.1.2.3".parse().unwrap(), &allowed)
        );
        assert!(!may_ask("10.2.2.3".parse().unwrap(), &allowed));
    }

    #[test]
    fn an_address_is_refused_for_its_form_however_its_numbers_are_written() {
        let outward = Outward::new(&[], "nothing allows it");
        for refused in [
            "",
            "films.example/a.mp4",
            "ftp://films.example/a.mp4",
            "file:///etc/passwd",
            "http://u:p@films.example/a",
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            assert!(outward.url(refused).is_err(), "{refused}");
        }
        for taken in ["https://films.example/a.mp4?sig=1", "http://8.8.8.8:8080/a.mp4", "https://[2606:4700::1111]/a"] {
            assert!(outward.url(taken).is_ok(), "{taken}");
        }
        assert!(outward.url(&format!("https://films.example/{}", "a".repeat(5000))).is_err());
    }
}
