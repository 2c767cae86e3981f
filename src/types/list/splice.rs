//! Changing a list in its middle: whole chunks are read and written, on the shorter side of the change.

use super::bytes::item_bytes;
use super::chunks::{self, Chunk};
use super::edit::{Frame, ListEdit, fits, here};
use super::read::Form;
use super::{Side, corrupt};
use crate::encoding::packed_list::{Block, BlockBuf, Item, ListHead, SPAN};
use crate::keyspace::transaction::{Stop, Transaction};

impl ListEdit<'_> {
    /// Replaces the element at an index, which exists.
    pub fn replace(&mut self, txn: &mut Transaction<'_>, index: u64, value: &[u8]) -> Result<(), Stop> {
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let frame_grown = self.grown(frame, &form, value.len(), 1);
        let mut head = match form {
            Form::Packed(block) => {
                let (left, rest) = block.split_at(index as usize).ok_or_else(corrupt)?;
                let (_, right) = rest.split_at(1).ok_or_else(corrupt)?;
                return self.put_around(txn, frame_grown, [left, right], value, true);
            }
            Form::Chunks(head) => head,
        };
        let before = head;
        let sequence = head.first + index;
        let chunk = chunks::read(txn, self.entry, &head, sequence)?;
        let place = (sequence - chunk.sequences.start) as usize;
        let (left, rest) = chunk.block()?.split_at(place).ok_or_else(corrupt)?;
        let (old, right) = rest.split_at(1).ok_or_else(corrupt)?;
        let old = old.items().next().ok_or_else(corrupt)?;
        let mut new = BlockBuf::default();
        self.store(txn, &mut head, &mut new, value);
        head.listpack_bytes = head.listpack_bytes.saturating_sub(item_bytes(old));
        if let Item::Apart { number, .. } = old {
            chunks::remove_apart(txn, self.entry, head.version, number);
        }
        chunks::write(txn, self.entry, head.version, sequence, &[left, new.block(), right]);
        if head != before || frame_grown.expanded != frame.expanded {
            return self.put_head(txn, frame_grown, &head, true);
        }
        txn.add_changes(1);
        Ok(())
    }

    /// Inserts an element before the one at an index, or behind the last one.
    pub fn insert(&mut self, txn: &mut Transaction<'_>, index: u64, value: &[u8]) -> Result<(), Stop> {
        let len = self.len()?;
        if index == 0 || index == len {
            let side = if index == 0 { Side::Left } else { Side::Right };
            self.push(txn, side, &[value])?;
            return Ok(());
        }
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let frame = self.grown(frame, &form, value.len(), 1);
        let mut head = match form {
            Form::Packed(block) => {
                let (left, right) = block.split_at(index as usize).ok_or_else(corrupt)?;
                return self.put_around(txn, frame, [left, right], value, false);
            }
            Form::Chunks(head) => head,
        };
        let place = head.first + index;
        let to_left = index < head.len - index;
        // From the nearer end of the list to the far border of the chunk in which the shift ends.
        let region = if to_left {
            head.first..chunks::chunk_of(&head, place - 1).end
        } else {
            chunks::chunk_of(&head, place).start..head.end()
        };
        let start = if to_left { region.start - 1 } else { region.start };
        let old = chunks::read_all(txn, self.entry, &head, region)?;
        let mut new = BlockBuf::default();
        self.store(txn, &mut head, &mut new, value);
        let mut blocks = Vec::with_capacity(old.len() + 2);
        let mut inserted = false;
        for chunk in &old {
            let block = chunk.block()?;
            if inserted || place > chunk.sequences.end {
                blocks.push(block);
                continue;
            }
            let cut = (place - chunk.sequences.start) as usize;
            let (left, right) = block.split_at(cut).ok_or_else(corrupt)?;
            blocks.extend([left, new.block(), right]);
            inserted = true;
        }
        chunks::write_run(txn, self.entry, head.version, start, &blocks)?;
        head.first -= u64::from(to_left);
        head.len += 1;
        self.put_head(txn, frame, &head, false)
    }

    /// Writes what was a packed list, with an element between its halves.
    fn put_around(
        &mut self,
        txn: &mut Transaction<'_>,
        frame: Frame,
        [left, right]: [Block<'_>; 2],
        value: &[u8],
        shrinks: bool,
    ) -> Result<(), Stop> {
        if fits(&[left, right], &[value]) {
            let mut new = BlockBuf::default();
            new.push(value);
            return self.put_packed(txn, frame, &[left, new.block(), right], shrinks);
        }
        let value = std::iter::once(value);
        self.put_chunks(txn, frame, here(left).chain(value).chain(here(right)))
    }

    /// Removes the elements at these indices, which exist and ascend.
    pub fn remove(&mut self, txn: &mut Transaction<'_>, indices: &[u64]) -> Result<(), Stop> {
        let (Some(&lowest), Some(&highest)) = (indices.first(), indices.last()) else { return Ok(()) };
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let removed = indices.len() as u64;
        txn.add_changes(removed - 1);
        let mut head = match form {
            Form::Packed(block) => {
                let blocks = without(block, 0, indices)?;
                return self.put_packed(txn, frame, &blocks, true);
            }
            Form::Chunks(head) if head.len == removed => {
                txn.remove(self.entry)?;
                return Ok(());
            }
            Form::Chunks(head) => head,
        };
        // What is on the shorter side closes the gaps.
        let from_left = highest < head.len - lowest;
        let region = if from_left {
            head.first..chunks::chunk_of(&head, head.first + highest).end
        } else {
            chunks::chunk_of(&head, head.first + lowest).start..head.end()
        };
        let old = chunks::read_all(txn, self.entry, &head, region.clone())?;
        let before = head;
        let mut blocks = Vec::new();
        for chunk in &old {
            self.forget(txn, &mut head, chunk, indices)?;
            let base = chunk.sequences.start - before.first;
            blocks.extend(without(chunk.block()?, base, indices)?);
        }
        head.len -= removed;
        let emptied = if from_left {
            head.first += removed;
            chunks::write_run(txn, self.entry, head.version, head.first, &blocks)?;
            region.start / SPAN..head.first / SPAN
        } else {
            chunks::write_run(txn, self.entry, head.version, region.start, &blocks)?;
            head.end().div_ceil(SPAN)..region.end.div_ceil(SPAN)
        };
        for chunk in emptied {
            chunks::remove(txn, self.entry, head.version, chunk * SPAN);
        }
        self.put_head(txn, frame, &head, true)
    }

    /// Removes what stands elsewhere of the elements of a chunk that are being removed, and counts them off.
    fn forget(
        &self,
        txn: &mut Transaction<'_>,
        head: &mut ListHead,
        chunk: &Chunk,
        indices: &[u64],
    ) -> Result<(), Stop> {
        let (start, end) = (chunk.sequences.start - head.first, chunk.sequences.end - head.first);
        let within =
            indices.partition_point(|&index| index < start)..indices.partition_point(|&index| index < end);
        for &index in &indices[within] {
            let item = chunk.block()?.get((index - start) as usize).ok_or_else(corrupt)?;
            head.listpack_bytes = head.listpack_bytes.saturating_sub(item_bytes(item));
            if let Item::Apart { number, .. } = item {
                chunks::remove_apart(txn, self.entry, head.version, number);
            }
        }
        Ok(())
    }
}

/// What is left of a block, whose first element has the index `base`.
fn without<'b>(block: Block<'b>, base: u64, indices: &[u64]) -> Result<Vec<Block<'b>>, Stop> {
    let end = base + block.len() as u64;
    let first = indices.partition_point(|&index| index < base);
    let (mut rest, mut next, mut blocks) = (block, base, Vec::new());
    for &index in indices[first..].iter().take_while(|&&index| index < end) {
        let (kept, more) = rest.split_at((index - next) as usize).ok_or_else(corrupt)?;
        let (_, more) = more.split_at(1).ok_or_else(corrupt)?;
        blocks.push(kept);
        (rest, next) = (more, index + 1);
    }
    blocks.push(rest);
    Ok(blocks)
}
