//! What stands around a deflate stream in a gzip file (RFC 1952).

use crate::error::Refusal;

/// Most bytes of one member's header: file names and extra fields may be longer, and are not.
pub(crate) const MAX_HEADER_BYTES: usize = 1 << 16;
/// Length of what comes behind the deflate stream, bytes.
pub(crate) const TRAILER_BYTES: usize = 8;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const FIXED_BYTES: usize = 10;
const HAS_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Length of the header that `bytes` begin with; `None` while more bytes are needed to tell.
///
/// # Errors
/// [`Refusal::NotGzip`] for anything else, [`Refusal::Limit`] for a header that is too long.
pub(crate) fn header_len(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let begins = bytes.iter().zip(&MAGIC).all(|(is, should)| is == should);
    if !begins || bytes.get(3).is_some_and(|flags| flags & RESERVED != 0) {
        return Err(Refusal::NotGzip);
    }
    let found = find_end(bytes);
    if found.unwrap_or(bytes.len()) > MAX_HEADER_BYTES {
        return Err(Refusal::Limit("a member's header"));
    }
    Ok(found)
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut end = FIXED_BYTES;
    if flags & HAS_EXTRA != 0 {
        let length = bytes.get(end..end + 2)?.first_chunk()?;
        end += 2 + usize::from(u16::from_le_bytes(*length));
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            end += 1 + bytes.get(end..)?.iter().position(|byte| *byte == 0)?;
        }
    }
    if flags & HAS_CHECKSUM != 0 {
        end += 2;
    }
    (end <= bytes.len()).then_some(end)
}

/// What comes behind the deflate stream of this content.
pub(crate) fn trailer(crc: u32, plain_len: u64) -> [u8; TRAILER_BYTES] {
    let length = plain_len.to_le_bytes();
    let [a, b, c, d] = crc.to_le_bytes();
    // The length counts modulo 2^32.
    [a, b, c, d, length[0], length[1], length[2], length[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    fn with_flags(flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = PLAIN.to_vec();
        header[3] = flags;
        header.extend(rest);
        header
    }

    #[test]
    fn headers_end_where_they_do() {
        let all = HAS_EXTRA | HAS_NAME | HAS_COMMENT | HAS_CHECKSUM;
        for header in [
            PLAIN.to_vec(),
            with_flags(HAS_NAME, b"a name\0"),
            with_flags(HAS_EXTRA, &[3, 0, 1, 2, 3]),
            with_flags(all, b"\x01\0xname\0comment\0cc"),
        ] {
            for cut in 0..header.len() {
                assert_eq!(header_len(&header[..cut]), Ok(None), "{cut}");
            }
            let followed = [&*header, b"deflate"].concat();
            assert_eq!(header_len(&followed), Ok(Some(header.len())));
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        assert_eq!(header_len(b"PK"), Err(Refusal::NotGzip));
        assert_eq!(header_len(&[0x1f, 0x8b, 7]), Err(Refusal::NotGzip));
        assert_eq!(header_len(&with_flags(RESERVED, b"")), Err(Refusal::NotGzip));
        let endless = with_flags(HAS_NAME, &vec![b'x'; MAX_HEADER_BYTES]);
        assert_eq!(header_len(&endless), Err(Refusal::Limit("a member's header")));
    }

    #[test]
    fn lengths_wrap_at_4_gib() {
        assert_eq!(trailer(0x0403_0201, (1 << 32) + 5), [1, 2, 3, 4, 5, 0, 0, 0]);
    }
}
