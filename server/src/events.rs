//! `[events]` of `tessera.toml`, and the one place that says where a module's events are read.

use serde::{Deserialize, Deserializer, de};
use tessera_events::Log;
#[cfg(feature = "kafka")]
use tessera_events::{Broker, BrokerSettings};
use tessera_runtime::{config::Secret, shutdown::Shutdown};
use tessera_store::Store;

use crate::error::CommandError;

/// How modules hear of each other's events.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "read where a broker can be used"))]
pub(crate) struct EventsConfig {
    /// A broker that speaks Kafka's protocol, `kafka://host:port`, several with commas between. Default: none; consumers
    /// read the outbox of the module that emits.
    #[serde(deserialize_with = "hosts")]
    broker: Option<String>,
    /// What the names of topics begin with: `tessera` makes `tessera.catalog`. Default `tessera`.
    topic_prefix: String,
    /// Partitions of a topic, 1 to 1000. A topic keeps the number that it was made with. Default 12.
    #[serde(deserialize_with = "partitions")]
    partitions: i32,
    /// Copies of a partition in a topic that is made here. Default: what the broker does.
    replication: Option<i32>,
    /// User for SASL PLAIN. Default: none.
    username: Option<String>,
    /// The user's password.
    password: Option<Secret<String>>,
}

impl Default for EventsConfig {
    fn default() -> Self {
        let topic_prefix = "tessera".into();
        Self { broker: None, topic_prefix, partitions: 12, replication: None, username: None, password: None }
    }
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let hosts = text.strip_prefix("kafka://").map(|hosts| hosts.trim_end_matches('/').to_owned());
    let is_host = |host: &str| {
        let (name, port) = host.rsplit_once(':')?;
        (!name.is_empty() && !name.contains(['/', '@', ' '])).then_some(port.parse::<u16>().ok()?)
    };
    match hosts.filter(|hosts| hosts.split(',').all(|host| is_host(host).is_some())) {
        Some(hosts) => Ok(Some(hosts)),
        None => Err(de::Error::custom(format!("{text:?} is not an address such as kafka://broker.example:9092"))),
    }
}

fn partitions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    match i32::deserialize(deserializer)? {
        number @ 1..=1000 => Ok(number),
        _ => Err(de::Error::custom("1 to 1000 partitions")),
    }
}

impl EventsConfig {
    /// The module whose outbox the consumer of this name brings to the broker, when there is one.
    pub(crate) fn relayed<'n>(&self, consumer: &'n str) -> Option<&'n str> {
        consumer.strip_prefix("relay.")?.strip_prefix(&self.topic_prefix)?.strip_prefix('.')
    }

    /// Whether events go over a broker.
    pub(crate) fn is_brokered(&self) -> bool {
        self.broker.is_some()
    }
}

/// Where each module's log is.
pub(crate) struct Logs {
    #[cfg(feature = "kafka")]
    broker: Option<Broker>,
}

#[cfg(feature = "kafka")]
impl Logs {
    /// As configured. Nothing is asked of a broker yet.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub(crate) fn new(config: &EventsConfig) -> Result<Self, CommandError> {
        let Some(hosts) = config.broker.clone() else { return Ok(Self { broker: None }) };
        let sasl = match (&config.username, &config.password) {
            (Some(user), Some(password)) => Some((user.clone(), password.expose().clone())),
            (None, None) => None,
            _ => return Err(CommandError::new("[events] has one of `username` and `password`: set both, or none")),
        };
        let (prefix, partitions, replication) = (config.topic_prefix.clone(), config.partitions, config.replication);
        Ok(Self { broker: Some(Broker::new(BrokerSettings { hosts, prefix, partitions, replication, sasl })) })
    }

    /// The log of the module that `store` belongs to, for another module's consumer.
    pub(crate) fn of(&self, store: &Store) -> Log {
        match &self.broker {
            Some(broker) => broker.log(store.module().name),
            None => Log::of(store),
        }
    }

    /// Brings the events of these modules to the broker, if there is one, until `shutdown`.
    pub(crate) fn relay(&self, stores: &[Store], shutdown: &Shutdown) {
        let Some(broker) = &self.broker else { return };
        for store in stores {
            let relay = broker.relay(store);
            shutdown.spawn(relay.name(), relay.run(shutdown.token()));
        }
    }
}

#[cfg(not(feature = "kafka"))]
impl Logs {
    /// As configured: embedded.
    ///
    /// # Errors
    /// A broker is configured.
    pub(crate) fn new(config: &EventsConfig) -> Result<Self, CommandError> {
        match config.is_brokered() {
            true => {
                Err(CommandError::new("[events] names a broker, and this binary was built without the feature `kafka`"))
            }
            false => Ok(Self {}),
        }
    }

    pub(crate) fn of(&self, store: &Store) -> Log {
        Log::of(store)
    }

    pub(crate) fn relay(&self, _stores: &[Store], _shutdown: &Shutdown) {}
}

#[cfg(test)]
mod tests {
    use tessera_runtime::config::{self, Environment};

    use super::*;
    use crate::config::Root;

    fn parsed(text: &str) -> Result<EventsConfig, String> {
        let root = config::parse::<Root>("tessera.toml", text, &Environment::default());
        root.map(|root| root.events).map_err(|error| error.to_string())
    }

    #[test]
    fn a_broker_is_an_address_of_kafka_s_protocol() {
        let config = parsed("[events]\nbroker = \"kafka://a.example:9092,b.example:9093\"\n").unwrap();
        assert_eq!(config.broker.as_deref(), Some("a.example:9092,b.example:9093"));
        assert!(!parsed("").unwrap().is_brokered());
        for wrong in ["a.example:9092", "kafka://a.example", "kafka://", "http://a.example:1", "kafka://a:1,b"] {
            let said = parsed(&format!("[events]\nbroker = \"{wrong}\"\n")).unwrap_err();
            assert!(said.contains("is not an address"), "{said}");
        }
        assert!(parsed("[events]\npartitions = 0\n").unwrap_err().contains("1 to 1000"));
        assert_eq!(config.relayed("relay.tessera.media"), Some("media"));
        assert_eq!(config.relayed("catalog.assets"), None);
    }

    #[test]
    fn a_user_needs_a_password() {
        let config = parsed("[events]\nbroker = \"kafka://a:1\"\nusername = \"u\"\n").unwrap();
        assert!(Logs::new(&config).is_err());
    }
}
