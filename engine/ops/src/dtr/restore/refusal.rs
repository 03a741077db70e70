//! Gates before a restore: what must fit, unless the operator says that it need not.

/// A gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The image is of the snapshot's minor version, but of another patch, or does not say which.
    PatchDifference,
    /// The image is of another minor version. Nothing opens this one.
    OtherVersion,
    /// The snapshot is of another UCP cluster.
    OtherCluster,
    /// The snapshot lacks something.
    Incomplete,
    /// There is too little room.
    NoSpace,
    /// The snapshot's image content was kept in another way.
    OtherStorage,
    /// Versions 2.6.0 to 2.6.3 lose tags when NFS storage is given. Nothing opens this one.
    NfsLosesTags,
    /// Something stands where the new replica is to be.
    Remains,
}

impl Gate {
    /// The flag that leaves it open.
    #[must_use]
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::PatchDifference => Some("--allow-patch-difference"),
            Self::OtherCluster => Some("--allow-other-cluster"),
            Self::Incomplete => Some("--allow-incomplete"),
            Self::NoSpace => Some("--allow-little-space"),
            Self::OtherStorage => Some("--allow-other-storage"),
            Self::Remains => Some("--destroy"),
            Self::OtherVersion | Self::NfsLosesTags => None,
        }
    }
}

/// A gate that is closed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// Which.
    pub gate: Gate,
    /// What does not fit, and why that matters.
    pub reason: String,
    /// The flag that opens it.
    pub flag: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(gate: Gate, reason: String) -> Self {
        Self { gate, reason, flag: gate.flag() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.flag {
            Some(flag) => write!(f, "{} ({flag} goes on all the same)", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
