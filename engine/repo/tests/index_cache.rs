//! The cache of the index by itself: what is added in many runs is found, and what was added
//! before a failure need not be added again.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use dtrvault_format::{
    BlobRecord, ChunkEntry, ChunkId, Digest, FrameEntry, PackHeader, PackId, Recipe, RepoId, Segment,
    SegmentId, SegmentPack, StreamRef,
};
use dtrvault_repo::RepoError;
use dtrvault_repo::index::{IndexCache, Location};

const CHUNKS: u32 = 2000;
const FRAME_CHUNKS: u32 = 50;

fn hash(what: &str, number: u32) -> [u8; 32] {
    blake3::hash(format!("{what} {number}").as_bytes()).into()
}

fn chunk(number: u32) -> ChunkId {
    ChunkId::new(hash("chunk", number))
}

/// A segment with one pack of [`CHUNKS`] chunks, and one blob.
fn segment(number: u32) -> (SegmentId, Segment) {
    let ids: Vec<u32> = (number * CHUNKS..(number + 1) * CHUNKS).collect();
    let frames = ids.chunks(FRAME_CHUNKS as usize).map(|ids| FrameEntry {
        stored_len: 100,
        chunks: ids.iter().map(|number| ChunkEntry { id: chunk(*number), len: 1 + number % 7 }).collect(),
    });
    let pack = SegmentPack {
        id: PackId::new(hash("pack", number)),
        size: 1000 + u64::from(number),
        header: PackHeader { salt: [1; 32].into(), enc: [2; 32].into(), wrapped: [3; 48].into() },
        frames: frames.collect(),
    };
    let blob = BlobRecord {
        digest: Digest::new(hash("blob", number)),
        size: 0,
        recipe: Recipe::Plain(StreamRef::EMPTY),
    };
    (SegmentId::new(hash("segment", number)), Segment { packs: vec![pack], blobs: vec![blob] })
}

/// The least budget: a run has a few segments, and many runs are merged.
fn open(dir: &Path) -> IndexCache {
    IndexCache::open(dir, RepoId::new([7; RepoId::LEN]), 2 << 20).unwrap()
}

fn add(cache: &IndexCache, numbers: std::ops::Range<u32>) {
    let mut segments = numbers.map(segment);
    cache.add(|| Ok(segments.next())).unwrap();
}

/// Every chunk of these segments is found where it stands, and its pack is the right one.
fn assert_found(cache: &IndexCache, segments: u32) {
    for number in 0..segments * CHUNKS {
        let Location { pack, frame, offset, len } = cache.locate(&chunk(number)).unwrap().unwrap();
        let (of, within) = (number / CHUNKS, number % CHUNKS);
        let frame_start = number - within % FRAME_CHUNKS;
        assert_eq!(frame, within / FRAME_CHUNKS);
        assert_eq!(offset, (frame_start..number).map(|before| 1 + before % 7).sum::<u32>());
        assert_eq!(len, 1 + number % 7);
        if within == 0 {
            let id = PackId::new(hash("pack", of));
            assert_eq!(cache.pack(pack).unwrap().unwrap().id, id);
            assert_eq!(cache.pack_number(&id).unwrap(), Some(pack));
            assert!(cache.blob(&Digest::new(hash("blob", of))).unwrap().is_some());
        }
    }
    assert_eq!(cache.locate(&chunk(segments * CHUNKS)).unwrap(), None);
    let mut chunks = 0;
    cache
        .each_chunk(|_| {
            chunks += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(chunks, segments * CHUNKS);
    assert_eq!(cache.segments().unwrap().len(), segments as usize);
}

fn tables(dir: &Path) -> usize {
    let files = std::fs::read_dir(dir.join("rocksdb")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "sst")).count()
}

#[test]
fn what_came_in_many_runs_is_found_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(dir.path());
    add(&cache, 0..40);
    assert_found(&cache, 40);
    // Sessions as short as a checkpoint's leave no table of their own each.
    for number in 40..60 {
        add(&cache, number..number + 1);
    }
    assert_found(&cache, 60);
    assert!(tables(dir.path()) <= 10, "{}", tables(dir.path()));
    drop(cache);
    assert_found(&open(dir.path()), 60);
}

#[test]
fn what_is_added_twice_stands_once() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(dir.path());
    add(&cache, 0..3);
    add(&cache, 0..4);
    let (_, same) = segment(2);
    let mut again = vec![(SegmentId::new([9; 32]), same.clone()), (SegmentId::new([8; 32]), same)];
    cache.add(|| Ok(again.pop())).unwrap();
    assert_eq!(cache.segments().unwrap().len(), 6);
    let mut packs = Vec::new();
    cache
        .each_pack(|number, pack| {
            packs.push((number.0, pack.size));
            Ok(())
        })
        .unwrap();
    assert_eq!(packs, [(0, 1000), (1, 1001), (2, 1002), (3, 1003)]);
}

#[test]
fn a_fill_that_failed_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(dir.path());
    let mut numbers = 0..20;
    let failed = cache.add(|| match numbers.next() {
        Some(number) => Ok(Some(segment(number))),
        None => Err(RepoError::Aborted),
    });
    assert!(matches!(failed, Err(RepoError::Aborted)), "{failed:?}");
    assert_found(&cache, 20);
    drop(cache);
    let cache = open(dir.path());
    add(&cache, 0..30);
    assert_found(&cache, 30);
}

#[test]
fn a_segment_whose_rows_were_not_taken_in_is_not_marked() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(dir.path());
    // Where a run is written before it is taken in, something is in the way from some segment on.
    let in_the_way = dir.path().join("run.sst");
    let mut numbers = 0..40;
    let failed = cache.add(|| {
        let number = numbers.next();
        if number == Some(20) {
            std::fs::create_dir(&in_the_way).unwrap();
        }
        Ok(number.map(segment))
    });
    assert!(matches!(failed, Err(RepoError::Cache { .. })), "{failed:?}");
    let marked = cache.segments().unwrap().len();
    assert!((1..20).contains(&marked), "{marked}");
    assert_found(&cache, u32::try_from(marked).unwrap());
    std::fs::remove_dir(&in_the_way).unwrap();
    add(&cache, 0..40);
    assert_found(&cache, 40);
}
