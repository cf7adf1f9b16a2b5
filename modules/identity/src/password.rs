//! Which passwords are taken (NIST SP 800-63B §5.1.1.2: length and a list of known ones, no rules of composition).

/// Characters at least.
pub(crate) const SHORTEST: usize = 8;
/// Characters at most.
pub(crate) const LONGEST: usize = 256;
/// One a line, in lower case, all long enough to need naming.
const COMMON: &str = include_str!("../assets/common-passwords.txt");

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Shorter than eight characters.
    #[error("Use at least {SHORTEST} characters.")]
    Short,
    /// Longer than 256 characters.
    #[error("Use at most {LONGEST} characters.")]
    Long,
    /// Everybody tries it first.
    #[error("This password is one of the first that anybody would guess. Choose another.")]
    Common,
    /// The address itself.
    #[error("Choose a password that is not your email address.")]
    Address,
}

/// Checks a new password of the account with this (normalised) address.
pub(crate) fn check(password: &str, email: &str) -> Result<(), WeakPassword> {
    let lower = password.trim().to_lowercase();
    match password.chars().count() {
        ..SHORTEST => Err(WeakPassword::Short),
        n if n > LONGEST => Err(WeakPassword::Long),
        _ if lower == email || email.split('@').next() == Some(&lower) => Err(WeakPassword::Address),
        _ if repeats(&lower) || COMMON.lines().any(|common| common == lower) => Err(WeakPassword::Common),
        _ => Ok(()),
    }
}

/// One character over and over.
fn repeats(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_being_known_decide() {
        for (password, verdict) in [
            ("correct horse", Ok(())),
            ("häuser!!", Ok(())),
            ("short", Err(WeakPassword::Short)),
            ("Password1", Err(WeakPassword::Common)),
            ("12345678", Err(WeakPassword::Common)),
            ("aaaaaaaaaaaa", Err(WeakPassword::Common)),
            ("Ada@Example.org", Err(WeakPassword::Address)),
            (&"x".repeat(257), Err(WeakPassword::Long)),
        ] {
            assert_eq!(check(password, "ada@example.org"), verdict, "{password:?}");
        }
    }
}
