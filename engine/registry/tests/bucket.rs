//! Object stores as sources and targets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use common::{content, file_entry, items, walk};
use dtrvault_format::{Entry, Kind, ProblemKind};
use dtrvault_registry::{
    Existing, Found, ItemKind, Source, SourceError, Target, TargetError, TargetPlan, WalkOptions, exclusions,
    source, target,
};
use dtrvault_store::{Store, StoreOptions, open};
use tokio::runtime::Runtime;

const LINK: &str = "docker/registry/v2/repositories/a/_manifests/tags/v1/current/link";

fn setup() -> (Runtime, Arc<dyn Store>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = open("memory://", &StoreOptions::default()).unwrap();
    (runtime, store)
}

fn fill(runtime: &Runtime, store: &Arc<dyn Store>, keys: &[&str]) {
    for key in keys {
        let body = Bytes::from(format!("body of {key}"));
        runtime.block_on(store.put(key, body)).unwrap();
    }
}

#[test]
fn keys_come_in_the_order_of_a_tree() {
    let (runtime, store) = setup();
    let keys = ["a.b", "a/c", "a/b/x", "a-", LINK, "ü", "docker/registry/v2/repositories/a/_uploads/1/data"];
    fill(&runtime, &store, &keys);
    let source = source::Bucket::new(Arc::clone(&store), runtime.handle().clone());
    assert!(source.is_registry().unwrap());
    let found = items(&source, &WalkOptions::default());
    let paths: Vec<_> = found.iter().map(|item| str::from_utf8(&item.path).unwrap()).collect();
    assert_eq!(paths, ["a/b/x", "a/c", "a-", "a.b", LINK, "ü"]);
    for item in &found {
        let path = str::from_utf8(&item.path).unwrap();
        assert_eq!(content(&source, item), format!("body of {path}").as_bytes());
        let ItemKind::File(stat) = &item.kind else { panic!("{item:?}") };
        assert_eq!(stat.size, path.len() as u64 + 8);
        assert_eq!(item.meta.mode, 0o644);
    }
    let exclude = exclusions(&["/a", "docker/**"]).unwrap();
    let options = WalkOptions { exclude, with_uploads: true, ..WalkOptions::default() };
    assert_eq!(items(&source, &options).len(), 3);
}

#[test]
fn an_object_below_an_object_is_told() {
    let (runtime, store) = setup();
    fill(&runtime, &store, &["a", "a/b", "a/c", "a.b"]);
    let source = source::Bucket::new(store, runtime.handle().clone());
    let found = walk(&source, &WalkOptions::default());
    let bad: Vec<_> = found
        .iter()
        .filter_map(|found| match found {
            Found::Problem(problem) => Some((problem.kind, problem.path.as_slice())),
            Found::Item(_) => None,
        })
        .collect();
    let bad_name = |path| (ProblemKind::BadName, path);
    assert_eq!(bad, [bad_name(b"a/b".as_slice()), bad_name(b"a/c")]);
    assert_eq!(found.len(), 4);
}

#[test]
fn big_objects_pass_through_and_gone_ones_are_told() {
    let (runtime, store) = setup();
    let big: Vec<u8> = (0..20_000_000_u32).map(|n| (n >> 8) as u8 ^ n as u8).collect();
    runtime.block_on(store.put("big", Bytes::from(big.clone()))).unwrap();
    let source = source::Bucket::new(Arc::clone(&store), runtime.handle().clone());
    let item = items(&source, &WalkOptions::default()).remove(0);
    let ItemKind::File(stat) = item.kind.clone() else { panic!() };
    let mut file = source.open(&item).unwrap();
    let mut head = [0; 1000];
    file.read_exact(&mut head).unwrap();
    assert!(!file.still(&stat).unwrap());
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert!([&head[..], &rest].concat() == big);
    assert!(file.still(&stat).unwrap());
    assert_eq!(file.stat().unwrap(), (item.meta.mtime, stat));
    drop(source.open(&item).unwrap());
    runtime.block_on(store.delete("big")).unwrap();
    assert!(matches!(source.open(&item), Err(SourceError::Vanished { .. })));
}

#[test]
fn an_object_cut_by_the_end_of_the_runtime_is_no_whole_one() {
    let (runtime, store) = setup();
    let body = Bytes::from(vec![1; 20_000_000]);
    runtime.block_on(store.put("big", body)).unwrap();
    let source = source::Bucket::new(store, runtime.handle().clone());
    let item = items(&source, &WalkOptions::default()).remove(0);
    let mut file = source.open(&item).unwrap();
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let mut bytes = Vec::new();
    let ended = file.read_to_end(&mut bytes);
    assert!(ended.is_err() || bytes.len() == 20_000_000);
}

#[test]
fn files_are_restored_as_objects() {
    let (runtime, store) = setup();
    let target = target::Bucket::new(Arc::clone(&store), runtime.handle().clone());
    let entry = file_entry(b"docker/x", 3_000_000, false);
    assert!(matches!(target.file(&entry), Err(TargetError::NotBegun)));
    target.begin(&TargetPlan::default()).unwrap();
    assert_eq!(target.existing(&entry).unwrap(), Existing::Absent);
    let mut writer = target.file(&entry).unwrap();
    writer.write_all(&vec![9; 3_000_000]).unwrap();
    assert_eq!(target.existing(&entry).unwrap(), Existing::Absent);
    writer.commit().unwrap();
    assert_eq!(target.existing(&entry).unwrap(), Existing::File { size: 3_000_000 });
    let mut bytes = Vec::new();
    target.read(b"docker/x").unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes == vec![9; 3_000_000]);

    let mut short = target.file(&file_entry(b"short", 4, false)).unwrap();
    short.write_all(b"abc").unwrap();
    assert!(matches!(short.commit(), Err(TargetError::WrongSize { .. })));
    drop(target.file(&file_entry(b"dropped", 4, false)).unwrap());
    target.file(&file_entry(b"empty", 0, false)).unwrap().commit().unwrap();
    let other = |kind| Entry { kind, ..file_entry(b"other", 0, false) };
    target.other(&other(Kind::Fifo)).unwrap();
    target.dir(&other(Kind::Dir)).unwrap();
    target.finish_dir(&other(Kind::Dir)).unwrap();
    assert_eq!(target.notes().left_out, 1);
    for bad in [b"../x".as_slice(), b".dtrvault-restore", b"\xff", b""] {
        let result = target.file(&file_entry(bad, 0, false));
        assert!(matches!(result, Err(TargetError::BadPath { .. })), "{bad:?}");
    }

    // Not ended: another restore may take it up. Ended: it is content like any other.
    let again = target::Bucket::new(Arc::clone(&store), runtime.handle().clone());
    again.begin(&TargetPlan::default()).unwrap();
    again.end().unwrap();
    let refused =
        target::Bucket::new(Arc::clone(&store), runtime.handle().clone()).begin(&TargetPlan::default());
    assert!(matches!(refused, Err(TargetError::NotEmpty { .. })));
    let source = source::Bucket::new(store, runtime.handle().clone());
    let paths: Vec<_> = items(&source, &WalkOptions::default()).into_iter().map(|item| item.path).collect();
    assert_eq!(paths, [b"docker/x".to_vec(), b"empty".to_vec()]);
}
