//! Encoders as bytes of a replay.

use crate::catalogue::Encoder;
use crate::error::Malformed;
use crate::klauspost::Generation;
use crate::pigz::History;
use crate::varint::{Reader, put};

/// Numbers of the families in a replay.
mod family {
    pub(super) const GO: u8 = 1;
    pub(super) const KLAUSPOST: u8 = 2;
    pub(super) const PGZIP: u8 = 3;
    pub(super) const ZLIB: u8 = 4;
    pub(super) const GNU: u8 = 5;
    pub(super) const PIGZ: u8 = 6;
    pub(super) const STORED: u8 = 7;
}

/// Levels are written down as so much more than they are.
const LEVEL_BIAS: i8 = 2;

fn put_level(level: i8, out: &mut Vec<u8>) {
    out.push(level.wrapping_add(LEVEL_BIAS) as u8);
}

fn read_level(reader: &mut Reader<'_>) -> Result<i8, Malformed> {
    Ok((reader.byte()? as i8).wrapping_sub(LEVEL_BIAS))
}

fn read_generation(reader: &mut Reader<'_>) -> Result<Generation, Malformed> {
    let number = usize::from(reader.byte()?);
    Generation::ALL.get(number).copied().ok_or(Malformed("a generation that is not known"))
}

fn read_block_bytes<T: TryFrom<u64>>(reader: &mut Reader<'_>) -> Result<T, Malformed> {
    T::try_from(reader.number()?).map_err(|_| Malformed("a block that is too long"))
}

/// The number of one of few things.
fn number_of<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).map_or(u8::MAX, |at| at as u8)
}

impl Encoder {
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Go { level } => {
                out.push(family::GO);
                put_level(level, out);
            }
            Self::Klauspost { generation, level } => {
                out.extend([family::KLAUSPOST, number_of(&Generation::ALL, &generation)]);
                put_level(level, out);
            }
            Self::Pgzip { generation, level, block_bytes } => {
                out.extend([family::PGZIP, number_of(&Generation::ALL, &generation)]);
                put_level(level, out);
                put(block_bytes.into(), out);
            }
            Self::Zlib { level } => out.extend([family::ZLIB, level]),
            Self::Gnu { level } => out.extend([family::GNU, level]),
            Self::Pigz { level, block_bytes, history } => {
                out.extend([family::PIGZ, level, number_of(&History::ALL, &history)]);
                put(block_bytes.into(), out);
            }
            Self::Stored { block_bytes } => {
                out.push(family::STORED);
                put(block_bytes.into(), out);
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let encoder = match reader.byte()? {
            family::GO => Self::Go { level: read_level(reader)? },
            family::KLAUSPOST => {
                Self::Klauspost { generation: read_generation(reader)?, level: read_level(reader)? }
            }
            family::PGZIP => Self::Pgzip {
                generation: read_generation(reader)?,
                level: read_level(reader)?,
                block_bytes: read_block_bytes(reader)?,
            },
            family::ZLIB => Self::Zlib { level: reader.byte()? },
            family::GNU => Self::Gnu { level: reader.byte()? },
            family::PIGZ => {
                let level = reader.byte()?;
                let history = History::ALL.get(usize::from(reader.byte()?)).copied();
                let history = history.ok_or(Malformed("a history that is not known"))?;
                Self::Pigz { level, block_bytes: read_block_bytes(reader)?, history }
            }
            family::STORED => Self::Stored { block_bytes: read_block_bytes(reader)? },
            _ => return Err(Malformed("an encoder that is not known")),
        };
        if encoder.exists() { Ok(encoder) } else { Err(Malformed("there is no such encoder")) }
    }
}
