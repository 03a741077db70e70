//! Everything that the vectors call refused is refused, and everything else is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_codec::rows::{RowsJoin, Table};
use dtrvault_codec::{ListReader, TarJoin, decompress};
use dtrvault_crypto::open_slot;
use dtrvault_format::cbor::{self, Object};
use dtrvault_format::{
    Config, Directory, Doomed, FormatError, KeySlot, Lease, PackHeader, Recipe, Segment, Snapshot, StreamRef,
    TreeDecoder,
};
use dtrvault_format_spec::{unhex, vectors};
use serde_json::Value;

fn file(name: &str) -> Value {
    let text = fs::read_to_string(vectors::dir().join(name).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap()).unwrap()
}

/// `why` and bytes of every element of a list of refused ones; there is one at least.
fn refused(name: &str, list: &str) -> Vec<(String, Vec<u8>)> {
    let file = file(name);
    let list = file[list].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().map(|case| (case["why"].as_str().unwrap().to_owned(), bytes(&case["hex"]))).collect()
}

fn object<T: Object>(name: &str, list: &str, sound: &[&str]) {
    for (why, bytes) in refused(name, list) {
        assert!(T::from_bytes(&bytes).is_err(), "{name}: {why}");
    }
    for pointer in sound {
        let bytes = bytes(file(name).pointer(pointer).unwrap());
        assert!(T::from_bytes(&bytes).is_ok(), "{name}: {pointer}");
    }
}

#[test]
fn objects() {
    object::<Config>("config", "refused", &["/cases/0/hex", "/cases/1/hex"]);
    object::<KeySlot>("slot", "refused", &["/cases/0/hex", "/cases/1/hex"]);
    object::<Directory>("pack", "refused_directories", &["/directory/plain"]);
    object::<Segment>("segment", "refused", &["/plain", "/empty"]);
    object::<Snapshot>("snapshot", "refused", &["/plain", "/least/plain", "/before/plain"]);
    object::<Lease>("lease", "refused", &["/plain"]);
    object::<Doomed>("doomed", "refused", &["/plain"]);
}

#[test]
fn slots_that_were_altered() {
    let password = bytes(&file("slot")["password"]);
    for (why, bytes) in refused("slot", "opened_by_no_password") {
        let slot = KeySlot::from_bytes(&bytes).unwrap();
        assert!(matches!(open_slot(&slot, &password), Err(dtrvault_crypto::Error::WrongPassword)), "{why}");
    }
}

#[test]
fn headers_recipes_references_lists_and_skeletons() {
    for (why, bytes) in refused("pack", "refused_headers") {
        assert!(PackHeader::from_bytes(&bytes).is_err(), "{why}");
    }
    for (why, bytes) in refused("recipe", "refused") {
        assert!(cbor::decode::<Recipe>(&bytes, "recipe").is_err(), "{why}");
    }
    for (why, bytes) in refused("stream", "refused_references") {
        let stream: StreamRef = cbor::decode(&bytes, "stream").unwrap();
        assert!(stream.validate().is_err(), "{why}");
    }
    for (why, bytes) in refused("stream", "refused_lists") {
        assert!(ListReader::new(&*bytes).any(|entry| entry.is_err()), "{why}");
    }
    for (why, bytes) in refused("tar", "refused_skeletons") {
        assert!(std::io::copy(&mut TarJoin::new(&*bytes, &[][..]), &mut std::io::sink()).is_err(), "{why}");
    }
    let table = |bytes: &[u8]| Table::read(bytes, 1, Vec::new(), Vec::new());
    for (why, bytes) in refused("rows", "refused_columns") {
        let mut joined = RowsJoin::new(&*bytes, &[][..], table(b"\x01x").unwrap());
        assert!(std::io::copy(&mut joined, &mut std::io::sink()).is_err(), "{why}");
    }
    for (why, bytes) in refused("rows", "refused_tables_of_one_row") {
        assert!(table(&bytes).is_err(), "{why}");
    }
}

#[test]
fn frames() {
    for (why, bytes) in refused("frame", "refused") {
        for len in [0, 1, 540, 1080] {
            assert!(decompress(&bytes.clone().into(), len).is_err(), "{why}");
        }
    }
    for case in file("frame")["refused_as_of_length"].as_array().unwrap() {
        let len = usize::try_from(case["len"].as_u64().unwrap()).unwrap();
        assert!(decompress(&bytes(&case["hex"]).into(), len).is_err());
    }
}

#[test]
fn trees() {
    let read = |bytes: &[u8]| -> Result<usize, FormatError> {
        let mut decoder = TreeDecoder::default();
        decoder.push(bytes);
        let mut entries = 0;
        while decoder.next_entry()?.is_some() {
            entries += 1;
        }
        decoder.finish().map(|()| entries)
    };
    for (why, bytes) in refused("tree", "refused") {
        assert!(read(&bytes).is_err(), "{why}");
    }
    let tree = file("tree");
    assert_eq!(read(&bytes(&tree["hex"])).unwrap(), tree["entries"].as_array().unwrap().len());
    for case in tree["accepted"].as_array().unwrap() {
        assert_eq!(read(&bytes(&case["hex"])).unwrap(), 2);
    }
}
