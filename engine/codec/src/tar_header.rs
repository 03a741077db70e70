//! One 512-byte block of a tar, read as a header.
//!
//! Sources: POSIX.1-2017 `pax` (ustar), the GNU tar manual "Basic Tar Format", and the
//! Unix v7 `tar(5)` layout, which all three share up to byte 257.

/// Tars are made of blocks of this many bytes.
pub(crate) const TAR_BLOCK_BYTES: usize = 512;

/// What a block is, when a header may stand there.
#[derive(Debug)]
pub(crate) enum Block {
    /// All zero: an end-of-archive block.
    Zero,
    /// A header with a sound checksum and a size that can be understood.
    Header(Header),
    /// Neither.
    Other,
}

/// What a header says about the bytes that follow it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Type flag; NUL in v7 headers.
    pub(crate) flag: u8,
    /// Size field, bytes.
    pub(crate) size: u64,
    /// Name field, with the prefix of ustar before it.
    pub(crate) name: Vec<u8>,
    /// Magic and version are those of GNU tar.
    pub(crate) is_gnu: bool,
}

impl Block {
    /// Reads `block` as a header.
    pub(crate) fn parse(block: &[u8; TAR_BLOCK_BYTES]) -> Self {
        if block.iter().all(|&byte| byte == 0) {
            return Self::Zero;
        }
        if !checksum_holds(block) {
            return Self::Other;
        }
        let Some(size) = number(field(block, 124, 12)) else {
            return Self::Other;
        };
        let mut name = Vec::new();
        let prefix = text(field(block, 345, 155));
        if field(block, 257, 6) == b"ustar\0" && !prefix.is_empty() {
            name.extend_from_slice(prefix);
            name.push(b'/');
        }
        name.extend_from_slice(text(field(block, 0, 100)));
        Self::Header(Header {
            flag: byte(block, 156),
            size,
            name,
            is_gnu: field(block, 257, 8) == b"ustar  \0",
        })
    }
}

impl Header {
    /// Whether the type has no contents, so that a size field above zero is no proof of any:
    /// links, devices, directories and volume labels of many writers carry one.
    pub(crate) fn is_without_content(&self) -> bool {
        match self.flag {
            b'1'..=b'6' | b'V' => true,
            b'0' | 0 => self.name.last() == Some(&b'/'),
            _ => false,
        }
    }

    /// Whether contents follow an old GNU sparse map.
    pub(crate) fn is_sparse(&self) -> bool {
        self.flag == b'S' && self.is_gnu
    }
}

/// Whether an old GNU sparse header says that its map goes on in the next block.
pub(crate) fn sparse_header_goes_on(block: &[u8; TAR_BLOCK_BYTES]) -> bool {
    byte(block, 482) != 0
}

/// Whether an extension block of an old GNU sparse map says that another one follows.
pub(crate) fn sparse_extension_goes_on(block: &[u8; TAR_BLOCK_BYTES]) -> bool {
    byte(block, 504) != 0
}

pub(crate) fn field(block: &[u8; TAR_BLOCK_BYTES], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

fn byte(block: &[u8; TAR_BLOCK_BYTES], at: usize) -> u8 {
    block.get(at).copied().unwrap_or_default()
}

/// Text up to the first NUL.
pub(crate) fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Sum of all bytes, the checksum field counted as spaces. Some old writers added up
/// signed bytes, and readers have taken both ever since.
fn checksum_holds(block: &[u8; TAR_BLOCK_BYTES]) -> bool {
    const SPACES: i64 = 8 * b' ' as i64;
    let own = field(block, 148, 8);
    let Some(stated) = octal(own, 1) else {
        return false;
    };
    let unsigned = |bytes: &[u8]| bytes.iter().map(|&byte| i64::from(byte)).sum::<i64>();
    let signed = |bytes: &[u8]| bytes.iter().map(|&byte| i64::from(byte as i8)).sum::<i64>();
    let Ok(stated) = i64::try_from(stated) else {
        return false;
    };
    stated == unsigned(block) - unsigned(own) + SPACES || stated == signed(block) - signed(own) + SPACES
}

/// A number field: octal digits, or big-endian base 256 with the top bit set (GNU, star).
/// None when it is negative, above `u64::MAX`, or no number.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.split_first() {
        Some((&first, rest)) if first & 0x80 != 0 => {
            // Bit 6 is the sign of a two's complement number.
            if first & 0x40 != 0 {
                return None;
            }
            rest.iter().try_fold(u64::from(first & 0x3F), |value, &byte| {
                value.checked_mul(256)?.checked_add(u64::from(byte))
            })
        }
        _ => octal(bytes, 0),
    }
}

/// The same where it may be negative, as times before 1970 are.
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    match bytes.split_first() {
        Some((&first, rest)) if first & 0xC0 == 0xC0 => {
            let top = i64::from(first | 0x80) - 0x100;
            rest.iter().try_fold(top, |value, &byte| value.checked_mul(256)?.checked_add(i64::from(byte)))
        }
        _ => i64::try_from(number(bytes)?).ok(),
    }
}

/// Octal digits after any spaces or NULs, ended by a space, a NUL or the field's end.
/// Without digits it is 0, unless `least_digits` asks for some.
fn octal(bytes: &[u8], least_digits: usize) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let digits = bytes.iter().skip_while(|byte| is_blank(byte)).take_while(|byte| !is_blank(byte));
    let mut value = 0_u64;
    let mut count = 0;
    for &digit in digits {
        if !(b'0'..=b'7').contains(&digit) {
            return None;
        }
        value = value.checked_mul(8)?.checked_add(u64::from(digit - b'0'))?;
        count += 1;
    }
    (count >= least_digits).then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn header(change: impl FnOnce(&mut [u8; 512])) -> [u8; 512] {
        let mut header = tar::Header::new_ustar();
        header.set_path("dir/file").unwrap();
        header.set_size(1234);
        header.set_entry_type(tar::EntryType::Regular);
        let mut block = *header.as_bytes();
        change(&mut block);
        let mut header = tar::Header::from_byte_slice(&block).clone();
        header.set_cksum();
        *header.as_bytes()
    }

    fn parsed(block: &[u8; 512]) -> Header {
        match Block::parse(block) {
            Block::Header(header) => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_name_size_and_flag() {
        let plain = parsed(&header(|_| {}));
        assert_eq!((plain.flag, plain.size, plain.name.as_slice()), (b'0', 1234, &b"dir/file"[..]));
        let prefixed = parsed(&header(|block| block[345..348].copy_from_slice(b"top")));
        assert_eq!(prefixed.name, b"top/dir/file");
        // In a GNU header other fields stand where ustar has its prefix.
        let gnu = parsed(&header(|block| {
            block[257..265].copy_from_slice(b"ustar  \0");
            block[345..348].copy_from_slice(b"123");
        }));
        assert!(gnu.is_gnu);
        assert_eq!(gnu.name, b"dir/file");
        let v7 = parsed(&header(|block| block[257..].fill(0)));
        assert_eq!(v7.size, 1234);
    }

    #[test]
    fn takes_signed_and_unsigned_checksums() {
        let mut block = header(|block| block[0] = 0xE9);
        assert_eq!(parsed(&block).name, b"\xE9ir/file");
        let sum = block[..148].iter().chain(&block[156..]);
        let sum: i64 = sum.map(|&byte| i64::from(byte as i8)).sum::<i64>() + 256;
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(parsed(&block).name, b"\xE9ir/file");
        block[148..156].copy_from_slice(format!("{:06o}\0 ", sum + 1).as_bytes());
        assert!(matches!(Block::parse(&block), Block::Other));
    }

    #[test]
    fn every_flipped_bit_breaks_the_checksum() {
        let sound = header(|_| {});
        for bit in 0..148 * 8 {
            let mut block = sound;
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Block::parse(&block), Block::Other));
        }
    }

    #[test]
    fn times_may_be_negative() {
        assert_eq!(signed(&[0xFF; 12]), Some(-1));
        assert_eq!(signed(b"\xFF\xFF\xFE\x00"), Some(-512));
        assert_eq!(signed(b"00000000017\0"), Some(15));
        assert_eq!(signed(b"\xC0\0\0\0\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn numbers_of_every_writer() {
        let mut largest = [0; 12];
        largest[0] = 0x80;
        largest[4..].fill(0xFF);
        let mut over = largest;
        over[3] = 1;
        for (bytes, value) in [
            (&b"00000002322\0"[..], Some(1234)),
            (b"       2322 ", Some(1234)),
            (b"777777777777", Some((1 << 36) - 1)),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0", Some(0)),
            (b"12 junk", Some(10)),
            (b"12x", None),
            (b"-1", None),
            (b"\x80\0\0\0\0\0\0\x02\0\0\0\0", Some(1 << 33)),
            (&largest, Some(u64::MAX)),
            (&over, None),
            (&[0xFF; 12], None),
        ] {
            assert_eq!(number(bytes), value, "{bytes:?}");
        }
    }
}
