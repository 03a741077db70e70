//! The store that fails on purpose keeps the contract when it does not, and fails as it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_store::fault::{Faults, Faulty, Reach};
use dtrvault_store::{Store, StoreError, StoreOptions, conformance, open};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn memory() -> Arc<dyn Store> {
    open("memory://", &StoreOptions::default()).unwrap()
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let found: Vec<_> = store.list("").try_collect().await.unwrap();
    let mut keys: Vec<String> = found.into_iter().map(|object| object.key).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn without_faults_it_keeps_the_contract() {
    conformance::run(Arc::new(Faulty::new(memory(), Faults::default()))).await;
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_and_a_lost_acknowledgement_everything() {
    for (errors, lost, left) in [(1.0, 0.0, false), (0.0, 1.0, true)] {
        let inner = memory();
        let faults =
            Faults { error_probability: errors, lost_acknowledgement_probability: lost, ..Faults::default() };
        let store = Faulty::new(Arc::clone(&inner), faults);
        let put = store.put("a/1", "x".into()).await;
        assert!(matches!(put, Err(StoreError::Backend { ref key, .. }) if key == "a/1"), "{put:?}");
        store.put_new("a/2", "x".into()).await.unwrap_err();
        if let Ok(mut upload) = store.put_stream("a/3").await {
            upload.write("x".into()).await.unwrap();
            upload.finish().await.unwrap_err();
        }
        let expected: &[&str] = if left { &["a/1", "a/2", "a/3"] } else { &[] };
        assert_eq!(keys(&*inner).await, expected);
        inner.put("b", "x".into()).await.unwrap();
        store.delete("b").await.unwrap_err();
        assert_eq!(inner.get("b", 1).await.is_err(), left);
    }
}

#[tokio::test]
async fn an_upload_that_missed_a_write_cannot_be_finished() {
    let inner = memory();
    // Call 1 opens the upload, call 2 is a write that fails; calls after it would pass.
    let seed = (0..).find(|seed| {
        let rolls = fates(*seed, 4);
        rolls == [true, false, true, true]
    });
    let faults = Faults { seed: seed.unwrap(), error_probability: 0.5, ..Faults::default() };
    let store = Faulty::new(Arc::clone(&inner), faults);
    let mut upload = store.put_stream("a").await.unwrap();
    upload.write("one".into()).await.unwrap_err();
    upload.write("two".into()).await.unwrap();
    upload.finish().await.unwrap_err();
    assert!(keys(&*inner).await.is_empty());
}

/// Which of the first calls pass, with this seed and errors half of the time.
fn fates(seed: u64, calls: usize) -> Vec<bool> {
    let faults = Faults { seed, error_probability: 0.5, ..Faults::default() };
    let store = Faulty::new(memory(), faults);
    let size = || futures::executor::block_on(store.size("missing")).unwrap_err().is_not_found();
    (0..calls).map(|_| size()).collect()
}

#[test]
fn a_seed_gives_the_same_faults_each_time_and_another_gives_others() {
    assert_eq!(fates(7, 200), fates(7, 200));
    assert_ne!(fates(7, 200), fates(8, 200));
    let passed = fates(7, 1000).into_iter().filter(|passed| *passed).count();
    assert!((400..600).contains(&passed), "{passed} of 1000 at one half");
}

#[tokio::test]
async fn after_the_crash_nothing_works_and_its_own_write_is_done_if_told() {
    for takes_place in [false, true] {
        let inner = memory();
        let faults = Faults { crash_at: Some(2), crash_takes_place: takes_place, ..Faults::default() };
        let store = Faulty::new(Arc::clone(&inner), faults);
        store.put("a/1", "x".into()).await.unwrap();
        assert!(!store.has_crashed());
        let crashed = store.put_new("a/2", "x".into()).await;
        assert!(matches!(crashed, Err(StoreError::Unreachable { .. })), "{crashed:?}");
        assert!(store.has_crashed());
        store.put("a/3", "x".into()).await.unwrap_err();
        store.get("a/1", 1).await.unwrap_err();
        assert!(store.list("a").try_collect::<Vec<_>>().await.is_err());
        assert!(store.get_stream("a/1").try_collect::<Vec<_>>().await.is_err());
        let expected: &[&str] = if takes_place { &["a/1", "a/2"] } else { &["a/1"] };
        assert_eq!(keys(&*inner).await, expected);
        let calls: Vec<String> = store.calls().iter().map(ToString::to_string).collect();
        assert_eq!(calls, ["put a", "put_new a", "put a", "get a", "list a", "get_stream a"]);
    }
}

#[tokio::test]
async fn a_full_store_takes_nothing_and_still_reads_and_deletes() {
    let inner = memory();
    let faults = Faults { crash_at: Some(2), crash_reach: Reach::Space, ..Faults::default() };
    let store = Faulty::new(Arc::clone(&inner), faults);
    store.put("a/1", "x".into()).await.unwrap();
    for _ in 0..2 {
        let put = store.put_new("a/2", "x".into()).await;
        assert!(matches!(put, Err(StoreError::NoSpace { ref key }) if key == "a/2"), "{put:?}");
    }
    assert_eq!(store.get("a/1", 1).await.unwrap(), "x");
    store.delete("a/1").await.unwrap();
    assert!(keys(&store).await.is_empty());
}

#[tokio::test]
async fn one_call_fails_alone() {
    for (takes_place, left) in [(false, &["a/2"][..]), (true, &["a/1", "a/2"])] {
        let inner = memory();
        let crash_reach = Reach::OneCall;
        let faults =
            Faults { crash_at: Some(1), crash_reach, crash_takes_place: takes_place, ..Faults::default() };
        let store = Faulty::new(Arc::clone(&inner), faults);
        store.put("a/1", "x".into()).await.unwrap_err();
        store.put("a/2", "x".into()).await.unwrap();
        assert_eq!(keys(&*inner).await, left);
    }
}

#[tokio::test]
async fn a_torn_write_fails_and_leaves_half_of_it() {
    let inner = memory();
    let store = Faulty::new(Arc::clone(&inner), Faults { torn_write_probability: 1.0, ..Faults::default() });
    store.put("a/1", "whole".into()).await.unwrap_err();
    store.put_new("a/2", "other".into()).await.unwrap_err();
    for (key, left) in [("a/1", "wh"), ("a/2", "ot")] {
        assert_eq!(inner.get(key, 9).await.unwrap(), left);
    }
}

#[tokio::test]
async fn a_stale_listing_lacks_the_newest_object_alone() {
    let inner = memory();
    let store =
        Faulty::new(Arc::clone(&inner), Faults { stale_listing_probability: 1.0, ..Faults::default() });
    assert!(keys(&store).await.is_empty());
    for key in ["c", "a", "b"] {
        store.put(key, "x".into()).await.unwrap();
    }
    assert_eq!(keys(&store).await, ["a", "c"]);
}

#[tokio::test]
async fn a_stall_is_waited_for() {
    let stall = Duration::from_millis(30);
    let store = Faulty::new(memory(), Faults { stall_probability: 1.0, stall, ..Faults::default() });
    let begun = Instant::now();
    store.put("a", "x".into()).await.unwrap();
    assert!(begun.elapsed() >= stall);
    assert_eq!(keys(&store).await, ["a"]);
    assert!(begun.elapsed() >= stall * 2);
}
