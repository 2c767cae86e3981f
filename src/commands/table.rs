//! All commands, by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Args;
use super::spec::{Command, Flags, Run};
use super::{
    acl, bitmap, connection, database, generic, geo, hash, hyperloglog, list, monitor, pubsub, renamed,
    scripting, server, set, sorted_set, stream, string, transactions,
};

/// The families. A new family adds a line here; a new command does not.
const FAMILIES: &[&[Command]] = &[
    generic::COMMANDS,
    string::COMMANDS,
    bitmap::COMMANDS,
    hash::COMMANDS,
    set::COMMANDS,
    hyperloglog::COMMANDS,
    list::COMMANDS,
    stream::COMMANDS,
    sorted_set::COMMANDS,
    geo::COMMANDS,
    pubsub::COMMANDS,
    monitor::COMMANDS,
    connection::COMMANDS,
    transactions::COMMANDS,
    database::COMMANDS,
    server::COMMANDS,
    acl::COMMANDS,
    scripting::COMMANDS,
];

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(build_entries);

static BY_NAME: LazyLock<HashMap<&'static [u8], usize, ahash::RandomState>> = LazyLock::new(|| {
    let top = ENTRIES.iter().filter(|entry| entry.parent.is_none());
    top.map(|entry| (entry.command.name.as_bytes(), entry.id)).collect()
});

/// A command or a subcommand, and its place among all.
#[derive(Debug)]
pub struct Entry {
    /// Counts commands and subcommands from 0, the same for as long as the process runs.
    pub id: usize,
    /// The row.
    pub command: &'static Command,
    /// For a subcommand, the command it belongs to.
    pub parent: Option<&'static Command>,
    /// `get`, or `config|get`.
    pub full_name: String,
}

/// Why words are no command that can run.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error, as the client gets it. It may quote what the client sent.
    pub error: Vec<u8>,
    /// The command whose arguments are wrong, to count the refusal; `None` if there is no such command.
    pub id: Option<usize>,
}

/// All commands, family by family.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// All commands and subcommands, by id; a command comes before its subcommands.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The command of a name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    entry_of(name).map(|entry| entry.command)
}

/// The command or subcommand of a name like `get` or `config|get`, in any case.
pub fn find_full(name: &[u8]) -> Option<&'static Entry> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let top = entry_of(parts.next()?)?;
    match parts.next() {
        None => Some(top),
        Some(name) => subcommand_entry(top, name).filter(|entry| !entry.is_hidden()),
    }
}

/// What a request runs: the subcommand, where the command has any, with its number of words checked.
pub fn resolve(args: Args<'_>) -> Result<&'static Entry, Refusal> {
    resolve_of(entry_of(args.word(0)), args)
}

/// As [`resolve`], for those who know commands by the names that [`super::renamed`] gave them: clients and scripts. The
/// log and masters use the true ones.
pub fn resolve_as_named(args: Args<'_>) -> Result<&'static Entry, Refusal> {
    match renamed::names() {
        None => resolve(args),
        Some(names) => resolve_of(names.find(args.word(0)).map(|id| &ENTRIES[id]), args),
    }
}

fn resolve_of(top: Option<&'static Entry>, args: Args<'_>) -> Result<&'static Entry, Refusal> {
    let entry = select(top, args)?;
    if entry.command.arity.accepts(args.len()) {
        return Ok(entry);
    }
    let error = format!("ERR wrong number of arguments for '{}' command", entry.full_name);
    Err(Refusal { error: error.into_bytes(), id: Some(entry.id) })
}

/// The entry that the first words name.
fn select(top: Option<&'static Entry>, args: Args<'_>) -> Result<&'static Entry, Refusal> {
    let Some(top) = top else {
        return Err(Refusal { error: unknown(args), id: None });
    };
    if top.command.subcommands.is_empty() || args.len() < 2 {
        return Ok(top);
    }
    match subcommand_entry(top, args.word(1)) {
        Some(entry) => Ok(entry),
        // It reads its subcommands itself, but for a few that run elsewhere.
        None if top.command.subcommands.iter().all(|row| row.flags.has(Flags::HIDDEN)) => Ok(top),
        None => {
            let mut error = b"ERR unknown subcommand '".to_vec();
            error.extend_from_slice(&args.word(1)[..args.word(1).len().min(128)]);
            error.extend_from_slice(format!("'. Try {} HELP.", top.full_name.to_uppercase()).as_bytes());
            Err(Refusal { error, id: None })
        }
    }
}

impl Entry {
    /// Whether COMMAND does not tell of it.
    pub fn is_hidden(&self) -> bool {
        self.command.flags.has(Flags::HIDDEN)
    }

    /// Its subcommands that COMMAND tells of.
    pub fn subcommands(&self) -> impl Iterator<Item = &'static Entry> + use<> {
        let count = if self.parent.is_some() { 0 } else { self.command.subcommands.len() };
        ENTRIES[self.id + 1..self.id + 1 + count].iter().filter(|entry| !entry.is_hidden())
    }

    /// Whether it only has subcommands.
    pub fn is_container(&self) -> bool {
        matches!(self.command.run, Run::Container)
    }
}

fn build_entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for command in all() {
        let full_name = command.name.to_string();
        entries.push(Entry { id: entries.len(), command, parent: None, full_name });
        for row in command.subcommands {
            let full_name = format!("{}|{}", command.name, row.name);
            entries.push(Entry { id: entries.len(), command: row, parent: Some(command), full_name });
        }
    }
    entries
}

fn entry_of(name: &[u8]) -> Option<&'static Entry> {
    const LONGEST: usize = 32;
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    BY_NAME.get(&*lower).map(|&id| &ENTRIES[id])
}

fn subcommand_entry(top: &Entry, name: &[u8]) -> Option<&'static Entry> {
    let rows = top.parent.map_or(top.command.subcommands, |_| &[]);
    let index = rows.iter().position(|row| row.name.as_bytes().eq_ignore_ascii_case(name))?;
    Some(&ENTRIES[top.id + 1 + index])
}

/// `ERR unknown command …`, with as much of the arguments as Redis quotes: 128 bytes of each, until 128 are there.
fn unknown(args: Args<'_>) -> Vec<u8> {
    const QUOTED: usize = 128;
    let mut error = b"ERR unknown command '".to_vec();
    error.extend_from_slice(&args.word(0)[..args.word(0).len().min(QUOTED)]);
    error.extend_from_slice(b"', with args beginning with: ");
    let start = error.len();
    for word in args.from(1) {
        let used = error.len() - start;
        if used >= QUOTED {
            break;
        }
        error.push(b'\'');
        error.extend_from_slice(&word[..word.len().min(QUOTED - used)]);
        error.extend_from_slice(b"' ");
    }
    error
}

#[cfg(test)]
mod tests;
