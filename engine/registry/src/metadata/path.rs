//! What a member's name says: `dtr-backup-v<version>[-<mode>]/rethink/<table>/<row>`.

/// What the first folder's name begins with.
const ROOT: &[u8] = b"dtr-backup-v";

/// A member of a metadata tar that belongs to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPath<'a> {
    /// The table.
    pub table: &'a [u8],
    /// Whether it is a row; else it is the table's folder.
    pub is_row: bool,
}

impl<'a> RowPath<'a> {
    /// Reads a member's name; `None` when it belongs to no table.
    #[must_use]
    pub fn parse(name: &'a [u8]) -> Option<Self> {
        let mut parts = name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
        parts.next().filter(|root| root.starts_with(ROOT))?;
        parts.next().filter(|folder| *folder == b"rethink")?;
        let table = parts.next()?;
        let is_row = parts.next().is_some();
        parts.next().is_none().then_some(Self { table, is_row })
    }
}

/// Version of DTR that the first folder of a metadata tar names: all of it up to the mode.
#[must_use]
pub fn dtr_version(root: &str) -> Option<&str> {
    let rest = root.as_bytes().strip_prefix(ROOT).and_then(|rest| root.get(root.len() - rest.len()..))?;
    rest.split('-').next().filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Option<(&str, bool)> {
        let path = RowPath::parse(name.as_bytes())?;
        Some((std::str::from_utf8(path.table).ok()?, path.is_row))
    }

    #[test]
    fn tables_and_rows_are_told_by_their_names() {
        assert_eq!(parsed("dtr-backup-v2.9.4-online/rethink/tags/17"), Some(("tags", true)));
        assert_eq!(parsed("./dtr-backup-v2.5.0/rethink/tags/17"), Some(("tags", true)));
        assert_eq!(parsed("dtr-backup-v2.9.4-online/rethink/tags/"), Some(("tags", false)));
        assert_eq!(parsed("dtr-backup-v2.9.4-online/rethink/tags"), Some(("tags", false)));
        for other in [
            "",
            "/",
            "dtr-backup-v2.9.4-online/",
            "dtr-backup-v2.9.4-online/rethink/",
            "dtr-backup-v2.9.4-online/rethink/tags/1/2",
            "dtr-backup-v2.9.4-online/notary/tags/1",
            "backup/rethink/tags/1",
        ] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    #[test]
    fn versions_of_any_length_are_read_whole() {
        assert_eq!(dtr_version("dtr-backup-v2.9.29-online"), Some("2.9.29"));
        assert_eq!(dtr_version("dtr-backup-v2.10.0"), Some("2.10.0"));
        assert_eq!(dtr_version("dtr-backup-v"), None);
        assert_eq!(dtr_version("something"), None);
    }
}
