//! Where a contract's implementation is: in this process, or at addresses that the configuration names.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use tessera_contract::{Addresses, Protocol};

/// A module's section of `tessera.toml`: its settings, or `url` (or `urls`) and `protocol`: where that is which stands in its
/// place, and how it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Placement<C> {
    /// The contract's own addresses elsewhere, mount included; `None` is the built-in module.
    pub(crate) url: Option<Addresses>,
    /// What the built-in module goes by.
    pub(crate) built_in: C,
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for Placement<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section<C>(std::marker::PhantomData<C>);
        impl<'de, C: Deserialize<'de>> Visitor<'de> for Section<C> {
            type Value = Placement<C>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section")
            }
            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                let (mut url, mut protocol) = (None::<Addresses>, None);
                let rest = WithoutUrl { fields, url: &mut url, protocol: &mut protocol };
                let built_in = C::deserialize(MapAccessDeserializer::new(rest))?;
                if url.is_none() && protocol.is_some() {
                    return Err(de::Error::custom("protocol says how what is at url is called: give url too"));
                }
                Ok(Placement { url: url.map(|url| url.by(protocol.unwrap_or_default())), built_in })
            }
        }
        deserializer.deserialize_map(Section(std::marker::PhantomData))
    }
}

/// The fields of a section but `url`, `urls` and `protocol`, which are kept.
struct WithoutUrl<'u, A> {
    fields: A,
    url: &'u mut Option<Addresses>,
    protocol: &'u mut Option<Protocol>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutUrl<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.fields.next_key::<String>()? {
            if key == "protocol" {
                *self.protocol = Some(self.fields.next_value()?);
                continue;
            }
            if key != "url" && key != "urls" {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            if self.url.replace(self.fields.next_value()?).is_some() {
                return Err(de::Error::custom("give url or urls, not both"));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.fields.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use tessera_contract::Protocol;
    use tessera_entitlement::EntitlementConfig;
    use tessera_runtime::config::{self, Environment};

    use crate::config::Root;

    fn parsed(text: &str) -> Result<Root, String> {
        config::parse("tessera.toml", text, &Environment::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_section_is_settings_or_an_address_and_nothing_unknown() {
        let root = parsed("entitlement = { url = \"https://crm.example/entitlement\" }").unwrap();
        assert_eq!(root.entitlement.url.unwrap().to_string(), "https://crm.example/entitlement");
        assert_eq!(root.entitlement.built_in.free_streams, EntitlementConfig::default().free_streams);
        let root = parsed("[entitlement]\nlease_seconds = 30\n").unwrap();
        assert_eq!((root.entitlement.url, root.entitlement.built_in.lease_seconds), (None, 30));

        let root = parsed("[entitlement]\nurls = [\"http://10.0.0.1:8080/e\", \"http://10.0.0.2:8080/e\"]\n").unwrap();
        assert_eq!(root.entitlement.url.unwrap().to_string(), "http://10.0.0.1:8080/e, http://10.0.0.2:8080/e");

        let root = parsed("entitlement = { url = \"http://10.0.0.1:8080/e\", protocol = \"grpc\" }").unwrap();
        assert_eq!(root.entitlement.url.unwrap().protocol(), Protocol::Grpc);

        for (wrong, named) in [
            ("[entitlement]\nprotocol = \"grpc\"\n", "give url too"),
            ("[entitlement]\nurl = \"http://a.example\"\nprotocol = \"soap\"\n", "allowed here: http, grpc"),
            ("[entitlement]\nurls = []\n", "at least one"),
            ("[entitlement]\nurl = \"http://a.example\"\nurls = [\"http://b.example\"]\n", "not both"),
            ("[entitlement]\nlease_second = 30\n", "lease_seconds"),
            ("[entitlement]\nurl = \"crm.example\"\n", "is not an address"),
            ("[entitlement]\nurl = \"ftp://crm.example\"\n", "is not an address"),
            ("[entitlement]\nurl = 9000\n", "entitlement.url"),
        ] {
            let said = parsed(wrong).unwrap_err();
            assert!(said.contains(named), "{said}");
        }
    }
}
