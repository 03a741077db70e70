//! Layers: how often one is read, how it is stored each time, and what became of all.

use std::collections::BTreeMap;

use dtrvault_codec::layer::{Encoder, Refusal};
use dtrvault_format::limits::MAX_LAYER_KINDS;
use dtrvault_format::{DeepLayers, LayersPart, OpaqueLayers};

use crate::content::{Apart, Depth, Opaque};

/// Encoders that are found and turn out to be wrong, until it is given up.
const MAX_WRONG_ENCODERS: usize = 3;
/// What stands for the last encoders, or reasons, where there are more than are told apart.
pub(crate) const OTHER_KINDS: &str = "others";

/// How layers are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layers {
    /// As what they hold, wherever it is certain that they come back bit for bit.
    #[default]
    Deep,
    /// As they are: faster, and larger.
    Raw,
}

/// What became of the gzip blobs that a snapshot has read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LayerReport {
    /// Those that were stored as their content, by what made them.
    pub deep: BTreeMap<String, DeepTotal>,
    /// Those that were stored as they are although they were to be taken apart, by why.
    pub opaque: BTreeMap<String, LayerTotal>,
}

/// Gzip blobs that are stored as their content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeepTotal {
    /// How many.
    pub blobs: u64,
    /// Their lengths added up.
    #[serde(rename = "blob_bytes")]
    pub bytes: u64,
    /// Lengths of their content added up.
    pub content_bytes: u64,
}

/// Some gzip blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LayerTotal {
    /// How many.
    pub blobs: u64,
    /// Their lengths added up.
    #[serde(rename = "blob_bytes")]
    pub bytes: u64,
}

impl LayerTotal {
    /// These and others.
    pub(crate) fn add(&mut self, more: Self) {
        // Numbers in snapshots are claims of whoever wrote them.
        self.blobs = self.blobs.saturating_add(more.blobs);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

impl DeepTotal {
    /// These and others.
    pub(crate) fn add(&mut self, blobs: u64, bytes: u64, content_bytes: u64) {
        // So are lengths in records.
        self.blobs = self.blobs.saturating_add(blobs);
        self.bytes = self.bytes.saturating_add(bytes);
        self.content_bytes = self.content_bytes.saturating_add(content_bytes);
    }
}

impl LayerReport {
    pub(crate) fn add(&mut self, layer: TriedLayer) {
        match layer.outcome {
            Ok(Apart { encoder, content_len }) => {
                self.deep.entry(encoder.to_string()).or_default().add(1, layer.size, content_len);
            }
            Err(opaque) => {
                let more = LayerTotal { blobs: 1, bytes: layer.size };
                self.opaque.entry(opaque.reason().to_owned()).or_default().add(more);
            }
        }
    }

    /// All that were stored as their content.
    #[must_use]
    pub fn all_deep(&self) -> DeepTotal {
        let mut sum = DeepTotal::default();
        self.deep.values().for_each(|total| sum.add(total.blobs, total.bytes, total.content_bytes));
        sum
    }

    /// All that were stored as they are.
    #[must_use]
    pub fn all_opaque(&self) -> LayerTotal {
        let mut sum = LayerTotal::default();
        self.opaque.values().for_each(|total| sum.add(*total));
        sum
    }

    /// As a snapshot keeps it. Encoders have parameters, so there may be more of them than it tells apart.
    pub(crate) fn to_part(&self) -> LayersPart {
        let mut told: BTreeMap<&str, DeepTotal> = BTreeMap::new();
        let own_names = if self.deep.len() > MAX_LAYER_KINDS { MAX_LAYER_KINDS - 1 } else { MAX_LAYER_KINDS };
        for (number, (encoder, total)) in self.deep.iter().enumerate() {
            let name = if number < own_names { encoder } else { OTHER_KINDS };
            told.entry(name).or_default().add(total.blobs, total.bytes, total.content_bytes);
        }
        let deep = told.into_iter().map(|(encoder, total)| DeepLayers {
            encoder: encoder.to_owned(),
            blobs: total.blobs,
            blob_bytes: total.bytes,
            content_bytes: total.content_bytes,
        });
        let opaque = self.opaque.iter().map(|(reason, total)| OpaqueLayers {
            reason: reason.clone(),
            blobs: total.blobs,
            blob_bytes: total.bytes,
        });
        LayersPart { deep: deep.collect(), opaque: opaque.collect() }
    }
}

impl From<&LayersPart> for LayerReport {
    fn from(part: &LayersPart) -> Self {
        let deep = part.deep.iter().map(|deep| {
            let DeepLayers { encoder, blobs, blob_bytes: bytes, content_bytes } = deep.clone();
            (encoder, DeepTotal { blobs, bytes, content_bytes })
        });
        let opaque = part.opaque.iter().map(|opaque| {
            let OpaqueLayers { reason, blobs, blob_bytes: bytes } = opaque.clone();
            (reason, LayerTotal { blobs, bytes })
        });
        Self { deep: deep.collect(), opaque: opaque.collect() }
    }
}

/// A gzip blob that was to be stored as its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TriedLayer {
    /// Its length, bytes.
    pub(crate) size: u64,
    /// What it was taken apart into, or why it is stored as it is.
    pub(crate) outcome: Result<Apart, Opaque>,
}

/// The tries for one blob.
pub(crate) struct Tries {
    layers: Layers,
    wrong: Vec<Encoder>,
    opaque: Option<Opaque>,
    /// What the progress knows of, bytes.
    pub(crate) reported_bytes: u64,
}

impl Tries {
    pub(crate) fn new(layers: Layers) -> Self {
        Self { layers, wrong: Vec::new(), opaque: None, reported_bytes: 0 }
    }

    /// How to store it this time.
    pub(crate) fn depth(&self) -> Depth<'_> {
        match self.layers {
            Layers::Deep => Depth::Deep(&self.wrong),
            Layers::Raw => Depth::Raw,
        }
    }

    /// Whether it is still to be stored as its content.
    pub(crate) fn is_deep(&self) -> bool {
        self.layers == Layers::Deep
    }

    /// It could not be stored so.
    pub(crate) fn opaque(&mut self, opaque: Opaque) {
        match &opaque {
            Opaque::Refused(Refusal::Diverged { encoder, .. }) if self.wrong.len() < MAX_WRONG_ENCODERS => {
                self.wrong.push(*encoder);
            }
            _ => self.layers = Layers::Raw,
        }
        self.opaque = Some(opaque);
    }

    /// What is to be said of it, now that it is stored; nothing of what was no gzip stream.
    pub(crate) fn layer(self, apart: Option<Apart>, size: u64) -> Option<TriedLayer> {
        let outcome = match (apart, self.opaque) {
            (Some(apart), _) => Ok(apart),
            (None, opaque) => Err(opaque?),
        };
        Some(TriedLayer { size, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(encoders: usize) -> LayerReport {
        let total = DeepTotal { blobs: 1, bytes: 10, content_bytes: 30 };
        let deep = (0..encoders).map(|n| (format!("encoder {n:04}"), total)).collect();
        let opaque = [("it is damaged".to_owned(), LayerTotal { blobs: 2, bytes: 7 })].into();
        LayerReport { deep, opaque }
    }

    #[test]
    fn a_snapshot_keeps_the_report_as_it_is() {
        for encoders in [0, 1, MAX_LAYER_KINDS] {
            assert_eq!(LayerReport::from(&report(encoders).to_part()), report(encoders));
        }
    }

    #[test]
    fn more_encoders_than_a_snapshot_tells_apart_are_put_together() {
        let report = report(MAX_LAYER_KINDS + 3);
        let kept = LayerReport::from(&report.to_part());
        assert_eq!(kept.deep.len(), MAX_LAYER_KINDS);
        assert_eq!(kept.deep.get(OTHER_KINDS).map(|total| total.blobs), Some(4));
        assert_eq!(kept.all_deep(), report.all_deep());
    }
}
