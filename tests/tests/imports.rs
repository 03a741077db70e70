//! The layers of the program: which crate may import which, and how many crates of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Who may import whom; a crate that is not named here is not allowed at all.
///
/// `registry` and `ops` may import `store` since a registry in a bucket is read and restored
/// through the very same stores that hold repositories.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("gzip-replay", &[]),
    ("format", &[]),
    ("crypto", &["format"]),
    ("codec", &["format", "gzip-replay"]),
    ("store", &[]),
    ("registry", &["format", "store"]),
    ("repo", &["format", "crypto", "codec", "store"]),
    ("dtr", &["format", "registry"]),
    ("ops", &["repo", "registry", "dtr", "codec", "format", "store"]),
    ("", &["ops", "store"]),
];

/// Most crates of others that end up in the binary. Each is code that holds somebody's keys.
const MAX_DEPENDENCIES: usize = 265;

/// What cargo knows of the crates of this platform, from what has been fetched to build them.
fn metadata() -> Metadata {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .current_dir(dtrvault_tests::folder())
        .other_options(["--offline", "--locked", "--filter-platform", &platform].map(str::to_owned))
        .exec()
        .unwrap()
}

/// `repo` of `dtrvault-repo`, nothing of `dtrvault`; what stands alone has its own name.
fn short(name: &str) -> Option<&str> {
    match name {
        "dtrvault" => Some(""),
        "gzip-replay" => Some(name),
        _ => name.strip_prefix("dtrvault-"),
    }
}

#[test]
fn every_crate_imports_what_it_may() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let metadata = metadata();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = short(&package.name).unwrap();
        // What only looks at the others may look at all of them; the stand-in looks at none.
        if matches!(name, "tests" | "benches" | "format-spec" | "dtr-stand-in") {
            continue;
        }
        seen.insert(name.to_owned());
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name:?} has no place among the layers"));
        for import in imports(package) {
            assert!(may.contains(&import), "{name:?} imports {import:?}");
        }
    }
    let expected = allowed.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, expected);
}

/// Crates of this workspace that a crate's product code imports; its tests may use its own.
fn imports(package: &Package) -> Vec<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .filter_map(|dependency| short(&dependency.name))
        .collect()
}

#[test]
fn the_binary_holds_no_more_crates_than_it_should() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let top = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == "dtrvault")
        .unwrap();
    let mut found = BTreeSet::new();
    let mut next = vec![&top.id];
    while let Some(id) = next.pop() {
        if !found.insert(id) {
            continue;
        }
        for dependency in &nodes[id].deps {
            let normal = |kind: &cargo_metadata::DepKindInfo| kind.kind == DependencyKind::Normal;
            if dependency.dep_kinds.iter().any(normal) {
                next.push(&dependency.pkg);
            }
        }
    }
    let count = found.len();
    assert!(count <= MAX_DEPENDENCIES, "{count} crates");
}

#[test]
fn one_profile_and_one_version_of_every_dependency() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.name);
        let own_version = manifest.lines().find(|line| line.contains("version = \""));
        assert_eq!(own_version, None, "{}", package.name);
    }
}
