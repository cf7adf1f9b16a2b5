//! `tessera certs`.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use tessera_mtls::TrustDomain;

#[derive(Subcommand)]
pub(crate) enum Certs {
    /// Make an authority, and a certificate and key for each module, for the processes that are named, and for the
    /// commands that call modules (`tools`).
    ///
    /// It is for development and tests: its key lies in the same folder. What is there is not overwritten.
    ///
    /// Example: tessera certs init --dir certs --process front=edge,playback,catalog
    Init {
        #[command(flatten)]
        at: CertsAt,
        /// The deployment's name in certificates: spiffe://DOMAIN/module/playback.
        #[arg(long, value_name = "DOMAIN", default_value = "tessera.internal")]
        trust_domain: TrustDomain,
        /// A certificate of this name for a process that runs several modules. May be given several times.
        #[arg(long = "process", value_name = "NAME=MODULE,MODULE")]
        processes: Vec<Process>,
    },
    /// Replace every certificate and key but the authority's. Running processes use them from their next connection on.
    Renew {
        #[command(flatten)]
        at: CertsAt,
    },
}

/// Where, and for how long.
#[derive(Args)]
pub(crate) struct CertsAt {
    /// Folder of the authority and of the certificates.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
    /// Days that modules' certificates hold.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
}

/// A process and the modules that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) modules: Vec<String>,
}

impl FromStr for Process {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, modules) = text.split_once('=').ok_or("say NAME=MODULE,MODULE, as in front=edge,playback")?;
        let modules: Vec<String> = modules.split(',').map(|module| module.trim().to_owned()).collect();
        let known = crate::certs::modules();
        match modules.iter().find(|module| !known.contains(module.as_str())) {
            None => Ok(Self { name: name.trim().to_owned(), modules }),
            Some(unknown) => {
                let known: Vec<&str> = known.into_iter().collect();
                Err(format!("{unknown:?} is none of {}", known.join(", ")))
            }
        }
    }
}
