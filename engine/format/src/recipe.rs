//! Recipes: how a blob's bytes are made from streams.

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::FormatError;
use crate::cbor::at_most;
use crate::limits::{MAX_LONG_REPLAY_BYTES, MAX_RECIPE_BYTES, MAX_REPLAY_BYTES, MAX_TABLE_ROWS};
use crate::stream::StreamRef;

/// A small tree that gives back the bytes of one blob. The set of kinds is open: one that
/// this crate does not know is kept as it is, for a program that knows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// The stream's bytes.
    Plain(StreamRef),
    /// A gzip stream that is made again from its content: see `format-spec/recipe.md`.
    Gzip {
        /// What that takes beside the content.
        replay: Replay,
        /// Makes the content. Never another gzip stream.
        content: Box<Recipe>,
    },
    /// A tar whose headers and paddings stand apart from its contents: see `format-spec/recipe.md`.
    Tar {
        /// Literal runs, and how much payload follows each.
        skeleton: StreamRef,
        /// Contents of the members, back to back.
        payload: StreamRef,
    },
    /// A tar of many small files: see `format-spec/recipe.md`.
    Rows {
        /// Blocks of headers by columns, and which row or payload stands where.
        columns: StreamRef,
        /// Contents that are too long for a row, back to back.
        payload: StreamRef,
        /// Records of length and bytes, which a later snapshot's table goes on from.
        table: StreamRef,
        /// Rows in the table.
        rows: u32,
        /// Rows of the table that this tar needs; the others are of earlier ones.
        used: u32,
    },
    /// Of a kind that is reserved, or of a later version.
    Unknown {
        /// The kind's number.
        kind: u32,
        /// The whole recipe, encoded.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
}

/// What it takes, beside its content, to make a gzip stream again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Replay {
    /// The bytes themselves, at most [`MAX_REPLAY_BYTES`] of them: most have twenty.
    Short(#[serde(serialize_with = "as_hex")] Vec<u8>),
    /// A stream of them: gzip streams may have very many members.
    Long(StreamRef),
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Kind numbers as stored.
mod kind {
    pub(super) const PLAIN: u32 = 0;
    pub(super) const GZIP: u32 = 1;
    pub(super) const TAR: u32 = 2;
    pub(super) const ROWS: u32 = 3;
}

impl Recipe {
    /// How well the blob is stored: where two recipes give the same blob, the higher is kept.
    /// One that can be followed is better than one that cannot.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Unknown { .. } => 0,
            Self::Plain(_) => 1,
            Self::Tar { .. } => 2,
            Self::Rows { .. } => 3,
            Self::Gzip { .. } => 4,
        }
    }

    /// Every stream that the recipe is known to read.
    pub fn streams(&self) -> impl Iterator<Item = &StreamRef> {
        let (replay, content) = match self {
            Self::Gzip { replay: Replay::Long(stream), content } => (Some(stream), &**content),
            Self::Gzip { replay: Replay::Short(_), content } => (None, &**content),
            other => (None, other),
        };
        let streams = match content {
            Self::Plain(stream) => [Some(stream), None, None],
            Self::Tar { skeleton, payload } => [Some(skeleton), Some(payload), None],
            Self::Rows { columns, payload, table, .. } => [Some(columns), Some(payload), Some(table)],
            Self::Gzip { .. } | Self::Unknown { .. } => [None, None, None],
        };
        replay.into_iter().chain(streams.into_iter().flatten())
    }

    /// Name of the kind, for people.
    #[must_use]
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Plain(_) => "plain",
            Self::Gzip { .. } => "gzip",
            Self::Tar { .. } => "tar",
            Self::Rows { .. } => "rows",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Holds every stream against its limits, and the numbers of rows against each other.
    ///
    /// # Errors
    /// [`FormatError`] of the first field that breaks one.
    pub fn validate(&self) -> Result<(), FormatError> {
        match self {
            Self::Unknown { bytes, .. } => at_most("recipe", "length", bytes.len(), MAX_RECIPE_BYTES)?,
            Self::Rows { table, rows, used, .. } => {
                at_most("recipe", "rows", *rows as usize, MAX_TABLE_ROWS as usize)?;
                // A row has one byte at least, which states its length.
                if used > rows || u64::from(*rows) > table.len {
                    return Err(FormatError::Invalid {
                        what: "recipe",
                        detail: "its numbers of rows and its table's length disagree",
                    });
                }
            }
            Self::Gzip { replay, content } => {
                match replay {
                    Replay::Short(bytes) => at_most("recipe", "replay", bytes.len(), MAX_REPLAY_BYTES)?,
                    Replay::Long(stream) if stream.len > MAX_LONG_REPLAY_BYTES => {
                        return Err(FormatError::Limit {
                            what: "recipe",
                            field: "replay",
                            value: stream.len,
                            limit: MAX_LONG_REPLAY_BYTES,
                        });
                    }
                    Replay::Long(_) => {}
                }
                if matches!(**content, Self::Gzip { .. } | Self::Unknown { .. }) {
                    let detail = "what a gzip stream holds cannot be made";
                    return Err(FormatError::Invalid { what: "recipe", detail });
                }
                content.validate()?;
            }
            Self::Plain(_) | Self::Tar { .. } => {}
        }
        self.streams().try_for_each(StreamRef::validate)
    }
}

impl<C> Encode<C> for Recipe {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Plain(stream) => e.array(2)?.u32(kind::PLAIN)?.encode_with(stream, ctx)?,
            Self::Gzip { replay, content } => {
                let e = e.array(3)?.u32(kind::GZIP)?;
                match replay {
                    Replay::Short(bytes) => e.bytes(bytes)?,
                    Replay::Long(stream) => e.encode_with(stream, ctx)?,
                }
                .encode_with(content, ctx)?
            }
            Self::Tar { skeleton, payload } => {
                e.array(3)?.u32(kind::TAR)?.encode_with(skeleton, ctx)?.encode_with(payload, ctx)?
            }
            Self::Rows { columns, payload, table, rows, used } => e
                .array(6)?
                .u32(kind::ROWS)?
                .encode_with(columns, ctx)?
                .encode_with(payload, ctx)?
                .encode_with(table, ctx)?
                .u32(*rows)?
                .u32(*used)?,
            Self::Unknown { bytes, .. } => {
                e.writer_mut().write_all(bytes).map_err(encode::Error::write)?;
                e
            }
        }
        .ok()
    }
}

impl<'b, C> Decode<'b, C> for Recipe {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let fields = d.array()?;
        match (d.u32()?, fields) {
            (kind::GZIP, Some(3)) => {
                let replay = if d.datatype()? == Type::Bytes {
                    Replay::Short(d.bytes()?.to_vec())
                } else {
                    Replay::Long(d.decode_with(ctx)?)
                };
                Ok(Self::Gzip { replay, content: Box::new(Self::decode_content(d, ctx)?) })
            }
            (kind::PLAIN, Some(2)) => Ok(Self::Plain(d.decode_with(ctx)?)),
            (kind::TAR, Some(3)) => {
                Ok(Self::Tar { skeleton: d.decode_with(ctx)?, payload: d.decode_with(ctx)? })
            }
            (kind::ROWS, Some(6)) => Ok(Self::Rows {
                columns: d.decode_with(ctx)?,
                payload: d.decode_with(ctx)?,
                table: d.decode_with(ctx)?,
                rows: d.u32()?,
                used: d.u32()?,
            }),
            (kind::PLAIN | kind::GZIP | kind::TAR | kind::ROWS, _) => {
                Err(decode::Error::message("recipe with a wrong number of elements").at(at))
            }
            (kind, _) => {
                d.set_position(at);
                d.skip()?;
                let bytes = d.input().get(at..d.position()).unwrap_or_default().to_vec();
                Ok(Self::Unknown { kind, bytes })
            }
        }
    }
}

impl Recipe {
    /// What a gzip stream holds. Refused before anything is read of it, another gzip stream costs no stack.
    fn decode_content<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        d.array()?;
        let kind = d.u32()?;
        if kind == kind::GZIP {
            return Err(decode::Error::message("a gzip recipe within a gzip recipe").at(at));
        }
        d.set_position(at);
        Self::decode(d, ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;

    #[test]
    fn unknown_kinds_are_kept_as_they_are() {
        // [9, [1, "a"], h'00']
        let bytes = [0x83, 0x09, 0x82, 0x01, 0x61, b'a', 0x41, 0x00];
        let recipe: Option<Recipe> = cbor::decode(&bytes, "recipe").ok();
        assert!(matches!(&recipe, Some(Recipe::Unknown { kind: 9, .. })), "{recipe:?}");
        assert_eq!(recipe.map(|recipe| cbor::encode(&recipe)).as_deref(), Some(&bytes[..]));
    }

    #[test]
    fn known_kinds_have_their_number_of_elements() {
        for bytes in [&[0x81, 0x00][..], &[0x82, 0x02, 0x00], &[0x82, 0x03, 0x00], &[0x80]] {
            assert!(cbor::decode::<Recipe>(bytes, "recipe").is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn gzip_recipes_come_back_and_hold_no_other() {
        let stream = StreamRef { len: 10, depth: 0, root: Some(crate::ChunkId::new([1; 32])) };
        let tar = Recipe::Tar { skeleton: stream, payload: StreamRef::EMPTY };
        for replay in [Replay::Short(b"short".to_vec()), Replay::Long(stream)] {
            let recipe = Recipe::Gzip { replay, content: Box::new(tar.clone()) };
            let again: Option<Recipe> = cbor::decode(&cbor::encode(&recipe), "recipe").ok();
            assert_eq!(again.as_ref(), Some(&recipe));
            assert!(recipe.validate().is_ok());
            let within = Recipe::Gzip { replay: Replay::Short(Vec::new()), content: Box::new(recipe) };
            assert!(within.validate().is_err());
            assert!(cbor::decode::<Recipe>(&cbor::encode(&within), "recipe").is_err());
        }
        let long = Replay::Short(vec![0; MAX_REPLAY_BYTES + 1]);
        assert!(Recipe::Gzip { replay: long, content: Box::new(tar) }.validate().is_err());
    }

    #[test]
    fn rows_hold_together() {
        let table = StreamRef { len: 10, depth: 0, root: Some(crate::ChunkId::new([1; 32])) };
        let sound = |rows, used| {
            let recipe =
                Recipe::Rows { columns: StreamRef::EMPTY, payload: StreamRef::EMPTY, table, rows, used };
            let again: Option<Recipe> = cbor::decode(&cbor::encode(&recipe), "recipe").ok();
            assert_eq!(again.as_ref(), Some(&recipe));
            recipe.validate().is_ok()
        };
        assert!(sound(0, 0) && sound(10, 0) && sound(10, 10));
        assert!(!sound(11, 0) && !sound(9, 10) && !sound(MAX_TABLE_ROWS + 1, 0));
    }
}
