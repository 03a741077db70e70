//! Files of a registry: links and manifests.

use dtrvault_registry::{link, manifest};

pub(super) fn link(bytes: &[u8]) {
    if let Ok(link::LinkTarget::Sha256(digest)) = link::parse(bytes) {
        assert!(digest.to_oci().as_bytes() == bytes, "a link with a second text");
    }
}

pub(super) fn manifest(bytes: &[u8]) {
    if let Ok(found) = manifest::references(bytes) {
        // Each digest takes 64 digits of its own.
        assert!(found.required().count() * 64 <= bytes.len());
    }
}
