//! No numbered line of the document stands without a test, or a reason why there can be none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Statements that no test can try. Their lines say so themselves.
const UNTESTABLE: [(u32, &str); 3] = [
    (23, "it is about what credentials a store gives, and no store is part of the program"),
    (27, "time, caches, power and swap of a machine are not the program's"),
    (29, "there is no such computer"),
];

/// What such a line says.
const MARK: &str = "(no test tries this)";

/// The folder of this package, asked for when the test runs: a target folder that several checkouts share may hold
/// a program that was compiled in another.
fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn statements() -> BTreeMap<u32, String> {
    let text = std::fs::read_to_string(folder().join("../../format-spec/threat-model.md"));
    let mut found: BTreeMap<u32, String> = BTreeMap::new();
    for line in text.unwrap().lines() {
        let numbered = line.split_once(". ").and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
        match numbered {
            Some((number, rest)) => assert_eq!(found.insert(number, rest.to_owned()), None, "{number} twice"),
            None if line.starts_with(' ') => found.last_entry().unwrap().get_mut().push_str(line),
            None => {}
        }
    }
    found
}

/// Numbers of the test functions in this folder.
fn tried() -> BTreeSet<u32> {
    let folder = folder().join("tests/threat_model");
    let mut tried = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for (before, after) in text.split("\nfn t").zip(text.split("\nfn t").skip(1)) {
            if let Some(number) = after.get(..2).and_then(|digits| digits.parse().ok()) {
                assert!(before.ends_with("#[test]"), "{number} is not run");
                tried.insert(number);
            }
        }
    }
    tried
}

#[test]
fn every_statement_is_tried_or_cannot_be() {
    let statements = statements();
    let numbers: BTreeSet<u32> = statements.keys().copied().collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect());
    let untestable: BTreeSet<u32> = UNTESTABLE.iter().map(|(number, _)| *number).collect();
    let tried = tried();
    assert!(tried.is_disjoint(&untestable));
    assert_eq!(numbers, tried.union(&untestable).copied().collect::<BTreeSet<u32>>());
    for (number, text) in &statements {
        assert_eq!(text.contains(MARK), untestable.contains(number), "{number}");
    }
    assert!(UNTESTABLE.iter().all(|(_, reason)| !reason.is_empty()));
}
