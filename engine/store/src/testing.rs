//! Real S3 and Azure servers on loopback, and a bad line before them, for the tests of this crate
//! and of others.
//!
//! The servers are moto and Azurite, installed at first use into the user's cache folder with pip
//! and npm. Each lives as long as its handle: it is killed on drop, and ends by itself when the
//! process that started it is gone, because its standard input closes.

mod proxy;

pub use proxy::{Ending, Proxy, Weather};

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const MOTO: &str = "moto[server]==5.2.5";
const AZURITE: &str = "azurite@3";

/// Serves S3 on a free port and prints it. S3 decides a conditional write atomically; moto looks
/// first and writes later, so writes go one by one.
const SERVE_S3: &str = r#"
import os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server, WSGIRequestHandler
class Quiet(WSGIRequestHandler):
    def log(self, *args): pass
app, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()
def serve(environ, start):
    if environ["REQUEST_METHOD"] != "PUT": return app(environ, start)
    with lock: return app(environ, start)
def watch():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
server = make_server("127.0.0.1", 0, serve, threaded=True, request_handler=Quiet,
    ssl_context="adhoc" if "tls" in sys.argv else None)
print("port", server.server_address[1], flush=True)
server.serve_forever()
"#;

/// Serves Azure's blobs from memory on a free port; its own greeting names the port.
const SERVE_AZURE: &str = r#"
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
require(process.env.AZURITE_HOME + "/node_modules/azurite/dist/src/blob/main.js");
"#;

/// Creates a container, signed with the shared key as the blob service wants it.
const CREATE_CONTAINER: &str = r#"
const [port, name, key] = process.argv.slice(2);
const date = new Date().toUTCString(), account = "devstoreaccount1", version = "2021-08-06";
const text = "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date + "\nx-ms-version:" + version +
  "\n/" + account + "/" + account + "/" + name + "\nrestype:container";
const mac = require("crypto").createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
fetch(`http://127.0.0.1:${port}/${account}/${name}?restype=container`, { method: "PUT", headers: {
  "x-ms-date": date, "x-ms-version": version, authorization: `SharedKey ${account}:${mac}` } })
  .then(async r => { if (!r.ok) { console.error(await r.text()); process.exit(1); } });
"#;

/// The key of the emulator's only account, public by its documentation.
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An S3 server with no buckets.
#[derive(Debug)]
pub struct S3Server {
    server: Server,
    scheme: &'static str,
}

impl S3Server {
    /// Starts one; seconds, or a minute when it has to be installed.
    pub fn start() -> io::Result<Self> {
        Self::start_scheme("http")
    }

    /// The same behind TLS, with a certificate that nobody trusts.
    pub fn start_tls() -> io::Result<Self> {
        Self::start_scheme("https")
    }

    fn start_scheme(scheme: &'static str) -> io::Result<Self> {
        let mut command = Command::new(install_moto()?);
        command.args(["-c", SERVE_S3]);
        if scheme == "https" {
            command.arg("tls");
        }
        let server = Server::start(command, |line| line.strip_prefix("port ")?.parse().ok())?;
        Ok(Self { server, scheme })
    }

    /// Such as `http://127.0.0.1:40001`.
    pub fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.server.port)
    }

    /// A line before it.
    pub fn behind(&self, weather: Weather) -> io::Result<Proxy> {
        Proxy::start(self.server.port, weather)
    }

    /// What a client needs, as environment variables or as [`crate::StoreOptions::settings`].
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.server.port)
    }

    /// The same, by way of another port.
    pub fn environment_at(&self, port: u16) -> Vec<(String, String)> {
        let endpoint = format!("{}://127.0.0.1:{port}", self.scheme);
        pairs([
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }

    /// Creates an empty bucket; on a server without TLS only.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        let mut wire = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.port))?;
        wire.set_read_timeout(Some(Duration::from_secs(30)))?;
        let host = format!("127.0.0.1:{}", self.server.port);
        // The service is told by the name in the credential; the signature is not checked.
        write!(
            wire,
            "PUT /{name} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n"
        )?;
        let mut answer = String::new();
        wire.read_to_string(&mut answer)?;
        match answer.split_whitespace().nth(1) {
            Some("200") => Ok(()),
            _ => Err(io::Error::other(format!("bucket {name} was not created: {answer}"))),
        }
    }
}

/// An Azure blob server with no containers.
#[derive(Debug)]
pub struct AzureServer {
    server: Server,
}

impl AzureServer {
    /// Starts one; seconds, or a minute when it has to be installed.
    pub fn start() -> io::Result<Self> {
        let home = install_azurite()?;
        let mut command = Command::new("node");
        command.args(["-e", SERVE_AZURE, "azurite", "--blobPort", "0"]);
        command.args(["--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]);
        command.args(["--disableTelemetry"]);
        command.env("AZURITE_HOME", &home).current_dir(&home);
        let server =
            Server::start(command, |line| line.rsplit_once("http://127.0.0.1:")?.1.trim().parse().ok())?;
        Ok(Self { server })
    }

    /// A line before it.
    pub fn behind(&self, weather: Weather) -> io::Result<Proxy> {
        Proxy::start(self.server.port, weather)
    }

    /// What a client needs, as environment variables or as [`crate::StoreOptions::settings`].
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.server.port)
    }

    /// The same, by way of another port.
    pub fn environment_at(&self, port: u16) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{port}/devstoreaccount1");
        pairs([
            ("AZURE_STORAGE_ENDPOINT", &endpoint),
            ("AZURE_ALLOW_HTTP", "true"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
            ("AZURE_STORAGE_ACCOUNT_KEY", AZURITE_KEY),
        ])
    }

    /// Creates an empty container.
    pub fn create_container(&self, name: &str) -> io::Result<()> {
        let port = self.server.port.to_string();
        let mut command = Command::new("node");
        command.args(["-e", CREATE_CONTAINER, "-", &port, name, AZURITE_KEY]);
        finish(command, "creating a container")
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A child process that answers on a port of loopback.
#[derive(Debug)]
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Waits for the line of output from which `port` can tell the port.
    fn start(mut command: Command, port: impl Fn(&str) -> Option<u16>) -> io::Result<Self> {
        let (path, errors) = file_for_errors()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started =
            command.stderr(errors).spawn().and_then(|child| Self { child, port: 0 }.listening(port));
        let words = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(&path);
        let program = command.get_program().to_string_lossy();
        started.map_err(|e| io::Error::other(format!("{program} does not serve: {e}: {words}")))
    }

    fn listening(mut self, port: impl Fn(&str) -> Option<u16>) -> io::Result<Self> {
        let output = self.child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(output).lines();
        let mut said = lines.by_ref().map_while(Result::ok);
        self.port = said
            .find_map(|line| port(&line))
            .ok_or_else(|| io::Error::other("it ended before it listened"))?;
        // Read on, or the server would stand still when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file for what a server complains of: a pipe nobody reads would make it stand still.
fn file_for_errors() -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("server-{}-{count}.err", std::process::id());
    let path = cache_dir()?.join(name);
    let file = File::create(&path)?;
    Ok((path, file))
}

/// `$XDG_CACHE_HOME/dtrvault` or `~/.cache/dtrvault`, created.
fn cache_dir() -> io::Result<PathBuf> {
    let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => Path::new(&home).join(".cache"),
        _ => return Err(io::Error::other("neither XDG_CACHE_HOME nor HOME is set")),
    };
    let dir = base.join("dtrvault");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// The Python interpreter that has moto.
fn install_moto() -> io::Result<PathBuf> {
    let venv = cache_dir()?.join("venv");
    let python = venv.join("bin/python");
    install(&venv, "bin/moto_server", || {
        let mut create = Command::new("python3");
        create.args(["-m", "venv"]).arg(&venv);
        finish(create, "python3 -m venv")?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", MOTO]);
        finish(pip, "pip install moto")
    })?;
    Ok(python)
}

/// The folder that has Azurite.
fn install_azurite() -> io::Result<PathBuf> {
    let home = cache_dir()?.join("azurite");
    fs::create_dir_all(&home)?;
    install(&home, "node_modules/.bin/azurite-blob", || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-fund", "--no-audit", AZURITE]);
        npm.arg("--prefix").arg(&home);
        finish(npm, "npm install azurite")
    })?;
    Ok(home)
}

/// Installs unless `proof` is there, one process at a time.
fn install(dir: &Path, proof: &str, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let lock = File::create(dir.with_extension("lock"))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
    if dir.join(proof).exists() {
        return Ok(());
    }
    work()
}

fn finish(mut command: Command, what: &str) -> io::Result<()> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|e| io::Error::other(format!("{what}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{what} failed: {words}")))
}
