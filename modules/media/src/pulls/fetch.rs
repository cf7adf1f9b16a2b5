//! Asking a server for a file: every name is looked up here and every address checked before anything is sent to it, at each
//! redirect anew.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT_ENCODING, IF_RANGE, LOCATION, RANGE},
    redirect::Policy,
};

use tessera_runtime::outward::{Outward, Refused};

use super::answer::{self, Answer, Known};

/// The networks that are asked: the public Internet and these.
pub(crate) fn outward(allowed: &[IpNet]) -> Outward {
    Outward::new(allowed, "`pull_networks` of `[media]`, or a bucket's own `networks`, allow it")
}

const REDIRECTS_MAX: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may pause.
const PAUSE: Duration = Duration::from_secs(60);

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFile {
    /// It stands where nothing is asked.
    #[error("{0}")]
    Address(#[from] Refused),
    /// The server will not give it, or sends us round in circles.
    #[error("{0}")]
    Refused(String),
    /// Not what was begun.
    #[error("the file has changed since its first bytes were fetched")]
    Changed,
    /// A server that does not say how long it is.
    #[error("the server does not say how long the file is")]
    LengthUnknown,
    /// Something that may pass.
    #[error("{0}")]
    Later(String),
}

/// A file's bytes on their way.
pub(crate) struct Body {
    pub(crate) response: Response,
    pub(crate) length: u64,
    pub(crate) etag: Option<String>,
    /// Bytes at the beginning that are here already.
    pub(crate) skip: u64,
}

/// What came of one request.
enum Asked {
    Body(Body),
    Elsewhere(Response),
}

/// Asks servers, of the networks it may.
#[derive(Clone)]
pub(crate) struct Fetcher {
    http: Client,
    outward: Outward,
}

impl Fetcher {
    pub(crate) fn new(allowed: &[IpNet]) -> Self {
        drop(tessera_contract::http_client()); // installs the TLS provider once for the process
        Self::of(outward(allowed))
    }

    fn of(outward: Outward) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(PAUSE)
            .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(outward.clone()))
            .build()
            .expect("a client with these settings always builds once a TLS provider is installed");
        Self { http, outward }
    }

    /// The address, when it may be asked.
    pub(crate) fn check(&self, url: &str) -> Result<Url, Refused> {
        self.outward.url(url)
    }

    /// One that asks these networks as well.
    pub(crate) fn and_of(&self, networks: &[IpNet]) -> Self {
        match networks.is_empty() {
            true => self.clone(),
            false => Self::of(self.outward.and(networks)),
        }
    }

    /// Asks for everything from byte `from` on, wherever the file has moved to.
    pub(crate) async fn get(&self, url: &str, rest: (u64, &Known)) -> Result<Body, NoFile> {
        let mut url = self.check(url)?;
        for _ in 0..=REDIRECTS_MAX {
            match self.ask(&url, rest).await? {
                Asked::Body(body) => return Ok(body),
                Asked::Elsewhere(response) => url = self.next(&url, &response)?,
            }
        }
        Err(NoFile::Refused(format!("the server redirects more than {REDIRECTS_MAX} times")))
    }

    /// Asks at this address alone: it is signed for its host.
    pub(crate) async fn get_here(&self, url: &Url, rest: (u64, &Known)) -> Result<Body, NoFile> {
        match self.ask(&self.check(url.as_str())?, rest).await? {
            Asked::Body(body) => Ok(body),
            Asked::Elsewhere(response) => {
                let why = format!("the service redirects ({}): is the region another one?", response.status());
                Err(NoFile::Refused(why))
            }
        }
    }

    async fn ask(&self, url: &Url, (from, known): (u64, &Known)) -> Result<Asked, NoFile> {
        // Compressed on the way, its bytes would not be counted as they are stored.
        let mut request = self.http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(etag) = &known.etag {
                request = request.header(IF_RANGE, etag);
            }
        }
        let response = request.send().await.map_err(|error| unreachable_because(&error))?;
        match answer::read(response.status(), response.headers(), from, known) {
            Answer::Body { length, etag, skip } => Ok(Asked::Body(Body { response, length, etag, skip })),
            Answer::Elsewhere => Ok(Asked::Elsewhere(response)),
            Answer::Later => Err(NoFile::Later(format!("the server answers {}", response.status()))),
            Answer::Refused => Err(NoFile::Refused(format!("the server will not give it: {}", response.status()))),
            Answer::LengthUnknown => Err(NoFile::LengthUnknown),
            Answer::Changed => Err(NoFile::Changed),
        }
    }

    /// Where a redirect leads, checked as the first address was.
    fn next(&self, from: &Url, response: &Response) -> Result<Url, NoFile> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let to = location.and_then(|location| from.join(location).ok());
        let to = to.ok_or_else(|| NoFile::Refused("the server redirects to nowhere".into()))?;
        if from.scheme() == "https" && to.scheme() != "https" {
            return Err(NoFile::Refused("the server redirects from https to something that others can read".into()));
        }
        Ok(self.check(to.as_str())?)
    }
}

/// What kept a request from being answered. Addresses are left out of it: they may hold secrets.
fn unreachable_because(error: &reqwest::Error) -> NoFile {
    if let Some(refused) = Outward::refusal(error) {
        return refused.clone().into();
    }
    let mut source = std::error::Error::source(error);
    let mut last = String::new();
    while let Some(cause) = source {
        last = cause.to_string();
        source = cause.source();
    }
    match error.is_timeout() {
        true => NoFile::Later("the server does not answer".into()),
        false => NoFile::Later(format!("the server cannot be reached: {last}")),
    }
}
