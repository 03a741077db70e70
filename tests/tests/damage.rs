//! Damage is found, named by snapshot, path and blob, and costs no more than what it hit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, Words, flip_byte, shapes};

/// Two evenings on a registry: a big blob on each, so that packs hold one or the other.
fn stored() -> (Vault, Storage, [String; 2]) {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let digests = [0, 1].map(|evening| {
        let digest = storage.blob(&Words::new(evening).bytes(3 << 20));
        storage.image("acme/app", &format!("v{evening}"), &[format!("layer {evening}").into_bytes()]);
        vault.run(["snapshot", "--registry", "registry"]).ok();
        digest
    });
    (vault, storage, digests)
}

/// The biggest pack holds most of a big blob's bytes.
fn biggest(vault: &Vault) -> std::path::PathBuf {
    let packs = vault.objects("packs");
    let size = |path: &std::path::PathBuf| fs::metadata(path).unwrap().len();
    packs.into_iter().max_by_key(size).unwrap()
}

#[test]
fn a_flipped_byte_is_named_and_the_rest_comes_back() {
    let (vault, storage, digests) = stored();
    let pack = biggest(&vault);
    flip_byte(&pack, fs::metadata(&pack).unwrap().len() / 2);

    // The structure is whole; only reading finds it.
    let report = vault.run(["check", "--read-data", "--json"]).exits(13).json();
    let found = shapes::damage(&report);
    assert!(!found.is_empty());
    let hit: Vec<&String> = digests
        .iter()
        .filter(|digest| {
            let hex = digest.trim_start_matches("sha256:");
            found.iter().any(|line| line.contains(hex))
        })
        .collect();
    assert_eq!(hit.len(), 1, "{found:#?}");
    let name = pack.file_name().unwrap().to_str().unwrap();
    assert!(report.to_string().contains(name), "{report:#}");

    // A frame may hold the end of one blob and the beginning of the next: all it held is named.
    let named = |path: &str| found.iter().any(|line| line.contains(&format!("\"{path}\"")));
    let done = vault.run(["restore", "--snapshot", "latest", "--target", "out"]);
    assert_eq!(done.code, Some(13), "{}", done.stderr);
    let after = listing(&vault.at("out"));
    for (path, item) in listing(storage.root()) {
        let expected = (!named(&path)).then_some(&item.content);
        assert_eq!(after.get(&path).map(|item| &item.content), expected, "{path}");
    }
}

#[test]
fn a_lost_pack_and_a_cut_one_are_found_without_reading() {
    let (vault, ..) = stored();
    let pack = biggest(&vault);
    let whole = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    let report = vault.run(["check", "--json"]).exits(13).json();
    assert!(!shapes::damage(&report).is_empty());
    fs::write(&pack, &whole[..whole.len() / 2]).unwrap();
    vault.run(["check"]).exits(13);
    fs::write(&pack, &whole).unwrap();
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn packs_without_a_name_are_told_by_what_can_be_done_with_them() {
    let (vault, ..) = stored();
    let pack = biggest(&vault);
    let key = format!("packs/ab/{}", "ab".repeat(32));
    let torn = vault.repo().join(&key);
    fs::create_dir_all(torn.parent().unwrap()).unwrap();
    fs::write(&torn, &fs::read(&pack).unwrap()[..1 << 20]).unwrap();
    // It is no damage, and nothing that the next snapshot uses.
    let told = vault.run(["check"]).ok();
    told.tells(&format!("unusable: {key}")).tells("delete them from the store").tells("no damage found");
    let report = vault.run(["check", "--json"]).ok().json();
    let [unusable] = &shapes::array(&report, "unusable_packs")[..] else { panic!("{report:#}") };
    assert_eq!(shapes::text(unusable, "object"), key);
    assert_eq!(shapes::number(unusable, "size_bytes"), 1 << 20);
    assert_eq!(shapes::number(&report, "unreferenced_packs"), 1);
    // Where the index is gone, packs are not left over: they are what it is made from.
    fs::remove_dir_all(vault.repo().join("index")).unwrap();
    let told = vault.run(["check"]).exits(13);
    told.tells("keep them until the damage is dealt with").tells("rebuild-index takes them in");
    vault.run(["rebuild-index"]).ok().tells("1 pack cannot be used");
    fs::remove_file(&torn).unwrap();
    let told = vault.run(["check", "--read-data"]).ok().text();
    assert!(!told.contains("not in the index"), "{told}");
}

#[test]
fn what_was_lost_is_stored_again_by_the_next_snapshot() {
    let (vault, storage, _) = stored();
    fs::remove_file(biggest(&vault)).unwrap();
    vault.run(["check"]).exits(13);
    // Told that packs are gone, a rebuilt index no longer counts on them.
    vault.run(["rebuild-index"]).ok();
    vault.run(["snapshot", "--registry", "registry"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
    // Nothing is left that cannot be had again, but for what only the first evening knew: its
    // own listing, when that stood in the pack.
    let report = vault.run(["check", "--read-data", "--json"]).json();
    let first = vault.run(["snapshots", "--json"]).json()["snapshots"][0]["id"].clone();
    for damage in report["damage"].as_array().unwrap() {
        assert_eq!((&damage["snapshot"], &damage["blob"]), (&first, &serde_json::Value::Null), "{damage:#}");
    }
}

#[test]
fn damage_of_every_kind_of_object_is_found_and_never_a_panic() {
    for folder in ["packs", "index", "snapshots", "keys"] {
        for change in ["flip first", "flip last", "cut", "empty"] {
            let vault = Vault::init();
            fs::write(vault.at("m"), Words::new(1).text(200_000)).unwrap();
            vault.run(["snapshot", "--metadata", "m"]).ok();
            let object = vault.objects(folder).remove(0);
            let len = fs::metadata(&object).unwrap().len();
            match change {
                "flip first" => flip_byte(&object, 0),
                "flip last" => flip_byte(&object, len - 1),
                "cut" => fs::File::options().write(true).open(&object).unwrap().set_len(len / 2).unwrap(),
                _ => fs::write(&object, "").unwrap(),
            }
            fs::remove_dir_all(vault.cache()).unwrap();
            let done = vault.run(["check", "--read-data"]);
            let case = format!("{folder}, {change}: {:?} {}", done.code, done.stderr);
            assert!(matches!(done.code, Some(12 | 13)), "{case}");
            assert!(!done.stderr.contains("panicked"), "{case}");
        }
    }
}
