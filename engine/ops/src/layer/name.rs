//! How a blob of a snapshot, and a path in it, are named: `blob:sha256:<hex>:<path>`.

use std::fmt;

use dtrvault_format::{Content, Digest, Kind, Snapshot, SnapshotId};
use dtrvault_repo::RepoError;
use dtrvault_repo::read::Reader;

use crate::content::open_tree;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Digits of a whole digest.
const WHOLE_DIGITS: usize = 64;

/// A blob, by the beginning of its digest, and maybe a path in the tar that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobName {
    /// Hexadecimal digits that its SHA-256 begins with.
    digits: String,
    /// What to look at in it; empty for all.
    pub path: Vec<u8>,
}

/// It begins as the name of a blob does, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob is named blob:sha256:DIGEST, and a path in it blob:sha256:DIGEST:PATH")]
pub struct BadBlobName;

impl BlobName {
    /// What `text` names; `None` when it does not begin with `blob:` or `sha256:`.
    ///
    /// # Errors
    /// [`BadBlobName`].
    pub fn parse(text: &[u8]) -> std::result::Result<Option<Self>, BadBlobName> {
        let digest = match text.strip_prefix(b"blob:") {
            Some(rest) => rest.strip_prefix(b"sha256:").ok_or(BadBlobName)?,
            None => match text.strip_prefix(b"sha256:") {
                Some(rest) => rest,
                None => return Ok(None),
            },
        };
        let mut parts = digest.splitn(2, |byte| *byte == b':');
        let digits = parts.next().unwrap_or_default().to_ascii_lowercase();
        if !(1..=WHOLE_DIGITS).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(BadBlobName);
        }
        let digits = String::from_utf8(digits).map_err(|_| BadBlobName)?;
        Ok(Some(Self { digits, path: parts.next().unwrap_or_default().to_vec() }))
    }

    /// The one blob of the snapshot that is meant.
    pub(super) fn find(
        &self,
        reader: &Reader,
        id: &SnapshotId,
        snapshot: &Snapshot,
        context: &Context,
    ) -> Result<Digest> {
        let is_meant = |digest: &Digest| digest.to_string().starts_with(&self.digits);
        let metadata = snapshot.metadata.as_ref().map(|part| part.digest);
        let mut found = metadata.filter(is_meant);
        if snapshot.images.is_some() {
            for entry in open_tree(reader, id, snapshot)? {
                context.proceed()?;
                let Kind::File(file) = entry?.kind else { continue };
                let Content::Blob(digest) = file.content else { continue };
                if found == Some(digest) || !is_meant(&digest) {
                    continue;
                }
                if found.is_some() {
                    return Err(RepoError::AmbiguousId { what: "blob", prefix: self.to_string() }.into());
                }
                found = Some(digest);
                if self.digits.len() == WHOLE_DIGITS {
                    break;
                }
            }
        }
        found.ok_or_else(|| OpsError::NoSuchBlob { snapshot: id.to_string(), blob: self.to_string() })
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.digits)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        let parsed =
            |text: &str| BlobName::parse(text.as_bytes()).map(|name| name.map(|n| (n.digits, n.path)));
        let named = |digits: &str, path: &[u8]| Ok(Some((digits.to_owned(), path.to_vec())));
        assert_eq!(parsed("blob:sha256:ab12"), named("ab12", b""));
        assert_eq!(parsed("sha256:AB"), named("ab", b""));
        assert_eq!(parsed("blob:sha256:ab:usr/lib:x"), named("ab", b"usr/lib:x"));
        for path in ["", "docker/registry", "./sha256:ab", "blobs"] {
            assert_eq!(parsed(path), Ok(None), "{path}");
        }
        for bad in ["blob:", "blob:ab", "blob:sha256:", "sha256:xyz", "sha256::usr"] {
            assert_eq!(parsed(bad), Err(BadBlobName), "{bad}");
        }
        assert_eq!(parsed(&format!("sha256:{}", "a".repeat(65))), Err(BadBlobName));
    }
}
