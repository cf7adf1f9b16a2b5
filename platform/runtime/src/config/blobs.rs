//! `[blobs]`: where films, pictures and other large values are.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

use super::Secret;

/// `[blobs]`: a folder, or a bucket of an S3 service.
#[derive(Debug, Clone, Default)]
pub enum BlobsConfig {
    /// `blobs` in the data folder.
    #[default]
    InData,
    /// `folder`: another one, such as a volume that several machines mount.
    Folder(PathBuf),
    /// `[blobs.s3]`.
    S3(S3Config),
}

/// `[blobs.s3]`: a bucket of Amazon S3, or of a service that speaks its protocol and acknowledges a put when that is durable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// The bucket's name. It is this deployment's alone, or its `prefix` is.
    pub bucket: String,
    /// What every key begins with, such as `tessera/`. Default: nothing.
    #[serde(default)]
    pub prefix: String,
    /// The bucket's region. Default `us-east-1`, which services other than Amazon's usually take.
    #[serde(default = "us_east_1")]
    pub region: String,
    /// The service's address: `https://s3.example`, or `http://…` within a network that is one's own. Default: Amazon's for
    /// the region.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Whether the bucket is a part of the host's name (`films.s3.example`) and not of the path. Default: without an
    /// `endpoint`.
    #[serde(default)]
    pub virtual_host: Option<bool>,
    /// The key's id. Default: as Amazon's own tools find one, in the environment or from the machine's role.
    #[serde(default)]
    pub access_key_id: Option<String>,
    /// The key's secret.
    #[serde(default)]
    pub secret_access_key: Option<Secret<String>>,
}

fn us_east_1() -> String {
    "us-east-1".into()
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    folder: Option<PathBuf>,
    s3: Option<S3Config>,
}

impl<'de> Deserialize<'de> for BlobsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Section::deserialize(deserializer)? {
            Section { folder: Some(_), s3: Some(_) } => {
                Err(de::Error::custom("blobs are in a folder or in a bucket: leave out `folder` or `[blobs.s3]`"))
            }
            Section { folder: Some(folder), .. } => Ok(Self::Folder(folder)),
            Section { s3: Some(s3), .. } => match (&s3.access_key_id, &s3.secret_access_key) {
                (Some(_), None) | (None, Some(_)) => Err(de::Error::custom(
                    "a key of S3 is `access_key_id` and `secret_access_key`: give both or neither",
                )),
                _ => Ok(Self::S3(s3)),
            },
            Section { folder: None, s3: None } => Ok(Self::InData),
        }
    }
}

impl BlobsConfig {
    /// The folder that blobs are in, for a process whose state is in `data`; none when they are in a bucket.
    pub fn folder(&self, data: &std::path::Path) -> Option<PathBuf> {
        match self {
            Self::InData => Some(data.join("blobs")),
            Self::Folder(folder) => Some(folder.clone()),
            Self::S3(_) => None,
        }
    }
}
