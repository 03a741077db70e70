//! A proxy in front of a server that lets each request wait, and counts them.
//!
//! A request begins where a client speaks first, or speaks again after the server has: HTTP/1.1
//! without pipelining. What follows, header or body, is passed on as it comes, so bandwidth
//! stays what it is.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// A proxy; it listens until its process ends.
pub(crate) struct Proxy {
    port: u16,
    requests: Arc<AtomicU64>,
}

impl Proxy {
    /// Begins to pass on to `server`, each request after `delay`.
    pub(crate) fn start(server: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // A connection that fails is for client and server to complain of.
                thread::spawn(move || connect(&client, server, delay, &count));
            }
        });
        Ok(Self { port, requests })
    }

    /// Such as `http://127.0.0.1:40001`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests came since this was last asked.
    pub(crate) fn take_requests(&self) -> u64 {
        self.requests.swap(0, Ordering::Relaxed)
    }
}

fn connect(client: &TcpStream, server: SocketAddr, delay: Duration, count: &AtomicU64) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // The server's turn is over as soon as it has begun: a client that speaks has heard all.
    let answered = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            pass(client, &server, || {
                if answered.swap(false, Ordering::SeqCst) {
                    count.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(delay);
                }
            })
        });
        pass(&server, client, || answered.store(true, Ordering::SeqCst))
    })
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, before: impl Fn()) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    let passed = loop {
        match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                before();
                if let Err(error) = to.write_all(&buffer[..count]) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    // Either side may be gone already.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
    passed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_are_counted_and_not_packets() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap(), Duration::ZERO).unwrap();
        let echo = thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            let mut words = [0; 6];
            for _ in 0..3 {
                client.read_exact(&mut words).unwrap();
                client.write_all(&words).unwrap();
            }
        });
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).unwrap();
        client.set_nodelay(true).unwrap();
        for _ in 0..3 {
            let mut back = [0; 6];
            client.write_all(b"abc").unwrap();
            client.write_all(b"def").unwrap();
            client.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"abcdef");
        }
        echo.join().unwrap();
        assert_eq!(proxy.take_requests(), 3);
    }
}
