//! Blobs in a bucket of an S3 service.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, S3ConditionalPut},
    prefix::PrefixStore,
};
use tessera_contract::Failure;

use crate::config::S3Config;

/// How often a request that failed on its way is made again, and in how long. Whoever asked waits meanwhile.
const RETRIES: usize = 4;
const RETRY_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may take to be made, and one request of at most a part's size to be answered.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(60);

/// The bucket as a store. Nothing is asked of it yet.
pub(super) fn open(config: &S3Config) -> Result<Arc<dyn ObjectStore>, Failure> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error says it is installed already
    let endpoint = config.endpoint.as_deref();
    let client = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout(ANSWER)
        .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")));
    let mut builder = AmazonS3Builder::from_env()
        .with_client_options(client)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_WITHIN,
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
        })
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_virtual_hosted_style_request(config.virtual_host.unwrap_or(endpoint.is_none()));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
    }
    let unusable = |e| Failure::unavailable("the bucket of [blobs.s3] cannot be opened", e);
    let bucket = builder.build().map_err(unusable)?;
    Ok(match config.prefix.trim_matches('/') {
        "" => Arc::new(bucket),
        prefix => Arc::new(PrefixStore::new(bucket, prefix)),
    })
}
