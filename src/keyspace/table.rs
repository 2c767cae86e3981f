//! The memory of a partition: one table per family, of entries written lately and entries read lately.
//!
//! An entry that was written and has not reached the engine is *dirty*: it is the truth, and stays. All others
//! are a cache and leave when the table outgrows its share: what was long unused, then what was used only once, so that
//! a flood of keys that nobody comes back to passes by those that are used again and again. A deletion is an entry
//! without a value (*tombstone*) until the engine has it. Which entries are dirty follows from their groups: when a
//! hand-off reaches the engine, none of its entries is touched for that.
//!
//! Key and value stand in one shared allocation, the *record*, which the write-behind thread reads without a
//! copy. A table is cut into many small hash tables, so that growing one never takes long (a single table of ten
//! million entries would stop its partition for most of a second).

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;

use super::coverage::Coverage;

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
    /// The key's length; with [`Entry::TOMBSTONE`], it has no value: the key was removed; with [`Entry::AGAIN`], it was
    /// used in another second than before, since the eviction came by.
    key_length: u32,
    /// Of the key: to move the entry within a table that grows, nobody has to look at its record.
    hash: Hash,
    /// Unix time in seconds when it was last used; OBJECT IDLETIME and the eviction read it.
    used_s: u32,
    /// The last commit that wrote it; 0 if none did since it came from the engine.
    group: Group,
    /// Where it stands in the list for the write-behind thread, if its group is after the last hand-off's.
    index: u32,
}

impl Entry {
    /// No key is so long.
    const TOMBSTONE: u32 = 1 << 31;
    /// Nor so long.
    const AGAIN: u32 = 1 << 30;

    fn key_length(key: &[u8], tombstone: bool) -> u32 {
        key.len() as u32 | if tombstone { Entry::TOMBSTONE } else { 0 }
    }

    fn is_tombstone(&self) -> bool {
        self.key_length & Entry::TOMBSTONE != 0
    }

    fn value_start(&self) -> usize {
        (self.key_length & !(Entry::TOMBSTONE | Entry::AGAIN)) as usize
    }

    /// Its key.
    pub fn key(&self) -> &[u8] {
        &self.record[..self.value_start()]
    }

    /// Its value's bytes; none if the key was removed.
    pub(super) fn value_bytes(&self) -> &[u8] {
        &self.record[self.value_start()..]
    }

    /// Its value; `None` if the key was removed.
    pub fn value(&self) -> Option<Value> {
        (!self.is_tombstone()).then(|| Value::new(self.record.clone(), self.value_start()))
    }

    /// The last commit that wrote it; 0 if none did. The engine may have it already.
    pub fn group(&self) -> Group {
        self.group
    }

    /// Unix time in seconds when it was last used.
    pub fn used_s(&self) -> u32 {
        self.used_s
    }

    /// It is used. Once more within the second is no use of its own: a command that fetched it from the engine runs again.
    fn mark(&mut self, now_s: u32) {
        if self.used_s != now_s {
            self.used_s = now_s;
            self.key_length |= Entry::AGAIN;
        }
    }

    fn size(&self) -> usize {
        size(&self.record)
    }
}

/// Bytes of memory that an entry with this record takes.
pub(super) fn size(record: &[u8]) -> usize {
    record.len() + ENTRY_OVERHEAD
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
    /// The engine has what commits up to this group wrote.
    applied: Group,
    bytes: usize,
    entries: usize,
    hand: usize,
    scratch: Vec<u8>,
    /// Where the engine has nothing that is not here; `None` if nothing is known about that.
    coverage: Option<Coverage>,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
            hasher: ahash::RandomState::new(),
            applied: 0,
            bytes: 0,
            entries: 0,
            hand: 0,
            scratch: Vec::new(),
            coverage: None,
        }
    }
}

/// What an entry keeps of its key's hash: the tag of the hash table and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hash(u32);

impl Hash {
    /// The hash table takes its tag from the seven highest bits, and the place from the lowest.
    const TAG_BITS: u32 = 7;
    const PLACE_BITS: u32 = u32::BITS - Hash::TAG_BITS;

    fn of(hash: u64) -> Hash {
        let tag = (hash >> (u64::BITS - Hash::TAG_BITS)) as u32;
        Hash(tag << Hash::PLACE_BITS | hash as u32 & ((1 << Hash::PLACE_BITS) - 1))
    }

    /// A hash with the same tag and place.
    fn full(self) -> u64 {
        let tag = u64::from(self.0 >> Hash::PLACE_BITS);
        tag << (u64::BITS - Hash::TAG_BITS) | u64::from(self.0 & ((1 << Hash::PLACE_BITS) - 1))
    }
}

fn hash(hasher: &ahash::RandomState, key: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(key);
    state.finish()
}

impl Table {
    /// From now on keeps account of what it covers. It must be empty.
    pub(super) fn cover(&mut self, coverage: Coverage) {
        debug_assert!(self.is_empty());
        self.coverage = Some(coverage);
    }

    /// Whether a key that is not here does not exist.
    pub(super) fn covers(&self, key: &[u8]) -> bool {
        self.coverage.as_ref().is_some_and(|coverage| coverage.covers(key))
    }

    /// Bytes of all entries, with their overhead.
    pub fn bytes(&self) -> usize {
        self.bytes
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
        // The low bits are the place in the shard and the top seven the tag; these are between.
        (hash >> 40) as usize % SHARDS
    }

    /// An entry, without marking it used.
    pub fn peek(&self, key: &[u8]) -> Option<&Entry> {
        let hash = hash(&self.hasher, key);
        self.shards[Self::shard_of(hash)].find(Hash::of(hash).full(), |entry| entry.key() == key)
    }

    /// Has the processor fetch the entries of some keys, all at once: their places, then their records. What follows
    /// finds them in its caches, instead of waiting for one after the other. Shows what may be the entry of each key:
    /// the first that has the same tag, which nearly always is the right one.
    pub(super) fn fetch_ahead<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> smallvec::SmallVec<[Option<&Entry>; 32]> {
        let candidates: smallvec::SmallVec<[Option<&Entry>; 32]> = keys
            .map(|key| {
                let hash = hash(&self.hasher, key);
                self.shards[Self::shard_of(hash)].find(Hash::of(hash).full(), |_| true)
            })
            .collect();
        // The key's first byte and the value's: most records take two lines of a processor's cache.
        let ends = |entry: &Entry| {
            let byte = |index: usize| entry.record.get(index).copied().unwrap_or(0);
            byte(0) ^ byte(entry.value_start())
        };
        let seen = candidates.iter().flatten().fold(0, |seen, &entry| seen ^ ends(entry));
        std::hint::black_box(seen);
        candidates
    }

    /// An entry, marked used at `now_s`.
    pub fn get(&mut self, key: &[u8], now_s: u32) -> Option<&Entry> {
        let hash = hash(&self.hasher, key);
        let shard = &mut self.shards[Self::shard_of(hash)];
        let entry = shard.find_mut(Hash::of(hash).full(), |entry| entry.key() == key)?;
        entry.mark(now_s);
        Some(entry)
    }

    /// Sets when an entry was last used (RESTORE's and DEBUG's business; and reads that must leave no trace).
    pub fn set_used(&mut self, key: &[u8], used_s: u32) {
        let hash = hash(&self.hasher, key);
        let shard = &mut self.shards[Self::shard_of(hash)];
        if let Some(entry) = shard.find_mut(Hash::of(hash).full(), |entry| entry.key() == key) {
            entry.used_s = used_s;
        }
    }

    /// Notes what the engine holds (`None`: nothing, which saves asking again). Does nothing if the key is in
    /// memory already, which is newer or the same.
    pub fn insert_clean(&mut self, key: &[u8], value: Option<&[u8]>, now_s: u32) {
        if self.peek(key).is_none() {
            self.insert_missing(key, value, now_s);
        }
    }

    /// As [`Table::insert_clean`], for a key that is known not to be in memory. Returns the value.
    pub(super) fn insert_missing(&mut self, key: &[u8], value: Option<&[u8]>, now_s: u32) -> Option<Value> {
        let hash = hash(&self.hasher, key);
        let entry = Entry {
            record: record(&mut self.scratch, key, &[value.unwrap_or_default()]),
            key_length: Entry::key_length(key, value.is_none()),
            hash: Hash::of(hash),
            used_s: now_s,
            group: 0,
            index: 0,
        };
        let value = entry.value();
        self.insert_new(hash, entry);
        value
    }

    fn insert_new(&mut self, hash: u64, entry: Entry) {
        self.bytes += entry.size();
        self.entries += 1;
        let full = entry.hash.full();
        self.shards[Self::shard_of(hash)].insert_unique(full, entry, |entry| entry.hash.full());
    }

    /// Writes a key in a commit. `handed` is the last group that was handed off. Returns the key's place in the list
    /// for the next hand-off if it has one; else it has `index` from now on, and the caller puts it there, with the
    /// record that `write` has then: it may be the one that was here, written over.
    pub fn write(
        &mut self,
        write: &mut Write,
        group: Group,
        handed: Group,
        index: u32,
        now_s: u32,
    ) -> Option<u32> {
        debug_assert!(group > handed);
        let &mut Write { ref mut record, key_length, tombstone, .. } = write;
        let key = &record[..key_length];
        let hash = hash(&self.hasher, key);
        let shard = &mut self.shards[Self::shard_of(hash)];
        if let Some(entry) = shard.find_mut(Hash::of(hash).full(), |entry| entry.key() == key) {
            entry.key_length = Entry::key_length(key, tombstone) | entry.key_length & Entry::AGAIN;
            self.bytes = self.bytes - entry.size() + size(record);
            match Arc::get_mut(&mut entry.record) {
                // Nobody else has the old one: to write over it spares giving memory back, and stays where it lies.
                Some(old) if old.len() == record.len() => {
                    old.copy_from_slice(record);
                    *record = entry.record.clone();
                }
                _ => entry.record = record.clone(),
            }
            entry.mark(now_s);
            let listed = std::mem::replace(&mut entry.group, group) > handed;
            if listed {
                return Some(entry.index);
            }
            entry.index = index;
            return None;
        }
        let key_length = Entry::key_length(key, tombstone);
        let entry =
            Entry { record: record.clone(), key_length, hash: Hash::of(hash), used_s: now_s, group, index };
        self.insert_new(hash, entry);
        None
    }

    /// The engine has what commits up to `group` wrote: entries up to it are a cache from now on.
    pub(super) fn applied(&mut self, group: Group) {
        self.applied = group;
    }

    /// Forgets an entry, unless it was written again after what the engine has.
    pub(super) fn forget(&mut self, key: &[u8]) {
        let hash = hash(&self.hasher, key);
        let shard = &mut self.shards[Self::shard_of(hash)];
        let found = shard.find_entry(Hash::of(hash).full(), |entry| entry.key() == key);
        if let Ok(found) = found
            && found.get().group <= self.applied
        {
            self.bytes -= found.get().size();
            self.entries -= 1;
            found.remove();
        }
    }

    /// An entry that the engine lacks; shares its record.
    pub(super) fn dirty(&self, key: &[u8]) -> Option<DirtyEntry> {
        self.peek(key).filter(|entry| entry.group > self.applied).map(|entry| DirtyEntry {
            record: entry.record.clone(),
            key_length: entry.value_start(),
            tombstone: entry.is_tombstone(),
            group: entry.group,
        })
    }

    /// Lets cached entries go until the table is within `limit` bytes, or everything was looked at once. Those
    /// not used since `idle_before_s` go first, then those that were used once. Looks at few entries a call.
    pub fn evict(&mut self, limit: usize, idle_before_s: u32) -> usize {
        let mut evicted = 0;
        for _ in 0..8 {
            if self.bytes <= limit {
                break;
            }
            let shard = self.hand;
            self.hand = (self.hand + 1) % SHARDS;
            // Where little is gone, more goes: a table full of recent entries shrinks as well.
            let enough = self.shards[shard].len() / 8;
            let mut gone = self.evict_of(shard, |entry| entry.used_s <= idle_before_s);
            if gone <= enough {
                gone += self.evict_of(shard, |entry| {
                    let again = entry.key_length & Entry::AGAIN != 0;
                    entry.key_length &= !Entry::AGAIN;
                    !again
                });
            }
            if gone <= enough {
                let mut turn = 0u32;
                gone += self.evict_of(shard, |_| {
                    turn = turn.wrapping_add(1);
                    turn.is_multiple_of(4)
                });
            }
            evicted += gone;
        }
        self.entries -= evicted;
        evicted
    }

    /// Lets those cached entries of a shard go that are to leave. Returns how many.
    fn evict_of(&mut self, shard: usize, mut leaves: impl FnMut(&mut Entry) -> bool) -> usize {
        let Table { shards, applied, coverage, bytes, .. } = self;
        let mut evicted = 0;
        shards[shard].retain(|entry| {
            let goes = entry.group <= *applied && leaves(entry);
            if goes {
                *bytes -= entry.size();
                evicted += 1;
                if let Some(coverage) = coverage
                    && !entry.is_tombstone()
                {
                    coverage.lose(entry.key());
                }
            }
            !goes
        });
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
    /// A write that is not in any table yet.
    pub(super) fn own(write: &Write) -> DirtyEntry {
        let Write { record, key_length, tombstone, .. } = write;
        DirtyEntry { record: record.clone(), key_length: *key_length, tombstone: *tombstone, group: 0 }
    }

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

    fn write(
        table: &mut Table,
        key: &[u8],
        value: Option<&[u8]>,
        group: Group,
        handed: Group,
    ) -> Option<u32> {
        let record = record(&mut Vec::new(), key, &[value.unwrap_or_default()]);
        let mut write = Write { record, key_length: key.len(), tombstone: value.is_none(), blind: false };
        table.write(&mut write, group, handed, group as u32, 1)
    }

    #[test]
    fn an_entry_keeps_its_place_within_a_list_and_gets_a_new_one_in_the_next() {
        let mut table = Table::default();
        assert_eq!(write(&mut table, b"k", Some(b"1"), 1, 0), None);
        assert_eq!(write(&mut table, b"k", Some(b"22"), 2, 0), Some(1), "it stands in the list already");
        assert_eq!(write(&mut table, b"k", Some(b"333"), 3, 2), None, "the next list does not have it");
        assert_eq!(write(&mut table, b"k", Some(b"333"), 4, 2), Some(3));
        table.applied(2);
        table.forget(b"k");
        assert_eq!(table.peek(b"k").unwrap().value().as_deref(), Some(&b"333"[..]), "it is dirty");
    }

    #[test]
    fn a_record_that_nobody_else_has_is_written_over_and_any_other_is_left_as_it_is() {
        let mut table = Table::default();
        write(&mut table, b"k", Some(b"one"), 1, 0);
        let place = |table: &Table| table.peek(b"k").unwrap().value_bytes().as_ptr();
        let first = place(&table);
        write(&mut table, b"k", Some(b"two"), 2, 0);
        assert_eq!(place(&table), first, "it lies where it lay");
        let seen = table.peek(b"k").unwrap().value().unwrap();
        write(&mut table, b"k", Some(b"six"), 3, 0);
        assert_eq!((&*seen, table.peek(b"k").unwrap().value_bytes()), (&b"two"[..], &b"six"[..]));
        write(&mut table, b"k", None, 4, 0);
        assert!(table.peek(b"k").unwrap().value().is_none());
        assert_eq!(&*seen, b"two");
    }

    #[test]
    fn what_an_entry_keeps_of_a_hash_leads_to_the_same_place() {
        for hash in [0, 1, u64::MAX, 0x8123_4567_89ab_cdef, 1 << 57, 1 << 24] {
            let full = Hash::of(hash).full();
            assert_eq!(full >> 57, hash >> 57);
            assert_eq!(full & 0x01ff_ffff, hash & 0x01ff_ffff);
            assert_eq!(Hash::of(full), Hash::of(hash));
        }
    }

    #[test]
    fn a_tombstone_hides_until_it_was_applied_and_then_leaves() {
        let mut table = Table::default();
        write(&mut table, b"k", None, 1, 0);
        table.insert_clean(b"k", Some(b"old"), 1);
        assert!(table.peek(b"k").unwrap().value().is_none());
        table.applied(1);
        table.forget(b"k");
        assert!(table.peek(b"k").is_none() && table.is_empty() && table.bytes() == 0);
    }

    #[test]
    fn eviction_keeps_what_is_dirty_and_obeys_the_limit() {
        let mut table = Table::default();
        for number in 0..20_000u32 {
            table.insert_clean(&number.to_be_bytes(), Some(&[0; 32]), number / 10_000);
        }
        write(&mut table, b"dirty", Some(b"v"), 1, 0);
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

    #[test]
    fn what_is_used_again_stays_while_a_flood_passes() {
        let mut table = Table::default();
        let hot: Vec<[u8; 4]> = (0..1000u32).map(u32::to_be_bytes).collect();
        hot.iter().for_each(|key| table.insert_clean(key, Some(&[0; 64]), 1));
        // Twenty thousand keys a second that nobody asks for twice; there is room for those of two seconds.
        for number in 0..400_000u32 {
            let now_s = 2 + number / 20_000;
            if number % 20_000 == 0 {
                hot.iter().for_each(|key| assert!(table.get(key, now_s).is_some(), "{now_s}: {key:?}"));
            }
            let key = (1_000_000 + number).to_be_bytes();
            table.insert_clean(&key, Some(&[0; 64]), now_s);
            // The command that had it fetched.
            table.get(&key, now_s);
            table.evict(40_000 * (64 + 4 + ENTRY_OVERHEAD), now_s.saturating_sub(10));
        }
    }
}
