//! ACL LOG: what was refused lately, and who failed to log in.

use std::collections::VecDeque;

/// What comes again within so many milliseconds is counted, not listed anew.
const GROUPED_MS: u64 = 60_000;
/// Among so many of the newest entries is looked for one that it may be counted with.
const LOOKED_AT: usize = 10;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// Name and password are not right.
    Auth,
}

impl Reason {
    /// As ACL LOG names it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// Where it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A command by itself.
    TopLevel,
    /// In a transaction.
    Multi,
    /// In a script.
    Lua,
}

impl Context {
    /// As ACL LOG names it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Counts from 0, for as long as the process runs.
    pub id: u64,
    /// How often it happened.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel; for a failed login the command that tried it, as the client wrote it.
    pub object: Vec<u8>,
    /// Who, or who the client said to be.
    pub user: Vec<u8>,
    /// When it happened first, Unix time in ms.
    pub created_ms: u64,
    /// When it happened last, Unix time in ms.
    pub updated_ms: u64,
    /// The client of the last time, as CLIENT LIST shows it.
    pub client: Vec<u8>,
}

/// The newest entry comes first.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<LogEntry>,
    next_id: u64,
}

impl Log {
    /// Adds what happened at `now_ms`, or counts it with what happened before. At most `limit` entries are kept
    /// (`acllog-max-len`).
    pub fn add(
        &mut self,
        (reason, context): (Reason, Context),
        object: &[u8],
        user: &[u8],
        client: Vec<u8>,
        now_ms: u64,
        limit: u64,
    ) {
        let like = |entry: &LogEntry| {
            (entry.reason, entry.context) == (reason, context)
                && now_ms.abs_diff(entry.updated_ms) <= GROUPED_MS
                && entry.object == object
                && entry.user == user
        };
        let place = self.entries.iter().take(LOOKED_AT).position(like);
        let entry = match place.and_then(|place| self.entries.remove(place)) {
            Some(known) => LogEntry { count: known.count + 1, updated_ms: now_ms, client, ..known },
            None => {
                self.next_id += 1;
                LogEntry {
                    id: self.next_id - 1,
                    count: 1,
                    reason,
                    context,
                    object: object.to_vec(),
                    user: user.to_vec(),
                    created_ms: now_ms,
                    updated_ms: now_ms,
                    client,
                }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }

    /// The newest so many entries.
    pub fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = &LogEntry> {
        self.entries.iter().take(count)
    }

    /// Forgets all of them.
    pub fn reset(&mut self) {
        self.entries.clear();
    }
}
