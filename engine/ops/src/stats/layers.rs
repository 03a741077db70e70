//! Layers of a repository: what made those that are stored as their content, what these take, and why
//! others are stored as they are.

use std::collections::BTreeMap;

use dtrvault_codec::layer::made_by;
use dtrvault_format::limits::{MAX_LAYER_KINDS, MAX_LONG_REPLAY_BYTES};
use dtrvault_format::{BlobRecord, LayersPart, Recipe, Replay, StreamRef};
use dtrvault_repo::read::{Reader, Shares};

use crate::error::Result;
use crate::layers::{DeepTotal, LayerReport, LayerTotal, OTHER_KINDS};

/// What made a layer whose replay this program cannot read.
const UNKNOWN_ENCODER: &str = "unknown";

/// Gzip blobs of one encoder that are stored as their content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct EncoderStats {
    /// How many, and how long.
    #[serde(flatten)]
    pub layers: DeepTotal,
    /// What their chunks take in the packs, when that was asked for. A chunk that layers of several
    /// encoders have is counted once, for the first of these by name.
    pub stored_bytes: Option<u64>,
}

/// Counts gzip blobs by what made them.
pub(super) struct Encoders<'a> {
    reader: &'a Reader,
    shares: Option<Shares<'a>>,
    /// Places in `totals`. Names come from recipes, so there are only so many.
    numbers: BTreeMap<String, u32>,
    totals: Vec<DeepTotal>,
}

impl<'a> Encoders<'a> {
    /// Also counts what they take, when there are `shares`.
    pub(super) fn new(reader: &'a Reader, shares: Option<Shares<'a>>) -> Self {
        Self { reader, shares, numbers: BTreeMap::new(), totals: Vec::new() }
    }

    /// One more blob, if it is one of them.
    pub(super) fn add(&mut self, blob: &BlobRecord) -> dtrvault_repo::Result<()> {
        let Recipe::Gzip { replay, .. } = &blob.recipe else { return Ok(()) };
        let (encoder, content_bytes) = match replay {
            Replay::Short(replay) => made_by(replay),
            Replay::Long(stream) => made_by(&read(self.reader, stream)?),
        }
        .unwrap_or_default();
        let name = encoder.map_or_else(|| UNKNOWN_ENCODER.to_owned(), |encoder| encoder.to_string());
        let next = self.numbers.len();
        let number = match self.numbers.get(&name) {
            Some(number) => *number,
            None => {
                let name = if next < MAX_LAYER_KINDS - 1 { name } else { OTHER_KINDS.to_owned() };
                *self.numbers.entry(name).or_insert(u32::try_from(next).unwrap_or(u32::MAX))
            }
        };
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        if place == self.totals.len() {
            self.totals.push(DeepTotal::default());
        }
        if let Some(total) = self.totals.get_mut(place) {
            total.add(1, blob.size, content_bytes);
        }
        match &mut self.shares {
            Some(shares) => shares.add(number, &blob.recipe),
            None => Ok(()),
        }
    }

    /// By name.
    pub(super) fn finish(self) -> Result<BTreeMap<String, EncoderStats>> {
        let mut names: Vec<(String, u32)> = self.numbers.into_iter().collect();
        names.sort_by_key(|(_, number)| *number);
        let names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        let stored = self.shares.map(|shares| shares.finish(&names)).transpose()?;
        let stored = |place: usize| stored.as_ref().and_then(|stored| stored.get(place).copied());
        let totals = names.into_iter().zip(self.totals).enumerate();
        Ok(totals
            .map(|(place, (name, layers))| (name, EncoderStats { layers, stored_bytes: stored(place) }))
            .collect())
    }
}

fn read(reader: &Reader, replay: &StreamRef) -> dtrvault_repo::Result<Vec<u8>> {
    let mut chunks = reader.stream(replay)?;
    let mut bytes = Vec::new();
    // A longer one is none, and does not say what made it.
    while (bytes.len() as u64) < MAX_LONG_REPLAY_BYTES {
        let chunk = chunks.next_chunk()?;
        if chunk.is_empty() {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Why gzip blobs were stored as they are, as snapshots say.
#[derive(Default)]
pub(super) struct Reasons {
    pub(super) totals: BTreeMap<String, LayerTotal>,
    /// Snapshots of image content that do not say.
    pub(super) silent_snapshots: u64,
}

impl Reasons {
    /// What one more snapshot says, which has image content.
    pub(super) fn add(&mut self, part: Option<&LayersPart>) {
        let Some(part) = part else {
            self.silent_snapshots += 1;
            return;
        };
        for (reason, more) in LayerReport::from(part).opaque {
            let is_new = !self.totals.contains_key(&reason);
            let is_full = self.totals.len() >= MAX_LAYER_KINDS - 1;
            let reason = if is_new && is_full { OTHER_KINDS.to_owned() } else { reason };
            self.totals.entry(reason).or_default().add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use dtrvault_format::OpaqueLayers;

    use super::*;

    fn part(reasons: impl IntoIterator<Item = String>) -> LayersPart {
        let opaque =
            reasons.into_iter().map(|reason| OpaqueLayers { reason, blobs: 1, blob_bytes: u64::MAX });
        LayersPart { opaque: opaque.collect(), ..LayersPart::default() }
    }

    #[test]
    fn reasons_of_all_snapshots_add_up_and_stay_few() {
        let mut reasons = Reasons::default();
        reasons.add(None);
        for round in 0..3 {
            reasons.add(Some(&part((0..MAX_LAYER_KINDS).map(|n| format!("{:05}", n + round * 200)))));
        }
        assert_eq!(reasons.silent_snapshots, 1);
        assert_eq!(reasons.totals.len(), MAX_LAYER_KINDS);
        let blobs: u64 = reasons.totals.values().map(|total| total.blobs).sum();
        assert_eq!(blobs, 3 * MAX_LAYER_KINDS as u64);
        assert_eq!(reasons.totals.get("00200").map(|total| (total.blobs, total.bytes)), Some((2, u64::MAX)));
    }
}
