//! Runs every verb on what somebody hands over, and sees that nothing outside the target is touched.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dtrvault_ops::check::{CheckReport, ReadData};
use dtrvault_ops::export::{ExportOptions, Part};
use dtrvault_ops::ls::LsOptions;
use dtrvault_ops::restore::{RestoreOptions, RestoreReport, Want};
use dtrvault_ops::stats::StatsOptions;
use dtrvault_ops::{Context, OpsError, check, diff, export, ls, restore, snapshots, stats};
use dtrvault_registry::target::{Bucket, Local, Target};
use dtrvault_repo::Repository;
use dtrvault_store::StoreOptions;

use super::forge::Forge;

/// What is at a path: its kind, mode, inode's change time, and content or link target.
type Listing = BTreeMap<PathBuf, (u32, i64, Vec<u8>)>;

/// What every verb came to.
#[derive(Debug)]
pub struct Outcome {
    pub ls: Result<Vec<Vec<u8>>, OpsError>,
    pub export: Result<Vec<u8>, OpsError>,
    pub diff: Result<(), OpsError>,
    pub stats: Result<(), OpsError>,
    pub check: CheckReport,
    pub folder: Result<RestoreReport, OpsError>,
    pub bucket: Result<RestoreReport, OpsError>,
    /// Files in the restored folder.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Files in the restored bucket.
    pub objects: BTreeMap<PathBuf, Vec<u8>>,
}

/// A folder with a neighbour that nobody may touch.
pub struct Victim<'a> {
    pub forge: &'a Forge,
    pub repo: Repository,
    base: PathBuf,
}

impl<'a> Victim<'a> {
    pub fn new(forge: &'a Forge) -> Self {
        let base = forge.dir.path().join("victim");
        let _ = fs::remove_dir_all(&base);
        for folder in ["outside/folder", "target", "bucket"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("outside/file"), "untouched").unwrap();
        fs::write(base.join("file"), "untouched").unwrap();
        Self { forge, repo: forge.open(), base }
    }

    pub fn target(&self) -> PathBuf {
        self.base.join("target")
    }

    pub fn outside(&self) -> PathBuf {
        self.base.join("outside")
    }

    fn options(snapshot: &str) -> RestoreOptions {
        RestoreOptions {
            snapshot: snapshot.to_owned(),
            metadata: Want::May,
            images: Want::May,
            include: None,
            allow_existing: true,
            dry_run: false,
            writers: 2,
        }
    }

    pub fn restore(&self, snapshot: &str, target: &dyn Target) -> Result<RestoreReport, OpsError> {
        let dry = RestoreOptions { dry_run: true, ..Self::options(snapshot) };
        // Looking does not change what comes after, nor may it fall over.
        let looked =
            restore::run(&self.repo, &Local::new(&self.base.join("nowhere")), &dry, &Context::default());
        assert!(!self.base.join("nowhere").exists());
        drop(looked);
        restore::run(&self.repo, target, &Self::options(snapshot), &Context::default())
    }

    pub fn restore_folder(&self, snapshot: &str) -> Result<RestoreReport, OpsError> {
        self.restore(snapshot, &Local::new(&self.target()))
    }

    pub fn restore_bucket(&self, snapshot: &str) -> Result<RestoreReport, OpsError> {
        let options = StoreOptions { create_dir: true, ..StoreOptions::default() };
        let store = dtrvault_store::open(self.base.join("bucket").to_str().unwrap(), &options).unwrap();
        self.restore(snapshot, &Bucket::new(store, self.forge.runtime.handle().clone()))
    }

    pub fn check(&self) -> CheckReport {
        check::run(&self.repo, ReadData::Everything, &Context::default()).unwrap()
    }

    pub fn export(&self, snapshot: &str) -> Result<Vec<u8>, OpsError> {
        let mut tar = Capped(Vec::new());
        let options =
            ExportOptions { snapshot: snapshot.to_owned(), part: Some(Part::Images), prefix: Vec::new() };
        export::run(&self.repo, &options, &mut tar, &Context::default()).map(|_| tar.0)
    }

    /// Runs every verb on one snapshot. Nothing outside the targets may change.
    pub fn run(&self, snapshot: &str) -> Outcome {
        let before = self.untouched();
        let mut paths = Vec::new();
        let options = LsOptions { snapshot: snapshot.to_owned(), path: Vec::new(), recursive: true };
        let listed = ls::run(&self.repo, &options, &Context::default(), |entry| {
            paths.push(entry.path.clone());
            Ok(())
        });
        let diff = diff::run(&self.repo, snapshot, snapshot, &Context::default(), |_| Ok(()));
        snapshots::run(&self.repo, &snapshots::SnapshotsFilter::default(), &Context::default()).unwrap();
        let outcome = Outcome {
            ls: listed.map(|()| paths),
            export: self.export(snapshot),
            diff: diff.map(drop),
            stats: stats::run(&self.repo, StatsOptions { stored_layers: true }, &Context::default())
                .map(drop),
            check: self.check(),
            folder: self.restore_folder(snapshot),
            bucket: self.restore_bucket(snapshot),
            files: files_below(&self.target()),
            objects: files_below(&self.base.join("bucket")),
        };
        assert_eq!(self.untouched(), before, "something outside the target was touched");
        if let Ok(tar) = &outcome.export {
            assert_tar_stays_below(tar);
        }
        outcome
    }

    /// Everything beside the targets.
    pub fn untouched(&self) -> Listing {
        let mut found = Listing::new();
        let mut folders = vec![self.base.clone()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                if path == self.target() || path == self.base.join("bucket") {
                    continue;
                }
                let meta = fs::symlink_metadata(&path).unwrap();
                let content = if meta.is_dir() {
                    folders.push(path.clone());
                    Vec::new()
                } else if meta.is_symlink() {
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
                } else {
                    fs::read(&path).unwrap()
                };
                let changed = meta.ctime() * 1_000_000_000 + meta.ctime_nsec();
                found.insert(path, (meta.permissions().mode(), changed, content));
            }
        }
        found
    }
}

/// Output that ends in an error rather than in the memory of the test.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > 64 << 20 {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Regular files below a folder; links are not followed.
pub fn files_below(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).into_iter().flatten() {
            let path = item.unwrap().path();
            // Uploads that were given up are removed in the background.
            if path.ends_with(".dtrvault-tmp") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file() && meta.len() < 64 << 20 {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// No member is absolute, climbs, or lies below one that is no folder.
fn assert_tar_stays_below(tar: &[u8]) {
    let mut others: Vec<Vec<u8>> = Vec::new();
    for member in tar::Archive::new(tar).entries().unwrap() {
        let member = member.unwrap();
        let path = member.path_bytes().into_owned();
        assert!(!path.starts_with(b"/") && !path.contains(&0), "{path:?}");
        let trimmed = path.strip_suffix(b"/").unwrap_or(&path);
        let names: Vec<&[u8]> = trimmed.split(|byte| *byte == b'/').collect();
        let climbs = names.iter().any(|name| matches!(*name, b"" | b".."))
            || (names.len() > 1 && names.contains(&&b"."[..]));
        assert!(!climbs, "{path:?}");
        for other in &others {
            assert!(!path.starts_with(&[other, &b"/"[..]].concat()), "{path:?}");
        }
        if !member.header().entry_type().is_dir() {
            others.push(trimmed.to_vec());
        }
    }
}

/// All that a user reads of an error.
pub fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words += &format!(": {cause}");
        source = cause.source();
    }
    words
}

impl Outcome {
    /// Every verb that reads the tree refuses it as damage, and says of which object; `check` does not fail but tells.
    #[track_caller]
    pub fn assert_tree_refused(&self, what: &str, object: &str) {
        for (verb, error) in [
            ("ls", self.ls.as_ref().err()),
            ("export", self.export.as_ref().err()),
            ("diff", self.diff.as_ref().err()),
            ("restore", self.folder.as_ref().err()),
            ("restore to a bucket", self.bucket.as_ref().err()),
        ] {
            let error = error.unwrap_or_else(|| panic!("{what:?}: {verb} took it: {self:?}"));
            assert!(error.is_damage() && words(error).contains(object), "{what:?}: {verb}: {error:?}");
        }
        self.assert_check_names(object);
    }

    /// `check` tells of damage, and names this.
    #[track_caller]
    pub fn assert_check_names(&self, object: &str) {
        let told = serde_json::to_string(&self.check.damage).unwrap();
        assert!(told.contains(object), "{object}: {told}");
    }

    /// Nothing at all is wrong.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert!(self.check.is_sound(), "{:?}", self.check.damage);
        for report in [self.folder.as_ref().unwrap(), self.bucket.as_ref().unwrap()] {
            assert!(report.failed.is_empty(), "{:?}", report.failed);
        }
        assert!(
            self.ls.is_ok() && self.export.is_ok() && self.diff.is_ok() && self.stats.is_ok(),
            "{self:?}"
        );
    }
}
