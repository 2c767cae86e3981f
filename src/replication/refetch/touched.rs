//! The keys that a piece of a log can have written.
//!
//! More than were written is right, fewer never is. So all keys that a command names count, those that it only reads
//! too; where a command's keys stand behind options, or depend on what is stored, each of its words counts as one; and
//! what cannot be told from the words at all ends it ([`Unbounded`]). In the log is what commands did (`docs/decisions/0010`): of scripts and of
//! what expired, the commands that came of them.

use std::collections::BTreeSet;

use super::super::stream::{Kind, kind};
use super::super::verify::Key;
use crate::commands::spec::{Begin, Find, Keys, Run};
use crate::commands::{Args, Command};
use crate::number::parse_i64;
use crate::resp::{Batch, Limits, Parser};

/// The most keys that are told apart; more are [`Unbounded::Keys`].
pub const MOST_KEYS: usize = 100_000;
/// The most bytes of log that are looked at on each side, and the most that the keys' names may have together.
pub const MOST_BYTES: u64 = 64 << 20;

/// Why nobody can tell which keys a piece of a log wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unbounded {
    /// A command that writes more than it names.
    Command(String),
    /// More than [`MOST_KEYS`] keys.
    Keys,
    /// More than [`MOST_BYTES`] bytes of log, or of names.
    Bytes,
    /// A record that is no sequence of commands.
    Malformed,
}

impl std::fmt::Display for Unbounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unbounded::Command(name) => write!(f, "{name} writes more than the keys that it names"),
            Unbounded::Keys => write!(f, "more than {MOST_KEYS} keys were written"),
            Unbounded::Bytes => write!(f, "more than {} MiB of log were written", MOST_BYTES >> 20),
            Unbounded::Malformed => write!(f, "the log has something that is no command"),
        }
    }
}

impl std::error::Error for Unbounded {}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    keys: BTreeSet<Key>,
    name_bytes: u64,
    log_bytes: u64,
    /// Commands that change data, or may.
    pub commands: u64,
}

impl Touched {
    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys themselves.
    pub fn into_keys(self) -> BTreeSet<Key> {
        self.keys
    }

    /// Adds those of a record of the log, at whose beginning `database` is selected.
    ///
    /// # Errors
    /// [`Unbounded`]: then there is no such set.
    pub fn add_record(&mut self, database: usize, payload: &[u8]) -> Result<(), Unbounded> {
        self.log_bytes += payload.len() as u64;
        if self.log_bytes > MOST_BYTES {
            return Err(Unbounded::Bytes);
        }
        let mut batch = Batch::default();
        let limits =
            Limits { max_bulk_len: u64::from(u32::MAX), max_args: i64::from(i32::MAX), ..Limits::default() };
        let parsed = Parser::default().parse(payload, &limits, usize::MAX, &mut batch);
        if parsed.map_err(|_| Unbounded::Malformed)? != payload.len() {
            return Err(Unbounded::Malformed);
        }
        let mut database = database;
        for command in &batch.commands {
            let first = command.first as usize;
            let words =
                batch.ranges.get(first..first + command.count as usize).ok_or(Unbounded::Malformed)?;
            if command.inline || words.is_empty() {
                return Err(Unbounded::Malformed);
            }
            let args = Args::new(payload, words);
            let unbounded = || Unbounded::Command(args.word(0).escape_ascii().to_string());
            match kind(args) {
                Kind::Control | Kind::GetAck | Kind::Publish | Kind::Multi | Kind::Exec => {}
                // Scripts are kept by nobody's data.
                Kind::PassedOver => {}
                Kind::Select(number) => database = number.ok_or(Unbounded::Malformed)?,
                Kind::Unknown => return Err(unbounded()),
                Kind::Keys(entry) => {
                    self.commands += 1;
                    self.add_command(entry.command, args, database).ok_or_else(unbounded)?;
                }
            }
            if self.keys.len() > MOST_KEYS {
                return Err(Unbounded::Keys);
            }
            if self.name_bytes > MOST_BYTES {
                return Err(Unbounded::Bytes);
            }
        }
        Ok(())
    }

    /// Adds a command's keys. `None`: they cannot be told.
    fn add_command(&mut self, command: &Command, args: Args<'_>, database: usize) -> Option<()> {
        if matches!(command.run, Run::All(_)) {
            return None;
        }
        let stands_anywhere =
            |keys: &Keys| keys.find == Find::Unknown || matches!(keys.begin, Begin::Keyword(..));
        if command.keys.iter().any(stands_anywhere) {
            // Of options that are given twice, commands take the last: whatever it is, it is a word.
            (1..args.len()).for_each(|at| self.add(database, args.word(at)));
            return Some(());
        }
        let mut named = 0;
        for key in command.keys_of(args) {
            named += 1;
            self.add(database, key);
        }
        if let Some(other) = other_database(command, args)? {
            command.keys_of(args).for_each(|key| self.add(other, key));
        }
        (named > 0).then_some(())
    }

    fn add(&mut self, database: usize, name: &[u8]) {
        if self.keys.insert(Key { database, name: name.to_vec() }) {
            self.name_bytes += name.len() as u64;
        }
    }
}

/// The database beside the selected one that a command writes: `Some(None)` if there is none, `None` if it cannot be
/// told.
fn other_database(command: &Command, args: Args<'_>) -> Option<Option<usize>> {
    let number = |at: usize| {
        let word = (at < args.len()).then(|| args.word(at))?;
        parse_i64(word).and_then(|number| usize::try_from(number).ok())
    };
    match command.name {
        "move" => Some(Some(number(2)?)),
        "copy" => match (3..args.len()).find(|&at| args.word(at).eq_ignore_ascii_case(b"db")) {
            Some(at) => Some(Some(number(at + 1)?)),
            None => Some(None),
        },
        _ => Some(None),
    }
}
