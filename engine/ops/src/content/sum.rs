//! SHA-256 of a blob while it is read: of a long one on a thread of its own, for it takes as
//! long as all the rest.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Blobs from this length on get a thread, bytes.
const LONG_BYTES: u64 = 4 << 20;
/// Pieces that wait for it.
const WAITING: usize = 2;

/// A sum that is being taken.
pub(super) enum Sum {
    Here(Box<Sha256>),
    Beside { pieces: SyncSender<Bytes>, thread: JoinHandle<Sha256> },
}

impl Sum {
    /// For a blob of `size` bytes.
    pub(super) fn of(size: u64) -> Self {
        let here = || Self::Here(Box::default());
        if size < LONG_BYTES {
            return here();
        }
        let (pieces, waiting) = sync_channel::<Bytes>(WAITING);
        let thread = thread::Builder::new().name("sha256".to_owned()).spawn(move || {
            let mut hasher = Sha256::new();
            waiting.iter().for_each(|piece| hasher.update(piece));
            hasher
        });
        // Where there is no thread to be had it is slower.
        thread.map_or_else(|_| here(), |thread| Self::Beside { pieces, thread })
    }

    pub(super) fn add(&mut self, piece: &Bytes) {
        match self {
            Self::Here(hasher) => hasher.update(piece),
            // The other end is there until this one is gone, unless it panicked: then no sum comes.
            Self::Beside { pieces, .. } => drop(pieces.send(piece.clone())),
        }
    }

    /// The sum; all zeros, which no blob has, when it could not be taken.
    pub(super) fn finish(self) -> [u8; 32] {
        match self {
            Self::Here(hasher) => hasher.finalize().into(),
            Self::Beside { pieces, thread } => {
                drop(pieces);
                thread.join().map_or([0; 32], |hasher| hasher.finalize().into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn here_and_beside_agree() {
        let piece = Bytes::from_static(b"a piece of a blob, and another: ");
        let sum = |size| {
            let mut sum = Sum::of(size);
            (0..1000).for_each(|_| sum.add(&piece));
            sum.finish()
        };
        assert_eq!(sum(32_000), sum(LONG_BYTES));
        assert_eq!(sum(0), <[u8; 32]>::from(Sha256::digest(piece.repeat(1000))));
    }
}
