//! Fills a repository with so many chunks, to see what a large index costs.
//!
//! The repository is a real one, made by `dtrvault init` and opened here with its password: packs, index segments, a
//! tree and a snapshot are written as the engine writes them, only that chunks are very short. A
//! pack has as many frames and chunks as one of full size, and holds one blob with the lists of its chunks. So
//! everything can be opened, checked to the last byte, and restored.
//!
//! Nothing is synced to the disk, and content comes from a seed: the same seed gives the same blobs.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use dtrvault_benches::Words;
use dtrvault_codec::{Compressor, ListEntry};
use dtrvault_crypto::{KeyRing, PrivateKind, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::FORMAT_VERSION;
use dtrvault_format::names::{KEYS, Named};
use dtrvault_format::{
    BlobRecord, ChunkEntry, Content, Digest, Directory, Entry, File, FrameEntry, Identity, ImagesPart,
    KeySlot, Kind, Meta, PackHeader, PackId, Recipe, Segment, SegmentId, SegmentPack, Snapshot, SnapshotId,
    Stats, StreamRef, Time, TreeEncoder,
};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str =
    "usage: DTRVAULT_PASSWORD=… make_repository REPOSITORY CHUNKS [CHUNKS-PER-SEGMENT [SEED]]";

/// Chunks of one pack, its blob's lists not counted: about as many as 64 MiB hold.
const PACK_CHUNKS: u64 = 4096;
/// Chunks of one frame: about as many as 1 MiB holds.
const FRAME_CHUNKS: usize = 64;
/// Shortest chunk, bytes, and how many more one may have.
const CHUNK_BYTES: (u64, u64) = (16, 32);
/// Entries of a chunk of a list: about 16 KiB.
const LIST_CHUNK_ENTRIES: usize = 455;
/// Chunks of one segment, unless it is said: what a writer gathers before a checkpoint.
const SEGMENT_CHUNKS: u64 = 100_000;

/// A pack that is being filled.
struct Pack<'a> {
    ring: &'a KeyRing,
    header: PackHeader,
    sealer: dtrvault_crypto::PackSealer,
    compressor: Compressor,
    bytes: Vec<u8>,
    directory: Directory,
    plain: Vec<u8>,
    chunks: Vec<ChunkEntry>,
}

impl<'a> Pack<'a> {
    fn begin(ring: &'a KeyRing) -> Result<Self> {
        let (header, sealer) = ring.new_pack()?;
        Ok(Self {
            ring,
            header,
            sealer,
            compressor: Compressor::new(1)?,
            bytes: header.to_bytes().to_vec(),
            directory: Directory::default(),
            plain: Vec::new(),
            chunks: Vec::new(),
        })
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<ListEntry> {
        let (id, len) = (self.ring.chunk_id(bytes), u32::try_from(bytes.len())?);
        self.plain.extend_from_slice(bytes);
        self.chunks.push(ChunkEntry { id, len });
        if self.chunks.len() == FRAME_CHUNKS {
            self.end_frame()?;
        }
        Ok(ListEntry { id, length: len })
    }

    fn end_frame(&mut self) -> Result<()> {
        if self.chunks.is_empty() {
            return Ok(());
        }
        let mut frame = self.compressor.compress(self.plain.as_slice().into())?;
        self.sealer.next_frame()?.seal(&mut frame)?;
        self.bytes.extend_from_slice(&frame);
        let chunks = std::mem::take(&mut self.chunks);
        self.directory.frames.push(FrameEntry { stored_len: u32::try_from(frame.len())?, chunks });
        self.plain.clear();
        Ok(())
    }

    /// Adds a stream whose chunks these are: its lists, until one chunk names all.
    fn stream(&mut self, mut entries: Vec<ListEntry>) -> Result<StreamRef> {
        let len = entries.iter().map(|entry| u64::from(entry.length)).sum();
        let mut depth = 0;
        while entries.len() > 1 {
            self.end_frame()?;
            let mut lists = Vec::new();
            for part in entries.chunks(LIST_CHUNK_ENTRIES) {
                let mut bytes = Vec::new();
                for entry in part {
                    bytes.extend_from_slice(&entry.encode()?);
                }
                lists.push(self.chunk(&bytes)?);
            }
            entries = lists;
            depth += 1;
        }
        Ok(StreamRef { len, depth, root: entries.first().map(|entry| entry.id) })
    }

    /// Writes the pack down.
    fn finish(mut self, root: &Path) -> Result<SegmentPack> {
        self.end_frame()?;
        self.directory.validate()?;
        let tail = self.sealer.finish(&self.directory.to_bytes(), self.bytes.len() as u64)?;
        self.bytes.extend_from_slice(&tail);
        let id = PackId::new(blake3::hash(&self.bytes).into());
        put(root, &id.key(), &self.bytes)?;
        let size = self.bytes.len() as u64;
        Ok(SegmentPack { id, size, header: self.header, frames: self.directory.frames })
    }
}

fn put(root: &Path, key: &str, bytes: &[u8]) -> Result<()> {
    let path = root.join(key);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, bytes)?)
}

/// One pack with one blob of `chunks` chunks.
fn write_pack(root: &Path, ring: &KeyRing, seed: u64, chunks: u64) -> Result<(SegmentPack, BlobRecord)> {
    let mut words = Words::new(seed);
    let mut pack = Pack::begin(ring)?;
    let mut hasher = Sha256::new();
    let mut list = Vec::new();
    let mut chunk = Vec::new();
    for _ in 0..chunks {
        let len = usize::try_from(CHUNK_BYTES.0 + words.word() % CHUNK_BYTES.1)?;
        chunk.clear();
        while chunk.len() < len {
            chunk.extend_from_slice(&words.word().to_le_bytes());
        }
        chunk.truncate(len);
        hasher.update(&chunk);
        list.push(pack.chunk(&chunk)?);
    }
    let stream = pack.stream(list)?;
    let digest: [u8; 32] = hasher.finalize().into();
    let blob = BlobRecord { digest: Digest::new(digest), size: stream.len, recipe: Recipe::Plain(stream) };
    pack.directory.blobs.push(blob.clone());
    Ok((pack.finish(root)?, blob))
}

fn write_segment(root: &Path, ring: &KeyRing, packs: Vec<SegmentPack>, blobs: Vec<BlobRecord>) -> Result<()> {
    let segment = Segment { packs, blobs };
    segment.validate()?;
    let sealed = ring.seal_shared(SharedKind::Segment, &segment.to_bytes())?;
    put(root, &SegmentId::new(blake3::hash(&sealed).into()).key(), &sealed)
}

/// The listing of a registry that holds the blobs, and the snapshot of it.
fn write_snapshot(root: &Path, ring: &KeyRing, mut blobs: Vec<(Digest, u64)>) -> Result<SnapshotId> {
    const ROOT: &str = "docker/registry/v2/blobs/sha256";
    let time = Time::from_secs(1_767_323_045);
    let meta = |mode| Meta { mode, mtime: time, ..Meta::default() };
    blobs.sort_unstable();
    let mut paths: Vec<(String, Option<(Digest, u64)>)> =
        ROOT.match_indices('/').map(|(end, _)| (ROOT[..end].to_owned(), None)).collect();
    paths.push((ROOT.to_owned(), None));
    for (digest, size) in blobs {
        let hex = digest.to_string();
        let folder = format!("{ROOT}/{}", &hex[..2]);
        if paths.last().is_none_or(|(path, _)| !path.starts_with(&folder)) {
            paths.push((folder.clone(), None));
        }
        paths.push((format!("{folder}/{hex}"), None));
        paths.push((format!("{folder}/{hex}/data"), Some((digest, size))));
    }
    let (mut tree, mut encoder) = (Vec::new(), TreeEncoder::default());
    let (mut entries, mut bytes) = (0, 0);
    for (path, blob) in paths {
        entries += 1;
        let (kind, mode) = match blob {
            None => (Kind::Dir, 0o755),
            Some((digest, size)) => {
                bytes += size;
                let (content, identity) = (Content::Blob(digest), Identity::Unknown);
                (Kind::File(File { size, content, identity, sparse: false, mismatch: false }), 0o644)
            }
        };
        tree.extend(encoder.encode(&Entry { path: path.into_bytes(), meta: meta(mode), kind })?);
    }
    let mut pack = Pack::begin(ring)?;
    let list = tree.chunks(16 << 10).map(|part| pack.chunk(part)).collect::<Result<Vec<_>>>()?;
    let tree = pack.stream(list)?;
    write_segment(root, ring, vec![pack.finish(root)?], Vec::new())?;
    let snapshot = Snapshot {
        version: FORMAT_VERSION,
        time,
        host: "synthetic".to_owned(),
        tags: Vec::new(),
        metadata: None,
        images: Some(ImagesPart { tree, location: "/synthetic".to_owned(), entries, bytes }),
        dtr: None,
        complete: true,
        problems: Vec::new(),
        problem_count: 0,
        stats: Stats::default(),
        parent: None,
        program: "make_repository".to_owned(),
        layers: None,
    };
    snapshot.validate()?;
    let sealed = ring.seal_private(PrivateKind::Snapshot, &snapshot.to_bytes())?;
    let id = SnapshotId::new(blake3::hash(&sealed).into());
    put(root, &id.key(), &sealed)?;
    Ok(id)
}

/// The keys of the repository, from the slot that the password opens.
fn open_ring(root: &Path, password: &[u8]) -> Result<KeyRing> {
    for slot in fs::read_dir(root.join(KEYS))? {
        let slot = KeySlot::from_bytes(&fs::read(slot?.path())?)?;
        if let Ok((ring, _)) = dtrvault_crypto::open_slot(&slot, password) {
            return Ok(ring);
        }
    }
    Err("the password opens no key slot".into())
}

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let root = PathBuf::from(args.next().ok_or(USAGE)?);
    let numbers: Vec<u64> = args.map(|arg| Ok(arg.to_str().ok_or(USAGE)?.parse()?)).collect::<Result<_>>()?;
    let (&chunks, rest) = numbers.split_first().ok_or(USAGE)?;
    let segment_chunks = rest.first().copied().unwrap_or(SEGMENT_CHUNKS);
    let seed = rest.get(1).copied().unwrap_or(1);
    let ring = open_ring(&root, std::env::var("DTRVAULT_PASSWORD")?.as_bytes())?;
    let packs = chunks.div_ceil(PACK_CHUNKS);
    let packs_per_segment = (segment_chunks / PACK_CHUNKS).max(1);
    let mut blobs = Vec::new();
    for first in (0..packs).step_by(usize::try_from(packs_per_segment)?) {
        let written = (first..packs.min(first + packs_per_segment))
            .into_par_iter()
            .map(|number| {
                let count = PACK_CHUNKS.min(chunks - number * PACK_CHUNKS);
                write_pack(&root, &ring, Words::new(seed ^ (number << 20)).word(), count)
            })
            .collect::<Result<Vec<_>>>()?;
        let (packs, records): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        blobs.extend(records.iter().map(|blob| (blob.digest, blob.size)));
        write_segment(&root, &ring, packs, records)?;
    }
    let id = write_snapshot(&root, &ring, blobs)?;
    println!("{chunks} chunks in {packs} packs, snapshot {id}");
    Ok(())
}
