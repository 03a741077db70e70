//! A tar that is split, with proof that it can be joined again.

use crate::tar_proof::{JoinProof, Proven};
use crate::tar_report::TarReport;
use crate::tar_skeleton::SplitSink;
use crate::tar_split::TarSplitter;

/// A [`TarSplitter`] that follows what it writes, and holds what that gives against what it took.
#[derive(Debug, Default)]
pub struct ProvenTarSplitter {
    splitter: TarSplitter,
    proof: JoinProof,
}

impl ProvenTarSplitter {
    /// A splitter at the start of an archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the archive. Fails only as the sink does, and is lost then.
    pub fn push<S: SplitSink>(&mut self, data: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.proof.input(data);
        self.splitter.push(data, &mut Proven { proof: &mut self.proof, sink })
    }

    /// Ends the archive: the last bytes for the sink, and what it was; nothing if what was written does
    /// not give it back.
    pub fn finish<S: SplitSink>(mut self, sink: &mut S) -> Result<Option<TarReport>, S::Error> {
        let report = self.splitter.finish(&mut Proven { proof: &mut self.proof, sink })?;
        Ok(self.proof.holds().then_some(report))
    }
}
