//! Storing a tar by the *Tar* recipe, and proving on the way that it comes back.
//!
//! What the splitter gives is followed as a reader will follow it: literals and payload in
//! the order in which they will be joined. The bytes so made are hashed, and compared with
//! the hash of what went in.

use dtrvault_codec::SplitSink;
use dtrvault_format::Recipe;
use dtrvault_repo::RepoError;
use dtrvault_repo::write::{Class, Session, StreamWriter};
use sha2::{Digest as _, Sha256};

/// Takes a splitter's streams, stores them, and joins them again.
pub(crate) struct ProvenTar {
    skeleton: StreamWriter,
    payload: StreamWriter,
    joiner: Joiner,
}

impl ProvenTar {
    pub(crate) fn new(session: &Session) -> Self {
        Self {
            skeleton: session.stream(Class::Fine),
            payload: session.stream(Class::Fine),
            joiner: Joiner::default(),
        }
    }

    /// The recipe, when it was proven to give back what has this SHA-256; `None` when not.
    pub(crate) fn finish(self, sha256: [u8; 32]) -> Result<Option<Recipe>, RepoError> {
        let skeleton = self.skeleton.finish()?;
        let payload = self.payload.finish()?;
        Ok((self.joiner.finish() == Some(sha256)).then_some(Recipe::Tar { skeleton, payload }))
    }
}

impl SplitSink for ProvenTar {
    type Error = RepoError;

    fn skeleton(&mut self, bytes: &[u8]) -> Result<(), RepoError> {
        self.joiner.skeleton(bytes);
        self.skeleton.write(bytes)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), RepoError> {
        self.joiner.payload(bytes);
        self.payload.write(bytes)
    }
}

/// Follows a skeleton as it is written: a record's payload stands before its length, which is
/// then held against it.
#[derive(Default)]
struct Joiner {
    hasher: Sha256,
    state: State,
    /// Payload since the last literal.
    run: u64,
    broken: bool,
}

/// What the next byte of the skeleton is.
#[derive(Default)]
enum State {
    /// Part of a literal's length: the value so far, and its bits.
    #[default]
    Start,
    LiteralLength(u64, u32),
    /// Part of a literal, of which so many bytes are left.
    Literal(u64),
    /// Part of a payload run's length.
    RunLength(u64, u32),
}

impl Joiner {
    fn payload(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.run += bytes.len() as u64;
        // Payload may only follow a literal that is whole.
        self.broken |= !matches!(self.state, State::RunLength(0, 0));
    }

    fn skeleton(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Start => self.state = State::LiteralLength(0, 0),
                State::LiteralLength(value, bits) => {
                    self.state = match self.varint(byte, value, bits) {
                        Err(more) => State::LiteralLength(more, bits + 7),
                        Ok(0) => State::RunLength(0, 0),
                        Ok(length) => State::Literal(length),
                    };
                    bytes = rest;
                }
                State::Literal(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (literal, rest) = bytes.split_at(count);
                    self.hasher.update(literal);
                    self.state = match left - count as u64 {
                        0 => State::RunLength(0, 0),
                        left => State::Literal(left),
                    };
                    bytes = rest;
                }
                State::RunLength(value, bits) => {
                    match self.varint(byte, value, bits) {
                        Err(more) => self.state = State::RunLength(more, bits + 7),
                        Ok(length) => {
                            self.broken |= length != self.run;
                            self.run = 0;
                            self.state = State::Start;
                        }
                    }
                    bytes = rest;
                }
            }
        }
    }

    /// One more byte of a LEB128 number: the number when it is whole, else what it is so far.
    fn varint(&mut self, byte: u8, value: u64, bits: u32) -> Result<u64, u64> {
        let value = match u64::from(byte & 0x7f).checked_shl(bits) {
            Some(part) => value | part,
            None => {
                self.broken = true;
                value
            }
        };
        if byte & 0x80 == 0 { Ok(value) } else { Err(value) }
    }

    /// SHA-256 of what a reader will make; `None` when the skeleton does not hold together.
    fn finish(self) -> Option<[u8; 32]> {
        let whole = matches!(self.state, State::Start) && !self.broken && self.run == 0;
        whole.then(|| self.hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
        Some(Sha256::digest(bytes).into())
    }

    #[test]
    fn a_skeleton_in_any_pieces_is_followed() {
        let mut joiner = Joiner::default();
        for byte in [2, b'a', b'b'] {
            joiner.skeleton(&[byte]);
        }
        joiner.payload(b"xy");
        joiner.skeleton(&[2, 0]);
        joiner.payload(b"z");
        joiner.skeleton(&[1, 1, b'c', 0]);
        assert_eq!(joiner.finish(), sha256(b"abxyzc"));
    }

    #[test]
    fn what_does_not_hold_together_is_not_proven() {
        let mut wrong_run = Joiner::default();
        wrong_run.skeleton(&[1, b'a']);
        wrong_run.payload(b"xy");
        wrong_run.skeleton(&[3]);
        assert_eq!(wrong_run.finish(), None);

        let mut early = Joiner::default();
        early.skeleton(&[2, b'a']);
        early.payload(b"x");
        early.skeleton(&[b'b', 1]);
        assert_eq!(early.finish(), None);

        let mut cut = Joiner::default();
        cut.skeleton(&[2, b'a']);
        assert_eq!(cut.finish(), None);
    }
}
