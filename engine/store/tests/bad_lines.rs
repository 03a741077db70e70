//! The contract holds over connections that break off: through a proxy that cuts them at any byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_store::testing::{AzureServer, Ending, S3Server, Weather};
use dtrvault_store::{Store, StoreError, StoreOptions, conformance, open};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Duration;

fn store(url: &str, settings: Vec<(String, String)>) -> Arc<dyn Store> {
    let options = StoreOptions {
        settings,
        timeout: Duration::from_secs(2),
        retry_time: Duration::from_secs(30),
        ..StoreOptions::default()
    };
    open(url, &options).unwrap()
}

/// Nearly every second connection ends early, and most of them within the first requests.
fn storm(seed: u64) -> Weather {
    Weather {
        seed,
        cut_percent: 40,
        cut_within_bytes: 8 << 20,
        endings: Ending::NOTICED,
        ..Weather::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_over_connections_that_break_off() {
    let server = S3Server::start().expect("the S3 server starts");
    server.create_bucket("vault").unwrap();
    let line = server.behind(storm(1)).unwrap();
    conformance::run(store("s3://vault/some/prefix", server.environment_at(line.port()))).await;
    assert!(line.cut() >= 10, "{} of {} connections were cut", line.cut(), line.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_over_connections_that_break_off() {
    let server = AzureServer::start().expect("the Azure server starts");
    server.create_container("vault").unwrap();
    let line = server.behind(storm(2)).unwrap();
    conformance::run(store("az://vault/some/prefix", server.environment_at(line.port()))).await;
    assert!(line.cut() >= 10, "{} of {} connections were cut", line.cut(), line.connections());
}

/// Everything that a store is asked, of one that keeps silent in every manner: each call ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_line_ends_every_call() {
    let server = S3Server::start().expect("the S3 server starts");
    server.create_bucket("vault").unwrap();
    for ending in [&[Ending::Stalled], &[Ending::HalfOpen]] {
        let always = Weather { cut_percent: 100, cut_within_bytes: 2, endings: ending, ..Weather::default() };
        let line = server.behind(always).unwrap();
        let options = StoreOptions {
            settings: server.environment_at(line.port()),
            timeout: Duration::from_millis(200),
            retry_time: Duration::from_millis(100),
            ..StoreOptions::default()
        };
        let store = open("s3://vault", &options).unwrap();
        let mut upload = store.put_stream("a").await.unwrap();
        upload.write("x".into()).await.unwrap();
        let listed: Result<Vec<_>, _> = store.list("").try_collect().await;
        let streamed: Result<Vec<_>, _> = store.get_stream("a").try_collect().await;
        for failed in [
            store.put("a", "x".into()).await.err(),
            store.put_new("a", "x".into()).await.err(),
            store.get("a", 1).await.err(),
            store.get_range("a", 0, 1).await.err(),
            store.size("a").await.err(),
            store.delete("a").await.err(),
            upload.finish().await.err(),
            listed.err(),
            streamed.err(),
        ] {
            assert!(matches!(failed, Some(StoreError::Unreachable { .. })), "{ending:?}: {failed:?}");
        }
    }
}

/// A request is repeated for as long as was said, and not only a few times.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_in_time_was_never_away() {
    let server = S3Server::start().expect("the S3 server starts");
    server.create_bucket("vault").unwrap();
    let line = server.behind(Weather::default()).unwrap();
    let store = store("s3://vault", server.environment_at(line.port()));
    store.put("a", "before".into()).await.unwrap();
    line.take_down();
    let back = async {
        // Longer than ten hasty tries take.
        tokio::time::sleep(Duration::from_secs(4)).await;
        line.bring_up();
    };
    let write = store.put_new("b", "after".into());
    let read = store.get("a", 10);
    let list = store.list("").map_ok(|object| object.key).try_collect::<Vec<_>>();
    let ((), written, read, listed) = futures::join!(back, write, read, list);
    written.unwrap();
    assert_eq!(read.unwrap(), "before");
    assert!(listed.unwrap().contains(&"a".to_owned()));
}
