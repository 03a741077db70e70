//! A writer that holds the keys of a repository and keeps no rule: every field of every object
//! is what the test says.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use dtrvault_codec::{Compressor, ListEntry};
use dtrvault_crypto::{KeyRing, PrivateKind, SharedKind, SlotRequest};
use dtrvault_format::cbor::{Object, encode};
use dtrvault_format::limits::FORMAT_VERSION;
use dtrvault_format::names::Named;
use dtrvault_format::pack::HEADER_BYTES;
use dtrvault_format::{
    BlobRecord, ChunkEntry, ChunkId, Config, Content, Digest, Directory, Entry, File, FrameEntry, Identity,
    ImagesPart, Kind, Meta, PackId, Recipe, RepoId, Role, Segment, SegmentId, SegmentPack, SlotId, Snapshot,
    SnapshotId, Stats, StreamRef, Time,
};
use dtrvault_repo::{Backend, OpenOptions, RepoError, Repository};
use dtrvault_store::{Store, StoreOptions};
use futures::TryStreamExt;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const PASSWORD: &[u8] = b"correct horse";
pub const WRITE_PASSWORD: &[u8] = b"battery staple";
pub const HOST: &str = "host";

/// A frame as it will be sealed, and what the directory will say of it.
#[derive(Clone)]
pub struct Frame {
    /// Form byte and body.
    pub body: Vec<u8>,
    pub chunks: Vec<ChunkEntry>,
}

impl Frame {
    pub fn stored(id: ChunkId, plain: &[u8]) -> Self {
        let chunks = vec![ChunkEntry { id, len: u32::try_from(plain.len()).unwrap() }];
        Self { body: [&[0], plain].concat(), chunks }
    }

    pub fn compressed(id: ChunkId, plain: &[u8]) -> Self {
        let body = Compressor::new(3).unwrap().compress(plain.into()).unwrap();
        Self { body, ..Self::stored(id, plain) }
    }
}

/// A repository in memory, its keys, and what waits to be committed.
pub struct Forge {
    pub dir: TempDir,
    pub runtime: Runtime,
    pub ring: KeyRing,
    pub id: RepoId,
    pub store: Arc<dyn Store>,
    pub frames: Vec<Frame>,
    pub blobs: Vec<BlobRecord>,
    caches: Cell<u32>,
}

impl Forge {
    /// A repository with a full key and one that only writes.
    pub fn new() -> Self {
        let dir = if std::path::Path::new("/dev/shm").is_dir() {
            TempDir::new_in("/dev/shm")
        } else {
            TempDir::new()
        };
        let forge = Self {
            dir: dir.unwrap(),
            runtime: Runtime::new().unwrap(),
            ring: KeyRing::generate().unwrap(),
            id: RepoId::new([7; 16]),
            store: dtrvault_store::open("memory://", &StoreOptions::default()).unwrap(),
            frames: Vec::new(),
            blobs: Vec::new(),
            caches: Cell::default(),
        };
        forge.put("config", forge.config().to_bytes());
        forge.slot(&forge.ring, PASSWORD, Role::Full);
        forge.slot(&forge.ring, WRITE_PASSWORD, Role::Write);
        forge
    }

    pub fn config(&self) -> Config {
        Config::new(self.id, dtrvault_format::ChunkerParams::default())
    }

    /// Adds a slot of `ring`.
    pub fn slot(&self, ring: &KeyRing, password: &[u8], role: Role) -> SlotId {
        let request = SlotRequest {
            role,
            argon2: dtrvault_crypto::floor(),
            repo: self.id,
            config_hash: blake3::hash(&self.config().to_bytes()).into(),
            label: "",
            created: Time::from_secs(1_700_000_000),
        };
        let slot = dtrvault_crypto::seal_slot(ring, password, &request).unwrap();
        self.put_hashed(SlotId::new, slot.to_bytes())
    }

    pub fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.runtime.block_on(self.store.put(key, bytes.into())).unwrap();
    }

    pub fn get(&self, key: &str) -> Bytes {
        self.runtime.block_on(self.store.get(key, u64::MAX)).unwrap()
    }

    pub fn delete(&self, key: &str) {
        self.runtime.block_on(self.store.delete(key)).unwrap();
    }

    /// Stores an object under its hash.
    pub fn put_hashed<I: Named + Copy>(&self, id: impl Fn([u8; 32]) -> I, bytes: Vec<u8>) -> I {
        let id = id(blake3::hash(&bytes).into());
        self.put(&id.key(), bytes);
        id
    }

    /// Keys and bytes of all objects, sorted.
    pub fn objects(&self) -> Vec<(String, Bytes)> {
        let listed: Vec<_> = self.runtime.block_on(self.store.list("").try_collect()).unwrap();
        let mut all: Vec<_> =
            listed.into_iter().map(|object| (object.key.clone(), self.get(&object.key))).collect();
        all.sort();
        all
    }

    pub fn keys_in(&self, folder: &str) -> Vec<String> {
        self.objects().into_iter().map(|(key, _)| key).filter(|key| key.starts_with(folder)).collect()
    }

    /// Puts the store back to what it held.
    pub fn reset(&self, objects: &[(String, Bytes)]) {
        for (key, _) in self.objects() {
            self.delete(&key);
        }
        for (key, bytes) in objects {
            self.put(key, bytes.clone());
        }
    }

    pub fn backend(&self) -> Backend {
        Backend::new(Arc::clone(&self.store), self.runtime.handle().clone())
    }

    pub fn options(&self, cache: &str) -> OpenOptions {
        OpenOptions {
            pack_bytes: 1 << 20,
            index_memory_bytes: 8 << 20,
            frame_cache_bytes: 8 << 20,
            ..OpenOptions::new(self.dir.path().join("caches").join(cache), HOST.to_owned())
        }
    }

    pub fn open_with(&self, password: &[u8], cache: &str) -> Result<Repository, RepoError> {
        Repository::open(self.backend(), password, self.options(cache))
    }

    /// Opens it with the full key, and a cache of its own.
    pub fn open(&self) -> Repository {
        self.caches.set(self.caches.get() + 1);
        self.open_with(PASSWORD, &self.caches.get().to_string()).unwrap()
    }

    /// One more chunk, in a frame of its own.
    pub fn chunk(&mut self, plain: &[u8]) -> ListEntry {
        let id = self.ring.chunk_id(plain);
        self.frames.push(Frame::compressed(id, plain));
        ListEntry { id, length: u32::try_from(plain.len()).unwrap() }
    }

    /// A stream as it should be.
    pub fn stream(&mut self, plain: &[u8]) -> StreamRef {
        let chunks: Vec<ListEntry> = plain.chunks(1 << 20).map(|piece| self.chunk(piece)).collect();
        match chunks.as_slice() {
            [] => StreamRef::EMPTY,
            [only] => StreamRef { len: plain.len() as u64, depth: 0, root: Some(only.id) },
            _ => self.listed(&chunks, plain.len() as u64),
        }
    }

    /// The stream whose list these entries are, of whatever length it is said to have.
    pub fn listed(&mut self, chunks: &[ListEntry], len: u64) -> StreamRef {
        let list: Vec<u8> = chunks.iter().flat_map(|entry| list_entry(entry.id, entry.length)).collect();
        let list = self.stream(&list);
        StreamRef { len, depth: list.depth + 1, root: list.root }
    }

    /// A blob as it should be.
    pub fn blob(&mut self, plain: &[u8]) -> Digest {
        let recipe = Recipe::Plain(self.stream(plain));
        self.record(plain, recipe)
    }

    /// Says that `recipe` gives what has the digest of `plain`.
    pub fn record(&mut self, plain: &[u8], recipe: Recipe) -> Digest {
        let digest = digest(plain);
        self.blobs.push(BlobRecord { digest, size: plain.len() as u64, recipe });
        digest
    }

    /// Seals frames into a pack whose directory says so, and stores it.
    pub fn pack(&self, frames: &[Frame]) -> SegmentPack {
        let directory =
            |entries: &[FrameEntry]| encode(&Directory { frames: entries.to_vec(), blobs: Vec::new() });
        self.pack_with(&self.ring, frames, directory)
    }

    /// Seals frames into a pack with any directory, and stores it.
    pub fn pack_with(
        &self,
        ring: &KeyRing,
        frames: &[Frame],
        directory: impl Fn(&[FrameEntry]) -> Vec<u8>,
    ) -> SegmentPack {
        let (header, sealer) = ring.new_pack().unwrap();
        let mut bytes = header.to_bytes().to_vec();
        let mut entries = Vec::new();
        for frame in frames {
            let mut body = frame.body.clone();
            sealer.next_frame().unwrap().seal(&mut body).unwrap();
            let stored_len = u32::try_from(body.len()).unwrap();
            entries.push(FrameEntry { stored_len, chunks: frame.chunks.clone() });
            bytes.extend(body);
        }
        assert!(bytes.len() >= HEADER_BYTES);
        let tail = sealer.finish(&directory(&entries), bytes.len() as u64).unwrap();
        bytes.extend(tail);
        let size = bytes.len() as u64;
        let id = self.put_hashed(PackId::new, bytes);
        SegmentPack { id, size, header, frames: entries }
    }

    pub fn segment(&self, packs: Vec<SegmentPack>, blobs: Vec<BlobRecord>) -> SegmentId {
        self.segment_of(&encode(&Segment { packs, blobs }))
    }

    /// Seals any bytes as a segment.
    pub fn segment_of(&self, plain: &[u8]) -> SegmentId {
        self.put_hashed(SegmentId::new, self.ring.seal_shared(SharedKind::Segment, plain).unwrap())
    }

    /// Seals any bytes as a snapshot.
    pub fn snapshot_of(&self, plain: &[u8]) -> SnapshotId {
        self.put_hashed(SnapshotId::new, self.ring.seal_private(PrivateKind::Snapshot, plain).unwrap())
    }

    /// Names all that waits in a segment of its own.
    pub fn flush(&mut self) {
        let frames = std::mem::take(&mut self.frames);
        let packs = frames.chunks(4096).map(|frames| self.pack(frames)).collect();
        let blobs = std::mem::take(&mut self.blobs);
        self.segment(packs, blobs);
    }

    /// Stores a tree of these entries, and a snapshot of it, with all that waits.
    pub fn commit(&mut self, entries: &[Vec<u8>]) -> SnapshotId {
        let tree = self.stream(&entries.concat());
        let snapshot = snapshot(tree, entries.len() as u64);
        self.flush();
        self.snapshot_of(&encode(&snapshot))
    }
}

pub fn digest(plain: &[u8]) -> Digest {
    Digest::new(Sha256::digest(plain).into())
}

/// An entry of a list, whatever its length.
pub fn list_entry(id: ChunkId, length: u32) -> [u8; 36] {
    let mut bytes = [0; 36];
    bytes[..32].copy_from_slice(id.as_bytes());
    bytes[32..].copy_from_slice(&length.to_le_bytes());
    bytes
}

pub fn snapshot(tree: StreamRef, entries: u64) -> Snapshot {
    Snapshot {
        version: FORMAT_VERSION,
        time: Time::from_secs(1_700_000_000),
        host: HOST.to_owned(),
        tags: Vec::new(),
        metadata: None,
        images: Some(ImagesPart { tree, location: "/registry".to_owned(), entries, bytes: 0 }),
        dtr: None,
        complete: true,
        problems: Vec::new(),
        problem_count: 0,
        stats: Stats::default(),
        parent: None,
        program: "test".to_owned(),
        layers: None,
    }
}

/// The bytes of an entry: none of the rules of a tree is kept.
pub fn raw_entry(shared: u32, suffix: &[u8], meta: &Meta, kind: &Kind) -> Vec<u8> {
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(4)
        .unwrap()
        .u32(shared)
        .unwrap()
        .bytes(suffix)
        .unwrap()
        .encode(meta)
        .unwrap()
        .encode(kind)
        .unwrap();
    e.into_writer()
}

pub fn meta() -> Meta {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Meta { mode: 0o755, uid, gid, mtime: Time::from_secs(1_600_000_000), xattrs: Vec::new() }
}

/// An entry that shares nothing with the one before.
pub fn entry(path: &[u8], kind: &Kind) -> Vec<u8> {
    raw_entry(0, path, &meta(), kind)
}

pub fn bytes_of(entry: &Entry) -> Vec<u8> {
    raw_entry(0, &entry.path, &entry.meta, &entry.kind)
}

pub fn inline(content: &[u8]) -> Kind {
    file(content.len() as u64, Content::Inline(content.to_vec()))
}

pub fn blob_file(digest: Digest, size: u64) -> Kind {
    file(size, Content::Blob(digest))
}

fn file(size: u64, content: Content) -> Kind {
    Kind::File(File { size, content, identity: Identity::Unknown, sparse: false, mismatch: false })
}

pub fn symlink(target: &str) -> Kind {
    Kind::Symlink { target: target.as_bytes().to_vec() }
}

pub fn hardlink(target: &str) -> Kind {
    Kind::Hardlink { target: target.as_bytes().to_vec() }
}

/// Bytes that do not compress and do not repeat (xorshift64, Marsaglia 2003).
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(len)
    .collect()
}
