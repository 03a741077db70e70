//! Objects that open and were made to harm: counts and lengths of 2^32 and 2^63, nesting, fields
//! beyond their limits. Each is told by its name, and costs nothing that does not need it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::bounded::bounded;
use common::forge::{Forge, Frame, PASSWORD, blob_file, entry, inline, noise, snapshot};
use common::victim::{Victim, words};
use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::{Object, encode};
use dtrvault_format::limits::{MAX_SLOT_BYTES, MAX_SLOTS};
use dtrvault_format::names::Named;
use dtrvault_format::{
    BlobRecord, ChunkId, Directory, DoomedId, FrameEntry, KeySlot, LeaseId, PackId, Recipe, Role, Segment,
    SegmentPack, SlotId, StreamRef, Time,
};
use dtrvault_ops::{Context, OpsError, rebuild_index};
use dtrvault_repo::RepoError;

/// A repository with one good snapshot; its id, and what its files hold.
fn good() -> (Forge, String, Vec<u8>) {
    let mut forge = Forge::new();
    let fine = noise(1, 300_000);
    let digest = forge.blob(&fine);
    let entries = [entry(b"a", &blob_file(digest, fine.len() as u64)), entry(b"b", &inline(b"fine"))];
    let id = forge.commit(&entries).to_string();
    (forge, id, fine)
}

/// The good snapshot comes back, whatever else there is; `check` names `object`, or finds nothing.
#[track_caller]
fn assert_harmless(what: &str, forge: &Forge, id: &str, fine: &[u8], object: Option<&str>) {
    let victim = Victim::new(forge);
    let outcome = victim.run(id);
    for (report, files) in [(&outcome.folder, &outcome.files), (&outcome.bucket, &outcome.objects)] {
        let report = report.as_ref().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert!(report.failed.is_empty(), "{what}: {:?}", report.failed);
        assert!(files.values().next().is_some_and(|bytes| bytes == fine), "{what}");
    }
    match object {
        Some(object) => outcome.assert_check_names(object),
        None => assert!(outcome.check.is_sound(), "{what}: {:?}", outcome.check.damage),
    }
}

/// Heads of CBOR items with lengths that nothing has, and what nests without end.
fn impossible() -> Vec<(&'static str, Vec<u8>)> {
    let endless = |byte: u8| [[byte].repeat(300_000), vec![0xff; 300_000]].concat();
    vec![
        ("nothing", vec![]),
        ("an array of 2^32", vec![0x9a, 0xff, 0xff, 0xff, 0xff]),
        ("an array of 2^63", vec![0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("a map of 2^32", vec![0xba, 0xff, 0xff, 0xff, 0xff]),
        ("a map of 2^63", vec![0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("bytes of 2^32", vec![0x5a, 0xff, 0xff, 0xff, 0xff]),
        ("bytes of 2^63", vec![0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("text of 2^63", vec![0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("packs of 2^32", vec![0xa2, 0x00, 0x9a, 0xff, 0xff, 0xff, 0xff]),
        ("packs of 2^63", vec![0xa2, 0x00, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("blobs of 2^63", vec![0xa2, 0x00, 0x80, 0x01, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("arrays in arrays", vec![0x81; 3 << 20]),
        ("endless arrays in endless arrays", endless(0x9f)),
        ("endless maps", endless(0xbf)),
        ("endless bytes", endless(0x5f)),
        ("tags on tags", vec![0xc1; 1 << 20]),
        ("one key twice", vec![0xa2, 0x00, 0x80, 0x00, 0x80]),
        ("keys in another order", vec![0xa2, 0x01, 0x80, 0x00, 0x80]),
        ("a longer integer than it needs", vec![0xa2, 0x18, 0x00, 0x80, 0x01, 0x80]),
        ("a key that nobody knows", vec![0xa3, 0x00, 0x80, 0x01, 0x80, 0x02, 0x00]),
        ("bytes behind the item", vec![0xa2, 0x00, 0x80, 0x01, 0x80, 0x00]),
    ]
}

#[test]
fn segments_that_say_the_impossible() {
    bounded("segments_that_say_the_impossible", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        for (what, plain) in impossible() {
            forge.reset(&before);
            let segment = forge.segment_of(&plain).key();
            assert_harmless(what, &forge, &id, &fine, Some(&segment));
        }
        // What a recipe of a kind that nobody knows holds is any CBOR: it is passed over, not read.
        let deep = [&[0x82, 0x09][..], &[0x81; 60_000], &[0x00]].concat();
        let unknown = Recipe::Unknown { kind: 9, bytes: deep };
        let record = BlobRecord { digest: common::forge::digest(b"later"), size: u64::MAX, recipe: unknown };
        forge.reset(&before);
        forge.segment(Vec::new(), vec![record.clone(), record]);
        assert_harmless("a recipe of a later version", &forge, &id, &fine, None);
        let over = [&[0x82, 0x09][..], &[0x81; 70_000], &[0x00]].concat();
        let over = Segment {
            packs: Vec::new(),
            blobs: vec![BlobRecord {
                digest: common::forge::digest(b"later"),
                size: 1,
                recipe: Recipe::Unknown { kind: 9, bytes: over },
            }],
        };
        let segment = forge.segment_of(&encode(&over)).key();
        assert_harmless("a recipe over its limit", &forge, &id, &fine, Some(&segment));
        let deep = StreamRef { len: 1, depth: 9, root: Some(ChunkId::new([1; 32])) };
        let record = BlobRecord { digest: common::forge::digest(b"x"), size: 1, recipe: Recipe::Plain(deep) };
        forge.reset(&before);
        let segment = forge.segment(Vec::new(), vec![record]).key();
        assert_harmless("a stream that is too deep", &forge, &id, &fine, Some(&segment));
    });
}

#[test]
fn segments_that_are_as_long_as_they_may_be() {
    bounded("segments_that_are_as_long_as_they_may_be", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        let pack = forge.pack(&[Frame::stored(ChunkId::new([5; 32]), b"1234")]);
        // Three bytes each say "a frame of no chunks": ten times as much in memory.
        let none = SegmentPack { frames: Vec::new(), ..pack.clone() };
        let plain = encode(&Segment { packs: vec![none], blobs: Vec::new() });
        let empty_list = plain.iter().rposition(|byte| *byte == 0x80).unwrap() - 2;
        assert_eq!(plain[empty_list], 0x80);
        let count = 20_000_000_u32;
        let mut bomb = plain[..empty_list].to_vec();
        bomb.push(0x9a);
        bomb.extend(count.to_be_bytes());
        bomb.extend([0x82, 0x00, 0x80].repeat(count as usize));
        bomb.extend([0x01, 0x80]);
        forge.reset(&before);
        let segment = forge.segment_of(&bomb).key();
        drop(bomb);
        assert_harmless("empty frames", &forge, &id, &fine, Some(&segment));
        // More frames than a pack may have.
        let frame = FrameEntry { stored_len: 21, ..pack.frames[0].clone() };
        let many = SegmentPack { frames: vec![frame; 70_000], ..pack.clone() };
        forge.reset(&before);
        let segment = forge.segment(vec![many], Vec::new()).key();
        assert_harmless("many frames", &forge, &id, &fine, Some(&segment));
        let size = SegmentPack { size: u64::MAX, ..pack };
        forge.reset(&before);
        let segment = forge.segment(vec![size], Vec::new()).key();
        assert_harmless("a pack of 2^64 bytes", &forge, &id, &fine, Some(&segment));
    });
}

#[test]
fn snapshots_that_say_the_impossible() {
    bounded("snapshots_that_say_the_impossible", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        let sound = snapshot(StreamRef::EMPTY, 0);
        let mut changed: Vec<(&str, Vec<u8>)> = impossible();
        let mut tags = sound.clone();
        tags.tags = vec!["b".to_owned(), "a".to_owned()];
        changed.push(("tags in another order", encode(&tags)));
        tags.tags = (0..300_000).map(|n| format!("{n:07}")).collect();
        changed.push(("many tags", encode(&tags)));
        let mut host = sound.clone();
        host.host = "x".repeat(1 << 20);
        changed.push(("a long host", encode(&host)));
        let mut parts = sound.clone();
        parts.images = None;
        changed.push(("no part", encode(&parts)));
        let mut time = sound.clone();
        time.time = Time { secs: i64::MAX, nanos: u32::MAX };
        changed.push(("a time that is none", encode(&time)));
        let mut old = sound.clone();
        old.version = 0;
        changed.push(("version 0", encode(&old)));
        for (what, plain) in changed {
            forge.reset(&before);
            let snapshot = forge.snapshot_of(&plain).key();
            assert_harmless(what, &forge, &id, &fine, Some(&snapshot));
            // Which is the latest cannot be told then, and nobody guesses.
            let victim = Victim::new(&forge);
            match victim.repo.find_snapshot("latest") {
                Err(RepoError::UnreadableLatest { key }) => assert_eq!(key, snapshot, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
        }
        // Control characters are shown, not obeyed: paths, and words out of a snapshot.
        forge.reset(&before);
        let mut evil = sound;
        evil.time = Time { secs: i64::MAX, nanos: 0 };
        evil.host = "\u{1b}[2J".to_owned();
        forge.snapshot_of(&encode(&evil));
        assert_harmless("the end of time", &forge, &id, &fine, None);
    });
}

/// The bytes of a directory, given the pack's frames.
type MakeDirectory = Box<dyn Fn(&[FrameEntry]) -> Vec<u8>>;

#[test]
fn directories_that_say_the_impossible() {
    bounded("directories_that_say_the_impossible", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        let frame = Frame::stored(ChunkId::new([5; 32]), b"1234");
        let swapped = |entries: &[FrameEntry]| {
            let mut entries = entries.to_vec();
            entries[0].stored_len += 1;
            encode(&Directory { frames: entries, blobs: Vec::new() })
        };
        let mut cases: Vec<(&str, MakeDirectory)> =
            vec![("frames that do not fill the pack", Box::new(swapped))];
        for (what, plain) in impossible() {
            cases.push((what, Box::new(move |_: &[FrameEntry]| plain.clone())));
        }
        for (what, directory) in cases {
            forge.reset(&before);
            forge.pack_with(&forge.ring, std::slice::from_ref(&frame), directory);
            // Nothing names the pack; who looks for packs without a name passes it over.
            let victim = Victim::new(&forge);
            let rebuilt = rebuild_index::run(&victim.repo, &Context::default()).unwrap();
            assert_eq!((rebuilt.packs, rebuilt.unusable_packs), (0, 1), "{what}");
            assert_harmless(what, &forge, &id, &fine, None);
        }
        // Bytes that only begin like a pack, and a name that is another's.
        forge.reset(&before);
        for bytes in [b"DTRVPCK1".to_vec(), [&b"DTRVPCK1"[..], &[0; 132]].concat(), vec![0; 1000], vec![]] {
            forge.put_hashed(PackId::new, bytes);
        }
        forge.put("packs/zz/foreign", &b"x"[..]);
        let victim = Victim::new(&forge);
        let rebuilt = rebuild_index::run(&victim.repo, &Context::default()).unwrap();
        assert_eq!(rebuilt.unusable_packs, 4);
        assert_harmless("no packs", &forge, &id, &fine, None);
    });
}

#[test]
fn leases_and_doomed_lists_that_say_the_impossible() {
    bounded("leases_and_doomed_lists_that_say_the_impossible", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        for (what, plain) in impossible() {
            forge.reset(&before);
            forge.put_hashed(LeaseId::new, forge.ring.seal_shared(SharedKind::Lease, &plain).unwrap());
            assert_harmless(what, &forge, &id, &fine, None);
            let session = forge.open().session("test").unwrap();
            drop(session);
            let doomed =
                forge.put_hashed(DoomedId::new, forge.ring.seal_shared(SharedKind::Doomed, &plain).unwrap());
            // Readers go on; who writes must know what is doomed, and is told what cannot be read.
            assert_harmless(what, &forge, &id, &fine, None);
            let error = forge.open().session("test").err().unwrap();
            assert!(error.is_damage() && error.object() == Some(doomed.key()), "{what}: {error:?}");
        }
    });
}

#[test]
fn slots_and_configs_that_say_the_impossible() {
    bounded("slots_and_configs_that_say_the_impossible", || {
        let (forge, id, fine) = good();
        let before = forge.objects();
        for (what, plain) in impossible() {
            forge.reset(&before);
            let slot = forge.put_hashed(SlotId::new, plain.clone()).key();
            // What is longer than any slot is nobody's; what merely is none may be of a later version.
            let is_damage = plain.len() as u64 > MAX_SLOT_BYTES;
            assert_harmless(what, &forge, &id, &fine, is_damage.then_some(slot.as_str()));
            forge.put("config", plain);
            let error = forge.open_with(PASSWORD, "config").err().unwrap();
            assert!(error.is_damage() && words(&error).contains("config"), "{what}: {error:?}");
        }
        // Slots that ask for all the memory there is are refused before Argon2 runs, or tried last.
        forge.reset(&before);
        let real = forge.slot(&forge.ring, b"third", Role::Write);
        let slot = KeySlot::from_bytes(&forge.get(&real.key())).unwrap();
        for (memory_kib, passes, lanes) in
            [(u32::MAX, 2, 1), (4 << 20, 64, 64), (19 << 10, u32::MAX, 1), (19 << 10, 2, u32::MAX), (0, 0, 0)]
        {
            let mut evil = slot.clone();
            evil.head.argon2 = dtrvault_format::Argon2Params { memory_kib, passes, lanes };
            forge.put_hashed(SlotId::new, evil.to_bytes());
        }
        assert_harmless("slots that are dear", &forge, &id, &fine, None);
        // As many as nobody has: those that are tried are bounded.
        forge.reset(&before);
        for number in 0..MAX_SLOTS as u32 * 2 {
            let mut evil = slot.clone();
            evil.head.label = number.to_string();
            forge.put_hashed(SlotId::new, evil.to_bytes());
        }
        match forge.open_with(b"wrong", "many") {
            Err(RepoError::WrongPassword { slots, .. }) => assert!(slots <= MAX_SLOTS),
            other => panic!("{:?}", other.err()),
        }
    });
}

#[test]
fn ids_that_are_none() {
    bounded("ids_that_are_none", || {
        let (forge, ..) = good();
        let victim = Victim::new(&forge);
        for prefix in ["", "zz", "../..", "\u{1b}[2J", "0".repeat(100_000).as_str()] {
            assert!(matches!(
                victim.restore_folder(prefix),
                Err(OpsError::Repo(RepoError::NoSuchId { .. } | RepoError::AmbiguousId { .. }))
            ));
        }
    });
}
