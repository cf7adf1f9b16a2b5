//! What an editor may write.

use tessera_contract::Failure;
use tessera_contract_catalog::{CatalogError, TitleDraft};
use tessera_types::Localized;

const NAME_MAX: usize = 200;
const SYNOPSIS_MAX: usize = 4000;
const LANGUAGES_MAX: usize = 50;
const LIST_MAX: usize = 50;
const TERRITORIES_MAX: usize = 300;

/// Whether `draft` can be stored. Errors are `invalid_request` with the field.
pub(crate) fn check(draft: &TitleDraft) -> Result<(), Failure> {
    texts("title.name", &draft.name, NAME_MAX)?;
    texts("title.synopsis", &draft.synopsis, SYNOPSIS_MAX)?;
    slugs("title.genres", &draft.genres)?;
    slugs("title.access.plans", &draft.access.plans)?;
    if draft.name.0.is_empty() {
        return Err(Failure::invalid("title.name", "a title has a name in at least one language"));
    }
    if let Some(year) = draft.year.filter(|year| !(1870..=2200).contains(year)) {
        return Err(Failure::invalid("title.year", format!("year is 1870 to 2200, got {year}")));
    }
    if let (Some(start), Some(end)) = (draft.window.starts_at, draft.window.ends_at)
        && end <= start
    {
        return Err(Failure::invalid("title.window.ends_at", format!("the window ends at {end}, before it starts")));
    }
    if draft.territories.as_ref().is_some_and(|list| list.len() > TERRITORIES_MAX) {
        return Err(Failure::invalid("title.territories", format!("at most {TERRITORIES_MAX} territories")));
    }
    match draft.poster_url.as_deref() {
        Some(url) if !is_image_url(url) => {
            let detail = "a poster is an https:// URL or a path at the tenant's host, at most 2000 characters";
            Err(Failure::invalid("title.poster_url", detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether `draft` can be shown to viewers. Errors are `title_incomplete`.
pub(crate) fn check_complete(draft: &TitleDraft) -> Result<(), CatalogError> {
    match draft.asset_id {
        Some(_) => Ok(()),
        None => Err(CatalogError::TitleIncomplete("the title has no asset_id: there is nothing to play".into())),
    }
}

fn texts(field: &str, texts: &Localized, max: usize) -> Result<(), Failure> {
    if texts.0.len() > LANGUAGES_MAX {
        return Err(Failure::invalid(field, format!("{field} has at most {LANGUAGES_MAX} languages")));
    }
    for (locale, text) in &texts.0 {
        if text.trim().is_empty() || text.chars().count() > max {
            return Err(Failure::invalid(field, format!("{field} in {locale} is 1 to {max} characters")));
        }
    }
    Ok(())
}

fn slugs(field: &str, list: &[String]) -> Result<(), Failure> {
    let slug = |text: &str| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match list.iter().find(|text| !slug(text)) {
        Some(bad) => {
            let detail = format!("{field}: {bad:?} is not 1 to 40 lower-case letters, digits and hyphens");
            Err(Failure::invalid(field, detail))
        }
        None if list.len() > LIST_MAX => {
            Err(Failure::invalid(field, format!("{field} has at most {LIST_MAX} entries")))
        }
        None => Ok(()),
    }
}

fn is_image_url(url: &str) -> bool {
    let path = url.starts_with('/') && !url.starts_with("//");
    url.len() <= 2000 && (path || url.starts_with("https://")) && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> TitleDraft {
        serde_json::from_str(r#"{"name": {"en": "Arrival"}}"#).unwrap()
    }

    #[test]
    fn a_name_is_enough_to_store_and_an_asset_to_publish() {
        assert!(check(&draft()).is_ok());
        assert!(matches!(check_complete(&draft()), Err(CatalogError::TitleIncomplete(_))));
        let with_asset = TitleDraft { asset_id: "ast_1".parse().ok(), ..draft() };
        assert!(check_complete(&with_asset).is_ok());
    }

    #[test]
    fn a_field_out_of_bounds_is_named() {
        let window = |start: &str, end: &str| tessera_contract_catalog::Window {
            starts_at: start.parse().ok(),
            ends_at: end.parse().ok(),
        };
        let same = "2026-01-01T00:00:00Z";
        for (field, bad) in [
            ("title.name", TitleDraft { name: Localized::default(), ..draft() }),
            ("title.genres", TitleDraft { genres: vec!["Sci Fi".into()], ..draft() }),
            ("title.year", TitleDraft { year: Some(1066), ..draft() }),
            ("title.window.ends_at", TitleDraft { window: window(same, same), ..draft() }),
            ("title.poster_url", TitleDraft { poster_url: Some("javascript:alert(1)".into()), ..draft() }),
            ("title.poster_url", TitleDraft { poster_url: Some("//elsewhere/p.jpg".into()), ..draft() }),
        ] {
            assert_eq!(check(&bad).unwrap_err().param.as_deref(), Some(field), "{bad:?}");
        }
    }
}
