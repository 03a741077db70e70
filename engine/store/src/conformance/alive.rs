//! The part of the suite about a store that changes while it is looked at.

use super::{keys, list};
use crate::{Result, Store};
use bytes::Bytes;
use futures::stream::TryStreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What stands the whole time is in every listing, once, while others come and go.
pub(super) async fn listing_beside_changes(store: &Arc<dyn Store>) {
    let standing: Vec<String> = (0..20).map(|i| format!("alive/{i:02}/stands")).collect();
    for key in &standing {
        store.put(key, "x".into()).await.unwrap();
    }
    let done = Arc::new(AtomicBool::new(false));
    let changes = tokio::spawn({
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        async move {
            for i in (0..20).cycle() {
                let key = format!("alive/{i:02}/comes-and-goes");
                store.put(&key, "y".into()).await.unwrap();
                store.delete(&key).await.unwrap();
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
    });
    for _ in 0..20 {
        // `keys` refuses what is listed twice.
        let seen = keys(&**store, "alive").await;
        assert!(standing.iter().all(|key| seen.contains(key)), "{seen:?}");
    }
    done.store(true, Ordering::Relaxed);
    changes.await.unwrap();
    assert_eq!(list(&**store, "alive").await.len(), standing.len());
}

/// A stream gives one object to its end, or an error: never the head of one and the tail of another.
pub(super) async fn reading_beside_replacement(store: &Arc<dyn Store>) {
    const BYTES: usize = 3 << 20;
    let body = |fill: u8| Bytes::from(vec![fill; BYTES]);
    store.put("alive/a", body(0)).await.unwrap();
    for fill in 1..6 {
        let mut pieces = store.get_stream("alive/a");
        let first = pieces.try_next().await.unwrap().unwrap();
        store.put("alive/a", body(fill)).await.unwrap();
        let rest: Result<Vec<Bytes>> = pieces.try_collect().await;
        if let Ok(rest) = rest {
            let seen = [vec![first], rest].concat().concat();
            assert_eq!(seen.len(), BYTES);
            assert!(seen.iter().all(|byte| *byte == seen[0]), "a mixture was read");
        }
    }
}

/// Writers that create one and the same object at once have all succeeded: names stand for content.
pub(super) async fn writers_of_one_body(store: &Arc<dyn Store>) {
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.put_new("alive/same", vec![7; 100_000].into()).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(store.size("alive/same").await.unwrap(), 100_000);
}
