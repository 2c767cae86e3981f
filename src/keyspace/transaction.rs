//! What a command sees of the keyspace: reads through memory and engine, gathers writes, all or nothing.
//!
//! A command that needs what is not in memory stops with [`Stop::Need`]; nothing of it has happened, and it is
//! run again when the need is met. Reads see the command's own writes.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

mod commit;
mod entry;
mod event;
mod gathered;
mod keyspace_wide;
mod mode;
mod range;
mod read;
mod steps;
mod stop;
mod usage;
mod write;

pub use commit::{Committed, write_command};
pub use entry::Entry;
use entry::Stored;
pub use event::Event;
pub use gathered::Step;
pub use stop::{Block, ErrorText, Need, Otherwise, Place, Stop};

use super::partition::{Partition, Role};
use super::slot::{self, Slot};
use super::table::{Group, Write};
use super::view::View;
use super::write_behind::Orphan;
use crate::config::Events;
use crate::encoding::key::{KeyBuf, Namespace};
use crate::encoding::meta::Meta;
use crate::engine::{EngineError, Family, Range, Tier};
use crate::scripting::Registry;

/// Whose memory a transaction works on.
#[derive(Debug)]
pub enum Source<'a> {
    /// One partition; all keys are its own.
    One(&'a mut Partition),
    /// All partitions of the server, in order.
    All(&'a mut [Box<Partition>]),
    /// A kept moment, for reading only.
    View(&'a View),
}

/// How far a transaction may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How deep reads go.
    pub tier: Tier,
    /// How many entries ranges may show before the command has to go elsewhere.
    pub steps: usize,
}

impl Reach {
    /// On a thread that serves clients.
    pub const SERVING: Reach = Reach { tier: Tier::Memory, steps: 4096 };
    /// On a thread that may wait.
    pub const UNBOUNDED: Reach = Reach { tier: Tier::Disk, steps: usize::MAX };
}

/// A write that waits for its command's end.
#[derive(Debug)]
struct Pending {
    family: Family,
    write: Write,
}

type PendingIndex = HashMap<(Family, Vec<u8>), usize, ahash::RandomState>;

/// What few commands change: apart, so that all others have less to make, to move and to drop.
#[derive(Debug, Default)]
struct Rare {
    /// HDEL of fields that the command met, that it removes because their time has come; and how many.
    lapsed_fields: (usize, Vec<u8>),
    /// Databases that are emptied.
    flushed: Vec<usize>,
    /// Databases that are exchanged.
    swapped: Option<(usize, usize)>,
    /// Keys that it changes in what is no change to who watches them.
    spared: Vec<KeyBuf>,
    /// Keys that it removes because their time has come. Who watches one knows its time, and to who began later it
    /// was gone.
    lapsed: Vec<KeyBuf>,
    /// When keys were used last, to be told when they are written.
    used: Vec<(Slot, KeyBuf, u32)>,
    /// The libraries of functions that are to take the place of those that there are.
    functions: Option<Arc<Registry>>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Transaction<'a> {
    source: Source<'a>,
    reach: Reach,
    now_ms: u64,
    role: Role,
    database: usize,
    namespace: Namespace,
    pending: SmallVec<[Pending; 2]>,
    /// Where a key stands in `pending`, once that is long.
    pending_index: Option<Box<PendingIndex>>,
    counts: SmallVec<[(usize, Namespace, Meta<'static>, i64); 2]>,
    orphans: Vec<(usize, Orphan)>,
    effects: Vec<u8>,
    /// How many commands these are.
    effect_count: usize,
    expired: Vec<(KeyBuf, usize)>,
    /// The command looked at a field of a hash whose time has come, and leaves it where it is.
    met_due_field: bool,
    slots: Option<(Slot, Slot)>,
    read_group: Group,
    steps_left: usize,
    changes: u64,
    /// Whether somebody wants to know which keys change.
    follows: bool,
    touched: Vec<KeyBuf>,
    /// All changes are by time.
    by_time: bool,
    /// What few commands change.
    rare: Option<Box<Rare>>,
    wanted_events: Events,
    events: Vec<Event>,
    /// One command of several that happen together: it cannot wait for a blind write to be settled.
    atomic: bool,
    /// What is due is not removed.
    keeps_due: bool,
    stats: (u64, u64),
    /// Random numbers, for commands that choose.
    pub random: fastrand::Rng,
}

impl<'a> Transaction<'a> {
    /// A transaction on `database` at `now_ms` (Unix time).
    pub fn new(source: Source<'a>, reach: Reach, now_ms: u64, database: usize) -> Transaction<'a> {
        let mut source = source;
        let namespace = match &source {
            Source::One(partition) => partition.namespaces.of(database),
            Source::All(partitions) => partitions[0].namespaces.of(database),
            Source::View(view) => view.namespaces.of(database),
        };
        let seed = keyspace_wide::next_seed(&mut source) ^ now_ms;
        let follows = match &source {
            Source::One(partition) => partition.wants_touched(),
            Source::All(partitions) => partitions.iter().any(|partition| partition.wants_touched()),
            Source::View(_) => false,
        };
        let role = match &source {
            Source::One(partition) => partition.role,
            Source::All(partitions) => partitions[0].role,
            Source::View(_) => Role::Master,
        };
        Transaction {
            source,
            reach,
            now_ms,
            role,
            database,
            namespace,
            pending: SmallVec::new(),
            pending_index: None,
            counts: SmallVec::new(),
            orphans: Vec::new(),
            effects: Vec::new(),
            effect_count: 0,
            expired: Vec::new(),
            met_due_field: false,
            slots: None,
            read_group: 0,
            steps_left: reach.steps,
            changes: 0,
            follows,
            touched: Vec::new(),
            by_time: false,
            rare: None,
            wanted_events: Events::default(),
            events: Vec::new(),
            atomic: false,
            keeps_due: false,
            stats: (0, 0),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// "Now" for this command, Unix time in ms. During replay, the record's.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// By which clock keys and fields are gone, Unix time in ms: "now"; but 0, so that nothing ever is, for commands
    /// that a master sent. It says explicitly what it removed because its time had come, and when these commands run
    /// here says nothing about what they met there.
    pub fn expiry_clock_ms(&self) -> u64 {
        if self.role == Role::Follower { 0 } else { self.now_ms }
    }

    /// Whether what is due goes when a command meets it: not on a slave, whose master says so.
    pub fn removes_due(&self) -> bool {
        self.role == Role::Master
    }

    /// Whether it is of a master's stream.
    pub fn is_followed(&self) -> bool {
        self.role == Role::Follower
    }

    /// Whether it runs on a thread that may wait, and may take its time.
    pub fn may_wait(&self) -> bool {
        self.reach.tier == Tier::Disk
    }

    /// The database that the client selected.
    pub fn database(&self) -> usize {
        self.database
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        match &self.source {
            Source::One(partition) => partition.namespaces.databases(),
            Source::All(partitions) => partitions[0].namespaces.databases(),
            Source::View(view) => view.namespaces.databases(),
        }
    }

    /// The namespace that a database shows.
    pub fn namespace_of(&self, database: usize) -> Namespace {
        match &self.source {
            Source::One(partition) => partition.namespaces.of(database),
            Source::All(partitions) => partitions[0].namespaces.of(database),
            Source::View(view) => view.namespaces.of(database),
        }
    }

    /// The database that shows a namespace; `None` if none does.
    pub(super) fn database_of(&self, namespace: Namespace) -> Option<usize> {
        match &self.source {
            Source::One(partition) => partition.namespaces.database_of(namespace),
            Source::All(partitions) => partitions[0].namespaces.database_of(namespace),
            Source::View(view) => view.namespaces.database_of(namespace),
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn now_s(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    fn index_of(&self, slot: Slot) -> usize {
        match &self.source {
            Source::One(_) | Source::View(_) => 0,
            Source::All(partitions) => slot::partition_of(slot, partitions.len()),
        }
    }

    fn partition(&mut self, index: usize) -> Option<&mut Partition> {
        match &mut self.source {
            Source::One(partition) => Some(partition),
            Source::All(partitions) => Some(&mut partitions[index]),
            Source::View(_) => None,
        }
    }
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("a Meta entry does not parse".into()))
}
