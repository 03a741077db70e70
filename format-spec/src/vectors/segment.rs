//! `segment.json`: an index segment that names the pack of `pack.json`.

use dtrvault_crypto::SharedKind;
use dtrvault_format::Segment;
use dtrvault_format::cbor::Object;
use serde_json::{Value, json};

use super::{markers, pack, refused};
use crate::{Result, hex};

pub(super) fn make() -> Result<Value> {
    let made = pack::whole()?;
    let segment = Segment { packs: vec![made.segment], blobs: made.directory.blobs };
    let mut large = segment.clone();
    large.packs.iter_mut().for_each(|pack| pack.size = (512 << 20) + 1);
    let mut sealed = markers::shared(
        "segment",
        SharedKind::Segment,
        ("dtrvault v1 2026 index segment", "dtrvault/1/segment"),
        &segment,
    )?;
    if let Some(object) = sealed.as_object_mut() {
        object.insert("empty".to_owned(), json!(hex(&Segment::default().to_bytes())));
        object.insert("refused".to_owned(), json!([refused("a pack over the limit", &large.to_bytes())]));
    }
    Ok(sealed)
}
