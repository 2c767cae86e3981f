//! Who may do what: users, the rules that make up their rights, and the checks against them.
//!
//! A [`User`] has passwords and one or more [`Selector`]s, each a set of commands, keys and channels that go together.
//! A command may run if any one selector allows all of it: [`may_run`]. All users together are [`Users`], which never
//! change: what changes them makes new ones, and puts them where all threads find them, into [`Access`]. Sessions keep
//! their user at hand, and look again when [`Access::generation`] has moved.
//!
//! There is no clock and no file here: [`mod@file`] makes text of users and users of text, [`Log`] is told the time.

mod access;
mod check;
mod commands;
pub mod file;
mod foreseen;
mod log;
mod password;
mod rule;
mod selector;
#[cfg(test)]
mod tests;
mod user;
mod users;

pub use access::Access;
pub use check::{Denial, Denied, may_run, reads_every_key};
pub use foreseen::Foreseen;
pub use log::{Context, Log, LogEntry, Reason};
pub use password::Password;
pub use rule::RuleError;
pub use selector::Selector;
pub use user::{Sanitize, User};
pub use users::{DEFAULT, Users};

use crate::commands::spec::Flags;
use crate::commands::table::{self, Entry};
use crate::config::choice::PubsubDefault;

/// Which channels a new selector may use before a rule says so (`acl-pubsub-default`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Channels {
    /// None.
    #[default]
    None,
    /// All.
    All,
}

impl From<PubsubDefault> for Channels {
    fn from(option: PubsubDefault) -> Channels {
        match option {
            PubsubDefault::AllChannels => Channels::All,
            PubsubDefault::ResetChannels => Channels::None,
        }
    }
}

/// The command whose rights decide about an entry of the table: itself, or, for a subcommand that COMMAND does not tell
/// of (DEBUG OBJECT), its command.
pub(crate) fn governing(entry: &'static Entry) -> &'static Entry {
    if !entry.command.flags.has(Flags::HIDDEN) {
        return entry;
    }
    let before = table::entries()[..entry.id].iter().rev();
    before.into_iter().find(|other| other.parent.is_none()).unwrap_or(entry)
}

/// A blank as C's `isspace` knows it.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether a name or pattern cannot stand in a line of rules: it holds a blank or a NUL byte.
pub(crate) fn breaks_lines(text: &[u8]) -> bool {
    text.iter().any(|&byte| byte == 0 || is_blank(byte))
}

/// Joins what belongs to one selector: from a word that begins with `(` to the one that ends with `)`, each pair of
/// them with a blank between. What it gives is the words with that done.
///
/// # Errors
/// The number of the word that opens a parenthesis which nothing closes.
pub(crate) fn join_selectors<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, usize> {
    let mut joined = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (number, word) in words.enumerate() {
        let closes = word.last() == Some(&b')');
        match &mut open {
            None if word.first() == Some(&b'(') && !closes => open = Some((number, word.to_vec())),
            None => joined.push(word.to_vec()),
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
                if closes {
                    joined.extend(open.take().map(|(_, selector)| selector));
                }
            }
        }
    }
    match open {
        None => Ok(joined),
        Some((number, _)) => Err(number),
    }
}
