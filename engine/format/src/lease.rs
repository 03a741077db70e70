//! Leases: that an operation is running, and until when to believe it.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::{Object, at_most};
use crate::limits::MAX_TEXT_BYTES;
use crate::time::Time;

/// A lease. Renewing it writes a new object, then removes the old one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Lease {
    /// The running operation, the same in every renewal.
    #[n(0)]
    #[serde(skip)]
    pub run: ByteArray<16>,
    /// The verb that runs.
    #[n(1)]
    pub operation: String,
    /// The host it runs on.
    #[n(2)]
    pub host: String,
    /// Its process there.
    #[n(3)]
    pub pid: u32,
    /// Which boot of that host; empty where the system does not tell.
    #[n(4)]
    pub boot: String,
    /// When the operation began.
    #[n(5)]
    pub started: Time,
    /// When the lease ends unless it is renewed.
    #[n(6)]
    pub expires: Time,
}

impl Object for Lease {
    const WHAT: &'static str = "lease";

    fn validate(&self) -> Result<(), FormatError> {
        for (field, text) in [("operation", &self.operation), ("host", &self.host), ("boot", &self.boot)] {
            at_most(Self::WHAT, field, text.len(), MAX_TEXT_BYTES)?;
        }
        if self.started.is_valid() && self.expires.is_valid() {
            Ok(())
        } else {
            Err(FormatError::Invalid { what: Self::WHAT, detail: "impossible time" })
        }
    }
}
