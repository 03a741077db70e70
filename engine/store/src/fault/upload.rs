//! An upload whose steps fail as the calls of a store do.

use super::{State, Verb};
use crate::{Result, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct FaultyUpload {
    pub(super) inner: Box<dyn Upload>,
    pub(super) key: String,
    pub(super) state: Arc<State>,
    /// Set by a write that failed: the upload cannot be finished any more.
    pub(super) broken: bool,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        let written = self.state.begin(Verb::Write, &self.key).run(self.inner.write(data)).await;
        self.broken |= written.is_err();
        written
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let begun = self.state.begin(Verb::Finish, &self.key);
        if self.broken {
            let source = "a write of this upload has failed".into();
            return Err(StoreError::Backend { key: self.key, source });
        }
        begun.run(self.inner.finish()).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.state.begin(Verb::Abort, &self.key).run(self.inner.abort()).await
    }
}
