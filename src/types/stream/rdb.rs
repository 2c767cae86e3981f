//! Streams in RDB.

use super::group::{Consumer, Group};
use super::id::StreamId;
use super::node::{Node, new_node};
use super::{Delivery, Pending, Span, Stream, UNKNOWN_READ, corrupt};
use crate::commands::Settings;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb;

type Pair<'a> = (&'a [u8], &'a [u8]);

fn told(id: StreamId) -> rdb::StreamId {
    rdb::StreamId { ms: id.ms, seq: id.seq }
}

fn own(id: rdb::StreamId) -> StreamId {
    StreamId { ms: id.ms, seq: id.seq }
}

/// The stream with its groups; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<rdb::Value>, Stop> {
    let Some(stream) = Stream::open(entry)? else { return Ok(None) };
    let mut entries = Vec::new();
    stream.entries(txn, Span::ALL, |entry| {
        let fields = entry.pairs().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
        entries.push(rdb::StreamEntry { id: told(entry.id), fields });
        true
    })?;
    let mut groups = Vec::new();
    for (name, group) in stream.groups(txn)? {
        groups.push(group_to_rdb(txn, &stream, name, &group)?);
    }
    Ok(Some(rdb::Value::Stream(rdb::Stream {
        entries,
        last_id: told(stream.head.last),
        first_id: told(stream.head.first),
        max_deleted_id: told(stream.head.max_deleted),
        entries_added: stream.head.added,
        groups,
    })))
}

fn group_to_rdb(
    txn: &mut Transaction<'_>,
    stream: &Stream,
    name: Vec<u8>,
    group: &Group,
) -> Result<rdb::Group, Stop> {
    let consumers = stream.consumers(txn, group)?;
    let mut pending = Vec::new();
    let mut sound = true;
    // Consumers come in the order of their names.
    stream.pending_in(txn, group, Span::ALL, |Pending { id, consumer, delivery }| {
        match consumers.binary_search_by(|(name, _)| name.cmp(&consumer)) {
            Ok(consumer) => pending.push(rdb::Pending {
                id: told(id),
                consumer,
                delivered_ms: delivery.at_ms,
                deliveries: delivery.count,
            }),
            Err(_) => sound = false,
        }
        sound
    })?;
    if !sound {
        return Err(corrupt());
    }
    let consumer = |(name, consumer): (Vec<u8>, Consumer)| rdb::Consumer {
        name,
        seen_ms: consumer.seen_ms,
        active_ms: consumer.active_ms,
    };
    Ok(rdb::Group {
        name,
        last_id: told(group.last),
        entries_read: u64::try_from(group.read).ok(),
        pending,
        consumers: consumers.into_iter().map(consumer).collect(),
    })
}

/// Puts a stream in the place of what `entry` holds. Its entries are in order and have fields, and no group or
/// consumer is there twice.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    value: &rdb::Stream,
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    let mut stream = Stream::replace(txn, entry);
    stream.put_entries(txn, &value.entries, settings)?;
    stream.head.last = own(value.last_id);
    stream.head.max_deleted = own(value.max_deleted_id);
    stream.head.added = value.entries_added;
    for group in &value.groups {
        stream.put_whole_group(txn, group)?;
    }
    stream.save_expiring(txn, expire_ms)
}

impl Stream {
    /// Writes the entries of a stream that has none, each node once.
    fn put_entries(
        &mut self,
        txn: &mut Transaction<'_>,
        entries: &[rdb::StreamEntry],
        settings: &Settings,
    ) -> Result<(), Stop> {
        let mut open: Vec<u8> = Vec::new();
        for entry in entries {
            let id = own(entry.id);
            let pairs: Vec<Pair<'_>> =
                entry.fields.iter().map(|(field, value)| (&field[..], &value[..])).collect();
            let content: usize = pairs.iter().map(|(field, value)| field.len() + value.len()).sum();
            let node = if open.is_empty() { None } else { Some(Node::parse(&open).ok_or_else(corrupt)?) };
            match node.filter(|node| !node.is_full(content as u64, settings)) {
                Some(node) => {
                    let (head, added) = node.append(id, &pairs);
                    open = [&head, node.body, &added].concat();
                }
                None => {
                    self.close_node(txn, &open);
                    open = new_node(id, &pairs);
                }
            }
        }
        self.close_node(txn, &open);
        self.head.len = entries.len() as u64;
        self.head.first = entries.first().map_or(StreamId::ZERO, |entry| own(entry.id));
        Ok(())
    }

    fn close_node(&mut self, txn: &mut Transaction<'_>, node: &[u8]) {
        if node.is_empty() {
            return;
        }
        txn.put_element(&self.entry, &self.node_key(self.head.end_node), node);
        self.head.end_node += 1;
        self.head.nodes += 1;
    }

    /// Adds a group with all that belongs to it.
    fn put_whole_group(&mut self, txn: &mut Transaction<'_>, told: &rdb::Group) -> Result<(), Stop> {
        let read = told.entries_read.map_or(UNKNOWN_READ, u64::cast_signed);
        let mut group = self.new_group(own(told.last_id), read);
        group.consumers = told.consumers.len() as u64;
        let mut counts = vec![0; told.consumers.len()];
        for pending in &told.pending {
            let consumer = told.consumers.get(pending.consumer).ok_or_else(corrupt)?;
            counts[pending.consumer] += 1;
            let delivery = Delivery { at_ms: pending.delivered_ms, count: pending.deliveries };
            self.add_pending(txn, &mut group, own(pending.id), &consumer.name, delivery);
        }
        for (consumer, pending) in told.consumers.iter().zip(counts) {
            let rdb::Consumer { name, seen_ms, active_ms } = consumer;
            let consumer = Consumer { seen_ms: *seen_ms, active_ms: *active_ms, pending };
            self.put_consumer(txn, &group, name, &consumer);
        }
        self.put_group(txn, &told.name, &group);
        Ok(())
    }
}
