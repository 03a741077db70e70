//! A real S3 server on loopback: s3s-fs when it is there, else moto, which is slow.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dtrvault_store::testing::S3Server;

const BUCKET: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with one empty bucket; it ends with its handle.
pub(crate) enum Server {
    /// s3s-fs: objects are files.
    Files { child: Child, address: SocketAddr },
    /// moto: objects are in memory.
    Moto(S3Server),
}

impl Server {
    /// Starts s3s-fs, if it is `program`, with its objects in the empty folder `objects`; else moto.
    pub(crate) fn start(program: &Path, objects: &Path) -> io::Result<Self> {
        if program.exists() { Self::start_files(program, objects) } else { Self::start_moto() }
    }

    fn start_files(program: &Path, objects: &Path) -> io::Result<Self> {
        fs::create_dir_all(objects.join(BUCKET))?;
        // Free now; another program would have to be quick to take it.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--access-key", "test", "--secret-key", "test"]).arg(objects);
        command.env("RUST_LOG", "error").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self::Files { child: command.spawn()?, address };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if begin.elapsed() > PATIENCE || server.has_ended()? {
                return Err(io::Error::other(format!("{} does not serve", program.display())));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn start_moto() -> io::Result<Self> {
        let server = S3Server::start()?;
        server.create_bucket(BUCKET)?;
        Ok(Self::Moto(server))
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        match self {
            Self::Files { child, .. } => Ok(child.try_wait()?.is_some()),
            Self::Moto(_) => Ok(false),
        }
    }

    /// Which one it is.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Files { .. } => "s3s-fs",
            Self::Moto(_) => "moto",
        }
    }

    /// Its bucket.
    #[allow(clippy::unused_self)]
    pub(crate) const fn bucket(&self) -> &'static str {
        BUCKET
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Files { address, .. } => Ok(*address),
            Self::Moto(server) => {
                server.endpoint().trim_start_matches("http://").parse().map_err(io::Error::other)
            }
        }
    }

    /// What a client needs to reach it through `endpoint`.
    #[allow(clippy::unused_self)]
    pub(crate) fn environment(&self, endpoint: &str) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Files { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
