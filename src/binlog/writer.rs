//! Appends records to the log.

use super::error::{Error, Result};
use super::mark::Mark;
use super::record::{self, Context, Record};
use super::segment::{self, Segment};
use crate::files::{File, Files};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The buffer for a group is kept for the next one up to this size, in bytes.
const KEPT_BUFFER: usize = 1 << 20;

/// The end of the log: the only one that appends to it, rotates it, and removes from it.
///
/// It has one owner, on one thread. What may run elsewhere: [`SyncHandle::sync`], [`Removal::perform`],
/// [`Reader`](super::Reader)s, and [`retention`](super::retention)'s plans. All that may wait for the disk is there,
/// but for a full segment's sync.
///
/// An I/O error poisons it: that call and all later ones fail, since nobody knows what is on the disk. The
/// process ends, and [`open`](super::open) finds out.
#[derive(Debug)]
pub struct Writer {
    files: Arc<dyn Files>,
    directory: PathBuf,
    segment_bytes: u64,
    salt: u64,
    /// All segments, ascending; the last is the one that is written.
    segments: Vec<Segment>,
    header: segment::Header,
    file: Arc<dyn File>,
    path: PathBuf,
    end: Position,
    synced: u64,
    mark: Arc<Mark>,
    poison: Poison,
    buffer: Vec<u8>,
}

/// The text of the first I/O error, shared with the handles that sync.
type Poison = Arc<OnceLock<String>>;

/// A place between two records of a history. Two logs that have the same position have the same history up to
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch of the segment.
    pub epoch: u32,
    /// The offset.
    pub offset: u64,
    /// The `crc` of the record that ends there; 0 if unknown.
    pub crc: u32,
}

/// What INFO says about the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many segment files there are, at least 1.
    pub segments: usize,
    /// Their lengths in bytes, together.
    pub bytes: u64,
    /// The first offset that can be read from.
    pub oldest_offset: u64,
    /// The clock of the oldest record in ms since 1970; without records, of when the log was made.
    pub oldest_ms: u64,
    /// The end of the log.
    pub written_offset: u64,
    /// Everything before it is durable.
    pub synced_offset: u64,
    /// The epoch of the next record.
    pub epoch: u32,
}

/// Syncs what was written when it was made, on any thread.
#[derive(Debug)]
pub struct SyncHandle {
    file: Arc<dyn File>,
    path: PathBuf,
    end: u64,
    mark: Arc<Mark>,
    poison: Poison,
}

impl SyncHandle {
    /// Returns once everything before [`SyncHandle::end_offset`] is durable, and marked so; returns that offset,
    /// which the writer is to be told by [`Writer::synced`].
    ///
    /// # Errors
    /// [`Error::Io`]; the writer is poisoned then. [`Error::Poisoned`].
    pub fn sync(&self) -> Result<u64> {
        check(&self.poison)?;
        let synced = self.file.sync_data().map_err(Error::io("sync", &self.path));
        poison_on_error(&self.poison, synced.and_then(|()| self.mark.set(self.end)))?;
        Ok(self.end)
    }

    /// The end of the log when the handle was made.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.end
    }
}

/// Files of segments that the log has let go of, to be removed on any thread; one removal after the other.
#[derive(Debug)]
#[must_use = "the files are still there"]
pub struct Removal {
    files: Arc<dyn Files>,
    directory: PathBuf,
    segments: Vec<Segment>,
    poison: Poison,
}

impl Removal {
    /// Removes the files, the oldest first, each durably before the next, so that a crash leaves no hole: what it
    /// leaves is part of the log again when that is opened. Returns the freed bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; the writer is poisoned then. [`Error::Poisoned`].
    pub fn perform(self) -> Result<u64> {
        check(&self.poison)?;
        for segment in &self.segments {
            poison_on_error(&self.poison, self.remove_file(&segment.name()))?;
        }
        Ok(self.segments.iter().map(|segment| segment.bytes).sum())
    }

    fn remove_file(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        match self.files.remove(&path) {
            // Someone else removed it, which was the aim.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            result => result.map_err(Error::io("remove", &path))?,
        }
        self.files.sync_dir(&self.directory).map_err(Error::io("sync", &self.directory))
    }
}

fn check(poison: &Poison) -> Result<()> {
    poison.get().map_or(Ok(()), |cause| Err(Error::Poisoned { cause: cause.clone() }))
}

fn poison_on_error<T>(poison: &Poison, result: Result<T>) -> Result<T> {
    if let Err(error @ Error::Io { .. }) = &result {
        // The first error is the cause of those after it.
        let _ = poison.set(error.to_string());
    }
    result
}

/// What [`open`](super::open) found, for the writer to go on from.
pub(crate) struct Resume {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) directory: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) salt: u64,
    pub(crate) segments: Vec<Segment>,
    pub(crate) header: segment::Header,
    pub(crate) file: Arc<dyn File>,
    /// All of the log before it is durable.
    pub(crate) end: Position,
    pub(crate) mark: Mark,
}

impl Writer {
    pub(crate) fn resume(from: Resume) -> Writer {
        let path = from.directory.join(segment::name(from.header.first_offset));
        Writer {
            files: from.files,
            directory: from.directory,
            segment_bytes: from.segment_bytes,
            salt: from.salt,
            segments: from.segments,
            header: from.header,
            file: from.file,
            path,
            end: from.end,
            synced: from.end.offset,
            mark: Arc::new(from.mark),
            poison: Poison::default(),
            buffer: Vec::new(),
        }
    }

    /// Appends a group of records with one write (one more for each segment that it fills), and returns the
    /// new end of the log. The records are written, not durable, when it returns.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] or [`Error::Invalid`] if a record cannot follow: none is written then, and the writer
    /// goes on. [`Error::Io`], [`Error::Poisoned`].
    pub fn append(&mut self, records: &[Record]) -> Result<u64> {
        check(&self.poison)?;
        let mut expected = self.end.offset;
        for record in records {
            record.check()?;
            if record.offset != expected {
                return Err(Error::OutOfOrder { expected, found: record.offset });
            }
            expected = record.end_offset();
        }
        let result = self.append_checked(records);
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        self.poisoning(result)?;
        Ok(self.end.offset)
    }

    fn append_checked(&mut self, records: &[Record]) -> Result<()> {
        for record in records {
            let length = (record::HEADER_LENGTH + record.payload.len()) as u64;
            let bytes = self.tail().map_or(0, |tail| tail.bytes) + self.buffer.len() as u64;
            if bytes + length > self.segment_bytes && bytes > segment::HEADER_LENGTH as u64 {
                self.write_buffer()?;
                self.rotate(record.clock_ms & !record::SENT, self.end.epoch)?;
            }
            self.end.crc = record::encode(record, self.context(), &mut self.buffer);
            self.end.offset = record.end_offset();
        }
        self.write_buffer()
    }

    fn context(&self) -> Context {
        Context {
            seed: record::seed(self.header.salt),
            synced: self.synced,
            previous_crc: self.end.crc,
            epoch: self.end.epoch,
        }
    }

    fn write_buffer(&mut self) -> Result<()> {
        let end = self.end.offset;
        let Some(tail) = self.segments.last_mut().filter(|_| !self.buffer.is_empty()) else { return Ok(()) };
        self.file.write_at(&self.buffer, tail.bytes).map_err(Error::io("write", &self.path))?;
        tail.bytes += self.buffer.len() as u64;
        tail.end_offset = end;
        self.buffer.clear();
        Ok(())
    }

    /// Starts the next segment. The one before is whole and durable when it exists; an empty one is replaced.
    fn rotate(&mut self, created_ms: u64, epoch: u32) -> Result<()> {
        self.sync_now()?;
        let empty = self.header.first_offset == self.end.offset;
        let previous = match self.tail() {
            Some(tail) if !empty => Some((tail.first_offset, tail.bytes)),
            _ => self.header.previous,
        };
        let (first_offset, previous_crc) = (self.end.offset, self.end.crc);
        let header =
            segment::Header { epoch, first_offset, created_ms, previous, previous_crc, salt: self.salt };
        self.file = segment::create(&*self.files, &self.directory, &header)?;
        self.path = self.directory.join(segment::name(first_offset));
        self.header = header;
        self.end.epoch = epoch;
        if empty {
            self.segments.pop();
        }
        self.segments.push(Segment {
            first_offset,
            end_offset: first_offset,
            bytes: segment::HEADER_LENGTH as u64,
            created_ms,
            epoch,
        });
        Ok(())
    }

    /// Makes everything that was appended durable, on this thread, and returns the end of the log.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Poisoned`].
    pub fn sync(&mut self) -> Result<u64> {
        check(&self.poison)?;
        let result = self.sync_now();
        self.poisoning(result)?;
        Ok(self.synced)
    }

    fn sync_now(&mut self) -> Result<()> {
        if self.synced < self.end.offset {
            self.synced = self.sync_handle().sync()?;
        }
        Ok(())
    }

    /// A handle to sync what has been appended so far on another thread, while this one goes on appending.
    #[must_use]
    pub fn sync_handle(&self) -> SyncHandle {
        SyncHandle {
            file: Arc::clone(&self.file),
            path: self.path.clone(),
            end: self.end.offset,
            mark: Arc::clone(&self.mark),
            poison: Arc::clone(&self.poison),
        }
    }

    /// Takes note of what [`SyncHandle::sync`] returned. An older one than is known has no effect.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it lies beyond the end of the log; [`Error::Poisoned`].
    pub fn synced(&mut self, up_to: u64) -> Result<()> {
        check(&self.poison)?;
        if up_to > self.end.offset {
            return Err(Error::Invalid("more is said to be synced than was written"));
        }
        self.synced = self.synced.max(up_to);
        Ok(())
    }

    /// Begins a new epoch: this node was promoted, or its master's stream enters one. It takes effect
    /// durably, with a new segment, before it returns. `now_ms` is in ms since 1970. The present epoch has no
    /// effect.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `epoch` is lower than the present one; [`Error::Io`], [`Error::Poisoned`].
    pub fn set_epoch(&mut self, epoch: u32, now_ms: u64) -> Result<()> {
        check(&self.poison)?;
        if epoch < self.end.epoch {
            return Err(Error::Invalid("the epoch cannot go back"));
        }
        if epoch > self.end.epoch {
            let result = self.rotate(now_ms, epoch);
            self.poisoning(result)?;
        }
        Ok(())
    }

    /// Lets go of segments, as a plan of [`retention`](super::retention) says; the removal is still to be performed.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they are not the oldest ones, or the last is among them: then none is removed.
    /// [`Error::Poisoned`].
    pub fn remove(&mut self, segments: &[Segment]) -> Result<Removal> {
        check(&self.poison)?;
        let oldest = self.segments.iter().zip(segments).all(|(own, other)| own == other);
        if !oldest || segments.len() >= self.segments.len() {
            return Err(Error::Invalid("only the oldest segments can be removed, and not the last one"));
        }
        Ok(Removal {
            files: Arc::clone(&self.files),
            directory: self.directory.clone(),
            segments: self.segments.drain(..segments.len()).collect(),
            poison: Arc::clone(&self.poison),
        })
    }

    /// Ends cleanly: all is durable, and marked so, when it returns. Returns the end of the log.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Poisoned`].
    pub fn close(mut self) -> Result<u64> {
        self.sync()?;
        self.mark.sync()?;
        Ok(self.end.offset)
    }

    /// The end of the log: the offset of the next record, up to which readers may read.
    #[must_use]
    pub fn written_offset(&self) -> u64 {
        self.end.offset
    }

    /// Everything before it is durable.
    #[must_use]
    pub fn synced_offset(&self) -> u64 {
        self.synced
    }

    /// The end of the log as a place in its history.
    #[must_use]
    pub fn position(&self) -> Position {
        self.end
    }

    /// All segments, ascending; the last is the one that is written. The others never change again: they may
    /// be copied or linked away as an archive.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The directory of the log.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What INFO says.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            segments: self.segments.len(),
            bytes: self.segments.iter().map(|segment| segment.bytes).sum(),
            oldest_offset: self.segments.first().map_or(0, |segment| segment.first_offset),
            oldest_ms: self.segments.first().map_or(0, |segment| segment.created_ms),
            written_offset: self.end.offset,
            synced_offset: self.synced,
            epoch: self.end.epoch,
        }
    }

    fn tail(&self) -> Option<&Segment> {
        self.segments.last()
    }

    fn poisoning<T>(&self, result: Result<T>) -> Result<T> {
        poison_on_error(&self.poison, result)
    }
}
