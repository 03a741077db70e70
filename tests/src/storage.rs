//! A registry's storage root, written without a registry: quick, and as odd as a test wants it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bytes::digest_of;

/// The folder that holds `docker/registry/v2` (filesystem driver of `distribution` 2.8).
pub struct Storage {
    root: PathBuf,
}

impl Storage {
    /// A new, empty one.
    ///
    /// # Panics
    ///
    /// When the folder cannot be made.
    pub fn create(root: PathBuf) -> Self {
        fs::create_dir_all(root.join("docker/registry/v2/blobs/sha256")).unwrap();
        fs::create_dir_all(root.join("docker/registry/v2/repositories")).unwrap();
        Self { root }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob's bytes are.
    pub fn blob_path(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let two = &hex[..2];
        self.v2().join(format!("blobs/sha256/{two}/{hex}/data"))
    }

    /// Where a tag's link is.
    pub fn tag_path(&self, repository: &str, tag: &str) -> PathBuf {
        self.repository(repository).join(format!("_manifests/tags/{tag}/current/link"))
    }

    /// Stores a blob; gives its digest.
    pub fn blob(&self, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        write(&self.blob_path(&digest), bytes);
        digest
    }

    /// Stores an image with its links: layers are blobs as they shall stand there.
    /// Gives the manifest's digest.
    pub fn image(&self, repository: &str, tag: &str, layers: &[Vec<u8>]) -> String {
        let layers: Vec<Value> =
            layers.iter().map(|layer| self.linked(repository, layer_type(layer), layer)).collect();
        let config = json!({"os": "linux", "architecture": "amd64", "tag": tag}).to_string();
        let config =
            self.linked(repository, "application/vnd.docker.container.image.v1+json", config.as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": config, "layers": layers,
        });
        let digest = self.blob(manifest.to_string().as_bytes());
        self.tag(repository, tag, &digest);
        digest
    }

    /// Tags a manifest, as a push does.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) {
        let hex = digest.trim_start_matches("sha256:");
        let manifests = self.repository(repository).join("_manifests");
        let revision = manifests.join(format!("revisions/sha256/{hex}/link"));
        let index = manifests.join(format!("tags/{tag}/index/sha256/{hex}/link"));
        for link in [revision, index, self.tag_path(repository, tag)] {
            write(&link, digest.as_bytes());
        }
    }

    /// An upload that is under way.
    pub fn upload(&self, repository: &str, bytes: &[u8]) {
        let uploads = self.repository(repository).join("_uploads");
        let one = uploads.join("0c3f2d1e-6f0a-4f8e-9d6f-0123456789ab");
        write(&one.join("data"), bytes);
        write(&one.join("startedat"), b"2024-01-01T00:00:00Z");
    }

    fn linked(&self, repository: &str, media_type: &str, bytes: &[u8]) -> Value {
        let digest = self.blob(bytes);
        let hex = digest.trim_start_matches("sha256:");
        let link = self.repository(repository);
        write(&link.join(format!("_layers/sha256/{hex}/link")), digest.as_bytes());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.v2().join("repositories").join(name)
    }

    fn v2(&self) -> PathBuf {
        self.root.join("docker/registry/v2")
    }
}

fn layer_type(layer: &[u8]) -> &'static str {
    if layer.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    } else if layer.starts_with(&[0x1f, 0x8b]) {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    } else {
        "application/vnd.oci.image.layer.v1.tar"
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
