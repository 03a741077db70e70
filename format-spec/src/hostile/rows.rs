//! Tars by rows: splitting loses nothing, and joining gives no more than rows can hold.

use std::io::Read;

use dtrvault_codec::rows::TableReader;

use crate::rows::{Streams, join, split};

/// The first two bytes are the length of the pieces.
pub(super) fn rows_split(bytes: &[u8]) {
    let (piece, tar) = super::number(bytes);
    let Ok((report, streams)) = split(tar, piece) else {
        unreachable!("whatever it is, a tar can be split");
    };
    let mut joined = Vec::new();
    let read = join(&streams).map(|mut reader| reader.read_to_end(&mut joined));
    assert!(matches!(read, Ok(Ok(_))) && joined == tar, "a tar that does not come back");
    let again = split(tar, usize::MAX);
    assert!(again.is_ok_and(|again| again == (report, streams)), "pieces change the result");
}

/// The first two bytes are the length of the columns, the next two that of the payload; the rest is the table.
pub(super) fn rows_join(bytes: &[u8]) {
    let (columns, rest) = super::number(bytes);
    let (payload, rest) = super::number(rest);
    let (columns, rest) = rest.split_at(columns.min(rest.len()));
    let (payload, table) = rest.split_at(payload.min(rest.len()));
    let mut rows = 0;
    let mut reader = TableReader::new(table);
    while let Ok(Some(_)) = reader.next_row(&mut Vec::new()) {
        rows += 1;
    }
    let streams =
        Streams { columns: columns.to_vec(), payload: payload.to_vec(), table: table.to_vec(), rows };
    let Ok(mut joined) = join(&streams) else { return };
    let mut out = Vec::new();
    if (&mut joined).take(1 << 20).read_to_end(&mut out).is_err() {
        assert!(joined.read(&mut [0; 16]).is_err(), "reading goes on after an error");
    }
    // A row number has four bytes, and gives a header and a padded row at most.
    let most = columns.len() * (table.len() + 1536) + payload.len();
    assert!(out.len() <= most, "more bytes than there can be");
}
