//! What is counted about commands and errors. Each thread counts its own; INFO adds them up.

use std::collections::BTreeMap;

use super::Histogram;

/// Most kinds of errors that are told apart; a script could make up any number of them.
const MAX_ERRORS: usize = 128;

/// One command's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandCounters {
    /// Times it ran, failures included.
    pub calls: u64,
    /// How long all of them took, microseconds.
    pub micros: u64,
    /// Times it was refused before it ran: wrong number of arguments, no permission, no memory.
    pub rejected: u64,
    /// Times it ran and answered an error.
    pub failed: u64,
    /// How long each took.
    pub latency: Histogram,
}

/// The counters of all commands, and of errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    commands: Vec<CommandCounters>,
    errors: BTreeMap<String, u64>,
    /// Errors answered.
    pub error_replies: u64,
}

impl Statistics {
    /// The counters of a command, by [`crate::commands::table::Entry::id`].
    pub fn of(&self, id: usize) -> Option<&CommandCounters> {
        self.commands.get(id)
    }

    /// All counters, by id.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &CommandCounters)> {
        self.commands.iter().enumerate()
    }

    /// Errors by their code.
    pub fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors.iter().map(|(code, count)| (code.as_str(), *count))
    }

    /// Counts a command that ran. `track` is the option `latency-tracking`.
    pub fn ran(&mut self, id: usize, nanos: u64, failed: bool, track: bool) {
        let counters = self.counters(id);
        counters.calls += 1;
        counters.micros += nanos / 1000;
        counters.failed += u64::from(failed);
        if track {
            counters.latency.record(nanos);
        }
    }

    /// Counts a command that was refused before it ran.
    pub fn rejected(&mut self, id: usize) {
        self.counters(id).rejected += 1;
    }

    /// Counts an error that was answered: `reply` begins with its `-`, or with its code.
    pub fn error(&mut self, reply: &[u8]) {
        self.error_replies += 1;
        let text = reply.strip_prefix(b"-").unwrap_or(reply);
        let end = text.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')).unwrap_or(text.len());
        let code = std::str::from_utf8(&text[..end]).unwrap_or("ERR");
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < MAX_ERRORS {
            self.errors.insert(code.to_string(), 1);
        }
    }

    /// Adds another thread's counters.
    pub fn merge(&mut self, other: &Statistics) {
        for (id, theirs) in other.commands() {
            let mine = self.counters(id);
            mine.calls += theirs.calls;
            mine.micros += theirs.micros;
            mine.rejected += theirs.rejected;
            mine.failed += theirs.failed;
            mine.latency.merge(&theirs.latency);
        }
        for (code, count) in &other.errors {
            *self.errors.entry(code.clone()).or_default() += count;
        }
        self.error_replies += other.error_replies;
    }

    fn counters(&mut self, id: usize) -> &mut CommandCounters {
        if self.commands.len() <= id {
            self.commands.resize_with(id + 1, CommandCounters::default);
        }
        &mut self.commands[id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let (mut one, mut other) = (Statistics::default(), Statistics::default());
        one.ran(3, 2500, false, true);
        other.ran(3, 1500, true, false);
        other.rejected(5);
        other.error(b"-WRONGTYPE Operation\r\n");
        one.error(b"-ERR\r\n");
        one.merge(&other);
        let counters = one.of(3).expect("counted");
        assert_eq!((counters.calls, counters.micros, counters.failed), (2, 3, 1));
        assert_eq!(counters.latency.count(), 1);
        assert_eq!(one.of(5).map(|c| c.rejected), Some(1));
        assert_eq!(one.errors().collect::<Vec<_>>(), [("ERR", 1), ("WRONGTYPE", 1)]);
        assert_eq!(one.error_replies, 2);
    }

    #[test]
    fn made_up_errors_are_bounded() {
        let mut statistics = Statistics::default();
        for number in 0..1000 {
            statistics.error(format!("-E{number} x\r\n").as_bytes());
        }
        assert_eq!(statistics.errors().count(), MAX_ERRORS);
        assert_eq!(statistics.error_replies, 1000);
    }
}
