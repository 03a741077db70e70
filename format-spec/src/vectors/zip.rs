//! A zip archive of one entry, made from the bare primitives.

use std::io::Write;

use dtrvault_codec::CodecError;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::Result;

/// An archive of one entry, deflated at zlib's level 6.
pub(super) fn archive(name: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::new(6));
    deflate.write_all(content).map_err(CodecError::from)?;
    let stream = deflate.finish().map_err(CodecError::from)?;
    let mut crc = Crc::new();
    crc.update(content);
    let lengths = [crc.sum(), length(&stream), length(content), length(name.as_bytes())];
    // Version, flags, method, time and date; then the lengths, that of the name in two bytes and an extra field of none.
    let about =
        [&[20, 0, 0, 0, 8, 0, 0x21, 0x43, 0x21, 0x58][..], &lengths.map(u32::to_le_bytes).concat()].concat();
    let local = [b"PK\x03\x04", &about[..], name.as_bytes(), &stream].concat();
    let central = [b"PK\x01\x02\x14\x00", &about[..], &[0; 14], name.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &length(&central).to_le_bytes()[..],
        &length(&local).to_le_bytes(),
        &[0; 2],
    ];
    Ok([local, central, end.concat()].concat())
}

/// All of it is short.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
