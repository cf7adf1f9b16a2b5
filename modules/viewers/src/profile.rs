//! A profile: what a viewer may call itself, and what an edit makes of it.

use tessera_contract::Failure;
use tessera_contract_viewers::{EditProfile, Profile};
use tessera_types::{AccountId, ProfileId};

/// Characters of a name, at most.
const NAME_MAX: usize = 40;

/// The name as it is kept: without blanks around it. Errors are `invalid_request` with the field.
pub(crate) fn checked_name(name: &str) -> Result<String, Failure> {
    let name = name.trim();
    match (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Failure::invalid("name", format!("a name is 1 to {NAME_MAX} characters on one line"))),
    }
}

/// The profile that an account has from the beginning.
pub(crate) fn first(profile_id: ProfileId, account_id: AccountId, name: &str) -> Profile {
    Profile { profile_id, account_id, name: name.into(), age_limit: None, version: 1 }
}

/// The profile after an edit. Errors are a bad name, and a version conflict when it was made on another version.
pub(crate) fn edited(before: &Profile, edit: &EditProfile) -> Result<Profile, Failure> {
    if edit.expected_version != before.version {
        return Err(Failure::version_conflict(edit.expected_version, before.version));
    }
    Ok(Profile {
        profile_id: before.profile_id.clone(),
        account_id: before.account_id.clone(),
        name: checked_name(&edit.name)?.into(),
        age_limit: edit.age_limit,
        version: before.version + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_in_characters_and_kept_without_blanks_around() {
        assert_eq!(checked_name("  Zoë ").unwrap(), "Zoë");
        assert_eq!(checked_name(&"ü".repeat(40)).unwrap().chars().count(), 40);
        for bad in ["", "   ", "two\nlines", "nul\0", &"x".repeat(41)] {
            assert_eq!(checked_name(bad).unwrap_err().param.as_deref(), Some("name"), "{bad:?}");
        }
    }

    #[test]
    fn an_edit_counts_the_version_up_and_one_made_on_another_version_is_refused() {
        let before = first("prf_1".parse().unwrap(), "acc_1".parse().unwrap(), "Viewer");
        let edit = |expected_version| EditProfile {
            profile_id: before.profile_id.clone(),
            name: "Kim".into(),
            age_limit: Some(12),
            expected_version,
        };
        let after = edited(&before, &edit(1)).unwrap();
        assert_eq!((after.name.as_str(), after.age_limit, after.version), ("Kim", Some(12), 2));
        assert_eq!(edited(&after, &edit(1)).unwrap_err().kind.code(), "version_conflict");
    }
}
