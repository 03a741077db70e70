//! Every store keeps the one contract: local, memory, a decorator, real servers of S3 and Azure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_store::fault::{Faults, Faulty};
use dtrvault_store::testing::{AzureServer, S3Server};
use dtrvault_store::{Limited, Local, Store, StoreError, StoreOptions, conformance, open};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Duration;

fn options(settings: Vec<(String, String)>) -> StoreOptions {
    StoreOptions { settings, ..StoreOptions::default() }
}

async fn keys(store: &dyn Store) -> Vec<String> {
    let found: Vec<_> = store.list("").try_collect().await.unwrap();
    found.into_iter().map(|object| object.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn local() {
    let dir = tempfile::tempdir().unwrap();
    conformance::run(Arc::new(Local::open(dir.path(), false).unwrap())).await;
    let left = std::fs::read_dir(dir.path().join(".dtrvault-tmp")).unwrap();
    assert_eq!(left.count(), 0, "temporary files were left");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_by_url() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    conformance::run(open(&url, &options(Vec::new())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    conformance::run(open("memory://", &options(Vec::new())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_below_a_prefix() {
    let outer = open("memory://conformance", &options(Vec::new())).unwrap();
    outer.put("deep/prefixed/x", "no part of it".into()).await.unwrap();
    let inner = open("memory://conformance/deep/prefix", &options(Vec::new())).unwrap();
    assert!(keys(&*inner).await.is_empty());
    conformance::run(inner).await;
    assert!(keys(&*outer).await.contains(&"deep/prefix/new/a".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let local = Arc::new(Local::open(dir.path(), false).unwrap());
    conformance::run(Arc::new(Limited::new(local, 1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decorators_over_each_other() {
    let memory = open("memory://", &options(Vec::new())).unwrap();
    let faulty = Arc::new(Faulty::new(memory, Faults::default()));
    conformance::run(Arc::new(Limited::new(faulty, 3))).await;
    let dir = tempfile::tempdir().unwrap();
    let local = Arc::new(Local::open(dir.path(), false).unwrap());
    conformance::run(Arc::new(Faulty::new(Arc::new(Limited::new(local, 2)), Faults::default()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3() {
    let server = S3Server::start().expect("the S3 server starts");
    server.create_bucket("vault").unwrap();
    let options = options(server.environment());
    conformance::run(open("s3://vault/some/prefix", &options).unwrap()).await;

    let bucket = open("s3://vault", &options).unwrap();
    bucket.put("top", "x".into()).await.unwrap();
    let all = keys(&*bucket).await;
    assert!(all.contains(&"some/prefix/new/a".to_owned()) && all.contains(&"top".to_owned()));

    // A missing bucket is not an empty one.
    let missing = open("s3://no-such-bucket/x", &options).unwrap();
    let listed: Result<Vec<_>, _> = missing.list("").try_collect().await;
    assert!(matches!(listed, Err(StoreError::NoRoot { .. })), "{listed:?}");
    for error in [
        missing.get("config", 10).await.unwrap_err(),
        missing.put("config", "x".into()).await.unwrap_err(),
        missing.put_new("config", "x".into()).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NoRoot { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure() {
    let server = AzureServer::start().expect("the Azure server starts");
    server.create_container("vault").unwrap();
    let options = options(server.environment());
    // Its pages have 5,000 entries.
    conformance::run_with(open("az://vault/some/prefix", &options).unwrap(), 5_050).await;

    let missing = open("az://no-such-container", &options).unwrap();
    let listed: Result<Vec<_>, _> = missing.list("").try_collect().await;
    assert!(matches!(listed, Err(StoreError::NoRoot { .. })), "{listed:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unreachable_and_nothing_else() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let options = StoreOptions {
        retries: 1,
        settings: vec![
            ("AWS_ENDPOINT_URL".into(), endpoint),
            ("AWS_ALLOW_HTTP".into(), "true".into()),
            ("AWS_ACCESS_KEY_ID".into(), "test".into()),
            ("AWS_SECRET_ACCESS_KEY".into(), "hunter2".into()),
        ],
        ..StoreOptions::default()
    };
    let store = open("s3://bucket", &options).unwrap();
    let error = store.get("config", 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
    let listed: Result<Vec<_>, _> = store.list("").try_collect().await;
    assert!(matches!(listed, Err(StoreError::Unreachable { .. })), "{listed:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_keeps_silent_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let options = StoreOptions {
        retries: 0,
        timeout: Duration::from_millis(200),
        settings: vec![
            ("AWS_ENDPOINT_URL".into(), endpoint),
            ("AWS_ALLOW_HTTP".into(), "true".into()),
            ("AWS_ACCESS_KEY_ID".into(), "test".into()),
            ("AWS_SECRET_ACCESS_KEY".into(), "test".into()),
        ],
        ..StoreOptions::default()
    };
    let store = open("s3://bucket", &options).unwrap();
    let error = store.get("config", 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let error = store.put_new("config", "x".into()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_and_certificates_are_checked() {
    let server = S3Server::start_tls().expect("the S3 server starts");
    let mut options = StoreOptions { retries: 0, ..options(server.environment()) };
    let strict = open("s3://vault", &options).unwrap();
    let refused = strict.get("config", 10).await;
    assert!(matches!(refused, Err(StoreError::Unreachable { .. })), "{refused:?}");

    options.settings.push(("AWS_ALLOW_INVALID_CERTIFICATES".into(), "true".into()));
    let lax = open("s3://vault", &options).unwrap();
    let answered = lax.get("config", 10).await;
    assert!(matches!(answered, Err(StoreError::NoRoot { .. })), "{answered:?}");
}
