//! Exit codes: what a script may rely on.

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All of it was done.
    Done,
    /// It failed.
    Failed,
    /// The command line, the environment or the configuration is wrong.
    Usage,
    /// It was done, but something could not be taken or given back as it should.
    Incomplete,
    /// There is no repository.
    NoRepository,
    /// The lease of the operation was lost, or somebody else holds one.
    Lease,
    /// Wrong password, or a key that may not do this.
    Key,
    /// Stored bytes are wrong or gone.
    Damage,
    /// A signal asked to stop.
    Interrupted,
    /// Whoever read the output has gone: as if SIGPIPE had ended the run.
    ReaderGone,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::NoRepository => 10,
            Self::Lease => 11,
            Self::Key => 12,
            Self::Damage => 13,
            Self::Interrupted => 130,
            Self::ReaderGone => 141,
        }
    }
}

/// For the end of the long help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong usage
  3    done, but incomplete: something is listed that could not be taken or given back, or that wants
       attention
  10   there is no repository
  11   the lease of this operation was lost or refused
  12   wrong password, or a key that may not do this
  13   damage was found
  130  interrupted";
