//! What a run asks of the Docker Engine and of DTR's API, one step after the other; and a way to end it at any of them.
//!
//! A run reaches both through listeners of its own. They pass everything on as it is, but for the one step at which the
//! run is to be killed.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::dtr::Dtr;

/// On which side of a step something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It was asked for, and whoever should do it has not heard of it.
    Before,
    /// It is done, and whoever asked has not heard of that.
    After,
}

/// The listeners.
pub struct Steps {
    shared: Arc<Shared>,
    folder: tempfile::TempDir,
    api_port: u16,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    started: Condvar,
}

#[derive(Default)]
struct State {
    /// What was asked, in order: `POST /containers/create`. Of the API it shows no more than that it was asked.
    asked: Vec<String>,
    kill: Option<(usize, Moment)>,
    run: Option<Pid>,
}

impl Steps {
    /// Stands before the engine and the API of a DTR.
    ///
    /// # Panics
    ///
    /// When nothing can listen.
    pub fn before(dtr: &Dtr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared::default());
        let engine = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let socket = dtr.engine().socket();
        listen(&shared, http, move || Ok((engine.accept()?.0, UnixStream::connect(&socket)?)));
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let api_port = api.local_addr().unwrap().port();
        let place = dtr.url().trim_start_matches("https://").to_owned();
        listen(&shared, https, move || Ok((api.accept()?.0, TcpStream::connect(&place)?)));
        Self { shared, folder, api_port }
    }

    /// Lets a command do all of its steps. Gives what they were.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn of(&self, command: Command) -> Vec<String> {
        let output = self.run(command, None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.shared.lock().asked.clone()
    }

    /// Kills a command at a step. Says whether it came so far.
    pub fn kill(&self, command: Command, step: usize, moment: Moment) -> bool {
        let output = self.run(command, Some((step, moment)));
        output.status.code().is_none()
    }

    fn run(&self, mut command: Command, kill: Option<(usize, Moment)>) -> Output {
        *self.shared.lock() = State { kill, ..State::default() };
        command.env("DOCKER_HOST", format!("unix://{}", self.folder.path().join("docker.sock").display()));
        if command.get_args().any(|word| word == "--freeze") {
            command.args(["--dtr-url", &format!("https://127.0.0.1:{}", self.api_port)]);
        }
        let child = command.spawn().unwrap();
        self.shared.lock().run = Some(Pid::from_child(&child));
        self.shared.started.notify_all();
        child.wait_with_output().unwrap()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a step. Gives its number.
    fn note(&self, what: String) -> usize {
        let mut state = self.lock();
        state.asked.push(what);
        state.asked.len() - 1
    }

    fn is_to_be_killed(&self, step: usize) -> bool {
        self.lock().kill == Some((step, Moment::After))
    }

    /// Kills the run if it is to be killed now.
    fn kill_at(&self, step: usize, moment: Moment) -> bool {
        let mut state = self.lock();
        if state.kill != Some((step, moment)) {
            return false;
        }
        while state.run.is_none() {
            state = self.started.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // It may have been killed for this step already.
        if let Some(run) = state.run {
            let _ = kill_process(run, Signal::KILL);
        }
        true
    }
}

/// Sees what goes to a server, and says when that is a new request.
type Watch = Box<dyn FnMut(&[u8]) -> Option<String> + Send>;

/// Requests that are not encrypted: each begins a packet.
fn http() -> Watch {
    Box::new(|bytes| {
        let head = bytes.split(|byte| *byte == b'\r').next()?;
        let mut words = std::str::from_utf8(head).ok()?.strip_suffix(" HTTP/1.1")?.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        Some(format!("{method} {path}"))
    })
}

/// One request over TLS 1.3: what is encrypted first is the end of the handshake, then comes the request.
fn https() -> Watch {
    const ENCRYPTED: u8 = 0x17;
    let mut seen = 0;
    Box::new(move |mut bytes| {
        let before = seen;
        while let [kind, _, _, high, low, rest @ ..] = bytes {
            seen += usize::from(*kind == ENCRYPTED);
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            bytes = rest.get(length..).unwrap_or_default();
        }
        (before < 2 && seen >= 2).then(|| "the API".to_owned())
    })
}

/// Both directions of a connection.
trait Line: Read + Write + Send + Sized + 'static {
    fn twin(&self) -> io::Result<Self>;
    fn end(&self, how: Shutdown);
}

impl Line for UnixStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

impl Line for TcpStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// Serves connections as long as this process lives.
fn listen<L: Line>(
    shared: &Arc<Shared>,
    watch: fn() -> Watch,
    next: impl Fn() -> io::Result<(L, L)> + Send + 'static,
) {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        loop {
            // A server that is down just now refuses the connection, as it would without us.
            let Ok((client, server)) = next() else { continue };
            let (Ok(answers), Ok(asked)) = (server.twin(), client.twin()) else { continue };
            let step = Arc::new(Mutex::new(None));
            let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
            let (told, heard) = (Arc::clone(&step), step);
            let watch = watch();
            std::thread::spawn(move || send(&one, client, server, watch, &told));
            std::thread::spawn(move || answer(&other, answers, asked, &heard));
        }
    });
}

/// The step that a connection is at.
type At = Mutex<Option<usize>>;

fn send<L: Line>(shared: &Shared, mut client: L, mut server: L, mut watch: Watch, at: &At) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        if let Some(what) = watch(&bytes[..count]) {
            let step = shared.note(what);
            *at.lock().unwrap() = Some(step);
            if shared.kill_at(step, Moment::Before) {
                server.end(Shutdown::Both);
                return;
            }
        }
        if server.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    server.end(Shutdown::Write);
}

fn answer<L: Line>(shared: &Shared, mut server: L, mut client: L, at: &At) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        let step = at.lock().unwrap().take();
        if step.is_some_and(|step| shared.is_to_be_killed(step)) {
            // Of an encrypted answer it is not known whether it is the answer yet.
            std::thread::sleep(Duration::from_millis(100));
        }
        if step.is_some_and(|step| shared.kill_at(step, Moment::After)) {
            server.end(Shutdown::Both);
            return;
        }
        if client.write_all(&bytes[..count]).is_err() {
            // Who asked is no more.
            server.end(Shutdown::Both);
            return;
        }
    }
    client.end(Shutdown::Write);
}
