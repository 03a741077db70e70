//! The metadata tar: written as DTR does, read more strictly.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use dtrvault_dtr_stand_in::Version;
use serde_json::Value;

use super::Refused;
use super::tables::required;
use crate::Words;
use crate::dtr_days::member;

const BLOCK: usize = 512;

/// Rows of each table.
pub(super) type Rows = BTreeMap<String, Vec<String>>;

/// Folder at the top of a backup.
pub(super) fn root(version: Version, offline: bool) -> String {
    let mode = match offline {
        _ if version < Version::new(2, 5, 0) => "",
        true => "-offline",
        false => "-online",
    };
    format!("dtr-backup-v{version}{mode}/")
}

/// All rows, in another order each time, without the blocks at the end.
pub(super) fn write(root: &str, tables: &Rows) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut words = Words::of(&[now.as_nanos() as u64]);
    let mut tar = Vec::new();
    let mut put = |name: &str, kind, mode, time, content: &[u8]| {
        member(&mut tar, name, kind, mode, time, content).unwrap();
    };
    put(root, b'5', 0o700, 0, b"");
    put(&format!("{root}rethink/"), b'5', 0o700, 0, b"");
    for (table, rows) in tables {
        let folder = format!("{root}rethink/{table}/");
        put(&folder, b'5', 0o700, 0, b"");
        let mut rows = rows.clone();
        words.shuffle(&mut rows);
        for (number, row) in rows.iter().enumerate() {
            put(&format!("{folder}{number}"), b'0', 0o600, now.as_secs(), row.as_bytes());
        }
    }
    tar
}

/// The version a backup is of, and its rows.
pub(super) fn read(bytes: &[u8]) -> Refused<(Version, Rows)> {
    let broken = |error: std::io::Error| format!("archive/tar: invalid tar: {error}");
    let (mut root, mut tables, mut end) = (None, Rows::new(), 0);
    for entry in tar::Archive::new(bytes).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let size = entry.size() as usize;
        end = entry.raw_file_position() as usize + size.next_multiple_of(BLOCK);
        let mut row = String::new();
        entry.read_to_string(&mut row).map_err(|error| format!("archive/tar: {path}: {error}"))?;
        if row.len() != size {
            return Err(format!("archive/tar: {path}: unexpected EOF"));
        }
        let root = root.get_or_insert_with(|| path.clone());
        let inner = path.strip_prefix(&*root).ok_or_else(|| format!("{path} is not below {root}"))?;
        let folder = entry.header().entry_type().is_dir();
        match inner.trim_end_matches('/').split('/').collect::<Vec<_>>()[..] {
            [""] | ["rethink"] if folder => {}
            ["rethink", table] if folder => _ = tables.entry(table.to_owned()).or_default(),
            ["rethink", table, number] if !folder && number.parse::<u64>().is_ok() => {
                serde_json::from_str::<Value>(&row)
                    .map_err(|error| format!("Can't restore rethinkdb row: {path}: {error}"))?;
                tables.get_mut(table).ok_or_else(|| format!("{path}: no such table"))?.push(row);
            }
            _ => return Err(format!("{path}: unexpected file in a backup")),
        }
    }
    let version = version_of(&root.ok_or("the backup is empty")?)?;
    if bytes.len() < end + 2 * BLOCK || bytes[end..].iter().any(|byte| *byte != 0) {
        return Err("archive/tar: the backup is cut: no blocks at its end".to_owned());
    }
    match required(version).iter().find(|table| !tables.contains_key(**table)) {
        Some(table) => Err(format!("table {table} is not in the backup")),
        None => Ok((version, tables)),
    }
}

fn version_of(root: &str) -> Refused<Version> {
    let foreign = || format!("{root:?} is not the root of a backup");
    let rest =
        root.strip_prefix("dtr-backup-v").and_then(|rest| rest.strip_suffix('/')).ok_or_else(foreign)?;
    rest.split('-').next().ok_or_else(foreign)?.parse()
}
