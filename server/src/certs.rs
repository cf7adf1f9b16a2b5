//! `tessera certs`: the development authority.

use std::{collections::BTreeSet, time::Duration};

use tessera_contract::EDGE;
use tessera_mtls::{Authority, Written};
use tessera_types::{Clock, SystemClock};

use crate::{
    cli::{Certs, Process},
    error::CommandError,
    output::say,
    tool_certs::{NAMES, TOOLS},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Days that the authority's own certificate holds.
const AUTHORITY_DAYS: u32 = 3650;

/// Every name that a certificate can have: modules, and the edge, which calls for people.
pub(crate) fn modules() -> BTreeSet<&'static str> {
    tessera_contracts::ALL.iter().map(|entry| entry.info.mount).chain([EDGE]).collect()
}

/// The certificate of commands that call modules.
fn tools() -> (String, Vec<String>) {
    (TOOLS.to_owned(), NAMES.iter().map(|name| (*name).to_owned()).collect())
}

/// Makes or renews certificates, and says which.
pub(crate) fn run(command: Certs) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let doing = |error| CommandError::caused("making certificates", error);
    let (at, authority, wanted) = match command {
        Certs::Init { at, trust_domain, processes } => {
            let alone = modules().into_iter().map(|module| (module.to_owned(), vec![module.to_owned()]));
            let several = processes.into_iter().map(|Process { name, modules }| (name, modules));
            let wanted = alone.chain([tools()]).chain(several).collect();
            let authority = Authority::init(&at.dir, trust_domain, now, DAY * AUTHORITY_DAYS).map_err(doing)?;
            (at, authority, wanted)
        }
        Certs::Renew { at } => {
            let authority = Authority::open(&at.dir, now).map_err(doing)?;
            let mut wanted = authority.issued().map_err(doing)?;
            wanted.extend([tools()]); // which an older folder has not
            (at, authority, wanted)
        }
    };
    for (name, modules) in &wanted {
        let Written { certificate, modules, until } =
            authority.issue(name, modules, now, DAY * at.days).map_err(doing)?;
        say(&format!("{}  {}  until {until}", certificate.display(), modules.join(", ")));
    }
    Ok(())
}
