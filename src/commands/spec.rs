//! What is declared about a command, once: COMMAND, COMMAND DOCS, arity errors, routing, ACL categories and
//! `docs/commands.md` are all read off it.

use super::KeyRun;
use super::args::Args;
use super::touched::ChannelWords;
use crate::scripting::Invocation;
use crate::server::{AdminRun, SessionRun};

/// How many words a command takes, its own name (and its subcommand's) included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Exactly so many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether a command of `words` words fits.
    pub fn accepts(self, words: usize) -> bool {
        match self {
            Arity::Exactly(count) => words == count,
            Arity::AtLeast(count) => words >= count,
        }
    }

    /// As COMMAND INFO shows it: negative for "or more".
    pub fn signed(self) -> i64 {
        match self {
            Arity::Exactly(count) => count as i64,
            Arity::AtLeast(count) => -(count as i64),
        }
    }
}

/// A set of command flags, as COMMAND INFO names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// None.
    pub const NONE: Flags = Flags(0);
    /// May change the keyspace.
    pub const WRITE: Flags = Flags(1);
    /// Only reads keys.
    pub const READONLY: Flags = Flags(1 << 1);
    /// May grow memory or disk; refused when there is no room.
    pub const DENYOOM: Flags = Flags(1 << 2);
    /// Administration.
    pub const ADMIN: Flags = Flags(1 << 3);
    /// Publish and subscribe.
    pub const PUBSUB: Flags = Flags(1 << 4);
    /// Not in scripts.
    pub const NOSCRIPT: Flags = Flags(1 << 5);
    /// May block its client.
    pub const BLOCKING: Flags = Flags(1 << 6);
    /// Served while data is being loaded.
    pub const LOADING: Flags = Flags(1 << 7);
    /// Served by a slave whose data is stale.
    pub const STALE: Flags = Flags(1 << 8);
    /// Not shown by MONITOR.
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    /// Not kept in SLOWLOG.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    /// In constant or logarithmic time.
    pub const FAST: Flags = Flags(1 << 11);
    /// Before authentication too.
    pub const NO_AUTH: Flags = Flags(1 << 12);
    /// May replicate though it does not write.
    pub const MAY_REPLICATE: Flags = Flags(1 << 13);
    /// Not inside MULTI.
    pub const NO_MULTI: Flags = Flags(1 << 14);
    /// Its keys depend on its arguments.
    pub const MOVABLEKEYS: Flags = Flags(1 << 15);
    /// Runs asynchronously inside MULTI.
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 16);
    /// Allowed while a script is over its time.
    pub const ALLOW_BUSY: Flags = Flags(1 << 17);
    /// Made for the server itself and its tests: COMMAND DOCS marks it.
    pub const SYSTEM: Flags = Flags(1 << 21);
    /// It has keys in its specification, and may be given none.
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 18);
    /// A step of another command: it is neither counted nor kept in SLOWLOG.
    pub const INTERNAL: Flags = Flags(1 << 25);
    /// Has keys touched even by a client with NO-TOUCH.
    pub const TOUCHES: Flags = Flags(1 << 26);
    /// Allowed to a client of RESP2 that is subscribed to anything.
    pub const SUBSCRIBED: Flags = Flags(1 << 27);
    /// Selects a database: EXEC looks ahead to know where the commands behind it run.
    pub const SELECTS: Flags = Flags(1 << 28);
    /// Runs at once though a transaction is being queued.
    pub const UNQUEUED: Flags = Flags(1 << 29);
    /// A subcommand that COMMAND does not tell of: its command reads its own arguments, but for this one, which
    /// runs elsewhere (DEBUG OBJECT).
    pub const HIDDEN: Flags = Flags(1 << 30);
    /// Pika's own; Redis has no such command.
    pub const PIKA: Flags = Flags(1 << 31);

    const NAMES: [(Flags, &'static str); 19] = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::PUBSUB, "pubsub"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::BLOCKING, "blocking"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::MAY_REPLICATE, "may_replicate"),
        (Flags::NO_MULTI, "no_multi"),
        (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Flags::MOVABLEKEYS, "movablekeys"),
        (Flags::NO_ASYNC_LOADING, "no_async_loading"),
        (Flags::ALLOW_BUSY, "allow_busy"),
    ];

    /// Both sets together.
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are in it.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// All ACL categories, in the order in which Redis lists them.
pub const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The family of a command, as COMMAND DOCS names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Bits of strings.
    Bitmap,
    /// Hashes.
    Hash,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// HyperLogLogs.
    HyperLogLog,
    /// Places on the globe.
    Geo,
    /// Publish and subscribe.
    PubSub,
    /// Transactions.
    Transactions,
    /// The client's own connection.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
}

impl Group {
    /// All, in the order of the documentation.
    pub const ALL: [Group; 15] = [
        Group::Generic,
        Group::String,
        Group::Bitmap,
        Group::Hash,
        Group::List,
        Group::Set,
        Group::SortedSet,
        Group::Stream,
        Group::HyperLogLog,
        Group::Geo,
        Group::PubSub,
        Group::Transactions,
        Group::Connection,
        Group::Server,
        Group::Scripting,
    ];

    /// As a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Generic => "Keys",
            Group::String => "Strings",
            Group::Bitmap => "Bitmaps",
            Group::Hash => "Hashes",
            Group::List => "Lists",
            Group::Set => "Sets",
            Group::SortedSet => "Sorted sets",
            Group::Stream => "Streams",
            Group::HyperLogLog => "HyperLogLog",
            Group::Geo => "Geospatial indices",
            Group::PubSub => "Publish and subscribe",
            Group::Transactions => "Transactions",
            Group::Connection => "Connection",
            Group::Server => "Server",
            Group::Scripting => "Scripts and functions",
        }
    }

    /// As COMMAND DOCS names it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::Hash => "hash",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::HyperLogLog => "hyperloglog",
            Group::Geo => "geo",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
        }
    }
}

/// What a command does with its keys, as COMMAND INFO's key specifications tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFlags(pub &'static [&'static str]);

impl KeyFlags {
    /// Reads the value.
    pub const READ: KeyFlags = KeyFlags(&["RO", "access"]);
    /// Reads only what is about the value (type, expiry, length).
    pub const INSPECT: KeyFlags = KeyFlags(&["RO"]);
    /// Changes a value that is there.
    pub const UPDATE: KeyFlags = KeyFlags(&["RW", "update"]);
    /// Changes a value that is there and tells what it was.
    pub const UPDATE_READ: KeyFlags = KeyFlags(&["RW", "access", "update"]);
    /// Adds to a value.
    pub const INSERT: KeyFlags = KeyFlags(&["RW", "insert"]);
    /// Replaces the value.
    pub const OVERWRITE: KeyFlags = KeyFlags(&["OW", "update"]);
    /// Puts a value where none was.
    pub const CREATE: KeyFlags = KeyFlags(&["OW", "insert"]);
    /// Removes the key.
    pub const REMOVE: KeyFlags = KeyFlags(&["RM", "delete"]);
    /// Removes part of the value.
    pub const DELETE: KeyFlags = KeyFlags(&["RW", "delete"]);
    /// Is the name of a shard channel, not of a key.
    pub const CHANNEL: KeyFlags = KeyFlags(&["not_key"]);
    /// Reads the value and removes the key.
    pub const TAKE: KeyFlags = KeyFlags(&["RW", "access", "delete"]);
    /// As [`KeyFlags::TAKE`], where there may be none (MIGRATE).
    pub const TAKE_IF_ANY: KeyFlags = KeyFlags(&["RW", "access", "delete", "incomplete"]);
}

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this word.
    Word(usize),
    /// Behind this keyword (in any case), which is looked for from this word on; a negative one counts from the end
    /// and looks backwards.
    Keyword(&'static str, i32),
}

/// How many keys there are, and in which steps they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Up to a word relative to the first one; a negative one counts from the end: -1 is the last word. With
    /// `part` above 1, only the first such part of the words that remain (XREAD: its second half is ids).
    Range {
        /// The last key.
        last: i32,
        /// From one key to the next.
        step: usize,
        /// 0 and 1: all of them.
        part: usize,
    },
    /// As many as the first word says; they follow it.
    Counted,
    /// Any key may be meant (SORT's patterns): the command runs over all partitions.
    Unknown,
}

/// Where keys stand among a command's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Where to begin.
    pub begin: Begin,
    /// How to go on.
    pub find: Find,
    /// What happens to them.
    pub flags: KeyFlags,
    /// Why the flags are what they are, where that is not plain; half a sentence, or nothing.
    pub notes: &'static str,
}

impl Keys {
    /// One key, the first argument.
    pub const fn one(flags: KeyFlags) -> Keys {
        Keys::at(1, flags)
    }

    /// One key, at this word.
    pub const fn at(word: usize, flags: KeyFlags) -> Keys {
        Keys::range(word, word as i32, 1, flags)
    }

    /// All arguments are keys.
    pub const fn all(flags: KeyFlags) -> Keys {
        Keys::range(1, -1, 1, flags)
    }

    /// From word `first`, every `step`-th up to word `last`; a negative `last` counts from the end.
    pub const fn range(first: usize, last: i32, step: usize, flags: KeyFlags) -> Keys {
        let last = if last < 0 { last } else { last - first as i32 };
        Keys { begin: Begin::Word(first), find: Find::Range { last, step, part: 0 }, flags, notes: "" }
    }

    /// As many as word `count` says, behind it.
    pub const fn counted(count: usize, flags: KeyFlags) -> Keys {
        Keys { begin: Begin::Word(count), find: Find::Counted, flags, notes: "" }
    }

    /// One key, behind a keyword; see [`Begin::Keyword`].
    pub const fn behind(keyword: &'static str, from: i32, flags: KeyFlags) -> Keys {
        Keys {
            begin: Begin::Keyword(keyword, from),
            find: Find::Range { last: 0, step: 1, part: 0 },
            flags,
            notes: "",
        }
    }

    /// With a reason for its flags.
    pub const fn because(mut self, notes: &'static str) -> Keys {
        self.notes = notes;
        self
    }

    /// Whether an empty word stands where there may be no key (MIGRATE).
    fn is_absent(&self, word: usize, args: Args<'_>) -> bool {
        self.flags == KeyFlags::TAKE_IF_ANY && (word >= args.len() || args.word(word).is_empty())
    }

    /// The indices of the keys among a command's words. A count that is no number, or is too large, gives none.
    pub fn positions(&self, args: Args<'_>) -> std::iter::StepBy<std::ops::Range<usize>> {
        let words = args.len();
        let nothing = (0..0).step_by(1);
        let begin = match self.begin {
            Begin::Word(word) if self.is_absent(word, args) => return nothing,
            Begin::Word(word) => word,
            Begin::Keyword(keyword, from) => {
                let is = |&index: &usize| args.word(index).eq_ignore_ascii_case(keyword.as_bytes());
                let found = if from < 0 {
                    (1..=words.saturating_sub(from.unsigned_abs() as usize)).rev().find(is)
                } else {
                    (from as usize..words).find(is)
                };
                match found {
                    Some(index) => index + 1,
                    None => return nothing,
                }
            }
        };
        match self.find {
            Find::Range { last, step, part } => {
                let end = if last >= 0 {
                    begin + last as usize + 1
                } else if part > 1 {
                    begin + words.saturating_sub(begin) / part
                } else {
                    (words + 1).saturating_sub(last.unsigned_abs() as usize)
                };
                (begin..end.min(words)).step_by(step)
            }
            Find::Counted => match super::touched::counted(args, begin) {
                Some(count) => (begin + 1..begin + 1 + count).step_by(1),
                None => nothing,
            },
            Find::Unknown => nothing,
        }
    }
}

/// What a command does with its client's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Begins one: what follows is queued.
    Begin,
    /// Runs what was queued.
    Run,
    /// Forgets what was queued, and what is watched.
    Discard,
    /// Forgets what is watched.
    Unwatch,
}

/// Where a command runs, and what does it.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// In the partition that owns its keys; over several, in all of them at once.
    Keys(KeyRun),
    /// In the partition that the cursor (the word at this index) points into.
    Cursor(usize, KeyRun),
    /// A script or a function: as [`Run::Keys`], but it may turn out to need other keys than it names.
    Script(Invocation),
    /// As [`Run::Keys`], with what the client watches at hand.
    Watch(KeyRun),
    /// Over all partitions at once.
    All(KeyRun),
    /// In the client's connection, at once.
    Session(SessionRun),
    /// In the client's connection, about its transaction.
    Queue(Queue),
    /// By the admin actor.
    Admin(AdminRun),
    /// As [`Run::Admin`], on a thread of its own: it may wait for other machines.
    Apart(AdminRun),
    /// It only has subcommands.
    Container,
}

/// One command (or subcommand): everything there is to say about it.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Lower case; a subcommand's own name only.
    pub name: &'static str,
    /// Arguments, in the notation of Redis's documentation: lower-case words are values, upper-case words stand
    /// for themselves, `[x]` is optional, `<a | b>` one of, `[x ...]` repeats. [`super::syntax`] reads it.
    pub syntax: &'static str,
    /// One sentence, with a full stop.
    pub summary: &'static str,
    /// The Redis version that had it first.
    pub since: &'static str,
    /// How its cost grows.
    pub complexity: &'static str,
    /// Its family.
    pub group: Group,
    /// How many words.
    pub arity: Arity,
    /// Flags.
    pub flags: Flags,
    /// ACL categories beside those that follow from flags and group (`@keyspace`, `@dangerous` …), without `@`.
    pub categories: &'static [&'static str],
    /// Where its keys stand; several when they are treated differently.
    pub keys: &'static [Keys],
    /// Which of its words are channels.
    pub channels: ChannelWords,
    /// Where it runs.
    pub run: Run,
    /// Its subcommands.
    pub subcommands: &'static [Command],
    /// COMMAND INFO's tips.
    pub tips: &'static [&'static str],
    /// Since when it should not be used, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Where it differs from Redis's, for `docs/commands.md`; whole sentences.
    pub differs: &'static str,
}

impl Command {
    /// What rows begin from: `Command { name: …, ..Command::BASE }`.
    pub const BASE: Command = Command {
        name: "",
        syntax: "",
        summary: "",
        since: "1.0.0",
        complexity: "O(1)",
        group: Group::Generic,
        arity: Arity::Exactly(1),
        flags: Flags::NONE,
        categories: &[],
        keys: &[],
        channels: ChannelWords::None,
        run: Run::Container,
        subcommands: &[],
        tips: &[],
        deprecated: None,
        differs: "",
    };

    /// The keys among a command's words.
    pub fn keys_of<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        self.keys.iter().flat_map(move |keys| keys.positions(args)).map(move |index| args.word(index))
    }

    /// Whether these words may name keys that nobody knows before it runs: SORT with a pattern that has a place for an
    /// element.
    pub fn names_unknown_keys(&self, args: Args<'_>) -> bool {
        let patterns = || {
            let behind = |&index: &usize| {
                let word = args.word(index);
                word.eq_ignore_ascii_case(b"by") || word.eq_ignore_ascii_case(b"get")
            };
            (2..args.len().saturating_sub(1)).filter(behind).any(|index| args.word(index + 1).contains(&b'*'))
        };
        self.keys.iter().any(|keys| keys.find == Find::Unknown) && patterns()
    }

    /// Whether it may change the keyspace.
    pub fn is_write(&self) -> bool {
        self.flags.has(Flags::WRITE)
    }

    /// Its ACL categories, in Redis's order: those that follow from flags and group, and its own.
    ///
    /// A command of the generic group is of `keyspace`, unless it names types of its own (SORT). One that only has
    /// subcommands follows no group.
    pub fn acl_categories(&self) -> impl Iterator<Item = &'static str> {
        let container = matches!(self.run, Run::Container);
        let group = match self.group {
            Group::Generic if self.categories.contains(&"list") => "",
            // WAIT.
            Group::Generic if self.keys.is_empty() && self.categories.contains(&"connection") => "",
            Group::Generic => "keyspace",
            // Those of pub/sub have a flag that says so, but for HELP.
            Group::Server | Group::PubSub => "",
            Group::SortedSet => "sortedset",
            Group::Transactions => "transaction",
            group => group.name(),
        };
        let scripting = self.categories.contains(&"scripting") || group == "scripting";
        CATEGORIES.into_iter().filter(move |name| match *name {
            "write" => self.flags.has(Flags::WRITE),
            "read" => self.flags.has(Flags::READONLY) && !scripting,
            "admin" if self.flags.has(Flags::ADMIN) => true,
            "dangerous" if self.flags.has(Flags::ADMIN) => true,
            "pubsub" if self.flags.has(Flags::PUBSUB) => true,
            "blocking" if self.flags.has(Flags::BLOCKING) => true,
            "fast" => self.flags.has(Flags::FAST),
            "slow" => !self.flags.has(Flags::FAST),
            name => (name == group && !container) || self.categories.contains(&name),
        })
    }

    /// The subcommand of a name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
    }
}
