//! Volumes of the engine: made, and read or filled through a container that holds one and never runs.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;

use bollard::models::{ContainerCreateBody, HostConfig, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptions, DownloadFromContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::time::timeout;

use crate::engine::{Engine, LOOK_EVERY, Stop};
use crate::error::{DtrError, Result};
use crate::leftovers::{OWNER_LABEL, Owner};
use crate::names::STORAGE_MOUNT;

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
        let call = engine.docker().create_container(None::<CreateContainerOptions>, body);
        match engine.handle().block_on(call) {
            Ok(made) => Ok(Self { engine: engine.clone(), container: made.id, stop }),
            Err(error) if DtrError::is_absence(&error) => Err(DtrError::NoImage { image: image.to_owned() }),
            Err(error) => Err(DtrError::engine(format!("hold volume {volume}"))(error)),
        }
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

    /// Puts what a tar holds below the volume's root.
    ///
    /// # Errors
    /// What the engine says, or the tar.
    pub fn fill(&self, tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::default().path(STORAGE_MOUNT).build();
        let body = bollard::body_try_stream(tar);
        let call = self.engine.docker().upload_to_container(&self.container, Some(options), body);
        self.engine.wait("fill a volume", call)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let force = RemoveContainerOptionsBuilder::default().force(true).build();
        let call = self.engine.docker().remove_container(&self.container, Some(force));
        // What is left all the same is found by its label when we come again.
        let _ = self.engine.handle().block_on(call);
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
