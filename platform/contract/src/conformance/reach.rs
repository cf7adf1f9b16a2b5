//! What stands between a check and an implementation that cannot be asked.

use std::{error::Error, io};

use serde::Serialize;

/// Why an implementation cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Its name does not resolve.
    Dns,
    /// Nothing listens at the address.
    Refused,
    /// The handshake failed: certificate, name or protocol (RFC 8446).
    Tls,
    /// No connection within the time for one.
    ConnectTimeout,
    /// The connection ended before an answer began.
    Closed,
    /// What stands in front of it answered in its place (502, 503 or 504 without a problem).
    Proxy,
    /// It says of itself that it cannot answer now (503 `unavailable`).
    Unavailable,
    /// Something else; the words say what.
    Other,
}

impl Obstacle {
    /// The obstacle in an error and its chain of causes.
    pub fn in_error(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        let mut found = Obstacle::Other;
        while let Some(cause) = next {
            if let Some(seen) = of_one(cause) {
                found = seen; // the innermost says it best
            }
            next = inner(cause);
        }
        found
    }

    /// What to look at.
    pub const fn advice(self) -> &'static str {
        match self {
            Obstacle::Dns => "the host's name does not resolve; give an address, or `hosts` in the fixtures",
            Obstacle::Refused => "nothing listens at this address and port",
            Obstacle::Tls => "the TLS handshake failed: look at the certificate, and whether the port speaks TLS",
            Obstacle::ConnectTimeout => "no connection was made in time: look at the address and at firewalls",
            Obstacle::Closed => {
                "the connection was closed before an answer came: to http:// a port that speaks TLS does so"
            }
            Obstacle::Proxy => "a proxy in front answered in its place",
            Obstacle::Unavailable => "it says that it cannot answer now",
            Obstacle::Other => "the request could not be made",
        }
    }
}

/// What TLS says of it (RFC 8446), where that is what stands between.
pub(super) fn tls_says(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    let mut said = None;
    while let Some(cause) = next {
        said = cause.downcast_ref::<rustls::Error>().or(said);
        next = inner(cause);
    }
    said.map(|error| match error {
        rustls::Error::AlertReceived(_) => {
            format!("it does not take the certificate that was shown, or wants one: {error}")
        }
        rustls::Error::InvalidMessage(_) => format!("what answers there does not speak TLS: {error}"),
        _ => error.to_string(),
    })
}

/// An error's cause; of an I/O error the one it carries, which `source` skips.
fn inner<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

fn of_one(error: &(dyn Error + 'static)) -> Option<Obstacle> {
    if error.is::<rustls::Error>() {
        return Some(Obstacle::Tls);
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return match (error.is_connect(), error.is_timeout()) {
            (true, true) => Some(Obstacle::ConnectTimeout),
            (_, false) if error.is_request() => Some(Obstacle::Closed),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Obstacle::Refused),
            io::ErrorKind::TimedOut => Some(Obstacle::ConnectTimeout),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Some(Obstacle::Closed)
            }
            _ => None,
        };
    }
    // The resolver's error has no type of its own that could be named here.
    error.to_string().starts_with("dns error").then_some(Obstacle::Dns)
}
