//! As much of HTTP/1.1 (RFC 9112) as is needed: one exchange a connection.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

/// Longest head of a message.
const MAX_HEAD_BYTES: u64 = 1 << 20;

/// First line and headers of a message.
#[derive(Debug)]
pub struct Head {
    first: String,
    headers: BTreeMap<String, String>,
}

impl Head {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// When it ends early or is no text.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = from.take(MAX_HEAD_BYTES);
        let mut first = String::new();
        lines.read_line(&mut first)?;
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
                None => return Ok(Self { first: first.trim_end().to_owned(), headers }),
            };
        }
    }

    /// `GET /ca` of a request.
    #[must_use]
    pub fn request(&self) -> &str {
        self.first.rsplit_once(' ').map_or("", |(request, _)| request)
    }

    /// Status of an answer, 0 when there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// A header by its lower-case name; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// User and password of basic authentication (RFC 7617).
    #[must_use]
    pub fn user_and_password(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization").strip_prefix("Basic ")?;
        let text = String::from_utf8(openssl::base64::decode_block(encoded).ok()?).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The message's body.
    pub fn body<'a, R: BufRead>(&self, from: &'a mut R) -> Body<'a, R> {
        let chunked = self.header("transfer-encoding").eq_ignore_ascii_case("chunked");
        let left = self.header("content-length").parse().unwrap_or(0);
        Body { from, chunked, left, ended: false }
    }
}

/// Value of the header `Authorization`.
#[must_use]
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", openssl::base64::encode_block(format!("{user}:{password}").as_bytes()))
}

/// A whole answer.
///
/// # Errors
///
/// What `out` says.
pub fn answer(out: &mut impl Write, status: u16, content_type: &str, body: &[u8]) -> io::Result<()> {
    let challenge = if status == 401 { "WWW-Authenticate: Basic realm=\"dtr\"\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} \r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{challenge}Connection: close\r\n\r\n",
        body.len()
    );
    out.write_all(head.as_bytes())?;
    out.write_all(body)?;
    out.flush()
}

/// Reads a body to its end, however it is framed.
#[derive(Debug)]
pub struct Body<'a, R> {
    from: &'a mut R,
    chunked: bool,
    left: u64,
    ended: bool,
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && self.chunked && !self.ended {
            self.left = next_chunk(self.from)?;
            self.ended = self.left == 0;
        }
        if self.left == 0 {
            return Ok(0);
        }
        let read = (&mut *self.from).take(self.left).read(to)?;
        if read == 0 && !to.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        if self.left == 0 && self.chunked {
            end_line(self.from)?;
        }
        Ok(read)
    }
}

fn next_chunk(from: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let len =
        u64::from_str_radix(line.trim_end(), 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    if len == 0 {
        end_line(from)?;
    }
    Ok(len)
}

fn end_line(from: &mut impl BufRead) -> io::Result<()> {
    let mut line = [0; 2];
    from.read_exact(&mut line)
}

/// Writes a body in chunks; [`Chunks::end`] makes it whole.
#[derive(Debug)]
pub struct Chunks<W>(pub W);

impl<W: Write> Chunks<W> {
    /// Ends the body.
    ///
    /// # Errors
    ///
    /// What is below says.
    pub fn end(mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n")?;
        self.0.flush()
    }
}

impl<W: Write> Write for Chunks<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            write!(self.0, "{:x}\r\n", bytes.len())?;
            self.0.write_all(bytes)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
