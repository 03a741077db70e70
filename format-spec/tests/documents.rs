//! The documents name every bound, every vector and every target, as the code has them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dtrvault_format_spec::{hostile, limits, vectors};

fn here() -> PathBuf {
    dtrvault_format_spec::folder()
}

fn root() -> PathBuf {
    here().join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(dir: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn limits_stand_in_their_table() {
    let documented: BTreeMap<String, u64> =
        limits::documented(&read(&here().join("limits.md"))).into_iter().collect();
    let known: BTreeMap<String, u64> =
        limits::LIMITS.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    assert_eq!(documented, known);
}

#[test]
fn no_limit_was_forgotten() {
    let known: BTreeSet<&str> = limits::LIMITS.iter().map(|(name, _)| *name).collect();
    for file in ["limits.rs", "slot.rs"] {
        for line in read(&root().join("engine/format/src").join(file)).lines() {
            let Some((name, _)) = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(':'))
            else {
                continue;
            };
            assert!(known.contains(name), "{name}");
        }
    }
}

#[test]
fn the_overview_names_every_document_and_every_vector() {
    let overview = read(&here().join("README.md"));
    for name in names(&here()) {
        if name.ends_with(".md") && name != "README.md" {
            assert!(overview.contains(&format!("({name})")), "{name}");
        }
    }
    for (name, _) in vectors::FILES {
        assert!(overview.contains(&format!("{name}.json")), "{name}.json");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for dir in [here(), root().join("docs/decisions"), root().join("fuzz")] {
        for name in names(&dir) {
            if !name.ends_with(".md") {
                continue;
            }
            for link in read(&dir.join(&name)).split("](").skip(1) {
                let link = link.split([')', '#']).next().unwrap_or_default();
                assert!(
                    link.is_empty() || link.contains("://") || dir.join(link).exists(),
                    "{name} links to {link}"
                );
            }
        }
    }
}

#[test]
fn every_target_has_a_binary_and_seeds() {
    let fuzz = root().join("fuzz");
    let known: BTreeSet<String> = hostile::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz.join("seeds")), known);
    let binaries = known.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names(&fuzz.join("fuzz_targets")), binaries);
    let manifest = read(&fuzz.join("Cargo.toml"));
    for name in &known {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(read(&fuzz.join("fuzz_targets").join(format!("{name}.rs"))).contains(&format!("\"{name}\"")));
    }
}

#[test]
fn every_seed_holds() {
    for (name, target) in hostile::TARGETS {
        let dir = root().join("fuzz/seeds").join(name);
        let seeds = names(&dir);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            target(&fs::read(dir.join(seed)).unwrap());
        }
    }
}
