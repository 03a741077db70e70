//! A metadata tar as DTR's `backup` writes it: a file for each row of each table, day by day.
//!
//! From one day to the next a hundredth of the rows change. All are numbered anew, stand in
//! another order within their table, and have other times, as in backups of a live database. The same day has the same bytes, always.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::Words;

mod tables;

use tables::{TABLES, Table};

/// First second of day 1.
const FIRST_DAY: u64 = 1_767_225_600;
/// One row in so many changes each day.
const CHANGING: u64 = 100;
const BLOCK: usize = 512;
/// Tables that name image content.
const NAMING: [&str; 5] = ["blobs", "blob_links", "manifests", "repositories", "tags"];

/// The tar of day `day` (1 is the first) with about `rows` rows.
pub fn dtr_tar(rows: u64, day: u64) -> Vec<u8> {
    let mut tar = Vec::new();
    write_day(&mut tar, rows, day).unwrap();
    tar
}

/// Writes the tar of day `day` (1 is the first) with about `rows` rows.
///
/// # Errors
///
/// What `out` says.
pub fn write_day(out: &mut impl Write, rows: u64, day: u64) -> io::Result<()> {
    write_day_of(out, "dtr-backup-v2.9.4-online", rows, day, &BTreeMap::new())
}

/// The same below `root`. With rows of `own` those tables name image content and no others do; the
/// rest comes to about `rows`.
pub(crate) fn write_day_of(
    out: &mut impl Write,
    root: &str,
    rows: u64,
    day: u64,
    own: &BTreeMap<&'static str, Vec<String>>,
) -> io::Result<()> {
    member(out, &format!("{root}/"), b'5', 0o700, 0, b"")?;
    member(out, &format!("{root}/rethink/"), b'5', 0o700, 0, b"")?;
    let is_made = |table: &Table| own.is_empty() || !NAMING.contains(&table.name);
    let shares: u64 = TABLES.iter().filter(|table| is_made(table)).map(|table| table.share).sum();
    let mut written = 0;
    for (name, contents) in own {
        let folder = format!("{root}/rethink/{name}/");
        let row = |row: u64| contents[usize::try_from(row).unwrap()].clone();
        write_table(out, &folder, &mut written, &shuffled(contents.len() as u64, day, 100), day, row)?;
    }
    for (place, table) in (0..).zip(TABLES).filter(|(_, table)| is_made(table)) {
        let folder = format!("{root}/rethink/{}/", table.name);
        let order = shuffled((rows * table.share).div_ceil(shares), day, place);
        let row = |row| (table.row)(row, version(place, row, day));
        write_table(out, &folder, &mut written, &order, day, row)?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.flush()
}

/// The first rows of a table, as on day 1.
pub(crate) fn rows_of(table: &str, count: u64) -> Vec<String> {
    let table = TABLES.iter().find(|known| known.name == table).unwrap();
    (0..count).map(|row| (table.row)(row, 1)).collect()
}

fn shuffled(count: u64, day: u64, place: u64) -> Vec<u64> {
    let mut order: Vec<u64> = (0..count).collect();
    Words::of(&[day, place, 7]).shuffle(&mut order);
    order
}

fn write_table(
    out: &mut impl Write,
    folder: &str,
    written: &mut u64,
    order: &[u64],
    day: u64,
    row: impl Fn(u64) -> String,
) -> io::Result<()> {
    member(out, folder, b'5', 0o700, 0, b"")?;
    for (name, number) in order.iter().enumerate() {
        // A database gives out some ten thousand rows a second.
        let time = FIRST_DAY + day * 86_400 + *written / 10_000;
        member(out, &format!("{folder}{name}"), b'0', 0o600, time, row(*number).as_bytes())?;
        *written += 1;
    }
    Ok(())
}

/// The last day up to `day` on which a row changed; 1 is the first day of all.
fn version(table: u64, row: u64, day: u64) -> u64 {
    let changed = |day: &u64| Words::of(&[table, row, *day, 8]).below(CHANGING) == 0;
    (2..=day).rev().find(changed).unwrap_or(1)
}

/// One member in the form of POSIX 1003.1 ustar.
pub(crate) fn member(
    out: &mut impl Write,
    name: &str,
    kind: u8,
    mode: u32,
    time: u64,
    content: &[u8],
) -> io::Result<()> {
    let mut header = [0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    let fields = [
        (100, format!("{mode:07o}")),
        (108, "0000000".to_owned()),
        (116, "0000000".to_owned()),
        (124, format!("{:011o}", content.len())),
        (136, format!("{time:011o}")),
        // The sum is taken as if its own field held spaces.
        (148, "        ".to_owned()),
        (257, "ustar\u{0}00".to_owned()),
    ];
    for (at, text) in fields {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.write_all(&header)?;
    out.write_all(content)?;
    out.write_all(&[0; BLOCK][..content.len().next_multiple_of(BLOCK) - content.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn members(day: u64) -> (HashMap<String, Vec<u8>>, usize) {
        let bytes = dtr_tar(4000, day);
        let mut found = HashMap::new();
        for entry in tar::Archive::new(&*bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            io::Read::read_to_end(&mut entry, &mut content).unwrap();
            found.insert(entry.path().unwrap().to_string_lossy().into_owned(), content);
        }
        (found, bytes.len())
    }

    #[test]
    fn a_day_changes_a_hundredth_and_all_order() {
        let ((first, _), (second, _)) = (members(1), members(2));
        let rows: HashSet<_> = first.values().collect();
        let new = second.values().filter(|row| !rows.contains(row)).count();
        assert_eq!(first.len(), second.len());
        assert!((second.len() / 200..second.len() / 50).contains(&new), "{new} of {}", second.len());
        let stayed = first.iter().filter(|(name, row)| !row.is_empty() && second.get(*name) == Some(row));
        assert!(stayed.count() < first.len() / 20);
        assert_eq!(first, members(1).0);
    }

    #[test]
    fn rows_are_as_long_as_those_of_dtr() {
        let (rows, _) = members(1);
        let total: usize = rows.values().map(Vec::len).sum();
        assert!((500..1500).contains(&(total / rows.len())), "{}", total / rows.len());
    }
}
