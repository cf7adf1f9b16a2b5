//! Where a contract's implementation is: in this process, at addresses that the configuration names, or at several of
//! these places by weight.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};
use serde_json::{Map, Value};
use tessera_contract::{Addresses, Protocol};

use crate::config::NoSettings;

/// Places of a module at most.
const MOST: usize = 8;

/// A module's section of `tessera.toml`: its settings, or `url` (or `urls`) and `protocol`: where that is which stands in its
/// place, and how it is called; or a list of such places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Placement<C> {
    /// Where it is asked.
    pub(crate) places: Places,
    /// What the built-in module goes by.
    pub(crate) built_in: C,
}

/// Where a module is asked. Without any it is the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places(Vec<Place>);

/// One place of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The contract's own addresses, mount included; `None` is the built-in module.
    pub(crate) url: Option<Addresses>,
    /// Its part of the calls; `None` is in the shadow: it is asked as well, and its answers are compared.
    pub(crate) weight: Option<u32>,
}

impl Places {
    /// The built-in module alone.
    pub(crate) const BUILT_IN: &Self = &Self(Vec::new());

    /// Each of them, the first being the one that the others are measured against.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }

    /// Whether the built-in module is none of them.
    pub(crate) fn is_elsewhere(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|place| place.url.is_some())
    }

    /// Whether the built-in module is all there is.
    pub(crate) fn is_built_in(&self) -> bool {
        self.0.iter().all(|place| place.url.is_none())
    }

    fn checked(places: Vec<Place>) -> Result<Self, &'static str> {
        let weights: Vec<u32> = places.iter().filter_map(|place| place.weight).collect();
        let shadows = places.len() - weights.len();
        match places.first() {
            None => Err("a list of places has at least one"),
            Some(first) if first.weight.is_none() => {
                Err("the first place is the one whose answers count: it is no shadow")
            }
            Some(_) if places.len() > MOST => Err("a module has at most 8 places"),
            Some(_) if shadows > 1 => Err("one place at most is the shadow"),
            Some(_) if places.iter().filter(|place| place.url.is_none()).count() > 1 => {
                Err("the built-in module is one place")
            }
            Some(_) => Ok(Self(places)),
        }
    }
}

impl<'de, C: DeserializeOwned + Default> Deserialize<'de> for Placement<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section<C>(PhantomData<C>);
        impl<'de, C: DeserializeOwned + Default> Visitor<'de> for Section<C> {
            type Value = Placement<C>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section, or a list of places")
            }
            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                let mut said = Said::default();
                let built_in =
                    C::deserialize(MapAccessDeserializer::new(Rest { fields, said: &mut said, listed: false }))?;
                let places =
                    said.url().map_err(de::Error::custom)?.map(|url| Place { url: Some(url), weight: Some(1) });
                Ok(Placement { places: Places(places.into_iter().collect()), built_in })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let (mut places, mut built_in) = (Vec::new(), C::default());
                while let Some(Listed { place, settings }) = list.next_element::<Listed<C>>()? {
                    places.push(place);
                    built_in = settings.unwrap_or(built_in);
                }
                Ok(Placement { places: Places::checked(places).map_err(de::Error::custom)?, built_in })
            }
        }
        deserializer.deserialize_any(Section(PhantomData))
    }
}

/// A place as one of several: `{ url = "…", weight = 5 }`, `{ url = "…", shadow = true }`, or `{ builtin = true, weight = 95 }`
/// with the module's settings.
struct Listed<C> {
    place: Place,
    settings: Option<C>,
}

impl<'de, C: DeserializeOwned> Deserialize<'de> for Listed<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<C>(PhantomData<C>);
        impl<'de, C: DeserializeOwned> Visitor<'de> for Fields<C> {
            type Value = Listed<C>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place, such as { url = \"https://entitlement.example\", weight = 5 }")
            }
            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                let mut said = Said::default();
                // Of the fields only what is not ours is read now: whose they are is known once all have been seen.
                let mut rest = Rest { fields, said: &mut said, listed: true };
                let mut settings = Map::new();
                while let Some(name) = rest.next_key::<String>()? {
                    settings.insert(name, rest.next_value()?);
                }
                let settings = Value::Object(settings);
                let settings = match said.builtin {
                    true => serde_json::from_value(settings).map(Some),
                    false => serde_json::from_value::<NoSettings>(settings).map(|_| None),
                };
                let settings = settings.map_err(de::Error::custom)?;
                let weight = match (said.shadow, said.weight) {
                    (true, Some(_)) => {
                        return Err(de::Error::custom("a shadow has no weight: its answers do not count"));
                    }
                    (true, None) => None,
                    (false, Some(weight)) => Some(weight),
                    (false, None) => {
                        return Err(de::Error::custom(
                            "say a place's part of the calls, such as weight = 5, or shadow = true",
                        ));
                    }
                };
                let (builtin, url) = (said.builtin, said.url().map_err(de::Error::custom)?);
                match (builtin, &url) {
                    (true, None) | (false, Some(_)) => Ok(Listed { place: Place { url, weight }, settings }),
                    _ => Err(de::Error::custom(
                        "a place is the built-in module (builtin = true) or at a url: give one of both",
                    )),
                }
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// What is said of a place.
#[derive(Default)]
struct Said {
    url: Option<Addresses>,
    protocol: Option<Protocol>,
    builtin: bool,
    weight: Option<u32>,
    shadow: bool,
}

impl Said {
    /// Where it is elsewhere, and how it is called there.
    fn url(self) -> Result<Option<Addresses>, &'static str> {
        match (self.url, self.protocol) {
            (None, Some(_)) => Err("protocol says how what is at url is called: give url too"),
            (url, protocol) => Ok(url.map(|url| url.by(protocol.unwrap_or_default()))),
        }
    }
}

/// The fields of a section or place but those that say where it is, which are kept.
struct Rest<'s, A> {
    fields: A,
    said: &'s mut Said,
    listed: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.fields.next_key::<String>()? {
            match (key.as_str(), self.listed) {
                ("url" | "urls", _) => {
                    if self.said.url.replace(self.fields.next_value()?).is_some() {
                        return Err(de::Error::custom("give url or urls, not both"));
                    }
                }
                ("protocol", _) => self.said.protocol = Some(self.fields.next_value()?),
                ("builtin", true) => self.said.builtin = self.fields.next_value()?,
                ("weight", true) => self.said.weight = Some(self.fields.next_value()?),
                ("shadow", true) => self.said.shadow = self.fields.next_value()?,
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
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

    use super::Place;
    use crate::config::Root;

    fn parsed(text: &str) -> Result<Root, String> {
        config::parse("tessera.toml", text, &Environment::default()).map_err(|error| error.to_string())
    }

    fn urls(root: &Root) -> Vec<Option<String>> {
        root.entitlement.places.iter().map(|place| place.url.as_ref().map(ToString::to_string)).collect()
    }

    #[test]
    fn a_section_is_settings_or_an_address_and_nothing_unknown() {
        let root = parsed("entitlement = { url = \"https://crm.example/entitlement\" }").unwrap();
        assert_eq!(urls(&root), [Some("https://crm.example/entitlement".to_owned())]);
        assert_eq!(root.entitlement.built_in.free_streams, EntitlementConfig::default().free_streams);
        let root = parsed("[entitlement]\nlease_seconds = 30\n").unwrap();
        assert_eq!((urls(&root), root.entitlement.built_in.lease_seconds), (Vec::new(), 30));

        let root = parsed("[entitlement]\nurls = [\"http://10.0.0.1:8080/e\", \"http://10.0.0.2:8080/e\"]\n").unwrap();
        assert_eq!(urls(&root), [Some("http://10.0.0.1:8080/e, http://10.0.0.2:8080/e".to_owned())]);

        let root = parsed("entitlement = { url = \"http://10.0.0.1:8080/e\", protocol = \"grpc\" }").unwrap();
        let place = root.entitlement.places.iter().next().unwrap();
        assert_eq!(place.url.as_ref().unwrap().protocol(), Protocol::Grpc);

        for (wrong, named) in [
            ("[entitlement]\nprotocol = \"grpc\"\n", "give url too"),
            ("[entitlement]\nurl = \"http://a.example\"\nprotocol = \"soap\"\n", "allowed here: http, grpc"),
            ("[entitlement]\nurls = []\n", "at least one"),
            ("[entitlement]\nurl = \"http://a.example\"\nurls = [\"http://b.example\"]\n", "not both"),
            ("[entitlement]\nlease_second = 30\n", "lease_seconds"),
            ("[entitlement]\nurl = \"crm.example\"\n", "is not an address"),
            ("[entitlement]\nurl = \"ftp://crm.example\"\n", "is not an address"),
            ("[entitlement]\nurl = 9000\n", "entitlement.url"),
            ("[entitlement]\nweight = 5\n", "weight"),
        ] {
            let said = parsed(wrong).unwrap_err();
            assert!(said.contains(named), "{said}");
        }
    }

    #[test]
    fn a_section_is_a_list_of_places_by_weight() {
        let root = parsed(
            "[[entitlement]]\nbuiltin = true\nweight = 95\nlease_seconds = 30\n\
             [[entitlement]]\nurl = \"http://a.example\"\nweight = 5\n\
             [[entitlement]]\nurl = \"http://b.example\"\nshadow = true\n",
        );
        let root = root.unwrap();
        let weights: Vec<_> = root.entitlement.places.iter().map(|Place { weight, .. }| *weight).collect();
        assert_eq!((weights, root.entitlement.built_in.lease_seconds), (vec![Some(95), Some(5), None], 30));
        assert!(!root.entitlement.places.is_elsewhere() && !root.entitlement.places.is_built_in());
        let root = parsed("billing = [{ builtin = true, weight = 1 }, { url = \"http://a.example\", weight = 0 }]");
        assert!(!root.unwrap().billing.places.is_elsewhere());

        for (wrong, named) in [
            ("[]", "at least one"),
            ("[{ builtin = true, weight = 1, lease_second = 1 }]", "lease_second"),
            ("[{ url = \"http://a.example\", weight = 1, lease_seconds = 1 }]", "lease_seconds"),
            ("[{ url = \"http://a.example\" }]", "weight = 5"),
            ("[{ url = \"http://a.example\", shadow = true }]", "it is no shadow"),
            (
                "[{ builtin = true, weight = 1 }, { url = \"http://a.example\", shadow = true, weight = 1 }]",
                "has no weight",
            ),
            ("[{ builtin = true, url = \"http://a.example\", weight = 1 }]", "give one of both"),
            ("[{ weight = 1 }]", "give one of both"),
            ("[{ builtin = true, weight = 1 }, { builtin = true, weight = 1 }]", "is one place"),
            ("[{ builtin = true, weight = -1 }]", "weight"),
        ] {
            let said = parsed(&format!("entitlement = {wrong}")).unwrap_err();
            assert!(said.contains(named), "{wrong}: {said}");
        }
    }
}
