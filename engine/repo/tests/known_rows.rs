//! Rows keep their numbers from one table to the next, and nothing that befalls the cache gives a
//! wrong one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use common::{Vault, noise};
use dtrvault_format::{RowId, StreamRef};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;
use dtrvault_repo::rows::KnownRows;
use dtrvault_repo::write::Session;

const HOST: &str = "registry";

fn id(n: u64) -> RowId {
    let mut bytes = [0; RowId::LEN];
    // Spread as hashes are, and different from each other.
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    RowId::new(bytes)
}

/// Stores `bytes` behind the known table.
fn table(session: &Session, known: &mut KnownRows, bytes: &[u8]) -> StreamRef {
    let mut stream = known.begin_table(session, None).unwrap();
    stream.write(bytes).unwrap();
    stream.finish().unwrap()
}

fn maps(repo: &Repository) -> Vec<PathBuf> {
    let folders = fs::read_dir(repo.cache_dir().join("rows")).unwrap();
    folders
        .flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}

/// A map of `rows` rows with even ids, and the table it is of.
fn keep(repo: &Repository, name: &str, rows: u64) -> StreamRef {
    let session = repo.session("snapshot").unwrap();
    let mut known = KnownRows::none(repo, HOST, name);
    let stream = table(&session, &mut known, &noise(rows, 200_000));
    for n in 0..rows {
        assert_eq!(known.find(&id(2 * n)), None);
        assert_eq!(known.add(id(2 * n)), Some(n as u32));
    }
    session.checkpoint().unwrap();
    assert_eq!((known.rows(), known.used()), (rows as u32, rows as u32));
    known.keep(stream).unwrap();
    stream
}

#[test]
fn rows_keep_their_numbers() {
    let vault = Vault::new();
    let repo = vault.open();
    let stream = keep(&repo, "backup", 1000);
    let session = repo.session("snapshot").unwrap();
    let (mut known, discarded) = repo.known_rows(HOST, "backup");
    assert!(discarded.is_none());
    assert_eq!(known.mapped_table(), Some((stream, 1000, 1000)));
    assert!(known.is_table_held(&session).unwrap());
    for n in 0..1000 {
        assert_eq!(known.find(&id(2 * n)), Some(n as u32));
        assert_eq!(known.find(&id(2 * n + 1)), None);
    }
    assert_eq!(known.find(&id(0)), Some(0), "a row that is needed twice is one row");
    assert_eq!((known.used(), known.add(id(1))), (1000, Some(1000)));
    // The table goes on from the one before.
    let longer = table(&session, &mut known, b"more");
    session.checkpoint().unwrap();
    known.keep(longer).unwrap();
    let mut bytes = Vec::new();
    Reader::new(&repo).unwrap().stream(&longer).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [noise(1000, 200_000), b"more".to_vec()].concat());
    let (mut known, _) = repo.known_rows(HOST, "backup");
    assert_eq!((known.rows(), known.find(&id(1)), known.find(&id(1998))), (1001, Some(1000), Some(999)));
    // Other sources know nothing of it; yesterday's name of the same one does.
    assert_eq!(repo.known_rows("elsewhere", "backup").0.rows(), 0);
    assert_eq!(repo.known_rows(HOST, "other").0.rows(), 0);
    keep(&repo, "backup-01", 10);
    let (guessed, _) = repo.known_rows(HOST, "backup-02");
    assert!(guessed.rows() == 10 && guessed.is_guess() && guessed.knows(&id(2)) && !guessed.knows(&id(3)));
    assert!(!repo.known_rows(HOST, "backup-01").0.is_guess());
    assert_eq!(maps(&repo).len(), 2);
}

#[test]
fn more_rows_than_memory_holds_are_sorted_in_files() {
    const ROWS: u64 = 2_000_000;
    let vault = Vault::new();
    let repo = vault.open();
    keep(&repo, "backup", ROWS);
    for memory in [0, 1 << 30] {
        let mut options = vault.options("cache");
        options.rows_memory_bytes = memory;
        let repo = Repository::open(vault.backend(), common::PASSWORD, options).unwrap();
        let (mut known, _) = repo.known_rows(HOST, "backup");
        for n in (0..ROWS).step_by(97) {
            assert_eq!(known.find(&id(2 * n)), Some(n as u32));
            assert_eq!(known.find(&id(2 * n + 1)), None);
        }
    }
    assert_eq!(maps(&repo).len(), 1, "nothing is left beside the map");
}

#[test]
fn what_is_learned_from_a_table_is_known_however_much_it_is() {
    const ROWS: u64 = 1_900_000;
    let vault = Vault::new();
    let mut options = vault.options("cache");
    options.rows_memory_bytes = 1 << 20;
    let repo = Repository::open(vault.backend(), common::PASSWORD, options).unwrap();
    let session = repo.session("snapshot").unwrap();
    let mut known = KnownRows::none(&repo, HOST, "backup");
    for n in 0..ROWS {
        known.learn(&n.to_le_bytes());
    }
    known.settle(StreamRef::EMPTY).unwrap();
    assert_eq!((known.rows(), known.used()), (ROWS as u32, 0));
    let of = |known: &mut KnownRows, n: u64| known.find(&known.row_id(&n.to_le_bytes()));
    for n in (0..ROWS).step_by(101) {
        assert_eq!(of(&mut known, n), Some(n as u32));
    }
    assert_eq!(of(&mut known, ROWS), None);
    let stream = known.begin_table(&session, Some(&mut std::iter::empty())).unwrap().finish().unwrap();
    known.keep(stream).unwrap();
    let (mut known, _) = repo.known_rows(HOST, "backup");
    assert_eq!(of(&mut known, ROWS - 1), Some(ROWS as u32 - 1));
}

#[test]
fn a_damaged_map_is_discarded() {
    let vault = Vault::new();
    let repo = vault.open();
    keep(&repo, "backup", 500);
    let path = maps(&repo).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut spoilt = Vec::new();
    for at in [0, 20, 50, 100, 1010, 1024, 1500, 2040, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        spoilt.push(bytes);
    }
    // Two pages that have changed places.
    let mut bytes = whole.clone();
    bytes[1024..3072].rotate_left(1024);
    spoilt.push(bytes);
    for cut in [0, 10, 1024, whole.len() - 1024, whole.len() - 1] {
        spoilt.push(whole[..cut].to_vec());
    }
    spoilt.push([&whole[..], &[0; 1024]].concat());
    for bytes in spoilt {
        fs::write(&path, bytes).unwrap();
        let (known, discarded) = repo.known_rows(HOST, "backup");
        assert!(discarded.is_some());
        assert_eq!((known.rows(), known.mapped_table(), path.exists()), (0, None, false));
    }
    // One of another repository is no better.
    let other = Vault::new();
    keep(&other.open(), "backup", 500);
    fs::copy(maps(&other.open()).pop().unwrap(), &path).unwrap();
    assert!(repo.known_rows(HOST, "backup").1.is_some());
}

#[test]
fn a_table_that_is_not_all_there_is_not_held() {
    let vault = Vault::new();
    keep(&vault.open(), "backup", 500);
    for pack in vault.objects("packs") {
        fs::remove_file(vault.store_dir().join(pack)).unwrap();
    }
    for segment in vault.objects("index") {
        fs::remove_file(vault.store_dir().join(segment)).unwrap();
    }
    let repo = vault.open();
    let session = repo.session("snapshot").unwrap();
    let (known, _) = repo.known_rows(HOST, "backup");
    assert!(!known.is_table_held(&session).unwrap());
}

#[test]
fn a_map_that_spoils_while_it_is_used_gives_no_number() {
    let vault = Vault::new();
    keep(&vault.open(), "backup", 500);
    let mut options = vault.options("cache");
    options.rows_memory_bytes = 0;
    let repo = Repository::open(vault.backend(), common::PASSWORD, options).unwrap();
    let session = repo.session("snapshot").unwrap();
    let (mut known, _) = repo.known_rows(HOST, "backup");
    let stream = table(&session, &mut known, b"");
    let path = maps(&repo).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[1024..] {
        *byte ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(known.find(&id(0)), None);
    assert!(known.keep(stream).is_err(), "what was made with it is not kept");
}
