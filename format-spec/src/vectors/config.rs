//! `config.json` and `names.json`.

use dtrvault_format::cbor::Object;
use dtrvault_format::names::Named;
use dtrvault_format::{ChunkSizes, ChunkerParams, Config, LeaseId, PackId, SegmentId, SlotId, SnapshotId};
use serde_json::{Value, json};

use super::{changed, refused, repository};
use crate::{Result, hex};

pub(super) fn make() -> Result<Value> {
    let small = ChunkSizes { min: 64, avg: 256, max: 1024 };
    let small = Config {
        chunker: ChunkerParams { fine: small, coarse: small, normalization: 3 },
        ..repository::config()
    };
    let mut cases = Vec::new();
    for (name, config) in [("default", repository::config()), ("smallest chunks", small)] {
        config.validate()?;
        let bytes = config.to_bytes();
        cases.push(json!({
            "name": name,
            "value": config,
            "hex": hex(&bytes),
            "blake3": blake3::hash(&bytes).to_hex().as_str(),
        }));
    }
    let sound = repository::config().to_bytes();
    let version_at = 23;
    let mut long = sound.clone();
    long.splice(version_at..=version_at, [0x18, 0x01]);
    Ok(json!({
        "cases": cases,
        "refused": [
            refused("a byte behind it", &[&*sound, &[0]].concat()),
            refused("a later version", &changed(&sound, version_at, 2)),
            refused("version 0", &changed(&sound, version_at, 0)),
            refused("another magic", &changed(&sound, 3, b'D')),
            refused("a number longer than it need be", &long),
            refused("no longest chunk above the average", &sound_with_max(16 << 10)),
            refused("cut short", sound.split_last().map_or(&[], |(_, rest)| rest)),
        ],
    }))
}

fn sound_with_max(max: u32) -> Vec<u8> {
    let mut config = repository::config();
    config.chunker.fine.max = max;
    config.to_bytes()
}

/// Keys of objects whose id is 32 times the byte 0xab.
pub(super) fn make_names() -> Result<Value> {
    let id = [0xab; 32];
    Ok(json!({
        "id": hex(&id),
        "config": dtrvault_format::names::CONFIG,
        "key slot": SlotId::new(id).key(),
        "pack": PackId::new(id).key(),
        "index segment": SegmentId::new(id).key(),
        "snapshot": SnapshotId::new(id).key(),
        "lease": LeaseId::new(id).key(),
        "doomed packs": dtrvault_format::names::DOOMED,
    }))
}
