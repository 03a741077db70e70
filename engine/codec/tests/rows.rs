//! Rows: any bytes come back, however they are pieced; and what nobody wrote ends or fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashMap;
use std::io::{ErrorKind, Read};

use common::{changed, header, padded};
use dtrvault_codec::rows::{ColumnsWriter, Part, RowsJoin, Table, TarLabels, write_row};
use dtrvault_codec::{CodecError, TarReport};
use proptest::prelude::*;

/// A tar as its streams.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Streams {
    columns: Vec<u8>,
    payload: Vec<u8>,
    table: Vec<u8>,
    rows: u32,
}

/// Splits `bytes`, pushed in pieces whose lengths go round in `pieces`.
fn split_in(bytes: &[u8], pieces: &[usize]) -> (Streams, TarReport) {
    let mut labels = TarLabels::new();
    let mut columns = ColumnsWriter::new();
    let mut streams = Streams::default();
    let mut known = HashMap::new();
    let mut add = |batch: dtrvault_codec::rows::Batch| {
        let mut rest = &batch.bytes[..];
        for part in &batch.parts {
            let (bytes, later) = rest.split_at(part.bytes());
            rest = later;
            match *part {
                Part::Literal(_) => columns.literal(bytes).unwrap(),
                Part::Payload(_) => {
                    streams.payload.extend_from_slice(bytes);
                    columns.payload(bytes.len() as u64).unwrap();
                }
                Part::Member(content) => {
                    let row = &bytes[512..512 + content];
                    let number = *known.entry(row.to_vec()).or_insert_with(|| {
                        write_row(&mut streams.table, row);
                        streams.rows += 1;
                        streams.rows - 1
                    });
                    columns.member(bytes[..512].try_into().unwrap(), number, content).unwrap();
                }
            }
        }
        assert!(rest.is_empty(), "parts cover the bytes");
    };
    let mut rest = bytes;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (next, later) = rest.split_at(piece.min(rest.len()));
        labels.push(next);
        add(labels.take());
        rest = later;
    }
    let (last, report) = labels.finish();
    add(last);
    columns.finish().unwrap();
    streams.columns = std::mem::take(columns.ready());
    (streams, report)
}

fn join(streams: &Streams) -> std::io::Result<Vec<u8>> {
    let table = Table::read(&streams.table[..], streams.rows, Vec::new(), Vec::new()).unwrap();
    let mut bytes = Vec::new();
    RowsJoin::new(&streams.columns[..], &streams.payload[..], table).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Splits, and holds what comes back against what went in.
fn split(bytes: &[u8]) -> Streams {
    let (streams, _) = split_in(bytes, &[bytes.len().max(1)]);
    assert!(join(&streams).unwrap() == bytes, "other bytes came back");
    streams
}

/// Blocks that a tar may hold, in any order.
fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let names =
        prop::sample::select(vec!["dir/7", "dir/8", "dir/008", "dir/x9.json", "dir/name", "dir/", "a", "9"]);
    let kinds = prop::sample::select(b"\x0000000001234567LKxgSMDVNXA".to_vec());
    let odd =
        (names, kinds, 0_u64..1300, any::<(bool, u8)>()).prop_map(|(name, flag, size, (more, twist))| {
            changed(header(name, flag, size), |block| {
                block[482] = u8::from(more);
                match twist {
                    // Numbers in other forms: spaces, base 256, no NUL behind them.
                    0 => block[136..148].copy_from_slice(b"   1234567 \0"),
                    1 => block[136] = 0x80,
                    2 => block[135] = b' ',
                    3 => block[99] = b'x',
                    4 => block[147] = b'7',
                    _ => block[146] = b'0' + twist % 8,
                }
            })
            .to_vec()
        });
    let block = prop_oneof![
        6 => odd,
        1 => Just(vec![0; 512]),
        1 => Just(padded(b"20 comment=whatever\n13 size=1000\n12 path=a/b\n")),
        1 => Just(vec![b'x'; 512]),
        1 => prop::collection::vec(any::<u8>(), 1..700),
    ];
    let member = (0_u32..20, 0_usize..700, any::<u16>()).prop_map(|(number, size, time)| {
        let header = changed(header(&format!("root/table/{number}"), b'0', size as u64), |block| {
            block[136..147].copy_from_slice(format!("{:011o}", u64::from(time) << (time % 17)).as_bytes());
        });
        [&header[..], &padded(&vec![b'r'; size])].concat()
    });
    prop::collection::vec(prop_oneof![1 => block, 1 => member], 0..16).prop_map(|blocks| blocks.concat())
}

proptest! {
    #[test]
    fn blocks_come_back(
        bytes in blocks(),
        pieces in prop::collection::vec(1usize..1500, 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(bytes.len() + 1);
        let kept = if cut % 2 == 0 { cut } else { bytes.len() - cut % 600.min(bytes.len() + 1) };
        let bytes = &bytes[..kept];
        let (streams, report) = split_in(bytes, &pieces);
        prop_assert!(join(&streams).unwrap() == bytes);
        prop_assert_eq!(split_in(bytes, &[usize::MAX]), (streams, report));
    }

    #[test]
    fn noise_comes_back(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        pieces in prop::collection::vec(1usize..1500, 1..8),
    ) {
        prop_assert!(join(&split_in(&bytes, &pieces).0).unwrap() == bytes);
    }

    #[test]
    fn hostile_columns_end_or_fail(
        mut streams in blocks().prop_map(|bytes| split_in(&bytes, &[usize::MAX]).0),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        piece in 1usize..900,
    ) {
        for (at, byte) in changes {
            if !streams.columns.is_empty() {
                let at = at.index(streams.columns.len());
                streams.columns[at] ^= byte;
            }
        }
        let table = Table::read(&streams.table[..], streams.rows, Vec::new(), Vec::new()).unwrap();
        let mut reader = RowsJoin::new(&streams.columns[..], &streams.payload[..], table);
        let mut out = vec![0; piece];
        let mut total = 0_u64;
        while total < 4 << 20 {
            match reader.read(&mut out) {
                Ok(0) => break,
                Ok(count) => total += count as u64,
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::InvalidData);
                    prop_assert!(reader.read(&mut out).is_err());
                    break;
                }
            }
        }
        prop_assert!(total <= 65_536 * (streams.columns.len() as u64 + 1) + streams.payload.len() as u64);
    }
}

/// Members of one table: names count up from `first`, contents are `of(n)`.
fn table(first: u32, count: u32, of: impl Fn(u32) -> String) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..count {
        let content = of(n);
        bytes.extend_from_slice(&header(&format!("root/table/{}", first + n), b'0', content.len() as u64));
        bytes.extend_from_slice(&padded(content.as_bytes()));
    }
    bytes
}

#[test]
fn small_members_become_rows_and_large_ones_payload() {
    let large = vec![b'L'; 65_537];
    let largest_row = vec![b'R'; 65_536];
    let tar = [
        &header("dir/", b'5', 0)[..],
        &table(1, 3, |n| format!("row {n}")),
        &header("big", b'0', large.len() as u64),
        &padded(&large),
        &header("row", b'0', largest_row.len() as u64),
        &padded(&largest_row),
        &table(4, 3, |n| format!("row {n}")),
        &header("empty", b'0', 0),
        &[0; 1024],
    ]
    .concat();
    let streams = split(&tar);
    assert_eq!((streams.payload.len(), streams.rows), (large.len(), 5), "contents that repeat are one row");
}

#[test]
fn blocks_end_at_their_limits() {
    let rows = split(&table(0, 70_000, |n| format!("{}", n % 7)));
    assert_eq!(rows.rows, 7);
    assert!(rows.columns.len() < 70_000 * 6 + 3 * 1000, "{}", rows.columns.len());
    let literals = split(&vec![0; 3 << 20]);
    assert!(literals.table.is_empty() && literals.payload.is_empty());
    // Each in a folder of its own: a template each.
    let mut many = Vec::new();
    for n in 0..1500 {
        many.extend_from_slice(&header(&format!("dir{n}/file"), b'0', 0));
    }
    split(&many);
}

#[test]
fn odd_headers_are_kept_whole() {
    let odd = |change: &dyn Fn(&mut [u8; 512])| {
        let header = changed(header("root/7", b'0', 3), |block| change(block));
        split(&[&header[..], &padded(b"abc")].concat()).columns.len()
    };
    let usual = odd(&|_| {});
    assert!(usual < 560);
    for change in [
        &(|block: &mut [u8; 512]| block[136..148].copy_from_slice(b"\x80\0\0\0\0\0\0\0\x65\0\0\0"))
            as &dyn Fn(&mut _),
        &|block: &mut [u8; 512]| block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x03"),
        &|block: &mut [u8; 512]| block[124..136].copy_from_slice(b"         3 \0"),
        &|block: &mut [u8; 512]| block[90] = b'x',
    ] {
        assert!(odd(change) < 560);
    }
    // Counters that no number holds.
    split(&table(0, 1, |_| String::new()));
    for name in ["9999999999999999999999", "000000000000000000", "0", "00", "dir/999999999999999999"] {
        split(&[&header(name, b'0', 1)[..], &padded(b"x")].concat());
    }
}

fn fault(columns: &[u8], table: &[u8], rows: u32) -> CodecError {
    let table = match Table::read(table, rows, Vec::new(), Vec::new()) {
        Ok(table) => table,
        Err(error) => return error,
    };
    let error = RowsJoin::new(columns, &b""[..], table).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    *error.into_inner().unwrap().downcast::<CodecError>().unwrap()
}

#[test]
fn every_fault_has_its_name() {
    use CodecError::{ColumnsLength, MalformedColumns, MalformedTable, NoSuchRow, PayloadCut, RowLength};
    assert!(matches!(fault(&[0], b"", 0), ColumnsLength { bytes: 0, .. }));
    assert!(matches!(fault(&[0xFF, 0xFF, 0xFF, 0x7F], b"", 0), ColumnsLength { .. }));
    assert!(matches!(fault(&[0x80], b"", 0), MalformedColumns { .. }));
    assert!(matches!(fault(&[9, 0], b"", 0), MalformedColumns { detail: "a block is cut" }));
    assert!(matches!(fault(&[8, 0, 1, 5, 0, 0, 0, 0, 0], b"", 0), PayloadCut { missing: 1 }));
    assert!(matches!(fault(&[8, 0, 1, 1, 0, 0, 0, 0, 0], b"", 0), MalformedColumns { .. }));
    let row = [12, 0, 1, 6, 0, 0, 0, 0, 4, 1, 0, 0, 0];
    assert!(matches!(fault(&row, b"\x00", 1), NoSuchRow { row: 1, rows: 1 }));
    assert!(matches!(fault(&[], b"\x02a", 1), MalformedTable { .. }));
    assert!(matches!(fault(&[], b"\x01a", 2), MalformedTable { detail: "it has fewer rows than stated" }));
    assert!(matches!(fault(&[], b"\x01a\x00", 1), MalformedTable { detail: "it has more rows than stated" }));
    assert!(matches!(fault(&[], &[0x81, 0x80, 0x04], 1), RowLength { bytes: 65_537, .. }));
}
