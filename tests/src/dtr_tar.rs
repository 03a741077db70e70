//! Metadata tars in the form of DTR's `backup`: one small JSON file a row.

use crate::bytes::{Dice, digest_of};

/// Tables that a tar gets.
const TABLES: [&str; 6] = ["blobs", "blob_links", "manifests", "tags", "repositories", "events"];

/// A tar of `rows` rows. Rows stand in another order and are timed anew with every `evening`;
/// one in a hundred differs from every other evening's.
pub fn dtr_tar(rows: u64, evening: u64) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut dice = Dice::new(evening);
    let root = "dtr-backup-v2.9.4-online";
    let each = rows / TABLES.len() as u64;
    folder(&mut tar, root);
    folder(&mut tar, &format!("{root}/rethink"));
    for table in TABLES {
        folder(&mut tar, &format!("{root}/rethink/{table}"));
        let mut order: Vec<u64> = (0..each).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, dice.below(place as u64 + 1) as usize);
        }
        for (place, row) in order.into_iter().enumerate() {
            let mut header = header(0o600);
            let content = content(table, row, evening);
            header.set_size(content.len() as u64);
            header.set_mtime(1_704_000_000 + evening * 86_400 + place as u64 / 50);
            let name = format!("{root}/rethink/{table}/{place}");
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

fn content(table: &str, row: u64, evening: u64) -> String {
    let version = if row.is_multiple_of(100) { evening } else { 0 };
    let digest = digest_of(format!("{table} {row} {version}").as_bytes());
    format!(
        r#"{{"id":"{}","pk":"team{}/app{}:{row}","repository":"team{}/app{}","digest":"{digest}"}}"#,
        &digest[20..52],
        row % 7,
        row % 31,
        row % 7,
        row % 31
    )
}

fn folder(tar: &mut tar::Builder<Vec<u8>>, name: &str) {
    let mut header = header(0o700);
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mtime(0);
    tar.append_data(&mut header, name, &[][..]).unwrap();
}

fn header(mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header
}
