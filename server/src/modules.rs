//! What a process can be made of, and what each part needs of the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};
use tessera_contract::EDGE;

/// A part of the deployment, by the name of its section in `tessera.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// What viewers reach: the app, every contract's operations, and the way to all that is no operation.
    Front,
    Audit,
    Billing,
    Catalog,
    Delivery,
    Drm,
    Entitlement,
    Identity,
    Media,
    Playback,
    SandboxGateway,
    Tenancy,
    Viewers,
    Webhooks,
}

use Part::{
    Audit, Billing, Catalog, Delivery, Drm, Entitlement, Front, Identity, Media, Playback, SandboxGateway, Tenancy,
    Viewers, Webhooks,
};

impl Part {
    pub(crate) const ALL: &[Part] = &[
        Front,
        Audit,
        Billing,
        Catalog,
        Delivery,
        Drm,
        Entitlement,
        Identity,
        Media,
        Playback,
        SandboxGateway,
        Tenancy,
        Viewers,
        Webhooks,
    ];

    /// As it is configured and asked for.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Front => "front",
            Audit => "audit",
            Billing => "billing",
            Catalog => "catalog",
            Delivery => "delivery",
            Drm => "drm",
            Entitlement => "entitlement",
            Identity => "identity",
            Media => "media",
            Playback => "playback",
            SandboxGateway => "sandbox_gateway",
            Tenancy => "tenancy",
            Viewers => "viewers",
            Webhooks => "webhooks",
        }
    }

    /// The path below which its contracts are.
    pub(crate) const fn mount(self) -> &'static str {
        match self {
            SandboxGateway => "payment-gateway",
            Front | Audit | Billing | Catalog | Delivery | Drm | Entitlement | Identity | Media | Playback
            | Tenancy | Viewers | Webhooks => self.name(),
        }
    }

    /// The version of its built-in implementation: its own, or of those that have none the server's.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Front => env!("CARGO_PKG_VERSION"),
            Audit => tessera_audit::VERSION,
            Billing => tessera_billing::VERSION,
            Catalog => tessera_catalog::VERSION,
            Delivery => tessera_delivery::VERSION,
            Drm => tessera_drm::VERSION,
            Entitlement => tessera_entitlement::VERSION,
            Identity => tessera_identity::VERSION,
            Media => tessera_media::VERSION,
            Playback => tessera_playback::VERSION,
            SandboxGateway => tessera_sandbox_gateway::VERSION,
            Tenancy => tessera_tenancy::VERSION,
            Viewers => tessera_viewers::VERSION,
            Webhooks => tessera_webhooks::VERSION,
        }
    }

    /// The modules of `parts` with their versions: all but the front.
    pub(crate) fn versions(parts: impl Iterator<Item = Part>) -> BTreeMap<String, String> {
        let modules = parts.filter(|part| *part != Front);
        modules.map(|part| (part.name().to_owned(), part.version().to_owned())).collect()
    }

    /// Whose operations it asks, here or at an address.
    pub(crate) fn asks(self) -> Vec<Part> {
        let own: &[Part] = match self {
            // It serves everybody's operations, and asks identity who somebody is and tenancy how its pages look.
            Front => &Self::ALL[1..],
            Billing => &[SandboxGateway, Entitlement],
            Delivery => &[Media, Drm],
            Drm => &[Entitlement],
            Identity => &[Tenancy],
            Playback => &[Catalog, Viewers, Entitlement, Delivery, Drm],
            Tenancy => &[Identity],
            Audit | Catalog | Entitlement | Media | SandboxGateway | Viewers | Webhooks => &[],
        };
        // What staff do is told to the audit where no commit tells it.
        let told = (self != Audit && self.is_recorded()).then_some(&Audit);
        own.iter().chain(told).copied().collect()
    }

    /// Whose events it follows.
    pub(crate) fn follows(self) -> Vec<Part> {
        match self {
            Audit => Self::ALL.iter().copied().filter(|part| part.is_recorded()).collect(),
            Catalog => vec![Media],
            Viewers => vec![Identity, Playback],
            Webhooks => Self::ALL.iter().copied().filter(|part| tessera_contracts::tells(part.mount())).collect(),
            Front | Billing | Delivery | Drm | Entitlement | Identity | Media | Playback | SandboxGateway | Tenancy => {
                Vec::new()
            }
        }
    }

    /// Whether staff change something by its operations.
    fn is_recorded(self) -> bool {
        tessera_contracts::is_recorded(self.mount())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().copied().find(|part| part.name() == name);
        found.ok_or_else(|| format!("{name:?} is none of the modules: {}", names()))
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The parts that a process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    parts: BTreeSet<Part>,
    /// Whether they were chosen: otherwise it is everything that has no address.
    pub(crate) chosen: bool,
}

impl Here {
    /// These parts, whatever addresses are configured for them; without a choice, everything that `is_elsewhere` does
    /// not place elsewhere.
    pub(crate) fn new(chosen: &[Part], is_elsewhere: impl Fn(Part) -> bool) -> Self {
        match chosen {
            [] => {
                let parts = Part::ALL.iter().copied().filter(|part| !is_elsewhere(*part)).collect();
                Self { parts, chosen: false }
            }
            chosen => Self { parts: chosen.iter().copied().collect(), chosen: true },
        }
    }

    /// The module that such a process speaks as in what is no module's own business: the edge, where it has one.
    pub(crate) fn speaker(&self) -> &'static str {
        match self.parts.first() {
            Some(Front) | None => EDGE,
            Some(part) => part.mount(),
        }
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Its modules with their versions.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        Part::versions(self.parts.iter().copied())
    }

    /// What is needed of parts that are neither here nor `reachable`, a sentence each.
    pub(crate) fn missing(&self, reachable: impl Fn(Part) -> bool) -> Vec<String> {
        let absent = |part: &Part| !self.has(*part) && !reachable(*part);
        let line = |needing: Part, verb: &str, needed: Part| {
            let mount = needed.mount();
            format!(
                "{needing} {verb} {needed}, which is neither in this process nor at an address: add {needed} to modules, or \
                 set [{needed}] url = \"http://HOST:PORT/{mount}\""
            )
        };
        let mut lines = Vec::new();
        for part in &self.parts {
            let asked = part.asks();
            lines.extend(
                asked.iter().copied().filter(|needed| absent(needed)).map(|needed| line(*part, "asks", needed)),
            );
            let followed = part.follows().into_iter().filter(|needed| absent(needed) && !asked.contains(needed));
            lines.extend(followed.map(|needed| line(*part, "follows the events of", needed)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_choice_everything_is_here_that_has_no_address() {
        let here = Here::new(&[], |part| part == Billing);
        assert!(here.has(Front) && here.has(Catalog) && !here.has(Billing));
        assert!(Here::new(&[Billing], |part| part == Billing).has(Billing), "what is chosen is here");
    }

    #[test]
    fn what_is_missing_is_said_with_what_needs_it() {
        let here = Here::new(&[Playback, Viewers], |_| false);
        let missing = here.missing(|part| part != Catalog && part != Identity);
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].starts_with("playback asks catalog,") && missing[0].contains("/catalog\""), "{missing:?}");
        assert!(missing[1].starts_with("viewers follows the events of identity,"), "{missing:?}");
        let all = Here::new(&[], |_| false);
        assert_eq!(all.missing(|_| false), [""; 0], "everything in one process lacks nothing");
    }

    /// Who may connect to whom in deploy/kubernetes, a line each.
    fn let_through() -> BTreeSet<String> {
        let policies = include_str!("../../deploy/kubernetes/base/network.yaml");
        let name = |line: &str| {
            line.split("app.kubernetes.io/name: ").nth(1).map(|rest| rest.trim_end_matches('}').to_owned())
        };
        let mut pairs = BTreeSet::new();
        for policy in policies.split("---\n") {
            let mut named = policy.lines().filter_map(name);
            let Some(whom) = named.next() else { continue };
            pairs.extend(named.map(|who| format!("{who} to {whom}")));
        }
        pairs
    }

    #[test]
    fn a_cluster_lets_through_what_modules_ask_of_each_other_and_nothing_else() {
        let asked = Part::ALL.iter().flat_map(|part| {
            let needed = part.asks().into_iter().chain(part.follows());
            needed.filter(move |needed| needed != part).map(move |needed| format!("{part} to {needed}"))
        });
        assert_eq!(let_through(), asked.collect(), "deploy/kubernetes/base/network.yaml");
    }

    #[test]
    fn each_part_is_known_by_its_name() {
        for part in Part::ALL {
            assert_eq!(part.name().parse(), Ok(*part));
        }
        assert!("gateway".parse::<Part>().unwrap_err().contains("sandbox_gateway"));
    }
}
