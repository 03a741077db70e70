//! Who holds a write-only key.

use std::fs;

use dtrvault_crypto::{KeyRing, PrivateKind, SharedKind};
use dtrvault_format::cbor::{Object, encode};
use dtrvault_format::names::Named;
use dtrvault_format::{
    BlobRecord, ChunkEntry, Doomed, DoomedId, KeySlot, Lease, LeaseId, PackId, Recipe, Role, SlotId, Time,
};
use dtrvault_ops::check::ReadData;
use dtrvault_ops::export::ExportOptions;
use dtrvault_ops::ls::LsOptions;
use dtrvault_ops::snapshots::SnapshotsFilter;
use dtrvault_ops::{Context, OpsError, cat, check, diff, export, key, ls, rebuild_index, snapshots, stats};
use dtrvault_repo::read::Reader;
use dtrvault_repo::{RepoError, Repository};

use super::brute;
use super::reader::registry;
use crate::common::evening::take;
use crate::common::forge::{
    Forge, Frame, HOST, PASSWORD, WRITE_PASSWORD, blob_file, digest, entry, noise, snapshot,
};
use crate::common::victim::Victim;

fn write_only(forge: &Forge) -> Repository {
    let repo = forge.open_with(WRITE_PASSWORD, "write-only").unwrap();
    assert_eq!(repo.role(), Role::Write);
    repo
}

/// The slot of the write-only key.
fn write_slot(forge: &Forge) -> KeySlot {
    let slots = forge.keys_in("keys/").into_iter().map(|key| KeySlot::from_bytes(&forge.get(&key)).unwrap());
    slots.into_iter().find(|slot| slot.head.role == Role::Write).unwrap()
}

#[test]
fn t17_what_is_stored_is_known_by_its_names() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    take(&forge.open(), &root, None);
    let repo = write_only(&forge);
    let layer = fs::read(root.join("docker/registry/v2/secret-project/layer")).unwrap();
    let (size, recipe) = repo.index().blob(&digest(&layer)).unwrap().unwrap();
    assert_eq!(size, layer.len() as u64);
    assert!(recipe.streams().all(|stream| stream.root.is_some()));
    let words = fs::read(root.join("docker/registry/v2/secret-project/words")).unwrap();
    assert!(repo.index().locate(&forge.ring.to_write_only().chunk_id(&words)).unwrap().is_some());
    assert!(repo.index().locate(&forge.ring.chunk_id(b"not stored")).unwrap().is_none());
    let mut packs = 0;
    repo.each_stored_pack(|pack| {
        packs += 1;
        repo.pack_directory(pack).map(drop)
    })
    .unwrap();
    assert!(packs > 0);
    let session = forge.open().session("test").unwrap();
    let lease = forge.get(&forge.keys_in("leases/")[0]);
    let lease = forge.ring.to_write_only().open_shared(SharedKind::Lease, &lease).unwrap();
    assert_eq!(Lease::from_bytes(&lease).unwrap().host, HOST);
    drop(session);
}

#[test]
fn t18_no_verb_reads_and_nothing_in_the_slot_opens_anything() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let id = take(&forge.open(), &root, Some(noise(5, 5000))).id.to_string();
    let repo = write_only(&forge);
    let context = Context::default();
    let needs = |verb: &str, refused: Option<OpsError>| {
        assert!(matches!(refused, Some(OpsError::Repo(RepoError::NeedsFullKey))), "{verb}: {refused:?}");
    };
    let (ls_options, export_options) = (
        LsOptions { snapshot: id.clone(), ..LsOptions::default() },
        ExportOptions { snapshot: id.clone(), ..ExportOptions::default() },
    );
    needs("ls", ls::run(&repo, &ls_options, &context, |_| Ok(())).err());
    needs("export", export::run(&repo, &export_options, &mut Vec::new(), &context).err());
    needs("check", check::run(&repo, ReadData::Everything, &context).err());
    needs("stats", stats::run(&repo, stats::StatsOptions::default(), &context).err());
    needs("diff", diff::run(&repo, &id, &id, &context, |_| Ok(())).err());
    needs("snapshots", snapshots::run(&repo, &SnapshotsFilter::default(), &context).err());
    needs("rebuild-index", rebuild_index::run(&repo, &context).err());
    needs("cat snapshot", cat::snapshot(&repo, &id).err());
    needs("cat tree", cat::tree(&repo, &id, |_| Ok(())).err());
    needs("cat index", cat::segments(&repo).err());
    needs("cat pack", cat::pack(&repo, "0").err());
    needs("key list", key::list(&repo).err());
    assert!(matches!(Reader::new(&repo).err(), Some(RepoError::NeedsFullKey)));

    // By main force: every 32 bytes of what the slot holds, and all that is ever derived of them.
    let slot = write_slot(&forge);
    let payload = brute::payload(&slot, WRITE_PASSWORD);
    let contexts =
        ["chunk id", "gear seed", "pack directory", "index segment", "lease", "doomed packs", "hpke psk"]
            .map(|purpose| format!("dtrvault v1 2026 {purpose}"));
    let mut keys = brute::windows(&payload);
    for key in keys.clone() {
        keys.extend(contexts.iter().map(|context| blake3::derive_key(context, &key)));
    }
    let full = forge.open();
    let mut frames_tried = 0;
    full.each_stored_pack(|pack| {
        let (header, directory) = full.pack_directory(pack)?;
        let bytes = forge.get(&pack.id.key());
        let mut offset = 120;
        for (number, frame) in (0..).zip(&directory.frames) {
            let sealed = &bytes[offset..offset + frame.stored_len as usize];
            offset += frame.stored_len as usize;
            for key in &keys {
                let salted = *blake3::keyed_hash(key, &*header.salt).as_bytes();
                assert!(!brute::opens(key, number, b"dtrvault/1/frame", sealed));
                assert!(!brute::opens(&salted, number, b"dtrvault/1/frame", sealed));
            }
            frames_tried += 1;
        }
        // The same force does open what both roles may read.
        let key = blake3::derive_key("dtrvault v1 2026 pack directory", &shared(&payload));
        let salted = *blake3::keyed_hash(&key, &*header.salt).as_bytes();
        assert!(brute::opens(&salted, 1, b"dtrvault/1/trailer", &bytes[bytes.len() - 20..]));
        Ok(())
    })
    .unwrap();
    assert!(frames_tried > 0);
    let object = forge.get(&format!("snapshots/{id}"));
    for key in &keys {
        for aad in [&b""[..], b"dtrvault/1/snapshot"] {
            assert!(!brute::opens(key, 0, aad, &object[32..]));
        }
    }
    assert!(forge.ring.to_write_only().open_private(PrivateKind::Snapshot, &object).is_err());
    // No part of the slot is the secret half, nor is it one of the public half by another name.
    let mut full_head = slot.clone();
    full_head.head.role = Role::Full;
    for candidate in brute::windows(&payload) {
        let forged = [&[0xa4][..], &payload[1..], &[0x03, 0x58, 0x20], &candidate].concat();
        let forged = brute::reseal(&full_head, b"guess", &forged);
        let refused = dtrvault_crypto::open_slot(&forged, b"guess").err();
        assert!(matches!(refused, Some(dtrvault_crypto::Error::PublicKey)), "{refused:?}");
    }
}

/// The shared secret in a payload (`format-spec/keys.md`).
fn shared(payload: &[u8]) -> [u8; 32] {
    payload[39..71].try_into().unwrap()
}

#[test]
fn t19_it_adds_and_cannot_be_told_apart() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let by_write = take(&write_only(&forge), &root, None);
    Victim::new(&forge).run(&by_write.id.to_string()).assert_sound();
    // A slot of its own role, and no other; the program refuses even that.
    let ring = forge.ring.to_write_only();
    forge.slot(&ring, b"another", Role::Write);
    assert_eq!(forge.open_with(b"another", "another").unwrap().role(), Role::Write);
    let slot = KeySlot { head: write_slot(&forge).head, wrapped: Vec::new() };
    let request = dtrvault_crypto::SlotRequest {
        role: Role::Full,
        argon2: slot.head.argon2,
        repo: forge.id,
        config_hash: [0; 32],
        label: "",
        created: slot.head.created,
    };
    assert!(matches!(
        dtrvault_crypto::seal_slot(&ring, b"x", &request),
        Err(dtrvault_crypto::Error::NeedsFullKey)
    ));
    let new =
        dtrvault_repo::keys::NewSlot { role: Role::Write, label: String::new(), argon2: slot.head.argon2 };
    assert!(matches!(write_only(&forge).key_add(b"y", &new), Err(RepoError::NeedsFullKey)));
}

/// What the honest writer finds in the way: a false record, a false place, false frames of a pack.
#[test]
fn t20_poison_is_refused_found_and_can_be_taken_out() {
    let content = noise(1, 300_000);
    // A digest with a recipe that gives other bytes, before the content is stored.
    let mut forge = Forge::new();
    let root = registry(&forge, 1);
    let clean = forge.objects();
    let stream = forge.stream(b"something else");
    let record = BlobRecord { digest: digest(&content), size: 300_000, recipe: Recipe::Plain(stream) };
    forge.blobs.push(record);
    forge.flush();
    let poison = forge.objects();
    let id = take(&forge.open(), &root, None).id.to_string();
    let outcome = Victim::new(&forge).run(&id);
    let failed = outcome.folder.unwrap().failed;
    assert_eq!((failed.count(), failed.damaged()), (1, 1));
    assert!(outcome.files.values().all(|file| *file != b"something else"));
    outcome.check.damage.iter().find(|damage| damage.blob == Some(digest(&content))).unwrap();
    // What was written since goes, and the next evening stores it.
    for (key, _) in poison.iter().filter(|object| !clean.contains(object)) {
        forge.delete(key);
    }
    rebuild_index::run(&forge.open(), &Context::default()).unwrap();
    let again = take(&forge.open(), &root, None).id.to_string();
    Victim::new(&forge).run(&again).assert_sound();

    // A chunk's id with a place where other bytes stand.
    let mut forge = Forge::new();
    let word = fs::read(root.join("docker/registry/v2/secret-project/words")).unwrap();
    let id = forge.ring.chunk_id(&word);
    let Frame { body, .. } = Frame::stored(id, &noise(3, word.len()));
    let chunks = vec![ChunkEntry { id, len: word.len() as u32 }];
    forge.frames.push(Frame { body, chunks });
    forge.flush();
    let pack = forge.keys_in("packs/").remove(0);
    let id = take(&forge.open(), &root, None).id.to_string();
    let outcome = Victim::new(&forge).run(&id);
    assert_eq!(outcome.folder.as_ref().unwrap().failed.damaged(), 1);
    outcome.assert_check_names(&pack);
    outcome.assert_check_names(&digest(&word).to_string());

    // A pack of somebody else's, with other frames than it has: a segment against its directory.
    let mut forge = Forge::new();
    let blob = forge.blob(&content);
    let id = forge.commit(&[entry(b"a", &blob_file(blob, content.len() as u64))]).to_string();
    let honest = forge.keys_in("index/").remove(0);
    let own = dtrvault_format::SegmentId::from_key(&honest).unwrap();
    let mut packs = forge.open().segment(&own).unwrap().packs;
    packs[0].frames.reverse();
    let evil = forge.segment(packs, Vec::new()).key();
    let outcome = Victim::new(&forge).run(&id);
    let told = format!("{:?}", outcome.check.damage);
    assert!(told.contains(&evil) || told.contains(&honest), "{told}");
    assert!(outcome.files.values().all(|file| *file == content), "never a wrong byte");
    // The pack itself says what is right.
    forge.delete(&evil);
    Victim::new(&forge).run(&id).assert_sound();
}

/// A second slot under a password that it knows, with a public half whose secret half is its own.
#[test]
fn t20_a_slot_under_the_same_password_seals_for_somebody_else() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let honest = take(&write_only(&forge), &root, None).id.to_string();
    let real = write_slot(&forge);
    let payload = brute::payload(&real, WRITE_PASSWORD);
    let own = KeyRing::generate().unwrap();
    let own_slot = KeySlot::from_bytes(&forge.get(&forge.slot(&own, b"own", Role::Full).key())).unwrap();
    let own_payload = brute::payload(&own_slot, b"own");
    let mut evil = payload.clone();
    evil[74..106].copy_from_slice(&own_payload[74..106]);
    let mut earlier = real.clone();
    earlier.head.created = Time::from_secs(0);
    let evil = brute::reseal(&earlier, WRITE_PASSWORD, &evil);
    let evil = forge.put_hashed(SlotId::new, evil.to_bytes());
    fs::write(root.join("docker/registry/v2/new"), noise(8, 50_000)).unwrap();
    let taken = take(&write_only(&forge), &root, None).id;
    // The full key cannot read what was written with it, and says so; earlier snapshots are whole.
    let victim = Victim::new(&forge);
    assert!(matches!(victim.repo.snapshot(&taken), Err(RepoError::Unsealed { .. })));
    let checked = serde_json::to_string(&victim.check().damage).unwrap();
    assert!(checked.contains(&taken.to_string()), "{checked}");
    assert!(victim.restore_folder(&honest).unwrap().failed.is_empty());
    // Taking the slot out ends it.
    forge.delete(&evil.key());
    let taken = take(&write_only(&forge), &root, None).id;
    Victim::new(&forge).repo.snapshot(&taken).unwrap();
}

#[test]
fn t21_snapshots_say_what_their_writer_says() {
    let mut forge = Forge::new();
    let root = registry(&forge, 1);
    let honest = take(&forge.open(), &root, None).id;
    let tree = forge.stream(&entry(b"never-was", &dtrvault_format::Kind::Dir));
    forge.flush();
    let mut claims = snapshot(tree, 1);
    claims.time = Time::from_secs(i64::MAX);
    claims.host = "the director's".to_owned();
    let ring = forge.ring.to_write_only();
    let sealed = ring.seal_private(PrivateKind::Snapshot, &encode(&claims)).unwrap();
    let false_one = forge.put_hashed(dtrvault_format::SnapshotId::new, sealed);
    let victim = Victim::new(&forge);
    // It is taken for the latest; who asks by id gets what he asks for.
    assert_eq!(victim.repo.find_snapshot("latest").unwrap().0, false_one);
    assert!(victim.restore_folder(&honest.to_string()).unwrap().failed.is_empty());
    // A writer without a cache believes what a snapshot of the same host and place says of files
    // that have the same inode and times: it takes them over unread.
    let honest_tree = {
        let mut entries = Vec::new();
        cat::tree(&victim.repo, &honest.to_string(), |entry| {
            entries.push(entry.clone());
            Ok(())
        })
        .unwrap();
        entries
    };
    drop(victim);
    let evil = forge.blob(&noise(7, 300_000));
    let entries: Vec<Vec<u8>> = honest_tree
        .into_iter()
        .map(|mut entry| {
            if let dtrvault_format::Kind::File(file) = &mut entry.kind
                && file.size == 300_000
            {
                file.content = dtrvault_format::Content::Blob(evil);
            }
            crate::common::forge::bytes_of(&entry)
        })
        .collect();
    let tree = forge.stream(&entries.concat());
    forge.flush();
    let mut claims = snapshot(tree, entries.len() as u64);
    claims.time = Time::from_secs(i64::MAX / 2);
    claims.images.as_mut().unwrap().location = root.to_str().unwrap().to_owned();
    forge.delete(&false_one.key());
    forge.snapshot_of(&encode(&claims));
    let deceived = take(&forge.open(), &root, None);
    assert_eq!(deceived.snapshot.stats.read_bytes, 0);
    let victim = Victim::new(&forge);
    victim.restore_folder(&deceived.id.to_string()).unwrap();
    let layer = victim.target().join("docker/registry/v2/secret-project/layer");
    assert_eq!(fs::read(layer).unwrap(), noise(7, 300_000));
}

#[test]
fn t22_dooming_costs_space_and_no_data() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let first = take(&forge.open(), &root, None).id.to_string();
    let packs = forge.keys_in("packs/").iter().filter_map(|key| PackId::from_key(key)).collect();
    let doomed = Doomed { marked: Time::from_secs(0), packs }.to_bytes();
    let ring = forge.ring.to_write_only();
    forge.put_hashed(DoomedId::new, ring.seal_shared(SharedKind::Doomed, &doomed).unwrap());
    let repo = forge.open();
    let session = repo.session("test").unwrap();
    let mut stream = session.stream(dtrvault_repo::write::Class::Fine);
    let words = fs::read(root.join("docker/registry/v2/secret-project/words")).unwrap();
    stream.write(&words).unwrap();
    stream.finish().unwrap();
    assert!(session.counters().new_chunks > 0, "it is stored again");
    drop(session);
    let second = take(&forge.open(), &root, None).id.to_string();
    for id in [first, second] {
        Victim::new(&forge).run(&id).assert_sound();
    }
    assert!(forge.keys_in("leases/").iter().filter_map(|key| LeaseId::from_key(key)).count() == 0);
    forge.open_with(PASSWORD, "last").unwrap();
}
