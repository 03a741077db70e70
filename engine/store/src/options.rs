//! How a store is opened: parallelism, patience, and settings beside the environment.

use std::fmt;
use std::time::Duration;

/// Options of [`crate::open`].
#[derive(Clone)]
pub struct StoreOptions {
    /// Requests in flight at once, at least 1. Streams and listings are counted apart from the
    /// whole-object requests, so that neither can starve the other.
    pub parallel: usize,
    /// Patience with one cloud request: until the answer begins (so an upload must be through by
    /// then), and again for every further piece of the answer. A long download that keeps moving
    /// is never cut.
    pub timeout: Duration,
    /// Patience with one connection attempt.
    pub connect_timeout: Duration,
    /// How often a failed cloud request is tried again at most, whatever the time.
    pub retries: usize,
    /// After this time since the first attempt a cloud request is not tried again. Requests are
    /// not signed anew, so it must stay well under the 15 minutes a signature lives.
    pub retry_time: Duration,
    /// Create a local root (mode 0700) that does not exist. Buckets are never created.
    pub create_dir: bool,
    /// Settings of the cloud by name, as in its environment variables (`AWS_ENDPOINT_URL`,
    /// `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME`, in any case); they win over the environment.
    pub settings: Vec<(String, String)>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            parallel: 16,
            timeout: Duration::from_secs(180),
            connect_timeout: Duration::from_secs(10),
            // The time decides: ten tries are over in two seconds, before a server has restarted.
            retries: usize::MAX,
            retry_time: Duration::from_secs(240),
            create_dir: false,
            settings: Vec::new(),
        }
    }
}

/// Names the settings but not their values, which may be secrets.
impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.settings.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("StoreOptions")
            .field("parallel", &self.parallel)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retries", &self.retries)
            .field("retry_time", &self.retry_time)
            .field("create_dir", &self.create_dir)
            .field("settings", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_debug() {
        let options = StoreOptions {
            settings: vec![("AWS_SECRET_ACCESS_KEY".into(), "hunter2".into())],
            ..StoreOptions::default()
        };
        let text = format!("{options:?}");
        assert!(text.contains("AWS_SECRET_ACCESS_KEY") && !text.contains("hunter2"));
    }
}
