//! Walks through the records of one segment file.

use super::error::{Error, Reason, Result};
use super::record::{self, HEADER_LENGTH, Header, RecordRef};
use super::segment;
use crate::files::{File, Files, read_full};
use std::path::Path;
use std::sync::Arc;

/// Files are read in pieces of this many bytes; a longer record is read in one piece.
pub(crate) const CHUNK: usize = 64 * 1024;

/// A position between two records of a segment.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: Arc<dyn File>,
    path: Arc<Path>,
    header: segment::Header,
    seed: u32,
    /// Where in the file the next record begins, its offset, and the `crc` of the record before it.
    position: u64,
    offset: u64,
    previous_crc: u32,
    /// `buffer[start..filled]` are the bytes from `position` on.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
}

/// What is at the cursor.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// A record, as far as it was checked.
    Record(T),
    /// The end of the file.
    End,
    /// Anything else.
    Bad(Reason),
}

impl Cursor {
    /// Opens a segment and checks its header.
    pub(crate) fn open(files: &dyn Files, directory: &Path, first_offset: u64) -> Result<Cursor> {
        let path = directory.join(segment::name(first_offset));
        let file = files.open(&path).map_err(Error::io("open", &path))?;
        let header = segment::Header::read(&*file, &path, first_offset)?;
        Ok(Cursor {
            file,
            path: path.into(),
            header,
            seed: record::seed(header.salt),
            position: segment::HEADER_LENGTH as u64,
            offset: first_offset,
            previous_crc: header.previous_crc,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
        })
    }

    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    pub(crate) fn segment(&self) -> &segment::Header {
        &self.header
    }

    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn previous_crc(&self) -> u32 {
        self.previous_crc
    }

    /// The length of the file in bytes.
    pub(crate) fn length(&self) -> Result<u64> {
        self.file.len().map_err(Error::io("read the length of", &self.path))
    }

    /// The error for something wrong at the cursor.
    pub(crate) fn corrupt(&self, reason: Reason) -> Error {
        Error::Corrupt { path: self.path.to_path_buf(), position: self.position, offset: self.offset, reason }
    }

    /// File, position and offset at the cursor.
    pub(crate) fn place(&self) -> (Arc<Path>, u64, u64) {
        (Arc::clone(&self.path), self.position, self.offset)
    }

    /// Drops what was read ahead: the file may have changed there.
    pub(crate) fn forget(&mut self) {
        (self.start, self.filled) = (0, 0);
    }

    /// Checks the header at the cursor, and stays.
    pub(crate) fn peek(&mut self) -> Result<Found<Header>> {
        let available = self.fill(HEADER_LENGTH)?;
        let Some(bytes) = self.buffered().first_chunk::<HEADER_LENGTH>() else {
            let needed = HEADER_LENGTH as u64;
            let incomplete = Reason::Incomplete { needed, available: available as u64 };
            return Ok(if available == 0 { Found::End } else { Found::Bad(incomplete) });
        };
        if !record::header_is_whole(bytes, self.seed) {
            return Ok(Found::Bad(Reason::HeaderChecksum));
        }
        let header = record::decode(bytes);
        Ok(self.misplaced(&header).map_or(Found::Record(header), Found::Bad))
    }

    fn misplaced(&self, header: &Header) -> Option<Reason> {
        if header.flags != 0 {
            Some(Reason::Flags(header.flags))
        } else if header.offset != self.offset {
            Some(Reason::Offset { expected: self.offset, found: header.offset })
        } else if header.epoch != self.header.epoch {
            Some(Reason::Epoch { expected: self.header.epoch, found: header.epoch })
        } else if header.previous_crc != self.previous_crc {
            Some(Reason::Chain { expected: self.previous_crc, found: header.previous_crc })
        } else {
            None
        }
    }

    /// Reads and checks the record at the cursor, and goes behind it.
    pub(crate) fn read(&mut self) -> Result<Found<RecordRef<'_>>> {
        let header = match self.peek()? {
            Found::Record(header) => header,
            Found::End => return Ok(Found::End),
            Found::Bad(reason) => return Ok(Found::Bad(reason)),
        };
        let needed = HEADER_LENGTH + header.payload_length as usize;
        if self.buffered().len() < needed {
            // Nothing is allocated for bytes that are not there.
            let available = self.length()?.saturating_sub(self.position);
            if available < needed as u64 {
                return Ok(Found::Bad(Reason::Incomplete { needed: needed as u64, available }));
            }
            self.fill(needed)?;
        }
        let start = self.start;
        let record = self.buffered().get(..needed).and_then(<[u8]>::split_first_chunk);
        if !record.is_some_and(|(header, payload)| record::payload_is_whole(header, payload)) {
            return Ok(Found::Bad(Reason::PayloadChecksum));
        }
        self.go_behind(&header);
        Ok(Found::Record(RecordRef { header, payload: &self.buffer[start + HEADER_LENGTH..start + needed] }))
    }

    /// Goes behind the record whose header was seen by [`Cursor::peek`], without reading its payload.
    pub(crate) fn skip(&mut self, header: &Header) {
        self.go_behind(header);
    }

    fn go_behind(&mut self, header: &Header) {
        let length = HEADER_LENGTH + header.payload_length as usize;
        if self.start + length <= self.filled {
            self.start += length;
        } else {
            self.forget();
        }
        self.position += length as u64;
        self.offset = self.offset.saturating_add(u64::from(header.payload_length));
        self.previous_crc = header.crc;
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.filled).unwrap_or(&[])
    }

    /// Reads until `needed` bytes are in the buffer, or the file ends; returns how many are.
    fn fill(&mut self, needed: usize) -> Result<usize> {
        if self.buffered().len() < needed {
            let size = needed.max(CHUNK);
            if self.buffer.len() == size {
                self.buffer.copy_within(self.start..self.filled, 0);
            } else {
                // A buffer that one long record made is given back with the next read.
                let mut buffer = vec![0; size];
                buffer[..self.filled - self.start].copy_from_slice(self.buffered());
                self.buffer = buffer;
            }
            self.filled -= self.start;
            self.start = 0;
            let rest = &mut self.buffer[self.filled..];
            let from = self.position + self.filled as u64;
            self.filled += read_full(&*self.file, rest, from).map_err(Error::io("read", &self.path))?;
        }
        Ok(self.buffered().len())
    }
}
