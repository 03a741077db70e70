//! Keys of the objects in the store.

use crate::ids::{DoomedId, LeaseId, PackId, SegmentId, SlotId, SnapshotId};

/// Key of the config.
pub const CONFIG: &str = "config";
/// Folder of the key slots.
pub const KEYS: &str = "keys";
/// Folder of the packs.
pub const PACKS: &str = "packs";
/// Folder of the index segments.
pub const INDEX: &str = "index";
/// Folder of the snapshots.
pub const SNAPSHOTS: &str = "snapshots";
/// Folder of the leases.
pub const LEASES: &str = "leases";
/// Folder of the lists of doomed packs.
pub const DOOMED: &str = "doomed";

/// An id that names an object of the store.
pub trait Named: Sized {
    /// Key of the object with this id.
    fn key(&self) -> String;
    /// The id in a key; `None` for a foreign object.
    fn from_key(key: &str) -> Option<Self>;
}

macro_rules! named {
    ($($id:ty => $folder:expr),* $(,)?) => {$(
        impl Named for $id {
            fn key(&self) -> String {
                format!("{}/{self}", $folder)
            }

            fn from_key(key: &str) -> Option<Self> {
                key.strip_prefix($folder)?.strip_prefix('/')?.parse().ok()
            }
        }
    )*};
}

named! {
    SlotId => KEYS,
    SegmentId => INDEX,
    SnapshotId => SNAPSHOTS,
    LeaseId => LEASES,
    DoomedId => DOOMED,
}

/// `packs/<first two digits>/<id>`.
impl Named for PackId {
    fn key(&self) -> String {
        let hex = self.to_string();
        format!("{PACKS}/{}/{hex}", hex.get(..2).unwrap_or_default())
    }

    fn from_key(key: &str) -> Option<Self> {
        let (folder, hex) = key.strip_prefix(PACKS)?.strip_prefix('/')?.split_once('/')?;
        hex.starts_with(folder).then(|| hex.parse().ok()).flatten().filter(|_| folder.len() == 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_both_ways_and_foreign_names_are_no_keys() {
        let pack = PackId::new([0xab; 32]);
        assert_eq!(pack.key(), format!("packs/ab/{}", "ab".repeat(32)));
        assert_eq!(PackId::from_key(&pack.key()), Some(pack));
        assert_eq!(PackId::from_key(&format!("packs/ac/{pack}")), None);
        assert_eq!(PackId::from_key(&format!("packs/{pack}")), None);
        assert_eq!(SnapshotId::from_key("snapshots/.tmp"), None);
        assert_eq!(SegmentId::from_key(&pack.key()), None);
    }
}
