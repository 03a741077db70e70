//! What a path of a registry's storage means.
//!
//! The layout is that of `distribution` (its `registry/storage/paths.go` describes it) and, for
//! blobs by id, of DTR 2.6 and later.

use dtrvault_format::Digest;

/// Folder below the storage root that holds everything of a registry.
pub const REGISTRY_ROOT: &[u8] = b"docker/registry/v2";

/// Folder of a repository that holds unfinished pushes.
pub(crate) const UPLOADS: &[u8] = b"_uploads";

/// Meaning of a path. Names are as they stand in the path, unchecked but for being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind<'a> {
    /// Content of a blob, named by its digest.
    BlobData {
        /// What the bytes should hash to.
        digest: Digest,
    },
    /// Content of a blob, named by an id that only the metadata maps to a digest (DTR 2.6+).
    BlobById {
        /// The id.
        id: &'a [u8],
    },
    /// Says that a repository has a layer or config.
    LayerLink {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
        /// The layer.
        digest: Digest,
    },
    /// Says that a repository has a manifest.
    RevisionLink {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
        /// The manifest.
        digest: Digest,
    },
    /// Says which manifest a tag names now.
    TagCurrent {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
        /// The tag.
        tag: &'a [u8],
    },
    /// Says that a tag names, or once named, a manifest.
    TagIndex {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
        /// The tag.
        tag: &'a [u8],
        /// The manifest.
        digest: Digest,
    },
    /// Signature of a schema 1 manifest, from registries before 2.4.
    SignatureLink {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
        /// The manifest.
        digest: Digest,
        /// The signature.
        signature: Digest,
    },
    /// The folder of unfinished pushes, or anything in it.
    Upload {
        /// Name of the repository, slashes included.
        repository: &'a [u8],
    },
    /// Anything else.
    Other,
}

impl PathKind<'_> {
    /// Whether the file is a link file: one digest, and nothing else.
    #[must_use]
    pub const fn is_link(&self) -> bool {
        matches!(
            self,
            Self::LayerLink { .. }
                | Self::RevisionLink { .. }
                | Self::TagCurrent { .. }
                | Self::TagIndex { .. }
                | Self::SignatureLink { .. }
        )
    }

    /// The digest that the path itself names; a link file there should hold the same one.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::BlobData { digest }
            | Self::LayerLink { digest, .. }
            | Self::RevisionLink { digest, .. }
            | Self::TagIndex { digest, .. } => Some(*digest),
            Self::SignatureLink { signature, .. } => Some(*signature),
            Self::BlobById { .. } | Self::TagCurrent { .. } | Self::Upload { .. } | Self::Other => None,
        }
    }
}

/// Meaning of `path`, which is relative to the storage root. Looks at nothing but the path.
#[must_use]
pub fn classify(path: &[u8]) -> PathKind<'_> {
    let below = path.strip_prefix(REGISTRY_ROOT).and_then(|rest| rest.strip_prefix(b"/"));
    let Some(below) = below else {
        return PathKind::Other;
    };
    let kind = if let Some(rest) = below.strip_prefix(b"blobs/") {
        blob(rest)
    } else if let Some(rest) = below.strip_prefix(b"repositories/") {
        repository(rest)
    } else {
        None
    };
    kind.unwrap_or(PathKind::Other)
}

/// Where a blob named by its digest stands.
#[must_use]
pub fn blob_path(digest: &Digest) -> Vec<u8> {
    let hex = digest.to_string();
    format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", hex.get(..2).unwrap_or_default()).into_bytes()
}

/// Where a blob named by an id stands.
#[must_use]
pub fn id_path(id: &[u8]) -> Vec<u8> {
    let short = id.get(..2).unwrap_or(id);
    [REGISTRY_ROOT, b"/blobs/id/", short, b"/", id, b"/data"].concat()
}

/// `sha256/<2 hex>/<64 hex>/data` or `id/<2>/<id>/data`.
fn blob(path: &[u8]) -> Option<PathKind<'_>> {
    let [family, short, name, file] = components(path)?;
    if file != b"data" || short.len() != 2 || !name.starts_with(short) {
        return None;
    }
    match family {
        b"sha256" => Some(PathKind::BlobData { digest: hex(name)? }),
        b"id" => Some(PathKind::BlobById { id: name }),
        _ => None,
    }
}

/// `<name>/_layers/…`, `<name>/_manifests/…` or `<name>/_uploads/…`. The name ends where the
/// first component begins with an underscore: components of names never do.
fn repository(path: &[u8]) -> Option<PathKind<'_>> {
    let at = path.windows(2).position(|pair| pair == b"/_")?;
    let (repository, rest) = (path.get(..at)?, path.get(at + 1..)?);
    if repository.is_empty() || repository.starts_with(b"_") {
        return None;
    }
    if rest.strip_prefix(UPLOADS).is_some_and(|below| below.is_empty() || below.starts_with(b"/")) {
        return Some(PathKind::Upload { repository });
    }
    if let Some(rest) = rest.strip_prefix(b"_layers/sha256/") {
        let [name, b"link"] = components(rest)? else {
            return None;
        };
        let digest = hex(name)?;
        return Some(PathKind::LayerLink { repository, digest });
    }
    if let Some(rest) = rest.strip_prefix(b"_manifests/revisions/sha256/") {
        return revision(repository, rest);
    }
    tag(repository, rest.strip_prefix(b"_manifests/tags/")?)
}

fn revision<'a>(repository: &'a [u8], path: &'a [u8]) -> Option<PathKind<'a>> {
    if let Some([name, b"link"]) = components(path) {
        let digest = hex(name)?;
        return Some(PathKind::RevisionLink { repository, digest });
    }
    let [name, b"signatures", b"sha256", signature, b"link"] = components(path)? else {
        return None;
    };
    Some(PathKind::SignatureLink { repository, digest: hex(name)?, signature: hex(signature)? })
}

fn tag<'a>(repository: &'a [u8], path: &'a [u8]) -> Option<PathKind<'a>> {
    if let Some([tag, b"current", b"link"]) = components(path) {
        return Some(PathKind::TagCurrent { repository, tag });
    }
    let [tag, b"index", b"sha256", name, b"link"] = components(path)? else {
        return None;
    };
    let digest = hex(name)?;
    Some(PathKind::TagIndex { repository, tag, digest })
}

/// The components of `path` when there are exactly `N`, none of them empty.
fn components<const N: usize>(path: &[u8]) -> Option<[&[u8]; N]> {
    let mut parts = path.split(|byte| *byte == b'/');
    let mut found = [&[] as &[u8]; N];
    for slot in &mut found {
        *slot = parts.next().filter(|part| !part.is_empty())?;
    }
    parts.next().is_none().then_some(found)
}

fn hex(name: &[u8]) -> Option<Digest> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn digest() -> Digest {
        Digest::new(std::array::from_fn(|i| [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef][i % 8]))
    }

    fn path(rest: &str) -> Vec<u8> {
        format!("docker/registry/v2/{}", rest.replace("HEX", HEX)).into_bytes()
    }

    #[test]
    fn every_kind_of_path_is_known() {
        let (repository, digest): (&[u8], _) = (b"team/app/web", digest());
        let cases = [
            ("blobs/sha256/01/HEX/data", PathKind::BlobData { digest }),
            ("blobs/id/ab/abcd-1/data", PathKind::BlobById { id: b"abcd-1" }),
            ("repositories/team/app/web/_layers/sha256/HEX/link", PathKind::LayerLink { repository, digest }),
            (
                "repositories/team/app/web/_manifests/revisions/sha256/HEX/link",
                PathKind::RevisionLink { repository, digest },
            ),
            (
                "repositories/team/app/web/_manifests/revisions/sha256/HEX/signatures/sha256/HEX/link",
                PathKind::SignatureLink { repository, digest, signature: digest },
            ),
            (
                "repositories/team/app/web/_manifests/tags/_v1.0/current/link",
                PathKind::TagCurrent { repository, tag: b"_v1.0" },
            ),
            (
                "repositories/team/app/web/_manifests/tags/v1/index/sha256/HEX/link",
                PathKind::TagIndex { repository, tag: b"v1", digest },
            ),
            ("repositories/team/app/web/_uploads", PathKind::Upload { repository }),
            ("repositories/team/app/web/_uploads/1f/hashstates/sha256/0", PathKind::Upload { repository }),
        ];
        for (text, kind) in cases {
            assert_eq!(classify(&path(text)), kind, "{text}");
            assert_eq!(kind.is_link(), text.ends_with("/link"), "{text}");
        }
    }

    #[test]
    fn paths_of_blobs_are_read_as_such() {
        assert_eq!(classify(&blob_path(&digest())), PathKind::BlobData { digest: digest() });
        assert_eq!(classify(&id_path(b"abcd-1")), PathKind::BlobById { id: b"abcd-1" });
    }

    #[test]
    fn what_only_looks_alike_is_other() {
        for text in [
            "",
            "blobs",
            "blobs/sha256/02/HEX/data",
            "blobs/sha256/01/HEX",
            "blobs/sha256/01/HEX/data/x",
            "blobs/sha256/01/HEX/Data",
            "blobs/sha256/01/HEXf/data",
            "blobs/sha512/01/HEX/data",
            "blobs/id/ab/cd/data",
            "blobs/id/ab//data",
            "repositories/_uploads/x",
            "repositories//_uploads",
            "repositories/app/_uploadsx",
            "repositories/app/_layers/sha256/HEX",
            "repositories/app/_layers/sha256/HEX/link2",
            "repositories/app/_layers/sha512/HEX/link",
            "repositories/app/_manifests/tags/v1/current",
            "repositories/app/_manifests/tags//current/link",
            "repositories/app/_manifests/tags/a/b/current/link",
            "repositories/app/_other/_uploads/x",
        ] {
            assert_eq!(classify(&path(text)), PathKind::Other, "{text}");
        }
        let upper = format!("docker/registry/v2/blobs/sha256/AB/{}/data", "AB".repeat(32));
        assert_eq!(classify(upper.as_bytes()), PathKind::Other);
        assert_eq!(classify(b"xdocker/registry/v2/repositories/a/_uploads"), PathKind::Other);
        assert_eq!(classify(b"docker/registry/v2x/repositories/a/_uploads"), PathKind::Other);
    }

    proptest! {
        #[test]
        fn no_path_is_too_odd(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            for head in ["", "docker/registry/v2/", "docker/registry/v2/blobs/", "docker/registry/v2/repositories/"] {
                let _ = classify(&[head.as_bytes(), &tail].concat());
            }
        }
    }
}
