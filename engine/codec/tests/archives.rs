//! Archives within tars come back bit for bit, and stand in the payload as what they hold.
#![allow(clippy::unwrap_used)]

mod common;

use common::zip::How::{Deflated, Foreign, Stored, Streamed};
use common::zip::{How, archive, deflate, text};
use common::{header, join, padded, split, split_in, tar_of};
use proptest::prelude::*;

/// The payload of a tar that holds this archive alone.
fn payload(archive: &[u8]) -> Vec<u8> {
    split(&tar_of("a.jar", archive)).1.payload
}

fn sample(time: u16) -> Vec<u8> {
    let [a, b, c] = [1, 2, 3].map(|seed| text(seed, 900));
    archive(
        &[
            ("META-INF/", b"", Stored),
            ("a.class", &a, Deflated(6)),
            ("b.class", &b, Streamed(6)),
            ("as it is", b"stored", Stored),
            ("c.class", &c, Deflated(9)),
            ("small", b"small", Deflated(6)),
        ],
        time,
    )
}

#[test]
fn the_payload_is_what_the_entries_hold() {
    let [a, b, c] = [1, 2, 3].map(|seed| text(seed, 900));
    assert_eq!(payload(&sample(1)), [&a[..], &b, b"stored", &c, &deflate(b"small", 6)].concat());
}

#[test]
fn archives_of_other_times_share_their_payload() {
    let [before, after] = [1, 2].map(|time| split(&tar_of("a.jar", &sample(time))).1);
    assert_eq!(before.payload, after.payload);
    assert_ne!(before.skeleton, after.skeleton);
}

#[test]
fn every_level_is_found() {
    for level in 1..=9 {
        let long = text(level as usize, 300_000);
        for how in [Deflated(level), Streamed(level)] {
            assert!(payload(&archive(&[("a", &long, how)], 1)) == long, "{how:?}");
        }
    }
}

#[test]
fn cut_anywhere_and_pieced_anyhow_they_come_back() {
    let tar = tar_of("a.jar", &sample(1));
    for cut in 512..tar.len() {
        let (_, streams) = split(&tar[..cut]);
        for piece in [1, 7, 300] {
            assert!(split_in(&tar[..cut], &[piece]).1 == streams, "{cut} by {piece}");
        }
    }
}

#[test]
fn damaged_anywhere_they_come_back() {
    let tar = tar_of("a.jar", &sample(1));
    for at in 512..tar.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = tar.clone();
            damaged[at] ^= flip;
            let (_, streams) = split(&damaged);
            assert!(split_in(&damaged, &[13]).1 == streams, "{at}");
        }
    }
}

#[test]
fn archives_that_are_stored_within_another_are_taken_apart_too() {
    let (inner, after) = (sample(1), text(7, 500));
    let cut = &inner[..inner.len() - 30];
    for inner in [&inner[..], cut] {
        let fat = archive(
            &[("lib/", b"", Stored), ("lib/inner.jar", inner, Stored), ("after", &after, Deflated(6))],
            1,
        );
        let payload = payload(&fat);
        assert!(payload.starts_with(&text(1, 900)));
        assert!(payload.ends_with(&after), "what stands behind it is found");
    }
}

#[test]
fn what_zlib_has_not_made_stays_as_it_is() {
    let texts: Vec<_> = (0..20).map(|seed| text(seed, 700)).collect();
    let entries: Vec<_> = texts.iter().map(|text| ("a", &text[..], Foreign)).collect();
    let whole = archive(&entries, 1);
    let payload = payload(&whole);
    assert!(payload.len() < whole.len() && !payload.windows(100).any(|part| part == &texts[0][..100]));
}

#[test]
fn an_archive_of_another_encoder_does_not_spoil_the_next() {
    let texts: Vec<_> = (0..20).map(|seed| text(seed, 700)).collect();
    let of = |how| archive(&texts.iter().map(|text| ("a", &text[..], how)).collect::<Vec<_>>(), 1);
    let members = [of(Foreign), of(Deflated(9))];
    let tar = members.map(|member| tar_of("a.jar", &member)[..512 + padded(&member).len()].to_vec()).concat();
    assert!(split(&tar).1.payload.ends_with(&texts.concat()));
}

#[test]
fn bombs_stay_as_they_are() {
    for (len, name) in [(1 << 20, "by its ratio"), (30 << 20, "by its length")] {
        for how in [Deflated(9), Streamed(9)] {
            let bomb = archive(&[("zeros", &vec![0; len], how)], 1);
            assert!(payload(&bomb).len() < bomb.len(), "{name}");
        }
    }
}

#[test]
fn entries_over_the_bounds_are_passed_over() {
    // Noise of six bits to the byte: 5 MiB deflate to 4 MiB or so, and 7 MiB to more than are gathered.
    let noise = |len: usize| -> Vec<u8> {
        let bits = text(3, len);
        let mut hash = blake3::Hasher::new().update(&bits[..64]).finalize_xof();
        let mut noise = vec![0; len];
        hash.fill(&mut noise);
        noise.iter().map(|byte| byte & 0x3f).collect()
    };
    let (long, small) = (noise(7 << 20), text(1, 900));
    let whole = archive(&[("long", &long, Deflated(6)), ("small", &small, Deflated(6))], 1);
    let found = payload(&whole);
    assert!(found.len() < long.len() && found.ends_with(&small));
    let whole = archive(&[("long", &long, Streamed(6)), ("small", &small, Deflated(6))], 1);
    assert!(!payload(&whole).windows(900).any(|part| part == small));
}

#[test]
fn what_is_encrypted_or_unknown_stays_as_it_is() {
    let small = text(1, 900);
    let whole = archive(&[("a", &small, Deflated(6)), ("b", &small, Deflated(6))], 1);
    let packed = deflate(&small, 6);
    for (at, to) in [(6, 1), (8, 12)] {
        let mut other = whole.clone();
        other[at] = to;
        assert!(payload(&other) == [&packed[..], &small].concat(), "the next one is found");
    }
    // Its length stands elsewhere, and so does everything behind it.
    let mut zip64 = whole.clone();
    zip64[18..26].fill(0xff);
    assert!(payload(&zip64) == zip64[31..]);
}

/// Entries of any kind.
fn entries() -> impl Strategy<Value = Vec<(usize, usize, How)>> {
    let how = prop_oneof![
        Just(Stored),
        Just(Foreign),
        (1..10_u32).prop_map(Deflated),
        (1..10_u32).prop_map(Streamed),
    ];
    prop::collection::vec((0..50_usize, 0..3000_usize, how), 0..6)
}

proptest! {
    #[test]
    fn archives_come_back(
        entries in entries(),
        is_nested in any::<bool>(),
        behind in prop::collection::vec(any::<u8>(), 0..40),
        pieces in prop::collection::vec(1usize..1500, 1..8),
        cut in any::<prop::sample::Index>(),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let texts: Vec<_> = entries.iter().map(|(seed, len, how)| (text(*seed, *len), *how)).collect();
        let parts: Vec<_> = texts.iter().map(|(text, how)| ("name", &text[..], *how)).collect();
        let mut member = [archive(&parts, 1), behind].concat();
        if is_nested {
            member = archive(&[("inner", &member, Stored), ("more", &member, Deflated(6))], 2);
        }
        if let Some((at, byte)) = damage {
            let at = at.index(member.len());
            member[at] = byte;
        }
        let tar = [&header("a.jar", b'0', member.len() as u64)[..], &padded(&member)].concat();
        // Half of them are whole.
        let cut = cut.index(2 * tar.len()).min(tar.len());
        let (report, streams) = split_in(&tar[..cut], &pieces);
        prop_assert!(join(&streams).unwrap() == tar[..cut]);
        prop_assert!(split_in(&tar[..cut], &[usize::MAX]) == (report, streams));
    }

    #[test]
    fn what_only_begins_as_an_archive_comes_back(
        records in prop::collection::vec((0..4_usize, prop::collection::vec(any::<u8>(), 0..60)), 1..8),
        pieces in prop::collection::vec(1usize..200, 1..8),
    ) {
        let signatures = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x07\x08"];
        let records = records.iter().flat_map(|(at, bytes)| [&signatures[*at][..], bytes]);
        let member = [&b"PK\x03\x04"[..], &records.collect::<Vec<_>>().concat()].concat();
        let tar = tar_of("a.jar", &member);
        let (_, streams) = split_in(&tar, &pieces);
        prop_assert!(join(&streams).unwrap() == tar);
        prop_assert!(split(&tar).1 == streams);
    }
}
