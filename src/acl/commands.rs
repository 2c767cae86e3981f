//! The commands that a selector allows.

use std::collections::HashMap;

use super::rule::RuleError;
use crate::commands::Args;
use crate::commands::spec::CATEGORIES;
use crate::commands::table::{self, Entry};

/// A set of commands, and the rules that made it, which are kept as they were given: what is shown and saved means the
/// same in a later version that has more commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Commands {
    /// What is not named by a rule, commands of later versions too.
    others: bool,
    /// No rule has taken away any command since all were allowed.
    all: bool,
    /// A bit for each entry of the table, by its id.
    allowed: Vec<u64>,
    /// Of commands that are not allowed, those first arguments with which they are, in any case (`+select|0`).
    first_arguments: HashMap<usize, Vec<Vec<u8>>>,
    /// Behind `+@all` or `-@all`: `+get`, `-@read`, …
    rules: Vec<String>,
}

impl Commands {
    /// Whether every command is in it.
    pub(super) fn is_all(&self) -> bool {
        self.all
    }

    /// All of them, or none.
    pub(super) fn set_all(&mut self, allow: bool) {
        let words = table::entries().len().div_ceil(64);
        *self = Commands {
            others: allow,
            all: allow,
            allowed: vec![if allow { u64::MAX } else { 0 }; words],
            ..Commands::default()
        };
    }

    /// Whether these words may run. `entry` is what they resolve to, as [`super::governing`] gives it.
    pub(super) fn allows(&self, entry: &Entry, args: Args<'_>) -> bool {
        if self.all || self.has(entry.id) {
            return true;
        }
        let index = if entry.parent.is_some() { 2 } else { 1 };
        let listed = self.first_arguments.get(&entry.id).filter(|_| index < args.len());
        listed.is_some_and(|words| words.iter().any(|word| word.eq_ignore_ascii_case(args.word(index))))
    }

    fn has(&self, id: usize) -> bool {
        self.allowed.get(id / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    fn set(&mut self, id: usize, allow: bool) {
        let words = table::entries().len().div_ceil(64);
        if self.allowed.len() < words {
            self.allowed.resize(words, 0);
        }
        let bit = 1 << (id % 64);
        if allow {
            self.allowed[id / 64] |= bit;
        } else {
            self.allowed[id / 64] &= !bit;
            self.all = false;
        }
    }

    /// Allows or forbids a command and all its subcommands.
    fn set_entry(&mut self, entry: &'static Entry, allow: bool) {
        self.set(entry.id, allow);
        self.first_arguments.remove(&entry.id);
        for subcommand in entry.subcommands() {
            self.set(subcommand.id, allow);
            self.first_arguments.remove(&subcommand.id);
        }
    }

    /// `+@category`, `-@category`: without the sign and the `@`.
    pub(super) fn category(&mut self, name: &[u8], allow: bool) -> Result<(), RuleError> {
        if name.eq_ignore_ascii_case(b"all") {
            self.set_all(allow);
            return Ok(());
        }
        let known = CATEGORIES.into_iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
        let category = known.ok_or(RuleError::Unknown)?;
        for entry in table::entries().iter().filter(|entry| !entry.is_hidden()) {
            if entry.command.acl_categories().any(|one| one == category) {
                self.set_entry(entry, allow);
            }
        }
        self.note(&format!("@{category}"), allow);
        Ok(())
    }

    /// `+command`, `+command|subcommand`, `+command|argument`: without the sign.
    pub(super) fn allow(&mut self, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|&byte| byte == b'|') else {
            return self.one(name, true);
        };
        let (before, last) = (&name[..bar], &name[bar + 1..]);
        let entry = table::find_full(before).ok_or(RuleError::Unknown)?;
        if entry.parent.is_some() {
            return Err(RuleError::FirstArgument);
        }
        if last.is_empty() {
            return Err(RuleError::Syntax);
        }
        if entry.subcommands().next().is_some() {
            return self.one(name, true);
        }
        let words = self.first_arguments.entry(entry.id).or_default();
        if !words.iter().any(|word| word.eq_ignore_ascii_case(last)) {
            words.push(last.to_vec());
        }
        self.note(&String::from_utf8_lossy(name), true);
        Ok(())
    }

    /// `-command`, `-command|subcommand`: without the sign.
    pub(super) fn forbid(&mut self, name: &[u8]) -> Result<(), RuleError> {
        self.one(name, false)
    }

    fn one(&mut self, name: &[u8], allow: bool) -> Result<(), RuleError> {
        let entry = table::find_full(name).ok_or(RuleError::Unknown)?;
        self.set_entry(entry, allow);
        self.note(&entry.full_name, allow);
        Ok(())
    }

    /// Keeps a rule, in place of those that it makes useless: about the same, or about a part of it.
    fn note(&mut self, what: &str, allow: bool) {
        let what = what.to_ascii_lowercase();
        self.rules.retain(|rule| {
            let rest = rule[1..].strip_prefix(&what);
            rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('|'))
        });
        self.rules.push(format!("{}{what}", if allow { '+' } else { '-' }));
    }

    /// The rules that make it: `+@all` or `-@all`, and what follows.
    pub(super) fn describe(&self) -> String {
        let mut text = String::from(if self.others { "+@all" } else { "-@all" });
        for rule in &self.rules {
            text.push(' ');
            text.push_str(rule);
        }
        text
    }
}
