//! Volumes of the engine: made, and read or filled through a container that holds one and never runs.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::pin::Pin;

use bollard::models::{ContainerCreateBody, HostConfig, VolumeCreateRequest};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::container;
use crate::engine::{Engine, LOOK_EVERY, Stop};
use crate::error::{DtrError, Result};
use crate::leftovers::{OWNER_LABEL, Owner};
use crate::names::STORAGE_MOUNT;

/// Pieces on their way to the engine, and the longest of them, bytes.
const WAITING_PIECES: usize = 16;
const PIECE_BYTES: usize = 256 << 10;

/// Makes a volume, or finds the one of that name. Gives its folder on the engine's host.
///
/// # Errors
/// What the engine says.
pub fn make(engine: &Engine, name: &str) -> Result<PathBuf> {
    let request = VolumeCreateRequest { name: Some(name.to_owned()), ..VolumeCreateRequest::default() };
    let made = engine.wait(format!("make volume {name}"), engine.docker().create_volume(request))?;
    Ok(made.mountpoint.into())
}

/// A container that holds a volume. It is removed when this is dropped.
pub struct Holder {
    engine: Engine,
    container: String,
    stop: Stop,
}

impl Holder {
    /// Holds a volume, by a container of whatever image: nothing of it is run.
    ///
    /// # Errors
    /// [`DtrError::NoImage`]; what the engine says.
    pub fn new(
        engine: &Engine,
        image: &str,
        volume: &str,
        read_only: bool,
        owner: &Owner,
        stop: Stop,
    ) -> Result<Self> {
        let mode = if read_only { ":ro" } else { "" };
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(vec!["none".to_owned()]),
            labels: Some(HashMap::from([(OWNER_LABEL.to_owned(), owner.to_string())])),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{volume}:{STORAGE_MOUNT}{mode}")]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let container = container::make(engine, None, body)?;
        Ok(Self { engine: engine.clone(), container, stop })
    }

    /// A tar of what is at `path` below the volume's root; the first component of its names is the path's last.
    /// An empty path gives the whole volume.
    #[must_use]
    pub fn tar(&self, path: &str) -> TarStream {
        let at = format!("{STORAGE_MOUNT}/{path}");
        let options = DownloadFromContainerOptionsBuilder::default().path(&at).build();
        let docker = self.engine.docker().clone();
        let container = self.container.clone();
        let stream = futures::stream::once(async move { (docker, container, options) }).flat_map(
            |(docker, container, options)| docker.download_from_container(&container, Some(options)).boxed(),
        );
        TarStream {
            engine: self.engine.clone(),
            stream: Box::pin(stream),
            piece: Bytes::new(),
            stop: self.stop.clone(),
        }
    }

    /// Whether there is something at `path` below the volume's root.
    ///
    /// # Errors
    /// What the engine says.
    pub fn has(&self, path: &str) -> Result<bool> {
        let at = format!("{STORAGE_MOUNT}/{path}");
        let options = ContainerArchiveInfoOptionsBuilder::default().path(&at).build();
        let call = self.engine.docker().get_container_archive_info(&self.container, Some(options));
        match self.engine.handle().block_on(call) {
            Ok(_) => Ok(true),
            Err(error) if DtrError::is_absence(&error) => Ok(false),
            Err(error) => Err(DtrError::engine("look into a volume")(error)),
        }
    }

    /// Puts what a tar holds below the volume's root; `write` writes the tar.
    ///
    /// # Errors
    /// What the engine says; within the result, what `write` says.
    pub fn fill<T, E>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> std::result::Result<T, E>,
    ) -> Result<std::result::Result<T, E>> {
        let (pieces, waiting) = mpsc::channel(WAITING_PIECES);
        let options = UploadToContainerOptionsBuilder::default().path(STORAGE_MOUNT).build();
        let body = futures::stream::unfold(waiting, |mut waiting| async {
            waiting.recv().await.map(|piece| (piece, waiting))
        });
        let docker = self.engine.docker().clone();
        let container = self.container.clone();
        let upload = self.engine.handle().spawn(async move {
            docker.upload_to_container(&container, Some(options), bollard::body_try_stream(body)).await
        });
        let mut pipe = Pipe { pieces, engine: self.engine.clone(), closed: false };
        let written = write(&mut pipe);
        if written.is_err() {
            // A tar that merely ends would be taken for a whole one.
            let cut = Err(io::ErrorKind::UnexpectedEof.into());
            let _ = self.engine.handle().block_on(pipe.pieces.send(cut));
        }
        let closed = pipe.closed;
        drop(pipe);
        let uploaded = self.engine.handle().block_on(upload);
        match (written, uploaded) {
            // Whatever was written since it was closed failed for that reason.
            (Err(error), _) if !closed => Ok(Err(error)),
            (_, Ok(Err(error))) => Err(DtrError::engine("fill a volume")(error)),
            (written, _) => Ok(written),
        }
    }
}

/// Goes to the engine piece by piece.
struct Pipe {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    engine: Engine,
    closed: bool,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes.get(..bytes.len().min(PIECE_BYTES)).unwrap_or_default());
        let count = piece.len();
        if self.engine.handle().block_on(self.pieces.send(Ok(piece))).is_err() {
            self.closed = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        container::remove(&self.engine, &self.container);
    }
}

/// A tar that the engine makes.
pub struct TarStream {
    engine: Engine,
    stream: Pin<Box<dyn Stream<Item = std::result::Result<Bytes, bollard::errors::Error>> + Send>>,
    piece: Bytes,
    stop: Stop,
}

impl Read for TarStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !out.is_empty() {
            if (self.stop)() {
                return Err(DtrError::Interrupted.into());
            }
            let next = self.stream.next();
            match self.engine.handle().block_on(async { timeout(LOOK_EVERY, next).await }) {
                Err(_) => {}
                Ok(None) => return Ok(0),
                Ok(Some(Ok(piece))) => self.piece = piece,
                Ok(Some(Err(error))) => return Err(DtrError::engine("read a volume")(error).into()),
            }
        }
        let count = out.len().min(self.piece.len());
        let piece = self.piece.split_to(count);
        if let Some(out) = out.get_mut(..count) {
            out.copy_from_slice(&piece);
        }
        Ok(count)
    }
}
