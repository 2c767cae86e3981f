//! Reading a stream: nodes by number, the node of an id, entries in order.

use super::head::{Kind, elements};
use super::id::StreamId;
use super::node::{EntryRef, Node};
use super::{Stream, corrupt};
use crate::encoding::key::KeyBuf;
use crate::engine::{Family, Range};
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Need, Stop, Transaction};

/// So many nodes are read one by one, from memory if they are hot, before a walk that may turns to a range.
const SINGLE_NODES: usize = 16;
/// A walk backwards reads so many nodes as one range.
const BLOCK: u64 = 64;
/// A walk over a range shows so many entries on a thread that serves clients, and goes elsewhere for more.
const SERVED_ENTRIES: u64 = 4096;
/// A walk that has to wait for the disk asks for at most so many nodes at once.
const MOST_AT_ONCE: u64 = 1024;

/// Entries from one id to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The least.
    pub start: StreamId,
    /// The greatest.
    pub end: StreamId,
}

impl Span {
    /// All entries.
    pub const ALL: Span = Span { start: StreamId::ZERO, end: StreamId::MAX };
}

/// Sees one node after the other, until it returns false.
type Visit<'v> = dyn FnMut(&Node<'_>) -> bool + 'v;

pub(super) fn parse(value: &[u8]) -> Result<Node<'_>, Stop> {
    Node::parse(value).ok_or_else(corrupt)
}

impl Stream {
    /// A node by its number, which must be between the first and the end.
    pub(super) fn node(&self, txn: &mut Transaction<'_>, number: u64) -> Result<Value, Stop> {
        txn.read(Family::Element, self.entry.slot, &self.node_key(number))?.ok_or_else(corrupt)
    }

    /// As [`Stream::node`], when nodes `ahead` will be wanted next: they are asked for together.
    pub(super) fn node_ahead(
        &self,
        txn: &mut Transaction<'_>,
        number: u64,
        ahead: impl Iterator<Item = u64>,
    ) -> Result<Value, Stop> {
        match self.node(txn, number) {
            Err(Stop::Need(need)) => {
                let keys: Vec<KeyBuf> =
                    std::iter::once(number).chain(ahead).map(|one| self.node_key(one)).collect();
                txn.prefetch_elements(self.entry.slot, &keys)?;
                Err(Stop::Need(need))
            }
            read => read,
        }
    }

    /// The last node that began with an entry at or before `id`.
    pub(super) fn node_of(&self, txn: &mut Transaction<'_>, id: StreamId) -> Result<Option<u64>, Stop> {
        let (mut low, mut high) = (self.head.first_node, self.head.end_node);
        if self.head.len == 0 {
            return Ok(None);
        }
        // Most commands are about the end of the stream, or its beginning.
        for (number, at_end) in [(high - 1, true), (low, false)] {
            let value = self.node_ahead(txn, number, std::iter::once(low))?;
            let begins_before = parse(&value)?.head.first <= id;
            if begins_before == at_end {
                return Ok(at_end.then_some(number));
            }
        }
        high -= 1;
        // `low` begins at or before the id, `high` behind it.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            // On disk, each step costs a wait: take three at once.
            let steps = (1..8).map(|part| low + (u128::from(high - low) * part / 8) as u64);
            let value = self.node_ahead(txn, middle, steps.filter(|&one| low < one && one < high))?;
            if parse(&value)?.head.first <= id {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(Some(low))
    }

    /// The first entry that is there.
    pub(super) fn first_entry(&self, txn: &mut Transaction<'_>) -> Result<StreamId, Stop> {
        if self.head.len == 0 {
            return Ok(StreamId::ZERO);
        }
        let value = self.node(txn, self.head.first_node)?;
        Ok(parse(&value)?.entries().next().map_or(StreamId::ZERO, |entry| entry.id))
    }

    /// The last entry that is there.
    pub fn last_entry(&self, txn: &mut Transaction<'_>) -> Result<Option<StreamId>, Stop> {
        if self.head.len == 0 {
            return Ok(None);
        }
        let value = self.node(txn, self.head.end_node - 1)?;
        let head = parse(&value)?.head;
        if head.live > 0 && head.removed == 0 {
            return Ok(Some(head.last));
        }
        let mut last = None;
        self.entries_back(txn, Span::ALL, |entry| {
            last = Some(entry.id);
            false
        })?;
        Ok(last)
    }

    /// Shows entries in order, until `visit` returns false. `near` is a node where the first of them is likely to
    /// be. Only reads single nodes, and so can be used by commands that write.
    ///
    /// Returns the node that it came to.
    pub fn entries_near(
        &self,
        txn: &mut Transaction<'_>,
        span: Span,
        near: u64,
        mut visit: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Result<u64, Stop> {
        let Some(first) = self.first_node_for(txn, span, Some(near))? else { return Ok(near) };
        let mut last = first;
        self.nodes_single(txn, &mut last, usize::MAX, &mut |node| show(node, span, &mut visit))?;
        Ok(last)
    }

    /// Shows entries in order, until `visit` returns false.
    pub fn entries(
        &self,
        txn: &mut Transaction<'_>,
        span: Span,
        mut visit: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Result<(), Stop> {
        let Some(mut number) = self.first_node_for(txn, span, None)? else { return Ok(()) };
        let mut visit = |node: &Node<'_>| show(node, span, &mut visit);
        if !self.nodes_single(txn, &mut number, SINGLE_NODES, &mut visit)? {
            return Ok(());
        }
        let range = self.node_range(number, self.head.end_node);
        let (mut sound, mut left) = (true, Some(entries_allowed(txn)));
        txn.range(Family::Element, self.entry.slot, &range, |_, value| match Node::parse(value) {
            Some(node) => {
                left = left.and_then(|left| left.checked_sub(node.head.live));
                left.is_some() && visit(&node)
            }
            None => {
                sound = false;
                false
            }
        })?;
        if left.is_none() {
            return Err(Stop::Need(vec![Need::Range(Family::Element, range)]));
        }
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// Shows entries in order, the last one first, until `visit` returns false.
    pub fn entries_back(
        &self,
        txn: &mut Transaction<'_>,
        span: Span,
        mut visit: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Result<(), Stop> {
        if self.is_outside(span) {
            return Ok(());
        }
        let from = if span.end >= self.head.last {
            Some(self.head.end_node - 1)
        } else {
            self.node_of(txn, span.end)?
        };
        let Some(from) = from else { return Ok(()) };
        let mut visit = |node: &Node<'_>| show_back(node, span, &mut visit);
        // One past the next node to show.
        let mut end = from + 1;
        for _ in 0..SINGLE_NODES {
            if end <= self.head.first_node {
                return Ok(());
            }
            let ahead = (self.head.first_node..end - 1).rev().take(SINGLE_NODES);
            let value = self.node_ahead(txn, end - 1, ahead)?;
            let node = parse(&value)?;
            if node.head.live > 0 && !visit(&node) {
                return Ok(());
            }
            end = (end - 1).saturating_sub(node.run.0);
        }
        let mut left = Some(entries_allowed(txn));
        while end > self.head.first_node {
            let start = end.saturating_sub(BLOCK).max(self.head.first_node);
            let mut block = Vec::new();
            let range = self.node_range(start, end);
            let read = txn.range(Family::Element, self.entry.slot, &range, |_, value| {
                block.push(value.to_vec());
                true
            });
            // What this block needs the ones before it will need as well.
            let elsewhere = || {
                let all = self.node_range(self.head.first_node, end);
                Stop::Need(vec![Need::Range(Family::Element, all)])
            };
            match read {
                Err(Stop::Need(_)) => return Err(elsewhere()),
                read => read?,
            }
            for value in block.iter().rev() {
                let node = parse(value)?;
                left = left.and_then(|left| left.checked_sub(node.head.live));
                if left.is_none() {
                    return Err(elsewhere());
                }
                if node.head.live > 0 && !visit(&node) {
                    return Ok(());
                }
            }
            end = start;
        }
        Ok(())
    }

    fn is_outside(&self, span: Span) -> bool {
        let Span { start, end } = span;
        self.head.len == 0 || start > end || start > self.head.last || end < self.head.first
    }

    /// The node where a walk over a span begins; `None` if no entry lies in it.
    fn first_node_for(
        &self,
        txn: &mut Transaction<'_>,
        span: Span,
        near: Option<u64>,
    ) -> Result<Option<u64>, Stop> {
        if self.is_outside(span) {
            return Ok(None);
        }
        let (first, end) = (self.head.first_node, self.head.end_node);
        if span.start <= self.head.first {
            return Ok(Some(first));
        }
        // A reader comes back to the node where it stopped, or goes on with the next one.
        let (mut number, mut passed) = (near.unwrap_or(end), false);
        for _ in 0..2 {
            if !(first..end).contains(&number) {
                break;
            }
            let value = self.node(txn, number)?;
            let node = parse(&value)?;
            let begins_before = node.head.first <= span.start;
            if (begins_before && span.start <= node.head.last) || (passed && !begins_before) {
                return Ok(Some(number));
            }
            if !begins_before {
                break;
            }
            (number, passed) = (number + 1 + node.run.1, true);
        }
        self.node_of(txn, span.start)
    }

    /// Shows up to `limit` nodes from `number` on, which it moves to the node it stopped at, or behind the last one.
    /// Returns whether there is more to show.
    fn nodes_single(
        &self,
        txn: &mut Transaction<'_>,
        number: &mut u64,
        limit: usize,
        visit: &mut Visit<'_>,
    ) -> Result<bool, Stop> {
        let end = self.head.end_node;
        // What has to be read from disk is asked for in parts that double: a command that stops early asks for
        // little, one that does not is run again a few times only.
        let mut shown = 0u64;
        while *number < end && shown < limit as u64 {
            let more = (shown.max(SINGLE_NODES as u64 / 2)).min(MOST_AT_ONCE).min(limit as u64 - shown);
            let ahead = *number + 1..end.min(number.saturating_add(more));
            let value = self.node_ahead(txn, *number, ahead)?;
            let node = parse(&value)?;
            if node.head.live > 0 && !visit(&node) {
                return Ok(false);
            }
            *number += 1 + node.run.1;
            shown += 1;
        }
        Ok(*number < end)
    }

    fn node_range(&self, from: u64, end: u64) -> Range {
        Range { lower: self.node_key(from).to_vec(), upper: self.node_key(end).to_vec() }
    }

    /// All elements of a kind, in order, until `visit` returns false. It gets what stands behind `parts` in the key.
    pub(super) fn each(
        &self,
        txn: &mut Transaction<'_>,
        kind: Kind,
        parts: &[&[u8]],
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let range = elements(&self.entry, &self.head, kind, parts);
        let prefix = super::head::KIND_PREFIX + parts.iter().map(|part| part.len()).sum::<usize>();
        txn.range(Family::Element, self.entry.slot, &range, |key, value| visit(&key[prefix..], value))
    }
}

/// How many entries a walk over a range may show before it has to go elsewhere.
fn entries_allowed(txn: &Transaction<'_>) -> u64 {
    if txn.may_wait() { u64::MAX } else { SERVED_ENTRIES }
}

/// Shows the entries of a node that lie in a span; false when there is no more to show.
fn show(node: &Node<'_>, span: Span, visit: &mut impl FnMut(&EntryRef<'_>) -> bool) -> bool {
    for entry in node.entries() {
        if entry.id > span.end || (entry.id >= span.start && !visit(&entry)) {
            return false;
        }
    }
    node.head.last < span.end
}

/// As [`show`], the last entry first.
fn show_back(node: &Node<'_>, span: Span, visit: &mut impl FnMut(&EntryRef<'_>) -> bool) -> bool {
    let entries: Vec<_> = node.entries().take_while(|entry| entry.id <= span.end).collect();
    for entry in entries.iter().rev() {
        if entry.id < span.start || !visit(entry) {
            return false;
        }
    }
    node.head.first > span.start
}

/// Finds single entries; those of one node after another cost one look-up.
#[derive(Debug)]
pub struct Finder<'s> {
    stream: &'s Stream,
    node: Option<Value>,
}

impl<'s> Finder<'s> {
    /// Finds entries of a stream, which must not change meanwhile.
    pub fn new(stream: &'s Stream) -> Finder<'s> {
        Finder { stream, node: None }
    }

    /// Shows the entry of an id to `found`; `None` if there is none.
    pub fn find<T>(
        &mut self,
        txn: &mut Transaction<'_>,
        id: StreamId,
        found: impl FnOnce(&EntryRef<'_>) -> T,
    ) -> Result<Option<T>, Stop> {
        let head = &self.stream.head;
        if head.len == 0 || id < head.first || id > head.last {
            return Ok(None);
        }
        let known = match &self.node {
            Some(value) => {
                let node = parse(value)?;
                node.head.first <= id && id <= node.head.last
            }
            None => false,
        };
        if !known {
            let Some(number) = self.stream.node_of(txn, id)? else { return Ok(None) };
            self.node = Some(self.stream.node(txn, number)?);
        }
        let Some(value) = &self.node else { return Ok(None) };
        Ok(parse(value)?.find(id).map(|entry| found(&entry)))
    }
}
