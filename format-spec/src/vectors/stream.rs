//! `stream.json`: streams and the lists above them, at depths 0 to 2.

use dtrvault_codec::{Chunker, ListEntry, ListReader};
use dtrvault_crypto::KeyRing;
use dtrvault_format::{ChunkSizes, StreamRef, cbor};
use serde_json::{Value, json};

use super::refused;
use super::repository::ring;
use crate::error::holds;
use crate::{Result, hex, noise};

/// Small, so that lists of lists need few bytes.
const SIZES: ChunkSizes = ChunkSizes { min: 64, avg: 256, max: 1024 };

struct Stream {
    reference: StreamRef,
    /// Chunks of each level, the data first.
    levels: Vec<Vec<ListEntry>>,
    /// The list of each level's chunks.
    lists: Vec<Vec<u8>>,
}

fn write(ring: &KeyRing, chunker: &Chunker, data: &[u8]) -> Result<Stream> {
    let mut chunks = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (chunk, later) = rest.split_at(chunker.cut(rest));
        let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        chunks.push(ListEntry { id: ring.chunk_id(chunk), length });
        rest = later;
    }
    let len = data.len() as u64;
    if let [] | [_] = *chunks {
        let root = chunks.first().map(|chunk| chunk.id);
        return Ok(Stream {
            reference: StreamRef { len, depth: 0, root },
            levels: vec![chunks],
            lists: Vec::new(),
        });
    }
    let entries: std::result::Result<Vec<_>, _> = chunks.iter().map(ListEntry::encode).collect();
    let list = entries?.concat();
    let read: std::result::Result<Vec<_>, _> = ListReader::new(&*list).collect();
    holds(read? == chunks, "lists")?;
    let above = write(ring, chunker, &list)?;
    let reference = StreamRef { len, depth: above.reference.depth + 1, root: above.reference.root };
    reference.validate()?;
    Ok(Stream {
        reference,
        levels: [vec![chunks], above.levels].concat(),
        lists: [vec![list], above.lists].concat(),
    })
}

pub(super) fn make() -> Result<Value> {
    let ring = ring("stream")?;
    let chunker = Chunker::new(SIZES, 1, ring.gear_seed())?;
    let mut cases = Vec::new();
    for (len, depth) in [(0, 0), (1, 0), (64, 0), (700, 1), (6_000, 2)] {
        let stream = write(&ring, &chunker, &noise(2, len))?;
        holds(stream.reference.depth == depth, "depths of streams")?;
        let levels: Vec<Value> = stream
            .levels
            .iter()
            .map(|chunks| {
                chunks.iter().map(|chunk| json!({ "id": chunk.id, "length": chunk.length })).collect()
            })
            .collect();
        cases.push(json!({
            "noise": 2,
            "len": len,
            "reference": stream.reference,
            "hex": hex(&cbor::encode(&stream.reference)),
            "levels": levels,
            "lists": stream.lists.iter().map(|list| hex(list)).collect::<Vec<_>>(),
        }));
    }
    let entry = |length: u32| [&[7; 32][..], &length.to_le_bytes()].concat();
    Ok(json!({
        "sizes": SIZES,
        "normalization": 1,
        "gear_seed": format!("{:016x}", ring.gear_seed()),
        "cases": cases,
        "refused_references": [
            refused("bytes without a root", &cbor::encode(&StreamRef { len: 1, depth: 0, root: None })),
            refused("a root without bytes", &cbor::encode(&StreamRef {
                len: 0,
                depth: 0,
                root: Some(ring.chunk_id(b"")),
            })),
            refused("too deep", &cbor::encode(&StreamRef {
                len: 1,
                depth: 9,
                root: Some(ring.chunk_id(b"x")),
            })),
        ],
        "refused_lists": [
            refused("a chunk without bytes", &entry(0)),
            refused("a chunk over the limit", &entry((8 << 20) + 1)),
            refused("cut short", &entry(1)[..35]),
        ],
    }))
}
