//! Which blobs and manifests a manifest names.
//!
//! Read are OCI image manifests and indexes (image-spec 1.0 and 1.1), Docker's schema 2
//! manifests and lists, schema 1 manifests, signed or not, and OCI artifact manifests. Fields
//! are looked at one by one, so that one odd field does not hide the others.

use serde_json::{Map, Value};

use crate::link::{self, LinkTarget};

/// Longest manifest, bytes: what `distribution` accepts at a push.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// What a manifest names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Its own media type, when it says so.
    pub media_type: Option<String>,
    /// In the order of the manifest; one blob may be named more than once.
    pub list: Vec<Reference>,
}

/// One descriptor of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The field it stands in.
    pub role: Role,
    /// The blob or manifest.
    pub digest: LinkTarget,
    /// Its length, bytes, when given.
    pub size: Option<u64>,
    /// Its media type, when given.
    pub media_type: Option<String>,
    /// It may be kept elsewhere: it lists URLs, or is of a type that is not to be pushed.
    pub external: bool,
}

/// Fields that name content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Image configuration.
    Config,
    /// A layer.
    Layer,
    /// A manifest of an index or list.
    Manifest,
    /// A blob of an artifact manifest.
    Blob,
    /// The manifest this one is about.
    Subject,
}

impl Reference {
    /// Whether a registry is damaged without it. The subject of a manifest need not exist
    /// (distribution-spec 1.1, "Pushing Manifests with Subject").
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.role != Role::Subject && !self.external
    }
}

impl References {
    /// SHA-256 digests without which a registry is damaged.
    pub fn required(&self) -> impl Iterator<Item = dtrvault_format::Digest> + '_ {
        self.list
            .iter()
            .filter(|reference| reference.is_required())
            .filter_map(|reference| reference.digest.sha256())
    }
}

/// Bytes that are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum NotAManifest {
    /// Longer than any registry accepts.
    #[error("{bytes} bytes are too many for a manifest")]
    TooLarge {
        /// Length, bytes.
        bytes: usize,
    },
    /// No JSON.
    #[error("a manifest is JSON")]
    Json(#[source] serde_json::Error),
    /// JSON, but nothing of what makes a manifest: an image configuration, say.
    #[error("the JSON is of no known kind of manifest")]
    Unknown,
    /// A descriptor without a usable digest.
    #[error("'{field}' holds a descriptor without a digest")]
    NoDigest {
        /// The field.
        field: &'static str,
    },
}

/// Reads a manifest.
///
/// # Errors
/// [`NotAManifest`]; memory stays within a small multiple of [`MAX_MANIFEST_BYTES`].
pub fn references(bytes: &[u8]) -> Result<References, NotAManifest> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(NotAManifest::TooLarge { bytes: bytes.len() });
    }
    // Most blobs are no manifests; this keeps them away from the parser.
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if start.is_some_and(|byte| *byte != b'{') {
        return Err(NotAManifest::Unknown);
    }
    let value = serde_json::from_slice(bytes).map_err(NotAManifest::Json)?;
    let Value::Object(manifest) = value else {
        return Err(NotAManifest::Unknown);
    };
    let mut found = References { media_type: text(&manifest, "mediaType"), list: Vec::new() };
    let version = manifest.get("schemaVersion").and_then(Value::as_u64);
    let artifact = found.media_type.as_deref() == Some("application/vnd.oci.artifact.manifest.v1+json");
    let has = |field| manifest.contains_key(field);
    match version {
        Some(1) if has("fsLayers") => schema1(&manifest, &mut found.list)?,
        Some(2) if has("config") || has("layers") || has("manifests") => {
            one(&manifest, "config", Role::Config, &mut found.list)?;
            many(&manifest, "layers", Role::Layer, &mut found.list)?;
            many(&manifest, "manifests", Role::Manifest, &mut found.list)?;
            one(&manifest, "subject", Role::Subject, &mut found.list)?;
        }
        _ if artifact => {
            many(&manifest, "blobs", Role::Blob, &mut found.list)?;
            one(&manifest, "subject", Role::Subject, &mut found.list)?;
        }
        _ => return Err(NotAManifest::Unknown),
    }
    Ok(found)
}

/// `fsLayers[].blobSum`: schema 1 keeps its configuration inside.
fn schema1(manifest: &Map<String, Value>, list: &mut Vec<Reference>) -> Result<(), NotAManifest> {
    let field = "fsLayers";
    for layer in array(manifest, field)? {
        let sum = layer.get("blobSum").and_then(Value::as_str);
        let digest = sum.and_then(|sum| link::parse(sum.as_bytes()).ok());
        list.push(Reference {
            role: Role::Layer,
            digest: digest.ok_or(NotAManifest::NoDigest { field })?,
            size: None,
            media_type: None,
            external: false,
        });
    }
    Ok(())
}

fn one(
    manifest: &Map<String, Value>,
    field: &'static str,
    role: Role,
    list: &mut Vec<Reference>,
) -> Result<(), NotAManifest> {
    match manifest.get(field) {
        None | Some(Value::Null) => Ok(()),
        Some(value) => {
            list.push(descriptor(value, field, role)?);
            Ok(())
        }
    }
}

fn many(
    manifest: &Map<String, Value>,
    field: &'static str,
    role: Role,
    list: &mut Vec<Reference>,
) -> Result<(), NotAManifest> {
    for value in array(manifest, field)? {
        list.push(descriptor(value, field, role)?);
    }
    Ok(())
}

/// The elements of a field; a missing or null one has none, as Go's encoder writes empty lists.
fn array<'a>(manifest: &'a Map<String, Value>, field: &'static str) -> Result<&'a [Value], NotAManifest> {
    match manifest.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(NotAManifest::NoDigest { field }),
    }
}

fn descriptor(value: &Value, field: &'static str, role: Role) -> Result<Reference, NotAManifest> {
    let none = NotAManifest::NoDigest { field };
    let Value::Object(object) = value else {
        return Err(none);
    };
    let Some(digest) = text(object, "digest").and_then(|text| link::parse(text.as_bytes()).ok()) else {
        return Err(none);
    };
    let media_type = text(object, "mediaType");
    let urls = object.get("urls").and_then(Value::as_array);
    Ok(Reference {
        role,
        digest,
        size: object.get("size").and_then(Value::as_u64),
        external: role == Role::Layer
            && (urls.is_some_and(|urls| !urls.is_empty()) || media_type.as_deref().is_some_and(is_foreign)),
        media_type,
    })
}

/// Layer types that are not to be pushed, in Docker's and in OCI's words.
pub(crate) fn is_foreign(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
        || media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
}

fn text(object: &Map<String, Value>, field: &str) -> Option<String> {
    object.get(field)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dtrvault_format::Digest;
    use proptest::prelude::*;
    use serde_json::json;

    fn oci(n: u8) -> String {
        digest(n).to_oci()
    }

    fn digest(n: u8) -> Digest {
        Digest::new([n; 32])
    }

    fn read(value: &Value) -> References {
        references(&serde_json::to_vec(value).unwrap()).unwrap()
    }

    fn required(value: &Value) -> Vec<Digest> {
        read(value).required().collect()
    }

    #[test]
    fn images_name_config_and_layers() {
        let image = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": oci(1)},
            "layers": [
                {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 9, "digest": oci(2)},
                {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 9, "digest": oci(3)},
                {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "digest": oci(4)},
                {"digest": oci(5), "urls": ["https://example.com/layer"]},
                {"digest": oci(6), "urls": []},
                {"digest": format!("sha512:{}", "00".repeat(64))},
            ],
            "subject": {"digest": oci(9)},
        });
        assert_eq!(required(&image), [digest(1), digest(2), digest(6)]);
        let found = read(&image);
        let roles: Vec<_> = found.list.iter().map(|r| (r.role, r.external)).collect();
        let layer = |external| (Role::Layer, external);
        assert_eq!(
            roles,
            [
                (Role::Config, false),
                layer(false),
                layer(true),
                layer(true),
                layer(true),
                layer(false),
                layer(false),
                (Role::Subject, false),
            ]
        );
        assert_eq!(found.list[0].size, Some(7));
        assert_eq!(found.list[6].digest, LinkTarget::Other);
    }

    #[test]
    fn indexes_artifacts_and_schema_1_are_manifests() {
        let index =
            json!({"schemaVersion": 2, "manifests": [{"digest": oci(1), "size": 3}, {"digest": oci(2)}]});
        assert_eq!(required(&index), [digest(1), digest(2)]);
        let artifact = json!({
            "mediaType": "application/vnd.oci.artifact.manifest.v1+json",
            "blobs": [{"digest": oci(3)}], "subject": {"digest": oci(4)},
        });
        assert_eq!(required(&artifact), [digest(3)]);
        let schema1 = json!({
            "schemaVersion": 1, "name": "app", "fsLayers": [{"blobSum": oci(5)}, {"blobSum": oci(5)}],
            "history": [], "signatures": [],
        });
        assert_eq!(required(&schema1), [digest(5), digest(5)]);
        assert_eq!(required(&json!({"schemaVersion": 2, "layers": null, "config": null})), []);
    }

    #[test]
    fn other_json_is_no_manifest() {
        for value in [
            json!({}),
            json!([]),
            json!({"schemaVersion": 2}),
            json!({"schemaVersion": 3, "layers": []}),
            json!({"architecture": "amd64", "config": {}, "rootfs": {}}),
        ] {
            let error = references(&serde_json::to_vec(&value).unwrap());
            assert!(matches!(error, Err(NotAManifest::Unknown)), "{value}");
        }
        for value in [
            json!({"schemaVersion": 2, "layers": [{}]}),
            json!({"schemaVersion": 2, "layers": [{"digest": "sha256:00"}]}),
            json!({"schemaVersion": 2, "layers": {"digest": oci(1)}}),
            json!({"schemaVersion": 2, "config": "x"}),
            json!({"schemaVersion": 1, "fsLayers": [{"blobSum": 4}]}),
        ] {
            let error = references(&serde_json::to_vec(&value).unwrap());
            assert!(matches!(error, Err(NotAManifest::NoDigest { .. })), "{value}");
        }
    }

    #[test]
    fn hostile_bytes_are_refused_cheaply() {
        let long = vec![b' '; MAX_MANIFEST_BYTES + 1];
        assert!(matches!(references(&long), Err(NotAManifest::TooLarge { .. })));
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(matches!(references(deep.as_bytes()), Err(NotAManifest::Json(_))));
        assert!(matches!(references(b"\x1f\x8b\x08"), Err(NotAManifest::Unknown)));
        assert!(matches!(references(b""), Err(NotAManifest::Json(_))));
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..400, byte in any::<u8>()) {
            let image = json!({"schemaVersion": 2, "config": {"digest": oci(1)}, "layers": [{"digest": oci(2)}], "manifests": []});
            let mut bytes = serde_json::to_vec(&image).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = references(&bytes);
        }
    }
}
