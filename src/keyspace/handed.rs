//! What a partition wrote between two hand-offs: each key once, in the order of its first write.
//!
//! The list grows in chunks, so that no write pays for moving what is there. A chunk that is full is sorted at once,
//! which spreads the work evenly over the writes; a range looks into the full ones by halving, and goes through the last
//! one from end to end. The partition shares the list with the write-behind thread until the engine has it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::engine::{Family, Range};

/// Entries of a chunk. Sorting one takes less than half a millisecond.
const CHUNK: usize = 8192;

/// One key on its way to the engine.
#[derive(Debug, Clone)]
pub struct Handed {
    /// Its family.
    pub family: Family,
    /// The key is removed.
    pub tombstone: bool,
    /// It was written without a look at what the engine holds: what that was must be found out now, for the
    /// counts, the expiry index and the orphans.
    pub blind: bool,
    key_length: u32,
    /// Sorting rarely has to look further, into the record.
    order: Order,
    /// The key, then the value.
    pub record: Arc<[u8]>,
}

impl Handed {
    /// The first `key_length` bytes of `record` are the key.
    pub fn new(family: Family, record: Arc<[u8]>, key_length: usize, tombstone: bool, blind: bool) -> Handed {
        let order = order_of(&record[..key_length]);
        Handed { family, tombstone, blind, key_length: key_length as u32, order, record }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.record[..self.key_length as usize]
    }

    /// The value; empty if the key is removed.
    pub fn value(&self) -> &[u8] {
        &self.record[self.key_length as usize..]
    }

    /// What it is sorted by before its key is looked at.
    pub(super) fn sort_key(&self) -> (Family, Order) {
        (self.family, self.order)
    }

    fn compare(&self, other: &Handed) -> Ordering {
        self.sort_key().cmp(&other.sort_key()).then_with(|| self.key().cmp(other.key()))
    }

    /// Whether it stands before a key of a family.
    fn is_before(&self, bound: &Bound<'_>) -> bool {
        let place = self.sort_key().cmp(&(bound.family, bound.order));
        place.then_with(|| self.key().cmp(bound.key)).is_lt()
    }
}

/// The first bytes of a key as numbers; keys with different ones are in the order of these. They reach beyond the hash
/// of an element's name ([`crate::encoding::key::ELEMENT_PREFIX`]), so that those of one collection differ too.
pub(super) type Order = [u64; 3];

fn order_of(key: &[u8]) -> Order {
    const WORD: usize = size_of::<u64>();
    let mut first = [0; size_of::<Order>()];
    let known = key.len().min(first.len());
    first[..known].copy_from_slice(&key[..known]);
    std::array::from_fn(|word| {
        let bytes = first[word * WORD..][..WORD].try_into().unwrap_or_default();
        u64::from_be_bytes(bytes)
    })
}

/// A key that entries are compared with.
struct Bound<'k> {
    family: Family,
    order: Order,
    key: &'k [u8],
}

impl<'k> Bound<'k> {
    fn new(family: Family, key: &'k [u8]) -> Bound<'k> {
        Bound { family, order: order_of(key), key }
    }
}

#[derive(Debug, Default)]
struct Chunk {
    entries: Vec<Handed>,
    /// The places of the entries in their order, once the chunk is full.
    sorted: Vec<u16>,
    /// How many entries each family has.
    families: [u16; Family::ALL.len()],
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.entries.len() == CHUNK
    }

    fn sort(&mut self) {
        let places = self.entries.iter().enumerate().map(|(place, entry)| (entry.sort_key(), place as u16));
        let mut order: Vec<((Family, Order), u16)> = places.collect();
        let key = |place: u16| self.entries[usize::from(place)].key();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))));
        self.sorted = order.into_iter().map(|(_, place)| place).collect();
    }

    /// The entries of a range in order.
    fn range<'c>(&'c self, family: Family, range: &Range) -> Run<'c> {
        if self.families[family as usize] == 0 {
            return Run::Own(Vec::new().into_iter());
        }
        let lower = Bound::new(family, &range.lower);
        let upper = (!range.upper.is_empty()).then(|| Bound::new(family, &range.upper));
        let is_inside = |entry: &&Handed| {
            entry.family == family
                && !entry.is_before(&lower)
                && upper.as_ref().is_none_or(|upper| entry.is_before(upper))
        };
        if !self.is_full() {
            let mut own: Vec<&Handed> = self.entries.iter().filter(is_inside).collect();
            own.sort_unstable_by(|a, b| a.compare(b));
            return Run::Own(own.into_iter());
        }
        let entry = |place: &u16| &self.entries[usize::from(*place)];
        let first = self.sorted.partition_point(|place| entry(place).is_before(&lower));
        let rest = &self.sorted[first..];
        let length = rest.partition_point(|place| match &upper {
            Some(upper) => entry(place).is_before(upper),
            None => entry(place).family <= family,
        });
        Run::Sorted(&self.entries, rest[..length].iter())
    }
}

/// Entries of one chunk in order.
enum Run<'c> {
    Sorted(&'c [Handed], std::slice::Iter<'c, u16>),
    Own(std::vec::IntoIter<&'c Handed>),
}

impl<'c> Iterator for Run<'c> {
    type Item = &'c Handed;

    fn next(&mut self) -> Option<&'c Handed> {
        match self {
            Run::Sorted(entries, places) => places.next().map(|&place| &entries[usize::from(place)]),
            Run::Own(entries) => entries.next(),
        }
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct HandedList {
    chunks: Vec<Chunk>,
    length: usize,
    has_blind: bool,
}

impl HandedList {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether any entry was written without a look at what the engine holds.
    pub fn has_blind(&self) -> bool {
        self.has_blind
    }

    /// Adds an entry whose key is not in the list. Its index is the length until now.
    pub fn push(&mut self, entry: Handed) {
        if self.chunks.last().is_none_or(Chunk::is_full) {
            // Whoever filled one chunk fills the next.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Chunk { entries: Vec::with_capacity(room), ..Chunk::default() });
        }
        let Some(last) = self.chunks.last_mut() else { return };
        last.families[entry.family as usize] += 1;
        self.has_blind |= entry.blind;
        last.entries.push(entry);
        self.length += 1;
        if last.is_full() {
            last.sort();
        }
    }

    /// The entry with an index.
    pub fn get(&self, index: u32) -> &Handed {
        &self.chunks[index as usize / CHUNK].entries[index as usize % CHUNK]
    }

    /// Gives an entry another value, or takes its value away. Its key stays. Returns the record that it had.
    pub fn replace(&mut self, index: u32, record: Arc<[u8]>, tombstone: bool) -> Arc<[u8]> {
        let entry = &mut self.chunks[index as usize / CHUNK].entries[index as usize % CHUNK];
        entry.tombstone = tombstone;
        std::mem::replace(&mut entry.record, record)
    }

    /// All entries: runs that are in order one after another, as far as chunks are full.
    pub fn runs(&self) -> impl Iterator<Item = &Handed> {
        self.chunks.iter().flat_map(|chunk| {
            let sorted = chunk.sorted.iter().map(|&place| &chunk.entries[usize::from(place)]);
            let own = if chunk.is_full() { &[][..] } else { &chunk.entries };
            sorted.chain(own)
        })
    }

    /// All entries, in the order of their indexes.
    pub fn iter(&self) -> impl Iterator<Item = &Handed> {
        self.chunks.iter().flat_map(|chunk| &chunk.entries)
    }
}

/// The keys of a range that stand in some lists, in order, each once.
pub fn keys_in<'l>(
    lists: impl Iterator<Item = &'l HandedList>,
    family: Family,
    range: &Range,
) -> impl Iterator<Item = &'l [u8]> {
    let mut heap = BinaryHeap::new();
    if range.upper.is_empty() || range.lower < range.upper {
        for mut run in lists.flat_map(|list| &list.chunks).map(|chunk| chunk.range(family, range)) {
            heap.extend(run.next().map(|entry| Head { entry, run }));
        }
    }
    let mut last: Option<&[u8]> = None;
    std::iter::from_fn(move || {
        loop {
            let mut head = heap.peek_mut()?;
            let key = head.entry.key();
            match head.run.next() {
                Some(next) => head.entry = next,
                None => drop(std::collections::binary_heap::PeekMut::pop(head)),
            }
            if last != Some(key) {
                last = Some(key);
                return last;
            }
        }
    })
}

/// Where a run is; the heap shows the least entry first.
struct Head<'l> {
    entry: &'l Handed,
    run: Run<'l>,
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head<'_> {}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.entry.compare(self.entry)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn entry(family: Family, key: &[u8]) -> Handed {
        Handed::new(family, [key, b"value"].concat().into(), key.len(), false, false)
    }

    /// Keys of different lengths, with common beginnings longer than what sorting sees first.
    fn key(number: usize) -> Vec<u8> {
        let scattered = number.wrapping_mul(0x9e37_79b9) % 100_003;
        let mut key = b"a common beginning ".to_vec();
        key.truncate(scattered % 20);
        key.extend_from_slice(scattered.to_string().as_bytes());
        key
    }

    #[test]
    fn a_range_over_full_chunks_and_the_last_one_is_in_order_and_names_each_key_once() {
        let mut lists = [HandedList::default(), HandedList::default()];
        let mut model = [BTreeSet::new(), BTreeSet::new()];
        for number in 0..3 * CHUNK + 100 {
            let family = if number % 3 == 0 { Family::Element } else { Family::Meta };
            let key = key(number);
            if model[family as usize].insert(key.clone()) || number % 2 == 0 {
                lists[number % 2].push(entry(family, &key));
            }
        }
        let bounds = [&b""[..], b"1", b"5", b"a", b"a common", b"a common beginning 7", b"b", b"99999"];
        for lower in bounds {
            for upper in bounds {
                let range = Range { lower: lower.to_vec(), upper: upper.to_vec() };
                for family in [Family::Meta, Family::Element, Family::Expiry] {
                    let found: Vec<&[u8]> = keys_in(lists.iter(), family, &range).collect();
                    let expected: Vec<&[u8]> = match model.get(family as usize) {
                        Some(keys) => {
                            keys.iter().map(Vec::as_slice).filter(|key| range.contains(key)).collect()
                        }
                        None => Vec::new(),
                    };
                    assert_eq!(found, expected, "{family:?} {range:?}");
                }
            }
        }
    }

    #[test]
    fn an_index_stays_what_it_was() {
        let mut list = HandedList::default();
        for number in 0..2 * CHUNK as u32 + 1 {
            list.push(entry(Family::Meta, &number.to_be_bytes()));
        }
        let index = CHUNK as u32 + 7;
        let record: Arc<[u8]> = [&index.to_be_bytes()[..], b"new"].concat().into();
        assert_eq!(list.replace(index, record, true)[4..], *b"value");
        assert_eq!((list.get(index).key(), list.get(index).value()), (&index.to_be_bytes()[..], &b"new"[..]));
        assert!(list.get(index).tombstone);
        let numbers: Vec<u32> =
            list.iter().map(|entry| u32::from_be_bytes(entry.key().try_into().unwrap())).collect();
        assert!(numbers.into_iter().eq(0..list.len() as u32));
    }
}
