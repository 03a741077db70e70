//! Snapshots of a registry that is being written to, or that does not hold together.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use dtrvault_format::{Digest, ProblemKind};
use dtrvault_ops::check::ReadData;
use dtrvault_ops::proof::{self, Witness};
use dtrvault_ops::restore::{RestoreOptions, Want};
use dtrvault_ops::snapshot::{ImagesInput, Layers, SnapshotOptions, SnapshotReport};
use dtrvault_ops::{Context, check, restore, snapshot};
use dtrvault_registry::source::{Local, WalkOptions};
use dtrvault_registry::target;
use dtrvault_repo::{Backend, CreateOptions, OpenOptions, Repository};
use dtrvault_store::StoreOptions;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct World {
    dir: TempDir,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: TempDir::new().unwrap(), runtime: Runtime::new().unwrap() };
        let options = CreateOptions {
            argon2: Some(dtrvault_format::Argon2Params { memory_kib: 19 * 1024, passes: 2, lanes: 1 }),
            ..CreateOptions::default()
        };
        Repository::create(&world.backend(), b"password", &options).unwrap();
        fs::create_dir_all(world.root().join("docker/registry/v2")).unwrap();
        world
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("registry")
    }

    fn backend(&self) -> Backend {
        let options = StoreOptions { create_dir: true, ..StoreOptions::default() };
        let url = self.dir.path().join("store");
        let store = dtrvault_store::open(url.to_str().unwrap(), &options).unwrap();
        Backend::new(store, self.runtime.handle().clone())
    }

    fn open(&self) -> Repository {
        let options = OpenOptions::new(self.dir.path().join("cache"), "host".to_owned());
        Repository::open(self.backend(), b"password", options).unwrap()
    }

    fn snapshot(&self) -> SnapshotReport {
        let source = Local::new(&self.root()).unwrap();
        let options = SnapshotOptions {
            metadata: None,
            images: Some(ImagesInput {
                source: Box::new(source),
                walk: WalkOptions::default(),
                layers: Layers::default(),
            }),
            tags: Vec::new(),
            host: "host".to_owned(),
            program: "test".to_owned(),
            readers: 2,
        };
        snapshot::run(&self.open(), options, &Context::default()).unwrap()
    }

    fn restore(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        let options = RestoreOptions {
            snapshot: "latest".to_owned(),
            metadata: Want::May,
            images: Want::May,
            include: None,
            allow_existing: false,
            dry_run: false,
            writers: 2,
        };
        let report =
            restore::run(&self.open(), &target::Local::new(&dir), &options, &Context::default()).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        dir
    }

    /// Puts a blob where a registry does.
    fn blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::new(Sha256::digest(bytes).into());
        self.put(&blob_path(&digest), bytes);
        digest
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// An image with one layer, and a tag for it.
    fn image(&self, tag: &str, layer: &[u8]) -> (Digest, Digest) {
        let layer = self.blob(layer);
        let config = self.blob(br#"{"os":"linux"}"#);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"digest":"{}","size":14}},"layers":[{{"digest":"{}","size":1}}]}}"#,
            config.to_oci(),
            layer.to_oci()
        );
        let manifest = self.blob(manifest.as_bytes());
        let repo = "docker/registry/v2/repositories/acme/app";
        self.put(
            &format!("{repo}/_manifests/revisions/sha256/{manifest}/link"),
            manifest.to_oci().as_bytes(),
        );
        self.put(&tag_path(tag), manifest.to_oci().as_bytes());
        (manifest, layer)
    }
}

fn blob_path(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])
}

fn tag_path(tag: &str) -> String {
    format!("docker/registry/v2/repositories/acme/app/_manifests/tags/{tag}/current/link")
}

fn same(left: &Path, right: &Path) {
    let diff = std::process::Command::new("diff").arg("-r").args([left, right]).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
}

#[test]
fn an_unchanged_registry_is_not_read_again() {
    let world = World::new();
    world.image("1", &vec![7; 3_000_000]);
    let first = world.snapshot();
    assert!(first.snapshot.complete, "{:?}", first.snapshot.problems);
    assert_eq!(first.snapshot.stats.read_bytes, first.snapshot.stats.seen_bytes);
    let second = world.snapshot();
    assert_eq!(second.snapshot.stats.read_bytes, 0);
    assert_eq!(second.snapshot.stats.written_bytes, 0);
    assert_eq!(second.snapshot.parent, Some(first.id));
    // Without the cache, the repository's own copy serves as well.
    fs::remove_dir_all(world.dir.path().join("cache")).unwrap();
    let third = world.snapshot();
    assert_eq!((third.snapshot.stats.read_bytes, third.snapshot.stats.written_bytes), (0, 0));
    same(&world.root(), &world.restore("out"));
}

#[test]
fn a_link_that_is_being_rewritten_is_read_again() {
    let world = World::new();
    let (manifest, _) = world.image("1", b"layer");
    let link = world.root().join(tag_path("1"));
    let stop = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            // As distribution does it: truncated, then written.
            while !stop.load(Ordering::Relaxed) {
                fs::write(&link, b"").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(60));
                fs::write(&link, manifest.to_oci()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(30));
            }
        });
        for _ in 0..5 {
            let report = world.snapshot();
            assert!(report.snapshot.complete, "{:?}", report.snapshot.problems);
        }
        stop.store(true, Ordering::Relaxed);
        world.snapshot()
    });
    assert!(report.snapshot.complete);
    let restored = world.restore("out");
    assert_eq!(fs::read_to_string(restored.join(tag_path("1"))).unwrap(), manifest.to_oci());
}

#[test]
fn a_torn_link_is_stored_as_it_is_and_listed() {
    let world = World::new();
    world.image("1", b"layer");
    world.put(&tag_path("torn"), b"sha256:12");
    let report = world.snapshot().snapshot;
    assert!(!report.complete);
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].kind, ProblemKind::TornLink);
    assert_eq!(report.problems[0].path, tag_path("torn").as_bytes());
    same(&world.root(), &world.restore("out"));
}

#[test]
fn a_blob_with_other_bytes_is_listed_and_stored_as_it_is() {
    let world = World::new();
    let (_, layer) = world.image("1", &vec![1; 100_000]);
    assert!(world.snapshot().snapshot.complete);
    let mut bytes = vec![1; 100_000];
    bytes[50_000] = 2;
    world.put(&blob_path(&layer), &bytes);
    for _ in 0..2 {
        // The second time it is unchanged, and still wrong.
        let report = world.snapshot().snapshot;
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        assert_eq!(report.problems[0].kind, ProblemKind::DigestMismatch);
        assert!(report.complete, "the snapshot holds what is there");
    }
    same(&world.root(), &world.restore("out"));
}

#[test]
fn what_a_tag_or_manifest_names_and_nobody_has_is_missing() {
    let world = World::new();
    let (manifest, layer) = world.image("1", b"layer");
    assert!(world.snapshot().snapshot.complete);
    // Its manifest is not read again, and what it names must be known to be gone all the same.
    fs::remove_file(world.root().join(blob_path(&layer))).unwrap();
    let report = world.snapshot().snapshot;
    assert!(!report.complete);
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].detail.contains(&layer.to_oci()), "{:?}", report.problems);
    fs::remove_file(world.root().join(blob_path(&manifest))).unwrap();
    let report = world.snapshot().snapshot;
    assert!(report.problems.iter().any(|problem| problem.detail.contains(&manifest.to_oci())));
    same(&world.root(), &world.restore("out"));
}

#[test]
fn check_finds_what_restore_would() {
    let world = World::new();
    // Long and incompressible, so that the middle of the pack is certainly of it.
    let noise: Vec<u8> = (0..20_000_u32).flat_map(|n| Sha256::digest(n.to_le_bytes()).to_vec()).collect();
    let (_, layer) = world.image("1", &noise);
    world.snapshot();
    let repo = world.open();
    assert!(check::run(&repo, ReadData::Everything, &Context::default()).unwrap().is_sound());
    let mut packs = Vec::new();
    repo.each_stored_pack(|pack| {
        packs.push(pack);
        Ok(())
    })
    .unwrap();
    let key = dtrvault_format::names::Named::key(&packs[0].id);
    let path = world.dir.path().join("store").join(&key);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&path, &bytes).unwrap();
    assert!(check::run(&repo, ReadData::Nothing, &Context::default()).unwrap().is_sound());
    let report = check::run(&world.open(), ReadData::Everything, &Context::default()).unwrap();
    assert!(report.damage.iter().any(|damage| damage.object.as_deref() == Some(&key)));
    assert!(
        report.damage.iter().any(|damage| damage.snapshot.is_some()),
        "it says what cannot be restored: {:?}",
        report.damage
    );
    fs::remove_file(&path).unwrap();
    let report = check::run(&world.open(), ReadData::Nothing, &Context::default()).unwrap();
    assert!(report.damage.iter().any(|damage| damage.blob == Some(layer)));
}

#[test]
fn a_proof_follows_tags_to_blobs() {
    let world = World::new();
    let (manifest, layer) = world.image("1", &vec![1; 100_000]);
    let id = world.snapshot().id;
    let prove = |snapshot: &str| proof::run(&world.open(), snapshot, &Context::default()).unwrap();
    let whole = prove("latest");
    assert!(whole.is_whole() && whole.witness == Witness::Links);
    assert_eq!((whole.snapshot, whole.tags, whole.proven_tags, whole.manifests), (id, 1, 1, 1));
    let path = |digest: &Digest| world.root().join(blob_path(digest));
    fs::remove_file(path(&layer)).unwrap();
    world.snapshot();
    let lacking = prove("latest");
    assert_eq!((lacking.proven_tags, lacking.missing_count), (0, 1));
    assert_eq!((lacking.missing[0].digest, lacking.missing[0].is_manifest), (layer, false));
    fs::remove_file(path(&manifest)).unwrap();
    world.snapshot();
    assert!(prove("latest").missing[0].is_manifest);
    assert!(prove(&id.to_string()).is_whole(), "what was taken before stays proven");
}

#[test]
fn an_interrupted_restore_goes_on() {
    let world = World::new();
    world.image("1", &vec![1; 100_000]);
    world.image("2", &vec![2; 200_000]);
    world.snapshot();
    let out = world.restore("out");
    // A restore that was interrupted leaves its marker, and some files.
    fs::create_dir(out.join(".dtrvault-restore")).unwrap();
    fs::remove_dir_all(out.join("docker/registry/v2/repositories")).unwrap();
    same(&world.root(), &world.restore("out"));
}
