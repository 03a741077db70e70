//! Packs as they stand in the store: directories and frames, read back and checked.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use dtrvault_crypto::{KeyRing, PackOpener};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_PACK_BYTES;
use dtrvault_format::names::Named;
use dtrvault_format::pack::{HEADER_BYTES, TRAILER_BYTES};
use dtrvault_format::{Directory, FormatError, PackHeader, PackId, SegmentPack, names};

use crate::backend::check_name;
use crate::error::{RepoError, Result};
use crate::index::{PackInfo, PackNo, PackSet};
use crate::read::LostPart;
use crate::repository::Repository;

/// A pack as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPack {
    /// Its name.
    pub id: PackId,
    /// Length of the object, bytes.
    pub size: u64,
}

/// Packs of the store and of the index, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// Packs in the index.
    pub packs: u64,
    /// Packs in the store that the index does not name.
    pub unreferenced_packs: u64,
    /// Their lengths.
    pub unreferenced_bytes: u64,
}

/// What reading a pack's every byte has shown.
#[derive(Debug, Default)]
pub struct PackReport {
    /// What is wrong with it; nothing when it is sound.
    pub damage: Vec<RepoError>,
    /// What cannot be had from it.
    pub lost: Vec<LostPart>,
    /// What was asked for is not what the pack's own directory, which can be read, says.
    pub is_contradicted: bool,
}

/// Reads the directory out of the last bytes of a pack.
pub(crate) fn parse_tail(ring: &KeyRing, header: &PackHeader, tail: &[u8]) -> Result<Directory> {
    let short = RepoError::SelfCheck { detail: "it is shorter than its directory" };
    let Some((rest, trailer)) = tail.split_last_chunk::<TRAILER_BYTES>() else { return Err(short) };
    let len = ring.open_trailer(header, trailer)? as usize;
    let Some(at) = rest.len().checked_sub(len) else { return Err(short) };
    let plain = ring.open_directory(header, rest.get(at..).unwrap_or_default())?;
    Ok(Directory::from_bytes(&plain)?)
}

impl Repository {
    /// Calls `visit` for every pack in the store; foreign objects are passed over.
    ///
    /// # Errors
    /// Those of `visit` and of the store.
    pub fn each_stored_pack(&self, mut visit: impl FnMut(StoredPack) -> Result<()>) -> Result<()> {
        self.backend().each(names::PACKS, |object| match PackId::from_key(&object.key) {
            Some(id) => visit(StoredPack { id, size: object.size }),
            None => Ok(()),
        })
    }

    /// Holds the packs of the store against those of the index. `lacking` is told of each pack
    /// of the index that the store lacks, or has with the wrong length, which is given then.
    ///
    /// # Errors
    /// Those of `lacking`, of the store and of the cache.
    pub fn compare_packs(
        &self,
        mut lacking: impl FnMut(PackNo, &PackInfo, Option<u64>) -> Result<()>,
    ) -> Result<Stock> {
        let mut stock = Stock::default();
        let mut there = PackSet::default();
        let mut wrong: HashMap<PackNo, u64> = HashMap::new();
        self.each_stored_pack(|stored| {
            let number = self.index().pack_number(&stored.id)?;
            let known = number.map(|number| self.index().pack(number)).transpose()?.flatten();
            match number.zip(known) {
                None => {
                    stock.unreferenced_packs += 1;
                    stock.unreferenced_bytes += stored.size;
                }
                Some((number, known)) if known.size == stored.size => {
                    there.insert(number);
                }
                Some((number, _)) => {
                    wrong.insert(number, stored.size);
                }
            }
            Ok(())
        })?;
        self.index().each_pack(|number, pack| {
            stock.packs += 1;
            if there.contains(number) { Ok(()) } else { lacking(number, &pack, wrong.get(&number).copied()) }
        })?;
        Ok(stock)
    }

    /// Reads the directory of a pack from the store, with three short requests.
    ///
    /// # Errors
    /// Those of damage, and those of the store.
    pub fn pack_directory(&self, pack: StoredPack) -> Result<(PackHeader, Directory)> {
        let key = pack.id.key();
        let malformed = |source| RepoError::Malformed { key: key.clone(), source };
        let unsealed = |source| RepoError::Unsealed { key: key.clone(), source };
        let least = (HEADER_BYTES + TRAILER_BYTES) as u64;
        if pack.size < least || pack.size > MAX_PACK_BYTES {
            return Err(malformed(FormatError::Invalid { what: "pack", detail: "impossible size" }));
        }
        let range = |offset, len| self.backend().wait(self.backend().store().get_range(&key, offset, len));
        let header = PackHeader::from_bytes(&range(0, HEADER_BYTES as u64)?).map_err(malformed)?;
        let trailer = range(pack.size - TRAILER_BYTES as u64, TRAILER_BYTES as u64)?;
        let trailer = trailer.as_ref().try_into().map_err(|_| {
            malformed(FormatError::Invalid { what: "pack", detail: "shorter than its trailer" })
        })?;
        let len = u64::from(self.ring().open_trailer(&header, trailer).map_err(unsealed)?);
        let at = pack.size.checked_sub(TRAILER_BYTES as u64 + len).filter(|at| *at >= HEADER_BYTES as u64);
        let at = at.ok_or_else(|| {
            malformed(FormatError::Invalid { what: "pack", detail: "shorter than its directory" })
        })?;
        let plain = self.ring().open_directory(&header, &range(at, len)?).map_err(unsealed)?;
        let directory = Directory::from_bytes(&plain).map_err(malformed)?;
        let frames: u64 = directory.frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
        if HEADER_BYTES as u64 + frames != at {
            return Err(malformed(FormatError::Invalid {
                what: "pack",
                detail: "the frames of its directory do not fill it",
            }));
        }
        Ok((header, directory))
    }

    /// Reads every byte of a pack and opens everything in it. What is wrong is in the report;
    /// an error is only what keeps the pack out of reach.
    ///
    /// # Errors
    /// Those of the store other than absence, and [`RepoError::NeedsFullKey`].
    pub fn scrub_pack(&self, pack: &SegmentPack) -> Result<PackReport> {
        self.need_full_key()?;
        let mut report = PackReport::default();
        let bytes = match self.backend().get(&pack.id.key(), MAX_PACK_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => {
                report.lost.push(LostPart::Whole);
                report.damage.push(error);
                return Ok(report);
            }
            Err(error) => return Err(error),
        };
        report.damage.extend(check_name(&pack.id, &bytes).err());
        // A directory that cannot be read is damage by the name of the pack already.
        let own = PackHeader::from_bytes(&bytes)
            .ok()
            .and_then(|header| Some((header, parse_tail(self.ring(), &header, &bytes).ok()?)));
        report.is_contradicted = own.is_some_and(|(header, directory)| {
            header != pack.header || directory.frames != pack.frames || bytes.len() as u64 != pack.size
        });
        let opener = match self.ring().open_pack(&pack.header) {
            Ok(opener) => opener,
            Err(source) => {
                report.lost.push(LostPart::Whole);
                report.damage.push(RepoError::Unsealed { key: pack.id.key(), source });
                return Ok(report);
            }
        };
        let mut offset = HEADER_BYTES;
        for (number, frame) in (0..).zip(&pack.frames) {
            let end = offset.saturating_add(frame.stored_len as usize);
            let stored = bytes.get(offset..end).unwrap_or_default();
            offset = end;
            match self.check_frame(&opener, pack.id, number, stored, frame) {
                Ok(lost) if lost.is_empty() => {}
                Ok(lost) => {
                    let detail = format!("holds {} chunks that are not what their ids say", lost.len());
                    report.damage.push(RepoError::DamagedFrame { pack: pack.id, frame: number, detail });
                    report.lost.extend(lost);
                }
                Err(error) => {
                    report.lost.push(LostPart::Frame(number));
                    report.damage.push(error);
                }
            }
        }
        Ok(report)
    }

    /// Opens one frame; gives those chunks that do not have their ids.
    fn check_frame(
        &self,
        opener: &PackOpener,
        pack: PackId,
        number: u32,
        stored: &[u8],
        frame: &dtrvault_format::FrameEntry,
    ) -> Result<Vec<LostPart>> {
        let plain_len = usize::try_from(frame.plain_len()).unwrap_or(usize::MAX);
        let plain = open_frame(opener, pack, number, stored.into(), plain_len)?;
        let mut lost = Vec::new();
        let mut rest: &[u8] = &plain;
        let mut offset = 0;
        for chunk in &frame.chunks {
            let (bytes, after) = rest.split_at_checked(chunk.len as usize).unwrap_or((rest, &[]));
            rest = after;
            if self.ring().chunk_id(bytes) != chunk.id {
                lost.push(LostPart::Chunk { frame: number, offset });
            }
            offset += chunk.len;
        }
        Ok(lost)
    }
}

/// Opens and decompresses one frame, in place where it was not compressed.
pub(crate) fn open_frame(
    opener: &PackOpener,
    pack: PackId,
    number: u32,
    mut stored: BytesMut,
    plain_len: usize,
) -> Result<Bytes> {
    let damaged = |detail: String| RepoError::DamagedFrame { pack, frame: number, detail };
    let len = opener
        .open_frame(number, &mut stored)
        .map_err(|_| damaged("cannot be opened: its bytes were changed".to_owned()))?;
    stored.truncate(len);
    dtrvault_codec::decompress(&stored.freeze(), plain_len)
        .map_err(|error| damaged(format!("cannot be decompressed: {error}")))
}
