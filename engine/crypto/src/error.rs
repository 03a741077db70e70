//! What can go wrong when secrets are made, kept or used.

use std::fmt;

use dtrvault_format::FormatError;

/// The kinds of sealed bytes, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sealed {
    /// An index segment.
    Segment,
    /// A lease.
    Lease,
    /// A list of doomed packs.
    Doomed,
    /// A snapshot.
    Snapshot,
    /// The wrapped key in a pack's header.
    PackKey,
    /// One frame of a pack.
    Frame,
    /// The directory of a pack.
    Directory,
    /// The trailer of a pack.
    Trailer,
    /// The payload of a key slot.
    Slot,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Segment => "index segment",
            Self::Lease => "lease",
            Self::Doomed => "list of doomed packs",
            Self::Snapshot => "snapshot",
            Self::PackKey => "pack key",
            Self::Frame => "frame",
            Self::Directory => "pack directory",
            Self::Trailer => "pack trailer",
            Self::Slot => "key slot",
        })
    }
}

/// An operation on keys or sealed bytes that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system gave no random bytes. Nothing was sealed.
    #[error("no random bytes from the operating system")]
    Randomness(#[source] getrandom::Error),
    /// The library could not work, most likely for want of memory. Nothing was sealed or opened.
    #[error("the cipher cannot be used")]
    Cipher(#[source] openssl::error::ErrorStack),
    /// The operation reads what is stored, and this key may only add to it.
    #[error("this needs a full key; a write-only key cannot read what is stored")]
    NeedsFullKey,
    /// The tag does not fit: damaged, forged, of another kind, or of another repository.
    #[error("{what} does not open: it is damaged, or sealed with another key")]
    Unauthentic {
        /// What was to be opened.
        what: Sealed,
    },
    /// Too few bytes to be such an object at all.
    #[error("{what} is cut short: {found_bytes} bytes, the least is {least_bytes}")]
    TooShort {
        /// What was to be opened.
        what: Sealed,
        /// Bytes there are.
        found_bytes: usize,
        /// Bytes that the shortest such object has.
        least_bytes: usize,
    },
    /// Opened, but what is inside was not padded as the format says: a faulty writer.
    #[error("{what} opens, but its padding is malformed")]
    Padding {
        /// What was opened.
        what: Sealed,
    },
    /// More bytes than the cipher can seal under one nonce (256 GiB).
    #[error("{what} is too long to be sealed")]
    TooLong {
        /// What was to be sealed.
        what: Sealed,
    },
    /// The pack has all the frames it may have.
    #[error("the pack is full: it has {limit} frames")]
    PackFull {
        /// Most frames of a pack.
        limit: usize,
    },
    /// A public key that no secret key has, such as a point of small order.
    #[error("the repository's public key is invalid")]
    PublicKey,
    /// The library that wraps keys did not take its ephemeral key as it should.
    #[error("the ephemeral key was not drawn as expected")]
    EphemeralKey,
    /// An empty password protects nothing.
    #[error("the password is empty")]
    EmptyPassword,
    /// The slot does not open: the password is another, or the slot was altered. The two
    /// cannot be told apart.
    #[error("wrong password, or the key slot was altered")]
    WrongPassword,
    /// The slot opens, but what is inside cannot be: a faulty writer.
    #[error("the key slot opens, but its payload is malformed: {detail}")]
    SlotPayload {
        /// What is wrong.
        detail: &'static str,
    },
    /// Argon2id could not run, for want of memory as a rule.
    #[error("cannot derive a key from the password")]
    Argon2(#[source] argon2::Error),
    /// A plain field is out of its bounds.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// What the operations of this crate return.
pub type Result<T> = std::result::Result<T, Error>;
