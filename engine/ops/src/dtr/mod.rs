//! The verbs on a whole DTR: metadata and images in one snapshot, and both of them back.

mod api;
mod choose;
mod frozen;
mod last;
pub mod restore;
pub mod snapshot;
pub mod status;

use dtrvault_dtr::Stop;

use crate::context::Context;
use crate::error::OpsError;

pub use api::ApiAccess;
pub use choose::Chosen;
pub use last::LastSnapshot;

/// What the engine of a DTR asks when it waits.
fn stop(context: &Context) -> Stop {
    let cancel = context.cancel.clone();
    std::sync::Arc::new(move || cancel.is_cancelled())
}

impl From<dtrvault_dtr::DtrError> for OpsError {
    fn from(error: dtrvault_dtr::DtrError) -> Self {
        match error {
            dtrvault_dtr::DtrError::Interrupted => Self::Interrupted,
            error => Self::Dtr(error),
        }
    }
}
