//! `recipe.json`: every kind of recipe, and unknown ones.

use dtrvault_format::{Recipe, Replay, StreamRef, cbor};
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
    let gzip = |replay, content: &Recipe| Recipe::Gzip { replay, content: Box::new(content.clone()) };
    let short = gzip(Replay::Short(b"replay".to_vec()), &tar);
    let long = gzip(Replay::Long(one_chunk(&ring, b"replay")), &plain);
    let within = cbor::encode(&gzip(Replay::Short(Vec::new()), &short));
    let mut cases = Vec::new();
    for recipe in [Recipe::Plain(StreamRef::EMPTY), plain.clone(), tar, rows, short, long] {
        recipe.validate()?;
        cases.push(json!({ "value": recipe, "hex": hex(&cbor::encode(&recipe)) }));
    }
    let sound = cbor::encode(&plain);
    // Of later versions: kept as they are.
    let unknown = [4, 9].map(|kind| json!({ "kind": kind, "hex": hex(&changed(&sound, 1, kind)) }));
    Ok(json!({
        "cases": cases,
        "unknown": unknown,
        "refused": [
            refused("gzip with one stream", &changed(&sound, 1, 1)),
            refused("gzip within gzip", &within),
            refused("tar with one stream", &changed(&sound, 1, 2)),
            refused("rows with one stream", &changed(&sound, 1, 3)),
            refused("no array", &changed(&sound, 0, 0xa2)),
        ],
    }))
}
