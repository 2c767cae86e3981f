//! Streams: entries in nodes of about a hundred, and consumer groups.
//!
//! A stream is always by elements. Its nodes are numbered from the first ever to the last, so each is found by its
//! number: the last one to add to, the first one to trim from, the next one to read on. None of this needs a range of
//! the engine, and what is hot is served from memory. The node of an id is found by bisection over the numbers.
//!
//! Entries that XDEL removes leave their node; an empty node in the middle of the stream stays as its head, so that
//! bisection has no holes, and says how far the run of empty nodes reaches, so that walking skips it. Nodes that
//! trimming passed are dead: each write takes some of them along ([`DEAD_NODES`]), so that no command pays for all.
//!
//! A group keeps its numbers under its name, and everything else of it (consumers, pending entries) under a number
//! that no other group of the stream ever gets. See [`head`] for the layout.

mod edit;
mod group;
pub mod head;
mod id;
mod node;
mod pending;
mod rdb;
mod read;
mod roster;
#[cfg(test)]
mod tests;

pub use edit::{Keep, Trim};
pub use group::{Consumer, Group, UNKNOWN_READ};
pub use head::Head;
pub use id::{NewId, StreamId};
pub use node::{EntryRef, LARGEST_ENTRY, write_id};
pub use pending::{Delivery, Pending};
pub use rdb::{from_rdb, to_rdb};
pub use read::{Finder, Span};
pub use roster::Roster;

use crate::encoding::key;
use crate::encoding::meta::{Meta, Type};
use crate::engine::{EngineError, Family, Range};
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// How many dead nodes a write removes at most.
pub const DEAD_NODES: u64 = 256;

/// A stream at a key, for reading and writing. Elements are written at once, the key itself by [`Stream::save`].
#[derive(Debug, Clone)]
pub struct Stream {
    entry: Entry,
    /// What it knows of itself.
    pub head: Head,
}

impl Stream {
    /// The stream at a key; `None` if there is none, WRONGTYPE if the key holds another type.
    pub fn open(entry: &Entry) -> Result<Option<Stream>, Stop> {
        let Some(meta) = entry.typed(Type::Stream)? else { return Ok(None) };
        let head = Head::parse(&meta).ok_or_else(corrupt)?;
        Ok(Some(Stream { entry: entry.clone(), head }))
    }

    /// As [`Stream::open`]; an empty stream if there is none.
    pub fn open_or_create(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Stream, Stop> {
        if let Some(stream) = Stream::open(entry)? {
            return Ok(stream);
        }
        Ok(Stream::replace(txn, entry))
    }

    /// An empty stream, to take the place of whatever the key holds.
    fn replace(txn: &mut Transaction<'_>, entry: &Entry) -> Stream {
        Stream { entry: entry.clone(), head: Head { version: txn.new_version(), ..Head::default() } }
    }

    /// Its key.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Writes the key, and takes some dead nodes along.
    pub fn save(&mut self, txn: &mut Transaction<'_>) -> Result<(), Stop> {
        let end = self.head.first_node.min(self.head.dead_node + DEAD_NODES);
        for number in self.head.dead_node..end {
            txn.remove_element(&self.entry, &self.node_key(number));
        }
        self.head.dead_node = end;
        let expire_ms = self.entry.meta().and_then(|meta| meta.expire_ms);
        self.save_expiring(txn, expire_ms)
    }

    fn save_expiring(&mut self, txn: &mut Transaction<'_>, expire_ms: Option<u64>) -> Result<(), Stop> {
        let payload = self.head.encode();
        let meta =
            Meta { kind: Type::Stream, expire_ms, by_elements: true, expanded: false, payload: &payload };
        txn.put(&mut self.entry, &meta)
    }

    fn node_key(&self, number: u64) -> key::KeyBuf {
        head::element(&self.entry, &self.head, head::Kind::Node, &[&number.to_be_bytes()])
    }
}

/// Copies a stream with its groups into the place of `target`, whatever that held. `expire_ms` is the copy's own
/// expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(stream) = Stream::open(source)? else { return Ok(()) };
    let range = Range::prefix(&key::collection(source.slot, source.namespace, stream.head.version));
    let mut elements = Vec::new();
    txn.range(Family::Element, source.slot, &range, |key, value| {
        elements.push((key[key::COLLECTION_PREFIX..].to_vec(), value.to_vec()));
        true
    })?;
    let version = txn.new_version();
    let prefix = key::collection(target.slot, target.namespace, version);
    for (place, value) in &elements {
        let mut key = prefix.clone();
        key.extend_from_slice(place);
        txn.put_element(target, &key, value);
    }
    let payload = Head { version, ..stream.head }.encode();
    let meta = Meta { kind: Type::Stream, expire_ms, by_elements: true, expanded: false, payload: &payload };
    txn.put(target, &meta)
}

/// About how many bytes the nodes of a stream take in memory, by the first `samples` of them (0: all).
pub fn nodes_usage(txn: &mut Transaction<'_>, entry: &Entry, samples: u64) -> Result<u64, Stop> {
    let Some(stream) = Stream::open(entry)? else { return Ok(0) };
    let (first, end) = (stream.node_key(stream.head.first_node), stream.node_key(stream.head.end_node));
    let range = Range { lower: first.to_vec(), upper: end.to_vec() };
    let (mut seen, mut bytes) = (0u64, 0u64);
    txn.range(Family::Element, entry.slot, &range, |key, value| {
        seen += 1;
        bytes += (key.len() + value.len() + ENTRY_OVERHEAD) as u64;
        seen != samples
    })?;
    let all = u128::from(bytes) * u128::from(stream.head.nodes) / u128::from(seen.max(1));
    Ok(u64::try_from(all).unwrap_or(u64::MAX))
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a stream does not parse".into()))
}
