//! What only a folder has: foreign files, links, leftovers, permissions, a root that goes away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_store::{Local, Store, StoreError};
use futures::TryStreamExt;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

fn local(path: &Path) -> Local {
    Local::open(path, false).unwrap()
}

async fn keys(store: &Local, prefix: &str) -> Vec<String> {
    let mut found: Vec<_> = store.list(prefix).map_ok(|o| o.key).try_collect().await.unwrap();
    found.sort();
    found
}

#[tokio::test]
async fn foreign_files_do_not_disturb_a_listing() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let store = local(root);
    store.put("packs/ab/one", "1".into()).await.unwrap();
    fs::write(root.join("packs/.DS_Store"), "x").unwrap();
    fs::create_dir(root.join("packs/empty")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"packs/\xff")), "x").unwrap();
    fs::write(root.join("packs/new\nline"), "x").unwrap();
    symlink("nowhere", root.join("packs/dangling")).unwrap();
    let pipe = root.join("packs/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(keys(&store, "packs").await, ["packs/.DS_Store", "packs/ab/one"]);
    // A pipe without a writer must not hold the reader.
    let read = tokio::time::timeout(Duration::from_secs(10), store.get("packs/pipe", 10)).await;
    assert!(read.unwrap().unwrap_err().is_not_found());
}

#[tokio::test]
async fn folders_moved_to_another_disk_are_followed_and_circles_are_not() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(disk.path().join("packs")).unwrap();
    symlink(disk.path().join("packs"), dir.path().join("packs")).unwrap();
    symlink(dir.path(), disk.path().join("packs/circle")).unwrap();
    let store = local(dir.path());
    fs::write(disk.path().join("packs/a"), "moved").unwrap();
    assert_eq!(keys(&store, "packs").await, ["packs/a"]);
    assert_eq!(store.get("packs/a", 10).await.unwrap(), "moved");
}

#[tokio::test]
async fn unfinished_files_do_not_show_and_old_ones_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let temp = dir.path().join(".dtrvault-tmp");
    fs::create_dir(&temp).unwrap();
    let aged = |name: &str, hours: u64| {
        let file = fs::File::create(temp.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    aged("dead", 25);
    aged("alive", 23);
    let store = local(dir.path());
    assert!(keys(&store, "").await.is_empty() && keys(&store, ".dtrvault-tmp").await.is_empty());
    assert!(temp.join("dead").exists(), "reading must not write");
    store.put("a", "x".into()).await.unwrap();
    assert!(!temp.join("dead").exists() && temp.join("alive").exists());
    let refused = store.get(".dtrvault-tmp/alive", 10).await;
    assert!(matches!(refused, Err(StoreError::BadKey { .. })), "{refused:?}");
    let refused = store.put(".dtrvault-tmp/x", "x".into()).await;
    assert!(matches!(refused, Err(StoreError::BadKey { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_root_that_went_away_is_no_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mounted");
    fs::create_dir(&root).unwrap();
    let store = local(&root);
    store.put("packs/a", "x".into()).await.unwrap();
    fs::remove_dir_all(&root).unwrap();
    let listed: Result<Vec<_>, _> = store.list("packs").try_collect().await;
    for error in [
        listed.unwrap_err(),
        store.get("packs/a", 10).await.unwrap_err(),
        store.put("packs/b", "x".into()).await.unwrap_err(),
        store.put_new("packs/b", "x".into()).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NoRoot { .. }), "{error:?}");
    }
    assert!(!root.exists(), "the store must not be made anew beside the mount");
}

#[tokio::test]
async fn an_emptied_folder_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    store.put("packs/ab/one", "1".into()).await.unwrap();
    fs::remove_dir_all(dir.path().join("packs")).unwrap();
    store.put("packs/ab/two", "2".into()).await.unwrap();
    fs::remove_dir_all(dir.path().join("packs")).unwrap();
    store.put_new("packs/ab/three", "3".into()).await.unwrap();
    assert_eq!(keys(&store, "").await, ["packs/ab/three"]);
}

#[tokio::test]
async fn files_and_folders_are_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("new/root");
    let store = Local::open(&root, true).unwrap();
    store.put("keys/a", "x".into()).await.unwrap();
    store.put_stream("keys/b").await.unwrap().finish().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("keys")), 0o700);
    assert_eq!((mode(&root.join("keys/a")), mode(&root.join("keys/b"))), (0o600, 0o600));
}

#[tokio::test]
async fn a_folder_in_the_place_of_an_object_is_an_error_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    store.put("a/b", "x".into()).await.unwrap();
    assert!(store.put("a", "x".into()).await.is_err());
    assert!(store.put_new("a", "x".into()).await.is_err());
    assert!(store.put("a/b/c", "x".into()).await.is_err());
    assert!(store.get("a/b/c", 10).await.unwrap_err().is_not_found());
    assert_eq!(keys(&store, "").await, ["a/b"]);
    assert!(keys(&store, "a/b").await.is_empty(), "an object is no folder");
}

#[test]
fn a_file_is_no_root() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let opened = Local::open(&file, true);
    assert!(matches!(opened, Err(StoreError::Io { .. })), "{opened:?}");
}
