//! Link files: one digest each, and nothing else, not even a newline.
//!
//! A registry's file-system driver truncates and rewrites them in place, so a reader of a live
//! registry may meet one that is empty or cut.

use dtrvault_format::Digest;

/// Longest link file worth reading, bytes. The longest digest in use, sha512's, takes 135.
pub const MAX_LINK_BYTES: usize = 1024;

/// What a link file points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkTarget {
    /// A blob or manifest by its SHA-256.
    Sha256(Digest),
    /// By a digest of another algorithm. Well-formed, but nothing that can be looked up here.
    Other,
}

impl LinkTarget {
    /// The digest, when it is one that blobs are known by.
    #[must_use]
    pub const fn sha256(self) -> Option<Digest> {
        match self {
            Self::Sha256(digest) => Some(digest),
            Self::Other => None,
        }
    }
}

/// A link file that points to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// No bytes: truncated, and not yet written again.
    #[error("the link is empty")]
    Empty,
    /// The beginning of a digest, or the zeros a crash left: being written, or damaged.
    #[error("the link is cut")]
    Torn,
    /// Something else altogether.
    #[error("the link holds no digest")]
    NotADigest,
}

/// Reads a link file, or any digest in OCI form (image-spec, descriptor.md, "Digests").
///
/// # Errors
/// [`BadLink`]; the first two may be over when the file is read again.
pub fn parse(bytes: &[u8]) -> Result<LinkTarget, BadLink> {
    if bytes.is_empty() {
        return Err(BadLink::Empty);
    }
    if bytes.len() > MAX_LINK_BYTES {
        return Err(BadLink::NotADigest);
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(BadLink::Torn);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadLink::NotADigest)?;
    let Some((algorithm, encoded)) = text.split_once(':') else {
        let begun = "sha256".starts_with(text) || "sha512".starts_with(text);
        return Err(if begun { BadLink::Torn } else { BadLink::NotADigest });
    };
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ if is_algorithm(algorithm) && is_encoded(encoded) => return Ok(LinkTarget::Other),
        _ => return Err(BadLink::NotADigest),
    };
    if encoded.len() > digits || !encoded.bytes().all(is_hex) {
        return Err(BadLink::NotADigest);
    }
    if encoded.len() < digits {
        return Err(BadLink::Torn);
    }
    Ok(Digest::from_oci(text).map_or(LinkTarget::Other, LinkTarget::Sha256))
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_encoded(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_good_link_is_a_digest() {
        let digest = Digest::new([0xab; 32]);
        assert_eq!(parse(digest.to_oci().as_bytes()), Ok(LinkTarget::Sha256(digest)));
        let sha512 = format!("sha512:{}", "0f".repeat(64));
        for other in [sha512.as_str(), "blake3:00", "multihash+base58:QmRZx"] {
            assert_eq!(parse(other.as_bytes()), Ok(LinkTarget::Other), "{other}");
        }
    }

    #[test]
    fn every_cut_of_a_link_is_torn() {
        let whole = Digest::new([0xab; 32]).to_oci();
        assert_eq!(parse(b""), Err(BadLink::Empty));
        for len in 1..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..len]), Err(BadLink::Torn), "{len} bytes");
        }
        assert_eq!(parse(&[0; 71]), Err(BadLink::Torn));
        assert_eq!(parse(b"sha512:00"), Err(BadLink::Torn));
    }

    #[test]
    fn anything_else_is_no_digest() {
        let whole = Digest::new([0xab; 32]).to_oci();
        for bad in [
            format!("{whole}\n"),
            format!(" {whole}"),
            format!("{whole}{whole}"),
            whole.to_uppercase(),
            whole.replace('a', "A"),
            whole.replacen('b', "g", 1),
            "hello".to_owned(),
            ":00".to_owned(),
            "a..b:00".to_owned(),
            "blake3:".to_owned(),
            "x:y z".to_owned(),
            "x".repeat(MAX_LINK_BYTES + 1),
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(BadLink::NotADigest), "{bad:?}");
        }
        assert_eq!(parse(&[0xff; 71]), Err(BadLink::NotADigest));
    }

    proptest! {
        #[test]
        fn sha256_comes_only_of_its_exact_text(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(LinkTarget::Sha256(digest)) = parse(&bytes) {
                prop_assert_eq!(digest.to_oci().into_bytes(), bytes);
            }
        }
    }
}
