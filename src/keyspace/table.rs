//! The memory of a partition: one table per family, of entries written lately and entries read lately.
//!
//! An entry that was written and has not reached the engine is *dirty*: it is the truth, and stays. All others
//! are a cache and leave, the longest unused first, when the table outgrows its share. A deletion is an entry
//! without a value (*tombstone*) until the engine has it.
//!
//! Key and value stand in one shared allocation, the *record*, which the write-behind thread reads without a
//! copy. A table is cut into many small hash tables, so that growing one never takes long (a single table of ten
//! million entries would stop its partition for most of a second).

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;

/// Number of small tables; a power of two.
const SHARDS: usize = 1024;
/// What an entry costs beside its record: the slot in the hash table at its usual load, the allocation's
/// header and the allocator's rounding; bytes.
pub const ENTRY_OVERHEAD: usize = 88;

/// Counts a partition's commits; see [`super::partition`]. 0 is "before all".
pub type Group = u64;

/// One key of a family in memory.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, then the value.
    record: Arc<[u8]>,
    key_length: u32,
    /// Unix time in seconds when it was last used; OBJECT IDLETIME and the eviction read it.
    used_s: u32,
    /// The last commit that wrote it, while the engine does not have that; 0 if the engine has it.
    group: Group,
    /// No value: the key was removed.
    pub(super) tombstone: bool,
    /// It stands in the list of what is to be handed to the write-behind thread.
    pub(super) queued: bool,
    /// It was written without knowing what was there before.
    pub(super) blind: bool,
}

impl Entry {
    /// Its key.
    pub fn key(&self) -> &[u8] {
        &self.record[..self.key_length as usize]
    }

    /// Its value; `None` if the key was removed.
    pub fn value(&self) -> Option<Value> {
        (!self.tombstone).then(|| Value::new(self.record.clone(), self.key_length as usize))
    }

    /// Key and value in one piece, and where the value begins.
    pub fn record(&self) -> (Arc<[u8]>, usize) {
        (self.record.clone(), self.key_length as usize)
    }

    /// The commit that wrote it, or 0 if the engine has it.
    pub fn group(&self) -> Group {
        self.group
    }

    /// Unix time in seconds when it was last used.
    pub fn used_s(&self) -> u32 {
        self.used_s
    }

    fn size(&self) -> usize {
        self.record.len() + ENTRY_OVERHEAD
    }
}

/// Joins a key and the parts of a value into one allocation.
pub fn record(scratch: &mut Vec<u8>, key: &[u8], value: &[&[u8]]) -> Arc<[u8]> {
    scratch.clear();
    scratch.extend_from_slice(key);
    value.iter().for_each(|part| scratch.extend_from_slice(part));
    let record = Arc::from(&scratch[..]);
    if scratch.capacity() > 1 << 20 {
        *scratch = Vec::new();
    }
    record
}

/// A write on its way into a table.
#[derive(Debug, Clone)]
pub struct Write {
    /// The key, then the value.
    pub record: Arc<[u8]>,
    /// How much of the record is the key.
    pub key_length: usize,
    /// The key is removed.
    pub tombstone: bool,
    /// Nobody knows what the engine holds under the key.
    pub blind: bool,
}

/// A value in memory: shares the record that it stands in.
#[derive(Debug, Clone)]
pub struct Value {
    record: Arc<[u8]>,
    start: usize,
}

impl Value {
    /// The part of a record from `start`.
    pub fn new(record: Arc<[u8]>, start: usize) -> Value {
        Value { record, start }
    }

    /// A value that stands alone.
    pub fn alone(bytes: &[u8]) -> Value {
        Value { record: Arc::from(bytes), start: 0 }
    }
}

impl std::ops::Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.record[self.start..]
    }
}

/// The memory of one family in one partition.
#[derive(Debug)]
pub struct Table {
    shards: Vec<HashTable<Entry>>,
    hasher: ahash::RandomState,
    /// Dirty keys in order; filled from `unordered` when a range is asked for.
    ordered: BTreeMap<Arc<[u8]>, usize>,
    unordered: VecDeque<(Group, Arc<[u8]>, usize)>,
    bytes: usize,
    dirty_bytes: usize,
    entries: usize,
    hand: usize,
    scratch: Vec<u8>,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
            hasher: ahash::RandomState::new(),
            ordered: BTreeMap::new(),
            unordered: VecDeque::new(),
            bytes: 0,
            dirty_bytes: 0,
            entries: 0,
            hand: 0,
            scratch: Vec::new(),
        }
    }
}

fn hash(hasher: &ahash::RandomState, key: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(key);
    state.finish()
}

impl Table {
    /// Bytes of all entries, with their overhead.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the entries that the engine lacks.
    pub fn dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    fn shard_of(hash: u64) -> usize {
        // hashbrown uses the low bits for the place and the top seven as the tag; these are between.
        (hash >> 40) as usize % SHARDS
    }

    /// An entry, without marking it used.
    pub fn peek(&self, key: &[u8]) -> Option<&Entry> {
        let hash = hash(&self.hasher, key);
        self.shards[Self::shard_of(hash)].find(hash, |entry| entry.key() == key)
    }

    /// An entry, marked used at `now_s`.
    pub fn get(&mut self, key: &[u8], now_s: u32) -> Option<&Entry> {
        let hash = hash(&self.hasher, key);
        let entry = self.shards[Self::shard_of(hash)].find_mut(hash, |entry| entry.key() == key)?;
        entry.used_s = now_s;
        Some(entry)
    }

    /// Sets when an entry was last used (RESTORE's and DEBUG's business; and reads that must leave no trace).
    pub fn set_used(&mut self, key: &[u8], used_s: u32) {
        self.get(key, used_s);
    }

    /// Notes what the engine holds (`None`: nothing, which saves asking again). Does nothing if the key is in
    /// memory already, which is newer or the same.
    pub fn insert_clean(&mut self, key: &[u8], value: Option<&[u8]>, now_s: u32) {
        if self.peek(key).is_some() {
            return;
        }
        let entry = Entry {
            record: record(&mut self.scratch, key, &[value.unwrap_or_default()]),
            key_length: key.len() as u32,
            used_s: now_s,
            group: 0,
            tombstone: value.is_none(),
            queued: false,
            blind: false,
        };
        self.insert_new(entry);
    }

    fn insert_new(&mut self, entry: Entry) {
        let hash = hash(&self.hasher, entry.key());
        self.bytes += entry.size();
        if entry.group != 0 {
            self.dirty_bytes += entry.size();
        }
        self.entries += 1;
        let hasher = &self.hasher;
        self.shards[Self::shard_of(hash)].insert_unique(hash, entry, |entry| self::hash(hasher, entry.key()));
    }

    /// Writes a key in a commit. `record` is the key, `key_length` bytes, then the value, which `tombstone` says
    /// is none. `blind` says that the engine may hold an older entry that nobody looked at. Returns true if
    /// the key was not yet queued for the write-behind thread; the caller then queues it.
    pub fn write(&mut self, write: Write, group: Group, now_s: u32) -> bool {
        debug_assert!(group > 0);
        let Write { record, key_length, tombstone, blind } = write;
        let hash = hash(&self.hasher, &record[..key_length]);
        let shard = &mut self.shards[Self::shard_of(hash)];
        if let Some(entry) = shard.find_mut(hash, |entry| entry.key() == &record[..key_length]) {
            let before = entry.size();
            let was_dirty = entry.group != 0;
            entry.record = record;
            entry.tombstone = tombstone;
            entry.group = group;
            entry.used_s = now_s;
            let fresh = !std::mem::replace(&mut entry.queued, true);
            let after = entry.size();
            self.bytes = self.bytes - before + after;
            self.dirty_bytes = self.dirty_bytes + after - if was_dirty { before } else { 0 };
            if fresh {
                let (record, length) = entry.record();
                self.unordered.push_back((group, record, length));
            }
            return fresh;
        }
        self.unordered.push_back((group, record.clone(), key_length));
        self.insert_new(Entry {
            record,
            key_length: key_length as u32,
            used_s: now_s,
            group,
            tombstone,
            queued: true,
            blind,
        });
        true
    }

    /// Takes an entry for the write-behind thread: its record, whether it is a tombstone, whether it was blind.
    pub(super) fn hand_off(&mut self, key: &[u8]) -> Option<(Arc<[u8]>, usize, bool, bool)> {
        let hash = hash(&self.hasher, key);
        let entry = self.shards[Self::shard_of(hash)].find_mut(hash, |entry| entry.key() == key)?;
        entry.queued = false;
        let blind = std::mem::replace(&mut entry.blind, false);
        Some((entry.record.clone(), entry.key_length as usize, entry.tombstone, blind))
    }

    /// The engine has what commits up to `group` wrote of a key. With `keep` it stays as a cached entry.
    pub(super) fn applied(&mut self, key: &[u8], group: Group, keep: bool) {
        let hash = hash(&self.hasher, key);
        let Ok(mut found) = self.shards[Self::shard_of(hash)].find_entry(hash, |entry| entry.key() == key)
        else {
            return;
        };
        let entry = found.get_mut();
        if entry.group == 0 || entry.group > group {
            return;
        }
        let size = entry.size();
        self.dirty_bytes -= size;
        entry.group = 0;
        if !self.ordered.is_empty() {
            self.ordered.remove(key);
        }
        if entry.tombstone || !keep {
            found.remove();
            self.bytes -= size;
            self.entries -= 1;
        }
    }

    fn order_dirty(&mut self) {
        for (_, record, length) in std::mem::take(&mut self.unordered) {
            let key = &record[..length];
            let dirty = self.peek(key).is_some_and(|entry| entry.group != 0);
            if dirty {
                self.ordered.insert(Arc::from(key), length);
            }
        }
    }

    /// Forgets unordered keys that the engine has. A key stands in the list once for each hand-off that takes it, with
    /// the group that first queued it: if that was applied, so was what the hand-off took.
    pub(super) fn shrink_unordered(&mut self, applied: Group) {
        while self.unordered.front().is_some_and(|&(group, ..)| group <= applied) {
            self.unordered.pop_front();
        }
    }

    /// The dirty entries in a range, in order, each with its value (`None`: removed).
    pub fn dirty_range(&mut self, range: &crate::engine::Range) -> Vec<DirtyEntry> {
        self.dirty_part(range, usize::MAX).0
    }

    /// The first `limit` dirty entries in a range, and the key of the next one if there are more.
    pub(super) fn dirty_part(
        &mut self,
        range: &crate::engine::Range,
        limit: usize,
    ) -> (Vec<DirtyEntry>, Option<Vec<u8>>) {
        self.order_dirty();
        if !range.upper.is_empty() && range.upper <= range.lower {
            return (Vec::new(), None);
        }
        let lower = std::ops::Bound::Included(&range.lower[..]);
        let upper = if range.upper.is_empty() {
            std::ops::Bound::Unbounded
        } else {
            std::ops::Bound::Excluded(&range.upper[..])
        };
        let mut entries = self.ordered.range::<[u8], _>((lower, upper)).filter_map(|(key, _)| self.peek(key));
        let part = entries
            .by_ref()
            .take(limit)
            .map(|entry| DirtyEntry {
                record: entry.record.clone(),
                key_length: entry.key_length as usize,
                tombstone: entry.tombstone,
                group: entry.group,
            })
            .collect();
        let next = entries.next().map(|entry| entry.key().to_vec());
        (part, next)
    }

    /// Lets cached entries go until the table is within `limit` bytes, or everything was looked at once. Those
    /// not used since `idle_before_s` go first. Looks at few entries a call.
    pub fn evict(&mut self, limit: usize, idle_before_s: u32) -> usize {
        let mut evicted = 0;
        for _ in 0..8 {
            if self.bytes <= limit {
                break;
            }
            let shard = &mut self.shards[self.hand];
            self.hand = (self.hand + 1) % SHARDS;
            let mut freed = 0;
            let mut turn = 0u32;
            shard.retain(|entry| {
                turn = turn.wrapping_add(1);
                // Of what was used lately, every fourth goes: a table full of recent entries shrinks as well.
                let leave = entry.group == 0
                    && !entry.queued
                    && (entry.used_s <= idle_before_s || turn.is_multiple_of(4));
                if leave {
                    freed += entry.size();
                    evicted += 1;
                }
                !leave
            });
            self.bytes -= freed;
        }
        self.entries -= evicted;
        evicted
    }

    /// Forgets every cached entry and keeps the dirty ones.
    pub fn drop_clean(&mut self) {
        for _ in 0..SHARDS {
            self.evict(0, u32::MAX);
        }
    }
}

/// A dirty entry of a range; shares its record.
#[derive(Debug, Clone)]
pub struct DirtyEntry {
    record: Arc<[u8]>,
    key_length: usize,
    tombstone: bool,
    group: Group,
}

impl DirtyEntry {
    /// Its key.
    pub fn key(&self) -> &[u8] {
        &self.record[..self.key_length]
    }

    /// Its value; `None` if the key was removed.
    pub fn value(&self) -> Option<&[u8]> {
        (!self.tombstone).then(|| &self.record[self.key_length..])
    }

    /// The commit that wrote it.
    pub fn group(&self) -> Group {
        self.group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Range;

    fn write(table: &mut Table, key: &[u8], value: Option<&[u8]>, group: Group) -> bool {
        let record = record(&mut Vec::new(), key, &[value.unwrap_or_default()]);
        let write = Write { record, key_length: key.len(), tombstone: value.is_none(), blind: false };
        table.write(write, group, 1)
    }

    #[test]
    fn an_entry_stays_dirty_until_its_last_commit_was_applied() {
        let mut table = Table::default();
        assert!(write(&mut table, b"k", Some(b"1"), 1));
        assert!(!write(&mut table, b"k", Some(b"22"), 2), "queued once");
        table.hand_off(b"k").unwrap();
        assert!(write(&mut table, b"k", Some(b"333"), 3), "queued again after it was handed off");
        table.applied(b"k", 2, true);
        assert_eq!(table.peek(b"k").unwrap().group(), 3);
        table.applied(b"k", 3, true);
        assert_eq!((table.peek(b"k").unwrap().group(), table.dirty_bytes()), (0, 0));
        assert_eq!(table.peek(b"k").unwrap().value().as_deref(), Some(&b"333"[..]));
    }

    #[test]
    fn a_tombstone_hides_until_it_was_applied_and_then_leaves() {
        let mut table = Table::default();
        write(&mut table, b"k", None, 1);
        table.insert_clean(b"k", Some(b"old"), 1);
        assert!(table.peek(b"k").unwrap().value().is_none());
        table.hand_off(b"k");
        table.applied(b"k", 1, true);
        assert!(table.peek(b"k").is_none() && table.is_empty() && table.bytes() == 0);
    }

    #[test]
    fn ranges_show_dirty_entries_in_order() {
        let mut table = Table::default();
        for (group, key) in [b"c", b"a", b"b", b"d"].iter().enumerate() {
            write(&mut table, *key, Some(b"v"), group as u64 + 1);
        }
        table.hand_off(b"b").unwrap();
        table.applied(b"b", 9, true);
        let range = Range { lower: b"a".to_vec(), upper: b"d".to_vec() };
        let keys: Vec<_> = table.dirty_range(&range).iter().map(|entry| entry.key().to_vec()).collect();
        assert_eq!(keys, [b"a".to_vec(), b"c".to_vec()]);
        write(&mut table, b"b", None, 10);
        assert_eq!(table.dirty_range(&range).len(), 3);
    }

    #[test]
    fn eviction_keeps_what_is_dirty_and_obeys_the_limit() {
        let mut table = Table::default();
        for number in 0..20_000u32 {
            table.insert_clean(&number.to_be_bytes(), Some(&[0; 32]), number / 10_000);
        }
        write(&mut table, b"dirty", Some(b"v"), 1);
        let limit = table.bytes() / 2;
        for _ in 0..2 * SHARDS {
            table.evict(limit, 0);
        }
        assert!(table.bytes() <= limit);
        assert!(table.peek(b"dirty").is_some());
        let old = (0..10_000u32).filter(|n| table.peek(&n.to_be_bytes()).is_some()).count();
        let young = (10_000..20_000u32).filter(|n| table.peek(&n.to_be_bytes()).is_some()).count();
        assert!(young > 2 * old, "the longest unused go first: {old} old, {young} young");
        table.drop_clean();
        assert_eq!(table.len(), 1);
    }
}
