//! What a command sees of the keyspace: reads through memory and engine, gathers writes, all or nothing.
//!
//! A command that needs what is not in memory stops with [`Stop::Need`]; nothing of it has happened, and it is
//! run again when the need is met. Reads see the command's own writes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

mod keyspace_wide;
mod steps;

use super::partition::{Partition, Role};
use super::slot::{self, Slot};
use super::table::{self, Group, Value, Write};
use super::view::View;
use super::watch::Watch;
use super::write_behind::Orphan;
use crate::config::Events;
use crate::encoding::key::{self, ExpiryKey, KeyBuf, Namespace};
use crate::encoding::meta::{Meta, Type};
use crate::engine::{EngineError, Family, Range, ReadError, Tier};

/// A command's own error, as the client sees it: the code, a space, the text. Bytes, since it may quote the client.
pub type ErrorText = std::borrow::Cow<'static, [u8]>;

/// Why a command did not come to its end.
#[derive(Debug)]
pub enum Stop {
    /// It is refused; the client gets this error.
    Error(ErrorText),
    /// It needs what is not at hand. Nothing happened; run it again when it is.
    Need(Vec<Need>),
    /// It asks for a count while blind writes are not settled. Hand off, wait, run it again.
    Settle,
    /// There is nothing to take yet. Nothing happened; run it again when one of the keys changed, or answer what it
    /// says when the time is over. Inside MULTI and scripts that is at once.
    Block(Box<Block>),
    /// The engine failed.
    Engine(EngineError),
}

impl Stop {
    /// Refuses a command.
    pub fn error(text: impl Into<Cow<'static, str>>) -> Stop {
        Stop::Error(match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    /// Refuses a command with a text, in parts, that quotes words of the client byte for byte.
    pub fn quoting(parts: &[&[u8]]) -> Stop {
        Stop::Error(Cow::Owned(parts.concat()))
    }

    /// The key holds another type.
    pub fn wrong_type() -> Stop {
        Stop::error("WRONGTYPE Operation against a key holding the wrong kind of value")
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Stop {
        Stop::Engine(error)
    }
}

/// A command that found nothing to take, and waits until there is something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The keys that it waits for.
    pub keys: Vec<Vec<u8>>,
    /// How long; `None`: for ever.
    pub timeout_ms: Option<u64>,
    /// What to run when a key changed, if it is not the command as it came (XREAD: `$` became an id).
    pub retry: Option<Vec<Vec<u8>>>,
    /// What the client gets when the time is over.
    pub otherwise: Otherwise,
}

/// The reply to a command that waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// A null array.
    NullArray,
    /// A null bulk string.
    Null,
    /// A null array when the time is over; a null bulk string where nothing may wait (MULTI, scripts).
    NullArrayOrNull,
}

impl Otherwise {
    /// Writes it when the time is over.
    pub fn write(self, reply: &mut crate::resp::Reply) {
        match self {
            Otherwise::NullArray | Otherwise::NullArrayOrNull => reply.null_array(),
            Otherwise::Null => reply.null(),
        }
    }

    /// Writes it where nothing may wait.
    pub fn write_at_once(self, reply: &mut crate::resp::Reply) {
        match self {
            Otherwise::NullArray => reply.null_array(),
            Otherwise::Null | Otherwise::NullArrayOrNull => reply.null(),
        }
    }
}

/// Something that happened to a key; see `notify-keyspace-events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its class: one of the letters.
    pub class: Events,
    /// Its name: mostly the command's.
    pub name: &'static str,
    /// The database.
    pub database: usize,
    /// The key.
    pub key: Vec<u8>,
}

/// Something that a command has to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// One entry.
    Key(Family, KeyBuf),
    /// All entries of a range, or as many as the command takes.
    Range(Family, Range),
}

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

/// What is known of a key: where it stands and what it holds.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Slot of the key.
    pub slot: Slot,
    /// Namespace of its database.
    pub namespace: Namespace,
    meta_key: KeyBuf,
    stored: Stored,
    expired: bool,
}

#[derive(Debug, Clone)]
enum Stored {
    Absent,
    Present(Value),
    /// Nobody looked.
    Unknown,
}

impl Entry {
    /// What the key holds; `None` if it does not exist or its time has come.
    pub fn meta(&self) -> Option<Meta<'_>> {
        match &self.stored {
            // Bytes that do not parse were refused when they were read.
            Stored::Present(value) if !self.expired => Meta::parse(value),
            _ => None,
        }
    }

    /// Whether the key exists.
    pub fn exists(&self) -> bool {
        !self.expired && matches!(self.stored, Stored::Present(_))
    }

    /// The user's key.
    pub fn key(&self) -> &[u8] {
        &self.meta_key[key::META_PREFIX..]
    }

    /// The Meta key.
    pub fn meta_key(&self) -> &[u8] {
        &self.meta_key
    }

    /// What the key holds if it is of `kind`; WRONGTYPE if it is of another.
    pub fn typed(&self, kind: Type) -> Result<Option<Meta<'_>>, Stop> {
        match self.meta() {
            Some(meta) if meta.kind != kind => Err(Stop::wrong_type()),
            found => Ok(found),
        }
    }
}

/// A write that waits for its command's end.
#[derive(Debug)]
struct Pending {
    family: Family,
    write: Write,
}

type PendingIndex = HashMap<(Family, Vec<u8>), usize, ahash::RandomState>;

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
    expired: Vec<(KeyBuf, usize)>,
    slots: Option<(Slot, Slot)>,
    flushed: Vec<usize>,
    swapped: Option<(usize, usize)>,
    read_group: Group,
    steps_left: usize,
    changes: u64,
    /// Whether somebody wants to know which keys change.
    follows: bool,
    touched: Vec<KeyBuf>,
    /// Keys that it changes in what is no change to who watches them.
    spared: Vec<KeyBuf>,
    /// Keys that it removes because their time has come. Who watches one knows its time, and to who began later it
    /// was gone.
    lapsed: Vec<KeyBuf>,
    /// All changes are by time.
    by_time: bool,
    /// When keys were used last, to be told when they are written.
    used: Vec<(Slot, KeyBuf, u32)>,
    wanted_events: Events,
    events: Vec<Event>,
    /// One command of several that happen together: it cannot wait for a blind write to be settled.
    atomic: bool,
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
            expired: Vec::new(),
            slots: None,
            flushed: Vec::new(),
            swapped: None,
            read_group: 0,
            steps_left: reach.steps,
            changes: 0,
            follows,
            touched: Vec::new(),
            spared: Vec::new(),
            lapsed: Vec::new(),
            by_time: false,
            used: Vec::new(),
            wanted_events: Events::default(),
            events: Vec::new(),
            atomic: false,
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

    // ---- single entries -------------------------------------------------------------------------------

    fn own_write(&self, family: Family, key: &[u8]) -> Option<Option<Value>> {
        let same = |pending: &&Pending| {
            pending.family == family && &pending.write.record[..pending.write.key_length] == key
        };
        let found = match &self.pending_index {
            None => self.pending.iter().rev().find(same),
            Some(index) => index.get(&(family, key.to_vec())).map(|&place| &self.pending[place]),
        }?;
        let Write { record, key_length, tombstone, .. } = &found.write;
        Some((!tombstone).then(|| Value::new(record.clone(), *key_length)))
    }

    /// Reads an entry. `slot` is the one that the key begins with.
    pub fn read(&mut self, family: Family, slot: Slot, key: &[u8]) -> Result<Option<Value>, Stop> {
        if !self.pending.is_empty()
            && let Some(own) = self.own_write(family, key)
        {
            return Ok(own);
        }
        let (now_s, tier, index) = (self.now_s(), self.reach.tier, self.index_of(slot));
        let read = match &mut self.source {
            Source::One(partition) => partition.read(family, key, tier, now_s),
            Source::All(partitions) => partitions[index].read(family, key, tier, now_s),
            Source::View(view) => return view.read(family, key),
        };
        match read {
            Ok((value, group)) => {
                self.read_group = self.read_group.max(group);
                Ok(value)
            }
            Err(ReadError::NotInMemory) => Err(Stop::Need(vec![Need::Key(family, KeyBuf::from_slice(key))])),
            Err(ReadError::Engine(error)) => Err(Stop::Engine(error)),
        }
    }

    fn place(&self, key: &[u8]) -> (Slot, KeyBuf) {
        let slot = slot::of_key(key);
        (slot, key::meta(slot, self.namespace, key))
    }

    /// Looks a key up. One whose time has come counts as absent, and is removed with this command's commit.
    pub fn entry(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        self.entry_in(self.namespace, key)
    }

    /// Looks a key up in another database.
    pub fn entry_in(&mut self, namespace: Namespace, key: &[u8]) -> Result<Entry, Stop> {
        let slot = slot::of_key(key);
        let meta_key = key::meta(slot, namespace, key);
        let stored = self.read(Family::Meta, slot, &meta_key)?;
        self.found(slot, namespace, meta_key, stored)
    }

    /// What a look at a key found.
    fn found(
        &mut self,
        slot: Slot,
        namespace: Namespace,
        meta_key: KeyBuf,
        stored: Option<Value>,
    ) -> Result<Entry, Stop> {
        let Some(value) = stored else {
            return Ok(Entry { slot, namespace, meta_key, stored: Stored::Absent, expired: false });
        };
        let meta = Meta::parse(&value).ok_or_else(corrupt)?;
        let expired = meta.is_expired(self.expiry_clock_ms());
        if expired
            && self.role == Role::Master
            && namespace == self.namespace
            && !self.expired.iter().any(|(other, _)| *other == meta_key)
        {
            self.expired.push((meta_key.clone(), self.index_of(slot)));
        }
        Ok(Entry { slot, namespace, meta_key, stored: Stored::Present(value), expired })
    }

    /// As [`Transaction::entry`], for commands that only read: counts keyspace hits and misses.
    pub fn lookup(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        let entry = self.entry(key)?;
        if entry.exists() {
            self.stats.0 += 1;
        } else {
            self.stats.1 += 1;
            self.notify(Events::KEY_MISS, "keymiss", &entry);
        }
        Ok(entry)
    }

    /// The place of a key, for a write that does not care what was there (a plain SET): what it was is found
    /// out when the write reaches the engine. Uses what is in memory already.
    pub fn entry_blind(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        // Whether the key is new, or its time has come, is then known only later.
        let told = self.wanted_events.contains(Events::NEW) || self.wanted_events.contains(Events::EXPIRED);
        if self.atomic || told {
            return self.entry(key);
        }
        let (slot, meta_key) = self.place(key);
        let (namespace, now_s, index) = (self.namespace, self.now_s(), self.index_of(slot));
        if let Some(own) = self.own_write(Family::Meta, &meta_key) {
            return self.found(slot, namespace, meta_key, own);
        }
        let Some(partition) = self.partition(index) else { return self.entry(key) };
        let Some(known) = partition.tables[Family::Meta as usize].get(&meta_key, now_s) else {
            return Ok(Entry { slot, namespace, meta_key, stored: Stored::Unknown, expired: false });
        };
        let (value, group) = (known.value(), known.group());
        self.read_group = self.read_group.max(group);
        self.found(slot, namespace, meta_key, value)
    }

    /// Asks for several keys at once, so that those on disk are fetched together.
    pub fn prefetch<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) -> Result<(), Stop> {
        let mut needs = Vec::new();
        for key in keys {
            let (slot, meta_key) = self.place(key);
            self.gather(Family::Meta, slot, &meta_key, &mut needs)?;
        }
        if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
    }

    /// Asks for several entries at once; see [`Transaction::prefetch`].
    pub fn prefetch_elements(&mut self, slot: Slot, keys: &[KeyBuf]) -> Result<(), Stop> {
        let mut needs = Vec::new();
        for key in keys {
            self.gather(Family::Element, slot, key, &mut needs)?;
        }
        if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
    }

    fn gather(&mut self, family: Family, slot: Slot, key: &[u8], needs: &mut Vec<Need>) -> Result<(), Stop> {
        match self.read(family, slot, key) {
            Ok(_) => Ok(()),
            Err(Stop::Need(more)) => {
                needs.extend(more);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    // ---- writes ---------------------------------------------------------------------------------------

    fn push(&mut self, family: Family, key: &[u8], value: Option<&[&[u8]]>, blind: bool) -> Arc<[u8]> {
        let mut scratch = Vec::new();
        let mut scratch = match self.partition(0) {
            Some(partition) => std::mem::take(&mut partition.scratch),
            None => std::mem::take(&mut scratch),
        };
        let record = table::record(&mut scratch, key, value.unwrap_or(&[]));
        if let Some(partition) = self.partition(0) {
            partition.scratch = scratch;
        }
        let write =
            Write { record: record.clone(), key_length: key.len(), tombstone: value.is_none(), blind };
        self.pending.push(Pending { family, write });
        self.index_pending();
        record
    }

    /// A command that writes much (HSET of thousands of fields) finds its own writes by a map, not one by one.
    fn index_pending(&mut self) {
        const LONG: usize = 32;
        let length = self.pending.len();
        if length < LONG {
            return;
        }
        let first = if length == LONG { 0 } else { length - 1 };
        let index = self.pending_index.get_or_insert_default();
        for place in first..length {
            let Pending { family, write } = &self.pending[place];
            index.insert((*family, write.record[..write.key_length].to_vec()), place);
        }
    }

    /// Notes that a key changes: its slot for the log, its name for whoever follows keys (WATCH, blocked clients,
    /// client tracking).
    fn touch(&mut self, entry: &Entry) {
        let (first, last) = self.slots.unwrap_or((entry.slot, entry.slot));
        self.slots = Some((first.min(entry.slot), last.max(entry.slot)));
        if self.follows && self.touched.last().is_none_or(|last| *last != entry.meta_key) {
            self.touched.push(entry.meta_key.clone());
        }
    }

    /// Sets what a key holds; keeps the counts, the expiry index and the orphans right.
    pub fn put(&mut self, entry: &mut Entry, meta: &Meta<'_>) -> Result<(), Stop> {
        self.put_parts(entry, meta, &[meta.payload])
    }

    /// As [`Transaction::put`] with the payload in parts, which are joined; `meta.payload` is not looked at.
    pub fn put_parts(&mut self, entry: &mut Entry, meta: &Meta<'_>, payload: &[&[u8]]) -> Result<(), Stop> {
        let version = match payload {
            [only] if meta.by_elements => {
                Meta { payload: only, ..*meta }.collection().map(|head| head.version)
            }
            _ => None,
        };
        if !entry.exists() {
            self.notify(Events::NEW, "new", entry);
        }
        let old = entry.stored_meta();
        let old_expiry = old.and_then(|old| old.expire_ms);
        let counts_alike =
            old.is_some_and(|old| old.kind == meta.kind && old_expiry.is_some() == meta.expire_ms.is_some());
        self.leave(entry, version, meta.expire_ms, counts_alike);
        if let Some(at_ms) = meta.expire_ms
            && old_expiry != Some(at_ms)
        {
            let Entry { slot, namespace, .. } = *entry;
            let index = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: None }.encode();
            self.push(Family::Expiry, &index, Some(&[]), false);
        }
        if !counts_alike {
            self.counts.push((self.index_of(entry.slot), entry.namespace, bare(meta), 1));
        }
        let header = meta.header();
        let mut parts: SmallVec<[&[u8]; 4]> = SmallVec::new();
        parts.push(&header);
        parts.extend_from_slice(payload);
        let blind = matches!(entry.stored, Stored::Unknown);
        let record = self.push(Family::Meta, &entry.meta_key.clone(), Some(&parts), blind);
        entry.stored = Stored::Present(Value::new(record, entry.meta_key.len()));
        entry.expired = false;
        self.touch(entry);
        self.changes += 1;
        Ok(())
    }

    /// Removes a key. Returns whether it existed.
    pub fn remove(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        self.remove_but(entry, None)
    }

    /// Removes a key whose elements now belong to another key of the same slot and namespace (RENAME): as
    /// [`Transaction::remove`], but the elements are not orphaned.
    pub fn remove_moved(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        let version = entry.stored_meta().and_then(|meta| meta.collection()).map(|head| head.version);
        self.remove_but(entry, version)
    }

    fn remove_but(&mut self, entry: &mut Entry, version: Option<key::Version>) -> Result<bool, Stop> {
        let existed = entry.exists();
        if !matches!(entry.stored, Stored::Present(_)) {
            return Ok(false);
        }
        self.leave(entry, version, None, false);
        self.push(Family::Meta, &entry.meta_key.clone(), None, false);
        entry.stored = Stored::Absent;
        entry.expired = false;
        self.touch(entry);
        if existed {
            self.changes += 1;
        }
        Ok(existed)
    }

    /// Takes what a key held out of the counts (but not if what replaces it counts alike), the expiry index and, but
    /// for `version`, the collections.
    fn leave(
        &mut self,
        entry: &Entry,
        version: Option<key::Version>,
        expire_ms: Option<u64>,
        counts_alike: bool,
    ) {
        let Some(old) = entry.stored_meta() else { return };
        let index = self.index_of(entry.slot);
        if !counts_alike {
            self.counts.push((index, entry.namespace, bare(&old), -1));
        }
        let Entry { slot, namespace, .. } = *entry;
        if let Some(at_ms) = old.expire_ms
            && expire_ms != Some(at_ms)
        {
            let expiry = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: None }.encode();
            self.push(Family::Expiry, &expiry, None, false);
        }
        if let Some(head) = old.collection()
            && version != Some(head.version)
        {
            self.orphans.push((index, Orphan { slot, namespace, version: head.version }));
        }
    }

    /// Sets an element of the collection that `owner` holds. `key` is the Element key.
    pub fn put_element(&mut self, owner: &Entry, key: &[u8], value: &[u8]) {
        self.put_element_parts(owner, key, &[value]);
    }

    /// As [`Transaction::put_element`] with the value in parts, which are joined.
    pub fn put_element_parts(&mut self, owner: &Entry, key: &[u8], value: &[&[u8]]) {
        self.push(Family::Element, key, Some(value), false);
        self.touch(owner);
    }

    /// Removes an element of the collection that `owner` holds.
    pub fn remove_element(&mut self, owner: &Entry, key: &[u8]) {
        self.push(Family::Element, key, None, false);
        self.touch(owner);
    }

    /// Adds or removes the expiry-index entry of a hash field.
    pub fn index_field(&mut self, entry: &Entry, field: &[u8], at_ms: u64, present: bool) {
        let Entry { slot, namespace, .. } = *entry;
        let index = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: Some(field) }.encode();
        self.push(Family::Expiry, &index, if present { Some(&[]) } else { None }, false);
    }

    /// A collection version that was never used. Views have none to give.
    pub fn new_version(&mut self) -> key::Version {
        match self.partition(0) {
            Some(partition) => partition.shared.new_version(),
            None => 0,
        }
    }

    /// Counts one more change beside those of [`Transaction::put`] (Redis's "dirty").
    pub fn add_changes(&mut self, changes: u64) {
        self.changes += changes;
    }

    // ---- ranges ---------------------------------------------------------------------------------------

    /// Shows the entries of a range in order, until `visit` returns false. The range must lie in one partition
    /// and must not hold what this command wrote.
    pub fn range(
        &mut self,
        family: Family,
        slot: Slot,
        range: &Range,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let index = self.index_of(slot);
        let need = || Stop::Need(vec![Need::Range(family, range.clone())]);
        let partition: &mut Partition = match &mut self.source {
            Source::One(partition) => partition,
            Source::All(partitions) => &mut partitions[index],
            // Whoever reads a view may wait: it is bounded by nothing.
            Source::View(view) => return view.range(family, range, |key, value| Ok(visit(key, value))),
        };
        const FIRST_PART: usize = 16;
        const LARGEST_PART: usize = 4096;
        let stopped = std::cell::Cell::new(false);
        let steps = &mut self.steps_left;
        let mut bounded = |key: &[u8], value: &[u8]| {
            if *steps == 0 {
                return Err(ReadError::NotInMemory);
            }
            *steps -= 1;
            let more = visit(key, value);
            stopped.set(!more);
            Ok(more)
        };
        // Dirty entries are taken in parts, small ones first: a command that stops early must not pay for a
        // long overlay.
        let (mut limit, mut lower) = (FIRST_PART, range.lower.clone());
        loop {
            let rest = Range { lower, upper: range.upper.clone() };
            let (dirty, next) = partition.dirty_part(family, &rest, limit);
            if let Some(group) = dirty.iter().map(table::DirtyEntry::group).max() {
                self.read_group = self.read_group.max(group);
            }
            let part = Range { lower: rest.lower, upper: next.clone().unwrap_or(rest.upper) };
            let engine = partition.shared.engine.clone();
            let below = engine.iterate(family, &part, self.reach.tier);
            match super::view::merge(&dirty, below, &mut bounded) {
                Ok(()) => {}
                Err(ReadError::NotInMemory) => return Err(need()),
                Err(ReadError::Engine(error)) => return Err(Stop::Engine(error)),
            }
            match next {
                Some(next) if !stopped.get() => lower = next,
                _ => return Ok(()),
            }
            limit = (limit * 2).min(LARGEST_PART);
        }
    }

    /// Counts entries that single reads are about to look at, as [`Transaction::range`] counts those of a range: a
    /// command that goes through much of a collection runs elsewhere, and `range` holds what it reads there.
    pub fn spend(&mut self, family: Family, range: &Range, entries: u64) -> Result<(), Stop> {
        // Whoever reads a view may wait: it is bounded by nothing.
        if matches!(self.source, Source::View(_)) {
            return Ok(());
        }
        let left = usize::try_from(entries).ok().and_then(|entries| self.steps_left.checked_sub(entries));
        self.steps_left = left.ok_or_else(|| Stop::Need(vec![Need::Range(family, range.clone())]))?;
        Ok(())
    }

    // ---- when a key was used -----------------------------------------------------------------------------

    /// When a key was last used, Unix time in seconds.
    pub fn used_s(&mut self, entry: &Entry) -> Option<u32> {
        let index = self.index_of(entry.slot);
        self.partition(index)?.used_s(Family::Meta, &entry.meta_key)
    }

    /// Undoes the use of a key that looking it up was (OBJECT, TYPE, a client with NO-TOUCH).
    pub fn set_used_s(&mut self, entry: &Entry, used_s: u32) {
        let index = self.index_of(entry.slot);
        if let Some(partition) = self.partition(index) {
            partition.set_used_s(Family::Meta, &entry.meta_key, used_s);
        }
    }

    /// Says when a key that this command writes was last used, Unix time in seconds (RESTORE with IDLETIME).
    pub fn set_used_on_commit(&mut self, entry: &Entry, used_s: u32) {
        self.used.push((entry.slot, entry.meta_key.clone(), used_s));
    }

    /// When a key was last used, Unix time in seconds, found without using it.
    pub fn peek_used_s(&mut self, key: &[u8]) -> Option<u32> {
        let (slot, meta_key) = self.place(key);
        let index = self.index_of(slot);
        self.partition(index)?.used_s(Family::Meta, &meta_key)
    }

    /// Sets when a key was last used, Unix time in seconds, if it is in memory; see [`Transaction::peek_used_s`].
    pub fn restore_used_s(&mut self, key: &[u8], used_s: u32) {
        let (slot, meta_key) = self.place(key);
        let index = self.index_of(slot);
        if let Some(partition) = self.partition(index) {
            partition.set_used_s(Family::Meta, &meta_key, used_s);
        }
    }

    /// Says that this is one command of several that happen together (EXEC): none of them is blind, so that the others
    /// may ask for counts.
    pub fn set_atomic(&mut self, atomic: bool) {
        self.atomic = atomic;
    }

    /// Marks `watch` when the key changes.
    pub fn watch(&mut self, entry: &Entry, watch: &Arc<Watch>) {
        let expire_ms = entry.meta().and_then(|meta| meta.expire_ms);
        let index = self.index_of(entry.slot);
        if let Some(partition) = self.partition(index) {
            partition.watchers.add(&entry.meta_key, expire_ms, watch);
        }
    }

    /// Says that what this command has changed so far is no change to who watches the keys (as in Redis, where these
    /// are changes of a consumer group).
    pub fn spare_watches(&mut self) {
        self.spared.append(&mut self.touched);
    }

    /// Sets what a key holds, where only OBJECT ENCODING can tell: it does not count as a change, nor to who watches.
    pub fn put_quietly(&mut self, entry: &mut Entry, meta: &Meta<'_>) -> Result<(), Stop> {
        let (changes, touched) = (self.changes, self.touched.len());
        self.put(entry, meta)?;
        self.changes = changes;
        self.spared.extend(self.touched.drain(touched..));
        Ok(())
    }

    /// Says that what it changed so far, changed since its time had come, and by nobody's command.
    pub(super) fn changed_by_time(&mut self) {
        self.by_time = true;
    }

    // ---- events -----------------------------------------------------------------------------------------

    /// Says which events (`notify-keyspace-events`) somebody wants; at first, none.
    pub fn want_events(&mut self, wanted: Events) {
        self.wanted_events = wanted;
    }

    /// Tells of an event at a key, if somebody wants its class; it is published when the command commits.
    pub fn notify(&mut self, class: Events, name: &'static str, entry: &Entry) {
        if !self.wanted_events.contains(class) {
            return;
        }
        let database = if entry.namespace == self.namespace {
            self.database
        } else {
            (0..self.databases()).find(|&other| self.namespace_of(other) == entry.namespace).unwrap_or(0)
        };
        self.events.push(Event { class, name, database, key: entry.key().to_vec() });
    }

    // ---- effects and the end --------------------------------------------------------------------------

    /// Adds a command to what the log gets in place of the command as it came.
    pub fn effect(&mut self, words: &[&[u8]]) {
        write_command(&mut self.effects, words.iter().copied());
    }

    /// Whether the command changed anything so far.
    pub fn has_written(&self) -> bool {
        !self.pending.is_empty() || !self.flushed.is_empty() || self.swapped.is_some()
    }

    /// Commits. `words` is the command as it came, for the log, unless it gave effects of its own.
    pub fn commit<'w>(mut self, words: impl Iterator<Item = &'w [u8]> + Clone) -> Committed {
        let (hits, misses) = self.stats;
        if let Some(partition) = self.partition(0) {
            partition.stats.keyspace_hits += hits;
            partition.stats.keyspace_misses += misses;
        }
        let written = self.has_written();
        let removals = self.remove_expired();
        let events = std::mem::take(&mut self.events);
        if !events.is_empty()
            && let Some(partition) = self.partition(0)
        {
            partition.events.extend(events);
        }
        if matches!(self.source, Source::View(_)) || (!written && removals.is_empty()) {
            return Committed { group: self.read_group, wrote: false, barrier: false };
        }
        self.apply(&removals, if written { Some(words) } else { None })
    }

    /// Removes the keys whose time has come and that the command met, and says so in the log, before the
    /// command's own effects: a slave that keeps no time must see the same.
    fn remove_expired(&mut self) -> Vec<u8> {
        let mut effects = Vec::new();
        for (meta_key, index) in std::mem::take(&mut self.expired) {
            if matches!(self.source, Source::View(_)) {
                continue;
            }
            let key = meta_key[key::META_PREFIX..].to_vec();
            write_command(&mut effects, [&b"DEL"[..], &key].into_iter());
            if let Some(partition) = self.partition(index) {
                partition.stats.expired_keys += 1;
            }
            if self.wanted_events.contains(Events::EXPIRED) {
                let (database, key) = (self.database, key.clone());
                self.events.insert(0, Event { class: Events::EXPIRED, name: "expired", database, key });
            }
            if self.own_write(Family::Meta, &meta_key).is_none()
                && let Ok(mut entry) = self.entry_in(self.namespace, &key)
            {
                let (changes, touched) = (self.changes, self.touched.len());
                // The key was read a moment ago: it is in memory.
                let _ = self.remove(&mut entry);
                self.changes = changes;
                self.lapsed.extend(self.touched.drain(touched..));
            }
        }
        self.expired.clear();
        effects
    }

    fn apply<'w>(
        mut self,
        removals: &[u8],
        words: Option<impl Iterator<Item = &'w [u8]> + Clone>,
    ) -> Committed {
        let now_s = self.now_s();
        for (keys, by_time) in
            [(std::mem::take(&mut self.lapsed), true), (std::mem::take(&mut self.spared), false)]
        {
            for meta_key in keys {
                let index = self.index_of(Slot::from_be_bytes([meta_key[0], meta_key[1]]));
                if let Some(partition) = self.partition(index).filter(|partition| partition.follows) {
                    partition.touched.push((meta_key, by_time));
                }
            }
        }
        let by_time = self.by_time;
        for meta_key in std::mem::take(&mut self.touched) {
            let index = self.index_of(Slot::from_be_bytes([meta_key[0], meta_key[1]]));
            if let Some(partition) = self.partition(index) {
                partition.watchers.touch(&meta_key);
                if partition.follows {
                    partition.touched.push((meta_key, by_time));
                }
            }
        }
        let barrier = matches!(self.source, Source::All(_));
        for (index, namespace, meta, sign) in std::mem::take(&mut self.counts) {
            if let Some(partition) = self.partition(index) {
                partition.counts.of_mut(namespace).add_key(&meta, sign);
            }
        }
        for (index, orphan) in std::mem::take(&mut self.orphans) {
            if let Some(partition) = self.partition(index) {
                partition.orphans.push(orphan);
            }
        }
        let one = matches!(self.source, Source::One(_));
        for Pending { family, write } in std::mem::take(&mut self.pending) {
            let slot = match family {
                _ if one => 0,
                Family::Expiry => {
                    key::ExpiryKey::parse(&write.record[..write.key_length]).map_or(0, |k| k.slot)
                }
                _ => Slot::from_be_bytes([write.record[0], write.record[1]]),
            };
            let index = self.index_of(slot);
            if let Some(partition) = self.partition(index) {
                partition.commit_write(family, write, now_s);
            }
        }
        for (slot, meta_key, used_s) in std::mem::take(&mut self.used) {
            let index = self.index_of(slot);
            if let Some(partition) = self.partition(index) {
                partition.set_used_s(Family::Meta, &meta_key, used_s);
            }
        }
        self.apply_databases();
        let (now_ms, database, changes) = (self.now_ms, self.database, self.changes);
        let slots = self.slots.unwrap_or((0, slot::SLOTS - 1));
        let effects = std::mem::take(&mut self.effects);
        let mut length = removals.len() + effects.len();
        if effects.is_empty() {
            length +=
                words.clone().into_iter().flatten().map(|word| word.len() + WORD_OVERHEAD).sum::<usize>();
        }
        let group = match self.partition(0) {
            Some(partition) => {
                partition.stats.changes += changes;
                let payload = partition.open_payload(database, now_ms, slots, length);
                payload.extend_from_slice(removals);
                match words {
                    Some(words) if effects.is_empty() => write_command(payload, words),
                    _ => payload.extend_from_slice(&effects),
                }
                partition.open_group()
            }
            None => 0,
        };
        Committed { group, wrote: true, barrier }
    }

    pub(super) fn expired_count(&self) -> usize {
        self.expired.len()
    }

    /// Gives up: nothing of the command happens. Says which group's data it read.
    pub fn abandon(self) -> Group {
        self.read_group
    }
}

impl Entry {
    /// What is stored, though its time may have come.
    fn stored_meta(&self) -> Option<Meta<'_>> {
        match &self.stored {
            Stored::Present(value) => Meta::parse(value),
            _ => None,
        }
    }
}

fn bare(meta: &Meta<'_>) -> Meta<'static> {
    Meta { payload: b"", ..*meta }
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("a Meta entry does not parse".into()))
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The reply may leave when the log has this group (of the first partition).
    pub group: Group,
    /// Whether anything changed.
    pub wrote: bool,
    /// Whether it changed several partitions at once: they hand off together.
    pub barrier: bool,
}

/// What a word of a command takes beside its bytes, at most; bytes.
const WORD_OVERHEAD: usize = 16;

/// Appends a command in RESP.
pub fn write_command<'w>(out: &mut Vec<u8>, words: impl Iterator<Item = &'w [u8]> + Clone) {
    let count = words.clone().count();
    let header = |out: &mut Vec<u8>, kind: u8, number: usize| {
        out.extend_from_slice(&[kind]);
        out.extend_from_slice(crate::number::Decimal::new(number as i64).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    header(out, b'*', count);
    for word in words {
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
