//! The database of a replica: a file for each table in the volume `dtr-rethink-<id>`, a row a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use dtrvault_dtr_stand_in::Version;
use serde_json::{Value, json};

use crate::dtr_days::rows_of;

/// Every table of 2.9.4.
pub(super) const TABLES: [&str; 26] = [
    "blobs",
    "blob_links",
    "manifests",
    "tags",
    "repositories",
    "events",
    "scanned_images",
    "scanned_layers",
    "layer_vuln_overrides",
    "properties",
    "crons",
    "metrics",
    "webhooks",
    "client_tokens",
    "user_settings",
    "namespace_team_access",
    "repository_team_access",
    "promotion_policies",
    "pruning_policies",
    "push_mirroring_policies",
    "poll_mirroring_policies",
    "content_caches",
    "changefeed",
    "helm_charts",
    "tuf_files",
    "private_keys",
];

/// Tables that a version cannot be without.
pub(super) fn required(version: Version) -> &'static [&'static str] {
    const ALL: [&str; 5] = ["manifests", "tags", "repositories", "blobs", "blob_links"];
    if version < Version::new(2, 6, 0) { &ALL[..3] } else { &ALL }
}

/// All tables of a replica.
#[derive(Debug)]
pub(super) struct Tables(PathBuf);

impl Tables {
    /// Of a folder that has them.
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Of a folder that has none: makes them, empty.
    pub(super) fn create(folder: PathBuf) -> Self {
        for table in TABLES {
            fs::write(folder.join(table), "").unwrap();
        }
        Self(folder)
    }

    /// Puts in what a registry has without images: settings, secrets, and so many events and scans.
    pub(super) fn fill(&self, events: u64) {
        self.put("properties", &json!({"key": "registry", "value": {"readOnlyRegistry": false}}));
        self.put("properties", &json!({"key": "dtr", "value": {"dtrHost": "dtr.example.com", "sso": false}}));
        self.put("private_keys", &json!({"id": "notary", "key": "-----BEGIN EC PRIVATE KEY----- not one"}));
        self.put("crons", &json!({"id": "gc", "action": "gc", "schedule": "never", "enabled": false}));
        for table in ["events", "scanned_images", "scanned_layers"] {
            self.set(table, &rows_of(table, events.div_ceil(3)));
        }
    }

    /// Rows of a table, in order.
    pub(super) fn rows(&self, table: &str) -> Vec<String> {
        fs::read_to_string(self.0.join(table)).unwrap().lines().map(str::to_owned).collect()
    }

    /// Gives a table these rows, and no others.
    pub(super) fn set(&self, table: &str, rows: &[String]) {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(self.0.join(table), lines).unwrap();
    }

    /// Puts in a row, in the place of one with the same `pk`, `id` or `key`.
    pub(super) fn put(&self, table: &str, row: &Value) {
        let name = |row: &Value| ["pk", "id", "key"].iter().find_map(|key| row.get(key).cloned());
        let mut rows = self.rows(table);
        rows.retain(|old| name(&serde_json::from_str(old).unwrap()) != name(row));
        rows.push(row.to_string());
        self.set(table, &rows);
    }

    /// The id that a blob is stored under.
    pub(super) fn blob_id(&self, hex: &str) -> Option<String> {
        let rows = self.rows("blobs").into_iter().map(|row| serde_json::from_str::<Value>(&row).unwrap());
        let row = rows.into_iter().find(|row| row["sha256sum"] == hex)?;
        row["id"].as_str().map(str::to_owned)
    }

    /// Everything, without order.
    pub(super) fn all(&self) -> BTreeMap<String, BTreeSet<String>> {
        let tables = TABLES.iter().map(|table| ((*table).to_owned(), self.rows(table).into_iter().collect()));
        tables.filter(|(_, rows): &(String, BTreeSet<String>)| !rows.is_empty()).collect()
    }
}
