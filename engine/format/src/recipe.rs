//! Recipes: how a blob's bytes are made from streams.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::FormatError;
use crate::stream::StreamRef;

/// A small tree that gives back the bytes of one blob. The set of kinds is open: a later
/// version of the format adds kinds, and a reader names the one it does not know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// The stream's bytes.
    Plain(StreamRef),
    /// A tar whose headers and paddings stand apart from its contents: see `format-spec/recipe.md`.
    Tar {
        /// Literal runs, and how much payload follows each.
        skeleton: StreamRef,
        /// Contents of the members, back to back.
        payload: StreamRef,
    },
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
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Plain(_) => 0,
            Self::Tar { .. } => 1,
        }
    }

    /// Every stream that the recipe reads.
    pub fn streams(&self) -> impl Iterator<Item = &StreamRef> {
        match self {
            Self::Plain(stream) => [Some(stream), None],
            Self::Tar { skeleton, payload } => [Some(skeleton), Some(payload)],
        }
        .into_iter()
        .flatten()
    }

    /// Name of the kind, for people.
    #[must_use]
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Plain(_) => "plain",
            Self::Tar { .. } => "tar",
        }
    }

    /// Holds every stream against its limits.
    ///
    /// # Errors
    /// [`FormatError`] of the first stream that breaks one.
    pub fn validate(&self) -> Result<(), FormatError> {
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
            Self::Tar { skeleton, payload } => {
                e.array(3)?.u32(kind::TAR)?.encode_with(skeleton, ctx)?.encode_with(payload, ctx)?
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
            (kind::PLAIN, Some(2)) => Ok(Self::Plain(d.decode_with(ctx)?)),
            (kind::TAR, Some(3)) => {
                Ok(Self::Tar { skeleton: d.decode_with(ctx)?, payload: d.decode_with(ctx)? })
            }
            (kind::GZIP, _) => Err(decode::Error::message("recipe of kind 1 (gzip): reserved").at(at)),
            (kind::ROWS, _) => Err(decode::Error::message("recipe of kind 3 (rows): reserved").at(at)),
            (kind, _) => Err(decode::Error::message(format!(
                "recipe of kind {kind} with {fields:?} fields: written by a later version?"
            ))
            .at(at)),
        }
    }
}
