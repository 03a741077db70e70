//! Keys, and everything that is sealed with them.
//!
//! This room turns a password into secrets and secrets into sealed bytes; it knows the types
//! of `dtrvault-format` and nothing of stores, files or clocks. Where a salt or a key must be
//! random, the operating system is asked, and its refusal is an error.
//!
//! # Hierarchy
//! ```text
//! password ─Argon2id─▶ wrapping key ─opens─▶ slot
//!                                             ├─ shared secret, in both roles
//!                                             │   ├─▶ chunk ids, gear seed
//!                                             │   ├─▶ segments, leases, doomed packs   (salted per object)
//!                                             │   ├─▶ pack directories and trailers    (salted per pack)
//!                                             │   └─▶ HPKE pre-shared key
//!                                             ├─ public key, in both roles
//!                                             └─ secret key, full role only
//!                                                 └─▶ snapshots, pack keys ─▶ frames
//! ```
//! Arrows below the shared secret are BLAKE3's `derive_key`, each with a context string of
//! its own.
//!
//! # Two roles
//! A registry node that makes backups needs to name chunks, to find duplicates and to add;
//! it need not read. Its slot lacks the secret key, so whoever takes the node over reads
//! neither yesterday's layers nor yesterday's snapshots. Sealing to the public key is HPKE in
//! `mode_psk`: the pre-shared key, derived from the shared secret, proves that the sealer
//! held a key of the repository, which the public key, being public, would not.
//!
//! # No key and nonce twice
//! Every object has a key of its own: a random salt (shared objects, slots, directories), an
//! ephemeral key (HPKE), or a random key (frames). So nonces need not be random, and count or
//! are zero. How the API holds frames to it says [`PackSealer`].
//!
//! # Lengths
//! Sealed objects are padded before they are sealed: [`padded_len`].
//!
//! # Vectors
//! The feature `deterministic` adds `KeyRing::deterministic`, which draws everything random
//! from a seed, for the vectors of `format-spec/`. Without the feature there is no other
//! randomness than the system's in the crate; nothing that users run turns it on.

mod cipher;
mod error;
mod key;
mod pack;
mod padding;
mod password;
mod private;
mod random;
mod ring;
mod shared;
mod slot;
mod wrap;

pub use error::{Error, Result, Sealed};
pub use pack::{FrameSealer, PackOpener, PackSealer};
pub use padding::{CAP_BITS, FLOOR_BYTES, padded_len};
pub use password::{floor, tune};
pub use private::PrivateKind;
pub use ring::KeyRing;
pub use shared::SharedKind;
pub use slot::{SlotRequest, open_slot, seal_slot};
