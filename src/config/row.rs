//! The row: everything that is known about an option, said once.

use super::choice::Choice;

/// The largest value of an option that Redis keeps in a C `int`.
pub(super) const INT_MAX: i64 = i32::MAX as i64;
/// The largest number of bytes that most sizes may have, as in Redis.
pub(super) const SIZE_MAX: u64 = i64::MAX as u64;

/// What an option's value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A decimal number.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A file mode, read and written in octal.
    Octal {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A number of bytes, with an optional unit.
    Size {
        /// The least number of bytes.
        min: u64,
        /// The greatest number of bytes.
        max: u64,
    },
    /// A number of bytes, or a percentage from 0 to 100 with `%`.
    SizeOrPercent,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// Words separated by spaces.
    Words,
    /// Points of `save`: pairs of seconds and changes.
    Save,
    /// Limits of clients' output buffers, by class.
    BufferLimits,
    /// Classes of keyspace events, one letter each.
    Events,
    /// Percentiles from 0 to 100.
    Percentiles,
    /// Three scores from -2000 to 2000.
    OomScores,
    /// How a signal shuts down: `default`, or some of `save nosave now force`.
    Shutdown,
    /// The host and port of a master, or nothing.
    Master,
}

impl Kind {
    /// Whether the value may be given as several arguments.
    pub fn takes_many(&self) -> bool {
        matches!(
            self,
            Kind::Words
                | Kind::Save
                | Kind::BufferLimits
                | Kind::Percentiles
                | Kind::OomScores
                | Kind::Shutdown
                | Kind::Master
        )
    }
}

/// When an option may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time, by CONFIG SET.
    Runtime,
    /// By CONFIG SET, for those whom `enable-protected-configs` permits.
    Protected,
    /// Only at start.
    Start,
}

/// Whether an option does anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its help says.
    Effective,
    /// Its value is checked, kept and returned, so that tools made for Redis work; nothing reads it.
    Accepted,
}

/// Where an option is listed in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Listening sockets.
    Network,
    /// Limits on clients.
    Clients,
    /// Passwords and permissions.
    Security,
    /// Encrypted connections.
    Tls,
    /// The memory budget and the threads.
    Memory,
    /// Folders and RocksDB.
    Storage,
    /// The log of writes.
    Binlog,
    /// Masters and replicas.
    Replication,
    /// Types and the keyspace.
    DataTypes,
    /// Slow log and latency.
    Monitoring,
    /// The process and its log file.
    Process,
    /// Options of Redis without effect here.
    Redis,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Section; 12] = [
        Section::Network,
        Section::Clients,
        Section::Security,
        Section::Tls,
        Section::Memory,
        Section::Storage,
        Section::Binlog,
        Section::Replication,
        Section::DataTypes,
        Section::Monitoring,
        Section::Process,
        Section::Redis,
    ];

    /// The section's heading.
    pub fn title(self) -> &'static str {
        match self {
            Section::Network => "Network",
            Section::Clients => "Clients",
            Section::Security => "Security",
            Section::Tls => "TLS",
            Section::Memory => "Memory and threads",
            Section::Storage => "Storage",
            Section::Binlog => "Binlog and durability",
            Section::Replication => "Replication",
            Section::DataTypes => "Data types and keyspace",
            Section::Monitoring => "Monitoring",
            Section::Process => "Process and logging",
            Section::Redis => "Accepted for Redis's sake",
        }
    }
}

/// Another name for an option.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The name.
    pub name: &'static str,
    /// What a number under this name is multiplied by to get the option's unit; 1 for all but a few.
    pub factor: i64,
    /// Whether patterns of CONFIG GET match it. Names of older versions of Pika answer only when asked for exactly.
    pub listed: bool,
}

impl Alias {
    /// A second name that Redis has too.
    pub(super) const fn redis(name: &'static str) -> Alias {
        Alias { name, factor: 1, listed: true }
    }

    /// A name of an older version of Pika.
    pub(super) const fn pika(name: &'static str) -> Alias {
        Alias { name, factor: 1, listed: false }
    }

    /// A name of an older version of Pika, which counted in a larger unit.
    pub(super) const fn scaled(name: &'static str, factor: i64) -> Alias {
        Alias { name, factor, listed: false }
    }
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name: Redis's, where Redis has the option.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [Alias],
    /// What values look like.
    pub kind: Kind,
    /// The value when nothing sets one, as CONFIG SET would take it.
    pub default: &'static str,
    /// When it may change.
    pub change: Change,
    /// Whether it does anything.
    pub effect: Effect,
    /// Where it is documented.
    pub section: Section,
    /// What it does, and what is dangerous about it.
    pub help: &'static str,
    /// Whether the value is a secret, kept out of logs.
    pub secret: bool,
    /// Whether CONFIG GET shows it only when asked by its exact name.
    pub hidden: bool,
    /// Whether the value names something else (a file) that may have changed: CONFIG SET puts the same value to use
    /// again.
    pub volatile: bool,
    /// What a number outside of these bounds is moved to, without an error (Redis does this for `hz`).
    pub clamp: Option<(i64, i64)>,
}

impl Row {
    const fn new(name: &'static str, default: &'static str, kind: Kind) -> Row {
        Row {
            name,
            aliases: &[],
            kind,
            default,
            change: Change::Runtime,
            effect: Effect::Effective,
            section: Section::Redis,
            help: "",
            secret: false,
            hidden: false,
            volatile: false,
            clamp: None,
        }
    }

    pub(super) const fn boolean(name: &'static str, default: &'static str) -> Row {
        Row::new(name, default, Kind::Bool)
    }

    pub(super) const fn integer(name: &'static str, default: &'static str, min: i64, max: i64) -> Row {
        Row::new(name, default, Kind::Integer { min, max })
    }

    pub(super) const fn size(name: &'static str, default: &'static str, min: u64, max: u64) -> Row {
        Row::new(name, default, Kind::Size { min, max })
    }

    pub(super) const fn text(name: &'static str, default: &'static str) -> Row {
        Row::new(name, default, Kind::Text)
    }

    pub(super) const fn word(
        name: &'static str,
        default: &'static str,
        words: &'static [&'static str],
    ) -> Row {
        Row::new(name, default, Kind::Choice(words))
    }

    pub(super) const fn choice<C: Choice>(name: &'static str, default: &'static str) -> Row {
        Row::new(name, default, Kind::Choice(C::NAMES))
    }

    pub(super) const fn special(name: &'static str, default: &'static str, kind: Kind) -> Row {
        Row::new(name, default, kind)
    }

    pub(super) const fn aliases(mut self, aliases: &'static [Alias]) -> Row {
        self.aliases = aliases;
        self
    }

    /// Settable only at start.
    pub(super) const fn fixed(mut self) -> Row {
        self.change = Change::Start;
        self
    }

    pub(super) const fn protected(mut self) -> Row {
        self.change = Change::Protected;
        self
    }

    pub(super) const fn secret(mut self) -> Row {
        self.secret = true;
        self
    }

    pub(super) const fn hidden(mut self) -> Row {
        self.hidden = true;
        self
    }

    pub(super) const fn volatile(mut self) -> Row {
        self.volatile = true;
        self
    }

    pub(super) const fn clamp(mut self, low: i64, high: i64) -> Row {
        self.clamp = Some((low, high));
        self
    }

    pub(super) const fn described(mut self, section: Section, help: &'static str) -> Row {
        self.section = section;
        self.help = help;
        self
    }

    /// Accepted, without effect; `help` says why, or what to use instead.
    pub(super) const fn accepted(mut self, help: &'static str) -> Row {
        self.effect = Effect::Accepted;
        self.help = help;
        self
    }

    /// The help's paragraphs, each on one line.
    pub fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![String::new()];
        for line in self.help.lines().map(str::trim) {
            match paragraphs.last_mut() {
                Some(last) if !line.is_empty() => {
                    if !last.is_empty() {
                        last.push(' ');
                    }
                    last.push_str(line);
                }
                _ => paragraphs.push(String::new()),
            }
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        paragraphs
    }
}

/// Compares two names while the program is compiled.
pub(super) const fn same_name(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Declares a group of effective options: for each a typed key, whose documentation is also the option's help text,
/// and its row. One place to say it, so that code, `docs/config.md` and `config/pika.toml` cannot differ.
macro_rules! options {
    ($section:ident { $($(#[doc = $help:literal])+ $key:ident: $type:ty = $row:expr;)+ }) => {
        use super::super::key::Key;
        #[allow(unused_imports, reason = "not every group needs every name")]
        use super::super::row::{Alias, INT_MAX, Kind, Row, SIZE_MAX, Section};

        pub(in super::super) const ROWS: &[Row] =
            &[$($row.described(Section::$section, concat!($($help, "\n"),+))),+];

        $($(#[doc = $help])+ pub const $key: Key<$type> = Key::find($row.name);)+

        /// Reads every option of the group, and checks that each constant has its option's name.
        #[cfg(test)]
        pub(in super::super) fn read_all(config: &super::super::Config) {
            $(
                let _ = config.get($key);
                assert_eq!($key.name().replace('-', "_").to_uppercase(), stringify!($key));
            )+
        }
    };
}
pub(super) use options;
