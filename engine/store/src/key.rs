//! Which names a store takes: relative paths that mean the same to a file system and to a cloud.

use crate::{Result, StoreError};

/// Longest key in bytes of UTF-8, the least of what the clouds allow.
pub const MAX_KEY_BYTES: usize = 1024;

/// Longest part between two slashes in bytes, the least of what file systems allow.
pub const MAX_KEY_PART_BYTES: usize = 255;

/// Accepts `a/b c/d`; refuses what is empty, absolute, too long, climbs, or holds control characters.
pub(crate) fn check_key(key: &str) -> Result<()> {
    match fault(key) {
        None => Ok(()),
        Some(reason) => Err(StoreError::BadKey { key: key.to_owned(), reason }),
    }
}

/// A folder to list: a key, or nothing for the whole store.
pub(crate) fn check_prefix(prefix: &str) -> Result<()> {
    if prefix.is_empty() {
        return Ok(());
    }
    check_key(prefix)
}

/// Whether [`check_key`] would accept the name of a foreign object.
pub(crate) fn is_key(key: &str) -> bool {
    fault(key).is_none()
}

fn fault(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("empty");
    }
    if key.len() > MAX_KEY_BYTES {
        return Some("too long");
    }
    if key.chars().any(|c| c.is_ascii_control()) {
        return Some("control character");
    }
    key.split('/').find_map(|part| match part {
        "" => Some("empty part between slashes"),
        "." | ".." => Some("part . or .."),
        part if part.len() > MAX_KEY_PART_BYTES => Some("part too long"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn names_that_leave_the_root_are_refused() {
        let long_part = "x".repeat(256);
        let long = vec!["x"; 600].join("/");
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\0b",
            "a\nb",
            long_part.as_str(),
            long.as_str(),
        ] {
            assert!(matches!(check_key(bad), Err(StoreError::BadKey { .. })), "{bad:?}");
        }
        for good in ["a", "a/b", "a b/ü%2F+", "...", ".hidden", "a/..b"] {
            check_key(good).unwrap();
        }
        check_prefix("").unwrap();
    }

    proptest! {
        #[test]
        fn an_accepted_name_has_only_normal_path_components(key in "[a./\\\\ %\u{e9}]{0,12}") {
            if is_key(&key) {
                let mut parts = Path::new(&key).components();
                prop_assert!(parts.all(|p| matches!(p, Component::Normal(_))));
                prop_assert_eq!(Path::new(&key).components().count(), key.split('/').count());
            }
        }
    }
}
