//! Rows on their way into the cache: gathered, sorted, and taken in as one table file.
//!
//! Keys are hashes, so rows come in no order. A table that is sorted here and taken in whole
//! costs a third of what the same rows cost through RocksDB's own buffers, and is there whole or not at all.

use std::collections::BTreeMap;

use dtrvault_format::{Segment, SegmentId};
use rayon::slice::ParallelSliceMut;
use rocksdb::{Options, SstFileWriter};

use super::rows::{
    BLOB, BlobRow, CHUNK, Location, PackInfo, PackNo, ShortId, blob_key, blob_row, chunk_key, encoded,
    pack_id_key, pack_key, segment_key, short_id,
};

/// A chunk's row.
type ChunkRow = (ShortId, Location);

/// Rows of whole segments.
#[derive(Default)]
pub(super) struct Run {
    chunks: Vec<ChunkRow>,
    /// All but the chunks, by key.
    others: BTreeMap<Vec<u8>, Vec<u8>>,
    others_bytes: usize,
}

impl Run {
    /// What the rows take in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<ChunkRow>() + self.others_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.others.is_empty()
    }

    /// A row that is not a chunk's.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.others.get(key).map(Vec::as_slice)
    }

    fn put(&mut self, key: &[u8], value: Vec<u8>) {
        // What a tree's node takes beside the bytes is a guess.
        self.others_bytes += key.len() + value.len() + 96;
        self.others.insert(key.to_vec(), value);
    }

    /// Adds the rows of a segment. `known` looks into the rows of earlier runs, `next_pack`
    /// gives a number to a pack that is new.
    pub(super) fn add_segment<E>(
        &mut self,
        id: SegmentId,
        segment: &Segment,
        known: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, E>,
        mut next_pack: impl FnMut() -> Result<PackNo, E>,
    ) -> Result<(), E> {
        let look_up = |run: &Self, key: &[u8]| match run.get(key) {
            Some(row) => Ok(Some(row.to_vec())),
            None => known(key),
        };
        for pack in &segment.packs {
            let key = pack_id_key(&pack.id);
            let number = match look_up(self, &key)? {
                Some(row) => PackNo(u32::from_le_bytes(row.try_into().unwrap_or_default())),
                None => next_pack()?,
            };
            self.put(&key, number.0.to_le_bytes().to_vec());
            self.put(&pack_key(number), encoded(&PackInfo::of(pack)));
            for (frame_no, frame) in (0..).zip(&pack.frames) {
                let mut offset = 0;
                for chunk in &frame.chunks {
                    let location = Location { pack: number, frame: frame_no, offset, len: chunk.len };
                    self.chunks.push((short_id(&chunk.id), location));
                    offset += chunk.len;
                }
            }
        }
        for blob in &segment.blobs {
            let key = blob_key(&blob.digest);
            let known = look_up(self, &key)?.and_then(|row| blob_row(&row));
            if known.is_none_or(|known| known.recipe.rank() <= blob.recipe.rank()) {
                self.put(&key, encoded(&BlobRow { size: blob.size, recipe: blob.recipe.clone() }));
            }
        }
        self.put(&segment_key(&id), Vec::new());
        Ok(())
    }

    /// Writes the rows into a table file at `path`, sorted by key.
    pub(super) fn write(mut self, options: &Options, path: &std::path::Path) -> Result<(), rocksdb::Error> {
        // Where one chunk stands twice, either place is right.
        self.chunks.par_sort_unstable_by_key(|(id, _)| *id);
        self.chunks.dedup_by_key(|(id, _)| *id);
        let mut table = SstFileWriter::create(options);
        table.open(path)?;
        let mut row = Vec::new();
        for (key, value) in self.others.range(vec![BLOB]..vec![CHUNK]) {
            table.put(key, value)?;
        }
        for (id, location) in &self.chunks {
            row.clear();
            location.encode(&mut row);
            table.put(chunk_key(id), &row)?;
        }
        for (key, value) in self.others.range(vec![CHUNK]..) {
            table.put(key, value)?;
        }
        table.finish()
    }
}
