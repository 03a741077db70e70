//! `snapshot.json`: a snapshot of both parts, sealed for the full role.

use dtrvault_crypto::PrivateKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::{MAX_LAYER_KIND_BYTES, MAX_LAYER_KINDS};
use dtrvault_format::{
    DeepLayers, Digest, DtrIdentity, ImagesPart, LayersPart, MetadataForm, MetadataPart, OpaqueLayers,
    Problem, ProblemKind, Snapshot, SnapshotId, Stats, StreamRef,
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
            log: Some(one_chunk(&ring, b"INFO backed up\n")),
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
            image: Some("mirantis/dtr:2.9.4".to_owned()),
            storage: Some("nfs".to_owned()),
            frozen: true,
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
        layers: Some(LayersPart {
            deep: vec![deep("GNU gzip 6", 2), deep("Go 6", 1)],
            opaque: vec![opaque("no known encoder made it")],
        }),
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
        layers: None,
        ..snapshot.clone()
    };
    least.validate()?;
    let unsorted = Snapshot { tags: vec!["b".to_owned(), "a".to_owned()], ..least.clone() };
    let nothing = Snapshot { images: None, ..least.clone() };
    let later = Snapshot { version: 2, ..least.clone() };
    // As they were written before the layers, the log, the image, the storage and the freeze were kept.
    let before = Snapshot {
        metadata: snapshot.metadata.clone().map(|part| MetadataPart { log: None, ..part }),
        dtr: snapshot.dtr.clone().map(|dtr| DtrIdentity { image: None, storage: None, frozen: false, ..dtr }),
        layers: None,
        ..snapshot.clone()
    };
    before.validate()?;
    let with_log = |log| {
        let metadata = snapshot.metadata.clone().map(|part| MetadataPart { log: Some(log), ..part });
        Snapshot { metadata, ..snapshot.clone() }
    };
    let rootless = with_log(StreamRef { len: 15, depth: 0, root: None });
    let deep_log = with_log(StreamRef { depth: 9, ..one_chunk(&ring, b"INFO backed up\n") });
    let with_layers = |deep: Vec<DeepLayers>, opaque: Vec<OpaqueLayers>| Snapshot {
        layers: Some(LayersPart { deep, opaque }),
        ..least.clone()
    };
    let many = (0..=MAX_LAYER_KINDS).map(|n| deep(&format!("{n:03}"), 1)).collect();
    let long = "x".repeat(MAX_LAYER_KIND_BYTES + 1);
    Ok(json!({
        "hex": hex(&sealed),
        "id": blake3::hash(&sealed).to_hex().as_str(),
        "enc": hex(enc),
        "ciphertext_and_tag": hex(text),
        "hpke_ephemeral_ikm": hex(&Draws::of(&draw_seed("snapshot")).next()),
        "plain": hex(&plain),
        "value": snapshot,
        "least": { "plain": hex(&least.to_bytes()), "value": least },
        "before": { "plain": hex(&before.to_bytes()), "value": before },
        "refused": [
            refused("tags out of order", &unsorted.to_bytes()),
            refused("no part", &nothing.to_bytes()),
            refused("a later version", &later.to_bytes()),
            refused("a log without its root", &rootless.to_bytes()),
            refused("a log below too many lists", &deep_log.to_bytes()),
            refused(
                "encoders out of order",
                &with_layers(vec![deep("b", 1), deep("a", 1)], Vec::new()).to_bytes(),
            ),
            refused("a reason twice", &with_layers(Vec::new(), vec![opaque("a"), opaque("a")]).to_bytes()),
            refused("too many encoders", &with_layers(many, Vec::new()).to_bytes()),
            refused("a reason that is too long", &with_layers(Vec::new(), vec![opaque(&long)]).to_bytes()),
        ],
    }))
}

fn deep(encoder: &str, blobs: u64) -> DeepLayers {
    DeepLayers { encoder: encoder.to_owned(), blobs, blob_bytes: 100 * blobs, content_bytes: 300 * blobs }
}

fn opaque(reason: &str) -> OpaqueLayers {
    OpaqueLayers { reason: reason.to_owned(), blobs: 1, blob_bytes: 50 }
}
