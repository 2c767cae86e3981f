//! The mark: up to which offset the log is known to have been synced.
//!
//! Each record proves that everything before the `synced` in its header was durable; but nothing in the log
//! speaks for the last records. The mark does: a file of 24 bytes, `binlog-mark`, written over after every
//! sync. It is synced itself only when the log is opened and closed, so after the power fails it may be old,
//! and what it says is never too much. One that is damaged is taken for absent. All numbers are
//! little-endian.
//!
//! | at | bytes | field     | meaning |
//! |---:|------:|-----------|---------|
//! |  0 | 8 | `magic`       | `PIKAMARK` |
//! |  8 | 4 | `version`     | 1; others are refused |
//! | 12 | 4 | `crc`         | crc32c of bytes 0..12 and 16..24 |
//! | 16 | 8 | `synced`      | everything before this offset was durable |

use super::error::{Error, Result};
use super::record::{u32_at, u64_at};
use crate::files::{File, Files, read_full};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the file. A copy of a log's segments is made without it.
pub const NAME: &str = "binlog-mark";

/// The length of the file in bytes.
pub const LENGTH: usize = 24;

/// The only format version that is written and read.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"PIKAMARK";

fn encode(synced: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&synced.to_le_bytes());
    let crc = checksum(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn checksum(bytes: &[u8; LENGTH]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[0..12]), &bytes[16..24])
}

/// The mark's file.
#[derive(Debug)]
pub(crate) struct Mark {
    file: Arc<dyn File>,
    path: PathBuf,
    /// What it states. Locked while the file is written: of two threads that set it, the greater offset stays.
    stated: Mutex<u64>,
}

impl Mark {
    /// The synced offset that the mark of a directory states, if there is a whole one.
    pub(crate) fn read(files: &dyn Files, directory: &Path) -> Result<Option<u64>> {
        let path = directory.join(NAME);
        let file = match files.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        let mut bytes = [0; LENGTH];
        let length = read_full(&*file, &mut bytes, 0).map_err(Error::io("read", &path))?;
        if length < LENGTH || bytes[0..8] != MAGIC || checksum(&bytes) != u32_at(&bytes, 12) {
            return Ok(None);
        }
        let version = u32_at(&bytes, 8);
        if version != VERSION {
            return Err(Error::UnknownVersion { path, found: version, supported: VERSION });
        }
        Ok(Some(u64_at(&bytes, 16)))
    }

    /// Opens the mark of a directory, or makes one, and sets it durably.
    pub(crate) fn open(files: &dyn Files, directory: &Path, synced: u64) -> Result<Mark> {
        let path = directory.join(NAME);
        let file = match files.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.create(&path),
            result => result,
        };
        let mark = Mark { file: file.map_err(Error::io("open", &path))?, path, stated: Mutex::new(synced) };
        mark.write(synced)?;
        mark.sync()?;
        files.sync_dir(directory).map_err(Error::io("sync", directory))?;
        Ok(mark)
    }

    /// Sets the mark, unless it states more; a crash of the machine may undo it.
    pub(crate) fn set(&self, synced: u64) -> Result<()> {
        let mut stated = self.stated.lock().unwrap_or_else(PoisonError::into_inner);
        if synced > *stated {
            self.write(synced)?;
            *stated = synced;
        }
        Ok(())
    }

    fn write(&self, synced: u64) -> Result<()> {
        self.file.write_at(&encode(synced), 0).map_err(Error::io("write", &self.path))
    }

    /// Makes it durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }
}
