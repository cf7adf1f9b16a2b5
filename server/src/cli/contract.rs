//! Arguments of `tessera contract`.

use std::{fmt, path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use tessera_contract::Protocol;
use tessera_types::TenantId;

#[derive(Subcommand)]
pub(crate) enum Contract {
    /// Run a contract's rules against an implementation and print a line for each.
    ///
    /// Against a stranger's implementation give `--fixtures` with credentials and starting state; against a deployment of
    /// one's own give `--data` and two of its tenants; against a module that takes signed contexts, `--key`.
    ///
    /// Exit code 0: conforming; 2: not conforming; 3: not reachable; 4: slow; 5: the fixtures lack something; 1: the
    /// check itself could not be made.
    Check {
        /// The contract's name, such as `entitlement`.
        contract: String,
        /// Its address, mount included: http://127.0.0.1:8080/entitlement
        #[arg(long)]
        url: String,
        /// How to call it: `grpc` for the operations that travel so (at the root of the address), the others over HTTP.
        #[arg(long, value_parser = protocol, default_value = "http")]
        protocol: Protocol,
        /// JSON with `state`, `credentials` and `hosts`; docs/conformance.md describes it.
        #[arg(long, value_name = "FILE")]
        fixtures: Option<PathBuf>,
        /// Data folder of the deployment: calls are signed with its secret, as a module of it.
        #[arg(long, value_name = "FOLDER", requires = "tenants")]
        data: Option<PathBuf>,
        /// File of the key that contexts are signed with, 64 hexadecimal digits: calls are a module's.
        #[arg(long, value_name = "FILE", requires = "tenants", conflicts_with = "data")]
        key: Option<PathBuf>,
        /// Folder of `tessera certs` with the certificate `tools`: for an `https` address of a module's `[mtls] listen`.
        #[arg(long, value_name = "FOLDER", requires = "tenants")]
        certs: Option<PathBuf>,
        /// Two tenants of the deployment, such as demo,other.
        #[arg(long, value_delimiter = ',')]
        tenants: Vec<TenantId>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Carry data from one implementation of a contract to another.
    ///
    /// Grants are stated over there as they stand here, with their versions: repeating it, and carrying back, does no
    /// harm. Exit code 2: something differs when all is done; the report names it.
    Copy(CopyArguments),
}

fn protocol(text: &str) -> Result<Protocol, String> {
    match text {
        "http" => Ok(Protocol::Http),
        "grpc" => Ok(Protocol::Grpc),
        _ => Err("say http or grpc".into()),
    }
}

/// What to carry, from where to where.
#[derive(Args)]
pub(crate) struct CopyArguments {
    /// The contract's name.
    #[arg(value_parser = ["entitlement"])]
    pub(crate) contract: String,
    /// `built-in`, or the address of an implementation.
    #[arg(long, value_name = "built-in|URL")]
    pub(crate) from: CopyEnd,
    /// `built-in`, or the address of an implementation.
    #[arg(long, value_name = "built-in|URL")]
    pub(crate) to: CopyEnd,
    /// Data folder of the deployment: calls are signed with its secret, and `built-in` is in it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Folder of `tessera certs` with the certificate `tools`: for `https` addresses of a module's `[mtls] listen`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) certs: Option<PathBuf>,
    /// Only these tenants. Default: all of the deployment.
    #[arg(long, value_delimiter = ',')]
    pub(crate) tenants: Vec<TenantId>,
    /// Change nothing; say what would be carried and what differs.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Keep in this file how far it came: the next run goes on there, and carries what changed since.
    #[arg(long, value_name = "FILE")]
    pub(crate) progress: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// An implementation that data is carried from or to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyEnd {
    /// The built-in module's, in the data folder.
    BuiltIn,
    /// One at an address.
    At(String),
}

impl FromStr for CopyEnd {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "built-in" => Ok(Self::BuiltIn),
            url if reqwest::Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme())) => {
                Ok(Self::At(url.to_owned()))
            }
            _ => Err("say built-in, or an address such as https://entitlement.example".into()),
        }
    }
}

impl fmt::Display for CopyEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::At(url) => f.write_str(url),
        }
    }
}
