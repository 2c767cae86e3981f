//! A master's stream, cut into pieces that can be logged and run.
//!
//! The stream is commands in RESP. A slave's log gets its bytes exactly as they came, at the master's offsets, so that
//! slaves of the slave see the same stream, and a slave that takes its master's place can serve the others from any
//! offset. What runs on keys, a slave runs; the rest (PING, REPLCONF, MULTI and EXEC, PUBLISH) it only counts.
//!
//! A *piece* is a record of the log: consecutive commands whose keys are all of one partition, or one unit (a
//! command, a transaction) over several. After a crash a record is run again or is not, by what the data of its slots
//! has reached, and partitions reach different offsets: so one record must not be of two of them, unless they hand it
//! off together.
//!
//! A transaction is never cut: its bytes are held back until its EXEC has come.

use bytes::{Bytes, BytesMut};

use crate::commands::execute::key_run;
use crate::commands::spec::{Find, Run};
use crate::commands::table::{self, Entry};
use crate::commands::{Args, Command};
use crate::keyspace::slot::{self, SLOTS, Slot};
use crate::number::parse_i64;
use crate::resp::{Batch, Limits, Parser};

/// Pieces do not grow beyond about so many bytes: one is a unit of checksums and of a replay's memory.
const PIECE_BYTES: u32 = 256 * 1024;
/// Most commands that are cut at a time: readers get their turn in between.
const COMMANDS: usize = 4096;

/// What a command of the stream is to a slave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// It runs on keys.
    Keys(&'static Entry),
    /// About the connection: nothing to do.
    Control,
    /// REPLCONF GETACK: the master wants to know the offset now.
    GetAck,
    /// Selects a database; `None`: none that there is.
    Select(Option<usize>),
    Multi,
    Exec,
    /// A message for subscribers.
    Publish,
    /// What is passed over: scripts, whose effects come as commands of their own.
    PassedOver,
    /// Nothing that this version knows.
    Unknown,
}

pub(super) fn kind(args: Args<'_>) -> Kind {
    let name = args.word(0).to_ascii_lowercase();
    match &name[..] {
        b"ping" => Kind::Control,
        b"replconf" if args.len() > 1 && args.word(1).eq_ignore_ascii_case(b"getack") => Kind::GetAck,
        b"replconf" => Kind::Control,
        b"select" if args.len() == 2 => {
            Kind::Select(parse_i64(args.word(1)).and_then(|number| usize::try_from(number).ok()))
        }
        b"multi" => Kind::Multi,
        b"exec" => Kind::Exec,
        b"publish" | b"spublish" => Kind::Publish,
        b"script" => Kind::PassedOver,
        _ => match table::resolve(args) {
            Ok(entry) if key_run(entry.command).is_some() => Kind::Keys(entry),
            _ => Kind::Unknown,
        },
    }
}

/// Whether a command of a log is not to be run on keys: a slave's log has its master's stream as it came.
pub fn is_passed_over(args: Args<'_>) -> bool {
    !matches!(kind(args), Kind::Keys(_) | Kind::Select(_) | Kind::Unknown)
}

/// The database that a record of a log selects last, if it selects one.
pub fn last_selected(payload: &[u8]) -> Option<usize> {
    let mut batch = Batch::default();
    let limits =
        Limits { max_bulk_len: u64::from(u32::MAX), max_args: i64::from(i32::MAX), ..Limits::default() };
    Parser::default().parse(payload, &limits, usize::MAX, &mut batch).ok()?;
    batch.commands.iter().rev().find_map(|command| {
        let first = command.first as usize;
        let words = batch.ranges.get(first..first + command.count as usize)?;
        match kind(Args::new(payload, words)) {
            Kind::Select(number) if !command.inline => number,
            _ => None,
        }
    })
}

/// How many commands of a record of a log change data, or may.
pub fn changes(payload: &[u8]) -> u64 {
    let mut batch = Batch::default();
    let limits =
        Limits { max_bulk_len: u64::from(u32::MAX), max_args: i64::from(i32::MAX), ..Limits::default() };
    // What does not parse is somebody's data all the same.
    if Parser::default().parse(payload, &limits, usize::MAX, &mut batch).is_err() {
        return 1;
    }
    let changes = |command: &&crate::resp::Command| {
        let first = command.first as usize;
        batch.ranges.get(first..first + command.count as usize).is_some_and(|words| {
            matches!(kind(Args::new(payload, words)), Kind::Keys(_) | Kind::Unknown | Kind::PassedOver)
        })
    };
    batch.commands.iter().filter(changes).count() as u64
}

/// Whose keys a piece is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No keys.
    Nobody,
    /// Those of one partition.
    One(usize),
    /// Those of several, together.
    All,
}

/// A command to run.
#[derive(Debug, Clone, Copy)]
pub struct StreamCommand {
    /// Its row.
    pub entry: &'static Entry,
    /// Its words: first index into [`Cut::ranges`], and how many.
    pub words: (u32, u32),
    /// The database that it runs on.
    pub database: usize,
}

/// A record of the log and what it says to do. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Its bytes in [`Cut::frame`]: from, and one past the last.
    pub bytes: (u32, u32),
    /// The database that is selected where it begins.
    pub database: usize,
    /// Lowest and highest slot that it touches; all, if it touches none in particular.
    pub slots: (Slot, Slot),
    /// Whose it is.
    pub owner: Owner,
    /// What runs.
    pub commands: Vec<StreamCommand>,
    /// PUBLISH and SPUBLISH: their words as in [`StreamCommand::words`].
    pub messages: Vec<(u32, u32)>,
}

/// Complete units from the front of the stream.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    /// Their bytes.
    pub frame: Bytes,
    /// Places of words in the frame.
    pub ranges: Vec<(u32, u32)>,
    /// In order and without gaps: together they are the frame.
    pub pieces: Vec<Piece>,
    /// The master asked for the offset behind the frame.
    pub get_ack: bool,
}

/// Why a stream cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// It is not RESP.
    Protocol(String),
    /// A command that this version does not know.
    Unknown(String),
    /// A database that this server does not have.
    Database(String),
}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StreamError::Protocol(error) => write!(f, "the master's stream is no RESP: {error}"),
            StreamError::Unknown(name) => {
                write!(f, "the master's stream has a command that this version does not know: {name}")
            }
            StreamError::Database(text) => {
                write!(f, "the master's stream selects database {text}, which is not here: raise `databases`")
            }
        }
    }
}

impl std::error::Error for StreamError {}

/// Cuts a stream.
#[derive(Debug)]
pub struct Cutter {
    input: BytesMut,
    parser: Parser,
    partitions: usize,
    databases: usize,
    database: usize,
    /// A transaction at the front is not whole; so many bytes of it were searched for its end.
    searched: usize,
}

impl Cutter {
    /// At a place of a stream where `database` is selected, for a server of so many partitions and databases.
    pub fn new(partitions: usize, databases: usize, database: usize) -> Cutter {
        Cutter {
            input: BytesMut::new(),
            parser: Parser::default(),
            partitions,
            databases,
            database,
            searched: 0,
        }
    }

    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The database that is selected behind what was cut.
    pub fn selected(&self) -> usize {
        self.database
    }

    /// How many bytes wait for the rest of their unit.
    pub fn waiting(&self) -> usize {
        self.input.len()
    }

    /// The complete units at the front; `None` if there is none.
    ///
    /// # Errors
    /// [`StreamError`]; the stream cannot be read on from there. What stands before is not lost: it is answered
    /// first, and the error by the next call.
    pub fn cut(&mut self) -> Result<Option<Cut>, StreamError> {
        self.cut_up_to(u64::MAX)
    }

    /// As [`Cutter::cut`], but nothing that ends behind the next `most` bytes.
    ///
    /// # Errors
    /// As [`Cutter::cut`].
    pub fn cut_up_to(&mut self, most: u64) -> Result<Option<Cut>, StreamError> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        if most == 0 || self.input.is_empty() || !self.may_be_whole() {
            return Ok(None);
        }
        let limits =
            Limits { max_bulk_len: u64::from(u32::MAX), max_args: i64::from(i32::MAX), ..Limits::default() };
        let mut batch = Batch::default();
        let parsed = self.parser.parse(&self.input, &limits, COMMANDS, &mut batch);
        if let Err(failure) = parsed
            && batch.commands.is_empty()
        {
            return Err(StreamError::Protocol(String::from_utf8_lossy(&failure.error.message()).into()));
        }
        let mut building =
            Building { cut: Cut::default(), end: 0, database: self.database, most, past: false };
        let stopped = building.add_all(self, &batch);
        let Building { mut cut, end, database, past, .. } = building;
        if end == 0 && past {
            self.parser = Parser::default();
            return Ok(None);
        }
        if end == 0 {
            stopped?;
            if let Some(last) = batch.commands.last() {
                // A transaction that is not whole. It is looked at again when its end may have come.
                self.parser = Parser::default();
                self.searched = last.end as usize;
            }
            return Ok(None);
        }
        // What is not taken is parsed again from its first byte; the parser keeps its place only behind a command.
        if stopped.is_err() || batch.commands.last().is_some_and(|last| last.end > end) || parsed.is_err() {
            self.parser = Parser::default();
        }
        self.searched = 0;
        self.database = database;
        // Blank lines behind the last command belong to nobody: they go with it.
        let is_last = batch.commands.last().is_some_and(|last| last.end == end);
        let consumed = parsed.ok().filter(|_| is_last).unwrap_or(end as usize);
        let spare = if consumed <= most as usize { consumed } else { end as usize };
        if spare < consumed {
            self.parser = Parser::default();
        }
        if let Some(last) = cut.pieces.last_mut() {
            last.bytes.1 = spare as u32;
        }
        cut.frame = self.input.split_to(spare).freeze();
        cut.ranges = batch.ranges;
        Ok(Some(cut))
    }

    /// Whether the transaction at the front, if one is there that was not whole, may be whole now.
    fn may_be_whole(&mut self) -> bool {
        const END: &[u8] = b"EXEC\r\n";
        if self.searched == 0 {
            return true;
        }
        let from = self.searched.saturating_sub(END.len());
        let found = self.input[from..].windows(END.len()).any(|window| window.eq_ignore_ascii_case(END));
        if !found {
            self.searched = self.input.len();
        }
        found
    }
}

struct Building {
    cut: Cut,
    /// Everything before is in a piece.
    end: u32,
    database: usize,
    /// What ends behind this is left, and whether something was.
    most: u32,
    past: bool,
}

impl Building {
    fn add_all(&mut self, cutter: &Cutter, batch: &Batch) -> Result<(), StreamError> {
        let mut at = 0;
        while let Some(command) = batch.commands.get(at) {
            let words = |command: &crate::resp::Command| (command.first, command.count);
            let args = |(first, count): (u32, u32)| {
                Args::new(&cutter.input, &batch.ranges[first as usize..(first + count) as usize])
            };
            if command.inline {
                let start = at.checked_sub(1).map_or(0, |before| batch.commands[before].end);
                // An append-only file may have lines that say when.
                if cutter.input.get(start as usize) == Some(&b'#') {
                    if self.is_past(command.end) {
                        return Ok(());
                    }
                    self.unit(cutter, std::iter::empty(), command.end)?;
                    at += 1;
                    continue;
                }
                return Err(StreamError::Protocol("an inline command".into()));
            }
            let place = words(command);
            match kind(args(place)) {
                Kind::Multi => {
                    let rest = &batch.commands[at + 1..];
                    let Some(length) =
                        rest.iter().position(|other| matches!(kind(args(words(other))), Kind::Exec))
                    else {
                        return Ok(());
                    };
                    if self.is_past(rest[length].end) {
                        return Ok(());
                    }
                    let within = rest[..length].iter().map(|other| {
                        let place = words(other);
                        (kind(args(place)), place, args(place))
                    });
                    self.unit(cutter, within, rest[length].end)?;
                    at += length + 1;
                }
                _ if self.is_past(command.end) => return Ok(()),
                other => self.unit(cutter, std::iter::once((other, place, args(place))), command.end)?,
            }
            at += 1;
        }
        Ok(())
    }

    fn is_past(&mut self, end: u32) -> bool {
        self.past = end > self.most;
        self.past
    }

    /// Adds commands that happen together and end at `end`.
    fn unit<'a>(
        &mut self,
        cutter: &Cutter,
        commands: impl Iterator<Item = (Kind, (u32, u32), Args<'a>)>,
        end: u32,
    ) -> Result<(), StreamError> {
        let mut piece = Piece {
            bytes: (self.end, end),
            database: self.database,
            slots: (0, SLOTS - 1),
            owner: Owner::Nobody,
            commands: Vec::new(),
            messages: Vec::new(),
        };
        let (mut database, mut get_ack) = (self.database, false);
        for (kind, words, args) in commands {
            match kind {
                Kind::Keys(entry) => {
                    let (owner, slots) = place_of(entry.command, args, cutter.partitions);
                    piece.join(owner, slots);
                    piece.commands.push(StreamCommand { entry, words, database });
                }
                Kind::Select(number) => {
                    let known = number.filter(|&number| number < cutter.databases);
                    let text = || String::from_utf8_lossy(args.word(1)).into_owned();
                    database = known.ok_or_else(|| StreamError::Database(text()))?;
                }
                Kind::GetAck => get_ack = true,
                Kind::Publish => piece.messages.push(words),
                Kind::Unknown => {
                    return Err(StreamError::Unknown(args.word(0).escape_ascii().to_string()));
                }
                Kind::Control | Kind::PassedOver | Kind::Multi | Kind::Exec => {}
            }
        }
        self.database = database;
        self.cut.get_ack |= get_ack;
        self.end = end;
        match self.cut.pieces.last_mut() {
            Some(last) if last.takes(&piece) => last.append(piece),
            _ => self.cut.pieces.push(piece),
        }
        Ok(())
    }
}

impl Piece {
    /// Adds keys of `owner` in `slots`.
    fn join(&mut self, owner: Owner, slots: (Slot, Slot)) {
        (self.owner, self.slots) = match (self.owner, owner) {
            (own, Owner::Nobody) => (own, self.slots),
            (Owner::Nobody, other) => (other, slots),
            (Owner::One(one), Owner::One(other)) if one == other => {
                (self.owner, (self.slots.0.min(slots.0), self.slots.1.max(slots.1)))
            }
            _ => (Owner::All, (0, SLOTS - 1)),
        };
    }

    /// Whether `next`, which follows it, may be part of it.
    fn takes(&self, next: &Piece) -> bool {
        let alike = match (self.owner, next.owner) {
            (Owner::All, _) | (_, Owner::All) => false,
            (Owner::Nobody, _) | (_, Owner::Nobody) => true,
            (one, other) => one == other,
        };
        alike && next.bytes.1 - self.bytes.0 <= PIECE_BYTES
    }

    fn append(&mut self, next: Piece) {
        self.join(next.owner, next.slots);
        self.bytes.1 = next.bytes.1;
        self.commands.extend(next.commands);
        self.messages.extend(next.messages);
    }
}

/// The partitions and slots of a command's keys.
fn place_of(command: &Command, args: Args<'_>, partitions: usize) -> (Owner, (Slot, Slot)) {
    let everywhere = (0, SLOTS - 1);
    let unknown = command.keys.iter().any(|keys| keys.find == Find::Unknown);
    let mut slots = command.keys_of(args).map(slot::of_key);
    let Some(first) = slots.next().filter(|_| !matches!(command.run, Run::All(_)) && !unknown) else {
        return (if partitions == 1 { Owner::One(0) } else { Owner::All }, everywhere);
    };
    let (lowest, highest) = slots.fold((first, first), |(low, high), slot| (low.min(slot), high.max(slot)));
    let owner = |slot| slot::partition_of(slot, partitions);
    match owner(lowest) == owner(highest) {
        true => (Owner::One(owner(lowest)), (lowest, highest)),
        false => (Owner::All, everywhere),
    }
}

#[cfg(test)]
mod tests;
