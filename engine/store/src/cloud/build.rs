//! Building the clients: the cloud's environment variables first, then our options, then the caller's settings.

use super::Cloud;
use super::again::Patience;
use crate::url::bad_url;
use crate::{Result, Store, StoreOptions};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::memory::InMemory;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Longest pause between two tries of a request.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// No bound for a whole request: a large object over a slow line is no failure while it moves.
const NO_TIMEOUT: &str = "365 days";

/// Opens a bucket by scheme. `prefix` has been checked.
pub(crate) fn open(
    scheme: &str,
    bucket: &str,
    prefix: &str,
    options: &StoreOptions,
) -> Result<Arc<dyn Store>> {
    let mut url = format!("{scheme}://{bucket}");
    if !prefix.is_empty() {
        url = format!("{url}/{prefix}");
    }
    if bucket.is_empty() && scheme != "memory" {
        return Err(bad_url(&url, "no bucket"));
    }
    let inner = match scheme {
        "s3" => s3(&url, bucket, options)?,
        "gs" => gcs(&url, bucket, options)?,
        "az" => azure(&url, bucket, options)?,
        "memory" => memory(bucket),
        _ => {
            return Err(bad_url(&url, "expected a path, file://, s3://, gs:// or az://"));
        }
    };
    let patience = Patience { retries: options.retries, time: options.retry_time };
    Ok(Arc::new(Cloud { url, prefix: prefix.to_owned(), inner, patience }))
}

fn s3(url: &str, bucket: &str, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry(options))
        // We delete one object at a time, which needs no bulk request, and not all servers know it.
        .with_disable_bulk_delete(true);
    for (name, value) in client_settings(options) {
        builder = builder.with_config(AmazonS3ConfigKey::Client(name), value);
    }
    for (name, value) in settings::<AmazonS3ConfigKey>(url, options) {
        builder = builder.with_config(name?, value);
    }
    finish(url, builder.build())
}

fn gcs(url: &str, bucket: &str, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let mut builder =
        GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry(options));
    for (name, value) in client_settings(options) {
        builder = builder.with_config(GoogleConfigKey::Client(name), value);
    }
    for (name, value) in settings::<GoogleConfigKey>(url, options) {
        builder = builder.with_config(name?, value);
    }
    finish(url, builder.build())
}

fn azure(url: &str, container: &str, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let mut builder =
        MicrosoftAzureBuilder::from_env().with_container_name(container).with_retry(retry(options));
    for (name, value) in client_settings(options) {
        builder = builder.with_config(AzureConfigKey::Client(name), value);
    }
    for (name, value) in settings::<AzureConfigKey>(url, options) {
        builder = builder.with_config(name?, value);
    }
    finish(url, builder.build())
}

/// A store in memory; named ones live as long as the process.
fn memory(name: &str) -> Arc<dyn ObjectStore> {
    static NAMED: LazyLock<Mutex<HashMap<String, Arc<InMemory>>>> = LazyLock::new(Mutex::default);
    if name.is_empty() {
        return Arc::new(InMemory::new());
    }
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let store = named.entry(name.to_owned()).or_default();
    Arc::clone(store) as Arc<dyn ObjectStore>
}

fn retry(options: &StoreOptions) -> RetryConfig {
    RetryConfig {
        // Pauses of up to three times the one before, so that a server that is down is soon
        // asked only now and then, and is found again within seconds when it is back.
        backoff: BackoffConfig { base: 3.0, max_backoff: MAX_PAUSE, ..BackoffConfig::default() },
        max_retries: options.retries,
        retry_timeout: options.retry_time,
    }
}

/// Given as settings and not as one object, which would discard those of the environment (`AWS_ALLOW_HTTP`).
fn client_settings(options: &StoreOptions) -> [(ClientConfigKey, String); 4] {
    let millis = |time: Duration| format!("{} ms", time.as_millis().max(1));
    let agent = concat!("dtrvault/", env!("CARGO_PKG_VERSION"));
    [
        (ClientConfigKey::Timeout, NO_TIMEOUT.to_owned()),
        (ClientConfigKey::ReadTimeout, millis(options.timeout)),
        (ClientConfigKey::ConnectTimeout, millis(options.connect_timeout)),
        (ClientConfigKey::UserAgent, agent.to_owned()),
    ]
}

/// The caller's settings by name; a name the cloud does not know is an error, for it is a typing error.
fn settings<'a, K: FromStr>(
    url: &'a str,
    options: &'a StoreOptions,
) -> impl Iterator<Item = (Result<K>, String)> + 'a {
    options.settings.iter().map(move |(name, value)| {
        let unknown = |_| bad_url(url, &format!("no such setting: {name}"));
        let known = name.to_ascii_lowercase().parse().map_err(unknown);
        (known, value.clone())
    })
}

fn finish<S: ObjectStore>(url: &str, built: object_store::Result<S>) -> Result<Arc<dyn ObjectStore>> {
    match built {
        Ok(store) => Ok(Arc::new(store)),
        Err(object_store::Error::Generic { source, .. }) => Err(bad_url(url, &source.to_string())),
        Err(error) => Err(bad_url(url, &error.to_string())),
    }
}
