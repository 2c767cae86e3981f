//! The chunks of a big list: reading one or many, and writing runs of elements.

use std::ops::Range;

use smallvec::SmallVec;

use super::corrupt;
use crate::encoding::key::{self, KeyBuf, Version};
use crate::encoding::packed_list::{self, Block, CENTRE, Item, ListHead, SPAN};
use crate::engine::{self, Family};
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Need, Stop, Transaction};

/// Most chunks that are asked for one by one. If more are missing, the command goes where it may wait: asking for
/// them in parts, it might find the first ones gone from memory when the last ones come.
const FEW: u64 = 256;

/// The chunks that a command goes through, as sequence numbers, and how far it is likely to come.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// From the first to behind the last.
    pub(super) sequences: Range<u64>,
    /// It begins at the end.
    pub(super) reverse: bool,
    /// It may stop early (a search): what is missing is asked for in parts that grow.
    pub(super) search: bool,
    /// It reads the values that stand by themselves too.
    pub(super) apart: bool,
}

impl Walk {
    /// Through all of these elements, in order.
    pub(super) fn all(sequences: Range<u64>) -> Walk {
        Walk { sequences, reverse: false, search: false, apart: true }
    }

    /// The chunks, each by its elements' sequence numbers within the walk, in the order of the walk.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let Walk { sequences: Range { start, end }, reverse, .. } = *self;
        let (first, count) = (start / SPAN, chunk_count(start, end));
        (0..count).map(move |index| {
            let chunk = first + if reverse { count - 1 - index } else { index };
            (chunk * SPAN).max(start)..((chunk + 1) * SPAN).min(end)
        })
    }

    /// What to ask for together with the chunk (or a value in it) that holds `missing`.
    fn with(&self, missing: u64) -> Range<u64> {
        if !self.search {
            return self.sequences.clone();
        }
        // As much again as was looked at, so that a search over a cold list stops a few times only.
        const LEAST: u64 = 4 * SPAN;
        let Range { start, end } = self.sequences;
        if self.reverse {
            let size = (end - missing).max(LEAST);
            missing.saturating_sub(size).max(start)..((missing / SPAN + 1) * SPAN).min(end)
        } else {
            let size = (missing - start).max(LEAST);
            missing..(missing + size).min(end)
        }
    }
}

/// How many chunks hold the sequence numbers from `start` to before `end`.
pub(super) fn chunk_count(start: u64, end: u64) -> u64 {
    if start >= end { 0 } else { (end - 1) / SPAN - start / SPAN + 1 }
}

fn chunk_key(entry: &Entry, version: Version, sequence: u64) -> KeyBuf {
    packed_list::chunk_key(entry.slot, entry.namespace, version, sequence)
}

fn apart_key(entry: &Entry, version: Version, number: u64) -> KeyBuf {
    packed_list::apart_key(entry.slot, entry.namespace, version, number)
}

/// A chunk of a list, and its elements' sequence numbers.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    value: Value,
    /// Of the elements in it.
    pub(super) sequences: Range<u64>,
}

impl Chunk {
    /// Its elements.
    pub(super) fn block(&self) -> Result<Block<'_>, Stop> {
        let block = Block::parse(&self.value).ok_or_else(corrupt)?;
        let expected = self.sequences.end - self.sequences.start;
        if block.len() as u64 == expected { Ok(block) } else { Err(corrupt()) }
    }

    /// Its elements within these sequence numbers, which it holds.
    pub(super) fn part(&self, sequences: Range<u64>) -> Result<Block<'_>, Stop> {
        let block = self.block()?;
        if sequences == self.sequences {
            return Ok(block);
        }
        let Range { start, end } = sequences;
        let base = self.sequences.start;
        let from = start.checked_sub(base).ok_or_else(corrupt)? as usize;
        let to = end.checked_sub(base).ok_or_else(corrupt)? as usize;
        block.slice(from, to).ok_or_else(corrupt)
    }
}

/// The sequence numbers of all elements in the chunk that holds `sequence`.
pub(super) fn chunk_of(head: &ListHead, sequence: u64) -> Range<u64> {
    let chunk = sequence / SPAN * SPAN;
    chunk.max(head.first)..(chunk + SPAN).min(head.end())
}

/// Reads the chunk that holds `sequence`. A chunk that is not in memory is asked for alone; see [`need`].
pub(super) fn read(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: &ListHead,
    sequence: u64,
) -> Result<Chunk, Stop> {
    let key = chunk_key(entry, head.version, sequence);
    let value = txn.read(Family::Element, entry.slot, &key)?.ok_or_else(corrupt)?;
    Ok(Chunk { value, sequences: chunk_of(head, sequence) })
}

/// Reads a value of its own.
pub(super) fn read_apart(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    number: u64,
) -> Result<Value, Stop> {
    let key = apart_key(entry, version, number);
    txn.read(Family::Element, entry.slot, &key)?.ok_or_else(corrupt)
}

fn whole(entry: &Entry, version: Version) -> engine::Range {
    engine::Range::prefix(&key::collection(entry.slot, entry.namespace, version))
}

/// Lets a walk through many chunks go where it may take long, as far as it is not there.
pub(super) fn begin(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: &ListHead,
    walk: &Walk,
) -> Result<(), Stop> {
    let count = chunk_count(walk.sequences.start, walk.sequences.end);
    if count <= FEW || walk.search { Ok(()) } else { take_steps(txn, entry, head, count) }
}

/// Counts chunks against what a command may look at here.
fn take_steps(txn: &mut Transaction<'_>, entry: &Entry, head: &ListHead, chunks: u64) -> Result<(), Stop> {
    /// A chunk takes about as long as so many fields of a hash, if its elements are written out.
    const STEPS: u64 = 4;
    txn.take_steps(Family::Element, &whole(entry, head.version), (chunks * STEPS) as usize)
}

/// Lets a walk through long elements go where it may take long.
pub(super) fn not_spent(txn: &Transaction<'_>, entry: &Entry, head: &ListHead) -> Result<(), Stop> {
    if txn.is_spent() {
        return Err(Stop::Need(vec![Need::Range(Family::Element, whole(entry, head.version))]));
    }
    Ok(())
}

/// Lets a search that has gone through so many chunks, or any walk that has gone through long ones, go where it may take
/// long.
pub(super) fn go_on(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: &ListHead,
    walk: &Walk,
    chunks: u64,
) -> Result<(), Stop> {
    if walk.search && chunks > 0 && chunks.is_multiple_of(FEW) {
        return take_steps(txn, entry, head, FEW);
    }
    not_spent(txn, entry, head)
}

/// Turns the need for the chunk that holds `missing`, or for a value that it refers to, into the need for all that the
/// walk will come to soon.
pub(super) fn need(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: &ListHead,
    walk: &Walk,
    missing: u64,
    stop: Stop,
) -> Stop {
    if !matches!(stop, Stop::Need(_)) {
        return stop;
    }
    let soon = Walk { sequences: walk.with(missing), ..walk.clone() };
    if chunk_count(soon.sequences.start, soon.sequences.end) > FEW {
        return Stop::Need(vec![Need::Range(Family::Element, whole(entry, head.version))]);
    }
    let mut keys = Vec::new();
    for part in soon.chunks() {
        match read(txn, entry, head, part.start) {
            Ok(_) if !walk.apart => {}
            Ok(chunk) => match chunk.part(part) {
                Ok(block) => {
                    keys.extend(apart_numbers(block).map(|number| apart_key(entry, head.version, number)))
                }
                Err(stop) => return stop,
            },
            Err(Stop::Need(_)) => keys.push(chunk_key(entry, head.version, part.start)),
            Err(other) => return other,
        }
    }
    txn.prefetch_elements(entry.slot, &keys).err().unwrap_or(stop)
}

/// The numbers of the values that a block refers to.
pub(super) fn apart_numbers(block: Block<'_>) -> impl Iterator<Item = u64> {
    let items = block.has_apart().then(|| block.items()).into_iter().flatten();
    items.filter_map(|item| match item {
        Item::Apart { number, .. } => Some(number),
        Item::Here(_) => None,
    })
}

/// Reads all chunks of some elements, to write them elsewhere.
pub(super) fn read_all(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: &ListHead,
    sequences: Range<u64>,
) -> Result<Vec<Chunk>, Stop> {
    let walk = Walk { apart: false, ..Walk::all(sequences) };
    begin(txn, entry, head, &walk)?;
    let mut chunks = Vec::new();
    for part in walk.chunks() {
        match read(txn, entry, head, part.start) {
            Ok(chunk) => chunks.push(chunk),
            Err(stop) => return Err(need(txn, entry, head, &walk, part.start, stop)),
        }
    }
    Ok(chunks)
}

/// Writes elements from the sequence number `start` on. The chunks that they lie in hold nothing else afterwards.
pub(super) fn write_run(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    start: u64,
    blocks: &[Block<'_>],
) -> Result<(), Stop> {
    let mut next = start;
    let mut parts: SmallVec<[Block<'_>; 4]> = SmallVec::new();
    for &block in blocks {
        let mut rest = block;
        while !rest.is_empty() {
            let room = (SPAN - next % SPAN) as usize;
            let (part, more) = rest.split_at(room.min(rest.len())).ok_or_else(corrupt)?;
            next += part.len() as u64;
            parts.push(part);
            rest = more;
            if next.is_multiple_of(SPAN) {
                write(txn, entry, version, next - 1, &parts);
                parts.clear();
            }
        }
    }
    if !parts.is_empty() {
        write(txn, entry, version, next - 1, &parts);
    }
    Ok(())
}

/// Writes the chunk that holds `sequence`.
pub(super) fn write(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    sequence: u64,
    blocks: &[Block<'_>],
) {
    let count = blocks.iter().map(Block::len).sum::<usize>() as u8;
    let key = chunk_key(entry, version, sequence);
    txn.put_element_parts(entry, &key, &packed_list::join(&count, blocks));
}

/// Removes the chunk that holds `sequence`.
pub(super) fn remove(txn: &mut Transaction<'_>, entry: &Entry, version: Version, sequence: u64) {
    txn.remove_element(entry, &chunk_key(entry, version, sequence));
}

/// Writes a value of its own.
pub(super) fn write_apart(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    number: u64,
    value: &[u8],
) {
    txn.put_element(entry, &apart_key(entry, version, number), value);
}

/// Removes a value of its own.
pub(super) fn remove_apart(txn: &mut Transaction<'_>, entry: &Entry, version: Version, number: u64) {
    txn.remove_element(entry, &apart_key(entry, version, number));
}

/// Copies elements, given by their indices, into chunks of a new version at `target`; returns the copy's head.
pub(super) fn copy(
    txn: &mut Transaction<'_>,
    source: &Entry,
    head: &ListHead,
    indices: Range<u64>,
    target: &Entry,
) -> Result<ListHead, Stop> {
    let sequences = head.first + indices.start..head.first + indices.end;
    let walk = Walk::all(sequences.clone());
    let chunks = read_all(txn, source, head, sequences)?;
    let mut blocks = Vec::with_capacity(chunks.len());
    for (chunk, part) in chunks.iter().zip(walk.chunks()) {
        blocks.push(chunk.part(part)?);
    }
    let version = txn.new_version();
    for (block, part) in blocks.iter().zip(walk.chunks()) {
        for number in apart_numbers(*block) {
            let value = match read_apart(txn, source, head.version, number) {
                Ok(value) => value,
                Err(stop) => return Err(need(txn, source, head, &walk, part.start, stop)),
            };
            write_apart(txn, target, version, number, &value);
        }
    }
    write_run(txn, target, version, CENTRE, &blocks)?;
    let listpack_bytes = if indices == (0..head.len) {
        head.listpack_bytes
    } else {
        blocks.iter().map(|block| super::bytes::block_bytes(*block)).sum()
    };
    Ok(ListHead {
        version,
        len: indices.end - indices.start,
        first: CENTRE,
        listpack_bytes,
        next_apart: head.next_apart,
    })
}
