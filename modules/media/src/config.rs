//! `[media]` of `tessera.toml`.

mod buckets;
mod ladder;

use std::{collections::BTreeMap, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use tessera_types::TenantId;

pub(crate) use buckets::is_name as is_bucket;
pub use buckets::{BucketConfig, Buckets};
pub use ladder::{LadderChange, LadderConfig, RungConfig, TenantConfig, VideoCodec};

const GIB: u64 = 1 << 30;

/// Settings of the built-in media module.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// The longest upload taken, in bytes. Default 53687091200 (50 GiB).
    pub max_upload_bytes: u64,
    /// How long an upload that nothing happens to is kept, in seconds. Default 86400 (a day).
    #[serde(rename = "upload_expiry_seconds", deserialize_with = "seconds")]
    pub upload_expiry: Duration,
    /// How much of an upload is kept in memory before it is stored, in bytes, 65536 to 67108864. An upload under way
    /// holds that much. Default 8388608 (8 MiB).
    #[serde(deserialize_with = "chunk")]
    pub chunk_bytes: usize,
    /// Transcoding jobs at a time in this process, at least 1. One uses every core there is. Default 1.
    #[serde(deserialize_with = "at_least_one")]
    pub concurrent_jobs: usize,
    /// How long the parts are that a longer film's pictures are encoded in, in seconds, at least 2. Whoever leases a part
    /// encodes it: any process with the same database, blob store and settings. A film that is not twice as long stays
    /// whole. Default 60.
    #[serde(deserialize_with = "chunk_seconds")]
    pub encode_chunk_seconds: u64,
    /// Such parts at a time in this process, at least 1. Default 1.
    #[serde(deserialize_with = "at_least_one")]
    pub concurrent_chunks: usize,
    /// Uploads that one process takes bytes of at a time, at least 1; each holds up to `chunk_bytes` in memory. Default 64.
    #[serde(deserialize_with = "at_least_one")]
    pub uploads_at_once: usize,
    /// Bytes of a tenant's uploads that are not assets yet, as announced. Default 214748364800 (200 GiB).
    pub tenant_upload_bytes: u64,
    /// A tenant's uploads that are not assets yet, at least 1. Default 1000.
    #[serde(deserialize_with = "at_least_one")]
    pub tenant_uploads: usize,
    /// A tenant's assets that wait for a worker or are worked on, at least 1. Default 1000.
    #[serde(deserialize_with = "at_least_one")]
    pub tenant_jobs: usize,
    /// A tenant's transcoding jobs at a time, in all processes together, at least 1. Tenants take turns in any case.
    /// Default 16.
    #[serde(deserialize_with = "at_least_one")]
    pub tenant_concurrent_jobs: usize,
    /// Networks beside the public Internet that files may be fetched from, such as `10.1.0.0/16`: whoever may upload reaches
    /// them through this server. Default none.
    pub pull_networks: Vec<IpNet>,
    /// Buckets of S3 services that files may be fetched from as `s3://BUCKET/KEY`, by tenant and name. Default none.
    #[serde(deserialize_with = "buckets::named")]
    pub pull_buckets: Buckets,
    /// How long fetching a file may take, in seconds. Default 21600 (6 h).
    #[serde(rename = "max_pull_seconds", deserialize_with = "seconds")]
    pub max_pull: Duration,
    /// Files that are fetched at a time by this process, at least 1; a tenant has half of them. Default 4.
    #[serde(deserialize_with = "at_least_one")]
    pub concurrent_pulls: usize,
    /// Films at least this long, in seconds, can be played from their beginning in one rendition of 480p or less while that one,
    /// and then the others, are made; it costs decoding them once more. Default 60.
    pub early_from_seconds: u64,
    /// How often a job is tried when something of ours fails (disk, store), at least 1; a source that cannot be used
    /// is refused at once. Default 5.
    #[serde(deserialize_with = "at_least_one")]
    pub attempts: usize,
    /// x264's and x265's preset, and for AV1 the one of SVT-AV1 that is about as quick. Default `veryfast`.
    pub preset: Preset,
    /// Whether encoders of graphics cards (NVENC, Quick Sync, VA-API) are used where a trial finds some that work: quicker, and
    /// larger for the same picture. All processes that work on jobs have to find the same. Default false.
    pub hardware_encoders: bool,
    /// Which renditions are made.
    pub ladder: LadderConfig,
    /// What single tenants have of their own, by tenant. Default none.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
    /// How loud all sound is made, in LUFS, -36 to -10; or `source`, which leaves it as it is. Nothing is compressed: what
    /// would go above -1 dBTP stays quieter. Default -23 (EBU R 128).
    pub loudness_lufs: Loudness,
    /// The FFmpeg program: a name looked for in /usr/local/bin, /usr/bin and /bin, or a path. Default `ffmpeg`.
    pub ffmpeg: String,
    /// The ffprobe program. Default `ffprobe`.
    pub ffprobe: String,
    /// Address space that FFmpeg may use, in bytes. Default 8589934592 (8 GiB).
    pub child_memory_bytes: u64,
    /// The longest film taken, in seconds. Default 43200 (12 h).
    #[serde(rename = "max_duration_seconds", deserialize_with = "seconds")]
    pub max_duration: Duration,
    /// How long FFmpeg may transcode without getting further, in seconds. Default 300.
    #[serde(rename = "stall_seconds", deserialize_with = "seconds")]
    pub stall: Duration,
    /// Space that has to stay free on the scratch disk while a job runs, in bytes. Default 1073741824 (1 GiB).
    pub spare_disk_bytes: u64,
    /// How often expired uploads and left-over blobs are looked for, in seconds. Default 300.
    #[serde(rename = "sweep_seconds", deserialize_with = "seconds")]
    pub sweep: Duration,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            max_upload_bytes: 50 * GIB,
            upload_expiry: Duration::from_secs(24 * 60 * 60),
            chunk_bytes: 8 << 20,
            concurrent_jobs: 1,
            encode_chunk_seconds: 60,
            concurrent_chunks: 1,
            uploads_at_once: 64,
            tenant_upload_bytes: 200 * GIB,
            tenant_uploads: 1000,
            tenant_jobs: 1000,
            tenant_concurrent_jobs: 16,
            pull_networks: Vec::new(),
            pull_buckets: Buckets::new(),
            max_pull: Duration::from_secs(6 * 60 * 60),
            concurrent_pulls: 4,
            early_from_seconds: 60,
            attempts: 5,
            preset: Preset::Veryfast,
            hardware_encoders: false,
            ladder: LadderConfig::default(),
            tenants: BTreeMap::new(),
            loudness_lufs: Loudness::Target(-23.0),
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            child_memory_bytes: 8 * GIB,
            max_duration: Duration::from_secs(12 * 60 * 60),
            stall: Duration::from_secs(300),
            spare_disk_bytes: GIB,
            sweep: Duration::from_secs(300),
        }
    }
}

impl MediaConfig {
    /// Which renditions a tenant's films get.
    pub(crate) fn ladder_of(&self, tenant: &TenantId) -> LadderConfig {
        self.tenants.get(tenant).map_or_else(|| self.ladder.clone(), |own| own.ladder.over(&self.ladder))
    }

    /// A bucket that a tenant was given.
    pub(crate) fn bucket_of(&self, tenant: &TenantId, name: &str) -> Option<&BucketConfig> {
        self.pull_buckets.get(tenant)?.get(name)
    }
}

/// How hard the encoders try: from quick and large to slow and small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// For tests and previews.
    Ultrafast,
    /// See x264's documentation.
    Superfast,
    /// The default.
    Veryfast,
    /// See x264's documentation.
    Faster,
    /// See x264's documentation.
    Fast,
    /// See x264's documentation.
    Medium,
    /// See x264's documentation.
    Slow,
}

impl Preset {
    /// As x264 and x265 name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
        }
    }

    /// As SVT-AV1 numbers it.
    pub(crate) fn svt_av1(self) -> &'static str {
        match self {
            Self::Ultrafast => "12",
            Self::Superfast => "11",
            Self::Veryfast => "10",
            Self::Faster => "9",
            Self::Fast => "8",
            Self::Medium => "7",
            Self::Slow => "5",
        }
    }
}

/// How loud sound is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loudness {
    /// As loud as this, in LUFS.
    Target(f64),
    /// As it is in the source.
    Source,
}

impl<'de> Deserialize<'de> for Loudness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A number, or a word.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(lufs) if (-36.0..=-10.0).contains(&lufs) => Ok(Self::Target(lufs)),
            Written::Word(word) if word == "source" => Ok(Self::Source),
            Written::Number(lufs) => Err(de::Error::custom(format!("loudness_lufs is -36 to -10, got {lufs}"))),
            Written::Word(word) => match word.parse() {
                Ok(lufs) if (-36.0..=-10.0).contains(&lufs) => Ok(Self::Target(lufs)), // from the environment
                _ => Err(de::Error::custom(format!("loudness_lufs is a number or \"source\", got {word:?}"))),
            },
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(de::Error::custom("at least 1 second")),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

fn chunk<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        bytes @ 65_536..=67_108_864 => Ok(bytes),
        other => Err(de::Error::custom(format!("chunk_bytes is 65536 to 67108864, got {other}"))),
    }
}

fn chunk_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        0 | 1 => Err(de::Error::custom("encode_chunk_seconds is at least 2")),
        seconds => Ok(seconds),
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(de::Error::custom("at least 1")),
        some => Ok(some),
    }
}
