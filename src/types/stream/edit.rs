//! Adding entries, removing them, trimming.

use super::Stream;
use super::id::{NewId, StreamId};
use super::node::{Node, NodeHead, new_node};
use super::read::parse;
use crate::commands::Settings;
use crate::keyspace::transaction::{Stop, Transaction};

/// Up to where XADD and XTRIM remove the first entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// How many entries or which ones stay.
    pub keep: Keep,
    /// Only whole nodes (`~`).
    pub whole_nodes: bool,
    /// Most entries to remove; 0: no limit.
    pub limit: u64,
}

/// What stays of a stream that is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// So many entries, the last ones.
    Last(u64),
    /// Entries from this id on.
    From(StreamId),
}

impl Stream {
    /// The id that a new entry gets at `now_ms`; `None` if it would not be greater than the last one.
    pub fn next_id(&self, wanted: NewId, now_ms: u64) -> Option<StreamId> {
        let last = self.head.last;
        let id = match wanted {
            NewId::Exactly(id) => id,
            NewId::Within(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1)? },
            NewId::Within(ms) => StreamId { ms, seq: 0 },
            NewId::Auto if now_ms > last.ms => StreamId { ms: now_ms, seq: 0 },
            NewId::Auto => last.next()?,
        };
        (id > last).then_some(id)
    }

    /// Adds an entry, whose id must be greater than the last one.
    pub fn append(
        &mut self,
        txn: &mut Transaction<'_>,
        id: StreamId,
        pairs: &[(&[u8], &[u8])],
        settings: &Settings,
    ) -> Result<(), Stop> {
        let content: usize = pairs.iter().map(|(field, value)| field.len() + value.len()).sum();
        let number = self.head.end_node.wrapping_sub(1);
        let last = if self.head.len > 0 { Some(self.node(txn, number)?) } else { None };
        let last = last.as_deref().map(parse).transpose()?;
        if let Some(node) = last.filter(|node| node.head.live == 0) {
            // Empty nodes at the end are written over: XSETID may have gone back to before what they began with.
            self.head.end_node = number - node.run.0;
        }
        match last.filter(|node| node.head.live > 0 && !node.is_full(content as u64, settings)) {
            Some(node) => {
                let (head, entry) = node.append(id, pairs);
                txn.put_element_parts(&self.entry, &self.node_key(number), &[&head, node.body, &entry]);
            }
            None => {
                if let Some(node) = last.filter(|node| node.head.live > 0 && node.head.last >= id) {
                    // XSETID went back to before what was removed from it: nodes stay in order.
                    let last = node.entries().last().map_or(node.head.first, |entry| entry.id);
                    let head = NodeHead { last, ..node.head }.encode();
                    txn.put_element_parts(&self.entry, &self.node_key(number), &[&head, node.body]);
                }
                txn.put_element(&self.entry, &self.node_key(self.head.end_node), &new_node(id, pairs));
                self.head.end_node += 1;
                self.head.nodes += 1;
            }
        }
        self.head.len += 1;
        self.head.added = self.head.added.wrapping_add(1);
        self.head.last = id;
        if self.head.len == 1 {
            self.head.first = id;
        }
        Ok(())
    }

    /// Removes an entry. Returns whether it was there. The caller notes the greatest such id.
    pub fn delete(&mut self, txn: &mut Transaction<'_>, id: StreamId) -> Result<bool, Stop> {
        if self.head.len == 0 || id < self.head.first || id > self.head.last {
            return Ok(false);
        }
        let Some(number) = self.node_of(txn, id)? else { return Ok(false) };
        let value = self.node(txn, number)?;
        let node = parse(&value)?;
        let (count, rest) = node.without(|one| one == id);
        if count == 0 {
            return Ok(false);
        }
        match rest {
            Some(rest) => txn.put_element(&self.entry, &self.node_key(number), &rest),
            None => self.empty_node(txn, number, &node)?,
        }
        self.head.len -= 1;
        if id == self.head.first {
            self.head.first = self.first_entry(txn)?;
        }
        Ok(true)
    }

    /// Notes that a node has no entry any more. `node` is as it was before.
    fn empty_node(&mut self, txn: &mut Transaction<'_>, number: u64, node: &Node<'_>) -> Result<(), Stop> {
        self.head.nodes -= 1;
        if number == self.head.first_node {
            return self.pass_node(txn);
        }
        // The ends of a run of empty nodes know each other.
        let (mut before, mut behind) = (0, 0);
        let value = self.node(txn, number - 1)?;
        let left = parse(&value)?;
        if left.head.live == 0 {
            before = 1 + left.run.0;
        }
        if number + 1 < self.head.end_node {
            let value = self.node(txn, number + 1)?;
            let right = parse(&value)?;
            if right.head.live == 0 {
                behind = 1 + right.run.1;
            }
        }
        for (end, run) in [(number - before, (0, before + behind)), (number + behind, (before + behind, 0))] {
            if end != number {
                let value = self.node(txn, end)?;
                let empty = parse(&value)?.head.encode_empty(run);
                txn.put_element(&self.entry, &self.node_key(end), &empty);
            }
        }
        let removed = node.head.removed + node.head.live;
        let head = NodeHead { removed, ..node.head };
        txn.put_element(&self.entry, &self.node_key(number), &head.encode_empty((before, behind)));
        Ok(())
    }

    /// Moves the beginning of the stream from its first node to the next one that has entries.
    fn pass_node(&mut self, txn: &mut Transaction<'_>) -> Result<(), Stop> {
        self.head.first_node += 1;
        while self.head.first_node < self.head.end_node {
            let value = self.node(txn, self.head.first_node)?;
            let node = parse(&value)?;
            if node.head.live > 0 {
                break;
            }
            self.head.first_node += 1 + node.run.1;
        }
        Ok(())
    }

    /// Removes entries at the beginning. Returns how many.
    pub fn trim(&mut self, txn: &mut Transaction<'_>, trim: &Trim) -> Result<u64, Stop> {
        let before = self.head.len;
        let mut passed = 0;
        while self.head.len > 0 {
            let removed = before - self.head.len;
            if let Keep::Last(count) = trim.keep {
                if self.head.len <= count {
                    break;
                }
                if count == 0 && trim.limit == 0 {
                    self.head.first_node = self.head.end_node;
                    (self.head.len, self.head.nodes) = (0, 0);
                    break;
                }
            }
            let number = self.head.first_node;
            let more = u64::clamp(passed, 1, 1024);
            let ahead = number + 1..self.head.end_node.min(number + more);
            let value = self.node_ahead(txn, number, ahead)?;
            let node = parse(&value)?;
            let live = node.head.live;
            if trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.keep {
                Keep::Last(count) => self.head.len - live >= count,
                Keep::From(id) => node.head.last < id,
            };
            if !whole {
                if !trim.whole_nodes {
                    self.trim_node(txn, number, &node, trim.keep)?;
                }
                break;
            }
            self.head.len -= live;
            self.head.nodes -= 1;
            self.pass_node(txn)?;
            passed += 1;
        }
        if self.head.len != before {
            self.head.first = self.first_entry(txn)?;
        }
        Ok(before - self.head.len)
    }

    /// Removes the first entries of the first node.
    fn trim_node(
        &mut self,
        txn: &mut Transaction<'_>,
        number: u64,
        node: &Node<'_>,
        keep: Keep,
    ) -> Result<(), Stop> {
        let mut surplus = match keep {
            Keep::Last(count) => self.head.len - count,
            Keep::From(_) => u64::MAX,
        };
        let (count, rest) = node.without(|id| {
            let leaves = surplus > 0 && !matches!(keep, Keep::From(first) if id >= first);
            surplus -= u64::from(leaves);
            leaves
        });
        if count == 0 {
            return Ok(());
        }
        self.head.len -= count;
        match rest {
            Some(rest) => txn.put_element(&self.entry, &self.node_key(number), &rest),
            None => self.empty_node(txn, number, node)?,
        }
        Ok(())
    }
}
