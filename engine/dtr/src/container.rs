//! A container for one command: made, and removed whatever happens.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    CreateContainerOptions, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};

use crate::engine::Engine;
use crate::error::{DtrError, Result};
use crate::leftovers::{OWNER_LABEL, Owner};
use crate::secret::Secret;

/// What is to be run.
pub(crate) struct Task {
    /// The image.
    pub(crate) image: String,
    /// The command and its flags; no secrets.
    pub(crate) arguments: Vec<String>,
    /// The environment, secrets included.
    pub(crate) variables: Vec<(String, Secret)>,
    /// Whether it is fed.
    pub(crate) fed: bool,
    /// How long it may say nothing.
    pub(crate) patience: Duration,
}

/// Removes a container unless it is told to forget it.
pub(crate) struct Removal<'a> {
    engine: &'a Engine,
    container: Option<String>,
}

impl<'a> Removal<'a> {
    pub(crate) fn of(engine: &'a Engine, container: String) -> Self {
        Self { engine, container: Some(container) }
    }

    pub(crate) fn container(&self) -> &str {
        self.container.as_deref().unwrap_or_default()
    }

    pub(crate) fn forget(mut self) -> String {
        self.container.take().unwrap_or_default()
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        if let Some(container) = &self.container {
            remove(self.engine, container);
        }
    }
}

/// Best effort: what is left all the same is found by its label when we come again.
pub(crate) fn remove(engine: &Engine, container: &str) {
    let all = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let _ = engine.handle().block_on(engine.docker().remove_container(container, Some(all)));
}

/// Makes a container; it does not run yet.
pub(crate) fn create(engine: &Engine, task: &Task, command: &str, owner: &Owner) -> Result<String> {
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(|error| DtrError::Input {
        command: "a container's name".to_owned(),
        source: io::Error::other(error),
    })?;
    let suffix: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = CreateContainerOptionsBuilder::default().name(&format!("dtrvault-{command}-{suffix}")).build();
    let body = ContainerCreateBody {
        image: Some(task.image.clone()),
        cmd: Some(task.arguments.clone()),
        env: Some(task.variables.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect()),
        // A terminal would change bytes.
        tty: Some(false),
        open_stdin: Some(task.fed),
        stdin_once: Some(task.fed),
        attach_stdin: Some(task.fed),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        labels: Some(HashMap::from([(OWNER_LABEL.to_owned(), owner.to_string())])),
        host_config: Some(HostConfig {
            // A driver would write down the stream, private keys and all.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            // Should we die, it goes as soon as it has ended.
            auto_remove: Some(true),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    make(engine, Some(name), body)
}

/// Makes a container of whatever shape, and gives its id.
pub(crate) fn make(
    engine: &Engine,
    name: Option<CreateContainerOptions>,
    body: ContainerCreateBody,
) -> Result<String> {
    let image = body.image.clone().unwrap_or_default();
    match engine.handle().block_on(engine.docker().create_container(name, body)) {
        Ok(made) => Ok(made.id),
        Err(error) if DtrError::is_absence(&error) => Err(DtrError::NoImage { image }),
        Err(error) => Err(DtrError::engine(format!("create a container of {image}"))(error)),
    }
}
