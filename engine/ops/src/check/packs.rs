//! Packs: those of the store against those of the index, and every byte in them.

use dtrvault_format::names::Named;
use dtrvault_format::{SegmentId, SegmentPack};
use dtrvault_repo::RepoError;
use dtrvault_repo::index::PackNo;
use dtrvault_repo::read::LostPart;

use super::Check;
use super::chosen::{ReadData, is_chosen};
use super::report::{CheckReport, UnusablePack, of_error, of_object};
use crate::error::{OpsError, Result};

/// Most packs without a name that are opened: each costs three requests.
const MAX_OPENED_PACKS: u64 = 1000;

impl Check<'_> {
    /// Holds the packs of the store against those of the index.
    pub(super) fn packs(&mut self) -> Result<()> {
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
        if stock.unreferenced_packs > 0 { self.open_unnamed() } else { Ok(()) }
    }

    /// Opens packs that the index does not name, as the run would that takes them in.
    fn open_unnamed(&mut self) -> Result<()> {
        let mut opened = 0;
        let walked = self.repo.each_stored_pack(|pack| {
            if opened == MAX_OPENED_PACKS || self.repo.index().pack_number(&pack.id)?.is_some() {
                return Ok(());
            }
            if self.context.cancel.is_cancelled() {
                return Err(RepoError::Aborted);
            }
            opened += 1;
            match self.repo.pack_directory(pack) {
                Err(error) if error.is_damage() => {
                    let (object, detail) = (pack.id.key(), OpsError::chain(&error));
                    self.report.unusable_packs.push(UnusablePack { object, size_bytes: pack.size, detail });
                    Ok(())
                }
                opened => opened.map(|_| ()),
            }
        });
        self.context.proceed()?;
        Ok(walked?)
    }

    /// Calls `visit` for each pack of each segment that can be read, each once; and once more for
    /// each segment that says otherwise about it, with `true`.
    fn each_segment_pack(
        &self,
        mut visit: impl FnMut(&SegmentId, PackNo, SegmentPack, bool) -> Result<()>,
    ) -> Result<()> {
        // Eight bytes a pack, by number; 0 for one that has not come yet.
        let mut said_before: Vec<u64> = Vec::new();
        for id in self.repo.segment_ids()? {
            self.context.proceed()?;
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
    pub(super) fn read_packs(&mut self, which: ReadData) -> Result<()> {
        let mut total = 0;
        self.repo.index().each_pack(|_, pack| {
            total += pack.size;
            Ok(())
        })?;
        let total = if which == ReadData::Everything { Some(total) } else { None };
        self.context.progress.stage("reading", total);
        let mut report = CheckReport::default();
        let mut lost = Vec::new();
        self.each_segment_pack(|segment, number, pack, otherwise| {
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
}

/// What a segment says about a pack, in short; never 0.
fn fingerprint(pack: &SegmentPack) -> u64 {
    let hash = blake3::hash(&dtrvault_format::cbor::encode(pack));
    hash.as_bytes().first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes).max(1))
}
