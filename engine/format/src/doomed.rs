//! Packs that a prune has marked. A writer that sees one neither refers to it nor commits
//! what already does.

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::Object;
use crate::ids::PackId;
use crate::time::Time;

/// A list of packs that will be deleted when their grace time has passed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Doomed {
    /// When they were marked.
    #[n(0)]
    pub marked: Time,
    /// The packs, sorted.
    #[n(1)]
    pub packs: Vec<PackId>,
}

impl Object for Doomed {
    const WHAT: &'static str = "doomed list";

    fn validate(&self) -> Result<(), FormatError> {
        if !self.marked.is_valid() || !self.packs.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::Invalid {
                what: Self::WHAT,
                detail: "impossible time, or packs not sorted",
            });
        }
        Ok(())
    }
}
