//! The sections of INFO, and which of them a client asked for.

/// A section, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Section {
    /// The process.
    Server,
    /// Data on disk.
    Data,
    /// Connections.
    Clients,
    /// Memory.
    Memory,
    /// Backups.
    Persistence,
    /// Counters.
    Stats,
    /// Replication.
    Replication,
    /// The log.
    Binlog,
    /// Processor time.
    Cpu,
    /// Modules: there are none.
    Modules,
    /// Commands.
    Commandstats,
    /// Errors.
    Errorstats,
    /// Times of commands.
    Latencystats,
    /// Cluster.
    Cluster,
    /// Databases.
    Keyspace,
    /// RocksDB's own numbers.
    Rocksdb,
}

impl Section {
    /// All, in order.
    pub const ALL: [Section; 16] = [
        Section::Server,
        Section::Data,
        Section::Clients,
        Section::Memory,
        Section::Persistence,
        Section::Stats,
        Section::Replication,
        Section::Binlog,
        Section::Cpu,
        Section::Modules,
        Section::Commandstats,
        Section::Errorstats,
        Section::Latencystats,
        Section::Cluster,
        Section::Keyspace,
        Section::Rocksdb,
    ];

    /// As its heading shows it.
    pub fn title(self) -> &'static str {
        match self {
            Section::Server => "Server",
            Section::Data => "Data",
            Section::Clients => "Clients",
            Section::Memory => "Memory",
            Section::Persistence => "Persistence",
            Section::Stats => "Stats",
            Section::Replication => "Replication",
            Section::Binlog => "Binlog",
            Section::Cpu => "CPU",
            Section::Modules => "Modules",
            Section::Commandstats => "Commandstats",
            Section::Errorstats => "Errorstats",
            Section::Latencystats => "Latencystats",
            Section::Cluster => "Cluster",
            Section::Keyspace => "Keyspace",
            Section::Rocksdb => "RocksDB",
        }
    }

    /// Whether INFO without arguments shows it.
    fn is_default(self) -> bool {
        !matches!(self, Section::Commandstats | Section::Latencystats | Section::Rocksdb)
    }
}

/// A set of sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sections {
    bits: u32,
    /// INFO KEYSPACE 1: keys by type as well.
    pub by_type: bool,
}

impl Sections {
    /// All of them.
    pub fn all() -> Sections {
        Section::ALL.into_iter().fold(Sections::default(), Sections::with)
    }

    /// Those that INFO without arguments shows.
    pub fn by_default() -> Sections {
        Section::ALL
            .into_iter()
            .filter(|section| section.is_default())
            .fold(Sections::default(), Sections::with)
    }

    /// Those that the arguments of INFO name. What is not a section is ignored, as in Redis. After KEYSPACE, 1
    /// asks for keys by type, and 0 and OFF (which stop a count in other versions of Pika) for nothing more.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Sections {
        let mut sections = Sections::default();
        let mut any = false;
        let mut after_keyspace = false;
        for word in words {
            any = true;
            if after_keyspace && word == b"1" {
                sections.by_type = true;
            }
            after_keyspace = word.eq_ignore_ascii_case(b"keyspace");
            if word.eq_ignore_ascii_case(b"all") || word.eq_ignore_ascii_case(b"everything") {
                sections.bits |= Sections::all().bits;
            } else if word.eq_ignore_ascii_case(b"default") {
                sections.bits |= Sections::by_default().bits;
            } else {
                let named =
                    Section::ALL.into_iter().find(|s| s.title().as_bytes().eq_ignore_ascii_case(word));
                sections = named.map_or(sections, |section| sections.with(section));
            }
        }
        if any { sections } else { Sections::by_default() }
    }

    /// With one more.
    pub fn with(mut self, section: Section) -> Sections {
        self.bits |= 1 << section as u8;
        self
    }

    /// Whether a section is in it.
    pub fn has(&self, section: Section) -> bool {
        self.bits & 1 << section as u8 != 0
    }

    /// Those in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = Section> + use<'_> {
        Section::ALL.into_iter().filter(|section| self.has(*section))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_sections_in_any_case() {
        assert_eq!(Sections::parse([]), Sections::by_default());
        let some = Sections::parse([&b"CPU"[..], b"sentinel", b"commandSTATS"]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Section::Cpu, Section::Commandstats]);
        assert_eq!(Sections::parse([&b"cpu"[..], b"all"]), Sections::all());
        assert_eq!(Sections::parse([&b"nothing"[..]]).iter().count(), 0);
        assert!(Sections::parse([&b"keyspace"[..], b"1"]).by_type);
        assert!(!Sections::parse([&b"keyspace"[..], b"0"]).by_type);
        assert!(!Sections::parse([&b"cpu"[..], b"1"]).by_type);
        assert!(!Sections::by_default().has(Section::Commandstats));
    }
}
