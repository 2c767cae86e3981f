//! Changing a list: what all changes have in common, and those at its ends.

use std::ops::Range;

use smallvec::SmallVec;

use super::bytes::{LISTPACK_FRAME, ListpackLimit, block_bytes, entry_bytes};
use super::chunks::{self, Chunk, Walk};
use super::read::Form;
use super::{PACKED_BYTES, PACKED_ITEMS, Side, corrupt};
use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_list::{
    Block, BlockBuf, CENTRE, INLINE_BYTES, Item, ListHead, SPAN, join, stored_bytes,
};
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// A list as a command changes it. Each change is written at once; a list without elements is removed.
#[derive(Debug)]
pub struct ListEdit<'e> {
    pub(super) entry: &'e mut Entry,
    pub(super) limit: ListpackLimit,
}

/// What of a key's value is not its elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) expire_ms: Option<u64>,
    /// OBJECT ENCODING says `quicklist`.
    pub(super) expanded: bool,
}

impl<'e> ListEdit<'e> {
    /// The list at a key, which need not exist; WRONGTYPE if the key holds another type. `limit` says when OBJECT
    /// ENCODING changes.
    pub fn open(entry: &'e mut Entry, limit: ListpackLimit) -> Result<ListEdit<'e>, Stop> {
        entry.typed(Type::List)?;
        Ok(ListEdit { entry, limit })
    }

    /// Number of elements.
    pub fn len(&self) -> Result<u64, Stop> {
        Ok(super::List::open(self.entry)?.len())
    }

    /// Whether the key does not exist (any more).
    pub fn is_empty(&self) -> bool {
        !self.entry.exists()
    }

    /// The key.
    pub fn entry(&self) -> &Entry {
        self.entry
    }

    pub(super) fn state(stored: &Entry) -> Result<(Frame, Form<'_>), Stop> {
        let meta = stored.typed(Type::List)?;
        let frame = Frame {
            expire_ms: meta.and_then(|meta| meta.expire_ms),
            expanded: meta.is_some_and(|meta| meta.expanded),
        };
        Ok((frame, Form::parse(meta)?))
    }

    // ---- writing the key --------------------------------------------------------------------------------

    /// Whether a list calls itself a quicklist once `count` elements of together `bytes` bytes are added.
    pub(super) fn grown(&self, frame: Frame, form: &Form<'_>, bytes: usize, count: usize) -> Frame {
        let (bytes, count) = (bytes as u64, count as u64);
        let expanded = frame.expanded
            || match form {
                Form::Packed(block) => self.limit.exceeded_by(*block, bytes, block.len() as u64 + count),
                Form::Chunks(head) => {
                    self.limit.exceeded(head.listpack_bytes + LISTPACK_FRAME + bytes, head.len + count)
                }
            };
        Frame { expanded, ..frame }
    }

    /// Writes a packed list that holds these blocks. `shrinks`: it may call itself a listpack again.
    pub(super) fn put_packed(
        &mut self,
        txn: &mut Transaction<'_>,
        frame: Frame,
        blocks: &[Block<'_>],
        shrinks: bool,
    ) -> Result<(), Stop> {
        let count = blocks.iter().map(Block::len).sum::<usize>();
        if count == 0 {
            txn.remove(self.entry)?;
            return Ok(());
        }
        let mut expanded = frame.expanded;
        if expanded && shrinks {
            let bytes = blocks.iter().map(|block| block_bytes(*block)).sum::<u64>() + LISTPACK_FRAME;
            expanded = !self.limit.half_fits(bytes, count as u64);
        }
        let meta =
            Meta { kind: Type::List, expire_ms: frame.expire_ms, by_elements: false, expanded, payload: b"" };
        txn.put_parts(self.entry, &meta, &join(&(count as u8), blocks))
    }

    /// Writes the head of a big list, which has elements. `shrinks`: as above.
    pub(super) fn put_head(
        &mut self,
        txn: &mut Transaction<'_>,
        frame: Frame,
        head: &ListHead,
        shrinks: bool,
    ) -> Result<(), Stop> {
        let half = shrinks && self.limit.half_fits(head.listpack_bytes + LISTPACK_FRAME, head.len);
        let meta = Meta {
            kind: Type::List,
            expire_ms: frame.expire_ms,
            by_elements: true,
            expanded: frame.expanded && !half,
            payload: &head.encode(),
        };
        txn.put(self.entry, &meta)
    }

    /// Appends an element to what is to be written, in the place where it will stand.
    pub(super) fn store(
        &self,
        txn: &mut Transaction<'_>,
        head: &mut ListHead,
        out: &mut BlockBuf,
        element: &[u8],
    ) {
        head.listpack_bytes += entry_bytes(element);
        if element.len() <= INLINE_BYTES {
            return out.push(element);
        }
        let number = head.next_apart;
        head.next_apart += 1;
        chunks::write_apart(txn, self.entry, head.version, number, element);
        out.push_apart(number, element.len() as u32);
    }

    /// Writes a list that was packed, or not there, and has become too big for that.
    pub(super) fn put_chunks<'v>(
        &mut self,
        txn: &mut Transaction<'_>,
        frame: Frame,
        elements: impl Iterator<Item = &'v [u8]>,
    ) -> Result<(), Stop> {
        let version = txn.new_version();
        let mut head = ListHead { version, len: 0, first: CENTRE, listpack_bytes: 0, next_apart: 0 };
        let mut out = BlockBuf::default();
        for element in elements {
            self.store(txn, &mut head, &mut out, element);
        }
        head.len = out.block().len() as u64;
        chunks::write_run(txn, self.entry, version, CENTRE, &[out.block()])?;
        self.put_head(txn, frame, &head, false)
    }

    // ---- the ends ---------------------------------------------------------------------------------------

    /// Adds elements one by one at an end. Returns the new number of elements.
    pub fn push(&mut self, txn: &mut Transaction<'_>, side: Side, values: &[&[u8]]) -> Result<u64, Stop> {
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let bytes = values.iter().map(|value| value.len()).sum();
        let frame = self.grown(frame, &form, bytes, values.len());
        // In the order of the list.
        let mut ordered: SmallVec<[&[u8]; 8]> = SmallVec::from_slice(values);
        if side == Side::Left {
            ordered.reverse();
        }
        txn.add_changes(values.len().saturating_sub(1) as u64);
        match form {
            Form::Packed(old) => {
                let len = (old.len() + values.len()) as u64;
                if fits(&[old], &ordered) {
                    let mut new = BlockBuf::default();
                    ordered.iter().for_each(|value| new.push(value));
                    let blocks = beside(side, old, new.block());
                    self.put_packed(txn, frame, &blocks, false)?;
                } else if side == Side::Left {
                    self.put_chunks(txn, frame, ordered.iter().copied().chain(here(old)))?;
                } else {
                    self.put_chunks(txn, frame, here(old).chain(ordered.iter().copied()))?;
                }
                Ok(len)
            }
            Form::Chunks(mut head) => {
                let mut new = BlockBuf::default();
                for value in &ordered {
                    self.store(txn, &mut head, &mut new, value);
                }
                self.push_chunks(txn, side, &mut head, new.block())?;
                self.put_head(txn, frame, &head, false)?;
                Ok(head.len)
            }
        }
    }

    fn push_chunks(
        &mut self,
        txn: &mut Transaction<'_>,
        side: Side,
        head: &mut ListHead,
        new: Block<'_>,
    ) -> Result<(), Stop> {
        let border = if side == Side::Left { head.first } else { head.end() };
        // At the border of a chunk nothing is there yet that would have to be written again.
        let old = if border.is_multiple_of(SPAN) {
            None
        } else {
            let inside = if side == Side::Left { border } else { border - 1 };
            Some(chunks::read(txn, self.entry, head, inside)?)
        };
        let old = match &old {
            Some(chunk) => chunk.block()?,
            None => Block::default(),
        };
        let added = new.len() as u64;
        let start = match side {
            Side::Left => head.first - added,
            Side::Right => head.end() - old.len() as u64,
        };
        chunks::write_run(txn, self.entry, head.version, start, &beside(side, old, new))?;
        if side == Side::Left {
            head.first = start;
        }
        head.len += added;
        Ok(())
    }

    /// Takes up to `count` elements from an end and shows them as they come. Returns how many.
    pub fn pop(
        &mut self,
        txn: &mut Transaction<'_>,
        side: Side,
        count: u64,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<u64, Stop> {
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let taken = match form {
            Form::Packed(block) => {
                let taken = count.min(block.len() as u64);
                let cut = if side == Side::Left { taken as usize } else { block.len() - taken as usize };
                let (left, right) = block.split_at(cut).ok_or_else(corrupt)?;
                if side == Side::Left {
                    here(left).for_each(visit);
                } else {
                    let items: SmallVec<[&[u8]; PACKED_ITEMS]> = here(right).collect();
                    items.iter().rev().for_each(|item| visit(item));
                }
                if taken > 0 {
                    self.put_packed(txn, frame, &[if side == Side::Left { right } else { left }], true)?;
                }
                taken
            }
            Form::Chunks(mut head) => {
                let taken = count.min(head.len);
                if taken == head.len {
                    super::List { entry: &stored, form }.pop_all(txn, side, &mut visit)?;
                    txn.remove(self.entry)?;
                } else if taken > 0 {
                    self.pop_chunks(txn, side, &mut head, taken, &mut visit)?;
                    self.put_head(txn, frame, &head, true)?;
                }
                taken
            }
        };
        txn.add_changes(taken.saturating_sub(1));
        Ok(taken)
    }

    fn pop_chunks(
        &mut self,
        txn: &mut Transaction<'_>,
        side: Side,
        head: &mut ListHead,
        taken: u64,
        visit: &mut impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        let (reverse, sequences) = match side {
            Side::Left => (false, head.first..head.first + taken),
            Side::Right => (true, head.end() - taken..head.end()),
        };
        let walk = Walk { reverse, ..Walk::all(sequences) };
        chunks::begin(txn, self.entry, head, &walk)?;
        // All is read before anything is written: what is missing is asked for by what chunks say.
        let mut read: SmallVec<[(Chunk, Range<u64>); 1]> = SmallVec::new();
        for part in walk.chunks() {
            let start = part.start;
            match self.read_part(txn, head, reverse, part.clone(), visit) {
                Ok(chunk) => read.push((chunk, part)),
                Err(stop) => return Err(chunks::need(txn, self.entry, head, &walk, start, stop)),
            }
        }
        for (chunk, part) in read {
            self.cut(txn, head, reverse, &chunk, part)?;
        }
        head.len -= taken;
        if side == Side::Left {
            head.first += taken;
        }
        Ok(())
    }

    /// Shows elements of one chunk.
    fn read_part(
        &self,
        txn: &mut Transaction<'_>,
        head: &ListHead,
        reverse: bool,
        part: Range<u64>,
        visit: &mut impl FnMut(&[u8]),
    ) -> Result<Chunk, Stop> {
        let chunk = chunks::read(txn, self.entry, head, part.start)?;
        let mut items: SmallVec<[Item<'_>; SPAN as usize]> = chunk.part(part)?.items().collect();
        if reverse {
            items.reverse();
        }
        for item in items {
            match item {
                Item::Here(element) => visit(element),
                Item::Apart { number, .. } => {
                    visit(&chunks::read_apart(txn, self.entry, head.version, number)?);
                }
            }
        }
        Ok(chunk)
    }

    /// Removes elements from an end of one chunk, and counts off their bytes.
    fn cut(
        &self,
        txn: &mut Transaction<'_>,
        head: &mut ListHead,
        reverse: bool,
        chunk: &Chunk,
        part: Range<u64>,
    ) -> Result<(), Stop> {
        let block = chunk.part(part.clone())?;
        head.listpack_bytes = head.listpack_bytes.saturating_sub(block_bytes(block));
        for number in chunks::apart_numbers(block) {
            chunks::remove_apart(txn, self.entry, head.version, number);
        }
        let left = if reverse { chunk.sequences.start..part.start } else { part.end..chunk.sequences.end };
        if left.is_empty() {
            chunks::remove(txn, self.entry, head.version, part.start);
        } else {
            chunks::write(txn, self.entry, head.version, part.start, &[chunk.part(left)?]);
        }
        Ok(())
    }
}

/// A list's old elements and the new ones at one end.
fn beside<'b>(side: Side, old: Block<'b>, new: Block<'b>) -> [Block<'b>; 2] {
    if side == Side::Left { [new, old] } else { [old, new] }
}

/// Whether a packed list of these blocks stays one with these elements more.
pub(super) fn fits(blocks: &[Block<'_>], more: &[&[u8]]) -> bool {
    let items = blocks.iter().map(Block::len).sum::<usize>() + more.len();
    let old = blocks.iter().map(Block::stored_bytes).sum::<usize>();
    let new = more.iter().map(|element| stored_bytes(element.len())).sum::<usize>();
    items <= PACKED_ITEMS && old + new <= PACKED_BYTES
}

/// The elements of a packed list's block: all of them stand in it.
pub(super) fn here(block: Block<'_>) -> impl Iterator<Item = &[u8]> {
    block.items().filter_map(|item| match item {
        Item::Here(element) => Some(element),
        Item::Apart { .. } => None,
    })
}
