//! A real Docker Engine of the tests' own. It shares nothing with the machine's, and is gone with
//! the test program, however that ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::Run;
use crate::certificates::Authority;

mod root;
mod subnet;

pub use root::{with_engine, with_own_engine};
use subnet::Subnet;

/// Starts and ends the daemons; see there.
const KEEPER: &str = include_str!("engine/keeper.sh");

/// A running `dockerd`; stopped, with all its containers and folders, when dropped.
pub struct DockerEngine {
    folder: PathBuf,
    subnet: Subnet,
    port: u16,
    keeper: Child,
    /// The keeper cleans up when this is closed, by a drop or by the end of this process.
    open: Option<ChildStdin>,
}

impl DockerEngine {
    /// The one of this test program, for as long as some test holds it. Needs root:
    /// see [`with_engine`].
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<DockerEngine>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let engine = Arc::new(Self::start());
            *shared = Arc::downgrade(&engine);
            engine
        })
    }

    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start() -> Self {
        // One of this process sees the addresses of the one before it.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        // The keeper deletes it: this process may not live to do so.
        let folder = tempfile::Builder::new().prefix("dvt-").tempdir().unwrap().keep();
        let subnet = Subnet::free();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write_certificates(&folder.join("certificates"));
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args([subnet.bridge(), subnet.gateway_and_bits(), subnet.pool(), port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("bash");
        let open = keeper.stdin.take();
        let mut said = String::new();
        let mut output = BufReader::new(keeper.stdout.take().unwrap());
        output.read_line(&mut said).unwrap();
        if said.trim_end() != "ready" {
            output.read_to_string(&mut said).unwrap();
            panic!("no Docker Engine (`make packages` installs it; root is needed): {said}");
        }
        Self { folder, subnet, port, keeper, open }
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Its unix socket as a value of `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its TLS port as a value of `DOCKER_HOST`; it takes clients with a certificate of
    /// [`Self::certificates`] only.
    pub fn tcp_host(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// A value of `DOCKER_CERT_PATH`: a folder with `ca.pem`, `cert.pem`, `key.pem`.
    pub fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    /// Where containers reach this process.
    pub fn gateway(&self) -> Ipv4Addr {
        self.subnet.gateway()
    }

    /// The folder that holds a volume's files, be there such a volume or not.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.volumes().join(name).join("_data")
    }

    /// The folder of all volumes: `/var/lib/docker/volumes` of a usual engine.
    pub fn volumes(&self) -> PathBuf {
        self.folder.join("data/volumes")
    }

    /// The `docker` client, set to this engine.
    pub fn command(&self) -> Command {
        let mut command = Command::new("docker");
        for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG"] {
            command.env_remove(name);
        }
        command.env("DOCKER_HOST", self.host());
        command
    }

    /// Runs the `docker` client, however it ends.
    ///
    /// # Panics
    ///
    /// When there is no client.
    pub fn try_docker<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        self.docker_with(args, b"")
    }

    /// Runs the `docker` client with this as its standard input, however it ends.
    ///
    /// # Panics
    ///
    /// When there is no client.
    pub fn docker_with<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Run {
        let line = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker; `make packages` installs it");
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Who refuses its input closes it; that is told by its exit code.
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        Run::new(format!("docker {line}"), output)
    }

    /// Runs the `docker` client, which must succeed; gives what it printed, without the last newline.
    #[track_caller]
    pub fn docker<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.try_docker(args).ok().text().trim_end().to_owned()
    }

    /// Makes an image of a tar of its file system. `changes` are lines of a Dockerfile.
    #[track_caller]
    pub fn import(&self, image: &str, tar: &[u8], changes: &[String]) {
        let mut args = vec!["import".to_owned()];
        args.extend(changes.iter().flat_map(|change| ["--change".to_owned(), change.clone()]));
        args.extend(["-".to_owned(), image.to_owned()]);
        self.docker_with(&args, tar).ok();
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        drop(self.open.take());
        let _ = self.keeper.wait();
    }
}

fn write_certificates(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let authority = Authority::new("engine of a test");
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let server = authority.server(&[Ipv4Addr::LOCALHOST]);
    server.write(&folder.join("server-cert.pem"), &folder.join("server-key.pem"));
    authority.client().write(&folder.join("cert.pem"), &folder.join("key.pem"));
}
