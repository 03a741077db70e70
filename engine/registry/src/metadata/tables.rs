//! Tables of a metadata tar: which matter here, and what was seen of each.

use std::collections::BTreeMap;

/// Tables told apart at most; DTR has some thirty.
const MAX_TABLES: usize = 256;
/// Longest name of a table, bytes.
const MAX_TABLE_NAME_BYTES: usize = 128;

/// Tables that name image content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Blobs, and the ids that they are stored under from DTR 2.6 on.
    Blobs,
    /// Which repository has which blob.
    BlobLinks,
    /// Manifests, and what they name.
    Manifests,
    /// Repositories.
    Repositories,
    /// Tags, and the manifests that they name.
    Tags,
}

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Blobs, Self::BlobLinks, Self::Manifests, Self::Repositories, Self::Tags]
            .into_iter()
            .find(|table| table.name().as_bytes() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::BlobLinks => "blob_links",
            Self::Manifests => "manifests",
            Self::Repositories => "repositories",
            Self::Tags => "tags",
        }
    }

    /// Tables without which a backup of this version of DTR restores no images. A version that
    /// cannot be read needs those that every one has.
    #[must_use]
    pub fn required(version: &str) -> &'static [Self] {
        const SINCE_2_6: [Table; 4] = [Table::Blobs, Table::Manifests, Table::Repositories, Table::Tags];
        const BEFORE: [Table; 3] = [Table::Manifests, Table::Repositories, Table::Tags];
        let mut numbers = version.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (2, 6) => &SINCE_2_6,
            _ => &BEFORE,
        }
    }
}

/// What was seen of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableCount {
    /// Its rows.
    pub rows: u64,
    /// Those that were to be read, and could not be understood, at least not whole.
    pub odd_rows: u64,
    /// Those that were to be read, and are too long for it.
    pub long_rows: u64,
}

/// What was seen of all tables. Memory is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    counts: BTreeMap<Box<[u8]>, TableCount>,
}

impl Tables {
    /// What was seen of the table of this name; `None` when it is not in the tar.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<TableCount> {
        self.counts.get(name.as_bytes()).copied()
    }

    /// Names and counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], TableCount)> {
        self.counts.iter().map(|(name, count)| (&**name, *count))
    }

    /// Those of `required` that are not in the tar.
    #[must_use]
    pub fn missing(&self, required: &[Table]) -> Vec<Table> {
        required.iter().filter(|table| self.get(table.name()).is_none()).copied().collect()
    }

    /// The count of a table; the table is seen from now on. `None` for more tables, or
    /// longer names, than there can be.
    pub(super) fn count(&mut self, name: &[u8]) -> Option<&mut TableCount> {
        if !self.counts.contains_key(name) {
            if self.counts.len() >= MAX_TABLES || name.len() > MAX_TABLE_NAME_BYTES {
                return None;
            }
            self.counts.insert(name.into(), TableCount::default());
        }
        self.counts.get_mut(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_required_by_version() {
        for version in ["2.6.0", "2.9.4", "2.10.0", "3.0.0"] {
            assert_eq!(Table::required(version).len(), 4, "{version}");
        }
        for version in ["2.5.18", "2.0.1", "x", ""] {
            assert_eq!(Table::required(version).len(), 3, "{version}");
        }
    }

    #[test]
    fn names_lead_to_tables_and_back() {
        for name in ["blobs", "blob_links", "manifests", "repositories", "tags"] {
            assert_eq!(Table::named(name.as_bytes()).map(Table::name), Some(name));
        }
        assert_eq!(Table::named(b"events"), None);
    }

    #[test]
    fn no_tar_has_too_many_tables() {
        let mut tables = Tables::default();
        for n in 0..1000 {
            let _ = tables.count(format!("table{n}").as_bytes());
        }
        assert_eq!(tables.iter().count(), MAX_TABLES);
        assert_eq!(tables.count(&[b'x'; 200]), None);
        assert!(tables.count(b"table7").is_some());
    }
}
