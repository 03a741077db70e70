//! Shared and private objects: what opens, and everything that must not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_crypto::{Error, KeyRing, PrivateKind, Sealed, SharedKind, padded_len};
use proptest::prelude::*;

type Open<'a> = &'a dyn Fn(&[u8]) -> dtrvault_crypto::Result<Vec<u8>>;

const KINDS: [SharedKind; 3] = [SharedKind::Segment, SharedKind::Lease, SharedKind::Doomed];

#[test]
fn shared_objects_open_in_both_roles() {
    let full = KeyRing::generate().unwrap();
    let write = full.to_write_only();
    for kind in KINDS {
        let object = write.seal_shared(kind, b"content").unwrap();
        assert_eq!(full.open_shared(kind, &object).unwrap(), b"content");
        assert_eq!(write.open_shared(kind, &object).unwrap(), b"content");
        assert_ne!(object, write.seal_shared(kind, b"content").unwrap());
    }
}

#[test]
fn an_object_of_one_kind_is_none_of_another() {
    let ring = KeyRing::generate().unwrap();
    for sealed in KINDS {
        let object = ring.seal_shared(sealed, b"content").unwrap();
        for opened in KINDS {
            let result = ring.open_shared(opened, &object);
            assert_eq!(result.is_ok(), sealed == opened, "{sealed:?} as {opened:?}");
        }
        assert!(ring.open_private(PrivateKind::Snapshot, &object).is_err());
    }
}

#[test]
fn snapshots_are_written_by_any_key_and_read_by_a_full_one() {
    let full = KeyRing::generate().unwrap();
    let write = full.to_write_only();
    let kind = PrivateKind::Snapshot;
    let object = write.seal_private(kind, b"content").unwrap();
    assert_eq!(full.open_private(kind, &object).unwrap(), b"content");
    assert!(matches!(write.open_private(kind, &object), Err(Error::NeedsFullKey)));
    assert_ne!(object, write.seal_private(kind, b"content").unwrap());
}

#[test]
fn no_byte_can_be_changed_cut_or_added() {
    let ring = KeyRing::generate().unwrap();
    let shared = |bytes: &[u8]| ring.open_shared(SharedKind::Lease, bytes);
    let private = |bytes: &[u8]| ring.open_private(PrivateKind::Snapshot, bytes);
    let cases: [(Vec<u8>, Open<'_>); 2] = [
        (ring.seal_shared(SharedKind::Lease, b"content").unwrap(), &shared),
        (ring.seal_private(PrivateKind::Snapshot, b"content").unwrap(), &private),
    ];
    for (object, open) in cases {
        open(&object).unwrap();
        for at in 0..object.len() {
            let mut bad = object.clone();
            bad[at] ^= 0x40;
            // X25519 ignores the top bit of a point (RFC 7748 section 5), not this one.
            assert!(matches!(open(&bad), Err(Error::Unauthentic { .. })), "byte {at}");
            assert!(open(&object[..at]).is_err(), "cut at {at}");
        }
        assert!(open(&[&*object, &[0]].concat()).is_err());
    }
}

/// HPKE hashes the encapsulated key as it stands, so the bit that X25519 ignores is no
/// second way to write an object.
#[test]
fn the_ignored_bit_of_an_encapsulated_key_is_held_too() {
    let ring = KeyRing::generate().unwrap();
    let mut object = ring.seal_private(PrivateKind::Snapshot, b"x").unwrap();
    object[31] ^= 0x80;
    assert!(ring.open_private(PrivateKind::Snapshot, &object).is_err());
}

#[test]
fn short_objects_say_how_short() {
    let ring = KeyRing::generate().unwrap();
    assert!(matches!(
        ring.open_shared(SharedKind::Segment, &[0; 47]),
        Err(Error::TooShort { what: Sealed::Segment, found_bytes: 47, least_bytes: 48 })
    ));
    assert!(matches!(
        ring.open_private(PrivateKind::Snapshot, &[]),
        Err(Error::TooShort { found_bytes: 0, .. })
    ));
}

#[test]
fn another_repository_opens_nothing() {
    let (one, two) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
    let object = one.seal_shared(SharedKind::Segment, b"x").unwrap();
    assert!(two.open_shared(SharedKind::Segment, &object).is_err());
    let object = one.seal_private(PrivateKind::Snapshot, b"x").unwrap();
    assert!(two.open_private(PrivateKind::Snapshot, &object).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lengths_show_only_padded(len in 0_usize..100_000) {
        let ring = KeyRing::generate().unwrap();
        let content = vec![0x80; len];
        let padded = padded_len(len as u64 + 1) as usize;
        let object = ring.seal_shared(SharedKind::Segment, &content).unwrap();
        prop_assert_eq!(object.len(), 32 + padded + 16);
        prop_assert_eq!(ring.open_shared(SharedKind::Segment, &object).unwrap(), content.clone());
        let object = ring.seal_private(PrivateKind::Snapshot, &content).unwrap();
        prop_assert_eq!(object.len(), 32 + padded + 16);
        prop_assert_eq!(ring.open_private(PrivateKind::Snapshot, &object).unwrap(), content);
    }

    #[test]
    fn foreign_bytes_open_as_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let ring = KeyRing::generate().unwrap();
        prop_assert!(ring.open_private(PrivateKind::Snapshot, &bytes).is_err());
        for kind in KINDS {
            prop_assert!(ring.open_shared(kind, &bytes).is_err());
        }
    }
}
