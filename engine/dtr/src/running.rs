//! A command of DTR's image while it runs in its container: fed, listened to, waited for.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use bytes::Bytes;
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::container::{Removal, Task, create, remove};
use crate::engine::{Engine, LOOK_EVERY, Stop};
use crate::error::{DtrError, Result};
use crate::leftovers::Owner;
use crate::log::Log;

/// Pieces of output that wait to be read. Each has some 32 KiB: that is what the engine reads at once.
const WAITING_PIECES: usize = 32;
/// Bytes that are sent at once.
const SENT_BYTES: usize = 256 << 10;
/// How long a container may take to end once it has closed its output.
const ENDING: Duration = Duration::from_secs(60);

/// A container that runs.
pub(crate) struct Running {
    engine: Engine,
    container: String,
    image: String,
    command: String,
    log: Arc<Log>,
    stop: Stop,
    patience: Duration,
    output: mpsc::Receiver<Event>,
    input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    pump: JoinHandle<()>,
    exit: JoinHandle<std::result::Result<i64, bollard::errors::Error>>,
    /// What is left of the piece that came last.
    piece: Bytes,
    heard: Instant,
    ended: bool,
    /// It closed its input before it had all of it.
    untaken: bool,
}

/// What comes from a container.
enum Event {
    Output(Bytes),
    /// It said something on standard error, which went into the log.
    Talk,
    /// The line is broken.
    Broken,
}

impl Running {
    /// Creates and starts a container.
    pub(crate) fn start(
        engine: &Engine,
        task: Task,
        owner: &Owner,
        log: Arc<Log>,
        stop: Stop,
    ) -> Result<Self> {
        let command = task.arguments.first().cloned().unwrap_or_default();
        // From here on it is removed whatever happens.
        let removal = Removal::of(engine, create(engine, &task, &command, owner)?);
        let container = removal.container();
        let docker = engine.docker();
        let streams = AttachContainerOptionsBuilder::default()
            .stdin(task.fed)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached =
            engine.wait("attach to a container", docker.attach_container(container, Some(streams)))?;
        // To be asked before it starts: one that has ended at once is told all the same.
        let exit = {
            let (docker, container) = (docker.clone(), container.to_owned());
            let next = WaitContainerOptionsBuilder::default().condition("next-exit").build();
            engine.handle().spawn(async move {
                let waiting = docker.wait_container(&container, Some(next));
                match Box::pin(waiting).next().await {
                    Some(Ok(answer)) => Ok(answer.status_code),
                    Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
                    Some(Err(error)) => Err(error),
                    None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                }
            })
        };
        engine.wait("start a container", docker.start_container(container, None::<StartContainerOptions>))?;
        let (events, output) = mpsc::channel(WAITING_PIECES);
        let pump = engine.handle().spawn(pump(attached.output, events, Arc::clone(&log)));
        Ok(Self {
            engine: engine.clone(),
            container: removal.forget(),
            image: task.image,
            command,
            log,
            stop,
            patience: task.patience,
            output,
            input: task.fed.then_some(attached.input),
            pump,
            exit,
            piece: Bytes::new(),
            heard: Instant::now(),
            ended: false,
            untaken: false,
        })
    }

    /// Sends all of `input`, and then the end of it. `sent` is told of every piece.
    ///
    /// A container that closes its input early has its reasons: it says them by its exit code.
    pub(crate) fn feed(&mut self, mut input: impl Read, sent: &dyn Fn(u64)) -> Result<()> {
        let Some(mut pipe) = self.input.take() else { return Ok(()) };
        let mut buffer = vec![0; SENT_BYTES];
        loop {
            let filled = match input.read(&mut buffer) {
                Ok(filled) => filled,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(DtrError::Input { command: self.command.clone(), source }),
            };
            let mut rest = buffer.get(..filled).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            while !rest.is_empty() {
                self.proceed()?;
                match self.engine.handle().block_on(async { timeout(LOOK_EVERY, pipe.write(rest)).await }) {
                    Ok(Ok(written)) => {
                        self.heard = Instant::now();
                        rest = rest.get(written..).unwrap_or_default();
                        sent(written as u64);
                        if written == 0 {
                            return self.left_over(rest, input);
                        }
                    }
                    Ok(Err(_)) => return self.left_over(rest, input),
                    // It does not read on. What it says meanwhile is a sign of life, and must not stop it.
                    Err(_) => self.listen()?,
                }
            }
        }
        // The end of the input is told by closing our half of the line.
        let closed = self.engine.handle().block_on(async { timeout(ENDING, pipe.shutdown()).await });
        drop(closed);
        Ok(())
    }

    /// Looks at what the container did not take. The padding behind a tar's end is nobody's loss.
    fn left_over(&mut self, rest: &[u8], input: impl Read) -> Result<()> {
        let mut input = input;
        let mut buffer = vec![0; SENT_BYTES];
        let mut left = rest.iter().any(|byte| *byte != 0);
        while !left {
            let filled = input.read(&mut buffer);
            let filled =
                filled.map_err(|source| DtrError::Input { command: self.command.clone(), source })?;
            if filled == 0 {
                break;
            }
            left = buffer.iter().take(filled).any(|byte| *byte != 0);
        }
        self.untaken = left;
        Ok(())
    }

    /// Takes in what has come meanwhile, and complains when nothing has for too long.
    fn listen(&mut self) -> Result<()> {
        while let Ok(event) = self.output.try_recv() {
            match event {
                // A command that is fed tells nothing on its standard output; whatever it does is no harm.
                Event::Output(_) | Event::Talk => self.heard = Instant::now(),
                Event::Broken => return Ok(()),
            }
        }
        self.complain_of_silence()
    }

    fn complain_of_silence(&self) -> Result<()> {
        if self.heard.elapsed() < self.patience {
            return Ok(());
        }
        Err(DtrError::Stalled {
            image: self.image.clone(),
            command: self.command.clone(),
            secs: self.patience.as_secs(),
            last_lines: self.log.last_lines(),
        })
    }

    fn proceed(&self) -> Result<()> {
        if (self.stop)() { Err(DtrError::Interrupted) } else { Ok(()) }
    }

    /// The next piece of its standard output; nothing at its end, which comes only once it has ended well.
    fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.ended {
            self.proceed()?;
            let event =
                self.engine.handle().block_on(async { timeout(LOOK_EVERY, self.output.recv()).await });
            match event {
                Err(_) => self.complain_of_silence()?,
                Ok(Some(Event::Output(bytes))) => {
                    self.heard = Instant::now();
                    return Ok(Some(bytes));
                }
                Ok(Some(Event::Talk)) => self.heard = Instant::now(),
                Ok(Some(Event::Broken) | None) => self.end()?,
            }
        }
        Ok(None)
    }

    /// Waits for the exit code.
    fn end(&mut self) -> Result<()> {
        self.log.end();
        let begun = Instant::now();
        let cut = || DtrError::Cut {
            image: self.image.clone(),
            command: self.command.clone(),
            last_lines: self.log.last_lines(),
        };
        let exit = loop {
            self.proceed()?;
            let exit = &mut self.exit;
            match self.engine.handle().block_on(async { timeout(LOOK_EVERY, exit).await }) {
                Ok(exit) => break exit,
                // Its output has ended, and it has not: the line is cut.
                Err(_) if begun.elapsed() > ENDING => return Err(cut()),
                Err(_) => {}
            }
        };
        self.ended = true;
        match exit {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(code)) => Err(DtrError::Failed {
                image: self.image.clone(),
                command: self.command.clone(),
                code,
                last_lines: self.log.last_lines(),
            }),
            Ok(Err(_)) | Err(_) => Err(cut()),
        }
    }

    /// Waits until it has ended well; what it says on its standard output is passed over.
    pub(crate) fn finish(mut self) -> Result<()> {
        while self.next()?.is_some() {}
        if self.untaken {
            return Err(DtrError::Untaken {
                image: self.image.clone(),
                command: self.command.clone(),
                last_lines: self.log.last_lines(),
            });
        }
        Ok(())
    }
}

/// Its standard output. The end of it is the end of a container that has ended well; anything else is
/// an error, a [`DtrError`] within.
impl Read for Running {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.piece.is_empty() {
            match self.next()? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
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

impl Drop for Running {
    fn drop(&mut self) {
        self.pump.abort();
        self.exit.abort();
        remove(&self.engine, &self.container);
    }
}

type Attached =
    Pin<Box<dyn futures::Stream<Item = std::result::Result<LogOutput, bollard::errors::Error>> + Send>>;

async fn pump(mut attached: Attached, events: mpsc::Sender<Event>, log: Arc<Log>) {
    while let Some(said) = attached.next().await {
        let event = match said {
            Ok(LogOutput::StdOut { message }) => Event::Output(message),
            Ok(LogOutput::StdErr { message } | LogOutput::StdIn { message }) => {
                log.write(&message);
                Event::Talk
            }
            // Without a terminal every piece says which stream it is of: this is half of one.
            Ok(LogOutput::Console { .. }) | Err(_) => Event::Broken,
        };
        let broken = matches!(event, Event::Broken);
        if events.send(event).await.is_err() || broken {
            return;
        }
    }
}
