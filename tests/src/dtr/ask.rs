//! What a command asks of the cluster.

use std::collections::BTreeMap;

use dtrvault_dtr_stand_in::Version;
use dtrvault_dtr_stand_in::client::{CONTAINER, OPTIONS, SHOWS_SECRETS, VERSION};
use dtrvault_dtr_stand_in::http::Head;

use super::Refused;

/// A command with its options, as the cluster got it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `backup`, `restore`, `destroy` …
    pub command: String,
    /// Value of each flag that was set, by its name without dashes, be it as an argument or as a
    /// variable; `true` of switches.
    pub options: BTreeMap<String, String>,
    /// Version of the image.
    pub version: Version,
    /// Id of the container it runs in.
    pub container: String,
    /// Whether a secret stood among its arguments.
    pub shows_secrets: bool,
}

impl Ask {
    pub(super) fn of(head: &Head) -> Refused<Self> {
        let command = head.request().strip_prefix("POST /").ok_or("not a command")?.to_owned();
        let options = serde_json::from_str::<serde_json::Map<_, _>>(head.header(OPTIONS))
            .map_err(|error| format!("options: {error}"))?
            .into_iter()
            .filter_map(|(name, value)| value.as_str().map(|text| (name, text.to_owned())))
            .collect();
        let version = head.header(VERSION).parse()?;
        let container = head.header(CONTAINER).to_owned();
        Ok(Self { command, options, version, container, shows_secrets: head.header(SHOWS_SECRETS) == "true" })
    }

    /// Value of a flag; empty when it was not given.
    pub fn text(&self, flag: &str) -> &str {
        self.options.get(flag).map_or("", String::as_str)
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: &str) -> bool {
        self.options.contains_key(flag)
    }
}
