//! Writing streams: entries in nodes that are cut where Redis cuts them when entries are added one by one.

use super::super::listpack::Builder;
use super::super::{Group, Pending, Stream, StreamEntry, StreamId, kind, sink};
use super::Limits;

const SAME_FIELDS: i64 = 2;
const UNKNOWN: u64 = u64::MAX;

/// Appends a stream; returns its type. `active`: the version knows when consumers were active.
pub(super) fn write(out: &mut Vec<u8>, stream: &Stream, limits: &Limits, active: bool) -> u8 {
    let nodes = nodes(&stream.entries, limits);
    sink::length(out, nodes.len() as u64);
    for node in nodes {
        sink::string(out, &raw_id(node[0].id));
        sink::string(out, &listpack(node));
    }
    sink::length(out, stream.entries.len() as u64);
    id(out, stream.last_id);
    id(out, stream.first_id);
    id(out, stream.max_deleted_id);
    sink::length(out, stream.entries_added);
    sink::length(out, stream.groups.len() as u64);
    stream.groups.iter().for_each(|each| group(out, each, active));
    if active { kind::STREAM_LISTPACKS_3 } else { kind::STREAM_LISTPACKS_2 }
}

fn id(out: &mut Vec<u8>, id: StreamId) {
    sink::length(out, id.ms);
    sink::length(out, id.seq);
}

fn raw_id(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

/// Cuts entries into nodes, none of them empty.
fn nodes<'a>(entries: &'a [StreamEntry], limits: &Limits) -> Vec<&'a [StreamEntry]> {
    let (mut nodes, mut start, mut size) = (Vec::new(), 0, 0u64);
    for (index, entry) in entries.iter().enumerate() {
        let content: usize = entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let count = (index - start) as u64;
        let full = limits.stream_node_max_bytes > 0 && size + content as u64 >= limits.stream_node_max_bytes
            || limits.stream_node_max_entries > 0 && count >= limits.stream_node_max_entries;
        if count > 0 && full {
            nodes.push(&entries[start..index]);
            (start, size) = (index, 0);
        }
        size = if start == index {
            head(entry).size() as u64 + entry_size(entry, &entries[start])
        } else {
            size + entry_size(entry, &entries[start])
        };
    }
    if start < entries.len() {
        nodes.push(&entries[start..]);
    }
    nodes
}

/// How many bytes an entry adds to the node that begins with `first`.
fn entry_size(entry: &StreamEntry, first: &StreamEntry) -> u64 {
    let mut alone = Builder::default();
    let empty = alone.size();
    push(&mut alone, entry, first);
    (alone.size() - empty) as u64
}

/// The beginning of the node that begins with `first`; the numbers of entries are still to come.
fn head(first: &StreamEntry) -> Builder {
    counted_head(1, first)
}

fn counted_head(count: usize, first: &StreamEntry) -> Builder {
    let mut head = Builder::default();
    head.push_integer(count as i64);
    head.push_integer(0);
    head.push_integer(first.fields.len() as i64);
    first.fields.iter().for_each(|(name, _)| head.push(name));
    head.push_integer(0);
    head
}

fn listpack(node: &[StreamEntry]) -> Vec<u8> {
    let mut out = counted_head(node.len(), &node[0]);
    node.iter().for_each(|entry| push(&mut out, entry, &node[0]));
    out.finish()
}

fn push(out: &mut Builder, entry: &StreamEntry, first: &StreamEntry) {
    let start = out.count();
    let same = entry.fields.len() == first.fields.len()
        && entry.fields.iter().zip(&first.fields).all(|((name, _), (other, _))| name == other);
    out.push_integer(if same { SAME_FIELDS } else { 0 });
    out.push_integer(entry.id.ms.wrapping_sub(first.id.ms).cast_signed());
    out.push_integer(entry.id.seq.wrapping_sub(first.id.seq).cast_signed());
    if !same {
        out.push_integer(entry.fields.len() as i64);
    }
    for (name, value) in &entry.fields {
        if !same {
            out.push(name);
        }
        out.push(value);
    }
    out.push_integer((out.count() - start) as i64);
}

fn group(out: &mut Vec<u8>, group: &Group, active: bool) {
    sink::string(out, &group.name);
    id(out, group.last_id);
    sink::length(out, group.entries_read.unwrap_or(UNKNOWN));
    sink::length(out, group.pending.len() as u64);
    let mut of_consumers = vec![Vec::new(); group.consumers.len()];
    for Pending { id, consumer, delivered_ms, deliveries } in &group.pending {
        out.extend_from_slice(&raw_id(*id));
        sink::time_ms(out, *delivered_ms);
        sink::length(out, *deliveries);
        of_consumers[*consumer].push(*id);
    }
    sink::length(out, group.consumers.len() as u64);
    for (consumer, pending) in group.consumers.iter().zip(of_consumers) {
        sink::string(out, &consumer.name);
        sink::time_ms(out, consumer.seen_ms);
        if active {
            let active_ms = consumer.active_ms.and_then(|time_ms| i64::try_from(time_ms).ok());
            out.extend_from_slice(&active_ms.unwrap_or(-1).to_le_bytes());
        }
        sink::length(out, pending.len() as u64);
        pending.iter().for_each(|id| out.extend_from_slice(&raw_id(*id)));
    }
}
