//! Reads records from an offset on, over all segments.

use super::cursor::{Cursor, Found};
use super::error::{Error, Reason, Result};
use super::record::{HEADER_LENGTH, RecordRef};
use super::segment;
use super::writer::Position;
use crate::files::Files;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads the log, also while a [`Writer`](super::Writer) on another thread appends to it.
///
/// A reader needs nothing from the writer but the offset up to which it may read. It takes 64 KiB of memory,
/// and more only for a record that is longer. Every byte it yields was checked against its checksum, and
/// every record against the one before it.
#[derive(Debug)]
pub struct Reader {
    files: Arc<dyn Files>,
    directory: PathBuf,
    cursor: Cursor,
    limit: u64,
}

impl Reader {
    /// A reader from `offset` on, up to `limit`: the end of a record that is written, as
    /// [`Writer::written_offset`](super::Writer::written_offset) says.
    ///
    /// If `offset` is inside a record (a Redis slave may stop between two commands of one), that record is
    /// the first; its own `offset` says how much of it to leave out. Finding the place reads the headers of
    /// one segment.
    ///
    /// # Errors
    /// [`Error::AheadOfLog`] if `offset` is beyond `limit`; [`Error::Purged`] if it is before the oldest segment;
    /// [`Error::Corrupt`], [`Error::UnknownVersion`], [`Error::Io`].
    pub fn open(files: Arc<dyn Files>, directory: &Path, offset: u64, limit: u64) -> Result<Reader> {
        if offset > limit {
            return Err(Error::AheadOfLog { requested: offset, end: limit });
        }
        let mut cursor = open_containing(&*files, directory, offset)?;
        while cursor.offset() < offset {
            match cursor.peek()? {
                Found::Record(header) if header.offset + u64::from(header.payload_length) > offset => break,
                Found::Record(header) => cursor.skip(&header),
                Found::End => {
                    return Err(cursor.corrupt(Reason::Offset { expected: offset, found: cursor.offset() }));
                }
                Found::Bad(reason) => return Err(cursor.corrupt(reason)),
            }
        }
        Ok(Reader { files, directory: directory.to_owned(), cursor, limit })
    }

    /// Lets it read on, up to a new limit; a lower one than before has no effect.
    pub fn extend(&mut self, limit: u64) {
        if limit > self.limit {
            self.limit = limit;
            // What was read beyond the old limit may have been half written.
            self.cursor.forget();
        }
    }

    /// Where the next record begins; the limit, if there is none.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// The place in the history that was reached: epoch and checksum of the last record that was read.
    #[must_use]
    pub fn position(&self) -> Position {
        let (offset, crc) = (self.cursor.offset(), self.cursor.previous_crc());
        Position { epoch: self.cursor.segment().epoch, offset, crc }
    }

    /// The next record; `None` at the limit.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if what belongs here is not here, [`Error::Purged`] if retention overtook the reader,
    /// [`Error::UnknownVersion`], [`Error::Io`]. Another call gives the same error again.
    pub fn read(&mut self) -> Result<Option<RecordRef<'_>>> {
        if self.cursor.offset() >= self.limit {
            return Ok(None);
        }
        if matches!(self.cursor.peek()?, Found::End) {
            self.cursor = self.next_segment()?;
        }
        // Taken before: the record borrows the cursor.
        let (path, position, offset) = self.cursor.place();
        let reason = match self.cursor.read()? {
            Found::Record(record) => return Ok(Some(record)),
            Found::Bad(reason) => reason,
            Found::End => Reason::Incomplete { needed: HEADER_LENGTH as u64, available: 0 },
        };
        Err(Error::Corrupt { path: path.to_path_buf(), position, offset, reason })
    }

    /// Opens the segment that continues at the cursor.
    fn next_segment(&self) -> Result<Cursor> {
        let (offset, crc) = (self.cursor.offset(), self.cursor.previous_crc());
        let next = match Cursor::open(&*self.files, &self.directory, offset) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return match segment::list(&*self.files, &self.directory)?.first() {
                    Some(oldest) if *oldest > offset => {
                        Err(Error::Purged { requested: offset, oldest: *oldest })
                    }
                    _ => Err(self.cursor.corrupt(Reason::MissingSegment { first_offset: offset })),
                };
            }
            result => result?,
        };
        let found = next.segment().previous_crc;
        if found != crc {
            return Err(next.corrupt(Reason::Chain { expected: crc, found }));
        }
        Ok(next)
    }
}

/// Opens the segment that `offset` is in, or begins.
fn open_containing(files: &dyn Files, directory: &Path, offset: u64) -> Result<Cursor> {
    // Retention may remove the segment between the two steps; then the next round says so.
    loop {
        let segments = segment::list(files, directory)?;
        let Some(first) = segments.iter().rev().find(|first| **first <= offset) else {
            let oldest = segments.first().copied().unwrap_or(u64::MAX);
            return Err(Error::Purged { requested: offset, oldest });
        };
        match Cursor::open(files, directory, *first) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
}
