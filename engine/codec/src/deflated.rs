//! Deflated runs: content that stands in the payload as it is, and in the tar deflated.
//!
//! Such a run is a record of its own in the skeleton: see [`crate::tar_split`].

use dtrvault_format::limits::MAX_DEFLATED_BYTES;

use crate::error::CodecError;
use crate::leb128;

/// What marks the record: a literal of no bytes, and no bytes of payload.
const MARK: [u8; 2] = [0, 0];

/// A deflate stream, its content, and the level at which zlib makes the one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflated<'a> {
    level: u32,
    plain: &'a [u8],
    packed: &'a [u8],
}

impl<'a> Deflated<'a> {
    /// Only of what was tried.
    pub(crate) fn new(level: u32, plain: &'a [u8], packed: &'a [u8]) -> Self {
        Self { level, plain, packed }
    }

    /// The content.
    #[must_use]
    pub fn plain(&self) -> &'a [u8] {
        self.plain
    }

    /// The deflate stream.
    pub(crate) fn packed(&self) -> &'a [u8] {
        self.packed
    }

    /// What the skeleton says of it.
    pub(crate) fn run(&self) -> DeflatedRun {
        let (plain, packed) = (self.plain.len() as u64, self.packed.len() as u64);
        DeflatedRun { level: self.level, plain, packed }
    }
}

/// A deflated run as the skeleton has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeflatedRun {
    /// Of zlib, 1 to 9.
    pub(crate) level: u32,
    /// Length of the content, bytes.
    pub(crate) plain: u64,
    /// Length of the deflate stream, bytes; less than that of the content.
    pub(crate) packed: u64,
}

impl DeflatedRun {
    /// Appends the record.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(MARK);
        for number in [u64::from(self.level), self.plain, self.packed] {
            leb128::write(out, number);
        }
    }

    /// Tells one level and length from others.
    pub(crate) fn sum(&self, sum: &mut blake3::Hasher) {
        sum.update(&self.level.to_le_bytes());
        sum.update(&self.plain.to_le_bytes()).update(&self.packed.to_le_bytes());
    }
}

/// What stands behind the mark, read byte by byte.
#[derive(Debug, Default)]
pub(crate) struct RunReader {
    number: leb128::Reader,
    level: Option<u64>,
    plain: Option<u64>,
}

impl RunReader {
    /// Takes the next byte; the run, once it is whole.
    pub(crate) fn push(&mut self, byte: u8) -> Result<Option<DeflatedRun>, CodecError> {
        let number = self.number.push(byte).map_err(|leb128::Malformed| CodecError::SkeletonNumber)?;
        let Some(number) = number else { return Ok(None) };
        self.number = leb128::Reader::default();
        let (level, plain, packed) = match (self.level, self.plain) {
            (None, _) => {
                self.level = Some(number);
                return Ok(None);
            }
            (_, None) => {
                self.plain = Some(number);
                return Ok(None);
            }
            (Some(level), Some(plain)) => (level, plain, number),
        };
        let is_sound =
            (1..=9).contains(&level) && plain <= MAX_DEFLATED_BYTES && (1..plain).contains(&packed);
        match u32::try_from(level) {
            Ok(level) if is_sound => Ok(Some(DeflatedRun { level, plain, packed })),
            _ => Err(CodecError::SkeletonRun { level, plain, packed }),
        }
    }
}
