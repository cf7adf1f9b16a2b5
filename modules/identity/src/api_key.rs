//! API keys of operators' servers.

use tessera_contract::{Caller, Cx, Failure};
use tessera_contract_identity::{CreateApiKey, IdentityError};

/// Scopes of one key at most.
const MOST_SCOPES: usize = 32;
/// Everything.
pub(crate) const EVERYTHING: &str = "*";

/// Checks what is asked for a new key, apart from who asks.
pub(crate) fn check(request: &CreateApiKey) -> Result<(), Failure> {
    let name = request.name.trim();
    if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::invalid("name", "a key's name is 1 to 80 characters on one line"));
    }
    if !(1..=MOST_SCOPES).contains(&request.scopes.len()) {
        return Err(Failure::invalid("scopes", format!("a key has 1 to {MOST_SCOPES} scopes")));
    }
    match request.scopes.iter().find(|scope| !is_scope(scope)) {
        Some(wrong) => {
            let wrong: String = wrong.chars().take(80).collect();
            let detail =
                format!("a scope is a module and what may be done, such as catalog:write, or *; got {wrong:?}");
            Err(Failure::invalid("scopes", detail))
        }
        None => Ok(()),
    }
}

fn is_scope(text: &str) -> bool {
    let word = |word: &str| {
        (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b))
    };
    text == EVERYTHING || text.split_once(':').is_some_and(|(module, action)| word(module) && word(action))
}

/// Nobody makes a key that may do more than they may.
pub(crate) fn within(cx: &Cx, scopes: &[String]) -> Result<(), IdentityError> {
    let may = |scope: &String| match &cx.caller {
        Caller::Staff { .. } => cx.caller.has_scope(scope),
        Caller::Service { .. } => true,
        Caller::Anonymous | Caller::Viewer { .. } => false,
    };
    match scopes.iter().find(|scope| !may(scope)) {
        None => Ok(()),
        Some(scope) => {
            let detail = format!("{} lacks the scope {scope}, so it cannot give it to a key", cx.caller.key());
            Err(IdentityError::ScopeExceeded(detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, scopes: &[&str]) -> CreateApiKey {
        CreateApiKey { name: name.into(), scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }
    }

    #[test]
    fn a_key_has_a_name_and_scopes() {
        assert!(check(&asked("ingest", &["catalog:write", "media:write"])).is_ok());
        assert!(check(&asked("root", &["*"])).is_ok());
        for wrong in [
            asked("", &["*"]),
            asked("two\nlines", &["*"]),
            asked(&"x".repeat(81), &["*"]),
            asked("none", &[]),
            asked("odd", &["catalog write"]),
            asked("odd", &["catalog:*"]),
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
