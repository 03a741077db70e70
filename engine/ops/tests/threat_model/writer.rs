//! Who writes to the store, without a key.

use bytes::Bytes;
use dtrvault_crypto::{KeyRing, PrivateKind, SharedKind};
use dtrvault_format::cbor::{Object, encode};
use dtrvault_format::limits::MAX_SLOTS;
use dtrvault_format::names::Named;
use dtrvault_format::{
    Config, Doomed, DoomedId, Lease, LeaseId, PackId, RepoId, Segment, SegmentId, SlotId, SnapshotId, Time,
};
use dtrvault_repo::RepoError;

use super::reader::registry;
use crate::common::evening::take;
use crate::common::forge::{Forge, Frame, PASSWORD, blob_file, entry, inline, noise, snapshot};
use crate::common::victim::Victim;

/// A repository with one snapshot of two files; its id, and the content of the first.
fn stored() -> (Forge, String, Vec<u8>) {
    let mut forge = Forge::new();
    let content = noise(1, 300_000);
    let digest = forge.blob(&content);
    let entries = [entry(b"a", &blob_file(digest, content.len() as u64)), entry(b"b", &inline(b"b"))];
    let id = forge.commit(&entries).to_string();
    (forge, id, content)
}

fn lease(expires: i64) -> Lease {
    Lease {
        run: [3; 16].into(),
        operation: "snapshot".to_owned(),
        host: "elsewhere".to_owned(),
        pid: 1,
        boot: String::new(),
        started: Time::from_secs(0),
        expires: Time::from_secs(expires),
    }
}

#[test]
fn t08_deleting_is_not_prevented_and_is_told() {
    let (forge, id, _) = stored();
    for key in forge.keys_in("packs/") {
        forge.delete(&key);
    }
    let victim = Victim::new(&forge);
    assert!(!victim.check().is_sound());
    assert!(victim.restore_folder(&id).unwrap_err().is_damage());
}

#[test]
fn t09_nothing_can_be_forged_without_a_key() {
    let (forge, id, content) = stored();
    let sound = forge.objects();
    // The forger knows the format and the repository's id, and has a ring of his own.
    let own = KeyRing::generate().unwrap();
    let mut forger = Forge::new();
    forger.ring = own.clone();
    let pack = forge.pack_with(&own, &[Frame::stored(own.chunk_id(b"evil"), b"evil")], |frames| {
        encode(&dtrvault_format::Directory { frames: frames.to_vec(), blobs: Vec::new() })
    });
    let segment = Segment { packs: vec![pack], blobs: Vec::new() };
    let segment =
        forge.put_hashed(SegmentId::new, own.seal_shared(SharedKind::Segment, &encode(&segment)).unwrap());
    let evil = encode(&snapshot(dtrvault_format::StreamRef::EMPTY, 0));
    let evil = forge.put_hashed(SnapshotId::new, own.seal_private(PrivateKind::Snapshot, &evil).unwrap());
    forge.put_hashed(LeaseId::new, own.seal_shared(SharedKind::Lease, &lease(i64::MAX).to_bytes()).unwrap());
    let repo = forge.open();
    assert!(matches!(&*repo.damaged_segments(), [RepoError::Unsealed { key, .. }] if *key == segment.key()));
    assert!(matches!(repo.snapshot(&evil), Err(RepoError::Unsealed { key, .. }) if key == evil.key()));
    // Neither the lease nor the pack is taken for somebody's.
    drop(repo.session("test").unwrap());
    assert_eq!(repo.rebuild_index(|_| {}).unwrap().packs.packs, 0);
    let outcome = Victim::new(&forge).run(&id);
    assert!(outcome.folder.unwrap().failed.is_empty() && outcome.files.values().any(|file| *file == content));
    // A list that is not of this repository dooms nothing; who writes is told of it.
    forge.reset(&sound);
    let packs = forge.keys_in("packs/").iter().filter_map(|key| PackId::from_key(key)).collect();
    let doomed = Doomed { marked: Time::from_secs(0), packs }.to_bytes();
    let doomed = forge.put_hashed(DoomedId::new, own.seal_shared(SharedKind::Doomed, &doomed).unwrap());
    let error = forge.open().session("test").err().unwrap();
    assert!(matches!(error, RepoError::Unsealed { key, .. } if key == doomed.key()));
}

/// Every object altered in every way is `damage.rs`; here, that no altered byte of a frame comes out.
#[test]
fn t10_an_altered_pack_gives_no_wrong_byte() {
    let (forge, id, content) = stored();
    let sound = forge.objects();
    for key in forge.keys_in("packs/") {
        let whole = forge.get(&key);
        for at in (0..whole.len()).step_by(whole.len() / 9 + 1) {
            forge.reset(&sound);
            let mut altered = whole.to_vec();
            altered[at] ^= 0x10;
            forge.put(&key, altered);
            let outcome = Victim::new(&forge).run(&id);
            assert!(!outcome.check.is_sound());
            for (path, bytes) in outcome.files {
                assert!(bytes == content || bytes == b"b", "{}", path.display());
            }
        }
    }
}

#[test]
fn t11_parts_cannot_be_moved_and_copies_betray_themselves() {
    let mut forge = Forge::new();
    // Two frames of one length, so that they could change places.
    let (one, two) = (noise(1, 5000), noise(2, 5000));
    let frames = [&one, &two].map(|plain| Frame::stored(forge.ring.chunk_id(plain), plain));
    let pack = forge.pack(&frames);
    let stored_len = pack.frames[0].stored_len as usize;
    let list =
        [&one, &two].map(|plain| dtrvault_codec::ListEntry { id: forge.ring.chunk_id(plain), length: 5000 });
    forge.segment(vec![pack.clone()], Vec::new());
    let stream = forge.listed(&list, 10_000);
    let content = [one, two].concat();
    let digest = forge.record(&content, dtrvault_format::Recipe::Plain(stream));
    let id = forge.commit(&[entry(b"a", &blob_file(digest, 10_000))]).to_string();
    let sound = forge.objects();
    let mut swapped = forge.get(&pack.id.key()).to_vec();
    let (head, rest) = swapped.split_at_mut(120);
    assert_eq!(head[..8], *b"DTRVPCK1");
    rest[..2 * stored_len].rotate_left(stored_len);
    forge.put(&pack.id.key(), swapped);
    let victim = Victim::new(&forge);
    let report = victim.restore_folder(&id).unwrap();
    assert_eq!(report.failed.damaged(), 1);
    // The same object under another key of its folder, and of another folder.
    forge.reset(&sound);
    let segment = forge.keys_in("index/").remove(0);
    let bytes: Bytes = forge.get(&segment);
    let elsewhere = SegmentId::new([8; 32]);
    forge.put(&elsewhere.key(), bytes.clone());
    let hash: [u8; 32] = blake3::hash(&bytes).into();
    forge.put(&LeaseId::new(hash).key(), bytes.clone());
    forge.put(&SnapshotId::new(hash).key(), bytes);
    let repo = forge.open();
    assert!(matches!(&*repo.damaged_segments(), [RepoError::WrongName { key }] if *key == elsewhere.key()));
    assert!(matches!(repo.snapshot(&SnapshotId::new(hash)), Err(RepoError::Unsealed { .. })));
    assert!(Victim::new(&forge).restore_folder(&id).unwrap().failed.is_empty());
    // A doomed list under another name is refused; put back under its own it is one again.
    forge.reset(&sound);
    let doomed = Doomed { marked: Time::from_secs(0), packs: vec![pack.id] }.to_bytes();
    let sealed = Bytes::from(forge.ring.seal_shared(SharedKind::Doomed, &doomed).unwrap());
    forge.put(&DoomedId::new([8; 32]).key(), sealed.clone());
    assert!(matches!(forge.open().session("test"), Err(RepoError::WrongName { .. })));
    forge.delete(&DoomedId::new([8; 32]).key());
    forge.put_hashed(DoomedId::new, sealed.to_vec());
    forge.open().session("test").unwrap();
    assert!(Victim::new(&forge).restore_folder(&id).unwrap().failed.is_empty(), "it costs no data");
}

#[test]
fn t12_an_older_state_is_taken_for_the_newest() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let first = take(&forge.open(), &root, None).id;
    let older = forge.objects();
    std::fs::write(root.join("docker/registry/v2/new"), "new").unwrap();
    let second = take(&forge.open(), &root, None).id;
    forge.reset(&older);
    let victim = Victim::new(&forge);
    assert!(victim.check().is_sound());
    assert_eq!(victim.repo.find_snapshot("latest").unwrap().0, first);
    // Who keeps the id elsewhere notices.
    assert!(matches!(victim.repo.find_snapshot(&second.to_string()), Err(RepoError::NoSuchId { .. })));
}

#[test]
fn t13_what_is_hidden_is_told_where_it_is_needed_and_stored_again() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let id = take(&forge.open(), &root, None).id.to_string();
    let sound = forge.objects();
    for key in forge.keys_in("index/") {
        forge.delete(&key);
    }
    let outcome = Victim::new(&forge).run(&id);
    assert!(outcome.folder.unwrap_err().is_damage());
    assert!(!outcome.check.is_sound());
    let again = take(&forge.open(), &root, None);
    assert!(again.snapshot.stats.new_chunks > 0);
    Victim::new(&forge).run(&again.id.to_string()).assert_sound();
    // A snapshot that is hidden is missed by nobody but who knows its id.
    forge.reset(&sound);
    forge.delete(&format!("snapshots/{id}"));
    let victim = Victim::new(&forge);
    assert!(victim.check().is_sound() && victim.repo.snapshots().unwrap().sound.is_empty());
}

#[test]
fn t14_a_writer_without_its_lease_commits_nothing() {
    let (forge, ..) = stored();
    let repo = forge.open();
    let session = repo.session("test").unwrap();
    let held: Vec<(String, Bytes)> =
        forge.keys_in("leases/").into_iter().map(|key| (key.clone(), forge.get(&key))).collect();
    for (key, _) in &held {
        forge.delete(key);
    }
    let before = forge.keys_in("snapshots/");
    let refused = session.commit(|_| snapshot(dtrvault_format::StreamRef::EMPTY, 0));
    assert!(matches!(refused, Err(RepoError::LeaseLost { .. })), "{refused:?}");
    assert_eq!(forge.keys_in("snapshots/"), before);
    // Dead ones, kept or put back, stop nobody and are cleared.
    let dead = forge.ring.seal_shared(SharedKind::Lease, &lease(1_600_000_000).to_bytes()).unwrap();
    forge.put_hashed(LeaseId::new, dead);
    let session = forge.open().session("test").unwrap();
    session.commit(|_| snapshot(dtrvault_format::StreamRef::EMPTY, 0)).unwrap();
    assert_eq!(forge.keys_in("leases/").len(), 0);
}

#[test]
fn t15_another_config_is_refused() {
    let (forge, ..) = stored();
    let mut other = forge.config();
    other.chunker.fine.max *= 2;
    forge.put("config", other.to_bytes());
    assert!(matches!(forge.open_with(PASSWORD, "c"), Err(RepoError::ConfigChanged { .. })));
    // With slots of his own the writer has another repository, which the password does not open.
    let mut own = Forge::new();
    own.id = RepoId::new([8; 16]);
    own.put("config", Config::new(own.id, own.config().chunker).to_bytes());
    for key in forge.keys_in("keys/") {
        forge.delete(&key);
    }
    forge.put("config", own.get("config"));
    let slot = own.slot(&own.ring, b"his own", dtrvault_format::Role::Full);
    forge.put(&slot.key(), own.get(&slot.key()));
    assert!(matches!(forge.open_with(PASSWORD, "c"), Err(RepoError::WrongPassword { slots: 1, .. })));
}

#[test]
fn t16_slots_that_are_tried_are_bounded_and_dear_ones_come_last() {
    let (forge, ..) = stored();
    let slots = forge.keys_in("keys/");
    let real = dtrvault_format::KeySlot::from_bytes(&forge.get(&slots[0])).unwrap();
    // 4 GiB and 64 passes would take minutes: it is not come to.
    let mut dear = real.clone();
    dear.head.argon2 = dtrvault_format::Argon2Params { memory_kib: 4 << 20, passes: 64, lanes: 64 };
    forge.put_hashed(SlotId::new, dear.to_bytes());
    forge.open_with(PASSWORD, "c").unwrap();
    // More than that is refused unopened.
    dear.head.argon2.memory_kib += 1;
    assert!(dtrvault_format::KeySlot::from_bytes(&dear.to_bytes()).is_err());
    // Of other repositories there may be any number, as far as the bound; none is tried.
    let mut foreign = real;
    foreign.head.repo = RepoId::new([1; 16]);
    for number in 0..MAX_SLOTS as u32 {
        foreign.head.label = number.to_string();
        forge.put_hashed(SlotId::new, foreign.to_bytes());
    }
    match forge.open_with(PASSWORD, "c") {
        Ok(_) => {}
        // So many shut the true ones out, as removing them would.
        Err(RepoError::WrongPassword { slots, .. }) => assert!(slots <= 3),
        Err(other) => panic!("{other:?}"),
    }
}
