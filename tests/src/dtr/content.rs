//! Image content, as real clients push it, and rows that are true to it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::layout::Blobs;
use super::tables::Tables;
use crate::{OciLayout, RegistryServer, Words, digest_of, plain_layer};

/// Images that share a layer.
pub(super) fn three_images() -> [(&'static str, &'static str, Vec<Vec<u8>>); 3] {
    [
        ("acme/app", "1", vec![plain_layer(1, 0), plain_layer(2, 1)]),
        ("acme/app", "2", vec![plain_layer(1, 0), plain_layer(2, 2)]),
        ("acme/tool", "latest", vec![plain_layer(4, 0)]),
    ]
}

/// Pushes images to a real registry, and takes over what it stored.
pub(super) fn push(registry: &Path, tables: &Tables, blobs: Blobs, images: &[(&str, &str, Vec<Vec<u8>>)]) {
    let place = tempfile::tempdir().unwrap();
    let staging = place.path().join("staging");
    fs::create_dir(&staging).unwrap();
    let server = RegistryServer::start(&staging, false);
    for (number, (repository, tag, layers)) in images.iter().enumerate() {
        let mut layout = OciLayout::create(place.path().join(format!("layout-{number}")));
        layout.image("image", layers);
        let name = format!("{repository}:{tag}");
        server.push(&layout, "image", &name);
        note_image(tables, repository, tag, &server.manifest(&name), blobs);
    }
    drop(server);
    match blobs {
        Blobs::ByDigest => {
            let copied =
                Command::new("cp").arg("-a").arg(staging.join("docker")).arg(registry).status().unwrap();
            assert!(copied.success(), "cp of {}", staging.display());
        }
        Blobs::ById => tables.rows("manifests").iter().for_each(|row| {
            let row = serde_json::from_str(row).unwrap();
            blobs_of(&row).iter().for_each(|blob| take_over(&staging, registry, tables, blob));
        }),
    }
}

/// Config and layers of a row of `manifests`.
fn blobs_of(row: &Value) -> Vec<Value> {
    let config = json!({"digest": row["configDigest"], "mediaType": row["configMediaType"]});
    row["layers"].as_array().unwrap().iter().cloned().chain([config]).collect()
}

fn take_over(staging: &Path, registry: &Path, tables: &Tables, blob: &Value) {
    let hex = blob["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let from = staging.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
    // It came with an earlier push.
    if tables.blob_id(hex).is_some() || !from.exists() {
        return;
    }
    let number = u64::from_str_radix(&hex[..16], 16).unwrap();
    let id = Words::of(&[number, 6]).uuid();
    let folder = registry.join(format!("docker/registry/v2/blobs/id/{}/{id}", &id[..2]));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(from, folder.join("data")).unwrap();
    let size = fs::metadata(folder.join("data")).unwrap().len();
    tables.put("blobs", &json!({"id": id, "sha256sum": hex, "size": size, "mediaType": blob["mediaType"]}));
}

/// Rows of an image: its repository, tag, manifest, and links to its blobs.
fn note_image(tables: &Tables, repository: &str, tag: &str, manifest: &[u8], blobs: Blobs) {
    let (namespace, name) = repository.split_once('/').unwrap();
    let digest = digest_of(manifest);
    let pk = format!("{repository}@{digest}");
    let image: Value = serde_json::from_slice(manifest).unwrap();
    tables.put(
        "repositories",
        &json!({"pk": repository, "id": repository, "namespace": namespace, "name": name, "visibility": "private"}),
    );
    tables.put(
        "tags",
        &json!({
            "pk": format!("{repository}:{tag}"), "repository": repository, "name": tag, "digest": digest,
            "digestPK": pk,
        }),
    );
    let row = json!({
        "pk": pk, "repository": repository, "digest": digest, "mediaType": image["mediaType"],
        "layers": image["layers"], "configDigest": image["config"]["digest"],
        "configMediaType": image["config"]["mediaType"], "payload": String::from_utf8_lossy(manifest),
    });
    tables.put("manifests", &row);
    if blobs == Blobs::ByDigest {
        return;
    }
    for blob in blobs_of(&row) {
        let pk = format!("{repository}@{}", blob["digest"].as_str().unwrap());
        let link = json!({"pk": pk, "namespace": namespace, "repository": name, "digest": blob["digest"]});
        tables.put("blob_links", &link);
    }
}
