//! The vectors that are checked in are those that the code makes, and none was forgotten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;

use dtrvault_format_spec::vectors;
use serde_json::Value;

#[test]
fn vectors_are_what_the_code_makes() {
    for (name, make) in vectors::FILES {
        let path = vectors::dir().join(name).with_extension("json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let checked_in: Value = serde_json::from_str(&text).unwrap();
        let made = make().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(checked_in == made, "{name}.json: the format has changed");
    }
}

#[test]
fn no_file_was_forgotten() {
    let files: BTreeSet<String> = fs::read_dir(vectors::dir())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let known = vectors::FILES.map(|(name, _)| format!("{name}.json")).into_iter().collect();
    assert_eq!(files, known);
}

#[test]
fn a_second_run_writes_the_same_bytes() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for dir in &dirs {
        vectors::write_all(dir.path()).unwrap();
    }
    for (name, _) in vectors::FILES {
        let [one, two] =
            dirs.each_ref().map(|dir| fs::read(dir.path().join(format!("{name}.json"))).unwrap());
        assert!(one == two, "{name}.json");
    }
}
