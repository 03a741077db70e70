//! `check`: whether everything that snapshots need is there, and with `read_data` whether
//! every byte of it is right. Damage is listed, and never stops the search.

mod made;

use std::collections::{HashMap, HashSet};

use dtrvault_format::names::Named;
use dtrvault_format::tree::path_as_text;
use dtrvault_format::{
    ChunkId, Content, Digest, Kind, PackId, Recipe, SegmentId, SegmentPack, Snapshot, SnapshotId,
};
use dtrvault_repo::read::Reader;
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
        gone: HashSet::new(),
        lost: HashSet::new(),
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
    /// Packs that are missing or have the wrong size.
    gone: HashSet<PackId>,
    /// Chunks that cannot be had.
    lost: HashSet<ChunkId>,
    /// Blobs that cannot be made.
    damaged_blobs: HashSet<Digest>,
    /// Those among them whose recipes give something else, and how.
    wrong_blobs: HashMap<Digest, String>,
}

impl Check<'_> {
    /// Holds the packs of the store against those of the index.
    fn packs(&mut self) -> Result<()> {
        self.context.progress.stage("packs", None);
        let mut stored: HashMap<PackId, u64> = HashMap::new();
        self.repo.each_stored_pack(|pack| {
            stored.insert(pack.id, pack.size);
            Ok(())
        })?;
        let mut gone: HashSet<PackId> = HashSet::new();
        self.repo.index().each_pack(|_, pack| {
            self.report.packs += 1;
            let detail = match stored.remove(&pack.id) {
                Some(size) if size == pack.size => return Ok(()),
                Some(size) => format!("the pack has {size} bytes, and should have {}", pack.size),
                None => "the pack is missing".to_owned(),
            };
            gone.insert(pack.id);
            self.report.add(of_object(pack.id.key(), detail));
            Ok(())
        })?;
        self.report.unreferenced_packs = stored.len() as u64;
        self.report.unreferenced_bytes = stored.values().fold(0, |sum, size| sum.saturating_add(*size));
        if gone.is_empty() {
            return Ok(());
        }
        let mut lost = HashSet::new();
        self.each_segment_pack(self.context, |_, pack, _| {
            if gone.contains(&pack.id) {
                lost.extend(chunks(&pack));
            }
            Ok(())
        })?;
        self.lost = lost;
        self.gone = gone;
        Ok(())
    }

    /// Calls `visit` for each pack of each segment that can be read, each once; and once more for
    /// each segment that says otherwise about it, with `true`.
    fn each_segment_pack(
        &self,
        context: &Context,
        mut visit: impl FnMut(&SegmentId, SegmentPack, bool) -> Result<()>,
    ) -> Result<()> {
        let mut seen: HashMap<PackId, blake3::Hash> = HashMap::new();
        for id in self.repo.segment_ids()? {
            context.proceed()?;
            let segment = match self.repo.segment(&id) {
                // It is in the report already.
                Err(error) if error.is_damage() => continue,
                segment => segment?,
            };
            for pack in segment.packs {
                let said = blake3::hash(&dtrvault_format::cbor::encode(&pack));
                match seen.insert(pack.id, said) {
                    None => visit(&id, pack, false)?,
                    Some(before) if before != said => visit(&id, pack, true)?,
                    Some(_) => {}
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
        let mut lost = HashSet::new();
        let index = self.repo.index();
        self.each_segment_pack(self.context, |segment, pack, otherwise| {
            if otherwise {
                let detail = format!("it says otherwise about pack {} than another segment does", pack.id);
                report.add(of_object(segment.key(), detail));
            } else if !self.gone.contains(&pack.id) && is_chosen(pack.id.as_bytes(), which)? {
                let found = self.repo.scrub_pack(&pack)?;
                report.read_packs += 1;
                report.read_bytes += pack.size;
                found.damage.iter().for_each(|error| report.add(of_error(error)));
                if found.is_contradicted {
                    let detail =
                        format!("it says otherwise about pack {} than the pack's directory", pack.id);
                    report.add(of_object(segment.key(), detail));
                }
                for chunk in found.lost {
                    // The index may know another place, where it is sound.
                    let place = index.locate(&chunk)?.map(|place| index.pack(place.pack)).transpose()?;
                    if place.flatten().is_none_or(|place| place.id == pack.id) {
                        lost.insert(chunk);
                    }
                }
                self.context.progress.advance(pack.size, 1);
            }
            Ok(())
        })?;
        self.report.read_packs = report.read_packs;
        self.report.read_bytes = report.read_bytes;
        report.damage.into_iter().for_each(|damage| self.report.add(damage));
        self.lost.extend(lost);
        Ok(())
    }

    /// Follows every recipe.
    fn blobs(&mut self) -> Result<()> {
        self.context.progress.stage("blobs", None);
        let mut failed = None;
        let mut unknown = 0_u64;
        let (reader, lost, context) = (&self.reader, &self.lost, self.context);
        let (report, damaged) = (&mut self.report, &mut self.damaged_blobs);
        let walked = self.repo.index().each_blob(|blob| {
            if let Err(error) = context.proceed() {
                failed = Some(error);
                return Err(RepoError::DamagedStream { detail: "interrupted" });
            }
            report.blobs += 1;
            unknown += u64::from(matches!(blob.recipe, Recipe::Unknown { .. }));
            match recipe_damage(reader, lost, &blob.recipe, context) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    damaged.insert(blob.digest);
                }
                Err(error) => {
                    failed = Some(error);
                    return Err(RepoError::Aborted);
                }
            }
            context.progress.advance(0, 1);
            Ok(())
        });
        if unknown > 0 {
            self.context
                .progress
                .warn(&format!("{unknown} blobs were not checked: a later version wrote them"));
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(walked?),
        }
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
        let tree = recipe_damage(&self.reader, &self.lost, &Recipe::Plain(images.tree), self.context)?;
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

    /// Whether a blob that a snapshot names can be made.
    fn blob(&mut self, snapshot: SnapshotId, path: &[u8], digest: Digest, size: u64) -> Result<()> {
        let detail = match self.repo.index().blob(&digest)? {
            None => "the index does not know the blob".to_owned(),
            Some((known, _)) if known != size => {
                format!("the index says that the blob has {known} bytes, the snapshot says {size}")
            }
            Some((_, recipe)) if self.damaged_blobs.contains(&digest) => {
                match (
                    self.wrong_blobs.get(&digest),
                    recipe_damage(&self.reader, &self.lost, &recipe, self.context)?,
                ) {
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

fn recipe_damage(
    reader: &Reader,
    lost: &HashSet<ChunkId>,
    recipe: &Recipe,
    context: &Context,
) -> Result<Option<RepoError>> {
    let found = reader.recipe_damage_with(recipe, &mut |chunk| {
        // A list may name one chunk more often than anybody can count.
        if context.cancel.is_cancelled() {
            return Some(RepoError::Aborted);
        }
        lost.contains(chunk).then_some(RepoError::LostChunk { id: *chunk })
    });
    context.proceed()?;
    Ok(found?)
}

fn chunks(pack: &SegmentPack) -> impl Iterator<Item = ChunkId> + '_ {
    pack.frames.iter().flat_map(|frame| &frame.chunks).map(|chunk| chunk.id)
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
