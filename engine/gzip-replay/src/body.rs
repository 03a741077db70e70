//! A member's content, and who made its stream.

use std::mem;
use std::sync::Arc;

use crate::analyse::Sink;
use crate::catalogue::Encoder;
use crate::error::{Error, Refusal};
use crate::proof::Proof;
use crate::replay::Member;
use crate::search::{BEGINNING_BYTES, Beginning, Kept};
use crate::{stored, wrapper};

/// No encoder holds back more of what it has made than this, bytes.
const MAX_BEHIND_BYTES: usize = 8 << 20;

/// A member's content, as far as it has come.
pub(crate) struct Body {
    header: Arc<[u8]>,
    crc: crc32fast::Hasher,
    plain_len: u64,
    flushes: Vec<u64>,
    blocks: stored::Blocks,
    encoder: Search,
}

/// Whether the encoder is known.
enum Search {
    Gathering(Beginning),
    Found(Proof),
    /// None is needed: all blocks are stored.
    Stored,
}

impl Body {
    pub(crate) fn new(header: Arc<[u8]>) -> Self {
        Self {
            header,
            crc: crc32fast::Hasher::new(),
            plain_len: 0,
            flushes: Vec::new(),
            blocks: stored::Blocks::default(),
            encoder: Search::Gathering(Beginning::default()),
        }
    }

    /// Whether its encoder is known: then content can be given on.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.encoder, Search::Gathering(_))
    }

    pub(crate) fn plain(&mut self, plain: &[u8]) {
        self.crc.update(plain);
        self.plain_len += plain.len() as u64;
        match &mut self.encoder {
            Search::Gathering(beginning) => beginning.plain.extend_from_slice(plain),
            Search::Found(proof) => proof.plain(plain),
            Search::Stored => {}
        }
    }

    pub(crate) fn flush(&mut self) {
        self.flushes.push(self.plain_len);
        if let Search::Found(proof) = &mut self.encoder
            && !proof.encoder.flushes_by_itself()
        {
            proof.flush();
        }
    }

    /// Holds the stream against what the encoder makes, or looks for one once there is enough.
    pub(crate) fn hold_against(
        &mut self,
        stored: &[u8],
        is_end: bool,
        kept: &mut Option<Kept>,
        without: &[Encoder],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.blocks.follow(stored);
        let were_stored = without.iter().any(|encoder| matches!(encoder, Encoder::Stored { .. }));
        let are_stored = self.blocks.are_stored() && !were_stored;
        match &mut self.encoder {
            Search::Gathering(beginning) => {
                beginning.stored.extend_from_slice(stored);
                // There may be blocks without content, and no end of them.
                let gathered = beginning.plain.len().max(beginning.stored.len() / 2);
                if !is_end && gathered < BEGINNING_BYTES {
                    return Ok(());
                }
                beginning.is_whole = is_end;
                let again = are_stored && matches!(kept, Some((Encoder::Stored { .. }, _)));
                let found = if again { None } else { beginning.find(&self.flushes, kept.take(), without) };
                let plain = mem::take(&mut beginning.plain);
                self.encoder = match found {
                    Some(proof) => Search::Found(proof),
                    None if are_stored => Search::Stored,
                    None => return Err(Refusal::UnknownEncoder.into()),
                };
                Ok(sink.take(&plain)?)
            }
            Search::Found(proof) => {
                let agrees = proof.agrees(stored) && (!is_end || proof.ends_here());
                if agrees && proof.behind() <= MAX_BEHIND_BYTES {
                    return Ok(());
                }
                if are_stored {
                    self.encoder = Search::Stored;
                    return Ok(());
                }
                let encoder = proof.encoder;
                Err(Refusal::Diverged { encoder, plain_len: self.plain_len }.into())
            }
            Search::Stored if are_stored => Ok(()),
            Search::Stored => {
                let encoder = self.blocks.encoder().0;
                Err(Refusal::Diverged { encoder, plain_len: self.plain_len }.into())
            }
        }
    }

    /// Whether this is the trailer of its content.
    pub(crate) fn ends_with(&self, trailer: &[u8]) -> bool {
        *trailer == wrapper::trailer(self.crc.clone().finalize(), self.plain_len)
    }

    /// The member, and its encoder for the next one.
    pub(crate) fn into_member(self) -> Option<(Member, Kept)> {
        let (encoder, deflate, flushes) = match self.encoder {
            Search::Gathering(_) => return None,
            Search::Found(Proof { encoder, deflate, .. }) => {
                (encoder, deflate, encoder.told(&self.flushes).to_vec())
            }
            Search::Stored => {
                let (encoder, flushes) = self.blocks.encoder();
                (encoder, encoder.start()?, flushes)
            }
        };
        let member = Member { header: self.header, encoder, plain_len: self.plain_len, flushes };
        Some((member, (encoder, deflate)))
    }
}
