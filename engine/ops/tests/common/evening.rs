//! Snapshots by the verb itself.

use std::io::Cursor;
use std::path::Path;

use dtrvault_ops::snapshot::{ImagesInput, Layers, MetadataInput, SnapshotOptions, SnapshotReport};
use dtrvault_ops::{Context, snapshot};
use dtrvault_registry::source::{Local, WalkOptions};
use dtrvault_repo::Repository;

use super::forge::HOST;

/// Takes a snapshot of a registry's storage root, and of a metadata stream that is named after it.
pub fn take(repo: &Repository, root: &Path, metadata: Option<Vec<u8>>) -> SnapshotReport {
    let metadata = metadata.map(|bytes| MetadataInput {
        stream: Box::new(Cursor::new(bytes)),
        name: root.file_name().unwrap().to_string_lossy().into_owned(),
        size: None,
        allow_truncated: false,
        backup: None,
        allow_missing_tables: false,
    });
    let source = Box::new(Local::new(root).unwrap());
    let options = SnapshotOptions {
        metadata,
        images: Some(ImagesInput { source, walk: WalkOptions::default(), layers: Layers::default() }),
        tags: vec!["nightly-tag".to_owned()],
        host: HOST.to_owned(),
        program: "test".to_owned(),
        readers: 2,
    };
    snapshot::run(repo, options, &Context::default()).unwrap()
}
