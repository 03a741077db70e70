//! Paths of a tree: their order, what they may be, and how people see them.

use std::cmp::Ordering;

use super::WHAT;
use crate::limits::{MAX_NAME_BYTES, MAX_PATH_BYTES};
use crate::{FormatError, cbor};

/// Order of entries: by component, each component by its bytes. A folder stands before its
/// contents, and they before its next sibling, whatever bytes the names hold.
#[must_use]
pub fn path_order(a: &[u8], b: &[u8]) -> Ordering {
    // No name holds NUL, so '/' may sort where NUL would.
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    let shared = common_prefix(a, b);
    a.get(shared).map(key).cmp(&b.get(shared).map(key))
}

/// How many bytes two paths begin with alike. Neighbours share most of theirs, so whole
/// blocks are compared at once.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const BLOCK_BYTES: usize = 16;
    let blocks = a.chunks_exact(BLOCK_BYTES).zip(b.chunks_exact(BLOCK_BYTES));
    let shared = blocks.take_while(|(a, b)| a == b).count() * BLOCK_BYTES;
    let rest = a.iter().zip(b).skip(shared);
    shared + rest.take_while(|(a, b)| a == b).count()
}

/// Whether `path` lies below the folder `above`. Everything but the root lies below the root.
#[must_use]
pub fn is_below(path: &[u8], above: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) if above.is_empty() => !rest.is_empty(),
        Some(rest) => rest.first() == Some(&b'/'),
        None => false,
    }
}

/// Whether `path` can stand in a tree: relative, no empty, `.` or `..` component, no NUL.
///
/// # Errors
/// [`FormatError`] says what is wrong with it.
pub fn validate_path(path: &[u8]) -> Result<(), FormatError> {
    validate_after(path, 0)
}

/// The same for a path that begins with `shared` bytes of one that is valid: only the names
/// that are not all in them are looked at.
pub(super) fn validate_after(path: &[u8], shared: usize) -> Result<(), FormatError> {
    cbor::at_most(WHAT, "path", path.len(), MAX_PATH_BYTES)?;
    if path.is_empty() {
        return Ok(());
    }
    let slash = path.get(..shared).unwrap_or_default().iter().rposition(|byte| *byte == b'/');
    let rest = slash.and_then(|slash| path.get(slash + 1..)).unwrap_or(path);
    for name in rest.split(|byte| *byte == b'/') {
        cbor::at_most(WHAT, "name", name.len(), MAX_NAME_BYTES)?;
        if matches!(name, b"" | b"." | b"..") || name.contains(&0) {
            return Err(FormatError::Invalid { what: WHAT, detail: "a path that is not relative and plain" });
        }
    }
    Ok(())
}

/// Serialises raw bytes as text: UTF-8 as it is, other bytes as `\xNN`, a backslash doubled.
///
/// # Errors
/// Those of the serializer.
pub fn path_as_text<S: serde::Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&display_path(bytes))
}

/// Raw bytes for people: UTF-8 as it is; control characters and bytes that are no UTF-8 as
/// `\xNN`; a backslash doubled. Two different paths never look the same.
#[must_use]
pub fn display_path(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for char in part.valid().chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                c if c.is_control() => c.to_string().bytes().for_each(|b| push_escaped(&mut text, b)),
                c => text.push(c),
            }
        }
        part.invalid().iter().for_each(|byte| push_escaped(&mut text, *byte));
    }
    text
}

fn push_escaped(text: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.push_str("\\x");
    for nibble in [byte >> 4, byte & 15] {
        text.push(HEX.get(usize::from(nibble)).copied().unwrap_or('?'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_with_low_bytes_stand_after_a_folders_contents() {
        assert!(path_order(b"a/b", b"a-b").is_lt());
        assert!(path_order(b"a", b"a/b").is_lt());
        assert!(path_order(b"", b"a").is_lt());
        assert!(is_below(b"a/b", b"a") && !is_below(b"a-b", b"a") && !is_below(b"a", b"a"));
    }

    #[test]
    fn order_looks_past_whole_blocks() {
        let long = |tail: &str| [&[b'x'; 40], tail.as_bytes()].concat();
        assert_eq!(common_prefix(&long("ab"), &long("ac")), 41);
        assert_eq!(common_prefix(&long(""), &long("a")), 40);
        assert!(path_order(&long("a/b"), &long("a-b")).is_lt());
        assert!(path_order(&long(""), &long("/a")).is_lt());
        assert!(path_order(&long("b"), &long("a")).is_gt());
        assert!(path_order(&long("a"), &long("a")).is_eq());
    }

    #[test]
    fn no_two_paths_look_the_same() {
        assert_eq!(display_path(b"a\\x0a\n\xff"), "a\\\\x0a\\x0a\\xff");
    }
}
