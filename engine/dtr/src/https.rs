//! HTTPS to UCP and DTR.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Response};
use tokio::runtime::Handle;
use url::Url;

use crate::error::{DtrError, Result};
use crate::ucp::Authority;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Answers are short.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The URL of a server that is named by URL, or by `host:port`.
pub(crate) fn url(text: &str) -> Result<Url> {
    let bad = || DtrError::BadAddress { host: text.to_owned(), detail: "it is no URL".to_owned() };
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&full).map_err(|_| bad())?;
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(DtrError::BadAddress {
            host: text.to_owned(),
            detail: "it must begin with https://".to_owned(),
        });
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// A client that trusts that authority.
pub(crate) fn client(authority: &Authority, place: &str) -> Result<Client> {
    let builder = ClientBuilder::new().timeout(TIMEOUT);
    let builder = match authority {
        Authority::Given(pem) => {
            let none = |_| DtrError::NoCertificate { place: place.to_owned() };
            builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes()).map_err(none)?)
        }
        Authority::Insecure => builder.tls_danger_accept_invalid_certs(true),
        Authority::Pinned => builder,
    };
    builder.build().map_err(|source| failed(place, source))
}

/// What is at a URL of a server that nothing is known of.
pub(crate) fn get_untrusted(at: &Url, handle: &Handle) -> Result<String> {
    let client = client(&Authority::Insecure, at.as_str())?;
    handle.block_on(async {
        let answer = client.get(at.clone()).send().await.map_err(|source| failed(at.as_str(), source))?;
        text(answer).await
    })
}

/// The text of a good answer.
pub(crate) async fn text(mut answer: Response) -> Result<String> {
    let at = answer.url().to_string();
    let status = answer.status();
    if !status.is_success() {
        return Err(DtrError::Status { url: at, status: status.as_u16() });
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|source| failed(&at, source))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(crate) fn failed(url: &str, source: reqwest::Error) -> DtrError {
    DtrError::Http { url: url.to_owned(), source: source.without_url() }
}
