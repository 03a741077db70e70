//! `check`: whether everything that snapshots need is there, and with `read_data` whether
//! every byte of it is right; and whether every tag leads to an image. Damage is listed, and never stops
//! the search.

mod chosen;
mod made;
mod packs;
mod recipes;
mod report;
mod snapshots;
mod tags;

use std::collections::{HashMap, HashSet};

use dtrvault_format::Digest;
use dtrvault_repo::Repository;
use dtrvault_repo::read::{Lost, Reader};

pub use self::chosen::ReadData;
use self::report::of_error;
pub use self::report::{CheckReport, Damage, UnusablePack};
pub use self::tags::Unresolved;
use crate::context::Context;
use crate::error::Result;

/// Checks a repository.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], and those of a store or cache that is out of reach.
pub fn run(repo: &Repository, read_data: ReadData, context: &Context) -> Result<CheckReport> {
    repo.need_full_key()?;
    let mut check = Check {
        repo,
        reader: Reader::new(repo)?,
        context,
        report: CheckReport::default(),
        lost: Lost::default(),
        damaged_blobs: HashSet::new(),
        wrong_blobs: HashMap::new(),
    };
    for error in repo.damaged_segments().iter() {
        check.report.add(of_error(error));
    }
    for error in &repo.damaged_slots()? {
        check.report.add(of_error(error));
    }
    check.packs()?;
    if read_data != ReadData::Nothing {
        check.read_packs(read_data)?;
    }
    check.blobs()?;
    if read_data != ReadData::Nothing {
        check.wrong_blobs = made::run(&check.reader, read_data, &check.damaged_blobs, context)?;
        check.damaged_blobs.extend(check.wrong_blobs.keys());
    }
    check.snapshots()?;
    Ok(check.report)
}

struct Check<'a> {
    repo: &'a Repository,
    reader: Reader,
    context: &'a Context,
    report: CheckReport,
    /// Packs that are missing or have the wrong size, and what else cannot be had.
    lost: Lost,
    /// Blobs that cannot be made.
    damaged_blobs: HashSet<Digest>,
    /// Those among them whose recipes give something else, and how.
    wrong_blobs: HashMap<Digest, String>,
}
