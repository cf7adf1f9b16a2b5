//! Who a module is: a SPIFFE ID (SPIFFE ID and SVID, sections 2.1 and 2.2).

use std::{fmt, str::FromStr};

use rustls::pki_types::CertificateDer;

use crate::MtlsError;

/// The longest name of a module or trust domain.
const LONGEST: usize = 63;

/// The deployment that modules belong to: `tessera.internal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl FromStr for TrustDomain {
    type Err = MtlsError;
    fn from_str(text: &str) -> Result<Self, MtlsError> {
        match is_name(text, b".-") {
            true => Ok(Self(text.to_owned())),
            false => Err(MtlsError::Name(text.to_owned(), "trust domain")),
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A module of a deployment: `spiffe://tessera.internal/module/playback`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleId {
    /// The deployment.
    pub domain: TrustDomain,
    /// The module.
    pub name: String,
}

impl ModuleId {
    /// The module `name` of the deployment.
    ///
    /// # Errors
    /// [`MtlsError::Name`].
    pub fn new(domain: &TrustDomain, name: &str) -> Result<Self, MtlsError> {
        match is_name(name, b"-") {
            true => Ok(Self { domain: domain.clone(), name: name.to_owned() }),
            false => Err(MtlsError::Name(name.to_owned(), "module")),
        }
    }

    /// The module that a URI names; nothing for other URIs.
    pub fn of_uri(uri: &str) -> Option<Self> {
        let (domain, name) = uri.strip_prefix("spiffe://")?.split_once("/module/")?;
        Self::new(&domain.parse().ok()?, name).ok()
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/module/{}", self.domain, self.name)
    }
}

fn is_name(text: &str, marks: &[u8]) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || marks.contains(&byte);
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(known)
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// The modules that a certificate names; none for what is no certificate.
pub(crate) fn modules_of(certificate: &CertificateDer<'_>) -> Vec<ModuleId> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_uri_names().filter_map(ModuleId::of_uri).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_module_is_named_by_its_uri_alone() {
        let id = ModuleId::of_uri("spiffe://tessera.internal/module/payment-gateway").unwrap();
        assert_eq!((id.domain.to_string().as_str(), id.name.as_str()), ("tessera.internal", "payment-gateway"));
        for other in [
            "https://tessera.internal/module/playback",
            "spiffe://tessera.internal/playback",
            "spiffe://tessera.internal/module/",
            "spiffe:///module/playback",
            "spiffe://tessera.internal/module/a/b",
            "spiffe://tessera.internal/module/Playback",
            "spiffe://a/module/b/module/c",
            "spiffe://tessera.internal:8443/module/playback",
        ] {
            assert_eq!(ModuleId::of_uri(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_alike(uri in "(spiffe://)?[a-z.:A-Z/-]{0,20}/module/[a-z0-9/-]{0,70}", bytes: Vec<u8>) {
            if let Some(id) = ModuleId::of_uri(&uri) {
                prop_assert_eq!(id.to_string(), uri);
            }
            prop_assert!(modules_of(&CertificateDer::from(bytes)).is_empty());
        }
    }
}
