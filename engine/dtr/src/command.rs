//! A command of DTR's image, and what it is run with.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use crate::container::Task;
use crate::engine::{Engine, Stop};
use crate::error::Result;
use crate::leftovers::Owner;
use crate::log::Log;
use crate::running::Running;
use crate::secret::Secret;

/// A command of DTR's image.
pub struct Command {
    /// The image.
    pub image: String,
    /// The command's name and its flags; no secrets.
    pub arguments: Vec<String>,
    pub(crate) variables: Vec<(String, Secret)>,
}

/// What a command is run with.
#[derive(Clone)]
pub struct Surroundings {
    /// Whose container it is.
    pub owner: Owner,
    /// What takes in what it says.
    pub log: Arc<Log>,
    /// Whether to go on.
    pub stop: Stop,
}

impl Command {
    /// As an operator would type it, without the environment.
    #[must_use]
    pub fn line(&self) -> String {
        format!("docker run {} {}", self.image, self.arguments.join(" "))
    }

    fn start(self, engine: &Engine, patience: Duration, around: &Surroundings, fed: bool) -> Result<Running> {
        let Self { image, arguments, variables } = self;
        let task = Task { image, arguments, variables, fed, patience };
        Running::start(engine, task, &around.owner, Arc::clone(&around.log), Arc::clone(&around.stop))
    }

    /// Starts it, and gives its standard output. The end of that comes only when it has ended well; anything else
    /// is an error of reading, with a [`crate::DtrError`] within.
    ///
    /// # Errors
    /// What the engine says.
    pub fn read(
        self,
        engine: &Engine,
        patience: Duration,
        around: &Surroundings,
    ) -> Result<impl Read + Send + use<>> {
        self.start(engine, patience, around, false)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What it says, or the engine.
    pub fn run(self, engine: &Engine, patience: Duration, around: &Surroundings) -> Result<()> {
        self.start(engine, patience, around, false)?.finish()
    }

    /// Runs it to its end, fed with all of `input`. `sent` is told of every piece.
    ///
    /// # Errors
    /// What it says, the engine, or `input`.
    pub fn feed(
        self,
        engine: &Engine,
        input: impl Read,
        sent: &dyn Fn(u64),
        patience: Duration,
        around: &Surroundings,
    ) -> Result<()> {
        let mut running = self.start(engine, patience, around, true)?;
        running.feed(input, sent)?;
        running.finish()
    }
}
