//! `check`: whether everything that snapshots need is there, and with `read_data` whether
//! every byte of it is right. Damage is listed, and never stops the search.

mod made;

use std::collections::{HashMap, HashSet};

use dtrvault_format::names::Named;
use dtrvault_format::tree::path_as_text;
use dtrvault_format::{Content, Digest, Kind, Recipe, SegmentId, SegmentPack, Snapshot, SnapshotId};
use dtrvault_repo::index::PackNo;
use dtrvault_repo::read::{Lost, LostPart, Reader};
use dtrvault_repo::{RepoError, Repository};

use crate::content::open_tree;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Most memory that the list of damage takes, bytes.
const MAX_LISTED_BYTES: usize = 32 << 20;

/// Which packs are read, byte by byte, and which blobs are made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum ReadData {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// So many in a hundred, chosen by chance.
    Percent(f64),
    /// The `part`-th of `parts` parts, counted from 1: all parts together are everything.
    Part {
        /// Which.
        part: u32,
        /// Of how many.
        parts: u32,
    },
}

/// Something that is damaged.
#[derive(Debug, serde::Serialize)]
pub struct Damage {
    /// The object of the store that is at fault, where it is one.
    pub object: Option<String>,
    /// The snapshot that cannot be restored whole because of it.
    pub snapshot: Option<SnapshotId>,
    /// The path in that snapshot.
    #[serde(serialize_with = "optional_path")]
    pub path: Option<Vec<u8>>,
    /// The blob that cannot be made.
    pub blob: Option<Digest>,
    /// What is wrong.
    pub detail: String,
}

#[allow(clippy::ref_option, reason = "serde's own signature")]
fn optional_path<S: serde::Serializer>(path: &Option<Vec<u8>>, s: S) -> std::result::Result<S::Ok, S::Error> {
    match path {
        Some(path) => path_as_text(path, s),
        None => s.serialize_none(),
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Default, serde::Serialize)]
pub struct CheckReport {
    /// Snapshots looked at.
    pub snapshots: u64,
    /// Entries of their trees.
    pub entries: u64,
    /// Blobs whose recipes were followed.
    pub blobs: u64,
    /// Packs in the index.
    pub packs: u64,
    /// Packs that were read.
    pub read_packs: u64,
    /// Their lengths.
    pub read_bytes: u64,
    /// Packs in the store that no index segment names. No damage: a run that was cut short
    /// leaves them, and the next one uses them again.
    pub unreferenced_packs: u64,
    /// Their lengths.
    pub unreferenced_bytes: u64,
    /// What is damaged, as far as memory goes.
    pub damage: Vec<Damage>,
    /// All that is damaged, counted.
    pub damage_count: u64,
    /// Lengths of what is listed.
    #[serde(skip)]
    listed_bytes: usize,
}

/// Checks a repository.
///
/// # Errors
/// [`RepoError::NeedsFullKey`], and those of a store or cache that is out of reach.
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

impl Check<'_> {
    /// Holds the packs of the store against those of the index.
    fn packs(&mut self) -> Result<()> {
        self.context.progress.stage("packs", None);
        let stock = self.repo.compare_packs(|number, pack, size| {
            let detail = match size {
                Some(size) => format!("the pack has {size} bytes, and should have {}", pack.size),
                None => "the pack is missing".to_owned(),
            };
            self.lost.add(number, LostPart::Whole);
            self.report.add(of_object(pack.id.key(), detail));
            Ok(())
        })?;
        self.report.packs = stock.packs;
        self.report.unreferenced_packs = stock.unreferenced_packs;
        self.report.unreferenced_bytes = stock.unreferenced_bytes;
        Ok(())
    }

    /// Calls `visit` for each pack of each segment that can be read, each once; and once more for
    /// each segment that says otherwise about it, with `true`.
    fn each_segment_pack(
        &self,
        context: &Context,
        mut visit: impl FnMut(&SegmentId, PackNo, SegmentPack, bool) -> Result<()>,
    ) -> Result<()> {
        // Eight bytes a pack, by number; 0 for one that has not come yet.
        let mut said_before: Vec<u64> = Vec::new();
        for id in self.repo.segment_ids()? {
            context.proceed()?;
            let segment = match self.repo.segment(&id) {
                // It is in the report already.
                Err(error) if error.is_damage() => continue,
                segment => segment?,
            };
            for pack in segment.packs {
                // One that is not in the index was added after the repository was opened.
                let Some(number) = self.repo.index().pack_number(&pack.id)? else { continue };
                let at = usize::try_from(number.0).unwrap_or(usize::MAX);
                if at >= said_before.len() {
                    said_before.resize(at.saturating_add(1), 0);
                }
                let said = fingerprint(&pack);
                match said_before.get_mut(at) {
                    Some(before @ 0) => {
                        *before = said;
                        visit(&id, number, pack, false)?;
                    }
                    Some(before) if *before != said => visit(&id, number, pack, true)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Reads packs, and everything in them.
    fn read_packs(&mut self, which: ReadData) -> Result<()> {
        let mut total = 0;
        self.repo.index().each_pack(|_, pack| {
            total += pack.size;
            Ok(())
        })?;
        let total = if which == ReadData::Everything { Some(total) } else { None };
        self.context.progress.stage("reading", total);
        let mut report = CheckReport::default();
        let mut lost = Vec::new();
        self.each_segment_pack(self.context, |segment, number, pack, otherwise| {
            if otherwise {
                let detail = format!("it says otherwise about pack {} than another segment does", pack.id);
                report.add(of_object(segment.key(), detail));
            } else if !self.lost.has_pack(number) && is_chosen(pack.id.as_bytes(), which)? {
                let found = self.repo.scrub_pack(&pack)?;
                report.read_packs += 1;
                report.read_bytes += pack.size;
                found.damage.iter().for_each(|error| report.add(of_error(error)));
                if found.is_contradicted {
                    let detail =
                        format!("it says otherwise about pack {} than the pack's directory", pack.id);
                    report.add(of_object(segment.key(), detail));
                }
                lost.extend(found.lost.into_iter().map(|part| (number, part)));
                self.context.progress.advance(pack.size, 1);
            }
            Ok(())
        })?;
        self.report.read_packs = report.read_packs;
        self.report.read_bytes = report.read_bytes;
        report.damage.into_iter().for_each(|damage| self.report.add(damage));
        lost.into_iter().for_each(|(number, part)| self.lost.add(number, part));
        Ok(())
    }

    /// Follows every recipe.
    fn blobs(&mut self) -> Result<()> {
        self.context.progress.stage("blobs", None);
        let mut unknown = 0_u64;
        let (context, damaged) = (self.context, &mut self.damaged_blobs);
        let is_cancelled = || context.cancel.is_cancelled();
        let mut recipes = self.reader.recipes(&self.lost, &is_cancelled);
        let mut done = |digest: Digest, sound: bool| {
            if !sound {
                damaged.insert(digest);
            }
            context.progress.advance(0, 1);
            Ok(())
        };
        let blobs = &mut self.report.blobs;
        let walked = self.repo.index().each_blob(|blob| {
            if is_cancelled() {
                return Err(RepoError::Aborted);
            }
            *blobs += 1;
            unknown += u64::from(matches!(blob.recipe, Recipe::Unknown { .. }));
            recipes.add(blob.digest, &blob.recipe, &mut done)
        });
        let walked = walked.and_then(|()| recipes.finish(&mut done));
        if unknown > 0 {
            self.context
                .progress
                .warn(&format!("{unknown} blobs were not checked: a later version wrote them"));
        }
        context.proceed()?;
        Ok(walked?)
    }

    fn snapshots(&mut self) -> Result<()> {
        self.context.progress.stage("snapshots", None);
        let snapshots = self.repo.snapshots()?;
        for (id, error) in &snapshots.damaged {
            let damage = Damage { snapshot: Some(*id), ..of_error(error) };
            self.report.add(damage);
        }
        for (id, snapshot) in &snapshots.sound {
            self.report.snapshots += 1;
            self.snapshot(*id, snapshot)?;
        }
        // What no snapshot names is damage all the same: the next snapshot would rely on it.
        let named: HashSet<Digest> = self.report.damage.iter().filter_map(|damage| damage.blob).collect();
        for digest in self.damaged_blobs.difference(&named) {
            let wrong = self.wrong_blobs.get(digest).map_or("the blob cannot be made", String::as_str);
            let detail = format!("{wrong}; no snapshot needs it");
            self.report.add(Damage { blob: Some(*digest), ..of_detail(detail) });
        }
        Ok(())
    }

    fn snapshot(&mut self, id: SnapshotId, snapshot: &Snapshot) -> Result<()> {
        if let Some(part) = &snapshot.metadata {
            self.blob(id, part.name.as_bytes(), part.digest, part.size)?;
        }
        let Some(images) = &snapshot.images else { return Ok(()) };
        let tree = self.recipe_damage(&Recipe::Plain(images.tree))?;
        if let Some(error) = tree {
            let detail = format!("its tree cannot be read: {}", OpsError::chain(&error));
            self.report.add(Damage { snapshot: Some(id), ..of_detail(detail) });
            return Ok(());
        }
        let mut entries = 0;
        for entry in open_tree(&self.reader, &id, snapshot)? {
            self.context.proceed()?;
            let entry = match entry {
                Err(error) if error.is_damage() => {
                    let detail = OpsError::chain(&error);
                    self.report.add(Damage { snapshot: Some(id), ..of_detail(detail) });
                    return Ok(());
                }
                entry => entry?,
            };
            entries += 1;
            self.report.entries += 1;
            if let Kind::File(file) = &entry.kind
                && let Content::Blob(digest) = file.content
            {
                self.blob(id, &entry.path, digest, file.size)?;
            }
        }
        if entries != images.entries {
            let detail = format!("its tree has {entries} entries, and should have {}", images.entries);
            self.report.add(Damage { snapshot: Some(id), ..of_detail(detail) });
        }
        Ok(())
    }

    fn recipe_damage(&self, recipe: &Recipe) -> Result<Option<RepoError>> {
        let found = self.reader.recipe_damage(recipe, &self.lost, &|| self.context.cancel.is_cancelled());
        self.context.proceed()?;
        Ok(found?)
    }

    /// Whether a blob that a snapshot names can be made.
    fn blob(&mut self, snapshot: SnapshotId, path: &[u8], digest: Digest, size: u64) -> Result<()> {
        let detail = match self.repo.index().blob(&digest)? {
            None => "the index does not know the blob".to_owned(),
            Some((known, _)) if known != size => {
                format!("the index says that the blob has {known} bytes, the snapshot says {size}")
            }
            Some((_, recipe)) if self.damaged_blobs.contains(&digest) => {
                match (self.wrong_blobs.get(&digest), self.recipe_damage(&recipe)?) {
                    (Some(wrong), _) => wrong.clone(),
                    (None, Some(error)) => OpsError::chain(&error),
                    (None, None) => "the blob cannot be made".to_owned(),
                }
            }
            Some(_) => return Ok(()),
        };
        self.report.add(Damage {
            object: None,
            snapshot: Some(snapshot),
            path: Some(path.to_vec()),
            blob: Some(digest),
            detail,
        });
        Ok(())
    }
}

/// What a segment says about a pack, in short; never 0.
fn fingerprint(pack: &SegmentPack) -> u64 {
    let hash = blake3::hash(&dtrvault_format::cbor::encode(pack));
    hash.as_bytes().first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes).max(1))
}

/// Whether a pack or blob is among those to be read.
fn is_chosen(id: &[u8; 32], which: ReadData) -> Result<bool> {
    let [a, b, c, d, ..] = *id;
    Ok(match which {
        ReadData::Nothing => false,
        ReadData::Everything => true,
        // Ids are hashes, so they fall into parts evenly.
        ReadData::Part { part, parts } => u32::from_be_bytes([a, b, c, d]) % parts.max(1) + 1 == part,
        ReadData::Percent(percent) => {
            let mut chance = [0; 4];
            getrandom::fill(&mut chance).map_err(RepoError::Randomness)?;
            f64::from(u32::from_le_bytes(chance)) / f64::from(u32::MAX) * 100.0 < percent
        }
    })
}

fn of_detail(detail: String) -> Damage {
    Damage { object: None, snapshot: None, path: None, blob: None, detail }
}

fn of_object(object: String, detail: String) -> Damage {
    Damage { object: Some(object), ..of_detail(detail) }
}

/// Damage that an error tells of, with the object that it names.
fn of_error(error: &RepoError) -> Damage {
    Damage { object: error.object(), ..of_detail(OpsError::chain(error)) }
}

impl CheckReport {
    /// One more. The list ends where it would fill the memory: a lost pack may be needed by every
    /// path of every snapshot.
    fn add(&mut self, damage: Damage) {
        self.damage_count += 1;
        let path_bytes = damage.path.as_ref().map_or(0, Vec::len);
        self.listed_bytes += size_of::<Damage>() + path_bytes + damage.detail.len();
        if self.listed_bytes <= MAX_LISTED_BYTES {
            self.damage.push(damage);
        }
    }

    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage_count == 0
    }
}
