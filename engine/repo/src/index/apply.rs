//! Taking segments into the cache: their rows, and last the mark that they are there.

use std::io;

use dtrvault_format::{Segment, SegmentId};
use rocksdb::{DB, Direction, IteratorMode, WriteBatch, WriteOptions};

use super::cache::IndexCache;
use super::rows::{
    BlobRow, Location, PACK, PackInfo, PackNo, blob_key, blob_row, chunk_key, encoded, pack_id_key, pack_key,
    segment_key,
};
use crate::error::Result;

/// Rows are written in batches of about this many bytes.
const BATCH_BYTES: usize = 4 << 20;

impl IndexCache {
    /// Adds the rows of one segment, unless it is there.
    pub(super) fn add_segment(&self, db: &DB, id: SegmentId, segment: &Segment) -> Result<()> {
        // What is not flushed is lost in a crash, and so is the mark of its segment.
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        let rocks = |error: rocksdb::Error| self.rocks(&error);
        if db.get_pinned(segment_key(&id)).map_err(rocks)?.is_some() {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        for pack in &segment.packs {
            let number = match db.get_pinned(pack_id_key(&pack.id)).map_err(rocks)? {
                Some(bytes) => u32::from_le_bytes(bytes.as_ref().try_into().unwrap_or_default()),
                None => self.next_pack(db)?,
            };
            // The number is taken at once: the next pack of the segment asks for the next one.
            let mut taken = WriteBatch::default();
            taken.put(pack_key(PackNo(number)), encoded(&PackInfo::of(pack)));
            taken.put(pack_id_key(&pack.id), number.to_le_bytes());
            db.write_opt(taken, &unlogged).map_err(rocks)?;
            for (frame_no, frame) in (0..).zip(&pack.frames) {
                let mut offset = 0;
                for chunk in &frame.chunks {
                    let location = Location { pack: PackNo(number), frame: frame_no, offset, len: chunk.len };
                    batch.put(chunk_key(&chunk.id), location.to_bytes());
                    offset += chunk.len;
                }
            }
            if batch.size_in_bytes() > BATCH_BYTES {
                db.write_opt(std::mem::take(&mut batch), &unlogged).map_err(rocks)?;
            }
        }
        for blob in &segment.blobs {
            let key = blob_key(&blob.digest);
            let known = db.get_pinned(key).map_err(rocks)?.and_then(|row| blob_row(&row));
            if known.is_none_or(|known| known.recipe.rank() <= blob.recipe.rank()) {
                batch.put(key, encoded(&BlobRow { size: blob.size, recipe: blob.recipe.clone() }));
            }
        }
        // Last, so that the mark never stands without the rows: one memtable keeps their order.
        batch.put(segment_key(&id), []);
        db.write_opt(batch, &unlogged).map_err(rocks)
    }

    fn next_pack(&self, db: &DB) -> Result<u32> {
        let after_last = [PACK + 1];
        let mut rows = db.iterator(IteratorMode::From(&after_last, Direction::Reverse));
        match rows.next() {
            None => Ok(0),
            Some(Err(error)) => Err(self.rocks(&error)),
            Some(Ok((key, _))) => match key.split_first() {
                Some((&PACK, number)) => number
                    .try_into()
                    .ok()
                    .and_then(|bytes| u32::from_be_bytes(bytes).checked_add(1))
                    .ok_or_else(|| self.fail(io::Error::other("no more pack numbers"))),
                _ => Ok(0),
            },
        }
    }
}
