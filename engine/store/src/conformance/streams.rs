//! The part of the suite about streams: uploads, large objects, listings of many pages.

use super::{keys, list, set};
use crate::{Result, Store};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Larger than a part of a multipart upload, and no multiple of one.
const LARGE_BYTES: usize = (33 << 20) + 7;

/// An upload shows when it is finished and not before; given up, it never does.
pub(super) async fn uploads(store: &dyn Store) {
    let missing: Result<Vec<Bytes>> = store.get_stream("stream/a").try_collect().await;
    assert!(missing.unwrap_err().is_not_found());

    let mut upload = store.put_stream("stream/a").await.unwrap();
    upload.write("hello ".into()).await.unwrap();
    upload.write(Bytes::new()).await.unwrap();
    upload.write("world".into()).await.unwrap();
    assert!(store.size("stream/a").await.unwrap_err().is_not_found());
    assert_eq!(keys(store, "stream").await, set([]));
    upload.finish().await.unwrap();
    assert_eq!(read_all(store, "stream/a").await, b"hello world");

    let mut upload = store.put_stream("stream/a").await.unwrap();
    upload.write("replaced".into()).await.unwrap();
    assert_eq!(read_all(store, "stream/a").await, b"hello world");
    upload.finish().await.unwrap();
    assert_eq!(read_all(store, "stream/a").await, b"replaced");

    store.put_stream("stream/empty").await.unwrap().finish().await.unwrap();
    assert_eq!(read_all(store, "stream/empty").await, b"");

    let mut aborted = store.put_stream("stream/aborted").await.unwrap();
    aborted.write("x".into()).await.unwrap();
    aborted.abort().await.unwrap();
    let mut dropped = store.put_stream("stream/dropped").await.unwrap();
    dropped.write("x".into()).await.unwrap();
    drop(dropped);
    assert_eq!(keys(store, "stream").await, set(["stream/a", "stream/empty"]));
}

async fn read_all(store: &dyn Store, key: &str) -> Vec<u8> {
    let read: Result<Vec<Bytes>> = store.get_stream(key).try_collect().await;
    read.unwrap().concat()
}

/// Several parts of unequal writes come back as one object; an aborted one leaves nothing.
pub(super) async fn large_stream(store: &dyn Store) {
    let body: Vec<u8> = (0..LARGE_BYTES).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect();
    let body = Bytes::from(body);
    for finish in [false, true] {
        let mut upload = store.put_stream("large/a").await.unwrap();
        let mut rest = body.clone();
        for size in [1, 5 << 20, 100, 20 << 20, usize::MAX] {
            let piece = rest.split_to(size.min(rest.len()));
            upload.write(piece).await.unwrap();
        }
        assert_eq!(keys(store, "large").await, set([]));
        if finish {
            upload.finish().await.unwrap();
        } else {
            upload.abort().await.unwrap();
        }
    }
    assert_eq!(store.size("large/a").await.unwrap(), LARGE_BYTES as u64);
    let mut pieces = store.get_stream("large/a");
    let mut at = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(body[at..].starts_with(&piece), "other bytes at {at}");
        at += piece.len();
    }
    assert_eq!(at, LARGE_BYTES);
    let tail = store.get_range("large/a", (16 << 20) - 3, 6).await.unwrap();
    assert_eq!(tail, body[(16 << 20) - 3..(16 << 20) + 3]);
    store.delete("large/a").await.unwrap();
}

/// Every page, recursive, by whole folder names; a missing folder is empty.
pub(super) async fn listing(store: &Arc<dyn Store>, many: usize) {
    let name = |i: usize| format!("many/{:02x}/{i:06}", i % 7);
    let before = SystemTime::now() - Duration::from_secs(300);
    stream::iter(0..many)
        .map(|i| async move { store.put(&name(i), vec![b'x'; i % 5].into()).await })
        .buffer_unordered(16)
        .try_collect::<Vec<()>>()
        .await
        .unwrap();
    let all = list(&**store, "many").await;
    assert_eq!(all.len(), many);
    let expected: BTreeSet<(String, u64)> = (0..many).map(|i| (name(i), (i % 5) as u64)).collect();
    assert_eq!(all.iter().map(|o| (o.key.clone(), o.size)).collect::<BTreeSet<_>>(), expected);
    let late = SystemTime::now() + Duration::from_secs(300);
    assert!(all.iter().all(|o| o.modified > before && o.modified < late));

    assert_eq!(keys(&**store, "many/03").await.len(), (many + 3) / 7);
    assert_eq!(keys(&**store, "man").await, set([]), "a prefix is a folder, not a string");
    assert_eq!(keys(&**store, "missing/folder").await, set([]));
    let everything = keys(&**store, "").await;
    assert!(everything.is_superset(&all.iter().map(|o| o.key.clone()).collect()));
    assert!(everything.contains("new/a"));
    let cut_off: Vec<_> = store.list("many").take(3).collect().await;
    assert!(cut_off.len() == 3 && cut_off.iter().all(Result::is_ok));
}
