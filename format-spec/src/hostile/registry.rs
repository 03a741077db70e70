//! Files of a registry: links and manifests. Rows of DTR's database.

use dtrvault_codec::rows::TarLabels;
use dtrvault_codec::{MemberWatch, watch_tar};
use dtrvault_registry::metadata::{MetadataReader, Row, RowSink, Table, Tables};
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

/// How many rows there are, and how many digests in them.
#[derive(Clone, Default, PartialEq)]
struct Rows {
    rows: u64,
    digests: usize,
}

impl RowSink for Rows {
    fn wants(&self, _: Table) -> bool {
        true
    }

    fn row(&mut self, row: Row<'_>) {
        self.rows += 1;
        self.digests += match row {
            Row::Manifest(row) => 1 + row.required().count(),
            Row::Blob(_) | Row::BlobLink(_) | Row::Tag(_) => 1,
        };
    }
}

/// Tells a reader of rows what a tar holds.
struct Watch(MetadataReader<Rows>);

impl MemberWatch for Watch {
    fn begins(&mut self, name: &[u8], content_bytes: u64) {
        self.0.begins(name, content_bytes);
    }

    fn content(&mut self, bytes: &[u8]) {
        self.0.content(bytes);
    }
}

fn watch() -> Watch {
    Watch(MetadataReader::new(Rows::default()))
}

fn rows_of(tar: &[u8], piece: usize) -> (Tables, Rows) {
    let (mut labels, mut watch) = (TarLabels::new(), watch());
    tar.chunks(piece.max(1)).for_each(|part| labels.push_watched(part, &mut watch));
    watch.0.finish()
}

/// The first two bytes are the length of the pieces; then the tar.
pub(super) fn metadata_rows(bytes: &[u8]) {
    let (piece, tar) = super::number(bytes);
    let (tables, rows) = rows_of(tar, piece);
    // Each digest takes 64 digits of its own.
    assert!(rows.digests * 64 <= tar.len(), "more digests than there can be");
    let read: u64 = tables.iter().map(|(_, count)| count.rows).sum();
    assert!(rows.rows <= read, "more rows than were counted");
    assert!(rows_of(tar, usize::MAX) == (tables.clone(), rows.clone()), "pieces change the result");
    let mut whole = watch();
    let mut source = tar;
    assert!(watch_tar(&mut source, &mut whole).is_ok(), "bytes that cannot be read");
    assert!(whole.0.finish() == (tables, rows), "another way to read gives another result");
}
