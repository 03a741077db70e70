//! The verbs, one a file. Each takes an open repository, options, and a [`Context`] to report
//! to, and gives back what it has done as a value that can be shown or serialised.
//!
//! Nothing here knows a terminal, an environment or a command line.

mod age;
pub mod cat;
pub mod check;
mod content;
pub mod context;
pub mod diff;
pub mod dtr;
mod each_blob;
mod error;
pub mod export;
pub mod init;
pub mod key;
pub mod layer;
mod layers;
pub mod ls;
pub mod optimize;
mod pairs;
pub mod proof;
pub mod rebuild_index;
pub mod restore;
pub mod snapshot;
pub mod snapshots;
pub mod stats;

pub use age::age;
pub use context::{Cancel, Context, Progress, Quiet};
pub use error::{OpsError, Result};

// What a caller needs to build the arguments of a verb.
pub use dtrvault_dtr as cluster;
pub use dtrvault_format as format;
pub use dtrvault_registry as registry;
pub use dtrvault_repo as repo;
