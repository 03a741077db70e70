//! A TCP proxy on loopback that makes the way to a server slow or bad: connections that end at
//! some byte, in either direction and in every manner there is, a bound of bytes a second, and
//! a server that is gone for a while. What befalls a connection depends on the seed and on the
//! connection's number alone.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are passed on at a time.
const PIECE_BYTES: usize = 16 << 10;

/// What the kernel may hold back for a socket: little, so that a bound of speed is felt at once.
const SOCKET_BYTES: usize = 64 << 10;

/// How often somebody looks whether the proxy is still there.
const LOOK: Duration = Duration::from_millis(10);

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In good order on both sides, though in the middle of a message.
    Closed,
    /// Reset on both sides.
    Reset,
    /// The client hears that nothing more comes; what it sends is taken and thrown away.
    HalfClosed,
    /// The server is gone and the client is not told: what it sends is taken, nothing comes back.
    HalfOpen,
    /// Nothing is taken and nothing comes, on either side.
    Stalled,
}

impl Ending {
    /// Those that a client notices.
    pub const NOTICED: &'static [Self] = &[Self::Closed, Self::Reset, Self::HalfClosed];
    /// All.
    pub const ALL: &'static [Self] =
        &[Self::Closed, Self::Reset, Self::HalfClosed, Self::HalfOpen, Self::Stalled];
}

/// What befalls connections. Nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// What the dice begin with.
    pub seed: u64,
    /// How many of a hundred connections end before their time.
    pub cut_percent: u64,
    /// Each of those after fewer bytes than this, in one of the two directions.
    pub cut_within_bytes: u64,
    /// How they end; one of them for each.
    pub endings: &'static [Ending],
    /// Bytes a second of all connections together, each direction for itself.
    pub bytes_per_second: Option<u64>,
}

/// The proxy. Ends with all its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    server: u16,
    weather: Mutex<Weather>,
    /// Nobody listens: a client is refused.
    down: AtomicBool,
    over: AtomicBool,
    count: AtomicU64,
    cut: AtomicU64,
    bytes: AtomicU64,
    /// When the line is free again: upwards, downwards.
    free: [Mutex<Instant>; 2],
    open: Mutex<Vec<Arc<Wire>>>,
}

/// One connection.
#[derive(Debug)]
struct Wire {
    client: TcpStream,
    server: TcpStream,
    /// Direction and byte at which it ends, and how.
    cut: Option<(usize, u64, Ending)>,
    ended: OnceLock<Ending>,
}

const UP: usize = 0;
const DOWN: usize = 1;

impl Proxy {
    /// Before the server that listens on `server`.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn start(server: u16, weather: Weather) -> io::Result<Self> {
        let listener = listen(0)?;
        let now = Instant::now();
        let shared = Arc::new(Shared {
            port: listener.local_addr()?.port(),
            server,
            weather: Mutex::new(weather),
            down: AtomicBool::new(false),
            over: AtomicBool::new(false),
            count: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            free: [Mutex::new(now), Mutex::new(now)],
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(listener));
        Ok(Self { shared })
    }

    /// Where clients find it.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// Other weather for the connections that come.
    pub fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// How many of them were ended before their time.
    pub fn cut(&self) -> u64 {
        self.shared.cut.load(Ordering::Relaxed)
    }

    /// Bytes that it has passed on, in both directions.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Takes the server away: connections are reset, and new ones refused.
    pub fn take_down(&self) {
        self.shared.down.store(true, Ordering::SeqCst);
        self.shared.reset_all();
    }

    /// Brings it back.
    pub fn bring_up(&self) {
        self.shared.down.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.shared.reset_all();
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut listener = Some(listener);
        while !self.over.load(Ordering::SeqCst) {
            if self.down.load(Ordering::SeqCst) {
                listener = None;
            } else if listener.is_none() {
                listener = listen(self.port).ok();
            }
            match listener.as_ref().map(TcpListener::accept) {
                Some(Ok((client, _))) => {
                    let shared = Arc::clone(&self);
                    // A client whose server does not answer is let go, which it takes as a refusal.
                    thread::spawn(move || drop(shared.carry(client)));
                }
                _ => thread::sleep(LOOK),
            }
        }
    }

    fn carry(self: Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server))?;
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let cut = lock(&self.weather).cut(number);
        let wire = Arc::new(Wire { client, server, cut, ended: OnceLock::new() });
        lock(&self.open).push(Arc::clone(&wire));
        if self.down.load(Ordering::SeqCst) {
            wire.end(Ending::Reset);
        }
        let (shared, upward) = (Arc::clone(&self), Arc::clone(&wire));
        let up = thread::spawn(move || shared.pump(&upward, UP));
        self.pump(&wire, DOWN);
        let _ = up.join();
        lock(&self.open).retain(|open| !Arc::ptr_eq(open, &wire));
        Ok(())
    }

    /// Passes on what comes in one direction.
    fn pump(&self, wire: &Wire, direction: usize) {
        let (mut from, mut to) =
            if direction == UP { (&wire.client, &wire.server) } else { (&wire.server, &wire.client) };
        let cut = wire.cut.filter(|(at, ..)| *at == direction);
        let mut passed = 0;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = from.read(&mut piece).unwrap_or(0);
            let mut bytes = piece.get(..count).unwrap_or_default();
            match wire.ended.get() {
                Some(Ending::HalfClosed | Ending::HalfOpen) if direction == UP && count > 0 => continue,
                Some(Ending::Stalled) => return self.hold(wire),
                Some(_) => return,
                None => {}
            }
            if bytes.is_empty() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            let ends = cut.filter(|(_, byte, _)| passed + bytes.len() as u64 > *byte);
            if let Some((_, byte, _)) = ends {
                bytes = bytes.get(..(byte - passed) as usize).unwrap_or_default();
            }
            self.wait_for_line(direction, bytes.len());
            passed += bytes.len() as u64;
            self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            let sent = to.write_all(bytes);
            if let Some((.., ending)) = ends {
                if wire.end(ending) {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                }
                if direction == DOWN || !matches!(ending, Ending::HalfClosed | Ending::HalfOpen) {
                    return if ending == Ending::Stalled {
                        self.hold(wire)
                    };
                }
            } else if sent.is_err() {
                let _ = from.shutdown(Shutdown::Read);
                return;
            }
        }
    }

    /// Keeps a stalled connection open as long as there is a proxy.
    fn hold(&self, wire: &Wire) {
        while !self.over.load(Ordering::SeqCst) && !self.down.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
        }
        wire.reset();
    }

    /// Waits until the bytes before these have had their time.
    fn wait_for_line(&self, direction: usize, bytes: usize) {
        let Some(rate) = lock(&self.weather).bytes_per_second else { return };
        let Some(free) = self.free.get(direction) else { return };
        let until = {
            let mut free = lock(free);
            *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate as f64);
            *free
        };
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn reset_all(&self) {
        for wire in lock(&self.open).iter() {
            wire.end(Ending::Reset);
        }
    }
}

impl Wire {
    /// Ends the connection, once. Whether it was this call that did.
    fn end(&self, ending: Ending) -> bool {
        let first = self.ended.set(ending).is_ok();
        match ending {
            _ if !first => {}
            Ending::Closed => {
                let _ = self.client.shutdown(Shutdown::Both);
                let _ = self.server.shutdown(Shutdown::Both);
            }
            Ending::Reset => self.reset(),
            Ending::HalfClosed => {
                let _ = self.client.shutdown(Shutdown::Write);
                let _ = self.server.shutdown(Shutdown::Both);
            }
            Ending::HalfOpen => {
                let _ = self.server.shutdown(Shutdown::Both);
            }
            Ending::Stalled => {}
        }
        first
    }

    /// Wakes who reads; when both are done with it, the sockets are closed, and the other
    /// sides hear of a reset.
    fn reset(&self) {
        for socket in [&self.client, &self.server] {
            let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        }
    }
}

impl Weather {
    /// What becomes of the connection of this number.
    fn cut(&self, number: u64) -> Option<(usize, u64, Ending)> {
        let roll = |lane| dice(self.seed, number, lane);
        let ending = *self.endings.get(roll(0) as usize % self.endings.len().max(1))?;
        // Small numbers as likely as great ones: heads of messages are cut as well as bodies.
        let within = self.cut_within_bytes.max(1).ilog2().max(1);
        let byte = roll(1) % (2 << (roll(2) % u64::from(within)));
        (roll(3) % 100 < self.cut_percent).then_some((roll(4) as usize % 2, byte, ending))
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of all three.
fn dice(seed: u64, number: u64, lane: u64) -> u64 {
    [number, lane].into_iter().fold(seed, |x, input| {
        let mut x = (x ^ input).wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    })
}

/// Listens without blocking, so that whoever accepts can look up now and then.
fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, SOCKET_BYTES)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
