//! Email addresses: what one is, and when two are the same.

/// RFC 5321 §4.5.3.1: a path is at most 256 bytes with its brackets.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// The address as it is kept and compared: without the space around it, in lower case. `None` when it is none.
pub(crate) fn normalised(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"()<>[]:;,\\\"@".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let local_holds = (1..=LONGEST_LOCAL).contains(&local.len()) && local.chars().all(plain);
    (address.len() <= LONGEST && local_holds && domain.contains('.') && domain.split('.').all(label)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_do_not_make_another_address() {
        for text in ["ada@example.org", "  Ada@Example.ORG\n", "ADA@EXAMPLE.ORG"] {
            assert_eq!(normalised(text).as_deref(), Some("ada@example.org"), "{text:?}");
        }
        assert_eq!(normalised("zoë+tv@bücher.example").as_deref(), Some("zoë+tv@bücher.example"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "a b@example.org",
            "a@b@example.org",
            "a@-b.org",
            "a@b..org",
            &long,
        ] {
            assert_eq!(normalised(text), None, "{text:?}");
        }
    }
}
