//! The segment files, and the header that each begins with.
//!
//! A segment is named `binlog-` and its first offset in 20 decimal digits, so that names sort as offsets do.
//! It is made under the name with `.tmp` behind it, synced, and then renamed: a segment that has its name has
//! its header. Records follow the header, and nothing else. All numbers are little-endian.
//!
//! | at | bytes | field             | meaning |
//! |---:|------:|-------------------|---------|
//! |  0 | 8 | `magic`               | `PIKABLOG` |
//! |  8 | 4 | `version`             | 1; others are refused |
//! | 12 | 4 | `epoch`               | of all records in the segment |
//! | 16 | 8 | `first_offset`        | as in the name |
//! | 24 | 8 | `created_ms`          | clock of the first record, ms since 1970 |
//! | 32 | 8 | `previous_first`      | first offset of the segment before; 2^64 - 1 if there was none |
//! | 40 | 8 | `previous_length`     | length of the segment before, in bytes; 0 if there was none |
//! | 48 | 4 | `previous_crc`        | `crc` of the record before; 0 if unknown |
//! | 52 | 8 | `salt`                | drawn by the process that made the segment; seeds the records' `header_crc` |
//! | 60 | 4 | `crc`                 | crc32c of bytes 0..60 |

use super::error::{Error, Reason, Result};
use super::record::{u32_at, u64_at};
use crate::files::{File, Files, read_full};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The length of a segment's header in bytes.
pub const HEADER_LENGTH: usize = 64;

/// The only format version that is written and read.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"PIKABLOG";
const PREFIX: &str = "binlog-";
const TEMPORARY: &str = ".tmp";

/// What is known of a segment without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The offset before its first record.
    pub first_offset: u64,
    /// The offset after its last record.
    pub end_offset: u64,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The clock of its first record in ms since 1970; if it has none, of when it was made.
    pub created_ms: u64,
    /// The epoch of its records.
    pub epoch: u32,
}

impl Segment {
    /// The name of its file.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.first_offset)
    }
}

/// The name of the segment that begins at an offset.
#[must_use]
pub fn name(first_offset: u64) -> String {
    format!("{PREFIX}{first_offset:020}")
}

/// The first offset of the segment with this name; `None` if it is not the name of a segment.
#[must_use]
pub fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let valid = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { digits.parse().ok() } else { None }
}

/// Whether it is the name of a segment that was not finished.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.strip_suffix(TEMPORARY).and_then(parse_name).is_some()
}

/// The first offsets of all segments in a directory, ascending.
pub(crate) fn list(files: &dyn Files, directory: &Path) -> Result<Vec<u64>> {
    let names = files.list(directory).map_err(Error::io("list", directory))?;
    Ok(names.iter().filter_map(|name| parse_name(name)).collect())
}

/// The fields of a segment's header; see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u32,
    pub(crate) first_offset: u64,
    pub(crate) created_ms: u64,
    /// First offset and length of the segment before.
    pub(crate) previous: Option<(u64, u64)>,
    pub(crate) previous_crc: u32,
    pub(crate) salt: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LENGTH] {
        let (previous_first, previous_length) = self.previous.unwrap_or((u64::MAX, 0));
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_offset.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.created_ms.to_le_bytes());
        bytes[32..40].copy_from_slice(&previous_first.to_le_bytes());
        bytes[40..48].copy_from_slice(&previous_length.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.previous_crc.to_le_bytes());
        bytes[52..60].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_LENGTH]) -> Header {
        let previous = (u64_at(bytes, 32), u64_at(bytes, 40));
        Header {
            epoch: u32_at(bytes, 12),
            first_offset: u64_at(bytes, 16),
            created_ms: u64_at(bytes, 24),
            previous: Some(previous).filter(|(first, _)| *first != u64::MAX),
            previous_crc: u32_at(bytes, 48),
            salt: u64_at(bytes, 52),
        }
    }

    /// Reads and checks the header of the segment that begins at `first_offset` by its name.
    pub(crate) fn read(file: &dyn File, path: &Path, first_offset: u64) -> Result<Header> {
        let corrupt =
            |reason| Error::Corrupt { path: path.to_owned(), position: 0, offset: first_offset, reason };
        let mut bytes = [0; HEADER_LENGTH];
        let length = read_full(file, &mut bytes, 0).map_err(Error::io("read", path))?;
        if length < HEADER_LENGTH {
            let (needed, available) = (HEADER_LENGTH as u64, length as u64);
            return Err(corrupt(Reason::Incomplete { needed, available }));
        }
        if bytes[0..8] != MAGIC {
            return Err(corrupt(Reason::Magic));
        }
        // Before the checksum, whose place another version may have moved.
        let version = u32_at(&bytes, 8);
        if version != VERSION {
            return Err(Error::UnknownVersion { path: path.to_owned(), found: version, supported: VERSION });
        }
        if crc32c::crc32c(&bytes[..60]) != u32_at(&bytes, 60) {
            return Err(corrupt(Reason::HeaderChecksum));
        }
        let header = Header::decode(&bytes);
        if header.first_offset != first_offset {
            return Err(corrupt(Reason::Offset { expected: first_offset, found: header.first_offset }));
        }
        Ok(header)
    }
}

/// Makes a segment, durably, in place of an empty one that may have its name.
pub(crate) fn create(files: &dyn Files, directory: &Path, header: &Header) -> Result<Arc<dyn File>> {
    let path = directory.join(name(header.first_offset));
    let temporary = temporary_path(&path);
    let file = files.create(&temporary).map_err(Error::io("create", &temporary))?;
    file.write_at(&header.encode(), 0).map_err(Error::io("write", &temporary))?;
    file.sync_data().map_err(Error::io("sync", &temporary))?;
    files.rename(&temporary, &path).map_err(Error::io("rename", &temporary))?;
    files.sync_dir(directory).map_err(Error::io("sync", directory))?;
    Ok(file)
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(TEMPORARY);
    path.into()
}
