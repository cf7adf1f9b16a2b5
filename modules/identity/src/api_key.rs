//! API keys of operators' servers.

use tessera_contract::{Caller, Cx, Failure};
use tessera_contract_identity::{CreateApiKey, IdentityError};
use tessera_types::Timestamp;

/// Scopes of one key at most.
const MOST_SCOPES: usize = 32;
/// Everything.
pub(crate) const EVERYTHING: &str = "*";

/// How long a replaced secret works on when nobody says, in seconds: a day.
const GRACE: u32 = 24 * 3600;
/// And at most: a week.
const LONGEST_GRACE: u32 = 7 * GRACE;
/// A scope that is at most so many keystrokes away from the wrong one may be what was meant.
const NEAR: usize = 3;

/// Checks what is asked for a new key, apart from who asks. `known` are the scopes that there are.
pub(crate) fn check(request: &CreateApiKey, known: &[&str], now: Timestamp) -> Result<(), Failure> {
    let name = request.name.trim();
    if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::invalid("name", "a key's name is 1 to 80 characters on one line"));
    }
    if !(1..=MOST_SCOPES).contains(&request.scopes.len()) {
        return Err(Failure::invalid("scopes", format!("a key has 1 to {MOST_SCOPES} scopes")));
    }
    if request.expires_at.is_some_and(|end| end <= now) {
        return Err(Failure::invalid("expires_at", "a key's end is in the future; leave it out for a key without one"));
    }
    match request.scopes.iter().find(|scope| *scope != EVERYTHING && !known.contains(&scope.as_str())) {
        Some(wrong) => Err(Failure::invalid("scopes", unknown(wrong, known))),
        None => Ok(()),
    }
}

/// What to say of a scope that no operation has.
fn unknown(wrong: &str, known: &[&str]) -> String {
    let wrong: String = wrong.chars().take(80).collect();
    let near = |scope: &&&str| strsim::damerau_levenshtein(&wrong, scope);
    match known.iter().min_by_key(near).filter(|scope| near(scope) <= NEAR) {
        Some(meant) => format!("no operation has the scope {wrong:?}; did you mean {meant:?}?"),
        None => format!("no operation has the scope {wrong:?}; there are {} and *", known.join(", ")),
    }
}

/// For how long a replaced secret works on, in seconds.
pub(crate) fn grace(asked: Option<u32>) -> Result<u32, Failure> {
    match asked.unwrap_or(GRACE) {
        seconds @ 0..=LONGEST_GRACE => Ok(seconds),
        more => {
            let detail = format!("a replaced secret works on for 0 to {LONGEST_GRACE} seconds, got {more}");
            Err(Failure::invalid("grace_seconds", detail))
        }
    }
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
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        CreateApiKey { name: name.into(), scopes, expires_at: None }
    }

    const KNOWN: &[&str] = &["billing:read", "catalog:read", "catalog:write", "media:write"];
    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn a_key_has_a_name_and_scopes() {
        assert!(check(&asked("ingest", &["catalog:write", "media:write"]), KNOWN, NOW).is_ok());
        assert!(check(&asked("root", &["*"]), KNOWN, NOW).is_ok());
        for wrong in [
            asked("", &["*"]),
            asked("two\nlines", &["*"]),
            asked(&"x".repeat(81), &["*"]),
            asked("none", &[]),
            asked("odd", &["catalog write"]),
            asked("odd", &["catalog:*"]),
        ] {
            assert!(check(&wrong, KNOWN, NOW).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_unknown_scope_is_told_what_may_have_been_meant() {
        for (wrong, says) in [
            ("catalog:wirte", r#"did you mean "catalog:write"?"#),
            ("Catalog:read", r#"did you mean "catalog:read"?"#),
            ("everything", "there are billing:read, catalog:read, catalog:write, media:write and *"),
            (&"x".repeat(10_000), "there are billing:read"),
        ] {
            let failure = check(&asked("odd", &[wrong]), KNOWN, NOW).unwrap_err();
            assert!(failure.detail.contains(says) && failure.detail.len() < 300, "{}", failure.detail);
            assert_eq!(failure.param.as_deref(), Some("scopes"));
        }
    }

    #[test]
    fn an_end_is_ahead_and_a_grace_is_a_week_at_most() {
        for (end, fine) in [(0, false), (1_000_000, false), (1_000_001, true)] {
            let request = CreateApiKey { expires_at: Some(Timestamp::from_micros(end)), ..asked("x", &["*"]) };
            assert_eq!(check(&request, KNOWN, NOW).is_ok(), fine, "{end}");
        }
        assert_eq!(
            (grace(None).unwrap(), grace(Some(0)).unwrap(), grace(Some(604_800)).unwrap()),
            (86_400, 0, 604_800)
        );
        assert!(grace(Some(604_801)).is_err());
    }
}
