//! Unsigned LEB128 of 64 bits (DWARF 5, 7.6), in its one shortest form.

use std::io::{self, BufRead};

use crate::error::CodecError;

/// Longest encoding of a `u64`, bytes.
pub(crate) const MAX_BYTES: usize = 10;

/// Appends `value` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A number that is read byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    value: u64,
    bytes: usize,
}

/// The bytes are no `u64` in its shortest form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Reader {
    /// Takes the next byte; the number, once it is whole.
    pub(crate) fn push(&mut self, byte: u8) -> Result<Option<u64>, Malformed> {
        let last = byte & 0x80 == 0;
        let padded = byte == 0 && self.bytes > 0;
        // The tenth byte holds the 64th bit alone.
        let too_big = self.bytes + 1 == MAX_BYTES && byte > 1;
        if padded || too_big {
            return Err(Malformed);
        }
        self.value |= u64::from(byte & 0x7F) << (7 * self.bytes);
        self.bytes += 1;
        Ok(last.then_some(self.value))
    }

    /// Whether a number has begun.
    pub(crate) fn is_started(&self) -> bool {
        self.bytes > 0
    }
}

/// Why no number could be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Malformed,
    Io(io::Error),
}

impl ReadError {
    /// The error of the source, or else `malformed`.
    pub(crate) fn or(self, malformed: CodecError) -> CodecError {
        match self {
            Self::Malformed => malformed,
            Self::Io(error) => error.into(),
        }
    }
}

/// A number at the front of `source`; `None` at its end.
pub(crate) fn read_from(source: &mut impl BufRead) -> Result<Option<u64>, ReadError> {
    let mut reader = Reader::default();
    loop {
        let byte = match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ReadError::Io(error)),
            Ok(buffer) => buffer.first().copied(),
        };
        let Some(byte) = byte else {
            return if reader.is_started() { Err(ReadError::Malformed) } else { Ok(None) };
        };
        source.consume(1);
        if let Some(value) = reader.push(byte).map_err(|Malformed| ReadError::Malformed)? {
            return Ok(Some(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Option<u64>, Malformed> {
        let mut reader = Reader::default();
        for &byte in bytes {
            if let Some(value) = reader.push(byte)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    #[test]
    fn refuses_what_is_long_or_padded() {
        assert_eq!(read(&[0x80, 0x00]), Err(Malformed));
        let mut most = [0xFF; MAX_BYTES];
        most[9] = 1;
        assert_eq!(read(&most), Ok(Some(u64::MAX)));
        most[9] = 2;
        assert_eq!(read(&most), Err(Malformed));
        most[9] = 0x81;
        assert_eq!(read(&most), Err(Malformed));
        assert_eq!(read(&[0x80]), Ok(None));
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>(), shift in 0u32..64) {
            let mut bytes = Vec::new();
            write(&mut bytes, value >> shift);
            prop_assert!(bytes.len() <= MAX_BYTES);
            prop_assert_eq!(read(&bytes), Ok(Some(value >> shift)));
        }
    }
}
