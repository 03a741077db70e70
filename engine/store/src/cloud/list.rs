//! A listing that goes on where its answer broke off.

use super::Cloud;
use super::again::Tries;
use crate::{ObjectInfo, Result};
use futures::stream::{BoxStream, StreamExt};
use object_store::ObjectMeta;
use object_store::path::Path;

/// Where a listing is.
pub(super) struct Listing<'a> {
    cloud: &'a Cloud,
    /// The folder, for messages, and as the key of a marker that some tools leave for it.
    folder: String,
    root: Option<Path>,
    items: BoxStream<'static, object_store::Result<ObjectMeta>>,
    /// The last name that came.
    last: Option<Path>,
    /// Whether each name so far was greater than the one before. Only then is all that came
    /// before a name known to be what stands before it.
    ascending: bool,
    tries: Tries,
}

impl<'a> Listing<'a> {
    pub(super) fn begin(cloud: &'a Cloud, folder: &str, root: Option<Path>) -> Self {
        let items = cloud.inner.list(root.as_ref());
        let tries = cloud.patience.begin();
        Self { cloud, folder: folder.to_owned(), root, items, last: None, ascending: true, tries }
    }

    /// The next object. `None` behind the last one.
    pub(super) async fn next(&mut self) -> Option<Result<ObjectInfo>> {
        loop {
            match self.items.next().await? {
                Ok(meta) => {
                    self.ascending &= self.last.as_ref().is_none_or(|last| *last < meta.location);
                    self.last = Some(meta.location.clone());
                    // An answer that came is a new beginning.
                    self.tries = self.cloud.patience.begin();
                    let info = self.cloud.info(meta).filter(|object| object.key != self.folder);
                    if info.is_some() {
                        return info.map(Ok);
                    }
                }
                Err(broken) => {
                    let broken = self.cloud.error(&self.folder, broken);
                    let again =
                        if self.ascending { self.tries.read_again(broken).await } else { Err(broken) };
                    if let Err(error) = again {
                        return Some(Err(error));
                    }
                    self.items = match &self.last {
                        Some(last) => self.cloud.inner.list_with_offset(self.root.as_ref(), last),
                        None => self.cloud.inner.list(self.root.as_ref()),
                    };
                }
            }
        }
    }
}
