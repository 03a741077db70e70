//! Places that the operator names: a folder, or a store's URL.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::error::{CliError, Result};

/// A folder or a store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder, absolute, so that it is the same from wherever it was named.
    Folder(PathBuf),
    /// A store's URL.
    Url(String),
}

impl Place {
    /// Reads a place. `file://` is a folder like any other.
    ///
    /// # Errors
    /// [`CliError::Usage`] for what is neither.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(CliError::usage("an empty path is no place", "give a path or a URL"));
        }
        let path = match text.strip_prefix("file://") {
            Some(rest) => {
                let rest = rest.strip_prefix("localhost").unwrap_or(rest);
                if !rest.starts_with('/') {
                    let message = format!("'{text}' names a host");
                    return Err(CliError::usage(message, "write file:///absolute/path"));
                }
                PathBuf::from(OsString::from_vec(percent_decoded(rest.as_bytes())))
            }
            None if text.contains("://") => return Ok(Self::Url(text.trim_end_matches('/').to_owned())),
            None => PathBuf::from(text),
        };
        let absolute = std::path::absolute(path).map_err(CliError::Setup)?;
        // `absolute` keeps a slash at the end, and a name is compared as text.
        Ok(Self::Folder(absolute.components().collect()))
    }

    /// How a snapshot calls it.
    pub(crate) fn location(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Url(url) => url.clone(),
        }
    }
}

/// RFC 3986, section 2.1. A percent sign that encodes nothing stands for itself.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit =
        |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                at += 3;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_are_absolute_and_urls_stay() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(Place::parse("a/b/").unwrap(), Place::Folder(here.join("a/b")));
        assert_eq!(Place::parse("/a/./b").unwrap(), Place::Folder("/a/b".into()));
        assert_eq!(Place::parse("file:///a%20b/%zz").unwrap(), Place::Folder("/a b/%zz".into()));
        assert_eq!(Place::parse("file://localhost/a").unwrap(), Place::Folder("/a".into()));
        assert_eq!(Place::parse("s3://bucket/p/").unwrap(), Place::Url("s3://bucket/p".into()));
        for text in ["", "file://host/a", "file://"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }
}
