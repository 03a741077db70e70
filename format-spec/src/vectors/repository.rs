//! The repository that all vectors are of.

use dtrvault_crypto::KeyRing;
use dtrvault_format::cbor::Object;
use dtrvault_format::{ChunkerParams, Config, RepoId, StreamRef, Time};

use crate::Result;

/// Everything random in the vectors follows from these 32 bytes: 0 to 31.
pub const SEED: [u8; 32] = {
    let mut seed = [0; 32];
    let mut at = 0;
    while at < 32 {
        seed[at] = at as u8;
        at += 1;
    }
    seed
};

/// Context under which seeds become random bytes.
const DRAWS: &str = "dtrvault v1 2026 format vectors";

/// The endless stream of bytes that stands for the system's randomness.
pub(super) struct Draws(blake3::OutputReader);

impl Draws {
    pub(super) fn of(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(DRAWS);
        hasher.update(seed);
        Self(hasher.finalize_xof())
    }

    pub(super) fn next(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// The shared secret, and what the key pair is made of.
pub(super) fn secrets() -> ([u8; 32], [u8; 32]) {
    let mut draws = Draws::of(&SEED);
    (draws.next(), draws.next())
}

/// One of the secrets derived from the shared one.
pub(super) fn derived(context: &str) -> [u8; 32] {
    blake3::derive_key(context, &secrets().0)
}

/// The ring of the repository, whose draws from here on follow from `name` alone.
pub(super) fn ring(name: &str) -> Result<KeyRing> {
    Ok(KeyRing::deterministic(&SEED)?.reseeded(&draw_seed(name)))
}

/// Seed of the draws for the file of this name.
pub(super) fn draw_seed(name: &str) -> [u8; 32] {
    blake3::hash(name.as_bytes()).into()
}

/// Its config.
pub(super) fn config() -> Config {
    Config::new(RepoId::new(*b"dtrvault vectors"), ChunkerParams::default())
}

/// BLAKE3 of its config.
pub(super) fn config_hash() -> [u8; 32] {
    blake3::hash(&config().to_bytes()).into()
}

/// An instant in 2026, with nanoseconds.
pub(super) const TIME: Time = Time { secs: 1_767_323_045, nanos: 678_900_000 };

/// A reference to a stream of one chunk that holds `plain`.
pub(super) fn one_chunk(ring: &KeyRing, plain: &[u8]) -> StreamRef {
    StreamRef { len: plain.len() as u64, depth: 0, root: Some(ring.chunk_id(plain)) }
}
