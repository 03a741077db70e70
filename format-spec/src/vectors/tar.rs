//! `tar.json`: a tar as skeleton and payload, and skeletons that are none.

use std::io::Read;

use dtrvault_codec::{TarJoin, TarSplitter, TarStreams};
use serde_json::{Value, json};

use super::{refused, zip};
use crate::error::holds;
use crate::{Result, hex, noise};

fn split(bytes: &[u8]) -> TarStreams {
    let mut streams = TarStreams::default();
    let mut splitter = TarSplitter::new();
    match splitter.push(bytes, &mut streams).and_then(|()| splitter.finish(&mut streams)) {
        Ok(_) => streams,
        Err(never) => match never {},
    }
}

/// A block of ustar, made by the `tar` crate, and contents with their padding.
pub(super) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    // A name this short fits.
    let _ = header.set_path(name);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(super) fn make() -> Result<Value> {
    let whole = [member("a", b"hello"), member("dir/b", &noise(3, 600)), vec![0; 1024]].concat();
    let text: Vec<u8> = noise(5, 200).iter().map(|byte| byte % 4 + b'a').collect();
    let mut cases = Vec::new();
    for (name, bytes) in [
        ("two members", &*whole),
        ("cut within contents", &whole[..512 + 3]),
        ("an archive", &member("a.jar", &zip::archive("a", &text)?)),
        ("no tar at all", &noise(4, 1000)[..]),
        ("nothing", &[]),
        ("an empty tar", &[0; 1024]),
    ] {
        let TarStreams { skeleton, payload } = split(bytes);
        let mut joined = Vec::new();
        let read = TarJoin::new(&*skeleton, &*payload).read_to_end(&mut joined);
        holds(read.is_ok() && joined == bytes, "how tars are split")?;
        cases.push(json!({
            "name": name,
            "tar": hex(bytes),
            "skeleton": hex(&skeleton),
            "payload": hex(&payload),
        }));
    }
    Ok(json!({
        "cases": cases,
        "refused_skeletons": [
            refused("ends before a deflated run", &[0, 0]),
            refused("ends within a deflated run", &[0, 0, 6, 9]),
            refused("a deflated run of level 0", &[0, 0, 0, 9, 5]),
            refused("a deflated run of level 10", &[0, 0, 10, 9, 5]),
            refused("a deflated run of nothing", &[0, 0, 6, 9, 0]),
            refused("a deflated run as long as its content", &[0, 0, 6, 9, 9]),
            refused("a deflated run of over 16 MiB", &[0, 0, 6, 0x81, 0x80, 0x80, 0x08, 5]),
            refused("wants content of a deflated run that is not there", &[0, 0, 6, 9, 5]),
            refused("a number longer than it need be", &[0x81, 0, b'x', 0]),
            refused("a number over 64 bits", &[[0xff; 9].as_slice(), &[2]].concat()),
            refused("a literal of over 64 KiB", &[0x81, 0x80, 0x04]),
            refused("ends within a literal", &[2, b'x']),
            refused("ends before a run's length", &[1, b'x']),
            refused("wants payload that is not there", &[0, 1]),
        ],
    }))
}
