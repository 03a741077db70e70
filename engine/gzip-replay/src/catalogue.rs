//! Every encoder there is: what it is called in a replay, how to start it, and when to try it.

use std::fmt;

use crate::encoder::Deflate;
use crate::klauspost::{self, Generation, pgzip};
use crate::pigz::{self, History};
use crate::{gnu, go, stored, zlib};

/// An encoder of deflate streams: a family, versions of it that make the same bytes, and its
/// parameters. Numbers of families and generations are part of what [`crate::Replay::to_bytes`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoder {
    /// Go's `compress/flate`, Go 1.8 to 1.26.
    Go {
        /// -2 (Huffman codes alone) to 9, but for -1, which is 6.
        level: i8,
    },
    /// Klauspost's `compress/flate`; Go's own from 1.27 on.
    Klauspost {
        /// Which versions.
        generation: Generation,
        /// -2 (Huffman codes alone) to 9, but for -1, which is 5 (Go 1.27: 6).
        level: i8,
    },
    /// Klauspost's `pgzip`: blocks that were compressed side by side.
    Pgzip {
        /// Which versions of `compress/flate` are under it.
        generation: Generation,
        /// As above.
        level: i8,
        /// Length of its blocks, bytes; 1 MiB unless somebody asked for others.
        block_bytes: u32,
    },
    /// zlib's `deflate` with its default memory.
    Zlib {
        /// 1 to 9.
        level: u8,
    },
    /// GNU gzip.
    Gnu {
        /// 1 to 9.
        level: u8,
    },
    /// pigz: zlib's blocks, compressed side by side.
    Pigz {
        /// 1 to 9.
        level: u8,
        /// Length of its blocks, bytes; 128 KiB unless somebody asked for others.
        block_bytes: u32,
        /// What a block knows of those before it.
        history: History,
    },
    /// Stored blocks, whoever made them.
    Stored {
        /// The longest of them, from 1 byte on.
        block_bytes: u16,
    },
}

/// pgzip takes no block of 16 KiB or less,
const MIN_PGZIP_BLOCK_BYTES: u32 = (16 << 10) + 1;
/// and pigz none of less than 32 KiB.
const MIN_PIGZ_BLOCK_BYTES: u32 = 32 << 10;

impl Encoder {
    /// Whether it can be started: its parameters are within their bounds.
    #[must_use]
    pub fn exists(self) -> bool {
        let is_level = |level: i8| (-2..=9).contains(&level) && level != -1;
        match self {
            Self::Go { level } | Self::Klauspost { level, .. } => is_level(level),
            Self::Pgzip { generation, level, block_bytes } => {
                generation != Generation::Go1_27 && is_level(level) && block_bytes >= MIN_PGZIP_BLOCK_BYTES
            }
            Self::Zlib { level } | Self::Gnu { level } => (1..=9).contains(&level),
            Self::Pigz { level, block_bytes, .. } => {
                (1..=9).contains(&level) && block_bytes >= MIN_PIGZ_BLOCK_BYTES
            }
            Self::Stored { block_bytes } => block_bytes > 0,
        }
    }

    pub(crate) fn start(self) -> Option<Box<dyn Deflate>> {
        fn boxed<E: Deflate + 'static>(encoder: Option<E>) -> Option<Box<dyn Deflate>> {
            encoder.map(|encoder| Box::new(encoder) as Box<dyn Deflate>)
        }
        match self {
            Self::Go { level } => boxed(go::Encoder::new(level.into())),
            Self::Klauspost { generation, level } => boxed(klauspost::Encoder::new(generation, level.into())),
            Self::Pgzip { generation: Generation::Go1_27, .. } => None,
            Self::Pgzip { generation, level, block_bytes } => {
                boxed(pgzip::Encoder::new(generation, level.into(), block_bytes as usize))
            }
            Self::Zlib { level } => boxed(zlib::Encoder::new(level.into())),
            Self::Gnu { level } => boxed(gnu::Encoder::new(level.into())),
            Self::Pigz { level, block_bytes, history } => {
                boxed(pigz::Encoder::new(level.into(), block_bytes as usize, history))
            }
            Self::Stored { block_bytes } => boxed(stored::Encoder::new(block_bytes)),
        }
    }

    /// Whether flushes are its own doing: it is told of none.
    pub(crate) fn flushes_by_itself(self) -> bool {
        matches!(self, Self::Pgzip { .. } | Self::Pigz { .. })
    }

    /// Those of the flushes in a stream that it has to be told of.
    pub(crate) fn told(self, flushes: &[u64]) -> &[u64] {
        if self.flushes_by_itself() { &[] } else { flushes }
    }
}

impl fmt::Display for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go { level } => write!(f, "Go {level}"),
            Self::Klauspost { generation, level } => write!(f, "klauspost {generation} {level}"),
            Self::Pgzip { generation, level, block_bytes } => {
                write!(f, "pgzip, klauspost {generation} {level}, blocks of {block_bytes}")
            }
            Self::Zlib { level } => write!(f, "zlib {level}"),
            Self::Gnu { level } => write!(f, "GNU gzip {level}"),
            Self::Pigz { level, block_bytes, history } => {
                write!(f, "pigz {level}, blocks of {block_bytes}")?;
                match history {
                    History::Window => Ok(()),
                    History::Stream => write!(f, ", one process"),
                    History::Nothing => write!(f, ", independent"),
                }
            }
            Self::Stored { block_bytes } => write!(f, "stored in blocks of up to {block_bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_can_be_started() {
        for level in (-5..=12).filter(|level| *level != -1) {
            let unsigned = level as u8;
            let mut all = vec![
                Encoder::Go { level },
                Encoder::Klauspost { generation: Generation::V1_15, level },
                Encoder::Klauspost { generation: Generation::Go1_27, level },
                Encoder::Zlib { level: unsigned },
                Encoder::Gnu { level: unsigned },
            ];
            all.extend([0, 1].map(|block_bytes| Encoder::Stored { block_bytes }));
            for block_bytes in [0, 16 << 10, (16 << 10) + 1, (32 << 10) - 1, 32 << 10, u32::MAX] {
                for generation in [Generation::V1_15, Generation::Go1_27] {
                    all.push(Encoder::Pgzip { generation, level, block_bytes });
                }
                all.push(Encoder::Pigz { level: unsigned, block_bytes, history: History::Window });
            }
            for encoder in all {
                assert_eq!(encoder.exists(), encoder.start().is_some(), "{encoder:?}");
            }
        }
    }
}
