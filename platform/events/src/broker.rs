//! A broker that speaks Kafka's protocol: how it is reached, and the topics of it that are logs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::FutureProducer,
};
use tessera_store::Store;

use crate::{Log, Relay};

/// How long the broker may take to answer what is asked once.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of one event at most; a broker may allow less.
const EVENT_BYTES: &str = "8388608";

/// Which broker, and what its topics are like.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerSettings {
    /// `host:port`, or several with commas between.
    pub hosts: String,
    /// What the topics' names begin with: `tessera` makes `tessera.catalog`.
    pub prefix: String,
    /// Partitions of a topic, when it is made and ever after.
    pub partitions: i32,
    /// Copies of a partition that is made here; the broker's own default without.
    pub replication: Option<i32>,
    /// User and password for SASL PLAIN. There is no TLS here, so the network has to be one's own.
    pub sasl: Option<(String, String)>,
}

/// A broker. Cheap to clone; nothing is asked of it before a log is followed or relayed.
#[derive(Clone)]
pub struct Broker {
    settings: Arc<BrokerSettings>,
}

/// The topic of a module.
#[derive(Clone)]
pub(crate) struct Topic {
    pub(crate) broker: Broker,
    pub(crate) module: &'static str,
    /// As the broker has it.
    pub(crate) name: &'static str,
}

/// Why a topic cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// It cannot be reached, or refuses.
    #[error("the broker at {hosts}: {source}")]
    Kafka {
        /// Which broker.
        hosts: String,
        /// What the client says.
        source: KafkaError,
    },
    /// It was made with another number.
    #[error(
        "the topic {topic} has {found} partitions, and `partitions` of `[events]` says {wanted}: a topic keeps its number, \
         for a subject's events would come out of order; set it back, or choose another `topic_prefix`"
    )]
    Partitions {
        /// Which topic.
        topic: String,
        /// How many it has.
        found: usize,
        /// How many are configured.
        wanted: i32,
    },
}

impl Broker {
    /// The broker of these settings.
    pub fn new(settings: BrokerSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// The log of a module, for a consumer.
    pub fn log(&self, module: &'static str) -> Log {
        Log::of_topic(self.topic(module))
    }

    /// What brings the events of `store`'s module here.
    pub fn relay(&self, store: &Store) -> Relay {
        Relay::new(self.topic(store.module().name), store.clone())
    }

    fn topic(&self, module: &'static str) -> Topic {
        // One name a module, for as long as the process lives.
        let name: &'static str = format!("{}.{module}", self.settings.prefix).leak();
        Topic { broker: self.clone(), module, name }
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.settings.hosts).set("client.id", "tessera");
        config.set("reconnect.backoff.max.ms", "2000");
        if let Some((user, password)) = &self.settings.sasl {
            config.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
            config.set("sasl.username", user).set("sasl.password", password);
        }
        config
    }

    fn failed(&self, source: KafkaError) -> BrokerError {
        BrokerError::Kafka { hosts: self.settings.hosts.clone(), source }
    }
}

impl Topic {
    /// How many partitions it has.
    pub(crate) fn partitions(&self) -> i32 {
        self.broker.settings.partitions
    }

    /// Makes the topic if it is not there.
    pub(crate) async fn ensure(&self) -> Result<(), BrokerError> {
        let found = match self.count().await? {
            0 => {
                self.create().await?;
                self.count().await?
            }
            found => found,
        };
        let wanted = self.partitions();
        match i32::try_from(found) == Ok(wanted) {
            true => Ok(()),
            false => Err(BrokerError::Partitions { topic: self.name.into(), found, wanted }),
        }
    }

    /// Partitions that it has at the broker; none when it is not there.
    async fn count(&self) -> Result<usize, BrokerError> {
        let topic = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            // A consumer: a producer's question would make the topic.
            let client: StreamConsumer = topic.broker.config().set("group.id", "tessera").create()?;
            let metadata = client.fetch_metadata(Some(topic.name), ANSWER)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic.name);
            Ok(found.map_or(0, |found| found.partitions().len()))
        });
        match asked.await.expect("the question does not panic and nobody stops it") {
            Ok(count) => Ok(count),
            Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition)) => Ok(0),
            Err(error) => Err(self.broker.failed(error)),
        }
    }

    async fn create(&self) -> Result<(), BrokerError> {
        let admin: AdminClient<DefaultClientContext> =
            self.broker.config().create().map_err(|error| self.broker.failed(error))?;
        let copies = TopicReplication::Fixed(self.broker.settings.replication.unwrap_or(-1));
        let topic = NewTopic::new(self.name, self.partitions(), copies);
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let made = admin.create_topics([&topic], &options).await.map_err(|error| self.broker.failed(error))?;
        for result in made {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(self.broker.failed(KafkaError::AdminOp(code))),
            }
        }
        tracing::info!(topic = self.name, partitions = self.partitions(), "a topic was made");
        Ok(())
    }

    /// A producer that keeps the order: what it could not bring is never followed by what came after.
    pub(crate) fn producer(&self) -> Result<FutureProducer, BrokerError> {
        let mut config = self.broker.config();
        config.set("enable.idempotence", "true").set("acks", "all").set("enable.gapless.guarantee", "true");
        // One request at a time, and it is tried until it is acknowledged: a gap would be taken for a duplicate later.
        config.set("max.in.flight.requests.per.connection", "1").set("message.timeout.ms", "0");
        config.set("message.max.bytes", EVENT_BYTES).set("linger.ms", "2");
        config.create().map_err(|error| self.broker.failed(error))
    }

    /// Reads partitions from these offsets on; 0 is the beginning.
    pub(crate) fn reader(&self, name: &str, from: &BTreeMap<i32, i64>) -> Result<StreamConsumer, BrokerError> {
        let mut config = self.broker.config();
        config.set("group.id", name).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        // An offset that is not there any more is told, not skipped.
        config.set("auto.offset.reset", "error").set("fetch.wait.max.ms", "100");
        config.set("message.max.bytes", EVENT_BYTES).set("fetch.message.max.bytes", EVENT_BYTES);
        config.set("queued.max.messages.kbytes", "16384").set("fetch.error.backoff.ms", "100");
        let consumer: StreamConsumer = config.create().map_err(|error| self.broker.failed(error))?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in from {
            let offset = if *offset == 0 { Offset::Beginning } else { Offset::Offset(*offset) };
            list.add_partition_offset(self.name, *partition, offset).map_err(|error| self.broker.failed(error))?;
        }
        consumer.assign(&list).map_err(|error| self.broker.failed(error))?;
        Ok(consumer)
    }
}
