//! Cutting a list down to a part of it.

use std::ops::Range;

use super::bytes::block_bytes;
use super::chunks::{self, Walk};
use super::corrupt;
use super::edit::ListEdit;
use super::read::Form;
use crate::encoding::packed_list::{ListHead, SPAN};
use crate::keyspace::transaction::{Stop, Transaction};

impl ListEdit<'_> {
    /// Keeps the elements of these indices, which exist, and removes all others.
    ///
    /// Whole chunks are removed without a look at them, unless values may stand by themselves. If few chunks stay,
    /// they are moved instead, and all that the list was is left to be reclaimed in the background.
    pub fn trim(&mut self, txn: &mut Transaction<'_>, keep: Range<u64>) -> Result<(), Stop> {
        let stored = self.entry.clone();
        let (frame, form) = Self::state(&stored)?;
        let head = match form {
            Form::Packed(block) => {
                let kept = block.slice(keep.start as usize, keep.end as usize).ok_or_else(corrupt)?;
                if kept.len() < block.len() {
                    self.put_packed(txn, frame, &[kept], true)?;
                }
                return Ok(());
            }
            Form::Chunks(head) => head,
        };
        if keep == (0..head.len) {
            return Ok(());
        }
        if keep.is_empty() {
            txn.remove(self.entry)?;
            return Ok(());
        }
        let kept = head.first + keep.start..head.first + keep.end;
        let dropped = [head.first..kept.start, kept.end..head.end()];
        let chunks_dropped: u64 = dropped.iter().map(|part| chunks::chunk_count(part.start, part.end)).sum();
        let head = if chunks_dropped > 4 * chunks::chunk_count(kept.start, kept.end) {
            chunks::copy(txn, &stored, &head, keep, self.entry)?
        } else {
            self.drop_ends(txn, &head, &kept, dropped)?
        };
        self.put_head(txn, frame, &head, true)
    }

    /// Removes the elements before and behind those that are kept. Returns the list's new head.
    fn drop_ends(
        &mut self,
        txn: &mut Transaction<'_>,
        head: &ListHead,
        kept: &Range<u64>,
        dropped: [Range<u64>; 2],
    ) -> Result<ListHead, Stop> {
        let mut left = ListHead { first: kept.start, len: kept.end - kept.start, ..*head };
        let whole_bytes = head.listpack_bytes / head.len.max(1);
        // The border chunks first: what is cut from both sides is one chunk.
        let mut borders = [kept.start / SPAN, (kept.end - 1) / SPAN].to_vec();
        borders.dedup();
        let mut gone = 0;
        for chunk in borders {
            let whole = chunks::chunk_of(head, (chunk * SPAN).max(kept.start));
            let part = whole.start.max(kept.start)..whole.end.min(kept.end);
            if part == whole {
                continue;
            }
            let old = chunks::read(txn, self.entry, head, part.start)?;
            for cut in [old.sequences.start..part.start, part.end..old.sequences.end] {
                let block = old.part(cut)?;
                gone += block_bytes(block);
                for number in chunks::apart_numbers(block) {
                    chunks::remove_apart(txn, self.entry, head.version, number);
                }
            }
            chunks::write(txn, self.entry, head.version, part.start, &[old.part(part)?]);
        }
        let [before, behind] = dropped;
        let before = before.start..(kept.start / SPAN * SPAN).max(before.start);
        let behind = (kept.end.div_ceil(SPAN) * SPAN).min(behind.end)..behind.end;
        for sequences in [before, behind] {
            if sequences.is_empty() {
                continue;
            }
            gone += if head.next_apart > 0 {
                self.forget_all(txn, head, sequences.clone())?
            } else {
                whole_bytes * (sequences.end - sequences.start)
            };
            for part in Walk::all(sequences).chunks() {
                chunks::remove(txn, self.entry, head.version, part.start);
            }
        }
        left.listpack_bytes = left.listpack_bytes.saturating_sub(gone);
        Ok(left)
    }

    /// Removes what stands elsewhere of these elements. Returns how many bytes of a listpack they all were.
    fn forget_all(
        &self,
        txn: &mut Transaction<'_>,
        head: &ListHead,
        sequences: Range<u64>,
    ) -> Result<u64, Stop> {
        let mut bytes = 0;
        for chunk in chunks::read_all(txn, self.entry, head, sequences)? {
            let block = chunk.block()?;
            bytes += block_bytes(block);
            for number in chunks::apart_numbers(block) {
                chunks::remove_apart(txn, self.entry, head.version, number);
            }
        }
        Ok(bytes)
    }
}
