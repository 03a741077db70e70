//! Where a tar was cut, for people.

use dtrvault_codec::{Ending, TarReport};
use dtrvault_format::tree::display_path;

/// Where a tar is cut, in words; `None` when it is whole.
pub(crate) fn cut_detail(report: &TarReport) -> Option<String> {
    match &report.ending {
        Ending::CutInMember { name, missing_bytes: 0, .. } => {
            Some(format!("it ends in the padding after '{}'", display_path(name)))
        }
        Ending::CutInMember { name, missing_bytes, .. } => {
            Some(format!("{missing_bytes} bytes of '{}' are missing", display_path(name)))
        }
        Ending::CutInHeader { offset } => Some(format!("it ends within the header at byte {offset}")),
        Ending::Complete | Ending::NoEndBlocks | Ending::TrailingBytes { .. } | Ending::NotTarFrom { .. } => {
            None
        }
    }
}
