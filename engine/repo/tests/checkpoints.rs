//! Checkpoints while other threads go on: no blob is named in the index before its chunks are.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Vault, memory, noise, snapshot_of, write};
use dtrvault_format::{BlobRecord, Digest, Recipe, StreamRef};
use dtrvault_repo::Repository;
use dtrvault_repo::write::{Class, Session};

/// Threads that record blobs: more than there are cores, so that a checkpoint is interrupted
/// anywhere.
const WRITERS: u64 = 8;
const WRITER_BLOBS: u64 = 40;
const CHECKPOINTS: u64 = 80;

/// Stores blobs of one chunk each, others for every `seed`.
fn record_blobs(session: &Session, seed: u64) {
    for number in 0..WRITER_BLOBS {
        let bytes = noise(seed * WRITER_BLOBS + number, 300);
        let stream = write(session, Class::Fine, &bytes);
        let digest = Digest::new(blake3::hash(&bytes).into());
        session.record_blob(BlobRecord { digest, size: stream.len, recipe: Recipe::Plain(stream) });
    }
}

/// Counts the blobs in the index, and those among them whose chunk is not there.
fn count_blobs(repo: &Repository) -> (usize, usize) {
    let mut roots = Vec::new();
    repo.index()
        .each_blob(|blob| {
            roots.extend(blob.recipe.streams().filter_map(|stream| stream.root));
            Ok(())
        })
        .unwrap();
    let lost = roots.iter().filter(|root| repo.index().locate(root).unwrap().is_none());
    (roots.len(), lost.count())
}

#[test]
fn a_blob_recorded_during_a_checkpoint_is_not_named_before_its_chunks() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let repo = vault.open();
    let session = repo.session("test").unwrap();
    for checkpoint in 0..CHECKPOINTS {
        let mut seeds = (1 + checkpoint * (WRITERS + 1)..).take(WRITERS as usize + 1);
        let own = seeds.next().unwrap();
        std::thread::scope(|scope| {
            for seed in seeds {
                let session = &session;
                scope.spawn(move || record_blobs(session, seed));
            }
            record_blobs(&session, own);
            session.checkpoint().unwrap();
        });
        let (named, lost) = count_blobs(&repo);
        assert_eq!(lost, 0, "of {named} blobs after checkpoint {checkpoint}");
    }
    session.commit(|_| snapshot_of(StreamRef::EMPTY)).unwrap();
    let all = CHECKPOINTS * (WRITERS + 1) * WRITER_BLOBS;
    assert_eq!(count_blobs(&repo), (all as usize, 0));
}
