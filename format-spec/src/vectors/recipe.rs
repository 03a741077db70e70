//! `recipe.json`: every kind of recipe, and the reserved ones.

use dtrvault_format::{Recipe, StreamRef, cbor};
use serde_json::{Value, json};

use super::repository::{one_chunk, ring};
use super::{changed, refused};
use crate::{Result, hex};

pub(super) fn make() -> Result<Value> {
    let ring = ring("recipe")?;
    let plain = Recipe::Plain(one_chunk(&ring, b"plain"));
    let tar = Recipe::Tar { skeleton: one_chunk(&ring, b"skeleton"), payload: one_chunk(&ring, b"payload") };
    let rows = Recipe::Rows {
        columns: one_chunk(&ring, b"columns"),
        payload: StreamRef::EMPTY,
        table: one_chunk(&ring, b"table"),
        rows: 5,
        used: 4,
    };
    let mut cases = Vec::new();
    for recipe in [Recipe::Plain(StreamRef::EMPTY), plain.clone(), tar, rows] {
        recipe.validate()?;
        cases.push(json!({ "value": recipe, "hex": hex(&cbor::encode(&recipe)) }));
    }
    let sound = cbor::encode(&plain);
    // Reserved, and one of a later version: kept as they are.
    let unknown = [1, 4].map(|kind| json!({ "kind": kind, "hex": hex(&changed(&sound, 1, kind)) }));
    Ok(json!({
        "cases": cases,
        "unknown": unknown,
        "refused": [
            refused("tar with one stream", &changed(&sound, 1, 2)),
            refused("rows with one stream", &changed(&sound, 1, 3)),
            refused("no array", &changed(&sound, 0, 0xa2)),
        ],
    }))
}
