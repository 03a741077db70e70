//! The secrets of a repository in memory, and everything derived from them.

use std::sync::Arc;

use dtrvault_format::{ChunkId, Role, RowId};

use crate::error::{Error, Result};
use crate::key::Key;
use crate::random::Randomness;
use crate::wrap::{key_pair, public_of};

/// Context strings of BLAKE3's `derive_key`: one purpose each, never to be used for another.
pub(crate) mod context {
    pub(crate) const CHUNK_ID: &str = "dtrvault v1 2026 chunk id";
    pub(crate) const GEAR_SEED: &str = "dtrvault v1 2026 gear seed";
    pub(crate) const DIRECTORY: &str = "dtrvault v1 2026 pack directory";
    pub(crate) const SEGMENT: &str = "dtrvault v1 2026 index segment";
    pub(crate) const LEASE: &str = "dtrvault v1 2026 lease";
    pub(crate) const DOOMED: &str = "dtrvault v1 2026 doomed packs";
    pub(crate) const ROW_ID: &str = "dtrvault v1 2026 local row id";
    pub(crate) const ROW_MAP: &str = "dtrvault v1 2026 local row map";
    pub(crate) const PSK: &str = "dtrvault v1 2026 hpke psk";
}

/// The secrets that one password opens. Cloning shares them; they are overwritten when the
/// last clone goes. Has no `Debug`, so that no log can show it.
///
/// Both [`Role`]s hold the shared secret and the public key; only [`Role::Full`] holds the
/// secret key, without which packs and snapshots stay closed.
#[derive(Clone)]
pub struct KeyRing {
    secrets: Arc<Secrets>,
    pub(crate) randomness: Arc<Randomness>,
}

pub(crate) struct Secrets {
    pub(crate) shared: Key,
    pub(crate) public: [u8; 32],
    pub(crate) secret: Option<Key>,
    pub(crate) psk: Key,
    pub(crate) directory: Key,
    pub(crate) segment: Key,
    pub(crate) lease: Key,
    pub(crate) doomed: Key,
    chunk_id: Key,
    gear_seed: Key,
    row_id: Key,
    row_map: Key,
}

impl KeyRing {
    /// The secrets of a new repository, with the full role.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self> {
        Self::generated_from(Randomness::System)
    }

    /// Secrets, salts and ephemeral keys that all follow from `seed`, for the vectors of the
    /// format and nothing else: two rings of one seed seal different things under the same
    /// keys and nonces.
    ///
    /// # Errors
    /// None; like [`KeyRing::generate`].
    #[cfg(any(test, feature = "deterministic"))]
    pub fn deterministic(seed: &[u8; 32]) -> Result<Self> {
        Self::generated_from(Randomness::seeded(seed))
    }

    /// This ring, with salts and ephemeral keys that follow from `seed` from here on. For
    /// vectors alone, like [`KeyRing::deterministic`].
    #[cfg(any(test, feature = "deterministic"))]
    #[must_use]
    pub fn reseeded(&self, seed: &[u8; 32]) -> Self {
        Self { secrets: Arc::clone(&self.secrets), randomness: Arc::new(Randomness::seeded(seed)) }
    }

    fn generated_from(randomness: Randomness) -> Result<Self> {
        let shared = randomness.key()?;
        let (secret, public) = key_pair(&randomness.key()?);
        Ok(Self {
            secrets: Arc::new(Secrets::new(shared, public, Some(secret))),
            randomness: Arc::new(randomness),
        })
    }

    /// The ring of these secrets, as a slot holds them.
    pub(crate) fn from_secrets(shared: Key, public: [u8; 32], secret: Option<Key>) -> Result<Self> {
        if let Some(secret) = &secret
            && public_of(secret)? != public
        {
            return Err(Error::PublicKey);
        }
        Ok(Self {
            secrets: Arc::new(Secrets::new(shared, public, secret)),
            randomness: Arc::new(Randomness::System),
        })
    }

    /// What the holder may do.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.secrets.secret {
            Some(_) => Role::Full,
            None => Role::Write,
        }
    }

    /// This ring without the secret key: it can add and find duplicates, and not read.
    #[must_use]
    pub fn to_write_only(&self) -> Self {
        let Secrets { shared, public, .. } = &*self.secrets;
        Self {
            secrets: Arc::new(Secrets::new(Key::copied(shared.bytes()), *public, None)),
            randomness: Arc::clone(&self.randomness),
        }
    }

    /// The name of a chunk: BLAKE3 of `plain`, keyed with a secret of this repository, so
    /// that nobody else can tell from ids whether it holds some known content.
    #[must_use]
    pub fn chunk_id(&self, plain: &[u8]) -> ChunkId {
        let hash = blake3::keyed_hash(self.secrets.chunk_id.bytes(), plain);
        ChunkId::new(*hash.as_bytes())
    }

    /// The name of a row in this machine's cache: 128 bits of a keyed BLAKE3, so that it tells
    /// nobody else what the row is. Whoever lacks the key finds no two rows of one name.
    #[must_use]
    pub fn row_id(&self, row: &[u8]) -> RowId {
        RowId::new(first_half(blake3::keyed_hash(self.secrets.row_id.bytes(), row)))
    }

    /// Authenticates a page of this machine's map of rows: the file that it belongs to, its
    /// number there, and its bytes.
    #[must_use]
    pub fn row_map_tag(&self, file: &[u8; 16], page: u64, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(self.secrets.row_map.bytes());
        hasher.update(file).update(&page.to_le_bytes()).update(bytes);
        first_half(hasher.finalize())
    }

    /// Seed of the chunker's gear table: the first eight bytes of a derived secret, big-endian.
    #[must_use]
    pub fn gear_seed(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.secrets.gear_seed.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The secret key, of which a write-only ring has none.
    pub(crate) fn secret_key(&self) -> Result<&Key> {
        self.secrets.secret.as_ref().ok_or(Error::NeedsFullKey)
    }
}

fn first_half(hash: blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    half
}

impl Secrets {
    fn new(shared: Key, public: [u8; 32], secret: Option<Key>) -> Self {
        Self {
            psk: shared.derive(context::PSK),
            directory: shared.derive(context::DIRECTORY),
            segment: shared.derive(context::SEGMENT),
            lease: shared.derive(context::LEASE),
            doomed: shared.derive(context::DOOMED),
            chunk_id: shared.derive(context::CHUNK_ID),
            gear_seed: shared.derive(context::GEAR_SEED),
            row_id: shared.derive(context::ROW_ID),
            row_map: shared.derive(context::ROW_MAP),
            shared,
            public,
            secret,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn both_roles_find_the_same_duplicates() {
        let full = KeyRing::generate().unwrap();
        let write = full.to_write_only();
        assert_eq!((full.role(), write.role()), (Role::Full, Role::Write));
        assert_eq!(full.chunk_id(b"layer"), write.chunk_id(b"layer"));
        assert_eq!(full.gear_seed(), write.gear_seed());
        assert_eq!(full.row_id(b"row"), write.row_id(b"row"));
        assert_eq!(full.row_map_tag(&[1; 16], 2, b"page"), write.row_map_tag(&[1; 16], 2, b"page"));
        assert_ne!(full.row_map_tag(&[1; 16], 2, b"page"), full.row_map_tag(&[1; 16], 3, b"page"));
        assert_ne!(full.chunk_id(b"layer"), full.chunk_id(b"Layer"));
        assert!(matches!(write.secret_key(), Err(Error::NeedsFullKey)));
    }

    #[test]
    fn repositories_share_nothing() {
        let (one, two) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
        assert_ne!(one.chunk_id(b"layer"), two.chunk_id(b"layer"));
        assert_ne!(one.gear_seed(), two.gear_seed());
        assert_ne!(one.secrets().public, two.secrets().public);
        assert_ne!(one.chunk_id(b""), ChunkId::new(*blake3::hash(b"").as_bytes()));
    }

    #[test]
    fn every_purpose_has_its_own_secret() {
        let ring = KeyRing::deterministic(&[9; 32]).unwrap();
        let s = ring.secrets();
        let shared = [&s.shared, &s.psk, &s.directory, &s.segment, &s.lease, &s.doomed];
        let keys = [&shared[..], &[&s.chunk_id, &s.gear_seed, &s.row_id, &s.row_map]].concat();
        for (i, key) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|other| other.bytes() != key.bytes()));
        }
    }

    #[test]
    fn a_seed_decides_every_byte_of_a_vector() {
        let vector = |ring: &KeyRing| {
            let (header, sealer) = ring.new_pack().unwrap();
            let mut frame = b"frame".to_vec();
            sealer.next_frame().unwrap().seal(&mut frame).unwrap();
            let tail = sealer.finish(b"directory", 136).unwrap();
            let lease = ring.seal_shared(crate::SharedKind::Lease, b"lease").unwrap();
            let snapshot = ring.seal_private(crate::PrivateKind::Snapshot, b"snapshot").unwrap();
            [&header.to_bytes()[..], &frame, &tail, &lease, &snapshot].concat()
        };
        let ring = |seed| KeyRing::deterministic(&[seed; 32]).unwrap();
        assert_eq!(vector(&ring(1)), vector(&ring(1)));
        assert_ne!(vector(&ring(1)), vector(&ring(2)));
        let one = KeyRing::generate().unwrap();
        assert_ne!(vector(&one), vector(&one));
        assert_eq!(vector(&one.reseeded(&[1; 32])), vector(&one.reseeded(&[1; 32])));
    }

    #[test]
    fn halves_that_do_not_belong_together_are_refused() {
        let (one, two) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
        let (one, two) = (one.secrets(), two.secrets());
        let secret = one.secret.as_ref().unwrap();
        assert!(matches!(
            KeyRing::from_secrets(
                Key::copied(one.shared.bytes()),
                two.public,
                Some(Key::copied(secret.bytes()))
            ),
            Err(Error::PublicKey)
        ));
    }
}
