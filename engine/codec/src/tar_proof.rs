//! Proof that a split tar can be joined again, while it is being split.
//!
//! Records are followed as they come: a literal stands in front of its payload, the length of the
//! payload behind it. What they give is hashed, and so is what went in. Of a deflated run its stream is hashed, which
//! was held against what zlib makes.

use crate::deflated::{Deflated, DeflatedRun, RunReader};
use crate::error::CodecError;
use crate::leb128;
use crate::tar_skeleton::SplitSink;

/// Follows the skeleton and the payload on their way to a sink.
#[derive(Debug, Default)]
pub(crate) struct JoinProof {
    input: blake3::Hasher,
    joined: blake3::Hasher,
    at: At,
    number: leb128::Reader,
    /// Payload since the last literal, bytes.
    run: u64,
    wrong: bool,
}

/// Which part of a record comes next.
#[derive(Debug, Default)]
enum At {
    #[default]
    LiteralLength,
    Literal(u64),
    RunLength {
        is_after_literal: bool,
    },
    DeflatedRun(RunReader),
    Deflated(DeflatedRun),
}

/// A sink behind its proof.
pub(crate) struct Proven<'a, S> {
    pub(crate) proof: &'a mut JoinProof,
    pub(crate) sink: &'a mut S,
}

impl JoinProof {
    /// Takes what is going to be split.
    pub(crate) fn input(&mut self, bytes: &[u8]) {
        self.input.update(bytes);
    }

    /// Whether what was written gives back what was taken; both must have ended.
    pub(crate) fn holds(&self) -> bool {
        let ended = matches!(self.at, At::LiteralLength) && !self.number.is_started() && self.run == 0;
        ended && !self.wrong && self.input.finalize() == self.joined.finalize()
    }

    fn skeleton(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if let At::Literal(left) = &mut self.at {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (literal, rest) = bytes.split_at(count);
                self.joined.update(literal);
                *left -= count as u64;
                if *left == 0 {
                    self.at = At::RunLength { is_after_literal: true };
                }
                bytes = rest;
                continue;
            }
            bytes = rest;
            if self.number(*first).is_err() {
                self.wrong = true;
                return;
            }
        }
    }

    /// Takes a byte of a number.
    fn number(&mut self, byte: u8) -> Result<(), CodecError> {
        if let At::DeflatedRun(run) = &mut self.at {
            if let Some(run) = run.push(byte)? {
                self.at = At::Deflated(run);
            }
            return Ok(());
        }
        let number = self.number.push(byte).map_err(|leb128::Malformed| CodecError::SkeletonNumber)?;
        let Some(number) = number else { return Ok(()) };
        self.number = leb128::Reader::default();
        let run = std::mem::take(&mut self.run);
        self.at = match self.at {
            At::LiteralLength if number > 0 => At::Literal(number),
            At::LiteralLength => At::RunLength { is_after_literal: false },
            At::RunLength { is_after_literal } => {
                self.wrong |= number != run;
                if number == 0 && !is_after_literal {
                    At::DeflatedRun(RunReader::default())
                } else {
                    At::LiteralLength
                }
            }
            // The content of a deflated run is missing.
            At::Literal(_) | At::DeflatedRun(_) | At::Deflated(_) => return Err(CodecError::SkeletonCut),
        };
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) {
        self.wrong |= !matches!(self.at, At::RunLength { .. });
        self.joined.update(bytes);
        self.run += bytes.len() as u64;
    }

    fn deflated(&mut self, deflated: Deflated<'_>) {
        self.wrong |= !matches!(self.at, At::Deflated(run) if run == deflated.run());
        self.joined.update(deflated.packed());
        self.at = At::LiteralLength;
    }
}

impl<S: SplitSink> SplitSink for Proven<'_, S> {
    type Error = S::Error;

    fn skeleton(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.proof.skeleton(bytes);
        self.sink.skeleton(bytes)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.proof.payload(bytes);
        self.sink.payload(bytes)
    }

    fn deflated(&mut self, deflated: Deflated<'_>) -> Result<(), S::Error> {
        self.proof.deflated(deflated);
        self.sink.deflated(deflated)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{TarSplitter, TarStreams};

    /// Splits, with a proof that sees `change` of what is written.
    fn prove(tar: &[u8], change: impl Fn(&mut TarStreams)) -> bool {
        let mut streams = TarStreams::default();
        let mut splitter = TarSplitter::new();
        let mut proof = JoinProof::default();
        for piece in tar.chunks(700) {
            proof.input(piece);
            splitter.push(piece, &mut Proven { proof: &mut proof, sink: &mut streams }).unwrap();
        }
        splitter.finish(&mut Proven { proof: &mut proof, sink: &mut streams }).unwrap();
        let sound = proof.holds();
        let before = (streams.skeleton.len(), streams.payload.len());
        change(&mut streams);
        let extra = (streams.skeleton.get(before.0..), streams.payload.get(before.1..));
        proof.skeleton(extra.0.unwrap_or_default());
        proof.payload_if_any(extra.1.unwrap_or_default());
        sound && proof.holds()
    }

    impl JoinProof {
        fn payload_if_any(&mut self, bytes: &[u8]) {
            if !bytes.is_empty() {
                self.payload(bytes);
            }
        }
    }

    fn tar() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, length) in [("a", 0), ("b", 5), ("c", 70_000), ("d", 512)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(length);
            header.set_cksum();
            builder.append_data(&mut header, name, &vec![b'x'; length as usize][..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_deflated_run_is_what_its_record_says() {
        let (plain, packed) = ([b'a'; 9], [75, 76, 132, 2, 0]);
        let prove = |record: &[u8], level, behind: &[u8]| {
            let mut proof = JoinProof::default();
            proof.input(&packed);
            proof.skeleton(record);
            proof.deflated(Deflated::new(level, &plain, &packed));
            proof.skeleton(behind);
            proof.holds()
        };
        assert!(prove(&[0, 0, 6, 9, 5], 6, &[]));
        assert!(!prove(&[0, 0, 6, 9, 5], 9, &[]), "another level");
        assert!(!prove(&[0, 0, 6, 8, 5], 6, &[]), "another length");
        assert!(!prove(&[0, 0, 6, 9, 4], 6, &[]), "another length of the stream");
        assert!(!prove(&[0, 0, 6, 9], 6, &[]), "no whole record");
        assert!(!prove(&[0, 0, 6, 9, 5], 6, &[0]), "a record that has begun");
        assert!(!prove(&[0, 9], 6, &[]), "a plain run");
        let mut proof = JoinProof::default();
        proof.skeleton(&[0, 0, 6, 9, 5]);
        assert!(!proof.holds(), "without its content");
    }

    #[test]
    fn what_is_right_is_proven_and_nothing_else() {
        let tar = tar();
        assert!(prove(&tar, |_| {}));
        assert!(prove(&tar[..70_100], |_| {}), "cut");
        assert!(prove(b"", |_| {}));
        assert!(prove(b"no tar at all", |_| {}));
        assert!(!prove(&tar, |streams| streams.payload.push(0)));
        assert!(!prove(&tar, |streams| streams.skeleton.extend(*b"\x01x\x00")));
        assert!(!prove(&tar, |streams| streams.skeleton.extend(*b"\x00\x01")));
        assert!(!prove(&tar, |streams| streams.skeleton.push(1)));
    }
}
