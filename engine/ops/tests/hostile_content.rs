//! Streams, frames, recipes and records that lie: no wrong byte is given out, memory stays bounded, and the
//! rest comes back.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::bounded::bounded;
use common::forge::{Forge, Frame, blob_file, digest, entry, inline, list_entry, noise, snapshot};
use common::victim::{Outcome, Victim, words};
use dtrvault_codec::ListEntry;
use dtrvault_format::cbor::encode;
use dtrvault_format::{
    BlobRecord, ChunkEntry, ChunkId, Digest, FrameEntry, MetadataForm, MetadataPart, Recipe, Snapshot,
    StreamRef,
};
use dtrvault_ops::check::ReadData;
use dtrvault_ops::{Cancel, Context, OpsError, check};
use dtrvault_registry::target::TargetError;

const MIB: usize = 1 << 20;

/// Commits a tree of one evil file between two that are fine, and runs every verb on it. The fine
/// ones must come back, the evil one must be reported, with its digest.
#[track_caller]
fn one_evil_file(what: &str, forge: &mut Forge, evil: Digest, size: u64) -> Outcome {
    let fine = noise(1, 3 * MIB);
    let fine_digest = forge.blob(&fine);
    let entries = [
        entry(b"a", &blob_file(fine_digest, fine.len() as u64)),
        entry(b"b", &blob_file(evil, size)),
        entry(b"c", &inline(b"fine")),
    ];
    let id = forge.commit(&entries).to_string();
    let outcome = Victim::new(forge).run(&id);
    assert_eq!(outcome.ls.as_ref().unwrap(), &[b"a", b"b", b"c"], "{what}");
    for (report, files) in [(&outcome.folder, &outcome.files), (&outcome.bucket, &outcome.objects)] {
        let report = report.as_ref().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let [failed] = report.failed.listed() else { panic!("{what}: {:?}", report.failed) };
        assert_eq!((failed.path.as_slice(), failed.damaged), (&b"b"[..], true), "{what}");
        assert!(failed.reason.contains(&evil.to_string()), "{what}: {}", failed.reason);
        let names: Vec<_> = files.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["a", "c"], "{what}");
        assert!(files.values().next() == Some(&fine), "{what}: wrong bytes");
    }
    let error = outcome.export.as_ref().unwrap_err();
    assert!(error.is_damage() && words(error).contains(&evil.to_string()), "{what}: {error:?}");
    outcome.assert_check_names(&evil.to_string());
    outcome
}

/// The same for a recipe that somebody has recorded for `size` bytes.
#[track_caller]
fn evil_recipe(what: &str, size: u64, recipe: impl FnOnce(&mut Forge) -> Recipe) -> Outcome {
    let mut forge = Forge::new();
    let recipe = recipe(&mut forge);
    let evil = digest(b"never stored");
    forge.blobs.push(BlobRecord { digest: evil, size, recipe });
    one_evil_file(what, &mut forge, evil, size)
}

#[test]
fn recipes_that_give_something_else() {
    bounded("recipes_that_give_something_else", || {
        evil_recipe("other bytes", 5, |forge| Recipe::Plain(forge.stream(b"other")));
        evil_recipe("fewer bytes", 9, |forge| Recipe::Plain(forge.stream(b"other")));
        evil_recipe("more bytes", 3, |forge| Recipe::Plain(forge.stream(b"other")));
        evil_recipe("nothing", 5, |_| Recipe::Plain(StreamRef::EMPTY));
        evil_recipe("a chunk that is nowhere", 5, |_| {
            Recipe::Plain(StreamRef { len: 5, depth: 0, root: Some(ChunkId::new([9; 32])) })
        });
        evil_recipe("a stream said to be longer", 5, |forge| {
            Recipe::Plain(StreamRef { len: 6, ..forge.stream(b"other") })
        });
        evil_recipe("a stream said to be endless", 5, |forge| {
            Recipe::Plain(StreamRef { len: u64::MAX, ..forge.stream(b"other") })
        });
    });
}

#[test]
fn tar_skeletons_that_lie() {
    bounded("tar_skeletons_that_lie", || {
        let leb = |value: u64| {
            let mut bytes = Vec::new();
            let mut left = value;
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
            bytes
        };
        let skeletons: [(&str, Vec<u8>); 12] = [
            ("a literal of 2^63 bytes", leb(1 << 63)),
            ("a literal over the limit", [leb(65_537), vec![0; 65_537], leb(0)].concat()),
            ("a literal that is cut", [leb(100), vec![0; 99]].concat()),
            ("payload of 2^63 bytes", [leb(0), leb(1 << 63)].concat()),
            ("payload of 2^64 - 1 bytes", [leb(1), vec![b'x'], leb(u64::MAX)].concat()),
            ("more payload than there is", [leb(1), vec![b'x'], leb(8)].concat()),
            ("a number of eleven bytes", vec![0xff; 11]),
            ("a number above 64 bits", [vec![0xff; 9], vec![0x7f]].concat()),
            ("a number not in its shortest form", vec![0x80, 0x00, 0x01]),
            ("empty records", vec![0; 100_000]),
            ("ends in a number", vec![1, b'x', 0x80]),
            ("the right length and other bytes", [leb(1), vec![b'x'], leb(4)].concat()),
        ];
        for (what, skeleton) in skeletons {
            evil_recipe(what, 5, |forge| {
                let payload = forge.stream(b"1234567");
                Recipe::Tar { skeleton: forge.stream(&skeleton), payload }
            });
        }
        evil_recipe("no skeleton", 5, |forge| Recipe::Tar {
            skeleton: StreamRef::EMPTY,
            payload: forge.stream(b"12345"),
        });
        evil_recipe("one stream for both", 5, |forge| {
            let both = forge.stream(b"\x01x\x04");
            Recipe::Tar { skeleton: both, payload: both }
        });
    });
}

#[test]
fn lists_that_lie() {
    bounded("lists_that_lie", || {
        // Eight MiB of zeros are a few hundred bytes; a list of 2,000 such chunks that says that
        // each has one byte asked for 16 GiB at once.
        evil_recipe("chunks longer than the list says", 2000, |forge| {
            let chunks: Vec<ListEntry> = (0..2000_u32)
                .map(|n| {
                    let mut plain = vec![0; if n < 60 { 8 * MIB } else { 8 }];
                    plain[..4].copy_from_slice(&n.to_le_bytes());
                    ListEntry { length: 1, ..forge.chunk(&plain) }
                })
                .collect();
            Recipe::Plain(forge.listed(&chunks, 2000))
        });
        evil_recipe("one long chunk, often, said to be short", 100_000, |forge| {
            let chunk = forge.chunk(&vec![0; 8 * MIB]);
            Recipe::Plain(forge.listed(&vec![ListEntry { length: 1, ..chunk }; 100_000], 100_000))
        });
        evil_recipe("chunks of one byte, by the million", 200_001, |forge| {
            let chunk = forge.chunk(b"x");
            Recipe::Plain(forge.listed(&vec![chunk; 200_000], 200_001))
        });
        evil_recipe("chunks shorter than the list says", 100, |forge| {
            let chunk = forge.chunk(b"x");
            Recipe::Plain(forge.listed(&[ListEntry { length: 50, ..chunk }; 2], 100))
        });
        for length in [0, u32::MAX, (8 << 20) + 1] {
            evil_recipe("an impossible length", 2, |forge| {
                let id = forge.chunk(b"x").id;
                let list = forge.stream(&[list_entry(id, length), list_entry(id, 1)].concat());
                Recipe::Plain(StreamRef { len: 2, depth: 1, root: list.root })
            });
        }
        evil_recipe("a list that ends within an entry", 2, |forge| {
            let id = forge.chunk(b"x").id;
            let list = forge.stream(&[&list_entry(id, 1)[..], b"rest"].concat());
            Recipe::Plain(StreamRef { len: 2, depth: 1, root: list.root })
        });
        evil_recipe("data for a list", 64, |forge| {
            let data = forge.stream(&noise(3, 64));
            Recipe::Plain(StreamRef { depth: 1, ..data })
        });
        evil_recipe("depth without lists", 64, |forge| {
            let data = forge.stream(&noise(3, 64));
            Recipe::Plain(StreamRef { depth: 8, ..data })
        });
    });
}

/// Nothing can contain its own keyed hash; next to that comes a list whose every level names the
/// one below a thousand times: a TiB in a few hundred bytes. It is as long as it says, and whoever
/// does not want to wait for that can stop.
#[test]
fn lists_of_lists_of_lists() {
    bounded("lists_of_lists_of_lists", || {
        let mut forge = Forge::new();
        let size = 36 * 1000_u64.pow(4);
        let mut below = forge.chunk(&[7; 36]);
        for _ in 0..4 {
            let list: Vec<u8> = (0..1000).flat_map(|_| list_entry(below.id, below.length)).collect();
            below = forge.chunk(&list);
        }
        let stream = StreamRef { len: size, depth: 4, root: Some(below.id) };
        let evil = digest(b"never stored");
        forge.blobs.push(BlobRecord { digest: evil, size, recipe: Recipe::Plain(stream) });
        let id = forge.commit(&[entry(b"a", &blob_file(evil, size))]).to_string();
        let victim = Victim::new(&forge);
        assert!(matches!(
            victim.restore_folder(&id),
            Err(OpsError::Target { source: TargetError::NoSpace { needed, .. }, .. }) if needed == size
        ));
        assert!(victim.export(&id).is_err());
        let cancel = Cancel::default();
        let context = Context { cancel: cancel.clone(), ..Context::default() };
        let checked = std::thread::scope(|scope| {
            let checking = scope.spawn(|| check::run(&victim.repo, ReadData::Nothing, &context));
            std::thread::sleep(std::time::Duration::from_millis(300));
            cancel.cancel();
            checking.join().unwrap()
        });
        assert!(matches!(checked, Err(OpsError::Interrupted)), "{checked:?}");
    });
}

/// 64 MiB of content that lies in 64 frames of 8 MiB each, one KiB a frame, in turns: what is
/// asked for at once is small, what must be opened for it is not.
#[test]
fn chunks_that_lie_scattered_in_long_frames() {
    bounded("chunks_that_lie_scattered_in_long_frames", || {
        let mut forge = Forge::new();
        let mut pieces: Vec<Vec<(ListEntry, Vec<u8>)>> = Vec::new();
        for frame_no in 0..64_u32 {
            let mut chunks = Vec::new();
            let mut plain = Vec::new();
            let mut of_frame = Vec::new();
            for number in 0..8_u32 {
                let mut bytes = vec![0; MIB];
                bytes[..8].copy_from_slice(&[frame_no.to_le_bytes(), number.to_le_bytes()].concat());
                let id = forge.ring.chunk_id(&bytes);
                chunks.push(ChunkEntry { id, len: MIB as u32 });
                plain.extend_from_slice(&bytes);
                of_frame.push((ListEntry { id, length: MIB as u32 }, bytes));
            }
            let Frame { body, .. } = Frame::compressed(chunks[0].id, &plain);
            forge.frames.push(Frame { body, chunks });
            pieces.push(of_frame.into_iter().take(1).collect());
        }
        let (mut list, mut content) = (Vec::new(), Vec::new());
        for of_frame in &pieces {
            for (chunk, bytes) in of_frame {
                list.push(*chunk);
                content.extend_from_slice(bytes);
            }
        }
        let stream = forge.listed(&list, content.len() as u64);
        let digest = forge.record(&content, Recipe::Plain(stream));
        let size = content.len() as u64;
        drop((content, pieces));
        let id = forge.commit(&[entry(b"a", &blob_file(digest, size))]).to_string();
        let victim = Victim::new(&forge);
        assert!(victim.check().is_sound());
        assert!(victim.restore_bucket(&id).unwrap().failed.is_empty());
    });
}

#[test]
fn frames_that_are_bombs_or_lie() {
    bounded("frames_that_are_bombs_or_lie", || {
        // One zstd frame of RLE blocks of 128 KiB (RFC 8878, 3.1.1): its header, and so many of them.
        let rle = |header: &[u8], blocks: usize| {
            let mut body = [&[1, 0x28, 0xb5, 0x2f, 0xfd][..], header].concat();
            for number in 1..=blocks {
                let head = (131_072_u32 << 3) | (1 << 1) | u32::from(number == blocks);
                body.extend_from_slice(&head.to_le_bytes()[..3]);
                body.push(0);
            }
            body
        };
        let windowed = [0x00, 0x58];
        let claims = |size: u64| [&[0xe0][..], &size.to_le_bytes()].concat();
        let bombs: [(&str, Vec<u8>); 8] = [
            ("32 GiB in a MiB", rle(&windowed, 262_144)),
            ("a content size of 2^63", rle(&claims(1 << 63), 1)),
            ("a content size of 2^32", rle(&claims(1 << 32), 1)),
            ("a content size that is too small", rle(&claims(10), 1)),
            ("a window of 3.75 TiB", rle(&[0x00, 0xff], 1)),
            ("a form that nobody knows", vec![9; 100]),
            ("nothing", vec![]),
            (
                "a skippable frame of 2^32 bytes",
                [&[1, 0x50, 0x2a, 0x4d, 0x18][..], &[0xff; 4], &[0; 64]].concat(),
            ),
        ];
        for (what, body) in bombs {
            let mut forge = Forge::new();
            let id = ChunkId::new([5; 32]);
            forge.frames.push(Frame { body, chunks: vec![ChunkEntry { id, len: 131_072 }] });
            let evil = digest(b"never stored");
            let stream = StreamRef { len: 131_072, depth: 0, root: Some(id) };
            forge.blobs.push(BlobRecord { digest: evil, size: 131_072, recipe: Recipe::Plain(stream) });
            let outcome = one_evil_file(what, &mut forge, evil, 131_072);
            let packs = forge.keys_in("packs/");
            assert!(packs.iter().any(|pack| format!("{:?}", outcome.check.damage).contains(pack)), "{what}");
        }
    });
}

/// Chunks whose place in the index is none, or somebody else's.
#[test]
fn places_that_lie() {
    bounded("places_that_lie", || {
        let places: [(&str, Vec<FrameEntry>); 6] = [
            ("beyond the pack", frame_entries(&[(1000, 5), (8_454_144, 5)])),
            ("empty frames", frame_entries(&[(0, 5)])),
            ("another length", frame_entries(&[(22, 5)])),
            ("the whole pack in one frame", frame_entries(&[(300, 5)])),
            ("longer than the frame", frame_entries(&[(21, 8_388_608)])),
            ("the longest frame there may be", frame_entries(&[(8_454_144, 8_388_608)])),
        ];
        for (what, frames) in places {
            let mut forge = Forge::new();
            let mut pack = forge.pack(&[Frame::stored(ChunkId::new([5; 32]), b"1234")]);
            pack.frames = frames;
            forge.segment(vec![pack.clone()], Vec::new());
            let evil = digest(b"never stored");
            let chunk = pack.frames.last().unwrap().chunks[0];
            let stream = StreamRef { len: u64::from(chunk.len), depth: 0, root: Some(chunk.id) };
            let size = u64::from(chunk.len);
            forge.blobs.push(BlobRecord { digest: evil, size, recipe: Recipe::Plain(stream) });
            one_evil_file(what, &mut forge, evil, size);
        }
    });
}

fn frame_entries(frames: &[(u32, u32)]) -> Vec<FrameEntry> {
    let chunk = |number: usize, len| ChunkEntry { id: ChunkId::new([40 + number as u8; 32]), len };
    let entry = |(number, (stored_len, len)): (usize, &(u32, u32))| FrameEntry {
        stored_len: *stored_len,
        chunks: vec![chunk(number, *len)],
    };
    frames.iter().enumerate().map(entry).collect()
}

type MakeTree = fn(&mut Forge) -> StreamRef;

/// Trees behind references that lie.
#[test]
fn snapshots_that_point_nowhere() {
    bounded("snapshots_that_point_nowhere", || {
        let trees: [(&str, MakeTree); 5] = [
            ("no such chunk", |_| StreamRef { len: 5, depth: 0, root: Some(ChunkId::new([9; 32])) }),
            ("another length", |forge| StreamRef {
                len: 1 << 60,
                ..forge.stream(&entry(b"a", &inline(b"")))
            }),
            ("too deep", |forge| StreamRef { depth: 8, ..forge.stream(&entry(b"a", &inline(b""))) }),
            ("no tree", |forge| forge.stream(&noise(1, 3 * MIB))),
            ("a list for a tree", |forge| StreamRef { depth: 0, ..forge.stream(&noise(1, 3 * MIB)) }),
        ];
        for (what, tree) in trees {
            let mut forge = Forge::new();
            let snapshot = snapshot(tree(&mut forge), 1);
            forge.flush();
            let id = forge.snapshot_of(&encode(&snapshot)).to_string();
            let outcome = Victim::new(&forge).run(&id);
            outcome.assert_tree_refused(what, &id);
        }
    });
}

/// Logs of metadata: one that is sound, and references that lie. The metadata itself comes back either way.
#[test]
fn logs_that_point_nowhere() {
    bounded("logs_that_point_nowhere", || {
        let logs: [(&str, bool, MakeTree); 5] = [
            ("sound", true, |forge| forge.stream(&noise(1, 3 * MIB))),
            ("empty", true, |_| StreamRef::EMPTY),
            ("no such chunk", false, |_| StreamRef { len: 5, depth: 0, root: Some(ChunkId::new([9; 32])) }),
            ("another length", false, |forge| StreamRef { len: 1 << 60, ..forge.stream(b"a line") }),
            ("too deep", false, |forge| StreamRef { depth: 8, ..forge.stream(b"a line") }),
        ];
        for (what, is_sound, log) in logs {
            let mut forge = Forge::new();
            let metadata = MetadataPart {
                digest: forge.blob(b"metadata"),
                size: 8,
                form: MetadataForm::Other,
                root: None,
                members: 0,
                name: "-".to_owned(),
                truncated: false,
                log: Some(log(&mut forge)),
            };
            let snapshot =
                Snapshot { metadata: Some(metadata), images: None, ..snapshot(StreamRef::EMPTY, 0) };
            forge.flush();
            let id = forge.snapshot_of(&encode(&snapshot)).to_string();
            let victim = Victim::new(&forge);
            victim.restore_folder(&id).unwrap();
            assert_eq!(std::fs::read(victim.target().join("metadata.tar")).unwrap(), b"metadata", "{what}");
            let damage = victim.check().damage;
            let told: Vec<&str> = damage.iter().map(|damage| &*damage.detail).collect();
            assert_eq!(told.is_empty(), is_sound, "{what}: {told:?}");
            for damage in &damage {
                assert_eq!(damage.snapshot.map(|id| id.to_string()).as_ref(), Some(&id), "{what}");
                assert!(
                    damage.detail.starts_with("the log of its metadata cannot be read: "),
                    "{what}: {told:?}"
                );
            }
        }
    });
}
