//! `rows.json`: tars as columns, payload and table, and streams that are none.

use std::io::Read;

use serde_json::{Value, json};

use super::refused;
use super::tar::member;
use crate::error::holds;
use crate::rows::{join, split};
use crate::{Result, hex, noise};

/// A block of these sections.
fn block(sections: [&[u8]; 7]) -> Vec<u8> {
    let body: Vec<u8> =
        sections.iter().flat_map(|section| [&[section.len() as u8], *section].concat()).collect();
    [&[body.len() as u8], &body[..]].concat()
}

/// Changes fields of a header, and makes its checksum right again.
fn odd(mut bytes: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    if let Some(to) = bytes.get_mut(at..at + field.len()) {
        to.copy_from_slice(field);
    }
    if let Some(first) = bytes.first_chunk_mut::<512>() {
        let mut header = tar::Header::from_byte_slice(first).clone();
        header.set_cksum();
        first.copy_from_slice(header.as_bytes());
    }
    bytes
}

pub(super) fn make() -> Result<Value> {
    let rows = [
        member("root/table/7", b"one"),
        member("root/table/8", b"two"),
        odd(member("root/table/12", b"one"), 136, b"00000001234"),
        member("root/table/011", b""),
        member("root/other/alice", &noise(5, 600)),
        odd(member("root/other/bob", b"two"), 148, b""),
        vec![0; 1024],
    ]
    .concat();
    let large = [member("1", b"row"), member("2", &[b'L'; 65_537]), vec![0; 1024]].concat();
    let numbers = odd(member("1", b"abc"), 124, b"\x80\0\0\0\0\0\0\0\0\0\0\x03");
    let mut cases = Vec::new();
    for (name, bytes) in [
        ("rows of two tables", &*rows),
        ("a size in base 256", &numbers),
        ("cut within a row", &rows[..512 + 2]),
        ("no tar at all", &noise(4, 1000)[..]),
        ("nothing", &[]),
        ("an empty tar", &[0; 1024]),
    ] {
        let (_, streams) = split(bytes, usize::MAX)?;
        let mut joined = Vec::new();
        let read = join(&streams)?.read_to_end(&mut joined);
        holds(read.is_ok() && joined == bytes, "how tars are split into rows")?;
        cases.push(json!({
            "name": name,
            "tar": hex(bytes),
            "columns": hex(&streams.columns),
            "payload": hex(&streams.payload),
            "table": hex(&streams.table),
            "rows": streams.rows,
        }));
    }
    let (_, streams) = split(&large, usize::MAX)?;
    holds(streams.payload.len() == 65_537 && streams.rows == 1, "what is too long for a row")?;
    let nothing: &[u8] = &[];
    Ok(json!({
        "cases": cases,
        "refused_columns": [
            refused("a block of nothing", &[0]),
            refused("a block of over 8 MiB", &[0x81, 0x80, 0x80, 0x04]),
            refused("a block that is cut", &[9, 0]),
            refused("a section that is cut", &[8, 0, 9, 0, 0, 0, 0, 0, 0]),
            refused("bytes behind the last section", &[8, 0, 0, 0, 0, 0, 0, 0, 0]),
            refused("an operation of nothing", &block([nothing, &[0], nothing, nothing, nothing, nothing, nothing])),
            refused("literals that are not there", &block([nothing, &[4], nothing, nothing, nothing, nothing, nothing])),
            refused("literals that nothing needs", &block([nothing, nothing, b"x", nothing, nothing, nothing, nothing])),
            refused("payload that is not there", &block([nothing, &[5], nothing, nothing, nothing, nothing, nothing])),
            refused("a row that is not there", &block([nothing, &[6], nothing, nothing, nothing, nothing, &[1, 0, 0, 0]])),
            refused("a row number that is cut", &block([nothing, &[6], nothing, nothing, nothing, nothing, &[0, 0, 0]])),
            refused("a template that is not there", &block([nothing, &[7, 0], nothing, nothing, nothing, &[0], &[0, 0, 0, 0]])),
            refused("a template that is cut", &block([b"x", nothing, nothing, nothing, nothing, nothing, nothing])),
        ],
        "refused_tables_of_one_row": [
            refused("no row", &[]),
            refused("two rows", &[1, b'a', 1, b'b']),
            refused("ends within a row", &[2, b'a']),
            refused("a row of over 64 KiB", &[0x81, 0x80, 0x04]),
            refused("a number longer than it need be", &[0x81, 0, b'x']),
        ],
    }))
}
