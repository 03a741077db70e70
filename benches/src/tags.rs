//! Registry storage with many tags: two link files and five folders for each.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Words;

/// Tags of one repository.
const TAGS_EACH: u64 = 500;

/// Whether tags name one image or each its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// One tiny image, which is there: the registry is complete.
    Shared,
    /// An image for each tag, of which nothing but the digest is there: no two links are alike.
    Distinct,
}

/// Makes a registry of `tags` tags below `root`, the folder that holds `docker/registry/v2`.
///
/// # Errors
///
/// What the file system says.
pub fn make_tags(root: &Path, tags: u64, images: Images) -> io::Result<()> {
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config_hex = blob(root, config)?;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{config_hex}","size":{}}},"layers":[]}}"#,
        config.len()
    );
    let manifest_hex = blob(root, manifest.as_bytes())?;
    let mut words = Words::of(&[tags, 6]);
    for tag in 0..tags {
        let app = tag / TAGS_EACH;
        let repository = root.join(format!("docker/registry/v2/repositories/team{}/app{app}", app % 20));
        if tag % TAGS_EACH == 0 {
            link(&repository.join("_layers/sha256").join(&config_hex), &config_hex)?;
            link(&repository.join("_manifests/revisions/sha256").join(&manifest_hex), &manifest_hex)?;
        }
        let name = format!("1.{}.{}-build.{:x}", tag % TAGS_EACH / 50, tag % 50, words.word() >> 44);
        let hex = match images {
            Images::Shared => manifest_hex.clone(),
            Images::Distinct => words.hex64(),
        };
        let folder = repository.join("_manifests/tags").join(name);
        link(&folder.join("current"), &hex)?;
        link(&folder.join("index/sha256").join(&hex), &hex)?;
    }
    Ok(())
}

fn link(folder: &Path, hex: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("link"), format!("sha256:{hex}"))
}

fn blob(root: &Path, content: &[u8]) -> io::Result<String> {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = root.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(&hex);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("data"), content)?;
    Ok(hex)
}
