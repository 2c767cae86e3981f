//! What can be wrong with bytes that should be a value or a file.

use std::fmt;

/// Why bytes could not be read, or a value not be written.
#[derive(Debug)]
pub enum Error {
    /// What the bytes come from, or go to, failed.
    Io(std::io::Error),
    /// The bytes end in the middle of something.
    Short,
    /// The bytes contradict themselves; what does.
    Corrupt(&'static str),
    /// A collection without elements, which Redis does not keep. The value was read to its end.
    Empty,
    /// Well-formed as far as can be told, and nothing that is known here.
    Unknown {
        /// A type, an opcode.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// The file's version, or the one asked for, is not among those that are known.
    Version(u32),
    /// The value cannot be told in the version asked for.
    NotInVersion(u16),
    /// The checksum of a file is not that of its content.
    Checksum {
        /// As the file has it.
        stored: u64,
        /// As it should be.
        computed: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "{error}"),
            Error::Short => write!(f, "the bytes end too early"),
            Error::Corrupt(what) => write!(f, "corrupt: {what}"),
            Error::Empty => write!(f, "a collection without elements"),
            Error::Unknown { what, number } => write!(f, "{what} {number} is not known"),
            Error::Version(found) => {
                write!(f, "RDB version {found} is not known; versions 1 to {} are", super::REDIS_7_4)
            }
            Error::NotInVersion(version) => {
                write!(f, "RDB version {version} knows no hash whose fields expire")
            }
            Error::Checksum { stored, computed } => {
                write!(f, "the checksum is {computed:016x}, the file says {stored:016x}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::Short,
            _ => Error::Io(error),
        }
    }
}
