//! `tree.json`: a tree with an entry of every kind, and streams that are no trees.

use dtrvault_format::tree::Xattr;
use dtrvault_format::{Content, Digest, Entry, File, Identity, Kind, Meta, Time, TreeDecoder, TreeEncoder};
use serde_json::{Value, json};

use super::refused;
use super::repository::TIME;
use crate::error::holds;
use crate::{Result, hex};

fn entry(path: &[u8], kind: Kind) -> Entry {
    let meta = Meta { mode: 0o755, uid: 0, gid: 1000, mtime: TIME, xattrs: Vec::new() };
    Entry { path: path.to_vec(), meta, kind }
}

fn file(path: &[u8], size: u64, content: Content, identity: Identity) -> Entry {
    entry(path, Kind::File(File { size, content, identity, sparse: false, mismatch: false }))
}

fn entries() -> Vec<Entry> {
    let inode = Identity::Inode { inode: 1 << 40, ctime: Time { secs: -1, nanos: 999_999_999 } };
    let blob = Content::Blob(Digest::new([0xab; 32]));
    let mut noted = entry(b"a", Kind::Dir);
    noted.meta.mode = 0o7777;
    noted.meta.xattrs = vec![Xattr { name: b"user.note".to_vec(), value: b"\x00\xff".to_vec() }];
    let mut odd = file(b"a/sparse", 1 << 33, blob.clone(), Identity::Unknown);
    if let Kind::File(file) = &mut odd.kind {
        (file.sparse, file.mismatch) = (true, true);
    }
    vec![
        entry(b"", Kind::Dir),
        noted,
        file(b"a/blob", 1_000_000, blob, inode.clone()),
        entry(b"a/block", Kind::BlockDevice { major: 8, minor: 1 }),
        entry(b"a/char", Kind::CharDevice { major: 1, minor: 3 }),
        file(b"a/empty", 0, Content::Inline(Vec::new()), Identity::Etag("\"0-1\"".to_owned())),
        entry(b"a/fifo", Kind::Fifo),
        file(b"a/link", 2, Content::Inline(b"hi".to_vec()), inode),
        entry(b"a/link2", Kind::Hardlink { target: b"a/link".to_vec() }),
        entry(b"a/socket", Kind::Socket),
        odd,
        entry(b"a/\xff", Kind::Symlink { target: b"../..".to_vec() }),
        // Below `a` everything stands before its sibling `a-b`, though `-` is less than `/`.
        entry(b"a-b", Kind::Dir),
    ]
}

/// One entry after a first one, as an encoder that checks nothing would write them.
fn unchecked(first: &Entry, second: (u32, &[u8])) -> Result<Vec<u8>> {
    let mut bytes = TreeEncoder::default().encode(first)?;
    // An entry at the start of a tree shares nothing: array, 0, then its suffix.
    let (shared, suffix) = second;
    let tail = TreeEncoder::default().encode(&entry(b"", Kind::Dir))?;
    let head = dtrvault_format::cbor::encode(&(shared, minicbor::bytes::ByteVec::from(suffix.to_vec())));
    bytes.push(0x84);
    bytes.extend(head.iter().skip(1));
    bytes.extend(tail.iter().skip(3));
    Ok(bytes)
}

pub(super) fn make() -> Result<Value> {
    let mut encoder = TreeEncoder::default();
    let mut stream = Vec::new();
    let mut cases = Vec::new();
    for entry in entries() {
        let bytes = encoder.encode(&entry)?;
        cases.push(json!({ "path": hex(&entry.path), "value": entry, "hex": hex(&bytes) }));
        stream.extend(bytes);
    }
    let mut decoder = TreeDecoder::default();
    decoder.push(&stream);
    for entry in entries() {
        holds(decoder.next_entry()? == Some(entry), "trees")?;
    }
    decoder.finish()?;
    let dir = entry(b"b", Kind::Dir);
    let link = entry(b"b", Kind::Symlink { target: b"/etc".to_vec() });
    Ok(json!({
        "hex": hex(&stream),
        "entries": cases,
        "accepted": [{ "why": "a sibling", "hex": hex(&unchecked(&dir, (0, b"c"))?) }],
        "refused": [
            refused("the same path again", &unchecked(&dir, (1, b""))?),
            refused("out of order", &unchecked(&dir, (0, b"a"))?),
            refused("shares more than there is", &unchecked(&dir, (2, b"c"))?),
            refused("an entry below a link", &unchecked(&link, (1, b"/passwd"))?),
            refused("climbs out", &unchecked(&dir, (0, b".."))?),
            refused("climbs out from below", &unchecked(&dir, (1, b"/../c"))?),
            refused("an empty name", &unchecked(&dir, (1, b"//c"))?),
            refused("an absolute path", &unchecked(&entry(b"", Kind::Dir), (0, b"/etc"))?),
            refused("a zero byte", &unchecked(&dir, (1, b"\0"))?),
            refused("ends within an entry", &stream[..stream.len() - 1]),
        ],
    }))
}
