//! A chunk that somebody has, as it gathers to be counted in the order of the packs.

use super::gathered::Record;
use crate::index::{FrameSpan, Location, PackNo};

/// A chunk by where it stands, and the number of one who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    part: u8,
    pub(super) pack: PackNo,
    pub(super) frame: u32,
    offset: u32,
    len: u32,
    pub(super) owner: u32,
}

impl Claim {
    pub(super) fn new(at: Location, owner: u32) -> Self {
        let Location { pack, frame, offset, len } = at;
        // Packs are numbered one after the other, so their lowest byte has as many of each value.
        Self { part: pack.0.to_le_bytes()[0], pack, frame, offset, len, owner }
    }

    /// Whether both are of one chunk.
    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        (self.pack, self.frame, self.offset) == (other.pack, other.frame, other.offset)
    }

    /// What of its frame's length in the pack is the chunk's, by plain lengths. The shares of all
    /// chunks of a frame add up to that.
    pub(super) fn share_bytes(&self, frame: &FrameSpan) -> u64 {
        let (stored_len, plain_len) = (u64::from(frame.stored_len), u64::from(frame.plain_len.max(1)));
        let before = |plain: u64| stored_len * plain / plain_len;
        let begin = u64::from(self.offset);
        before(begin + u64::from(self.len)) - before(begin)
    }
}

impl Record for Claim {
    const BYTES: usize = 20;

    fn part(&self) -> u8 {
        self.part
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for field in [self.pack.0, self.frame, self.offset, self.len, self.owner] {
            out.extend_from_slice(&field.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields =
            bytes.chunks_exact(4).map_while(|field| Some(u32::from_le_bytes(field.try_into().ok()?)));
        let mut field = || fields.next();
        let at = Location { pack: PackNo(field()?), frame: field()?, offset: field()?, len: field()? };
        Some(Self::new(at, field()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(pack: u32, offset: u32, len: u32) -> Claim {
        Claim::new(Location { pack: PackNo(pack), frame: 3, offset, len }, 7)
    }

    #[test]
    fn shares_of_a_frame_add_up_to_it() {
        let frame = FrameSpan { offset: 120, stored_len: 1000, plain_len: 3001 };
        let claims = [claim(1, 0, 7), claim(1, 7, 1493), claim(1, 1500, 1501)];
        let shares: Vec<u64> = claims.iter().map(|claim| claim.share_bytes(&frame)).collect();
        assert_eq!(shares.iter().sum::<u64>(), 1000, "{shares:?}");
        assert!(shares.is_sorted(), "{shares:?}");
    }

    #[test]
    fn claims_come_back_from_their_bytes_and_lower_parts_first() {
        let mut bytes = Vec::new();
        for claim in [claim(0, 1, 2), claim(u32::MAX, u32::MAX, u32::MAX)] {
            bytes.clear();
            claim.encode(&mut bytes);
            assert_eq!(bytes.len(), Claim::BYTES);
            assert_eq!(Claim::decode(&bytes), Some(claim));
        }
        assert!(claim(257, 0, 1) > claim(256, 9, 1) && claim(256, 0, 1) < claim(1, 0, 1));
    }
}
