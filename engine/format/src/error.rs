//! What can be wrong with bytes that claim to be of the format.

/// An object that is not what it claims to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes are not the CBOR of the object.
    #[error("malformed {what}")]
    Cbor {
        /// The object, by its name in the format.
        what: &'static str,
        /// Where and how decoding failed.
        source: minicbor::decode::Error,
    },
    /// The value is well formed, but not in its one deterministic encoding.
    #[error("malformed {what}: not in deterministic encoding")]
    NotDeterministic {
        /// The object, by its name in the format.
        what: &'static str,
    },
    /// A count, length or value outside its limit.
    #[error("malformed {what}: {field} is {value}, the limit is {limit}")]
    Limit {
        /// The object, by its name in the format.
        what: &'static str,
        /// The field at fault.
        field: &'static str,
        /// What was read.
        value: u64,
        /// The bound of [`crate::limits`].
        limit: u64,
    },
    /// Fields that cannot stand together, or a value with no meaning.
    #[error("malformed {what}: {detail}")]
    Invalid {
        /// The object, by its name in the format.
        what: &'static str,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The object does not begin with the magic bytes of its kind.
    #[error("this is no {what}: its first bytes are not the magic of one")]
    BadMagic {
        /// The object that was expected.
        what: &'static str,
    },
    /// Written by a later version of the format.
    #[error("{what} has format version {version}; this program reads version {supported}")]
    NewerVersion {
        /// The object, by its name in the format.
        what: &'static str,
        /// The version it carries.
        version: u64,
        /// The newest version that this program knows.
        supported: u64,
    },
}
