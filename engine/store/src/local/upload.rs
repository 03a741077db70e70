//! An object written in pieces: one temporary file, renamed at the end.

use super::temp::Temp;
use super::{Root, off_thread};
use crate::{Result, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::io;
use std::sync::Arc;

/// Small writes are gathered up to this before a thread is asked to write them.
const GATHER_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct LocalUpload {
    root: Arc<Root>,
    key: String,
    /// Away while it is written to, and for good when that failed or was cut off.
    temp: Option<Temp>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
}

impl LocalUpload {
    pub(super) fn new(root: Arc<Root>, key: String, temp: Temp) -> Self {
        Self { root, key, temp: Some(temp), gathered: Vec::new(), gathered_bytes: 0 }
    }

    fn take_temp(&mut self) -> Result<Temp> {
        self.temp.take().ok_or_else(|| StoreError::Io {
            key: self.key.clone(),
            source: io::Error::other("an earlier write of this upload failed"),
        })
    }

    async fn flush(&mut self) -> Result<()> {
        let temp = self.take_temp()?;
        let pieces = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let root = Arc::clone(&self.root);
        let written = off_thread(&self.key, move |key| {
            for piece in &pieces {
                root.fill(key, &temp, piece)?;
            }
            Ok(temp)
        });
        self.temp = Some(written.await?);
        Ok(())
    }
}

#[async_trait]
impl Upload for LocalUpload {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        self.gathered_bytes = self.gathered_bytes.saturating_add(data.len());
        self.gathered.push(data);
        if self.gathered_bytes >= GATHER_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush().await?;
        let temp = self.take_temp()?;
        let root = Arc::clone(&self.root);
        off_thread(&self.key, move |key| root.replace(key, temp)).await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        let temp = self.temp.take();
        off_thread(&self.key, move |_| {
            drop(temp);
            Ok(())
        })
        .await
    }
}
