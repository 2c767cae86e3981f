//! Which history of writes a server's data and log belong to, and how that is kept.
//!
//! # Ids and offsets
//! A *history* is a sequence of writes with one origin; its name is a [`ReplicationId`]. Two servers with the same id
//! and the same offset have the same data. Offsets are the log's: how many bytes of payload there were since the
//! beginning, as Redis's `master_repl_offset`. **PSYNC asks for the first byte that is missing, so it says an offset
//! plus one**; everything in this file means the offset itself.
//!
//! A history forks where a server goes on writing without knowing whether others have more of the old one: a slave is
//! promoted, or a master starts again after a crash that may have taken its last writes. From there on it has a new
//! id ([`History::shift`]). Up to the fork the old id still holds, so it is kept in a list, the newest first, with the
//! offset of the fork. Redis keeps one such id (`master_replid2`); a longer list lets a slave go on that was away
//! while its master started several times.
//!
//! # The file
//! `replication` in the data folder, at most 4 KiB of ASCII text, replaced as a whole (written under the name
//! `replication.tmp`, synced, renamed, and the folder synced). Lines end with `\n`, and stand in this order:
//!
//! | line | how often | meaning |
//! |------|-----------|---------|
//! | `pika-replication 1` | 1 | format version; another one is refused |
//! | `id` *id* | 1 | the present history: 40 digits of `0-9a-f` |
//! | `earlier` *id* *offset* | 0 to 16 | an earlier one, and the last offset up to which it is the same, decimal; the newest first, offsets never rise |
//! | `ended` *offset* | 0 or 1 | the server stopped cleanly at this end of the log, and has not started since |
//! | `incomplete` | 0 or 1 | a full synchronisation has begun and has not ended: the data is of no history |
//! | `crc` *crc* | 1 | crc32c of all bytes before this line, 8 digits of `0-9a-f` |
//!
//! A file that does not parse is an error, since what it said cannot be known; the operator may remove it: the server
//! then begins a new history, and each of its slaves does a full synchronisation.

use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::files::{Files, read_full};

/// The name of the file, in the data folder.
pub const NAME: &str = "replication";
/// The format's version.
pub const VERSION: u32 = 1;
/// How many earlier histories are remembered.
pub const EARLIER: usize = 16;
/// The most bytes that a file has.
const LONGEST_FILE: usize = 4096;

/// The name of a history: 40 digits of `0-9a-f`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicationId([u8; ReplicationId::LENGTH]);

impl ReplicationId {
    /// Digits of an id.
    pub const LENGTH: usize = 40;
    /// What INFO shows where there is no id.
    pub const NONE: ReplicationId = ReplicationId([b'0'; ReplicationId::LENGTH]);

    /// An id from 20 random bytes.
    pub fn from_random(random: [u8; ReplicationId::LENGTH / 2]) -> ReplicationId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut id = [0; ReplicationId::LENGTH];
        for (pair, byte) in id.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        ReplicationId(id)
    }

    /// The id that a text is: 40 hexadecimal digits. Redis writes them in lower case, and so does this; in which case
    /// they came makes a difference for none that Redis or this server has made.
    pub fn parse(text: &[u8]) -> Option<ReplicationId> {
        let id: [u8; ReplicationId::LENGTH] = text.try_into().ok()?;
        id.iter()
            .all(u8::is_ascii_hexdigit)
            .then(|| ReplicationId(id.map(|digit| digit.to_ascii_lowercase())))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A history that forked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// Its name.
    pub id: ReplicationId,
    /// The last offset at which it still was the same as the present one.
    pub until: u64,
}

/// Why a slave cannot go on from where it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Its history is none of ours.
    UnknownId,
    /// Its history was ours, but it has more of it than we: the histories differ.
    BeyondFork {
        /// The last offset up to which they are the same.
        until: u64,
    },
    /// Its history is ours, but it says that it has more of it than there is.
    AheadOfLog {
        /// The end of the log.
        end: u64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::UnknownId => f.write_str("its replication id is unknown here"),
            Mismatch::BeyondFork { until } => {
                write!(f, "its history is the same as ours only up to offset {until}")
            }
            Mismatch::AheadOfLog { end } => {
                write!(f, "it claims to be ahead of this log, which ends at {end}")
            }
        }
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    id: ReplicationId,
    /// The newest first; `until` never rises.
    earlier: Vec<Earlier>,
    ended: Option<u64>,
    incomplete: bool,
}

impl History {
    /// A history that begins.
    pub fn new(id: ReplicationId) -> History {
        History { id, earlier: Vec::new(), ended: None, incomplete: false }
    }

    /// The name of the present one.
    pub fn id(&self) -> ReplicationId {
        self.id
    }

    /// Earlier ones, the newest first: INFO's `master_replid2` is the first of them, and its `second_repl_offset` is
    /// that one's `until` plus one (-1 if there is none).
    pub fn earlier(&self) -> &[Earlier] {
        &self.earlier
    }

    /// Whether a full synchronisation has begun that has not ended: the data is of no history, and this server must
    /// neither be promoted nor serve slaves.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether who has everything before `offset` of the history `id` can go on from there with this server's log,
    /// which ends at `end` (and may begin behind `offset`: that is another question).
    ///
    /// # Errors
    /// [`Mismatch`] says why not.
    pub fn accepts(&self, id: &ReplicationId, offset: u64, end: u64) -> Result<(), Mismatch> {
        if *id != self.id {
            let earlier = self.earlier.iter().find(|earlier| earlier.id == *id).ok_or(Mismatch::UnknownId)?;
            if offset > earlier.until {
                return Err(Mismatch::BeyondFork { until: earlier.until });
            }
        }
        if offset > end { Err(Mismatch::AheadOfLog { end }) } else { Ok(()) }
    }

    /// The last offset, `offset` at the most, that the history `id` and this one have in common, of what this server's
    /// log, which ends at `end`, has of it. `None`: `id` is unknown here.
    pub fn common(&self, id: &ReplicationId, offset: u64, end: u64) -> Option<u64> {
        let until = match *id == self.id {
            true => end,
            false => self.earlier.iter().find(|earlier| earlier.id == *id)?.until.min(end),
        };
        Some(until.min(offset))
    }

    /// This server goes on as the origin of a history of its own, from the end of its log on: a slave is promoted, or
    /// a start does not know whether slaves have more than the log. The log must be durable up to `end` before this
    /// is stored. If the data was to be replaced, it is of no history that others have: a new one begins.
    pub fn shift(&mut self, id: ReplicationId, end: u64) {
        if self.incomplete {
            return self.adopt(id);
        }
        let before = Earlier { id: self.id, until: end };
        // A log that lost its end forks earlier than histories before had.
        self.earlier.iter_mut().for_each(|earlier| earlier.until = earlier.until.min(end));
        self.earlier.retain(|earlier| earlier.id != id && earlier.id != before.id);
        self.earlier.insert(0, before);
        self.earlier.truncate(EARLIER);
        self.id = id;
    }

    /// A slave at offset `end` goes on with its master, which has another id now (`+CONTINUE` with an id): what was
    /// before is the same under both names. The same id as before has no effect.
    pub fn follow(&mut self, id: ReplicationId, end: u64) {
        if id != self.id {
            self.shift(id, end);
        }
    }

    /// A slave begins to take over its master's whole data: what it has is of no history until [`History::adopt`].
    pub fn begin_full_sync(&mut self) {
        self.incomplete = true;
    }

    /// A slave gave up a full synchronisation before it had changed any of its data.
    pub fn abandon_full_sync(&mut self) {
        self.incomplete = false;
    }

    /// A slave has its master's whole data (`+FULLRESYNC`): nothing that was before counts. Its log begins at the
    /// offset that the master said.
    pub fn adopt(&mut self, id: ReplicationId) {
        *self = History::new(id);
    }

    /// The server stops, and its log is durable and ends at `end`.
    pub fn stop(&mut self, end: u64) {
        self.ended = Some(end);
    }

    /// The server starts with a log that ends at `end`. After a clean stop at that offset the history goes on. Else
    /// slaves may have more of it than the log, so `fresh` is the name of what comes now, if this server is a master.
    /// A slave keeps its history's name: its master decides whether it can go on. Returns whether anything changed
    /// that must be stored before the server does anything.
    pub fn start(&mut self, end: u64, is_slave: bool, fresh: ReplicationId) -> bool {
        let ended = self.ended.take();
        if !is_slave && (ended != Some(end) || self.incomplete) {
            self.shift(fresh, end);
            return true;
        }
        ended.is_some()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("pika-replication {VERSION}\nid {}\n", self.id);
        for Earlier { id, until } in &self.earlier {
            let _ = writeln!(text, "earlier {id} {until}");
        }
        if let Some(ended) = self.ended {
            let _ = writeln!(text, "ended {ended}");
        }
        if self.incomplete {
            text.push_str("incomplete\n");
        }
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text.into_bytes()
    }

    /// What a file says.
    ///
    /// # Errors
    /// A text for the operator, if it is not such a file, damaged, or of another version.
    pub fn decode(bytes: &[u8]) -> Result<History, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_string())?;
        let version = text.lines().next().and_then(|line| line.strip_prefix("pika-replication "));
        match version.and_then(|number| number.parse::<u32>().ok()) {
            None => return Err("it does not begin with `pika-replication`".into()),
            Some(VERSION) => {}
            Some(other) => {
                return Err(format!("it has format version {other}, this Pika reads version {VERSION}"));
            }
        }
        let (before, sum) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once('\n'))
            .ok_or_else(|| "it is cut off".to_string())?;
        let summed = &bytes[..before.len() + 1];
        if sum != format!("crc {:08x}", crc32c::crc32c(summed)) {
            return Err("its checksum does not match".into());
        }
        let mut lines = before.lines().skip(1).peekable();
        let id = lines.next().and_then(|line| line.strip_prefix("id ")).and_then(parse_id);
        let mut history = History::new(id.ok_or_else(|| "it names no id".to_string())?);
        while let Some(line) = lines.next_if(|line| line.starts_with("earlier ")) {
            let earlier = line["earlier ".len()..]
                .split_once(' ')
                .and_then(|(id, until)| Some(Earlier { id: parse_id(id)?, until: until.parse().ok()? }));
            history.earlier.push(earlier.ok_or_else(|| format!("this line is wrong: {line}"))?);
        }
        if let Some(line) = lines.next_if(|line| line.starts_with("ended ")) {
            let ended = line["ended ".len()..].parse();
            history.ended = Some(ended.map_err(|_| format!("this line is wrong: {line}"))?);
        }
        history.incomplete = lines.next_if_eq(&"incomplete").is_some();
        let falling = history.earlier.is_sorted_by(|newer, older| newer.until >= older.until);
        match lines.next() {
            Some(line) => Err(format!("this line is wrong: {line}")),
            None if !falling || history.earlier.len() > EARLIER => {
                Err("its earlier ids are out of order".into())
            }
            None => Ok(history),
        }
    }

    /// Reads the file of a data folder; `None` if there is none.
    ///
    /// # Errors
    /// A text for the operator, that names the file: it cannot be read, or [`History::decode`] refuses it.
    pub fn load(files: &dyn Files, folder: &Path) -> Result<Option<History>, String> {
        let path = folder.join(NAME);
        let fail = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let file = match files.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| fail(&error))?,
        };
        let mut bytes = vec![0; LONGEST_FILE + 1];
        let length = read_full(&*file, &mut bytes, 0).map_err(|error| fail(&error))?;
        if length > LONGEST_FILE {
            return Err(fail(&"it is too long"));
        }
        History::decode(&bytes[..length]).map(Some).map_err(|error| fail(&error))
    }

    /// Replaces the file of a data folder. It is durable when this returns.
    ///
    /// # Errors
    /// Those of the disk. The file is the old one or the new one.
    pub fn store(&self, files: &dyn Files, folder: &Path) -> io::Result<()> {
        let (path, unfinished) = (folder.join(NAME), folder.join(format!("{NAME}.tmp")));
        match files.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = files.create(&unfinished)?;
        file.write_at(&self.encode(), 0)?;
        file.sync_data()?;
        files.rename(&unfinished, &path)?;
        files.sync_dir(folder)
    }
}

fn parse_id(text: &str) -> Option<ReplicationId> {
    ReplicationId::parse(text.as_bytes())
}

#[cfg(test)]
mod tests;
