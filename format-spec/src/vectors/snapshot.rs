//! `snapshot.json`: a snapshot of both parts, sealed for the full role.

use dtrvault_crypto::PrivateKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::{
    Digest, DtrIdentity, ImagesPart, MetadataForm, MetadataPart, Problem, ProblemKind, Snapshot, SnapshotId,
    Stats,
};
use serde_json::{Value, json};

use super::refused;
use super::repository::{Draws, TIME, draw_seed, one_chunk, ring};
use crate::error::holds;
use crate::{Result, hex};

pub(super) fn make() -> Result<Value> {
    let ring = ring("snapshot")?;
    let snapshot = Snapshot {
        version: 1,
        time: TIME,
        host: "node-1".to_owned(),
        tags: vec!["nightly".to_owned(), "é".to_owned()],
        metadata: Some(MetadataPart {
            digest: Digest::new([3; 32]),
            size: 10_240,
            form: MetadataForm::Tar,
            root: Some("dtr-backup-v2.9.4-online".to_owned()),
            members: 7,
            name: "-".to_owned(),
            truncated: false,
        }),
        images: Some(ImagesPart {
            tree: one_chunk(&ring, b"tree"),
            location: "/var/lib/registry".to_owned(),
            entries: 3,
            bytes: 71,
        }),
        dtr: Some(DtrIdentity {
            version: "2.9.4".to_owned(),
            replica: Some("0a1b2c3d4e5f".to_owned()),
            cluster: None,
        }),
        complete: false,
        problems: vec![Problem {
            path: b"docker/registry/v2/\xff".to_vec(),
            kind: ProblemKind::TornLink,
            detail: "the link is cut".to_owned(),
        }],
        problem_count: 1,
        stats: Stats {
            files: 1,
            dirs: 2,
            others: 0,
            seen_bytes: 10_311,
            read_bytes: 10_311,
            new_bytes: 300,
            new_chunks: 2,
            written_bytes: 1_024,
            duration_ms: 25,
        },
        parent: Some(SnapshotId::new([4; 32])),
        program: "dtrvault 0.1.0".to_owned(),
    };
    snapshot.validate()?;
    let plain = snapshot.to_bytes();
    let sealed = ring.seal_private(PrivateKind::Snapshot, &plain)?;
    holds(ring.open_private(PrivateKind::Snapshot, &sealed)? == plain, "how a snapshot is sealed")?;
    holds(ring.to_write_only().open_private(PrivateKind::Snapshot, &sealed).is_err(), "who reads snapshots")?;
    let (enc, text) = sealed.split_at(32);

    let least = Snapshot {
        tags: Vec::new(),
        metadata: None,
        dtr: None,
        complete: true,
        problems: Vec::new(),
        problem_count: 0,
        parent: None,
        ..snapshot.clone()
    };
    least.validate()?;
    let unsorted = Snapshot { tags: vec!["b".to_owned(), "a".to_owned()], ..least.clone() };
    let nothing = Snapshot { images: None, ..least.clone() };
    let later = Snapshot { version: 2, ..least.clone() };
    Ok(json!({
        "hex": hex(&sealed),
        "id": blake3::hash(&sealed).to_hex().as_str(),
        "enc": hex(enc),
        "ciphertext_and_tag": hex(text),
        "hpke_ephemeral_ikm": hex(&Draws::of(&draw_seed("snapshot")).next()),
        "plain": hex(&plain),
        "value": snapshot,
        "least": { "plain": hex(&least.to_bytes()), "value": least },
        "refused": [
            refused("tags out of order", &unsorted.to_bytes()),
            refused("no part", &nothing.to_bytes()),
            refused("a later version", &later.to_bytes()),
        ],
    }))
}
