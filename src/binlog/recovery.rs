//! Opens a log, after a clean end or after a crash.
//!
//! A crash can harm only what was not synced, which lies at the end of the last segment. So the first thing
//! that is wrong there is a torn tail, unless something proves that it had been synced: the header of the
//! segment, the `synced` of a record before or after it, or the mark. A torn tail is cut off and counted.
//! Everything else that is wrong is an error, and then nothing on the disk was changed.

use super::cursor::{CHUNK, Cursor, Found};
use super::error::{Error, LogEnd, Reason, Result};
use super::mark::Mark;
use super::record;
use super::segment::{self, Segment};
use super::writer::{Position, Resume, Writer};
use crate::files::{File, Files, read_full};
use std::path::Path;
use std::sync::Arc;

/// How to open a log.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment is finished before it would grow beyond this many bytes; a longer record has a segment of
    /// its own.
    pub segment_bytes: u64,
    /// A random number, drawn anew by each process, and not told to clients: it keeps bytes inside of a
    /// payload from ever being taken for a record.
    pub salt: u64,
    /// The time in ms since 1970.
    pub now_ms: u64,
    /// For a log that is new: its epoch, from 1.
    pub epoch: u32,
    /// For a log that is new: the `crc` of the record that ends where it begins, if the data came from
    /// another node; else 0.
    pub previous_crc: u32,
    /// Read all of the finished segments too, not only their headers and lengths. Without it, damage inside
    /// of them is found when they are read.
    pub verify_sealed: bool,
    /// A torn tail is an error, and is not cut off.
    pub refuses_torn_tail: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 256 << 20,
            salt: 0,
            now_ms: 0,
            epoch: 1,
            previous_crc: 0,
            verify_sealed: false,
            refuses_torn_tail: false,
        }
    }
}

/// A log that is open.
#[derive(Debug)]
pub struct Recovered {
    /// Goes on at the end. All of the log is durable.
    pub writer: Writer,
    /// The end of the log.
    pub end_offset: u64,
    /// How many bytes of the last segment were cut off as a torn tail, headers included.
    pub cut_bytes: u64,
    /// The first offset that can be read from.
    pub oldest_offset: u64,
    /// How many segments there are.
    pub segments: usize,
}

/// Opens the log of a directory, or makes one that begins at `at_least`.
///
/// `at_least` is the offset that the data has reached: everything after it must be in the log.
///
/// # Errors
/// [`Error::AheadOfLog`] if the log ends before `at_least`, [`Error::Purged`] if it begins after it: then the data and
/// the log are not of one history, or one of them was restored without the other. [`Error::Corrupt`] if something is
/// wrong that no crash explains, [`Error::Torn`] if it is to be one, [`Error::UnknownVersion`], [`Error::Io`].
pub fn open(files: Arc<dyn Files>, directory: &Path, at_least: u64, options: Options) -> Result<Recovered> {
    files.create_dir_all(directory).map_err(Error::io("create", directory))?;
    let marked = Mark::read(&*files, directory)?.unwrap_or(0);
    let first_offsets = segment::list(&*files, directory)?;
    if first_offsets.is_empty() {
        return create(files, directory, at_least, marked, options);
    }
    let (mut segments, mut cursor) =
        check_segments(&*files, directory, &first_offsets, options.verify_sealed)?;
    let cut_bytes = check_tail(&mut cursor, marked)?;
    let end = Position { epoch: cursor.segment().epoch, offset: cursor.offset(), crc: cursor.previous_crc() };
    let oldest = segments.first().map_or(end.offset, |segment| segment.first_offset);
    if at_least > end.offset {
        return Err(Error::AheadOfLog { requested: at_least, end: end.offset });
    }
    if at_least < oldest {
        return Err(Error::Purged { requested: at_least, oldest });
    }
    if let Some(tail) = segments.last_mut() {
        (tail.end_offset, tail.bytes) = (end.offset, cursor.position());
    }
    let path = directory.join(segment::name(cursor.segment().first_offset));
    if cut_bytes > 0 && options.refuses_torn_tail {
        return Err(Error::Torn { path, position: cursor.position(), bytes: cut_bytes });
    }
    remove_temporary(&*files, directory)?;
    if cut_bytes > 0 {
        cursor.file().truncate(cursor.position()).map_err(Error::io("truncate", &path))?;
    }
    // What was just read may be in the machine's memory only, as after a kill; and no byte of the tail may
    // come back.
    cursor.file().sync_data().map_err(Error::io("sync", &path))?;
    let header = *cursor.segment();
    let file = Arc::clone(cursor.file());
    resume(files, directory, Tail { segments, header, file, end, cut_bytes }, options)
}

struct Tail {
    segments: Vec<Segment>,
    header: segment::Header,
    file: Arc<dyn File>,
    end: Position,
    cut_bytes: u64,
}

fn resume(files: Arc<dyn Files>, directory: &Path, tail: Tail, options: Options) -> Result<Recovered> {
    // Makes the names durable too.
    let mark = Mark::open(&*files, directory, tail.end.offset)?;
    let segments = tail.segments.len();
    let oldest_offset = tail.segments.first().map_or(tail.end.offset, |segment| segment.first_offset);
    let writer = Writer::resume(Resume {
        files,
        directory: directory.to_owned(),
        segment_bytes: options.segment_bytes,
        salt: options.salt,
        segments: tail.segments,
        header: tail.header,
        file: tail.file,
        end: tail.end,
        mark,
    });
    Ok(Recovered { writer, end_offset: tail.end.offset, cut_bytes: tail.cut_bytes, oldest_offset, segments })
}

fn create(
    files: Arc<dyn Files>,
    directory: &Path,
    start: u64,
    marked: u64,
    options: Options,
) -> Result<Recovered> {
    if marked > start {
        // A log was here, and held what the data lacks.
        let reason = Reason::SyncedLost { synced: marked, end: LogEnd::Missing };
        return Err(Error::Corrupt { path: directory.to_owned(), position: 0, offset: start, reason });
    }
    remove_temporary(&*files, directory)?;
    let Options { epoch, previous_crc, salt, now_ms: created_ms, .. } = options;
    let header =
        segment::Header { epoch, first_offset: start, created_ms, previous: None, previous_crc, salt };
    let file = segment::create(&*files, directory, &header)?;
    let segments = vec![Segment {
        first_offset: start,
        end_offset: start,
        bytes: segment::HEADER_LENGTH as u64,
        created_ms,
        epoch,
    }];
    let end = Position { epoch, offset: start, crc: previous_crc };
    resume(files, directory, Tail { segments, header, file, end, cut_bytes: 0 }, options)
}

/// Removes segments that were not finished when the process died.
fn remove_temporary(files: &dyn Files, directory: &Path) -> Result<()> {
    for name in files.list(directory).map_err(Error::io("list", directory))? {
        if segment::is_temporary(&name) {
            let path = directory.join(name);
            files.remove(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Checks that the segments follow each other and that all but the last are whole. Returns them, and a cursor
/// at the first record of the last one.
fn check_segments(
    files: &dyn Files,
    directory: &Path,
    first_offsets: &[u64],
    verify_sealed: bool,
) -> Result<(Vec<Segment>, Cursor)> {
    let mut segments: Vec<Segment> = Vec::with_capacity(first_offsets.len());
    let mut before: Option<Cursor> = None;
    for first_offset in first_offsets {
        let cursor = Cursor::open(files, directory, *first_offset)?;
        if let (Some(mut sealed), Some(last)) = (before.take(), segments.last_mut()) {
            check_link(&sealed, &cursor)?;
            if verify_sealed {
                check_records(&mut sealed, &cursor)?;
            }
            last.end_offset = *first_offset;
        }
        let header = cursor.segment();
        segments.push(Segment {
            first_offset: *first_offset,
            end_offset: *first_offset,
            bytes: cursor.length()?,
            created_ms: header.created_ms,
            epoch: header.epoch,
        });
        before = Some(cursor);
    }
    // `first_offsets` is not empty.
    before.map(|cursor| (segments, cursor)).ok_or(Error::Invalid("the log has no segments"))
}

/// Checks by the headers that one segment follows another, and that the first has the length it was finished
/// with.
fn check_link(sealed: &Cursor, next: &Cursor) -> Result<()> {
    let first_offset = sealed.segment().first_offset;
    let Some((found, expected_length)) = next.segment().previous else {
        // It began a log of its own.
        return Err(next.corrupt(Reason::Offset { expected: first_offset, found: next.offset() }));
    };
    if found > first_offset {
        return Err(next.corrupt(Reason::MissingSegment { first_offset: found }));
    }
    if found < first_offset {
        return Err(next.corrupt(Reason::Offset { expected: first_offset, found }));
    }
    let length = sealed.length()?;
    if length != expected_length {
        return Err(sealed.corrupt(Reason::SealedLength { expected: expected_length, found: length }));
    }
    let (expected, found) = (sealed.segment().epoch, next.segment().epoch);
    if found < expected {
        return Err(next.corrupt(Reason::Epoch { expected, found }));
    }
    Ok(())
}

/// Reads a finished segment, and checks that its records lead to the next one.
fn check_records(sealed: &mut Cursor, next: &Cursor) -> Result<()> {
    loop {
        match sealed.read()? {
            Found::Record(_) => {}
            Found::Bad(reason) => return Err(sealed.corrupt(reason)),
            Found::End => break,
        }
    }
    let (expected, found) = (sealed.offset(), next.offset());
    if expected != found {
        return Err(next.corrupt(Reason::Offset { expected, found }));
    }
    let (expected, found) = (sealed.previous_crc(), next.previous_crc());
    if expected != found {
        return Err(next.corrupt(Reason::Chain { expected, found }));
    }
    Ok(())
}

/// Moves the cursor to the end of the whole records of the last segment. Returns how many bytes are behind
/// it.
fn check_tail(cursor: &mut Cursor, marked: u64) -> Result<u64> {
    // The segment was made when all before it was durable.
    let mut synced = marked.max(cursor.offset());
    let end = loop {
        match cursor.read()? {
            Found::Record(record) => synced = synced.max(record.header.synced),
            Found::End => break LogEnd::Missing,
            Found::Bad(Reason::PayloadChecksum) => break LogEnd::BadPayload,
            Found::Bad(Reason::Incomplete { needed, .. }) if needed > record::HEADER_LENGTH as u64 => {
                break LogEnd::BadPayload;
            }
            Found::Bad(Reason::Incomplete { .. } | Reason::HeaderChecksum) => break LogEnd::BadHeader,
            // Whole, but not what was written here: no crash does that.
            Found::Bad(reason) => return Err(cursor.corrupt(reason)),
        }
    };
    synced = synced.max(synced_behind(cursor)?);
    if synced > cursor.offset() {
        return Err(cursor.corrupt(Reason::SyncedLost { synced, end }));
    }
    Ok(cursor.length()?.saturating_sub(cursor.position()))
}

/// The greatest `synced` of all record headers at or behind the cursor, at any byte; 0 if there are none.
fn synced_behind(cursor: &Cursor) -> Result<u64> {
    let path = &cursor.place().0;
    let length = cursor.length()?;
    let mut synced = 0;
    let mut position = cursor.position();
    let mut buffer = vec![0; CHUNK];
    while position + record::HEADER_LENGTH as u64 <= length {
        let filled = read_full(&**cursor.file(), &mut buffer, position).map_err(Error::io("read", path))?;
        // Offsets grow more slowly than positions: by the payloads only.
        let offsets = cursor.offset()..=cursor.offset().saturating_add(length - cursor.position());
        for window in buffer[..filled].windows(record::HEADER_LENGTH) {
            let Some(bytes) = window.first_chunk() else { break };
            let header = record::decode(bytes);
            // The cheap test leaves almost nothing for the checksum to do.
            if offsets.contains(&header.offset) && record::header_is_whole(bytes, cursor.seed()) {
                synced = synced.max(header.synced);
            }
        }
        if filled < record::HEADER_LENGTH {
            break;
        }
        position += (filled - record::HEADER_LENGTH + 1) as u64;
    }
    Ok(synced)
}

/// Reads the whole log of a directory and checks every byte of it; nothing is changed. `Ok` gives the end.
///
/// For a scrub of backups and archives: a torn tail is an error here, and the mark is looked at if there is
/// one.
///
/// # Errors
/// [`Error::Corrupt`] at the first thing that is wrong, [`Error::UnknownVersion`], [`Error::Io`].
pub fn verify(files: &dyn Files, directory: &Path) -> Result<Position> {
    let first_offsets = segment::list(files, directory)?;
    let (_, mut cursor) = check_segments(files, directory, &first_offsets, true)?;
    let marked = Mark::read(files, directory)?.unwrap_or(0);
    let cut = check_tail(&mut cursor, marked)?;
    if cut > 0 {
        let (needed, available) = (cut + 1, cut);
        return Err(cursor.corrupt(Reason::Incomplete { needed, available }));
    }
    Ok(Position { epoch: cursor.segment().epoch, offset: cursor.offset(), crc: cursor.previous_crc() })
}
