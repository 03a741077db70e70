//! Rows of the tables that name image content.

use std::borrow::Cow;

use dtrvault_format::Digest;

use super::fields::{Fields, LayerFields, List, Text};
use super::tables::Table;
use crate::manifest::is_foreign;

/// Longest id of a blob, bytes: it is a file's name.
const MAX_ID_BYTES: usize = 255;

/// A row that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row<'a> {
    /// Of `blobs`.
    Blob(BlobRow<'a>),
    /// Of `blob_links`.
    BlobLink(BlobLinkRow<'a>),
    /// Of `manifests`.
    Manifest(ManifestRow<'a>),
    /// Of `tags`.
    Tag(TagRow<'a>),
}

/// Which bytes a blob has, and which id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow<'a> {
    /// From DTR 2.6 on the name of the folder that holds it.
    pub id: Cow<'a, str>,
    /// What its bytes should hash to.
    pub digest: Digest,
}

/// A blob of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobLinkRow<'a> {
    /// First part of the repository's name.
    pub namespace: Cow<'a, str>,
    /// The rest of it.
    pub repository: Cow<'a, str>,
    /// The blob.
    pub digest: Digest,
}

/// A manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow<'a> {
    /// Name of the repository, its namespace included.
    pub repository: Cow<'a, str>,
    /// The manifest.
    pub digest: Digest,
    /// Its configuration, when it has one.
    pub config: Option<Digest>,
    /// Its layers.
    pub layers: Vec<LayerRow>,
    /// Some of what it names could not be understood.
    pub is_odd: bool,
}

/// A layer of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRow {
    /// The blob.
    pub digest: Digest,
    /// Its length, bytes, when given.
    pub size: Option<u64>,
    /// It may be kept elsewhere: it lists URLs, or is of a type that is not to be pushed.
    pub external: bool,
}

/// A tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow<'a> {
    /// Name of the repository, its namespace included.
    pub repository: Cow<'a, str>,
    /// The tag.
    pub name: Cow<'a, str>,
    /// The manifest that it names.
    pub digest: Digest,
}

impl ManifestRow<'_> {
    /// Digests without which an image cannot be pulled.
    pub fn required(&self) -> impl Iterator<Item = Digest> + '_ {
        let layers = self.layers.iter().filter(|layer| !layer.external).map(|layer| layer.digest);
        self.config.into_iter().chain(layers)
    }
}

/// Reads the JSON of a row. `None` when it cannot be understood, or its table is only counted.
#[must_use]
pub fn parse_row(table: Table, json: &[u8]) -> Option<Row<'_>> {
    if table == Table::Repositories {
        return None;
    }
    let fields: Fields<'_> = serde_json::from_slice(json).ok()?;
    match table {
        Table::Blobs => blob(fields).map(Row::Blob),
        Table::BlobLinks => blob_link(fields).map(Row::BlobLink),
        Table::Manifests => manifest(fields).map(Row::Manifest),
        Table::Tags => tag(fields).map(Row::Tag),
        Table::Repositories => None,
    }
}

fn blob(fields: Fields<'_>) -> Option<BlobRow<'_>> {
    let id = fields.id.0.filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()))?;
    Some(BlobRow { id, digest: digest(&fields.sha256sum)? })
}

fn blob_link(fields: Fields<'_>) -> Option<BlobLinkRow<'_>> {
    let digest = digest(&fields.digest)?;
    Some(BlobLinkRow { namespace: named(fields.namespace)?, repository: named(fields.repository)?, digest })
}

/// Repository and digest stand in `pk` as well: `repository@digest`.
fn manifest(fields: Fields<'_>) -> Option<ManifestRow<'_>> {
    let (of_key, digest_of_key) = split_key(fields.pk, '@');
    let mut is_odd = false;
    let config = match fields.config_digest.0.as_deref() {
        None | Some("") => None,
        Some(text) => {
            let config = digest_of(text);
            is_odd |= config.is_none();
            config
        }
    };
    let mut layers = Vec::new();
    match fields.layers {
        List::None => {}
        List::Odd => is_odd = true,
        List::Some(list) => {
            for fields in list {
                match layer(&fields) {
                    Some(layer) => layers.push(layer),
                    None => is_odd = true,
                }
            }
        }
    }
    let digest = digest(&fields.digest).or_else(|| digest_of(&digest_of_key?))?;
    let repository = named(fields.repository).or(of_key)?;
    Some(ManifestRow { repository, digest, config, layers, is_odd })
}

fn layer(fields: &LayerFields<'_>) -> Option<LayerRow> {
    let has_urls = matches!(&fields.urls, List::Some(urls) if !urls.is_empty());
    let is_foreign = fields.media_type.0.as_deref().is_some_and(is_foreign);
    let digest = digest(&fields.digest)?;
    Some(LayerRow { digest, size: fields.size.0, external: has_urls || is_foreign })
}

/// Repository and name stand in `pk` as well: `repository:name`.
fn tag(fields: Fields<'_>) -> Option<TagRow<'_>> {
    let digest = digest(&fields.digest)?;
    let (repository, name) = split_key(fields.pk, ':');
    let repository = named(fields.repository).or(repository)?;
    Some(TagRow { repository, name: named(fields.name).or(name)?, digest })
}

/// What stands in a key before and behind the last `mark`, where both do.
fn split_key(key: Text<'_>, mark: char) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    let parts = match key.0 {
        Some(Cow::Borrowed(key)) => {
            key.rsplit_once(mark).map(|(name, rest)| (Cow::Borrowed(name), Cow::Borrowed(rest)))
        }
        Some(Cow::Owned(key)) => key
            .rsplit_once(mark)
            .map(|(name, rest)| (Cow::Owned(name.to_owned()), Cow::Owned(rest.to_owned()))),
        None => None,
    };
    parts.filter(|(name, rest)| !name.is_empty() && !rest.is_empty()).unzip()
}

/// A name that is there.
fn named(text: Text<'_>) -> Option<Cow<'_, str>> {
    text.0.filter(|text| !text.is_empty())
}

fn digest(text: &Text<'_>) -> Option<Digest> {
    digest_of(text.0.as_deref()?)
}

/// A SHA-256, with `sha256:` before it or without.
fn digest_of(text: &str) -> Option<Digest> {
    text.strip_prefix("sha256:").unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn oci(n: u8) -> String {
        Digest::new([n; 32]).to_oci()
    }

    /// What a manifest row needs; `None` when it is not understood.
    fn manifest_needs(json: &serde_json::Value) -> Option<(Vec<Digest>, bool)> {
        match parse_row(Table::Manifests, json.to_string().as_bytes())? {
            Row::Manifest(row) => Some((row.required().collect(), row.is_odd)),
            other => panic!("{other:?}"),
        }
    }

    fn tag_of(json: &serde_json::Value) -> Option<(String, String)> {
        match parse_row(Table::Tags, json.to_string().as_bytes())? {
            Row::Tag(row) => Some((row.repository.into_owned(), row.name.into_owned())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn manifests_name_config_and_layers() {
        let row = json!({
            "pk": format!("a/b@{}", oci(1)), "digest": oci(1), "repository": "a/b", "configDigest": oci(2),
            "layers": [
                {"digest": oci(3), "size": 7, "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "urls": null},
                {"digest": oci(4), "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
                {"digest": oci(5), "urls": ["https://example.com/layer"]},
                {"digest": oci(6).trim_start_matches("sha256:"), "urls": []},
                oci(7),
            ],
            "new": {"deep": [1, {"digest": 2}]},
        });
        let wanted = [2, 3, 6, 7].map(|n| Digest::new([n; 32])).to_vec();
        assert_eq!(manifest_needs(&row), Some((wanted, false)));
    }

    #[test]
    fn odd_fields_spoil_no_others() {
        let digest = |n| Digest::new([n; 32]);
        for (fields, needs, is_odd) in [
            (json!({"layers": null}), vec![], false),
            (json!({}), vec![], false),
            (json!({"configDigest": ""}), vec![], false),
            (json!({"configDigest": 7, "layers": [{"digest": oci(3)}]}), vec![digest(3)], false),
            (json!({"configDigest": "md5:00"}), vec![], true),
            (json!({"layers": "none"}), vec![], true),
            (json!({"layers": {"digest": oci(3)}}), vec![], true),
            (json!({"layers": [{"digest": oci(3)}, {}, 4, null, []]}), vec![digest(3)], true),
            (
                json!({"layers": [{"digest": oci(3), "size": -1, "mediaType": 4, "urls": "x"}]}),
                vec![digest(3)],
                false,
            ),
        ] {
            let mut row = json!({"pk": format!("a/b@{}", oci(1))});
            row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            assert_eq!(manifest_needs(&row), Some((needs, is_odd)), "{row}");
        }
        for row in [json!({"digest": oci(1)}), json!({"repository": "a/b"}), json!({"pk": "a/b"}), json!([])]
        {
            assert_eq!(manifest_needs(&row), None, "{row}");
        }
    }

    #[test]
    fn tags_are_named_by_fields_or_key() {
        let named = |repository: &str, tag: &str| Some((repository.to_owned(), tag.to_owned()));
        let row = json!({"repository": "a/b", "name": "v1", "digest": oci(1), "digestPK": 9});
        assert_eq!(tag_of(&row), named("a/b", "v1"));
        let row = json!({"pk": "host:5000/b:v1", "digest": oci(1), "name": null});
        assert_eq!(tag_of(&row), named("host:5000/b", "v1"));
        let row = json!({"pk": "\u{e9}\n/b:v1", "digest": oci(1)});
        assert_eq!(tag_of(&row), named("\u{e9}\n/b", "v1"));
        for row in [
            json!({"pk": "a/b:v1"}),
            json!({"pk": ":", "digest": oci(1)}),
            json!({"digest": oci(1), "name": "v1"}),
            json!({"pk": "a/b:v1", "digest": ""}),
        ] {
            assert_eq!(tag_of(&row), None, "{row}");
        }
    }

    #[test]
    fn blobs_have_an_id_and_a_sum() {
        let digest = Digest::new([1; 32]);
        for sum in [digest.to_oci(), digest.to_string()] {
            let row = json!({"id": "ab-1", "sha256sum": sum, "mediaType": "x"}).to_string();
            let expected = Row::Blob(BlobRow { id: "ab-1".into(), digest });
            assert_eq!(parse_row(Table::Blobs, row.as_bytes()), Some(expected));
        }
        for row in [
            json!({"id": "ab", "sha256sum": null}),
            json!({"id": 7, "sha256sum": oci(1)}),
            json!({"id": "", "sha256sum": oci(1)}),
            json!({"id": "x".repeat(256), "sha256sum": oci(1)}),
        ] {
            assert_eq!(parse_row(Table::Blobs, row.to_string().as_bytes()), None, "{row}");
        }
        let row = json!({"namespace": "a", "repository": "b", "digest": oci(1)}).to_string();
        let expected = Row::BlobLink(BlobLinkRow { namespace: "a".into(), repository: "b".into(), digest });
        assert_eq!(parse_row(Table::BlobLinks, row.as_bytes()), Some(expected));
    }

    #[test]
    fn hostile_rows_are_refused_cheaply() {
        let deep = format!("{{\"layers\":{}", "[".repeat(100_000));
        let deeper = format!("{{\"layers\":{}", "[{\"urls\":".repeat(100_000));
        for row in [deep.as_bytes(), deeper.as_bytes(), b"", b"{", b"null", b"\xff", b"{\"pk\":\"\\ud800\"}"]
        {
            assert_eq!(parse_row(Table::Manifests, row), None);
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..400, byte in any::<u8>()) {
            let row = json!({"pk": format!("a/b@{}", oci(1)), "layers": [{"digest": oci(2), "urls": []}], "id": "x"});
            let mut bytes = row.to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            for table in [Table::Blobs, Table::BlobLinks, Table::Manifests, Table::Repositories, Table::Tags] {
                let _ = parse_row(table, &bytes);
            }
        }
    }
}
