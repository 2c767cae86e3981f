//! What can go wrong with the log.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of an operation on the log.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the log. Each names what an operator needs to know.
#[derive(Debug)]
pub enum Error {
    /// The disk failed. The writer that met it is poisoned.
    Io {
        /// What was being done, as in "write".
        action: &'static str,
        /// The file or directory it was done to.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Bytes that had been promised to be kept are wrong or missing. Never skipped: the log must be restored,
    /// from a replica or a backup.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        position: u64,
        /// The log's offset there.
        offset: u64,
        /// What is wrong.
        reason: Reason,
    },
    /// The file was written by another version of Pika, in a format that this one does not know.
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The file's format version.
        found: u32,
        /// The only one that this code reads.
        supported: u32,
    },
    /// What is asked for has been removed by retention, or was never in this log.
    Purged {
        /// The offset asked for.
        requested: u64,
        /// The first offset that the log has.
        oldest: u64,
    },
    /// What is asked for lies beyond the end of the log. On opening: the data is ahead of the log.
    AheadOfLog {
        /// The offset asked for.
        requested: u64,
        /// The end of the log.
        end: u64,
    },
    /// The end of the log is torn, and [`Options::refuses_torn_tail`](super::Options::refuses_torn_tail) is set;
    /// nothing was changed.
    Torn {
        /// The file.
        path: PathBuf,
        /// Where the last whole record ends, in bytes.
        position: u64,
        /// How many bytes follow.
        bytes: u64,
    },
    /// A record does not begin where the one before it ends; nothing was written.
    OutOfOrder {
        /// The offset that the record had to have (or the first one that was still free).
        expected: u64,
        /// The offset that it has.
        found: u64,
    },
    /// A record, or an argument, that the log cannot hold; nothing was written.
    Invalid(&'static str),
    /// An earlier error stopped this writer.
    Poisoned {
        /// The text of that error.
        cause: String,
    },
}

/// What is wrong with the bytes at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The file ends inside a header or a payload.
    Incomplete {
        /// How many bytes the header or record takes.
        needed: u64,
        /// How many there are.
        available: u64,
    },
    /// The segment does not begin with the magic bytes.
    Magic,
    /// The crc of a segment's or record's header does not match.
    HeaderChecksum,
    /// The crc of a record's payload does not match.
    PayloadChecksum,
    /// A record, or a segment, is whole but is not the one that belongs here.
    Offset {
        /// The offset that belongs here.
        expected: u64,
        /// The one found.
        found: u64,
    },
    /// A record or segment is whole but continues another history: the checksum of its predecessor differs.
    Chain {
        /// The checksum of the record before.
        expected: u32,
        /// The one that the record or segment names as its predecessor's.
        found: u32,
    },
    /// A record of another epoch than its segment's.
    Epoch {
        /// The segment's.
        expected: u32,
        /// The record's.
        found: u32,
    },
    /// Flags that this version does not know.
    Flags(u16),
    /// A segment that was finished has not the length that its successor recorded.
    SealedLength {
        /// The recorded length in bytes.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// A segment that must be there is not.
    MissingSegment {
        /// The first offset of the segment that is missing.
        first_offset: u64,
    },
    /// The log ends, or is damaged, before an offset that is known to have been synced.
    SyncedLost {
        /// That offset.
        synced: u64,
        /// How the log ends here.
        end: LogEnd,
    },
}

/// How a log ends that lacks synced records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// The file simply ends.
    Missing,
    /// A header is cut off, or its checksum does not match.
    BadHeader,
    /// A payload is cut off, or its checksum does not match.
    BadPayload,
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { action, path, source } => {
                write!(out, "binlog: {action} {}: {source}", path.display())
            }
            Error::Corrupt { path, position, offset, reason } => {
                let path = path.display();
                write!(out, "binlog: {path} is corrupt at byte {position} (offset {offset}): {reason}")
            }
            Error::UnknownVersion { path, found, supported } => {
                let path = path.display();
                write!(out, "binlog: {path} has format version {found}, this Pika reads version {supported}")
            }
            Error::Purged { requested, oldest } => {
                write!(out, "binlog: offset {requested} is no longer in the log, which begins at {oldest}")
            }
            Error::AheadOfLog { requested, end } => {
                write!(out, "binlog: offset {requested} is ahead of the log, which ends at {end}")
            }
            Error::Torn { path, position, bytes } => write!(
                out,
                "binlog: {} is torn at byte {position}: the last {bytes} bytes are no whole record, and \
                 aof-load-truncated is no",
                path.display()
            ),
            Error::OutOfOrder { expected, found } => {
                write!(out, "binlog: a record at offset {found} cannot follow, {expected} is next")
            }
            Error::Invalid(what) => write!(out, "binlog: {what}"),
            Error::Poisoned { cause } => write!(out, "binlog: stopped by an earlier error: {cause}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Incomplete { needed, available } => {
                write!(out, "{needed} bytes are needed, {available} are there")
            }
            Reason::Magic => write!(out, "this is no segment of a binlog"),
            Reason::HeaderChecksum => write!(out, "the checksum of the header does not match"),
            Reason::PayloadChecksum => write!(out, "the checksum of the payload does not match"),
            Reason::Offset { expected, found } => {
                write!(out, "offset {expected} belongs here, {found} is here")
            }
            Reason::Chain { expected, found } => {
                write!(
                    out,
                    "it follows a record with checksum {found:08x}, the one before has {expected:08x}"
                )
            }
            Reason::Epoch { expected, found } => write!(out, "a record of epoch {found} in epoch {expected}"),
            Reason::Flags(flags) => write!(out, "unknown flags {flags:#06x}"),
            Reason::SealedLength { expected, found } => {
                write!(out, "the finished segment had {expected} bytes and now has {found}")
            }
            Reason::MissingSegment { first_offset } => {
                write!(out, "the segment that begins at offset {first_offset} is missing")
            }
            Reason::SyncedLost { synced, end } => {
                let end = match end {
                    LogEnd::Missing => "the log ends here",
                    LogEnd::BadHeader => "a damaged record header is here",
                    LogEnd::BadPayload => "a damaged payload is here",
                };
                write!(out, "{end}, but it was synced up to offset {synced}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
