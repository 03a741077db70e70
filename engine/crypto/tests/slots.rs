//! Slots: what a password opens, and that nothing plain can be altered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_crypto::{Error, KeyRing, SharedKind, SlotRequest, floor, open_slot, seal_slot};
use dtrvault_format::cbor::Object;
use dtrvault_format::slot::MAX_WRAPPED_BYTES;
use dtrvault_format::{KeySlot, RepoId, Role, Time};

const PASSWORD: &[u8] = "correct horse, çorrect ストレージ".as_bytes();

fn request(role: Role) -> SlotRequest<'static> {
    SlotRequest {
        role,
        argon2: floor(),
        repo: RepoId::new([3; 16]),
        config_hash: [5; 32],
        label: "backup of node 1",
        created: Time::from_secs(1_700_000_000),
    }
}

#[test]
fn a_slot_gives_back_the_ring_in_its_role() {
    let ring = KeyRing::generate().unwrap();
    for role in [Role::Full, Role::Write] {
        let slot = seal_slot(&ring, PASSWORD, &request(role)).unwrap();
        let slot = KeySlot::from_bytes(&slot.to_bytes()).unwrap();
        let (opened, config_hash) = open_slot(&slot, PASSWORD).unwrap();
        assert_eq!((opened.role(), config_hash), (role, [5; 32]));
        assert_eq!(opened.chunk_id(b"x"), ring.chunk_id(b"x"));
        let object = opened.seal_shared(SharedKind::Lease, b"x").unwrap();
        assert_eq!(ring.open_shared(SharedKind::Lease, &object).unwrap(), b"x");
        let (header, _) = opened.new_pack().unwrap();
        ring.open_pack(&header).unwrap();
        assert_eq!(opened.open_pack(&header).is_ok(), role == Role::Full);
    }
}

#[test]
fn a_write_only_ring_makes_no_full_slot() {
    let ring = KeyRing::generate().unwrap().to_write_only();
    let result = seal_slot(&ring, PASSWORD, &request(Role::Full));
    assert!(matches!(result, Err(Error::NeedsFullKey)));
    seal_slot(&ring, PASSWORD, &request(Role::Write)).unwrap();
}

#[test]
fn wrong_and_empty_passwords_are_told_apart() {
    let ring = KeyRing::generate().unwrap();
    let slot = seal_slot(&ring, PASSWORD, &request(Role::Full)).unwrap();
    assert!(matches!(open_slot(&slot, b"horse"), Err(Error::WrongPassword)));
    assert!(matches!(open_slot(&slot, b""), Err(Error::EmptyPassword)));
    let result = seal_slot(&ring, b"", &request(Role::Full));
    assert!(matches!(result, Err(Error::EmptyPassword)));
}

#[test]
fn no_plain_field_can_be_altered() {
    let ring = KeyRing::generate().unwrap();
    let slot = seal_slot(&ring, PASSWORD, &request(Role::Write)).unwrap();
    let alterations: [fn(&mut KeySlot); 7] = [
        |slot| slot.head.role = Role::Full,
        |slot| slot.head.repo = RepoId::new([4; 16]),
        |slot| slot.head.argon2.passes += 1,
        |slot| slot.head.argon2.memory_kib += 1,
        |slot| slot.head.salt[0] ^= 1,
        |slot| slot.head.label.push('!'),
        |slot| slot.head.created.secs += 1,
    ];
    for (at, alter) in alterations.iter().enumerate() {
        let mut bad = slot.clone();
        alter(&mut bad);
        let result = open_slot(&bad, PASSWORD);
        assert!(matches!(result, Err(Error::WrongPassword)), "alteration {at}");
    }
}

#[test]
fn no_wrapped_byte_can_be_changed() {
    let ring = KeyRing::generate().unwrap();
    let slot = seal_slot(&ring, PASSWORD, &request(Role::Full)).unwrap();
    // Each try costs a run of Argon2; the stride still meets every field and the tag.
    for at in (0..slot.wrapped.len()).step_by(7) {
        let mut bad = slot.clone();
        bad.wrapped[at] ^= 1;
        let result = open_slot(&bad, PASSWORD);
        assert!(matches!(result, Err(Error::WrongPassword)), "byte {at}");
    }
}

/// Refused before Argon2 runs: none of these may cost memory or time.
#[test]
fn hostile_slots_are_refused_unopened() {
    let ring = KeyRing::generate().unwrap();
    let slot = seal_slot(&ring, PASSWORD, &request(Role::Full)).unwrap();
    let alterations: [fn(&mut KeySlot); 8] = [
        |slot| slot.head.argon2.memory_kib = u32::MAX,
        |slot| slot.head.argon2.memory_kib = 8,
        |slot| slot.head.argon2.passes = u32::MAX,
        |slot| slot.head.argon2.passes = 1,
        |slot| slot.head.argon2.lanes = 0,
        |slot| slot.head.argon2.lanes = u32::MAX,
        |slot| slot.head.version = 2,
        |slot| slot.wrapped = vec![0; MAX_WRAPPED_BYTES + 1],
    ];
    for (at, alter) in alterations.iter().enumerate() {
        let mut bad = slot.clone();
        alter(&mut bad);
        let result = open_slot(&bad, PASSWORD);
        assert!(matches!(result, Err(Error::Format(_))), "alteration {at}");
    }
    let mut bad = slot;
    bad.wrapped.truncate(15);
    let result = open_slot(&bad, PASSWORD);
    assert!(matches!(result, Err(Error::TooShort { .. })));
}

#[test]
fn a_weak_or_oversized_request_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let mut weak = request(Role::Full);
    weak.argon2.passes = 1;
    assert!(matches!(seal_slot(&ring, PASSWORD, &weak), Err(Error::Format(_))));
    let label = "x".repeat(10_000);
    let long = SlotRequest { label: &label, ..request(Role::Full) };
    assert!(matches!(seal_slot(&ring, PASSWORD, &long), Err(Error::Format(_))));
}
