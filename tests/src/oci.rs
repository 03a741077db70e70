//! Images in an OCI layout, for a client to push.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bytes::digest_of;

/// Media type of an image manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A folder with an OCI layout (OCI image specification, "Image Layout").
pub struct OciLayout {
    path: PathBuf,
    tagged: Vec<Value>,
}

impl OciLayout {
    /// A new, empty one.
    ///
    /// # Panics
    ///
    /// When the folder cannot be made.
    pub fn create(path: PathBuf) -> Self {
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        let version = json!({"imageLayoutVersion": "1.0.0"});
        std::fs::write(path.join("oci-layout"), version.to_string()).unwrap();
        Self { path, tagged: Vec::new() }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An image for several platforms; layers are plain tars.
    pub fn index(&mut self, tag: &str, platforms: &[(&str, Vec<Vec<u8>>)]) {
        let manifests: Vec<Value> = platforms
            .iter()
            .map(|(architecture, layers)| {
                let mut descriptor = self.manifest(architecture, layers);
                descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
                descriptor
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let descriptor = self.put(INDEX, index.to_string().as_bytes());
        self.tag(descriptor, tag);
    }

    /// An image for one platform; layers are plain tars.
    pub fn image(&mut self, tag: &str, layers: &[Vec<u8>]) {
        let descriptor = self.manifest("amd64", layers);
        self.tag(descriptor, tag);
    }

    fn manifest(&self, architecture: &str, layers: &[Vec<u8>]) -> Value {
        let ids: Vec<String> = layers.iter().map(|layer| digest_of(layer)).collect();
        let config = json!({
            "os": "linux", "architecture": architecture, "config": {},
            "rootfs": {"type": "layers", "diff_ids": ids},
        });
        let config = self.put("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let layers: Vec<Value> =
            layers.iter().map(|layer| self.put("application/vnd.oci.image.layer.v1.tar", layer)).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.put(MANIFEST, manifest.to_string().as_bytes())
    }

    fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        let name = digest.trim_start_matches("sha256:");
        std::fs::write(self.path.join("blobs/sha256").join(name), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn tag(&mut self, mut descriptor: Value, tag: &str) {
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        self.tagged.push(descriptor);
        let top = json!({"schemaVersion": 2, "manifests": self.tagged});
        std::fs::write(self.path.join("index.json"), top.to_string()).unwrap();
    }
}
