//! One newtype per identity; none converts into another. Hex only in `Display` and `FromStr`.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// A text that is not the hexadecimal form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no {what}: {digits} hexadecimal digits are")]
pub struct ParseIdError {
    /// The kind of id that was expected.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// How many hexadecimal digits the id has.
    pub digits: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Length of the id, bytes.
            pub const LEN: usize = $bytes;

            /// The id with these bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The id in `bytes`, when there are exactly as many as it has.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for byte in self.0 {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; $bytes];
                parse_hex(text, &mut bytes).map(|()| Self(bytes)).ok_or_else(|| ParseIdError {
                    what: $what,
                    text: text.to_owned(),
                    digits: $bytes * 2,
                })
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let at = d.position();
                Self::from_slice(d.bytes()?)
                    .ok_or_else(|| decode::Error::message(concat!("wrong length of a ", $what)).at(at))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

id! {
    /// Which repository: 16 random bytes, chosen once.
    RepoId, 16, "repository id"
}
id! {
    /// Name of a chunk: BLAKE3 of its plain bytes, keyed with a secret of the repository.
    ChunkId, 32, "chunk id"
}
id! {
    /// Name of a pack: BLAKE3 of the object's bytes.
    PackId, 32, "pack id"
}
id! {
    /// Name of an index segment: BLAKE3 of the object's bytes.
    SegmentId, 32, "index segment id"
}
id! {
    /// Name of a snapshot: BLAKE3 of the object's bytes.
    SnapshotId, 32, "snapshot id"
}
id! {
    /// Name of a key slot: BLAKE3 of the object's bytes.
    SlotId, 32, "key slot id"
}
id! {
    /// Name of a lease: BLAKE3 of the object's bytes, so a new one at every renewal.
    LeaseId, 32, "lease id"
}
id! {
    /// Name of a list of doomed packs: BLAKE3 of the object's bytes.
    DoomedId, 32, "doomed list id"
}
id! {
    /// Name of a row in this machine's cache: BLAKE3 of its bytes, keyed with a secret of the
    /// repository. Stands in no repository.
    RowId, 16, "row id"
}
id! {
    /// SHA-256 of a blob: what a registry calls its digest.
    Digest, 32, "sha256 digest"
}

impl Digest {
    /// The digest as registries write it: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn to_oci(&self) -> String {
        format!("sha256:{self}")
    }

    /// Reads `sha256:<64 lower-case hex>`; `None` for any other text.
    #[must_use]
    pub fn from_oci(text: &str) -> Option<Self> {
        text.strip_prefix("sha256:")?.parse().ok()
    }
}

/// Fills `out` from lower-case hexadecimal `text` of exactly twice its length.
fn parse_hex(text: &str, out: &mut [u8]) -> Option<()> {
    if text.len() != out.len() * 2 {
        return None;
    }
    let mut wrong = 0;
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        let (high, low) = (NIBBLES[usize::from(high)], NIBBLES[usize::from(low)]);
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong & NO_NIBBLE == 0).then_some(())
}

/// What is no lower-case hexadecimal digit.
const NO_NIBBLE: u8 = 0x80;

/// Values of digits, by their bytes. Registries name nearly everything by digests.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_NIBBLE; 256];
    let mut value = 0;
    while value < 16 {
        nibbles[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    nibbles
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        let id = PackId::new(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(id.to_string().parse::<PackId>().ok(), Some(id));
        assert_eq!(id.to_string().len(), 64);
    }

    #[test]
    fn only_full_lower_case_hex_is_an_id() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<ChunkId>().is_err(), "{text}");
        }
    }

    #[test]
    fn digests_read_and_write_their_algorithm() {
        let digest = Digest::new([0xab; 32]);
        assert_eq!(Digest::from_oci(&digest.to_oci()), Some(digest));
        assert_eq!(Digest::from_oci(&digest.to_string()), None);
        assert_eq!(Digest::from_oci("sha512:00"), None);
    }
}
