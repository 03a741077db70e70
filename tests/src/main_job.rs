//! The main job, as an operator does it: created, filled on two evenings, looked at, checked,
//! exported, restored, keys changed.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::listing::{Item, assert_same, listing};
use crate::{DtrTables, Run, Storage, Vault, Words, gzip, plain_layer, shapes};

/// What a command may take, however bad things are. Far more than it needs: only who hangs
/// meets it.
const LIMIT: Duration = Duration::from_secs(120);

/// A registry that changes from evening to evening, and what must come back of each.
pub struct MainJob {
    storage: Storage,
    blob_bytes: usize,
    evenings: Vec<Evening>,
}

/// What one evening's snapshot must give back.
struct Evening {
    id: String,
    files: BTreeMap<String, Item>,
    tar: Vec<u8>,
}

impl MainJob {
    /// A registry in the folder `registry`; every evening brings a blob of `blob_bytes` that
    /// does not compress.
    pub fn new(vault: &Vault, blob_bytes: usize) -> Self {
        Self { storage: Storage::create(vault.at("registry")), blob_bytes, evenings: Vec::new() }
    }

    /// The registry.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// All of it; every command must succeed.
    pub fn run(vault: &mut Vault, blob_bytes: usize) {
        let mut job = Self::new(vault, blob_bytes);
        vault.run_within(LIMIT, ["init"]).ok();
        job.evening(vault);
        job.evening(vault);
        job.hold(vault);
        job.keys(vault);
    }

    /// Changes the registry, and what the next snapshot's metadata will be.
    pub fn change(&self, vault: &Vault) -> Vec<u8> {
        let n = self.evenings.len() as u64;
        let layers = [gzip(&plain_layer(1, n), 6), Words::new(100 + n).bytes(self.blob_bytes)];
        self.storage.image("acme/app", &format!("v{n}"), &layers);
        let tar = DtrTables::of(&self.storage).tar(600, n + 1);
        fs::write(vault.at("backup.tar"), &tar).unwrap();
        tar
    }

    /// Changes the registry and takes a snapshot, which must succeed.
    pub fn evening(&mut self, vault: &Vault) -> serde_json::Value {
        let tar = self.change(vault);
        let summary = Self::snapshot(vault).ok().json();
        self.taken(&summary, tar);
        summary
    }

    /// The command that takes a snapshot, however it ends.
    pub fn snapshot(vault: &Vault) -> Run {
        vault.run_within(LIMIT, Self::SNAPSHOT)
    }

    /// Its arguments.
    pub const SNAPSHOT: [&'static str; 6] =
        ["snapshot", "--registry", "registry", "--metadata", "backup.tar", "--json"];

    /// Takes down what a snapshot that succeeded must give back.
    pub fn taken(&mut self, summary: &serde_json::Value, tar: Vec<u8>) {
        let files = listing(self.storage.root());
        self.evenings.push(Evening { id: shapes::snapshot_id(summary), files, tar });
    }

    /// A job whose first evening is over.
    pub fn begun(vault: &Vault, blob_bytes: usize) -> Self {
        let mut job = Self::new(vault, blob_bytes);
        vault.run_within(LIMIT, ["init"]).ok();
        job.evening(vault);
        job
    }

    /// Asserts that all is there, found by a machine that knows nothing yet, and that every
    /// byte of every snapshot comes back.
    ///
    /// # Panics
    ///
    /// When something is not as it was.
    pub fn hold(&self, vault: &mut Vault) {
        let own = vault.cache();
        vault.set("DTRVAULT_CACHE_DIR", vault.at("cache-elsewhere").to_str().unwrap().to_owned().as_str());
        let listed = vault.run_within(LIMIT, ["snapshots", "--json"]).ok().json();
        let ids: Vec<String> = shapes::snapshots(&listed).iter().map(|s| shapes::text(s, "id")).collect();
        let wanted: Vec<&str> = self.evenings.iter().map(|evening| evening.id.as_str()).collect();
        assert_eq!(ids, wanted);
        vault.run_within(LIMIT, ["check", "--read-data"]).ok();
        if let Some(Evening { files, tar, .. }) = self.evenings.last() {
            let listed = vault.run_within(LIMIT, ["ls", "latest"]).ok().text();
            assert!(files.keys().all(|path| listed.contains(path)), "{listed}");
            let exported = vault.run_within(LIMIT, ["export", "--tar", "--part", "metadata"]).ok().stdout;
            assert!(exported == *tar, "another tar");
        }
        for Evening { id, files, tar } in &self.evenings {
            let out = vault.at("restored");
            let _ = fs::remove_dir_all(&out);
            vault.run_within(LIMIT, ["restore", "--snapshot", id, "--target", "restored"]).ok();
            assert!(fs::read(out.join("metadata.tar")).unwrap() == *tar, "another tar");
            fs::remove_file(out.join("metadata.tar")).unwrap();
            assert_same(files, &listing(&out));
        }
        fs::remove_dir_all(vault.at("cache-elsewhere")).unwrap();
        vault.set("DTRVAULT_CACHE_DIR", own.to_str().unwrap());
    }

    /// A key is added, the password changed: each opens what it should.
    fn keys(&self, vault: &mut Vault) {
        fs::write(vault.at("added"), "of the registry's node").unwrap();
        let add = ["key", "add", "--role", "write", "--label", "node", "--new-password-file", "added"];
        vault.run_within(LIMIT, add).ok();
        fs::write(vault.at("changed"), "a better one").unwrap();
        vault.run_within(LIMIT, ["key", "change-password", "--new-password-file", "changed"]).ok();
        vault.run_within(LIMIT, ["snapshots"]).exits(12).tells("password");
        vault.set("DTRVAULT_PASSWORD", "of the registry's node");
        vault.run_within(LIMIT, ["export", "--tar"]).exits(12).tells("write-only");
        vault.set("DTRVAULT_PASSWORD", "a better one");
        assert_eq!(vault.ids().len(), self.evenings.len());
    }
}
