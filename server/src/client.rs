//! A client of a running Tessera, for the commands: from outside, with an API key, like an operator's own tools.

use std::net::{Ipv4Addr, SocketAddr};

use tessera_contract::{Contract, Credential, Cx, Remote};
use tessera_types::{Clock, SystemClock};

use crate::{cli::At, demo::Facts, error::CommandError};

/// Where a tenant of a running Tessera is reached, and with which key.
#[derive(Clone)]
pub(crate) struct Site {
    /// `http://demo.localhost:8080`, without a slash at the end.
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) http: reqwest::Client,
}

impl Site {
    /// The tenant at `url`.
    pub(crate) fn new(url: &str, key: &str) -> Result<Self, CommandError> {
        let parsed = reqwest::Url::parse(url).map_err(|e| {
            CommandError::new(format!("{url:?} is not an address such as http://demo.localhost:8080: {e}"))
        })?;
        let mut builder = client_builder();
        if let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default())
            && (host.ends_with(".localhost"))
        {
            // RFC 6761 §6.3: names below localhost are this machine, whatever its resolver says.
            builder = builder.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        let http = builder.build().map_err(|e| CommandError::caused("making an HTTP client", e))?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), http })
    }

    /// The tenant that a command is about.
    pub(crate) fn at(place: &At) -> Result<Self, CommandError> {
        if let (Some(url), Some(key)) = (&place.url, &place.key) {
            return Self::new(url, key);
        }
        let facts = Facts::read(&place.data)?.ok_or_else(|| {
            CommandError::new(format!(
                "there is no demo in {}: start one with `tessera up`, or give --url and --key",
                place.data.display()
            ))
        })?;
        Self::new(&facts.url(), place.key.as_deref().unwrap_or(&facts.staff_key))
    }

    /// The tenant's contract of a kind.
    pub(crate) fn contract<C: Contract + ?Sized>(&self) -> std::sync::Arc<C> {
        let base = format!("{}/{}", self.url, C::INFO.mount);
        C::remote(Remote::new(self.http.clone(), &base, Credential::Bearer(self.key.clone())))
    }

    /// A context for calls from here. Its tenant means nothing there: the host and the key say whose call it is.
    pub(crate) fn cx(&self) -> Cx {
        let nobody = "command".parse().expect("a literal tenant");
        Cx::new(nobody, tessera_contract::Caller::Anonymous, SystemClock.now())
    }

    /// The same with a fresh idempotency key: one intent.
    pub(crate) fn intent(&self) -> Cx {
        self.cx().with_idempotency_key(format!("{:032x}", rand::random::<u128>()))
    }
}

/// An HTTP client's settings, TLS provider installed.
fn client_builder() -> reqwest::ClientBuilder {
    drop(tessera_contract::http_client()); // installs the TLS provider once for the process
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(std::time::Duration::from_secs(5))
}
