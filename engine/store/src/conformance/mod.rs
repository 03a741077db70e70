//! The contract of [`Store`] as a suite: every backend and every decorator runs it.
//!
//! Panics at the first breach, so it is for tests only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alive;
mod streams;

use crate::{MAX_KEY_BYTES, MAX_KEY_PART_BYTES, ObjectInfo, Result, Store, StoreError};
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than a page of any store that pages by thousands, as S3 and GCS do.
const MANY_OBJECTS: usize = 1_050;

/// Runs every check. The store must be empty, and is left with objects in it.
pub async fn run(store: Arc<dyn Store>) {
    run_with(store, MANY_OBJECTS).await;
}

/// [`run`] with listings of so many objects, for stores whose pages are longer.
pub async fn run_with(store: Arc<dyn Store>, many_objects: usize) {
    whole_objects(&*store).await;
    parts(&*store).await;
    ranges(&*store).await;
    long_ranges(&store).await;
    odd_keys(&*store).await;
    backslashes(&*store).await;
    longest_keys(&*store).await;
    bad_keys(&*store).await;
    deletion_hits_one(&*store).await;
    creation_is_exclusive(&*store).await;
    one_of_many_creators_wins(&store).await;
    replacing_is_atomic(&store).await;
    streams::uploads(&*store).await;
    streams::large_stream(&*store).await;
    streams::listing(&store, many_objects).await;
    alive::listing_beside_changes(&store).await;
    alive::reading_beside_replacement(&store).await;
    alive::writers_of_one_body(&store).await;
}

async fn list(store: &dyn Store, prefix: &str) -> Vec<ObjectInfo> {
    let found: Result<Vec<_>> = store.list(prefix).try_collect().await;
    found.unwrap()
}

async fn keys(store: &dyn Store, prefix: &str) -> BTreeSet<String> {
    let found = list(store, prefix).await;
    let keys: BTreeSet<String> = found.iter().map(|o| o.key.clone()).collect();
    assert_eq!(keys.len(), found.len(), "an object was listed twice");
    keys
}

fn set<const N: usize>(keys: [&str; N]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

/// Put, get, size, replace, delete, and the limit of what is read.
async fn whole_objects(store: &dyn Store) {
    assert!(store.get("whole/a", 10).await.unwrap_err().is_not_found());
    assert!(store.size("whole/a").await.unwrap_err().is_not_found());
    store.delete("whole/a").await.unwrap();

    store.put("whole/a", "first".into()).await.unwrap();
    assert_eq!(store.get("whole/a", 5).await.unwrap(), "first");
    assert_eq!(store.size("whole/a").await.unwrap(), 5);
    store.put("whole/a", "2nd".into()).await.unwrap();
    assert_eq!(store.get("whole/a", u64::MAX).await.unwrap(), "2nd");

    let refused = store.get("whole/a", 2).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge { size: 3, limit: 2, ref key }) if key == "whole/a"),
        "{refused:?}"
    );

    store.put("whole/empty", Bytes::new()).await.unwrap();
    assert_eq!(store.get("whole/empty", 0).await.unwrap(), "");
    assert_eq!(store.size("whole/empty").await.unwrap(), 0);

    // A folder is no object.
    assert!(store.get("whole", 100).await.unwrap_err().is_not_found());
    store.delete("whole").await.unwrap();

    store.delete("whole/a").await.unwrap();
    assert!(store.get("whole/a", 10).await.unwrap_err().is_not_found());
    assert_eq!(keys(store, "whole").await, set(["whole/empty"]));
}

/// Parts become one object, as if they had come in one piece.
async fn parts(store: &dyn Store) {
    let whole: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    let parts = whole.chunks(70_001).map(Bytes::copy_from_slice);
    let parts: Vec<Bytes> = parts.chain([Bytes::new()]).collect();
    for key in ["parts/new", "parts/new", "parts/none"] {
        store.put_parts(key, parts.clone()).await.unwrap();
        assert_eq!(store.get(key, 1 << 20).await.unwrap(), whole);
    }
    store.put_parts("parts/none", Vec::new()).await.unwrap();
    assert_eq!(store.size("parts/none").await.unwrap(), 0);
}

/// Exactly what was asked for, or `ShortRead` with the true size.
async fn ranges(store: &dyn Store) {
    store.put("ranges/a", "0123456789".into()).await.unwrap();
    for (offset, len, expected) in [(0, 10, "0123456789"), (0, 1, "0"), (9, 1, "9"), (3, 4, "3456")] {
        let got = store.get_range("ranges/a", offset, len).await.unwrap();
        assert_eq!(got, expected, "{len} bytes at {offset}");
    }
    for offset in [0, 5, 10] {
        assert_eq!(store.get_range("ranges/a", offset, 0).await.unwrap(), "");
    }
    for (offset, len) in
        [(0, 11), (9, 2), (10, 1), (11, 0), (1000, 1), (1, u64::MAX), (u64::MAX, 1), (0, 1 << 60)]
    {
        let got = store.get_range("ranges/a", offset, len).await;
        assert!(
            matches!(got, Err(StoreError::ShortRead { size: 10, .. })),
            "{len} bytes at {offset}: {got:?}"
        );
    }
    for len in [0, 1] {
        let got = store.get_range("ranges/none", 0, len).await;
        assert!(got.as_ref().is_err_and(StoreError::is_not_found), "{got:?}");
    }
    store.put("ranges/empty", Bytes::new()).await.unwrap();
    assert_eq!(store.get_range("ranges/empty", 0, 0).await.unwrap(), "");
    let got = store.get_range("ranges/empty", 0, 1).await;
    assert!(matches!(got, Err(StoreError::ShortRead { size: 0, .. })), "{got:?}");
}

/// Ranges of an object that is longer than any buffer, several at once.
async fn long_ranges(store: &Arc<dyn Store>) {
    const BYTES: usize = (9 << 20) + 5;
    let body: Bytes = (0..BYTES).map(|i| (i ^ (i >> 7) ^ (i >> 15)) as u8).collect::<Vec<_>>().into();
    store.put_new("ranges/long", body.clone()).await.unwrap();
    assert!(store.get("ranges/long", BYTES as u64).await.unwrap() == body);
    let short = store.get("ranges/long", BYTES as u64 - 1).await;
    assert!(matches!(short, Err(StoreError::TooLarge { .. })), "{short:?}");
    let ranges =
        [(0, BYTES), (1, BYTES - 1), (1 << 20, 8 << 20), (BYTES - 1, 1), ((4 << 20) - 1, 2), (7, 5 << 20)];
    let tasks: Vec<_> = ranges
        .into_iter()
        .map(|(offset, len)| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                (offset, len, store.get_range("ranges/long", offset as u64, len as u64).await)
            })
        })
        .collect();
    for task in tasks {
        let (offset, len, got) = task.await.unwrap();
        assert!(got.unwrap() == body.slice(offset..offset + len), "{len} bytes at {offset}");
    }
    let past = store.get_range("ranges/long", 1, BYTES as u64).await;
    assert!(matches!(past, Err(StoreError::ShortRead { size, .. }) if size == BYTES as u64), "{past:?}");
    store.delete("ranges/long").await.unwrap();
}

/// Names that encodings tend to mangle come back as they were given.
async fn odd_keys(store: &dyn Store) {
    let long = format!("odd/{}", "x".repeat(200));
    let odd = [
        "odd/with space",
        "odd/ü-日本-🦀",
        "odd/100%",
        "odd/%41%2F",
        "odd/a+b",
        "odd/a&b=c;d,e",
        "odd/(q)'!*~@$",
        "odd/[]{}^|`\"<>#",
        "odd/..a",
        "odd/a.",
        "odd/.hidden",
        "odd/Case",
        "odd/case",
        "odd/u\u{308}", // not the same as the letter it looks like
        "odd/ü",
        "odd/a:b?c",
        "odd/-rf",
        "odd/~",
        "odd/\u{2028}\u{feff}",
        "odd/_layers/sha256/0a/link",
        long.as_str(),
    ];
    for key in odd {
        store.put(key, key.to_owned().into()).await.unwrap();
    }
    assert_eq!(keys(store, "odd").await, odd.iter().map(ToString::to_string).collect());
    for key in odd {
        assert_eq!(store.get(key, 4096).await.unwrap(), key);
        store.delete(key).await.unwrap();
    }
    assert_eq!(keys(store, "odd").await, set([]));
}

/// A backslash stands for itself, or the name is refused: never a slash in its place.
async fn backslashes(store: &dyn Store) {
    let key = "odd/back\\slash";
    match store.put(key, "x".into()).await {
        Ok(()) => {
            assert_eq!(keys(store, "odd").await, set([key]));
            store.delete(key).await.unwrap();
        }
        Err(StoreError::BadKey { .. }) => assert!(store.put_new(key, "x".into()).await.is_err()),
        Err(other) => panic!("{other:?}"),
    }
    assert_eq!(keys(store, "odd").await, set([]));
}

/// The longest part and the longest name there may be, and one byte more.
async fn longest_keys(store: &dyn Store) {
    let part = "p".repeat(MAX_KEY_PART_BYTES);
    let mut whole = format!("long/x/{part}/{part}/{part}/");
    whole.push_str(&"w".repeat(MAX_KEY_BYTES - whole.len()));
    let part = format!("long/{part}");
    for key in [&part, &whole] {
        // Below a prefix the clouds' own limit comes first; then it is refused, and not cut.
        match store.put(key, "x".into()).await {
            Ok(()) => assert_eq!(store.get(key, 1).await.unwrap(), "x"),
            Err(error) => assert!(key.len() > 512 && !store.url().starts_with("file"), "{key}: {error:?}"),
        }
        let more = format!("{key}x");
        let refused = store.put(&more, "x".into()).await;
        assert!(matches!(refused, Err(StoreError::BadKey { .. })), "{} bytes: {refused:?}", more.len());
    }
    for found in list(store, "long").await {
        assert!(found.key == part || found.key == whole, "{} was cut", found.key);
        store.delete(&found.key).await.unwrap();
    }
}

/// What is deleted is gone from every view at once, and nothing else is.
async fn deletion_hits_one(store: &dyn Store) {
    let neighbours = ["gone/ab", "gone/a.b", "gone/b/a", "gone/A"];
    for key in neighbours.into_iter().chain(["gone/a"]) {
        store.put(key, key.into()).await.unwrap();
    }
    store.delete("gone/a").await.unwrap();
    store.delete("gone/a").await.unwrap();
    store.delete("gone/b").await.unwrap(); // a folder
    assert!(store.get("gone/a", 9).await.unwrap_err().is_not_found());
    assert!(store.get_range("gone/a", 0, 1).await.unwrap_err().is_not_found());
    assert!(store.size("gone/a").await.unwrap_err().is_not_found());
    assert_eq!(keys(store, "gone").await, set(neighbours));
    for key in neighbours {
        assert_eq!(store.get(key, 9).await.unwrap(), key);
    }
}

/// What is no key is refused by every method alike.
async fn bad_keys(store: &dyn Store) {
    let long = "a/".repeat(600) + "a";
    for key in ["", "/a", "a/", "a//b", "../a", "a/../../b", "./a", "a\0", "a\nb", long.as_str()] {
        let refused = [
            store.put(key, "x".into()).await.err(),
            store.put_new(key, "x".into()).await.err(),
            store.get(key, 1).await.err(),
            store.get_range(key, 0, 1).await.err(),
            store.size(key).await.err(),
            store.delete(key).await.err(),
            store.put_stream(key).await.err(),
            store.get_stream(key).next().await.and_then(Result::err),
        ];
        for (method, error) in refused.into_iter().enumerate() {
            assert!(
                matches!(error, Some(StoreError::BadKey { .. })),
                "method {method} took {key:?}: {error:?}"
            );
        }
        if !key.is_empty() {
            let listed = store.list(key).next().await;
            assert!(matches!(listed, Some(Err(StoreError::BadKey { .. }))), "{key:?}");
        }
    }
}

async fn creation_is_exclusive(store: &dyn Store) {
    store.put_new("new/a", "mine".into()).await.unwrap();
    store.put_new("new/a", "mine".into()).await.unwrap(); // a lost acknowledgement
    for other in ["your", "min", "mine ", "longer than mine", ""] {
        let refused = store.put_new("new/a", other.into()).await;
        assert!(
            matches!(refused, Err(StoreError::AlreadyExists { ref key }) if key == "new/a"),
            "{refused:?}"
        );
    }
    assert_eq!(store.get("new/a", 100).await.unwrap(), "mine");
    store.delete("new/a").await.unwrap();
    store.put_new("new/a", "your".into()).await.unwrap();
    store.put_new("new/empty", Bytes::new()).await.unwrap();
    store.put_new("new/empty", Bytes::new()).await.unwrap();
    let refused = store.put_new("new/empty", "x".into()).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    store.delete("new/empty").await.unwrap();
    assert_eq!(store.get("new/a", 100).await.unwrap(), "your");
    assert_eq!(keys(store, "new").await, set(["new/a"]));
}

async fn one_of_many_creators_wins(store: &Arc<dyn Store>) {
    for round in 0..4 {
        let key = format!("race/{round}/lock");
        let tasks: Vec<_> = (0..16)
            .map(|writer| {
                let (store, key) = (Arc::clone(store), key.clone());
                tokio::spawn(async move { store.put_new(&key, format!("writer {writer}").into()).await })
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, task) in tasks.into_iter().enumerate() {
            match task.await.unwrap() {
                Ok(()) => winners.push(format!("writer {writer}")),
                Err(StoreError::AlreadyExists { .. }) => {}
                Err(other) => panic!("writer {writer}: {other:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(store.get(&key, 100).await.unwrap(), winners[0]);
    }
}

/// Readers see the old object or the new one, never a part or a mixture.
async fn replacing_is_atomic(store: &Arc<dyn Store>) {
    const BYTES: usize = 300_000;
    let body = |fill: u8| Bytes::from(vec![fill; BYTES]);
    store.put("atomic/a", body(0)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Relaxed) {
                let seen = store.get("atomic/a", u64::MAX).await.unwrap();
                assert_eq!(seen.len(), BYTES);
                assert!(seen.iter().all(|byte| *byte == seen[0]), "a mixture was read");
                for found in list(&*store, "atomic").await {
                    assert_eq!((found.key.as_str(), found.size), ("atomic/a", BYTES as u64));
                }
            }
        }
    });
    for fill in 1..30 {
        store.put("atomic/a", body(fill)).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert!(store.get("atomic/a", u64::MAX).await.unwrap().iter().all(|b| *b == 29));
}
