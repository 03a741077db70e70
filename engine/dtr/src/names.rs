//! What containers, volumes and images of DTR are called.

use std::fmt;
use std::str::FromStr;

/// Digits of a replica's id.
const ID_DIGITS: usize = 12;

/// Label that says which replica a container is of.
pub(crate) const REPLICA_LABEL: &str = "com.docker.dtr.replica";
/// Label that says so where the other is missing.
pub(crate) const PROJECT_LABEL: &str = "com.docker.compose.project";
/// Label that says which version a container is of.
pub(crate) const VERSION_LABEL: &str = "com.docker.dtr.version";
/// Variable of the registry container that says the same.
pub(crate) const VERSION_VARIABLE: &str = "DTR_VERSION";
/// Where the registry container has its storage.
pub(crate) const STORAGE_MOUNT: &str = "/storage";

/// Id of a replica: twelve hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(String);

impl ReplicaId {
    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The volume that holds image content, unless another was given at the installation.
    #[must_use]
    pub fn registry_volume(&self) -> String {
        format!("dtr-registry-{self}")
    }

    /// The same, on NFS.
    #[must_use]
    pub fn nfs_volume(&self) -> String {
        format!("dtr-nfs-registry-{self}")
    }
}

/// No id of a replica.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no replica id: that has {ID_DIGITS} hexadecimal digits")]
pub struct NoReplicaId(pub String);

impl FromStr for ReplicaId {
    type Err = NoReplicaId;

    fn from_str(text: &str) -> Result<Self, NoReplicaId> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == ID_DIGITS && text.bytes().all(digits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoReplicaId(text.chars().take(40).collect()))
        }
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for ReplicaId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Parts of a replica, by the names of their containers.
pub const PARTS: [&str; 9] = [
    "api",
    "garant",
    "jobrunner",
    "nginx",
    "notary-server",
    "notary-signer",
    "registry",
    "rethinkdb",
    "scanningstore",
];

/// Parts without which there is no replica.
pub(crate) const NEEDED_PARTS: [&str; 4] = ["api", "nginx", "registry", "rethinkdb"];

/// What a container's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerName {
    /// The node, where the name begins with one.
    pub(crate) node: Option<String>,
    /// Which part of a replica.
    pub(crate) part: &'static str,
    /// Which replica.
    pub(crate) replica: ReplicaId,
}

/// Reads `/dtr-registry-0123456789ab` or `/node/dtr-registry-0123456789ab`; nothing for other names.
pub(crate) fn container(name: &str) -> Option<ContainerName> {
    let name = name.trim_start_matches('/');
    let (node, name) = match name.rsplit_once('/') {
        Some((node, name)) => (Some(node.to_owned()), name),
        None => (None, name),
    };
    let (part, id) = name.strip_prefix("dtr-")?.rsplit_once('-')?;
    let part = PARTS.into_iter().find(|known| *known == part)?;
    Some(ContainerName { node, part, replica: id.parse().ok()? })
}

/// The image that holds `backup` and `restore`, from the image of a part: the part's own name is
/// a suffix of it (`docker/dtr-registry:2.9.4`), or there is but one image. Nothing for an image
/// that is named by its digest alone.
pub(crate) fn program_image(image: &str, part: &str) -> Option<String> {
    if image.starts_with("sha256:") {
        return None;
    }
    let image = image.split('@').next()?;
    // A colon before the last slash is that of a port.
    let (repository, tag) = match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    };
    // The image of rethinkdb is called dtr-rethink.
    let shorter = if part == "rethinkdb" { "rethink" } else { part };
    let suffixes = [format!("-{part}"), format!("-{shorter}")];
    let repository =
        suffixes.iter().find_map(|suffix| repository.strip_suffix(suffix.as_str())).unwrap_or(repository);
    if repository.is_empty() || !repository.rsplit('/').next()?.starts_with("dtr") {
        return None;
    }
    Some(tag.map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_with_and_without_a_node() {
        let id: ReplicaId = "0123456789ab".parse().unwrap();
        let name = container("/dtr-notary-server-0123456789ab").unwrap();
        assert_eq!(name, ContainerName { node: None, part: "notary-server", replica: id.clone() });
        let name = container("/node-1/dtr-registry-0123456789ab").unwrap();
        assert_eq!(name, ContainerName { node: Some("node-1".into()), part: "registry", replica: id });
        for other in ["/dtr-registry", "/dtr-registry-xyz", "/web", "/dtr-thing-0123456789ab", ""] {
            assert_eq!(container(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_is_found_by_the_image_of_a_part() {
        for (image, part, program) in [
            ("docker/dtr-registry:2.5.3", "registry", Some("docker/dtr:2.5.3")),
            ("docker/dtr-rethink:2.5.3", "rethinkdb", Some("docker/dtr:2.5.3")),
            ("mirantis/dtr-notary-server:2.9.29", "notary-server", Some("mirantis/dtr:2.9.29")),
            (
                "registry.mirantis.com/msr/dtr:2.10.0",
                "registry",
                Some("registry.mirantis.com/msr/dtr:2.10.0"),
            ),
            ("mirror:5000/docker/dtr-api:2.7.0@sha256:12", "api", Some("mirror:5000/docker/dtr:2.7.0")),
            ("mirror:5000/docker/dtr-api", "api", Some("mirror:5000/docker/dtr")),
            ("sha256:123", "api", None),
            ("acme/web:1", "api", None),
        ] {
            assert_eq!(program_image(image, part).as_deref(), program, "{image}");
        }
    }
}
