//! How fast chunks are looked up in the index of a repository: known ones and unknown ones, with
//! an empty cache of blocks and a filled one.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dtrvault_format::ChunkId;
use dtrvault_repo::{Backend, OpenOptions, Repository};
use dtrvault_store::StoreOptions;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: DTRVAULT_PASSWORD=… look_up REPOSITORY CACHE-FOLDER [MIB-OF-INDEX-MEMORY]";

/// Look-ups of one measurement.
const LOOK_UPS: usize = 1_000_000;

/// Chunks that the index knows, from segments all over the repository, mixed up.
fn known(repo: &Repository) -> Result<Vec<ChunkId>> {
    let segments = repo.segment_ids()?;
    let step = segments.len().div_ceil(64).max(1);
    let mut ids = Vec::new();
    for id in segments.iter().step_by(step) {
        for pack in repo.segment(id)?.packs {
            ids.extend(pack.frames.iter().flat_map(|frame| &frame.chunks).map(|chunk| chunk.id));
        }
    }
    let keep = ids.len().div_ceil(LOOK_UPS).max(1);
    let mut ids: Vec<ChunkId> = ids.into_iter().step_by(keep).collect();
    // By the end of the id, which has nothing to do with where it stands.
    ids.sort_unstable_by_key(|id| id.as_bytes().last_chunk::<8>().copied());
    Ok(ids)
}

/// Time that this thread has had of a processor, which does not depend on what else runs.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn measure(what: &str, repo: &Repository, ids: &[ChunkId]) -> Result<()> {
    let (begin, busy) = (Instant::now(), processor_time());
    let mut found = 0;
    for id in ids {
        found += usize::from(repo.index().locate(id)?.is_some());
    }
    let (took, busy) = (begin.elapsed(), processor_time() - busy);
    let a_second = |time: Duration| ids.len() as f64 / time.as_secs_f64();
    println!(
        "{what:<28} {:>9.0}/s   {:>9.0} per second of processor time   {found} of {} found",
        a_second(took),
        a_second(busy),
        ids.len()
    );
    Ok(())
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (url, cache) = args.next().zip(args.next()).ok_or(USAGE)?;
    let password = std::env::var("DTRVAULT_PASSWORD")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut options = OpenOptions::new(PathBuf::from(cache), "bench".to_owned());
    if let Some(mib) = args.next() {
        options.index_memory_bytes = mib.parse::<usize>()? << 20;
    }
    let open = || {
        let store = dtrvault_store::open(&url, &StoreOptions::default())?;
        let backend = Backend::new(store, runtime.handle().clone());
        Ok::<_, Box<dyn Error>>(Repository::open(backend, password.as_bytes(), options.clone())?)
    };
    let ids = known(&open()?)?;
    let unknown: Vec<ChunkId> =
        ids.iter().map(|id| ChunkId::new(blake3::hash(id.as_bytes()).into())).collect();
    for (kind, ids) in [("known", &ids), ("unknown", &unknown)] {
        let repo = open()?;
        measure(&format!("{kind}, nothing cached"), &repo, ids)?;
        measure(&format!("{kind}, again"), &repo, ids)?;
    }
    Ok(())
}
