//! Zip archives, as simple as they can be.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// How an entry stands in an archive.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Stored,
    /// By zlib at this level, its lengths in front.
    Deflated(u32),
    /// By zlib at this level, its lengths behind.
    Streamed(u32),
    /// By nobody: two levels in one stream.
    Foreign,
}

/// A raw stream of zlib's.
pub fn deflate(plain: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn foreign(plain: &[u8]) -> Vec<u8> {
    let (first, second) = plain.split_at(plain.len() / 2);
    let mut stream = Vec::new();
    let mut encoder = DeflateEncoder::new(&mut stream, Compression::new(1));
    encoder.write_all(first).unwrap();
    encoder.flush().unwrap();
    std::mem::forget(encoder);
    stream.extend(deflate(second, 9));
    stream
}

/// An archive of these entries, all of this time.
pub fn archive(entries: &[(&str, &[u8], How)], time: u16) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, plain, how) in entries {
        let stream = match how {
            How::Stored => plain.to_vec(),
            How::Deflated(level) | How::Streamed(level) => deflate(plain, *level),
            How::Foreign => foreign(plain),
        };
        let method = if matches!(how, How::Stored) { 0_u16 } else { 8 };
        let flags = if matches!(how, How::Streamed(_)) { 8_u16 } else { 0 };
        let mut crc = flate2::Crc::new();
        crc.update(plain);
        let lengths = [crc.sum(), stream.len() as u32, plain.len() as u32].map(u32::to_le_bytes).concat();
        let in_front = if flags == 0 { lengths.clone() } else { vec![0; 12] };
        let numbers = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let start = bytes.len() as u32;
        let about = numbers(&[20, flags, method, time, 0x5821]);
        let name_len = numbers(&[name.len() as u16, 0]);
        bytes.extend([&b"PK\x03\x04"[..], &about, &in_front, &name_len, name.as_bytes(), &stream].concat());
        if flags != 0 {
            bytes.extend([&b"PK\x07\x08"[..], &lengths].concat());
        }
        let rest = [&numbers(&[0; 5])[..], &start.to_le_bytes(), name.as_bytes()].concat();
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &about, &lengths, &name_len, &rest].concat());
    }
    let (at, count) = (bytes.len() as u32, entries.len() as u16);
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    bytes.extend([(directory.len() as u32).to_le_bytes(), at.to_le_bytes()].concat());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// Text that deflates, another for each seed.
pub fn text(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut text = Vec::new();
    while text.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let words = ["public ", "static ", "void ", "class ", "return ", "import java.util.", "; ", "}\n"];
        text.extend_from_slice(words[(state >> 60) as usize % words.len()].as_bytes());
        text.extend_from_slice(format!("{} ", (state >> 33) % 997).as_bytes());
    }
    text.truncate(len);
    text
}
