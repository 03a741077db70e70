//! What the cluster lets a command's container do: a sequence of frames, each a byte of kind, four
//! of length (big-endian), and that many.

use std::io::{self, Read, Write};

/// Longest content of one.
const MAX_FRAME_BYTES: usize = 1 << 20;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Bytes for standard output.
    Output(Vec<u8>),
    /// Bytes for standard error.
    Errors(Vec<u8>),
    /// The end, with this code.
    Exit(u8),
}

impl Frame {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (kind, content): (u8, &[u8]) = match self {
            Self::Output(bytes) => (1, bytes),
            Self::Errors(bytes) => (2, bytes),
            Self::Exit(code) => (3, std::slice::from_ref(code)),
        };
        for piece in content.chunks(MAX_FRAME_BYTES) {
            out.write_all(&[kind])?;
            out.write_all(&(piece.len() as u32).to_be_bytes())?;
            out.write_all(piece)?;
        }
        Ok(())
    }

    /// Reads the next.
    ///
    /// # Errors
    ///
    /// What `from` says, an end between frames too; and of a frame that is none.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 5];
        from.read_exact(&mut head)?;
        let [kind, len @ ..] = head;
        let len = u32::from_be_bytes(len) as usize;
        if len > MAX_FRAME_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
        }
        let mut content = vec![0; len];
        from.read_exact(&mut content)?;
        match (kind, &content[..]) {
            (1, _) => Ok(Self::Output(content)),
            (2, _) => Ok(Self::Errors(content)),
            (3, [code]) => Ok(Self::Exit(*code)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of no known kind")),
        }
    }
}
