//! What DTR's metadata says, read out of its tar as it goes by.

use dtrvault_codec::MemberWatch;
use dtrvault_registry::metadata::{MetadataReader, Row, RowSink, Table, Tables, dtr_version};

use super::catalogue::Catalogue;

/// Tables that the catalogue is made of.
const READ: [Table; 3] = [Table::Blobs, Table::Manifests, Table::Tags];

/// Looks at a metadata tar.
pub(crate) struct RowWatch {
    reader: MetadataReader<Rows>,
}

/// Keeps what rows say.
struct Rows {
    catalogue: Catalogue,
    is_wanted: bool,
}

impl RowSink for Rows {
    fn wants(&self, table: Table) -> bool {
        self.is_wanted && READ.contains(&table)
    }

    fn row(&mut self, row: Row<'_>) {
        match row {
            Row::Blob(blob) => self.catalogue.id(&blob.id, blob.digest),
            Row::Manifest(row) => self.catalogue.manifest(&row.repository, row.digest, row.required()),
            Row::Tag(tag) => self.catalogue.tag(&tag.repository, &tag.name, tag.digest),
            Row::BlobLink(_) => {}
        }
    }
}

impl MemberWatch for RowWatch {
    fn begins(&mut self, name: &[u8], content_bytes: u64) {
        self.reader.begins(name, content_bytes);
    }

    fn content(&mut self, bytes: &[u8]) {
        self.reader.content(bytes);
    }
}

/// What a metadata tar says.
pub(crate) struct Described {
    /// Its tables.
    pub(crate) tables: Tables,
    /// `None` when it was not asked for, or cannot be known.
    pub(crate) catalogue: Option<Catalogue>,
}

impl RowWatch {
    /// At the beginning of a tar. Without `is_wanted` only tables are counted.
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { reader: MetadataReader::new(Rows { catalogue: Catalogue::default(), is_wanted }) }
    }

    /// What the tar says.
    pub(crate) fn finish(self) -> Described {
        let (tables, Rows { mut catalogue, is_wanted }) = self.reader.finish();
        catalogue.seal();
        // Without a table that nothing is understood of, nothing can be held against anything.
        let is_known = tables.get(Table::Tags.name()).is_some() && unread(&tables).is_empty();
        Described { catalogue: Some(catalogue).filter(|_| is_wanted && is_known), tables }
    }
}

/// Tables that have rows, none of which was understood.
fn unread(tables: &Tables) -> Vec<Table> {
    let is_unread = |table: &Table| {
        let count = tables.get(table.name()).unwrap_or_default();
        count.rows > 0 && count.odd_rows + count.long_rows >= count.rows
    };
    READ.into_iter().filter(is_unread).collect()
}

impl Described {
    /// Tables that must be in a backup whose first folder is `root`, and are not.
    pub(crate) fn missing_tables(&self, root: &str) -> Vec<Table> {
        dtr_version(root).map_or_else(Vec::new, |version| self.tables.missing(Table::required(version)))
    }

    /// What could not be understood, and what comes of it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let unread = unread(&self.tables);
        let partly = READ.into_iter().filter(|table| !unread.contains(table)).filter_map(|table| {
            let count = self.tables.get(table.name())?;
            let odd = count.odd_rows + count.long_rows;
            (odd > 0).then(|| {
                format!(
                    "{odd} of {} rows of the table '{}' could not be understood, at least not whole: \
                     what they name is not looked for",
                    count.rows,
                    table.name()
                )
            })
        });
        let partly: Vec<String> = partly.collect();
        let none = unread.iter().map(|table| {
            format!(
                "no row of the table '{}' could be understood, so the images were not held against the \
                 metadata: is this DTR newer than dtrvault?",
                table.name()
            )
        });
        none.chain(partly).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "dtr-backup-v2.9.4-online";

    fn described(rows: &[(&str, &str)]) -> Described {
        let mut watch = RowWatch::new(true);
        for (name, row) in rows {
            watch.begins(format!("{ROOT}/rethink/{name}").as_bytes(), row.len() as u64);
            watch.content(row.as_bytes());
        }
        watch.finish()
    }

    const TAG: &str = r#"{"pk":"a/b:v1","digest":"sha256:0101010101010101010101010101010101010101010101010101010101010101"}"#;

    #[test]
    fn tables_that_must_be_there_are_missed() {
        let all = ["blobs/", "manifests/", "repositories/", "tags/"].map(|name| (name, ""));
        assert!(described(&all).missing_tables(ROOT).is_empty());
        assert_eq!(described(&all[1..]).missing_tables(ROOT), [Table::Blobs]);
        assert!(described(&all[1..]).missing_tables("dtr-backup-v2.5.0").is_empty());
        assert!(described(&[]).missing_tables("backup").is_empty(), "another program's tar");
    }

    #[test]
    fn a_schema_that_is_unknown_proves_nothing() {
        let known = described(&[("tags/1", TAG), ("tags/2", "garbage")]);
        assert!(known.catalogue.is_some());
        assert!(matches!(&known.warnings()[..], [one] if one.starts_with("1 of 2 rows")));
        let unknown = described(&[("tags/1", TAG), ("manifests/1", "garbage")]);
        assert!(unknown.catalogue.is_none());
        assert!(
            matches!(&unknown.warnings()[..], [one] if one.starts_with("no row of the table 'manifests'"))
        );
        assert!(described(&[("events/1", "{}")]).catalogue.is_none());
    }
}
