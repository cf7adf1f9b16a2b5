//! `[authorize]` of `tessera.toml`: which module of another process may call what here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, de};
use tessera_contract::{Callers, EDGE};

/// Where what no commit tells is told to an audit in another process: by whichever module speaks for a process.
const TRAIL: &str = "audit-intake.keep_record";

/// Whom each module asks: what is so without a setting. The same table, in words, is "A module" in ARCHITECTURE.md.
const ASKS: &[(&str, &[&str])] = &[
    ("billing", &["payment-gateway", "entitlement", TRAIL]),
    ("catalog", &[TRAIL]),
    ("drm", &["entitlement.decide", TRAIL]),
    ("delivery", &["media", "drm", TRAIL]),
    ("entitlement", &[TRAIL]),
    ("playback", &["catalog", "viewers", "entitlement", "delivery", "drm", TRAIL]),
    ("identity", &["tenancy", TRAIL]),
    ("media", &[TRAIL]),
    ("payment-gateway", &[TRAIL]),
    ("tenancy", &["identity-management", TRAIL]),
    ("viewers", &[TRAIL]),
    ("webhooks", &[TRAIL]),
    (EDGE, &["*"]),
    // `tessera contract check` and `tessera contract copy`, run by who has the deployment's secrets.
    ("conformance", &["*"]),
    ("copy", &["entitlement"]),
];

/// The defaults, with what the configuration says of single modules in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorizeConfig(Callers);

impl AuthorizeConfig {
    /// Who may call what.
    pub(crate) fn callers(&self) -> Callers {
        self.0.clone()
    }
}

impl Default for AuthorizeConfig {
    fn default() -> Self {
        let mut callers = Callers::default();
        for (caller, asked) in ASKS {
            callers.allow(caller, asked.iter().copied());
        }
        Self(callers)
    }
}

impl<'de> Deserialize<'de> for AuthorizeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Self::default();
        for (caller, asked) in BTreeMap::<String, BTreeSet<String>>::deserialize(deserializer)? {
            if let Some(unknown) = asked.iter().find(|what| !is_known(what)) {
                let wrong = format!(
                    "{caller} cannot be let call {unknown:?}: name a contract, one operation as in \
                     \"entitlement.decide\", or \"*\""
                );
                return Err(de::Error::custom(wrong));
            }
            config.0.set(&caller, asked);
        }
        Ok(config)
    }
}

/// Whether there is such a contract or operation.
fn is_known(what: &str) -> bool {
    let (contract, operation) = what.split_once('.').map_or((what, None), |(contract, name)| (contract, Some(name)));
    let found = tessera_contracts::find(contract);
    let has = |name| found.is_some_and(|entry| entry.info.operations.iter().any(|operation| operation.name == name));
    what == "*" || operation.map_or(found.is_some(), has)
}

#[cfg(test)]
mod tests {
    use tessera_contract::{Caller, OperationInfo};
    use tessera_runtime::config::{self, Environment};

    use crate::{
        config::Root,
        modules::{Here, Part},
    };

    fn operation(contract: &str, name: &str) -> &'static OperationInfo {
        let entry = tessera_contracts::find(contract).unwrap();
        entry.info.operations.iter().find(|operation| operation.name == name).unwrap()
    }

    fn may(text: &str, caller: &str, contract: &str, name: &str) -> bool {
        let root: Root = config::parse("tessera.toml", text, &Environment::default()).unwrap();
        let caller = Caller::Service { name: caller.into() };
        root.authorize.callers().permit(&caller, operation(contract, name)).is_ok()
    }

    #[test]
    fn modules_ask_whom_they_ask_unless_the_configuration_says_otherwise() {
        assert!(may("", "playback", "entitlement", "acquire_lease") && may("", "drm", "entitlement", "decide"));
        assert!(!may("", "drm", "entitlement", "put_grant") && !may("", "catalog", "entitlement", "decide"));
        let own = "[authorize]\nplayback = [\"catalog\"]\nreports = [\"billing-management\"]\n";
        assert!(!may(own, "playback", "entitlement", "decide") && may(own, "drm", "entitlement", "decide"));
        let reported = tessera_contracts::find("billing-management").unwrap().info.operations[0].name;
        assert!(may(own, "reports", "billing-management", reported));
        assert!(!may("", "reports", "billing-management", reported));
    }

    #[test]
    fn whoever_speaks_for_a_process_may_tell_the_audit() {
        for part in Part::ALL.iter().filter(|part| **part != Part::Audit) {
            let speaker = Here::new(&[*part], |_| false).speaker();
            assert!(may("", speaker, "audit-intake", "keep_record"), "{part}");
        }
    }

    #[test]
    fn every_default_names_what_there_is_and_unknown_names_are_refused() {
        for (_, asked) in super::ASKS {
            assert!(asked.iter().all(|what| super::is_known(what)), "{asked:?}");
        }
        for wrong in ["entitlements", "entitlement.decides", "", "entitlement."] {
            let text = format!("[authorize]\nplayback = [\"{wrong}\"]\n");
            let read = config::parse::<Root>("tessera.toml", &text, &Environment::default());
            assert!(read.unwrap_err().to_string().contains("authorize"), "{wrong}");
        }
    }
}
