//! What a brand may say.

use serde::{Deserialize, Serialize};
use tessera_contract::Failure;
use tessera_contract_tenancy::{Colours, PutBrand, TenancyError};

use crate::colour;

const LONGEST_NAME: usize = 60;
const LONGEST_ADDRESS: usize = 500;

/// A brand as stored, its pictures apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saying {
    pub(crate) name: String,
    pub(crate) colours: Colours,
    pub(crate) support_email: Option<String>,
    pub(crate) terms_url: Option<String>,
    pub(crate) privacy_url: Option<String>,
}

impl Saying {
    /// Of a tenant that has said nothing but its name.
    pub(crate) fn of_name(name: String) -> Self {
        Self { name, colours: colour::standard(), support_email: None, terms_url: None, privacy_url: None }
    }

    /// What `request` says, checked.
    pub(crate) fn checked(request: PutBrand) -> Result<Self, TenancyError> {
        let PutBrand { name, colours, support_email, terms_url, privacy_url, expected_version: _ } = request;
        let name = one_line("name", &name, LONGEST_NAME)?;
        let colours = colours.unwrap_or_else(colour::standard);
        colour::check(&colours)?;
        let support_email = support_email.map(|text| email("support_email", &text)).transpose()?;
        let terms_url = terms_url.map(|text| page("terms_url", &text)).transpose()?;
        let privacy_url = privacy_url.map(|text| page("privacy_url", &text)).transpose()?;
        Ok(Self { name, colours, support_email, terms_url, privacy_url })
    }
}

/// A text of 1 to `longest` characters, without line breaks and without what turns the text around it.
pub(crate) fn one_line(field: &str, text: &str, longest: usize) -> Result<String, Failure> {
    let text = text.trim();
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match (1..=longest).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() || turns(c)) {
        true => Ok(text.to_owned()),
        false => Err(Failure::invalid(field, format!("{field} is 1 to {longest} characters on one line"))),
    }
}

fn email(field: &str, text: &str) -> Result<String, Failure> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$*+-./=_~".contains(&b);
    let sound = text.split_once('@').is_some_and(|(name, host)| {
        let host_sound = host.contains('.') && host.split('.').all(|label| !label.is_empty());
        !name.is_empty()
            && host_sound
            && name.bytes().all(allowed)
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    });
    match sound && text.len() <= 254 {
        true => Ok(text.to_owned()),
        false => Err(Failure::invalid(field, format!("{field} is an email address such as help@example.org"))),
    }
}

/// An address that a link may lead to: https alone, so that no link runs a script.
fn page(field: &str, text: &str) -> Result<String, Failure> {
    let sound = text.parse::<http::Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("https") && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    match sound && text.len() <= LONGEST_ADDRESS {
        true => Ok(text.to_owned()),
        false => {
            Err(Failure::invalid(field, format!("{field} is an https address of at most {LONGEST_ADDRESS} characters")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(edit: impl FnOnce(&mut PutBrand)) -> Result<Saying, TenancyError> {
        let mut request = PutBrand {
            name: " Lumen ".into(),
            colours: None,
            support_email: Some("help@lumen.example".into()),
            terms_url: Some("https://lumen.example/terms".into()),
            privacy_url: None,
            expected_version: None,
        };
        edit(&mut request);
        Saying::checked(request)
    }

    #[test]
    fn a_brand_is_taken_as_it_was_meant() {
        let saying = put(|_| {}).expect("accepted");
        assert_eq!((saying.name.as_str(), saying.colours), ("Lumen", colour::standard()));
    }

    #[test]
    fn what_would_trick_a_viewer_is_refused() {
        for name in ["", "  ", "a\nb", "Lumen\u{202e}nemuL", &"x".repeat(61)] {
            assert!(put(|brand| brand.name = name.into()).is_err(), "{name:?}");
        }
        for email in
            ["", "help", "help@", "@x.example", "a@b", "a b@c.example", "a@b..c", "a@c.example?subject=x", "a\"<b>@c.d"]
        {
            assert!(put(|brand| brand.support_email = Some(email.into())).is_err(), "{email:?}");
        }
        for url in [
            "javascript:alert(1)",
            "http://x.example",
            "//x.example",
            "/terms",
            "https://",
            "https://a@b.example/",
            "https://x.example/ y",
        ] {
            assert!(put(|brand| brand.terms_url = Some(url.into())).is_err(), "{url:?}");
        }
    }
}
