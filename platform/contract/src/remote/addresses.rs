//! Where a module stands, as an operator says it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::places::MOST;
use crate::Failure;

/// How a module elsewhere is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Over HTTP, with JSON.
    #[default]
    Http,
    /// By gRPC, where an operation travels so; over HTTP where it does not.
    Grpc,
}

/// One address or several of the same contract, each with its own mount included. In a configuration a text or a list of
/// texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    bases: Vec<String>,
    protocol: Protocol,
}

impl Addresses {
    /// These addresses.
    ///
    /// # Errors
    /// [`crate::FailureKind::InvalidRequest`] without one, for more than 64, and for what is not an `http` or `https` URL without user,
    /// query and fragment.
    pub fn new(addresses: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let addresses: Vec<String> = addresses.into_iter().collect();
        match addresses.iter().find(|address| !is_address(address)) {
            Some(wrong) => {
                Err(Failure::invalid("url", format!("{wrong:?} is not an address such as https://entitlement.example")))
            }
            None if !(1..=MOST).contains(&addresses.len()) => {
                Err(Failure::invalid("url", format!("a list of addresses has at least one and at most {MOST}")))
            }
            None => Ok(Self { bases: addresses, protocol: Protocol::default() }),
        }
    }

    /// The same, called so.
    #[must_use]
    pub fn by(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// How what stands there is called.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The one whose turn it is the `turn`th time.
    pub fn at(&self, turn: usize) -> &str {
        &self.bases[turn % self.bases.len()]
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().map(String::as_str)
    }
}

/// An address as it travels, without a slash at its end: a name of other letters than ASCII's in these, blanks encoded. What is no
/// address stays what it is, and is refused when it is asked.
pub(super) fn written(address: &str) -> String {
    let written = reqwest::Url::parse(address).map_or_else(|_| address.to_owned(), String::from);
    written.trim_end_matches('/').to_owned()
}

fn is_address(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bases.join(", "))?;
        match self.protocol {
            Protocol::Http => Ok(()),
            Protocol::Grpc => f.write_str(" by gRPC"),
        }
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Addresses;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a list of addresses")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Addresses, E> {
                Addresses::new([text.to_owned()]).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Addresses, A::Error> {
                let mut found = Vec::new();
                while let Some(text) = list.next_element()? {
                    found.push(text);
                }
                Addresses::new(found).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_or_several_and_each_can_be_called() {
        let read = |text: &str| serde_json::from_str::<Addresses>(text).map_err(|error| error.to_string());
        let two = r#"["http://10.0.0.1:8080/entitlement", "http://10.0.0.2:8080/entitlement"]"#;
        assert_eq!(read(two).unwrap().iter().count(), 2);
        assert_eq!(read(r#""https://crm.example/e""#).unwrap().to_string(), "https://crm.example/e");
        for wrong in [
            r#""crm.example""#,
            r#""ftp://crm.example""#,
            r#""http://me:secret@crm.example""#,
            r#""http://crm.example?x=1""#,
            r#"["http://crm.example", "x"]"#,
        ] {
            assert!(read(wrong).unwrap_err().contains("is not an address"), "{wrong}");
        }
        assert_eq!(written("https://b\u{fc}cher.example/e f/"), "https://xn--bcher-kva.example/e%20f");
        assert_eq!(written("http://127.0.0.1:9000"), "http://127.0.0.1:9000");
        assert!(read("[]").unwrap_err().contains("at least one"));
        assert!(read("9000").unwrap_err().contains("expected an address, or a list"));
    }
}
