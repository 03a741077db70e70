//! Repositories that die: at a store call, in each way that a call can go wrong, and what must
//! be true afterwards.

use std::sync::Arc;

use bytes::Bytes;
use dtrvault_format::{BlobRecord, Digest, Recipe, Role, SnapshotId, StreamRef};
use dtrvault_repo::keys::NewSlot;
use dtrvault_repo::write::Class;
use dtrvault_repo::{Repository, Result};
use dtrvault_store::Store;
use dtrvault_store::fault::{Faults, Faulty, Reach};

use super::{Vault, contents, memory, noise, read_out, store, store_of};

/// A second password.
pub const SECOND: &[u8] = b"second";

/// How a call goes wrong, and whether the write takes place all the same.
const WAYS: [(Reach, bool); 5] = [
    (Reach::Everything, false),
    (Reach::Everything, true),
    (Reach::Space, false),
    (Reach::OneCall, false),
    (Reach::OneCall, true),
];

/// How it went, and what to go on with.
pub struct Crash {
    /// Whether the operation said that it was done, and died over the leftovers.
    pub done: bool,
    /// The cache of the dead one, or by turns a new one.
    pub either_cache: &'static str,
    pub other_cache: &'static str,
}

/// A repository before the operation that dies.
pub struct Base {
    pub objects: Vec<(String, Bytes)>,
    pub snapshots: Vec<(SnapshotId, StreamRef, Vec<u8>)>,
}

impl Base {
    /// `build` makes the repository and gives its snapshots with their bytes.
    pub fn new(build: impl FnOnce(&Vault, &dyn Store) -> Vec<(SnapshotId, StreamRef, Vec<u8>)>) -> Self {
        let store = memory();
        let vault = Vault::on(Arc::clone(&store));
        vault.create().unwrap();
        let snapshots = build(&vault, &*store);
        let objects = vault.runtime.block_on(contents(&*store));
        Self { objects, snapshots }
    }

    pub fn with_two_snapshots() -> Self {
        Self::new(|vault, _| take_snapshots(&vault.open(), 0..2))
    }

    /// Two full keys: [`super::PASSWORD`] and [`SECOND`].
    pub fn with_two_keys() -> Self {
        Self::new(|vault, _| {
            let repo = vault.open();
            repo.key_add(SECOND, &full_slot()).unwrap();
            take_snapshots(&repo, 0..1)
        })
    }

    /// Every snapshot of the base can be read to its end.
    pub fn assert_own_whole(&self, repo: &Repository, when: &str) {
        for (id, stream, bytes) in &self.snapshots {
            assert_eq!(repo.snapshot(id).unwrap().images.unwrap().tree, *stream, "{when}");
            let (read, error) = read_out(repo, stream);
            assert!(error.is_none() && read == *bytes, "{when}: {error:?}");
        }
    }

    /// So can every snapshot of the base, and every other that is listed.
    pub fn assert_whole(&self, repo: &Repository, when: &str) {
        self.assert_own_whole(repo, when);
        let listed = repo.snapshots().unwrap();
        assert!(listed.damaged.is_empty(), "{when}: {:?}", listed.damaged);
        for (_, snapshot) in listed.sound {
            let tree = snapshot.images.unwrap().tree;
            let (read, error) = read_out(repo, &tree);
            assert!(error.is_none() && read.len() as u64 == tree.len, "{when}: {error:?}");
        }
    }

    /// Runs `operation` against copies of the repository, one for each of its store calls and each
    /// of [`WAYS`], with a fault from that call on; then `afterwards` with the copy, free of
    /// faults. Gives the number of calls.
    pub fn crash_everywhere(
        &self,
        operation: impl Fn(&Vault) -> Result<()>,
        afterwards: impl Fn(&Vault, Crash, &str),
    ) -> u64 {
        for crash_at in 1.. {
            for (crash_reach, crash_takes_place) in WAYS {
                let faults =
                    Faults { crash_at: Some(crash_at), crash_reach, crash_takes_place, ..Faults::default() };
                let (vault, inner, faulty) = self.vault_with(faults);
                let done = operation(&vault);
                let Some(died_in) = faulty.calls().get(crash_at as usize - 1).cloned() else {
                    done.unwrap();
                    return crash_at - 1;
                };
                let no_other_way = match crash_reach {
                    Reach::Space => died_in.verb.needs_space(),
                    _ => !crash_takes_place || died_in.verb.is_write(),
                };
                if !no_other_way {
                    continue;
                }
                let vault = vault.after_its_end(inner);
                let when = format!("call {crash_at}, {died_in}, {crash_reach:?}, done: {crash_takes_place}");
                let mut caches = ["cache", "fresh cache"];
                caches.rotate_left((crash_at % 2) as usize);
                let [either_cache, other_cache] = caches;
                afterwards(&vault, Crash { done: done.is_ok(), either_cache, other_cache }, &when);
            }
        }
        unreachable!()
    }

    /// A copy of the repository behind faults, the store without them, and with them.
    pub fn vault_with(&self, faults: Faults) -> (Vault, Arc<dyn Store>, Arc<Faulty>) {
        let vault = Vault::on(memory());
        let inner = vault.runtime.block_on(store_of(&self.objects));
        let faulty = Arc::new(Faulty::new(Arc::clone(&inner), faults));
        (Vault::on(faulty.clone()), inner, faulty)
    }
}

/// Every pack of the store has its name in the index.
pub fn assert_all_named(repo: &Repository, when: &str) {
    repo.each_stored_pack(|pack| {
        assert!(repo.index().pack_number(&pack.id)?.is_some(), "{when}: {} has no name", pack.id);
        Ok(())
    })
    .unwrap();
}

pub fn take_snapshots(
    repo: &Repository,
    seeds: std::ops::Range<u64>,
) -> Vec<(SnapshotId, StreamRef, Vec<u8>)> {
    seeds
        .map(|seed| {
            let bytes = noise(seed, 150_000);
            let (id, stream) = store(repo, Class::Fine, &bytes);
            (id, stream, bytes)
        })
        .collect()
}

pub fn full_slot() -> NewSlot {
    NewSlot { role: Role::Full, label: String::new(), argon2: dtrvault_crypto::floor() }
}

pub fn blob(digest: u8, stream: StreamRef) -> BlobRecord {
    BlobRecord { digest: Digest::new([digest; 32]), size: stream.len, recipe: Recipe::Plain(stream) }
}

/// Bytes of all packs.
pub fn size(vault: &Vault) -> u64 {
    let objects = vault.contents();
    objects.iter().filter(|(key, _)| key.starts_with("packs/")).map(|(_, bytes)| bytes.len() as u64).sum()
}
