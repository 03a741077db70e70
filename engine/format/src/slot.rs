//! Key slots: one password's way to the secrets of a repository.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::{Object, at_most, known_version};
use crate::ids::RepoId;
use crate::limits::MAX_LABEL_BYTES;
use crate::time::Time;

/// Most memory that a slot may ask Argon2 for, KiB: a hostile slot must not exhaust a machine.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 4 * 1024 * 1024;
/// Most passes that a slot may ask Argon2 for.
pub const MAX_ARGON2_PASSES: u32 = 64;
/// Most lanes that a slot may ask Argon2 for.
pub const MAX_ARGON2_LANES: u32 = 64;
/// Least memory, KiB (OWASP's minimum for Argon2id).
pub const MIN_ARGON2_MEMORY_KIB: u32 = 19 * 1024;
/// Least passes.
pub const MIN_ARGON2_PASSES: u32 = 2;
/// Longest wrapped payload, bytes.
pub const MAX_WRAPPED_BYTES: usize = 1024;

/// What the holder of a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    #[n(0)]
    Full,
    /// Adds snapshots and finds duplicates; cannot read what is stored.
    #[n(1)]
    Write,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Write => "write",
        })
    }
}

/// Cost of Argon2id (RFC 9106), version 0x13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Argon2Params {
    /// Memory, KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
}

/// The plain fields of a slot. Their encoding is associated data of the wrapping, so none of
/// them can be changed without the password.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct SlotHead {
    /// Version of the format.
    #[n(0)]
    pub version: u32,
    /// Whose slot this is.
    #[n(1)]
    pub repo: RepoId,
    /// What the key may do.
    #[n(2)]
    pub role: Role,
    /// Cost of trying one password.
    #[n(3)]
    pub argon2: Argon2Params,
    /// Random, never used again.
    #[n(4)]
    #[serde(skip)]
    pub salt: ByteArray<32>,
    /// For people: whose key this is. May be empty.
    #[n(5)]
    pub label: String,
    /// When it was made.
    #[n(6)]
    pub created: Time,
}

/// A key slot as stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeySlot {
    /// Plain fields.
    #[n(0)]
    pub head: SlotHead,
    /// The secrets, sealed under what Argon2id makes of the password.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
}

impl Object for KeySlot {
    const WHAT: &'static str = "key slot";

    fn validate(&self) -> Result<(), FormatError> {
        known_version(Self::WHAT, self.head.version)?;
        at_most(Self::WHAT, "label", self.head.label.len(), MAX_LABEL_BYTES)?;
        at_most(Self::WHAT, "wrapped", self.wrapped.len(), MAX_WRAPPED_BYTES)?;
        let Argon2Params { memory_kib, passes, lanes } = self.head.argon2;
        let within = (MIN_ARGON2_MEMORY_KIB..=MAX_ARGON2_MEMORY_KIB).contains(&memory_kib)
            && (MIN_ARGON2_PASSES..=MAX_ARGON2_PASSES).contains(&passes)
            && (1..=MAX_ARGON2_LANES).contains(&lanes);
        if within && self.head.created.is_valid() {
            Ok(())
        } else {
            Err(FormatError::Invalid { what: Self::WHAT, detail: "parameters out of bounds" })
        }
    }
}
