//! Whole verbs that die at each of their store calls, or meet a full store from there on: every
//! earlier snapshot restores byte for byte, `check` finds no damage, and the next snapshot uses what
//! was left.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dtrvault_format::{Argon2Params, Digest, SnapshotId};
use dtrvault_ops::check::{CheckReport, ReadData};
use dtrvault_ops::restore::{RestoreOptions, Want};
use dtrvault_ops::snapshot::{ImagesInput, Layers, MetadataInput, SnapshotOptions};
use dtrvault_ops::{Context, OpsError, check, restore, snapshot};
use dtrvault_registry::source::{Local, WalkOptions};
use dtrvault_registry::target;
use dtrvault_repo::{Backend, CreateOptions, OpenOptions, Repository};
use dtrvault_store::fault::{Faults, Faulty, Reach};
use dtrvault_store::{Store, StoreOptions};
use futures::TryStreamExt;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PASSWORD: &[u8] = b"password";
/// What a pack, a segment and a snapshot cost beside their content, bytes.
const SLACK_BYTES: u64 = 160 << 10;
const WAYS: [(Reach, bool); 3] =
    [(Reach::Everything, false), (Reach::Everything, true), (Reach::Space, false)];

type Files = BTreeMap<PathBuf, Vec<u8>>;
type Objects = Vec<(String, Bytes)>;

/// Something that lives as long as a process would.
struct Process {
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl Process {
    fn on(store: Arc<dyn Store>) -> Self {
        Self { runtime: Runtime::new().unwrap(), store }
    }

    fn with(objects: &Objects) -> Self {
        let process = Self::on(dtrvault_store::open("memory://", &StoreOptions::default()).unwrap());
        for (key, bytes) in objects {
            process.runtime.block_on(process.store.put(key, bytes.clone())).unwrap();
        }
        process
    }

    fn backend(&self) -> Backend {
        Backend::new(Arc::clone(&self.store), self.runtime.handle().clone())
    }

    fn open(&self, cache: &Path) -> Result<Repository, OpsError> {
        let options = OpenOptions {
            pack_bytes: 256 << 10,
            index_memory_bytes: 8 << 20,
            ..OpenOptions::new(cache.to_owned(), "host".to_owned())
        };
        Ok(Repository::open_unread(self.backend(), PASSWORD, options)?)
    }

    fn objects(&self) -> Objects {
        self.runtime.block_on(async {
            let listed: Vec<_> = self.store.list("").try_collect().await.unwrap();
            let mut objects = Vec::new();
            for object in listed {
                let bytes = self.store.get(&object.key, u64::MAX).await.unwrap();
                objects.push((object.key, bytes));
            }
            objects.sort();
            objects
        })
    }

    fn pack_bytes(&self) -> u64 {
        let objects = self.objects();
        let packs = objects.iter().filter(|(key, _)| key.starts_with("packs/"));
        packs.map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn snapshot(&self, cache: &Path, source: &Source) -> Result<SnapshotId, OpsError> {
        let options = SnapshotOptions {
            metadata: Some(MetadataInput {
                stream: Box::new(std::io::Cursor::new(source.metadata.clone())),
                name: "-".to_owned(),
                size: None,
                allow_truncated: false,
                backup: None,
                allow_missing_tables: false,
            }),
            images: Some(ImagesInput {
                source: Box::new(Local::new(&source.root).unwrap()),
                walk: WalkOptions::default(),
                layers: Layers::default(),
            }),
            tags: Vec::new(),
            host: "host".to_owned(),
            program: "test".to_owned(),
            readers: 2,
        };
        Ok(snapshot::run(&self.open(cache)?, options, &Context::default())?.id)
    }

    fn restore(&self, cache: &Path, id: &SnapshotId, to: &Path) -> Result<(), OpsError> {
        let options = RestoreOptions {
            snapshot: id.to_string(),
            metadata: Want::Must,
            images: Want::Must,
            include: None,
            allow_existing: false,
            dry_run: false,
            writers: 2,
        };
        let repo = self.open_read(cache)?;
        let report = restore::run(&repo, &target::Local::new(to), &options, &Context::default())?;
        // A file that could not be read is in the report, and fails the verb.
        match report.failed.listed().first() {
            Some(failed) => Err(OpsError::NoSuchPath { snapshot: id.to_string(), path: failed.path.clone() }),
            None => Ok(()),
        }
    }

    /// As the verbs open that only read.
    fn open_read(&self, cache: &Path) -> Result<Repository, OpsError> {
        let options = OpenOptions::new(cache.to_owned(), "host".to_owned());
        Ok(Repository::open(self.backend(), PASSWORD, options)?)
    }

    fn check(&self, cache: &Path) -> CheckReport {
        let repo = self.open_read(cache).unwrap();
        check::run(&repo, ReadData::Everything, &Context::default()).unwrap()
    }
}

/// A registry's content and metadata.
struct Source {
    root: PathBuf,
    metadata: Vec<u8>,
}

impl Source {
    /// What stands there on an evening: most of the one before, and something new.
    fn of(evening: u64, root: PathBuf) -> Self {
        for number in evening..evening + 3 {
            let bytes = noise(number, 400_000);
            let digest = Digest::new(Sha256::digest(&bytes).into()).to_string();
            let folder = root.join("docker/registry/v2/blobs/sha256").join(&digest[..2]).join(&digest);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("data"), bytes).unwrap();
        }
        let mut tar = tar::Builder::new(Vec::new());
        for row in 0..400 {
            let seed = if row % 50 == 0 { row + evening * 1000 } else { row };
            let mut header = tar::Header::new_ustar();
            header.set_size(600);
            header.set_mode(0o644);
            header.set_mtime(1_700_000_000 + evening * 86_400 + row);
            let name = format!("backup/row{}", row + evening);
            tar.append_data(&mut header, name, noise(seed, 600).as_slice()).unwrap();
        }
        Self { root, metadata: tar.into_inner().unwrap() }
    }

    fn files(&self) -> Files {
        let mut files = files(&self.root);
        files.insert("metadata.tar".into(), self.metadata.clone());
        files
    }
}

fn files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Bytes that do not compress and do not repeat.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(len).collect()
}

/// A repository with some evenings' snapshots, and the next evening's registry.
struct World {
    dir: TempDir,
    objects: Objects,
    taken: Vec<(SnapshotId, Files)>,
    next: Source,
}

impl World {
    fn after(evenings: u64) -> Self {
        // Nothing of this need wait for a disk.
        let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let process = Process::with(&Vec::new());
        let options = CreateOptions {
            argon2: Some(Argon2Params { memory_kib: 19 * 1024, passes: 2, lanes: 1 }),
            ..CreateOptions::default()
        };
        Repository::create(&process.backend(), PASSWORD, &options).unwrap();
        let root = dir.path().join("registry");
        let mut taken = Vec::new();
        for evening in 0..evenings {
            let source = Source::of(evening, root.clone());
            let id = process.snapshot(&dir.path().join("base cache"), &source).unwrap();
            taken.push((id, source.files()));
        }
        let next = Source::of(evenings, root);
        Self { objects: process.objects(), dir, taken, next }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn assert_whole(&self, process: &Process, cache: &Path, when: &str) {
        let found = process.check(cache);
        assert!(found.is_sound(), "{when}: {:?}", found.damage);
        for (id, files_then) in &self.taken {
            self.assert_restores(process, cache, id, files_then, when);
        }
    }

    fn assert_restores(&self, process: &Process, cache: &Path, id: &SnapshotId, then: &Files, when: &str) {
        let to = self.at("out");
        process.restore(cache, id, &to).unwrap();
        assert!(files(&to) == *then, "{when}: snapshot {id} came back otherwise");
        fs::remove_dir_all(to).unwrap();
    }

    /// Runs `verb` against copies of the repository, with a fault at each call in each of [`WAYS`],
    /// and `afterwards` without. Gives the number of calls.
    fn crash_everywhere(
        &self,
        verb: impl Fn(&Process, &Path) -> Result<(), OpsError>,
        afterwards: impl Fn(&Process, &Path, &str),
    ) -> u64 {
        for crash_at in 1.. {
            for (crash_reach, crash_takes_place) in WAYS {
                let cache = self.at("cache");
                let inner = Process::with(&self.objects);
                let faults =
                    Faults { crash_at: Some(crash_at), crash_reach, crash_takes_place, ..Faults::default() };
                let faulty = Arc::new(Faulty::new(Arc::clone(&inner.store), faults));
                let done = verb(&Process::on(faulty.clone()), &cache);
                let Some(call) = faulty.calls().get(crash_at as usize - 1).cloned() else {
                    done.unwrap();
                    return crash_at - 1;
                };
                let is_new = match crash_reach {
                    Reach::Space => call.verb.needs_space(),
                    _ => !crash_takes_place || call.verb.is_write(),
                };
                if is_new {
                    let when = format!("call {crash_at}, {call}, {crash_reach:?}, {crash_takes_place}");
                    // Turn about with a cache that has seen the crash.
                    let next_cache = if crash_at % 2 == 0 { cache.clone() } else { self.at("fresh") };
                    afterwards(&inner, &next_cache, &when);
                }
                for cache in [cache, self.at("fresh")] {
                    let _ = fs::remove_dir_all(cache);
                }
            }
        }
        unreachable!()
    }

    fn crash_snapshots(&self) -> u64 {
        let whole = Process::with(&self.objects);
        let before = whole.pack_bytes();
        whole.snapshot(&self.at("whole cache"), &self.next).unwrap();
        let cost = whole.pack_bytes() - before;
        assert!(cost > 300_000, "{cost}");
        self.crash_everywhere(
            |process, cache| process.snapshot(cache, &self.next).map(|_| ()),
            |process, cache, when| {
                let left = process.pack_bytes() - before;
                self.assert_whole(process, cache, when);
                let id = process.snapshot(cache, &self.next).unwrap_or_else(|e| panic!("{when}: {e:?}"));
                let repeated = process.pack_bytes() - before - left;
                assert!(repeated <= cost.saturating_sub(left) + SLACK_BYTES, "{when}: {left} {repeated}");
                let found = process.check(cache);
                assert!(found.is_sound(), "{when}: {:?}", found.damage);
                assert_eq!(found.unreferenced_packs, 0, "{when}");
                self.assert_restores(process, cache, &id, &self.next.files(), when);
            },
        )
    }
}

#[test]
fn a_first_snapshot_that_dies_anywhere_is_taken_by_the_next() {
    let calls = World::after(0).crash_snapshots();
    assert!(calls > 15, "{calls}");
}

#[test]
fn a_second_snapshot_that_dies_anywhere_harms_no_earlier_one() {
    let calls = World::after(1).crash_snapshots();
    assert!(calls > 16, "{calls}");
}

#[test]
fn a_restore_that_dies_anywhere_leaves_the_repository_as_it_was_and_goes_on() {
    let world = World::after(1);
    let (id, then) = &world.taken[0];
    let to = world.at("restored");
    let calls = world.crash_everywhere(
        |process, cache| {
            let _ = fs::remove_dir_all(&to);
            process.restore(cache, id, &to)
        },
        |process, cache, when| {
            assert!(process.objects() == world.objects, "{when}: a restore has changed the repository");
            process.restore(cache, id, &to).unwrap_or_else(|error| panic!("{when}: {error:?}"));
            assert!(files(&to) == *then, "{when}");
        },
    );
    assert!(calls > 8, "{calls}");
}
