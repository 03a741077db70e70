//! Repository format v1: the bytes of every object of a repository, as types.
//!
//! This room turns bytes into types and back and does nothing else: no I/O, no clock, no
//! keys. Each object of `format-spec/` has a file of its own here, named alike. Structured
//! objects are deterministic CBOR (RFC 8949 §4.2.1): there is one encoding of every value,
//! and a decoder refuses any other ([`cbor::decode`]).
//!
//! A decoder never trusts a count, a length or a name: the bounds stand in [`limits`].

pub mod cbor;
pub mod config;
pub mod doomed;
pub mod error;
pub mod ids;
pub mod lease;
pub mod limits;
pub mod names;
pub mod pack;
pub mod recipe;
pub mod segment;
pub mod slot;
pub mod snapshot;
pub mod stream;
pub mod time;
pub mod tree;

pub use config::{ChunkSizes, ChunkerParams, Config};
pub use doomed::Doomed;
pub use error::FormatError;
pub use ids::{ChunkId, Digest, DoomedId, LeaseId, PackId, RepoId, RowId, SegmentId, SlotId, SnapshotId};
pub use lease::Lease;
pub use pack::{BlobRecord, ChunkEntry, Directory, FrameEntry, PackHeader};
pub use recipe::{Recipe, Replay};
pub use segment::{Segment, SegmentPack};
pub use slot::{Argon2Params, KeySlot, Role, SlotHead};
pub use snapshot::{
    DeepLayers, DtrIdentity, ImagesPart, LayersPart, MetadataForm, MetadataPart, OpaqueLayers, Problem,
    ProblemKind, Snapshot, Stats,
};
pub use stream::StreamRef;
pub use time::Time;
pub use tree::{Content, Entry, File, Identity, Kind, Meta, TreeDecoder, TreeEncoder};
