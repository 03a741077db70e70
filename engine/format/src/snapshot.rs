//! Snapshots: what was taken, when, of what, and how complete it is.

mod layers;

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::{Object, at_most, known_version};
use crate::ids::{Digest, SnapshotId};
use crate::limits::{MAX_PATH_BYTES, MAX_PROBLEMS, MAX_PROBLEMS_BYTES, MAX_TAGS, MAX_TEXT_BYTES};
use crate::stream::StreamRef;
use crate::time::Time;

pub use self::layers::{DeepLayers, LayersPart, OpaqueLayers};

/// A snapshot, sealed to the repository's public key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Snapshot {
    /// Version of the format.
    #[n(0)]
    pub version: u32,
    /// When it was begun.
    #[n(1)]
    pub time: Time,
    /// Where it was taken.
    #[n(2)]
    pub host: String,
    /// Words of the operator to find it by, sorted, each once.
    #[n(3)]
    pub tags: Vec<String>,
    /// The metadata stream.
    #[n(4)]
    pub metadata: Option<MetadataPart>,
    /// The image content.
    #[n(5)]
    pub images: Option<ImagesPart>,
    /// The DTR it is of, when it is of one.
    #[n(6)]
    pub dtr: Option<DtrIdentity>,
    /// Nothing that should be in it is missing.
    #[n(7)]
    pub complete: bool,
    /// What could not be taken as it was; the first [`MAX_PROBLEMS`].
    #[n(8)]
    pub problems: Vec<Problem>,
    /// How many problems there were in all.
    #[n(9)]
    pub problem_count: u64,
    /// What taking it came to.
    #[n(10)]
    pub stats: Stats,
    /// The snapshot whose unchanged files were taken over unread.
    #[n(11)]
    pub parent: Option<SnapshotId>,
    /// Name and version of the program that wrote it.
    #[n(12)]
    pub program: String,
    /// What became of the layers that were read, where the images part was taken and the writer kept it.
    #[n(13)]
    pub layers: Option<LayersPart>,
}

/// The metadata stream of a registry: a blob, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct MetadataPart {
    /// SHA-256 of the stream.
    #[n(0)]
    pub digest: Digest,
    /// Its length, bytes.
    #[n(1)]
    pub size: u64,
    /// What it looks like.
    #[n(2)]
    pub form: MetadataForm,
    /// First component of the first member's name, in a tar: `dtr-backup-v2.9.4-online`.
    #[n(3)]
    pub root: Option<String>,
    /// Members, in a tar.
    #[n(4)]
    pub members: u64,
    /// Where it came from: a file's name, or `-`.
    #[n(5)]
    pub name: String,
    /// It was cut, and taken all the same because the operator said so.
    #[n(6)]
    pub truncated: bool,
    /// What the program that gave it wrote to standard error, when that was kept.
    #[n(7)]
    pub log: Option<StreamRef>,
}

/// What a metadata stream looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum MetadataForm {
    /// A tar.
    #[n(0)]
    Tar,
    /// Gzip; kept as it is.
    #[n(1)]
    Gzip,
    /// Zstd; kept as it is.
    #[n(2)]
    Zstd,
    /// Anything else; kept as it is.
    #[n(3)]
    Other,
}

/// The image content of a registry: a tree of files.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct ImagesPart {
    /// The listing: entries of [`crate::tree`], one after the other.
    #[n(0)]
    pub tree: StreamRef,
    /// Where it was read: a path or URL, without secrets.
    #[n(1)]
    pub location: String,
    /// Entries of the listing.
    #[n(2)]
    pub entries: u64,
    /// Lengths of its files added up.
    #[n(3)]
    pub bytes: u64,
}

/// Which DTR a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct DtrIdentity {
    /// Version of DTR, as its label or its tar says.
    #[n(0)]
    pub version: String,
    /// Id of the replica, when known.
    #[n(1)]
    pub replica: Option<String>,
    /// Id of the UCP or MKE cluster, when known.
    #[n(2)]
    pub cluster: Option<String>,
    /// Reference of the replica's image, when known: `mirantis/dtr:2.9.4`.
    #[n(3)]
    pub image: Option<String>,
    /// Kind of the storage behind the registry, when known: `volume`, `nfs`, `s3`.
    #[n(4)]
    pub storage: Option<String>,
    /// Its registry was made read-only while the metadata was read, which therefore says so.
    #[cbor(n(5), skip_if = "std::ops::Not::not")]
    pub frozen: bool,
}

impl DtrIdentity {
    /// All of its texts that are there.
    fn texts(&self) -> impl Iterator<Item = &String> {
        let optional = [&self.replica, &self.cluster, &self.image, &self.storage];
        std::iter::once(&self.version).chain(optional.into_iter().flatten())
    }
}

/// Something that could not be taken as it was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Problem {
    /// Path within the part; for metadata the stream's name.
    #[cbor(n(0), with = "minicbor::bytes")]
    #[serde(serialize_with = "crate::tree::path_as_text")]
    pub path: Vec<u8>,
    /// What was wrong.
    #[n(1)]
    pub kind: ProblemKind,
    /// For people.
    #[n(2)]
    pub detail: String,
}

/// Kinds of problems. Those that [`ProblemKind::leaves_incomplete`] mark the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Could not be read; not in the snapshot.
    #[n(0)]
    Unreadable,
    /// Was there when the folder was listed, and gone when it was to be read.
    #[n(1)]
    Vanished,
    /// Changed while it was read; what was read is in the snapshot.
    #[n(2)]
    Changed,
    /// A link file that stayed empty or torn; stored as it was.
    #[n(3)]
    TornLink,
    /// A blob whose bytes do not have the digest in its path, or that metadata gives for its id; stored as it was.
    #[n(4)]
    DigestMismatch,
    /// A digest that a tag or manifest names, but no blob of the snapshot has.
    #[n(5)]
    MissingBlob,
    /// The metadata stream ended in the middle of a member.
    #[n(6)]
    Truncated,
    /// A name that cannot be kept.
    #[n(7)]
    BadName,
}

impl ProblemKind {
    /// Whether a snapshot with such a problem lacks something that should be in it.
    ///
    /// A blob with a wrong digest is as wrong in the registry: the snapshot holds what is there. What needs
    /// the right one lacks it, which is a problem of its own.
    #[must_use]
    pub const fn leaves_incomplete(self) -> bool {
        !matches!(self, Self::DigestMismatch)
    }
}

/// What taking a snapshot came to. Names end in their unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Stats {
    /// Regular files, hard links counted once each.
    #[n(0)]
    pub files: u64,
    /// Folders.
    #[n(1)]
    pub dirs: u64,
    /// Everything else.
    #[n(2)]
    pub others: u64,
    /// Lengths of all content, metadata included.
    #[n(3)]
    pub seen_bytes: u64,
    /// What was read; the rest was known.
    #[n(4)]
    pub read_bytes: u64,
    /// Plain bytes of the chunks that were new.
    #[n(5)]
    pub new_bytes: u64,
    /// Chunks that were new.
    #[n(6)]
    pub new_chunks: u64,
    /// Bytes written to the store: packs and index segments.
    #[n(7)]
    pub written_bytes: u64,
    /// How long it took.
    #[n(8)]
    pub duration_ms: u64,
}

impl Object for Snapshot {
    const WHAT: &'static str = "snapshot";
    const VERSION_KEY: Option<u32> = Some(0);

    fn validate(&self) -> Result<(), FormatError> {
        known_version(Self::WHAT, self.version)?;
        at_most(Self::WHAT, "tags", self.tags.len(), MAX_TAGS)?;
        at_most(Self::WHAT, "problems", self.problems.len(), MAX_PROBLEMS)?;
        let images = self.images.iter().map(|part| &part.location);
        let metadata = self.metadata.iter().flat_map(|part| [Some(&part.name), part.root.as_ref()]);
        let dtr = self.dtr.iter().flat_map(DtrIdentity::texts);
        let texts = [&self.host, &self.program].into_iter().chain(&self.tags).chain(images);
        for text in texts.chain(metadata.flatten()).chain(dtr) {
            at_most(Self::WHAT, "text", text.len(), MAX_TEXT_BYTES)?;
        }
        for problem in &self.problems {
            at_most(Self::WHAT, "problem's path", problem.path.len(), MAX_PATH_BYTES)?;
        }
        let problems = self.problems.iter().map(|problem| problem.path.len() + problem.detail.len()).sum();
        at_most(Self::WHAT, "problems' text", problems, MAX_PROBLEMS_BYTES)?;
        let invalid = |detail| Err(FormatError::Invalid { what: Self::WHAT, detail });
        if !self.time.is_valid() {
            return invalid("impossible time");
        }
        if !self.tags.is_sorted_by(|a, b| a < b) {
            return invalid("tags not sorted");
        }
        if self.metadata.is_none() && self.images.is_none() {
            return invalid("no part");
        }
        let log = self.metadata.iter().filter_map(|part| part.log.as_ref());
        let trees = self.images.iter().map(|part| &part.tree);
        log.chain(trees).try_for_each(StreamRef::validate)?;
        self.layers.iter().try_for_each(LayersPart::validate)
    }
}
