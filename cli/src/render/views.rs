//! What the verbs show as JSON, where that is not what the engine has. `docs/json.md` states
//! the fields; the tests of this file hold the two together.

use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::format::{
    Content, DtrIdentity, Entry, ImagesPart, Kind, MetadataForm, MetadataPart, Problem, Snapshot, SnapshotId,
    Stats,
};
use dtrvault_ops::layer::{TarEntry, TarKind};
use dtrvault_ops::snapshot::LayerReport;
use serde::Serialize;
use serde_json::Value;

use super::time::utc;

/// A snapshot.
#[derive(Serialize)]
pub(crate) struct SnapshotView<'a> {
    id: String,
    time: String,
    host: &'a str,
    tags: &'a [String],
    complete: bool,
    metadata: Option<MetadataView<'a>>,
    images: Option<ImagesView<'a>>,
    dtr: Option<&'a DtrIdentity>,
    problem_count: u64,
    problems: &'a [Problem],
    stats: StatsView<'a>,
    layers: Option<LayerReport>,
    parent: Option<SnapshotId>,
    program: &'a str,
}

#[derive(Serialize)]
struct MetadataView<'a> {
    digest: String,
    size_bytes: u64,
    form: MetadataForm,
    root: Option<&'a str>,
    members: u64,
    name: &'a str,
    truncated: bool,
    log_bytes: Option<u64>,
}

#[derive(Serialize)]
struct ImagesView<'a> {
    location: &'a str,
    entries: u64,
    size_bytes: u64,
}

#[derive(Serialize)]
struct StatsView<'a> {
    #[serde(flatten)]
    stats: &'a Stats,
    /// What was new to what it took; nothing when nothing was written.
    compression_ratio: Option<f64>,
    /// All content to what it took.
    total_ratio: Option<f64>,
}

impl<'a> StatsView<'a> {
    fn new(stats: &'a Stats) -> Self {
        Self {
            stats,
            compression_ratio: ratio(stats.new_bytes, stats.written_bytes),
            total_ratio: ratio(stats.seen_bytes, stats.written_bytes),
        }
    }
}

/// How many times `part` goes into `whole`; nothing when there is nothing to divide by.
pub(crate) fn ratio(whole: u64, part: u64) -> Option<f64> {
    (part > 0).then(|| thousandths(dtrvault_ops::stats::ratio(whole, part)))
}

/// A ratio with three decimal places.
pub(crate) fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

impl<'a> SnapshotView<'a> {
    pub(crate) fn new(id: &SnapshotId, snapshot: &'a Snapshot) -> Self {
        Self {
            id: id.to_string(),
            time: utc(snapshot.time),
            host: &snapshot.host,
            tags: &snapshot.tags,
            complete: snapshot.complete,
            metadata: snapshot.metadata.as_ref().map(MetadataView::new),
            images: snapshot.images.as_ref().map(ImagesView::new),
            dtr: snapshot.dtr.as_ref(),
            problem_count: snapshot.problem_count,
            problems: &snapshot.problems,
            stats: StatsView::new(&snapshot.stats),
            layers: snapshot.layers.as_ref().map(LayerReport::from),
            parent: snapshot.parent,
            program: &snapshot.program,
        }
    }
}

impl<'a> MetadataView<'a> {
    fn new(part: &'a MetadataPart) -> Self {
        Self {
            digest: part.digest.to_oci(),
            size_bytes: part.size,
            form: part.form,
            root: part.root.as_deref(),
            members: part.members,
            name: &part.name,
            truncated: part.truncated,
            log_bytes: part.log.map(|log| log.len),
        }
    }
}

impl<'a> ImagesView<'a> {
    fn new(part: &'a ImagesPart) -> Self {
        Self { location: &part.location, entries: part.entries, size_bytes: part.bytes }
    }
}

/// An entry of a tree, or a member of a layer. Fields that its kind does not have are left out.
#[derive(Default, Serialize)]
pub(crate) struct EntryView {
    path: String,
    kind: &'static str,
    mode: String,
    uid: u64,
    gid: u64,
    mtime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<[u32; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<String>,
}

impl EntryView {
    pub(crate) fn new(entry: &Entry) -> Self {
        let mut view = Self {
            path: display_path(&entry.path),
            kind: kind_name(&entry.kind),
            mode: format!("{:04o}", entry.meta.mode),
            uid: entry.meta.uid.into(),
            gid: entry.meta.gid.into(),
            mtime: utc(entry.meta.mtime),
            xattrs: entry.meta.xattrs.iter().map(|xattr| display_path(&xattr.name)).collect(),
            ..Self::default()
        };
        match &entry.kind {
            Kind::File(file) => {
                view.size_bytes = Some(file.size);
                view.mismatch = file.mismatch.then_some(true);
                if let Content::Blob(digest) = file.content {
                    view.digest = Some(digest.to_oci());
                }
            }
            Kind::Symlink { target } | Kind::Hardlink { target } => view.target = Some(display_path(target)),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                view.device = Some([*major, *minor]);
            }
            Kind::Dir | Kind::Fifo | Kind::Socket => {}
        }
        view
    }

    /// Of a layer's member.
    pub(crate) fn of_member(entry: &TarEntry) -> Self {
        let mut view = Self {
            path: display_path(&entry.path),
            kind: "file",
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            mtime: utc(entry.mtime),
            xattrs: entry.xattrs.iter().map(|name| display_path(name)).collect(),
            ..Self::default()
        };
        match &entry.kind {
            TarKind::File { size } => view.size_bytes = Some(*size),
            TarKind::Dir => view.kind = "dir",
            TarKind::Fifo => view.kind = "fifo",
            TarKind::Symlink { target } => (view.kind, view.target) = ("symlink", Some(display_path(target))),
            TarKind::Hardlink { target } => {
                (view.kind, view.target) = ("hardlink", Some(display_path(target)))
            }
            TarKind::CharDevice { major, minor } => {
                (view.kind, view.device) = ("char-device", Some([*major, *minor]));
            }
            TarKind::BlockDevice { major, minor } => {
                (view.kind, view.device) = ("block-device", Some([*major, *minor]));
            }
        }
        view
    }
}

/// Name of a kind, for programs.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Dir => "dir",
        Kind::File(_) => "file",
        Kind::Symlink { .. } => "symlink",
        Kind::Hardlink { .. } => "hardlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice { .. } => "char-device",
        Kind::BlockDevice { .. } => "block-device",
    }
}

/// Replaces every time of the format, seconds and nanoseconds, by its text.
pub(crate) fn with_times(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name).and_then(Value::as_i64);
            if let (2, Some(secs), Some(nanos)) = (fields.len(), number("secs"), number("nanos")) {
                let nanos = u32::try_from(nanos).unwrap_or_default();
                return Value::String(utc(dtrvault_ops::format::Time { secs, nanos }));
            }
            Value::Object(fields.into_iter().map(|(name, value)| (name, with_times(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(with_times).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use dtrvault_ops::format::{Digest, File, Identity, Meta, Time};
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_have_the_documented_fields() {
        let meta = Meta { mode: 0o640, uid: 1, gid: 2, mtime: Time::from_secs(0), xattrs: Vec::new() };
        let file = File {
            size: 7,
            content: Content::Blob(Digest::new([0xab; 32])),
            identity: Identity::Unknown,
            sparse: false,
            mismatch: false,
        };
        let entry = Entry { path: b"a\xff\n".to_vec(), meta, kind: Kind::File(file) };
        let shown = serde_json::to_value(EntryView::new(&entry)).unwrap();
        let expected = json!({
            "path": "a\\xff\\x0a", "kind": "file", "mode": "0640", "uid": 1, "gid": 2,
            "mtime": "1970-01-01T00:00:00Z", "size_bytes": 7, "digest": format!("sha256:{}", "ab".repeat(32)),
        });
        assert_eq!(shown, expected);
        let link = Entry { kind: Kind::Symlink { target: b"to".to_vec() }, ..entry };
        let shown = serde_json::to_value(EntryView::new(&link)).unwrap();
        assert_eq!((&shown["kind"], &shown["target"]), (&json!("symlink"), &json!("to")));
        assert!(shown.get("size_bytes").is_none());
    }

    #[test]
    fn times_within_are_text() {
        let value = json!({"a": [{"secs": 1, "nanos": 5}], "secs": 1, "b": {"secs": 1, "nanos": 2, "c": 3}});
        let expected =
            json!({"a": ["1970-01-01T00:00:01.000000005Z"], "secs": 1, "b": {"secs": 1, "nanos": 2, "c": 3}});
        assert_eq!(with_times(value), expected);
    }
}
