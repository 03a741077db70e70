//! Metadata that is true to a registry: rows of DTR's tables, made from what its storage root holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Storage;
use crate::Words;
use crate::dtr_days::write_day_of;

/// Rows of the tables that name image content, as DTR's database would hold them.
pub struct DtrTables {
    /// First folder of the tar.
    pub root: String,
    /// Rows by table, each as it stands in the tar.
    pub rows: BTreeMap<&'static str, Vec<String>>,
}

impl DtrTables {
    /// Of DTR 2.5, which keeps blobs by digest, and link files.
    pub fn of(storage: &Storage) -> Self {
        let mut tables = Self { root: "dtr-backup-v2.5.18-online".to_owned(), rows: BTreeMap::new() };
        for table in ["blobs", "blob_links", "manifests", "repositories", "tags"] {
            tables.rows.insert(table, Vec::new());
        }
        let (mut manifests, mut repositories) = (BTreeSet::new(), BTreeSet::new());
        let v2 = storage.root().join("docker/registry/v2");
        for link in links(&v2.join("repositories")) {
            let path = link.strip_prefix(v2.join("repositories")).unwrap().to_str().unwrap();
            let digest = fs::read_to_string(&link).unwrap();
            if let Some((repository, rest)) = path.split_once("/_manifests/tags/")
                && let Some((tag, "link")) = rest.split_once("/current/")
            {
                let pk = format!("{repository}:{tag}");
                let digest_pk = format!("{repository}@{digest}");
                tables.add("tags", &json!({"pk": pk, "repository": repository, "name": tag, "digest": digest, "digestPK": digest_pk, "immutable": false}));
                manifests.insert((repository.to_owned(), digest));
                repositories.insert(repository.to_owned());
            } else if let Some((repository, _)) = path.split_once("/_layers/") {
                let (namespace, name) = repository.split_once('/').unwrap();
                tables.add(
                    "blob_links",
                    &json!({"namespace": namespace, "repository": name, "digest": digest}),
                );
            }
        }
        for (repository, digest) in manifests {
            if let Ok(bytes) = fs::read(storage.blob_path(&digest)) {
                tables.manifest(&repository, &digest, &bytes);
            }
        }
        for repository in repositories {
            let (namespace, name) = repository.split_once('/').unwrap();
            tables.add(
                "repositories",
                &json!({"id": name, "namespace": namespace, "name": name, "pk": repository}),
            );
        }
        for blob in blobs(&v2.join("blobs/sha256")) {
            tables.add(
                "blobs",
                &json!({"id": id_of(&blob), "sha256sum": blob, "mediaType": "application/octet-stream"}),
            );
        }
        tables
    }

    /// Of DTR 2.9, which keeps blobs by id and has no link files: the registry is made so. Manifests
    /// are in the database alone.
    pub fn by_id(storage: &Storage) -> Self {
        let tables = Self { root: "dtr-backup-v2.9.4-online".to_owned(), ..Self::of(storage) };
        let v2 = storage.root().join("docker/registry/v2");
        for blob in blobs(&v2.join("blobs/sha256")) {
            let from = storage.blob_path(&blob);
            let is_manifest =
                tables.rows["manifests"].iter().any(|row| row.contains(&format!("@sha256:{blob}")));
            if !is_manifest {
                let to = id_path(storage, &blob);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(&from, to).unwrap();
            }
        }
        fs::remove_dir_all(v2.join("blobs/sha256")).unwrap();
        fs::remove_dir_all(v2.join("repositories")).unwrap();
        tables
    }

    fn manifest(&mut self, repository: &str, digest: &str, bytes: &[u8]) {
        let manifest: Value = serde_json::from_slice(bytes).unwrap();
        let row = json!({
            "pk": format!("{repository}@{digest}"), "repository": repository, "digest": digest,
            "mediaType": manifest["mediaType"], "configDigest": manifest["config"]["digest"],
            "layers": manifest["layers"], "os": "linux", "architecture": "amd64",
        });
        self.add("manifests", &row);
    }

    /// Adds a row.
    pub fn add(&mut self, table: &'static str, row: &Value) {
        self.rows.entry(table).or_default().push(row.to_string());
    }

    /// The tar of day `day` (1 is the first), with `rows` other rows.
    pub fn tar(&self, rows: u64, day: u64) -> Vec<u8> {
        let mut tar = Vec::new();
        write_day_of(&mut tar, &self.root, rows, day, &self.rows).unwrap();
        tar
    }
}

/// The id of a blob, by the digits of its digest.
fn id_of(hex: &str) -> String {
    Words::new(u64::from_str_radix(&hex[..16], 16).unwrap()).uuid()
}

/// Where a blob stands in DTR 2.9.
pub fn id_path(storage: &Storage, digest: &str) -> PathBuf {
    let id = id_of(digest.trim_start_matches("sha256:"));
    storage.root().join(format!("docker/registry/v2/blobs/id/{}/{id}/data", &id[..2]))
}

/// Link files, by path.
fn links(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(links(&entry.path()));
        } else if entry.file_name() == "link" {
            found.insert(entry.path());
        }
    }
    found
}

/// Digits of the digests of all blobs, by digest.
fn blobs(folder: &Path) -> BTreeSet<String> {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    names(folder).iter().flat_map(|short| names(&folder.join(short))).collect()
}
