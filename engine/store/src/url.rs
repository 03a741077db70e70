//! From a URL to a store.

use crate::{Limited, Local, Result, Store, StoreError, StoreOptions, cloud};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens the store that `url` names. Reaches no network: a cloud is first asked by the first request.
///
/// | form | store |
/// |---|---|
/// | a path, `file:///path` | a folder |
/// | `s3://bucket/prefix` | S3 and its likes (`AWS_*` environment) |
/// | `gs://bucket/prefix` | Google Cloud Storage (`GOOGLE_*`) |
/// | `az://container/prefix` | Azure Blob Storage (`AZURE_*`) |
/// | `memory://`, `memory://name` | this process's memory; with a name, the same for all who open it |
///
/// Prefixes are taken as written, without percent decoding. `NoRoot` for a folder that does not exist, unless
/// [`StoreOptions::create_dir`]; `BadUrl` for everything that is none of these or carries credentials.
pub fn open(url: &str, options: &StoreOptions) -> Result<Arc<dyn Store>> {
    let store: Arc<dyn Store> = match url.split_once("://") {
        None => Arc::new(Local::open(Path::new(url), options.create_dir)?),
        Some(("file", _)) => Arc::new(Local::open(&file_path(url)?, options.create_dir)?),
        Some((scheme, rest)) => {
            let (bucket, prefix) = bucket_and_prefix(url, rest)?;
            cloud::open(scheme, bucket, prefix, options)?
        }
    };
    Ok(Arc::new(Limited::new(store, options.parallel)))
}

/// The path of a `file://` URL (RFC 8089), percent-decoded.
fn file_path(text: &str) -> Result<PathBuf> {
    let parsed = ::url::Url::parse(text).map_err(|e| bad_url(text, &e.to_string()))?;
    if !text.starts_with("file:///") && !text.starts_with("file://localhost/") {
        return Err(bad_url(text, "a file URL needs an absolute path and no host"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(bad_url(text, "write ? and # as %3F and %23"));
    }
    parsed.to_file_path().map_err(|()| bad_url(text, "a file URL needs an absolute path and no host"))
}

fn bucket_and_prefix<'a>(url: &str, rest: &'a str) -> Result<(&'a str, &'a str)> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') {
        return Err(bad_url(url, "credentials belong in the environment, not in the URL"));
    }
    if bucket.contains(['?', '#', '%', ':', '\\']) || prefix.contains(['?', '#']) {
        return Err(bad_url(url, "neither query nor port is understood"));
    }
    let prefix = prefix.trim_end_matches('/');
    if !prefix.is_empty() && !crate::key::is_key(prefix) {
        return Err(bad_url(url, "the prefix must be a relative path without empty parts"));
    }
    Ok((bucket, prefix))
}

/// A [`StoreError::BadUrl`] that repeats no secret.
pub(crate) fn bad_url(url: &str, reason: &str) -> StoreError {
    StoreError::BadUrl { url: redact(url), reason: reason.to_owned() }
}

/// Drops user, password, query and fragment.
fn redact(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    // A secret key may hold slashes, so everything up to the last @ goes.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn reason(url: &str) -> String {
        match open(url, &StoreOptions::default()) {
            Err(error @ StoreError::BadUrl { .. }) => error.to_string(),
            other => format!("{other:?} for {url}"),
        }
    }

    #[test]
    fn what_is_no_store_is_refused() {
        for url in [
            "ftp://host/x",
            "s3://",
            "s3:///prefix",
            "gs://",
            "az://",
            "s3://b//x",
            "s3://b/../x",
            "s3://b:9000/x",
            "s3://b/x?region=y",
            "file://host/x",
            "file://",
            "://x",
            "memory://a/../b",
        ] {
            assert!(reason(url).starts_with("not a store's URL"), "{}", reason(url));
        }
    }

    #[test]
    fn secrets_in_a_url_are_refused_and_not_repeated() {
        for url in ["s3://id:sec/ret@bucket/x", "s3://id:secret@bucket/x", "nope://u:secret@h/?k=secret"] {
            let text = reason(url);
            assert!(text.starts_with("not a store's URL"), "{text}");
            assert!(!text.contains("sec"), "{text}");
        }
    }

    #[test]
    fn a_missing_folder_is_no_root_unless_it_is_to_be_created() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/new%20one/deep", dir.path().display());
        let refused = open(&url, &StoreOptions::default());
        assert!(matches!(refused, Err(StoreError::NoRoot { .. })), "{refused:?}");
        let options = StoreOptions { create_dir: true, ..StoreOptions::default() };
        let store = open(&url, &options).unwrap();
        assert!(store.url().ends_with("/new one/deep"), "{}", store.url());
        assert!(dir.path().join("new one/deep").is_dir());
        open(dir.path().join("new one").to_str().unwrap(), &StoreOptions::default()).unwrap();
    }

    #[test]
    fn cloud_urls_name_themselves_without_secrets() {
        let options = StoreOptions {
            settings: vec![
                ("AWS_ACCESS_KEY_ID".into(), "id".into()),
                ("AWS_SECRET_ACCESS_KEY".into(), "hunter2".into()),
            ],
            ..StoreOptions::default()
        };
        let store = open("s3://bucket/some/prefix/", &options).unwrap();
        assert_eq!(store.url(), "s3://bucket/some/prefix");
        assert!(!format!("{store:?}").contains("hunter2"));
        let misspelt =
            StoreOptions { settings: vec![("AWS_ENPOINT".into(), "x".into())], ..StoreOptions::default() };
        let error = open("s3://bucket", &misspelt).unwrap_err().to_string();
        assert!(error.contains("AWS_ENPOINT"), "{error}");
    }
}
