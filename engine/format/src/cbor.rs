//! Deterministic CBOR (RFC 8949 §4.2.1) for whole objects.

use minicbor::{Decode, Encode};

use crate::FormatError;

/// An object of the format that is one CBOR item.
pub trait Object: Encode<()> + for<'b> Decode<'b, ()> {
    /// Name of the object in the format and in messages.
    const WHAT: &'static str;

    /// Key of the version in the object's map, where it has one.
    const VERSION_KEY: Option<u32> = None;

    /// Holds the decoded fields against their limits and each other.
    ///
    /// # Errors
    /// [`FormatError`] names the field that is wrong.
    fn validate(&self) -> Result<(), FormatError>;

    /// The one encoding of this value.
    fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads an object. `bytes` must be its one encoding, all of it and nothing more.
    ///
    /// # Errors
    /// [`FormatError`] when the bytes are not such an object, or break a limit.
    fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        // A later version may have fields that this one cannot decode, so that comes first.
        if let Some(version) = Self::VERSION_KEY.and_then(|key| peek_version(bytes, key)) {
            known_version(Self::WHAT, version)?;
        }
        let value: Self = decode(bytes, Self::WHAT)?;
        value.validate()?;
        Ok(value)
    }
}

/// Encodes into memory, which cannot fail.
pub fn encode<T: Encode<()> + ?Sized>(value: &T) -> Vec<u8> {
    // Most values are short.
    let mut bytes = Vec::with_capacity(256);
    encode_into(value, &mut bytes);
    bytes
}

/// Appends the encoding of `value` to `bytes`.
pub(crate) fn encode_into<T: Encode<()> + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    if let Err(error) = minicbor::encode(value, Appending(bytes)) {
        match error.into_write() {
            Some(never) => match never {},
            None => bytes.truncate(begin),
        }
    }
}

/// Appends to bytes. minicbor's own way is a call for every few of them; this one is compiled
/// into what encodes, and trees have millions of entries.
struct Appending<'a>(&'a mut Vec<u8>);

impl minicbor::encode::Write for Appending<'_> {
    type Error = std::convert::Infallible;

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Decodes one item and refuses every encoding of it but the deterministic one, by encoding
/// it again: unknown fields, fields twice, other orders and longer integers all differ.
///
/// # Errors
/// [`FormatError::Cbor`] or [`FormatError::NotDeterministic`].
pub fn decode<T>(bytes: &[u8], what: &'static str) -> Result<T, FormatError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    let value: T = minicbor::decode(bytes).map_err(|source| FormatError::Cbor { what, source })?;
    if encode(&value) == bytes { Ok(value) } else { Err(FormatError::NotDeterministic { what }) }
}

/// The number under `key` of a map, whatever else is in it.
fn peek_version(bytes: &[u8], key: u32) -> Option<u32> {
    let mut decoder = minicbor::Decoder::new(bytes);
    for _ in 0..decoder.map().ok()?? {
        if decoder.u32().ok()? == key {
            return decoder.u32().ok();
        }
        decoder.skip().ok()?;
    }
    None
}

/// Refuses `value` over `limit`.
pub(crate) fn at_most(
    what: &'static str,
    field: &'static str,
    value: usize,
    limit: usize,
) -> Result<(), FormatError> {
    if value <= limit {
        return Ok(());
    }
    Err(FormatError::Limit { what, field, value: value as u64, limit: limit as u64 })
}

/// Refuses a version that this crate does not know.
pub(crate) fn known_version(what: &'static str, version: u32) -> Result<(), FormatError> {
    let supported = crate::limits::FORMAT_VERSION;
    match version {
        0 => Err(FormatError::Invalid { what, detail: "version 0" }),
        v if v <= supported => Ok(()),
        v => Err(FormatError::NewerVersion { what, version: u64::from(v), supported: u64::from(supported) }),
    }
}
