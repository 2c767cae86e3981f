//! A partition: the only owner of a contiguous range of slots. It runs commands one after another, commits
//! what they wrote to its memory, and gathers the log records of each tick.
//!
//! # A write's way
//! A command writes into a [`super::transaction::Transaction`], whose commit moves that into the tables under the
//! open *group*. At the end of a tick [`Partition::close_group`] takes the group's log records. The shell appends
//! them, and lets replies go when the log has the group that they speak of. Closed groups reach the engine through
//! [`Partition::hand_off`] and [`Partition::applied`].
//!
//! # Invariants
//! * Group numbers only grow; `applied <= handed off <= closed < open`.
//! * An entry with a group above `applied` is never evicted.
//! * A hand-off holds whole groups, and the log offset that it carries is the end of the last of them.

mod effects;
mod hand_off;
mod replace;

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::counts::{AllCounts, Counts};
use super::coverage::Coverage;
use super::drawn::Drawn;
use super::handed::{Handed, HandedList};
use super::namespace::Namespaces;
use super::shared::OpenRecord;
pub use super::shared::{LogRecord, Shared};
use super::slot::Slot;
use super::table::{self, Group, Table, Value};
use super::transaction::Event;
use super::watch::{Change, Watchers};
use super::write_behind::Orphan;
use crate::encoding::key::{self, ExpiryKey, KeyBuf, MetaKey, Namespace};
use crate::encoding::meta::{Meta, Type};
use crate::encoding::sorted_set;
use crate::engine::{Family, ReadError, Tier};
use hand_off::UnderWay;

/// Families that have a table: all but System.
pub const TABLES: usize = 3;

/// Who decides what is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// It does: what commands write goes to the log, and what has expired is removed.
    #[default]
    Master,
    /// A master elsewhere does. What expired is hidden and stays; what clients write, if they may
    /// (`replica-read-only no`), never reaches the log.
    Slave,
    /// It runs commands that are in the log already: what a master sent, or a replay. Nothing expires by a clock.
    Follower,
}

/// Counters of a partition since the start, for INFO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Look-ups by reading commands that found their key.
    pub keyspace_hits: u64,
    /// Look-ups by reading commands that found none.
    pub keyspace_misses: u64,
    /// Keys that were removed because their time had come.
    pub expired_keys: u64,
    /// Hash fields that were removed because their time had come.
    pub expired_fields: u64,
    /// Entries read from the engine's memory because the tables lacked them.
    pub engine_reads: u64,
    /// Keys that had to be read from disk.
    pub disk_reads: u64,
    /// Writes that changed something ("dirty" in Redis).
    pub changes: u64,
    /// Entries that left the tables for want of room.
    pub evicted_entries: u64,
}

/// What [`Partition::fetch_ahead`] wants to know of a command: hints, which cost time if they are wrong, and no more.
#[derive(Debug, Clone, Copy)]
pub struct NextCommand<'k> {
    /// Its first key.
    pub key: &'k [u8],
    /// The word behind that.
    pub second: &'k [u8],
    /// Its last word.
    pub last: &'k [u8],
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Partition {
    /// Its number, from 0.
    pub index: usize,
    /// How many partitions there are.
    pub partitions: usize,
    /// What all share.
    pub shared: Arc<Shared>,
    /// Who decides what is in it. Changed between groups only, and for all partitions together.
    pub role: Role,
    /// Where effects go that the log does not get.
    discarded: Vec<u8>,
    pub(super) tables: [Table; TABLES],
    pub(super) counts: AllCounts,
    pub(super) namespaces: Namespaces,
    pub(super) orphans: Vec<Orphan>,
    /// Since the start.
    pub stats: Stats,
    /// Keys written since the last hand-off, each once: the list that the next one takes.
    queue: HandedList,
    queue_bytes: usize,
    /// When the first index entry of the queue is due, Unix time in ms.
    first_due_ms: u64,
    /// Hand-offs that the engine does not have yet, in order.
    under_way: VecDeque<UnderWay>,
    spent: Vec<Arc<HandedList>>,
    /// What the write-behind thread found out about blind writes, in sum.
    settled: AllCounts,
    blind_writes: u64,
    /// How many of them were handed off.
    blind_writes_handed: u64,
    blind_writes_settled: u64,
    open_group: Group,
    open: Vec<OpenRecord>,
    /// Bytes of the last record, within limits: the next one begins with as much room.
    usual_payload: usize,
    /// The open group has writes that the log does not get (this node's own index entries).
    pub(super) unlogged: bool,
    /// Closed groups and where they end in the log, that are not handed off yet.
    closed: VecDeque<(Group, u64)>,
    reach: u64,
    handed_group: Group,
    namespaces_changed: Vec<Namespace>,
    namespaces_dirty: bool,
    /// The libraries of functions changed since the last hand-off.
    functions_dirty: bool,
    pub(super) scratch: Vec<u8>,
    pub(super) drawn: Drawn,
    seed: u64,
    /// Who watches which keys.
    pub(super) watchers: Watchers,
    /// What is committed now belongs to one transaction of a client, and goes into one record: see
    /// [`Partition::begin_atomic`]. The database of its last command; `None` before the first.
    atomic: Option<Option<usize>>,
    /// Databases were emptied or exchanged since whoever runs commands last looked.
    pub databases_changed: bool,
    /// Somebody wants [`Partition::touched`].
    pub follows: bool,
    /// Databases were emptied since whoever runs commands last looked.
    pub databases_flushed: bool,
    /// Meta keys that commits changed, while somebody follows them, and by what; whoever runs commands takes them.
    pub touched: Vec<(KeyBuf, Change)>,
    /// Of these, the first ones that the clients that track keys were told of.
    pub told: usize,
    /// Events that commits told of; whoever runs commands takes them.
    pub events: Vec<Event>,
}

/// Tables that are empty, over an engine that has nothing of the namespaces from `first` on.
fn covering(first: Namespace) -> [Table; TABLES] {
    let mut tables = <[Table; TABLES]>::default();
    for family in [Family::Meta, Family::Element] {
        tables[family as usize].cover(Coverage::from(first));
    }
    tables
}

impl Partition {
    /// A partition with an empty memory over `shared.engine`. `reach` is the log offset that its part of the
    /// engine is at; `counts` what the engine says its keys are.
    pub fn new(
        index: usize,
        partitions: usize,
        shared: Arc<Shared>,
        namespaces: Namespaces,
        counts: AllCounts,
        reach: u64,
    ) -> Partition {
        Partition {
            index,
            partitions,
            shared,
            role: Role::Master,
            discarded: Vec::new(),
            tables: covering(namespaces.next()),
            counts,
            namespaces,
            orphans: Vec::new(),
            stats: Stats::default(),
            queue: HandedList::default(),
            queue_bytes: 0,
            first_due_ms: u64::MAX,
            under_way: VecDeque::new(),
            spent: Vec::new(),
            settled: AllCounts::default(),
            blind_writes: 0,
            blind_writes_handed: 0,
            blind_writes_settled: 0,
            open_group: 1,
            open: Vec::new(),
            usual_payload: 0,
            unlogged: false,
            closed: VecDeque::new(),
            reach,
            handed_group: 0,
            namespaces_changed: Vec::new(),
            namespaces_dirty: false,
            functions_dirty: false,
            scratch: Vec::new(),
            drawn: Drawn::default(),
            seed: index as u64,
            watchers: Watchers::default(),
            atomic: None,
            databases_changed: false,
            databases_flushed: false,
            follows: false,
            touched: Vec::new(),
            told: 0,
            events: Vec::new(),
        }
    }

    /// Says that the engine has no key of any database. Only before the first write.
    pub fn begin_empty(&mut self) {
        self.tables = covering(0);
    }

    /// Whether a key may exist: it does in memory, or only the disk knows.
    pub fn may_have(&mut self, meta_key: &[u8]) -> bool {
        !matches!(self.read(Family::Meta, meta_key, Tier::Memory, 0), Ok((None, _)))
    }

    /// Says what is looked up next in a database, as the words of each command, from its first key on: the keys, and the
    /// elements that commands on one element of a collection most likely name. See `Table::fetch_ahead`.
    pub fn fetch_ahead<'k>(&self, database: usize, commands: impl Iterator<Item = NextCommand<'k>> + Clone) {
        let namespace = self.namespaces.of(database);
        let slots: SmallVec<[Slot; 32]> =
            commands.clone().map(|command| super::slot::of_key(command.key)).collect();
        let keys: SmallVec<[KeyBuf; 32]> = slots
            .iter()
            .zip(commands.clone())
            .map(|(&slot, next)| key::meta(slot, namespace, next.key))
            .collect();
        let found = self.tables[Family::Meta as usize].fetch_ahead(keys.iter().map(|key| &key[..]));
        let elements: SmallVec<[KeyBuf; 32]> = (found.iter().zip(slots).zip(commands))
            .filter_map(|((&entry, slot), next)| {
                let meta = Meta::parse(entry?.value_bytes())?;
                let version = meta.collection()?.version;
                match meta.kind {
                    Type::Hash | Type::Set => Some(key::element(slot, namespace, version, next.second)),
                    Type::SortedSet => Some(sorted_set::member(slot, namespace, version, next.last)),
                    Type::String | Type::List | Type::Stream => None,
                }
            })
            .collect();
        if !elements.is_empty() {
            self.tables[Family::Element as usize].fetch_ahead(elements.iter().map(|key| &key[..]));
        }
    }

    /// The type of a key in memory, its time come or not.
    pub fn type_in_memory(&self, meta_key: &[u8]) -> Option<Type> {
        let value = self.tables[Family::Meta as usize].peek(meta_key)?.value()?;
        Meta::parse(&value).map(|meta| meta.kind)
    }

    /// Whether commits have to say which keys they change.
    pub(super) fn wants_touched(&self) -> bool {
        self.follows || !self.watchers.is_empty()
    }

    /// Which namespaces the databases show.
    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The group that the next commit belongs to.
    pub fn open_group(&self) -> Group {
        self.open_group
    }

    /// Whether a command of this tick wrote anything.
    pub fn has_open_group(&self) -> bool {
        !self.open.is_empty() || self.unlogged
    }

    /// Bytes in memory, dirty and cached.
    pub fn memory_bytes(&self) -> usize {
        self.tables.iter().map(Table::bytes).sum()
    }

    /// Number of entries in memory.
    pub fn memory_entries(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// The exact numbers of a namespace; `None` while a blind write is not settled (hand off and ask again).
    pub fn counts(&self, namespace: Namespace) -> Option<Counts> {
        (self.blind_writes == self.blind_writes_settled).then(|| self.counts_so_far(namespace))
    }

    /// The numbers of a namespace; a key that was overwritten blindly may be counted twice.
    pub fn counts_so_far(&self, namespace: Namespace) -> Counts {
        let mut counts = self.counts.of(namespace);
        counts.add(&self.settled.of(namespace));
        counts
    }

    /// The numbers of all namespaces; see [`Partition::counts_so_far`].
    pub(super) fn all_counts_so_far(&self) -> AllCounts {
        let mut counts = self.counts.clone();
        counts.add(&self.settled);
        counts
    }

    /// A number that is another one each time (a Weyl sequence): a seed for random choices.
    pub(super) fn next_seed(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed
    }

    /// Reads a key: from memory, else from the engine as deep as `tier` allows. Also the group that wrote it.
    pub(super) fn read(
        &mut self,
        family: Family,
        key: &[u8],
        tier: Tier,
        now_s: u32,
    ) -> Result<(Option<Value>, Group), ReadError> {
        let table = &mut self.tables[family as usize];
        if let Some(entry) = table.get(key, now_s) {
            return Ok((entry.value(), entry.group()));
        }
        if table.covers(key) {
            return Ok((None, 0));
        }
        let read = self.shared.engine.get(family, key, tier)?;
        self.stats.engine_reads += 1;
        let Some(value) = read else { return Ok((None, 0)) };
        Ok((table.insert_missing(key, Some(&value), now_s), 0))
    }

    /// Notes an entry that an I/O thread read for a command that waits.
    pub fn insert_read(&mut self, family: Family, key: &[u8], value: Option<&[u8]>, now_s: u32) {
        self.stats.disk_reads += 1;
        self.tables[family as usize].insert_clean(key, value, now_s);
    }

    /// Moves a command's writes into memory, under the open group.
    pub(super) fn commit_write(&mut self, family: Family, mut write: super::table::Write, now_s: u32) {
        let super::table::Write { key_length, tombstone, blind, .. } = write;
        self.blind_writes += u64::from(blind);
        let (group, handed, next) = (self.open_group, self.handed_group, self.queue.len() as u32);
        self.queue_bytes += table::size(&write.record);
        if family == Family::Expiry
            && !tombstone
            && let Some(due) = ExpiryKey::parse(&write.record[..key_length])
        {
            self.first_due_ms = self.first_due_ms.min(due.at_ms);
        }
        match self.tables[family as usize].write(&mut write, group, handed, next, now_s) {
            Some(index) => {
                let before = self.queue.replace(index, write.record, tombstone);
                self.queue_bytes -= table::size(&before);
            }
            None => self.queue.push(Handed::new(family, write.record, key_length, tombstone, blind)),
        }
    }

    /// Whether the numbers of keys are exact: no blind write is on its way to the engine.
    pub fn is_settled(&self) -> bool {
        self.blind_writes == self.blind_writes_settled
    }

    /// The numbers of all namespaces; a key overwritten blindly may be counted twice until that is settled.
    pub fn all_counts(&self) -> AllCounts {
        self.all_counts_so_far()
    }

    /// Lets cached entries go until the memory is within `limit` bytes. Looks at few entries a call.
    pub fn evict(&mut self, limit: usize, now_s: u32) {
        if self.memory_bytes() <= limit {
            return;
        }
        /// Entries unused for so long go before all others.
        const IDLE_S: u32 = 10;
        let total = self.memory_bytes();
        for table in &mut self.tables {
            let share = (limit as u128 * table.bytes() as u128 / total as u128) as usize;
            self.stats.evicted_entries += table.evict(share, now_s.saturating_sub(IDLE_S)) as u64;
        }
    }

    /// Forgets all that the engine has (DEBUG's and the tests' way to cold data).
    pub fn drop_cache(&mut self) {
        self.tables.iter_mut().for_each(Table::drop_clean);
    }

    /// Empties a database: it shows a new namespace. O(1).
    pub(super) fn flush_database(&mut self, database: usize) {
        self.touch_watched(self.namespaces.of(database), None);
        self.databases_changed = true;
        self.databases_flushed = true;
        let dead = self.namespaces.flush(database);
        self.counts.forget(dead);
        self.namespaces_changed.push(dead);
        self.namespaces_dirty = true;
    }

    /// Replaces the libraries of functions, of all partitions.
    pub(super) fn set_functions(&mut self, functions: Arc<crate::scripting::Registry>) {
        self.shared.set_functions(functions);
        self.functions_dirty = true;
    }

    /// Exchanges two databases. O(1).
    pub(super) fn swap_databases(&mut self, first: usize, second: usize) {
        let (one, other) = (self.namespaces.of(first), self.namespaces.of(second));
        self.touch_watched(one, Some(other));
        self.touch_watched(other, Some(one));
        self.databases_changed = true;
        self.namespaces.swap(first, second);
        self.namespaces_dirty = true;
    }

    /// Marks the watches of a namespace's keys that exist, there or in the namespace that takes its place. What can
    /// only be known from disk counts as existing.
    fn touch_watched(&mut self, namespace: Namespace, other: Option<Namespace>) {
        for meta_key in self.watchers.keys_of(namespace) {
            let mut places = vec![meta_key.clone()];
            if let (Some(other), Some(place)) = (other, MetaKey::parse(&meta_key)) {
                places.push(key::meta(place.slot, other, place.key));
            }
            if places.iter().any(|place| self.may_have(place)) {
                self.watchers.touch(&meta_key);
            }
        }
    }

    /// When a key was last used, Unix time in seconds, if it is in memory.
    pub(super) fn used_s(&self, family: Family, key: &[u8]) -> Option<u32> {
        self.tables[family as usize].peek(key).map(super::table::Entry::used_s)
    }

    /// Sets when a key in memory was last used.
    pub(super) fn set_used_s(&mut self, family: Family, key: &[u8], used_s: u32) {
        self.tables[family as usize].set_used(key, used_s);
    }
}
