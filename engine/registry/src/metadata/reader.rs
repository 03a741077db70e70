//! Rows as the tar that holds them goes by.

use super::path::RowPath;
use super::row::{Row, parse_row};
use super::tables::{Table, Tables};

/// Longest row that is read, bytes; a longer one is passed over and counted. Most have less than
/// one KiB.
pub const MAX_ROW_JSON_BYTES: usize = 4 * 1024 * 1024;

/// Takes rows.
pub trait RowSink {
    /// Whether rows of this table are to be read; else they are counted only.
    fn wants(&self, table: Table) -> bool;

    /// The next row of a table that is wanted.
    fn row(&mut self, row: Row<'_>);
}

/// Reads rows out of the members of a tar, in whatever pieces they come. Holds at most one row of
/// [`MAX_ROW_JSON_BYTES`].
#[derive(Debug)]
pub struct MetadataReader<S> {
    sink: S,
    tables: Tables,
    /// Folder of the row before this one; rows of a table mostly stand together.
    folder: Folder,
    open: Option<OpenRow>,
}

/// A table's folder, and whether its rows are read.
#[derive(Debug, Default)]
struct Folder {
    name: Vec<u8>,
    wanted: Option<Table>,
    /// Rows that are counted only, and not yet added up.
    rows: u64,
}

/// A row that has begun.
#[derive(Debug)]
struct OpenRow {
    table: Table,
    bytes: Vec<u8>,
    /// Bytes of it that are to come.
    left: usize,
}

impl<S: RowSink> MetadataReader<S> {
    /// At the beginning of a tar.
    pub fn new(sink: S) -> Self {
        Self { sink, tables: Tables::default(), folder: Folder::default(), open: None }
    }

    /// A member begins, of this name; so many bytes of contents follow.
    pub fn begins(&mut self, name: &[u8], content_bytes: u64) {
        self.give_up();
        let Some(path) = RowPath::parse(name) else { return };
        if self.folder.name != path.table {
            self.enter(path.table);
        }
        if !path.is_row {
            return;
        }
        self.folder.rows += 1;
        let Some(table) = self.folder.wanted else { return };
        match usize::try_from(content_bytes) {
            Ok(0) => self.count_odd(),
            Ok(left) if left <= MAX_ROW_JSON_BYTES => {
                self.open = Some(OpenRow { table, bytes: Vec::new(), left });
            }
            _ => {
                if let Some(count) = self.tables.count(&self.folder.name) {
                    count.long_rows += 1;
                }
            }
        }
    }

    /// The next bytes of the member's contents. What comes behind them is no part of it.
    pub fn content(&mut self, bytes: &[u8]) {
        let Some(mut row) = self.open.take() else { return };
        let bytes = bytes.get(..row.left).unwrap_or(bytes);
        row.left -= bytes.len();
        if row.left > 0 {
            row.bytes.extend_from_slice(bytes);
            self.open = Some(row);
        } else if row.bytes.is_empty() {
            self.take(row.table, bytes);
        } else {
            row.bytes.extend_from_slice(bytes);
            self.take(row.table, &row.bytes);
        }
    }

    /// What was seen of the tables, and the sink.
    #[must_use]
    pub fn finish(mut self) -> (Tables, S) {
        self.give_up();
        self.leave();
        (self.tables, self.sink)
    }

    /// From now on rows are those of this table.
    fn enter(&mut self, table: &[u8]) {
        self.leave();
        // A table is seen when its folder is: it may have no rows.
        let is_counted = self.tables.count(table).is_some();
        let known = Table::named(table).filter(|_| is_counted);
        self.folder.wanted = known.filter(|table| self.sink.wants(*table));
        self.folder.name.clear();
        if is_counted {
            self.folder.name.extend_from_slice(table);
        }
    }

    /// Adds up the rows of the folder.
    fn leave(&mut self) {
        let rows = std::mem::take(&mut self.folder.rows);
        // Rows of a table that is not counted have no name.
        if rows > 0
            && !self.folder.name.is_empty()
            && let Some(count) = self.tables.count(&self.folder.name)
        {
            count.rows += rows;
        }
    }

    fn take(&mut self, table: Table, json: &[u8]) {
        let row = parse_row(table, json);
        if row.as_ref().is_none_or(|row| matches!(row, Row::Manifest(row) if row.is_odd)) {
            self.count_odd();
        }
        if let Some(row) = row {
            self.sink.row(row);
        }
    }

    /// A row that did not come whole is not understood.
    fn give_up(&mut self) {
        if self.open.take().is_some() {
            self.count_odd();
        }
    }

    fn count_odd(&mut self) {
        if let Some(count) = self.tables.count(&self.folder.name) {
            count.odd_rows += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::TableCount;
    use super::*;
    use dtrvault_format::Digest;

    /// Keeps the names of tags.
    #[derive(Debug, Default)]
    struct Tags(Vec<String>);

    impl RowSink for Tags {
        fn wants(&self, table: Table) -> bool {
            table == Table::Tags
        }

        fn row(&mut self, row: Row<'_>) {
            if let Row::Tag(tag) = row {
                self.0.push(format!("{}:{}", tag.repository, tag.name));
            }
        }
    }

    const ROOT: &str = "dtr-backup-v2.9.4-online/rethink";

    fn tag(name: &str) -> Vec<u8> {
        let digest = Digest::new([1; 32]).to_oci();
        format!(r#"{{"repository":"a/b","name":"{name}","digest":"{digest}"}}"#).into_bytes()
    }

    fn put(reader: &mut MetadataReader<Tags>, name: &str, content: &[u8], piece: usize) {
        reader.begins(format!("{ROOT}/{name}").as_bytes(), content.len() as u64);
        content.chunks(piece).for_each(|part| reader.content(part));
    }

    fn counts(rows: u64, odd_rows: u64, long_rows: u64) -> Option<TableCount> {
        Some(TableCount { rows, odd_rows, long_rows })
    }

    #[test]
    fn rows_come_whole_in_pieces_of_any_size() {
        for piece in [1, 7, 50, 10_000] {
            let mut reader = MetadataReader::new(Tags::default());
            put(&mut reader, "tags/", b"", piece);
            for n in 0..20 {
                put(&mut reader, &format!("tags/{n}"), &tag(&format!("v{n}")), piece);
                put(&mut reader, &format!("events/{n}"), b"{}", piece);
            }
            let (tables, Tags(tags)) = reader.finish();
            assert_eq!(tags, (0..20).map(|n| format!("a/b:v{n}")).collect::<Vec<_>>());
            assert_eq!(tables.get("tags"), counts(20, 0, 0));
            assert_eq!(tables.get("events"), counts(20, 0, 0));
        }
    }

    #[test]
    fn rows_that_cannot_be_understood_are_counted() {
        let mut reader = MetadataReader::new(Tags::default());
        put(&mut reader, "tags/1", b"garbage", 9);
        put(&mut reader, "tags/2", b"", 9);
        put(&mut reader, "tags/3", &tag("v3"), 9);
        // Contents that stop early, and a row too long to be read.
        reader.begins(format!("{ROOT}/tags/4").as_bytes(), 100);
        reader.content(&tag("v4")[..50]);
        reader.begins(format!("{ROOT}/tags/5").as_bytes(), MAX_ROW_JSON_BYTES as u64 + 1);
        reader.content(&tag("v5"));
        // What follows on a member's contents, such as the next one's long name, is none of them.
        put(&mut reader, "tags/6", &tag("v6"), 9);
        reader.content(&tag("v7"));
        // Not DTR's.
        reader.begins(b"other/rethink/tags/8", 5);
        reader.content(b"{}{}{");
        put(&mut reader, "repositories/", b"", 9);
        let (tables, Tags(tags)) = reader.finish();
        assert_eq!(tags, ["a/b:v3", "a/b:v6"]);
        assert_eq!(tables.get("tags"), counts(6, 3, 1));
        assert_eq!(tables.get("repositories"), counts(0, 0, 0));
        assert_eq!(tables.missing(Table::required("2.9.4")), [Table::Blobs, Table::Manifests]);
    }

    #[test]
    fn tables_beyond_all_bounds_are_passed_over() {
        let mut reader = MetadataReader::new(Tags::default());
        for n in 0..2000 {
            put(&mut reader, &format!("table{n}/1"), b"{}", 9);
        }
        put(&mut reader, "tags/1", &tag("v1"), 9);
        let (tables, Tags(tags)) = reader.finish();
        assert!(tables.iter().count() < 1000);
        assert!(tables.iter().all(|(_, count)| count.rows == 1));
        assert!(tags.is_empty(), "a table that is not counted is not read");
    }
}
