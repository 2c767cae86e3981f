//! A node: consecutive entries in one element, as Redis keeps them in one listpack.
//!
//! Numbers are varints; "text" is a length and as many bytes.
//!
//! | field | |
//! |-------|-|
//! | first id | ms, number; of the entry that the node began with, there or not |
//! | entries | that are there |
//! | entries removed | of those added to this node |
//! | listpack | bytes of Redis's listpack of the same entries, but for its two counters |
//! | last id | ms since the first id's, number; of the last entry added, there or not |
//! | no entry is there: | |
//! | run | how many nodes before this one, and how many behind it, are known to be empty too |
//! | else: | |
//! | fields | bytes of what follows; the number of fields of the first entry, and each as text |
//! | for each entry: bytes | of what follows |
//! | id | ms since the first id's; the number, less the first id's if the ms is the same |
//! | pairs | number of fields and values; 0: the fields are those of the node, only values follow |
//! | | fields and values in turn, each as text |
//!
//! `XADD MAXLEN ~` and its kin remove whole nodes, so a client can tell where nodes end: they end where Redis's do.
//! The size of the listpack says so. A node of more than [`LARGEST_NODE`] bytes gets no second entry, whatever the
//! options allow: each entry writes its whole node.

use super::id::StreamId;
use crate::commands::Settings;
use crate::encoding::varint;
use crate::number::parse_i64;
use crate::resp::Reply;

/// A node that has so many bytes is full.
pub(super) const LARGEST_NODE: usize = 16 << 10;

/// The most bytes that an entry's fields and values may have together: what fits into a listpack.
pub const LARGEST_ENTRY: u64 = 1 << 30;

/// What stands at the head of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct NodeHead {
    /// The entry that it began with, there or not.
    pub first: StreamId,
    /// Entries that are there.
    pub live: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Bytes of Redis's listpack, but for its counters.
    pub listpack: u64,
    /// The last entry added, there or not.
    pub last: StreamId,
}

/// A node taken apart; borrows its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    /// Its head.
    pub head: NodeHead,
    /// Of an empty node: how many nodes before and behind it are known to be empty too.
    pub run: (u64, u64),
    /// All behind the head, as it is stored.
    pub(super) body: &'a [u8],
    /// The fields that most entries have, as they are stored.
    fields: &'a [u8],
    /// The entries, as they are stored.
    entries: &'a [u8],
}

impl NodeHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        self.first.write(&mut out);
        varint::write(&mut out, self.live);
        varint::write(&mut out, self.removed);
        varint::write(&mut out, self.listpack);
        StreamId { ms: self.last.ms - self.first.ms, seq: self.last.seq }.write(&mut out);
        out
    }

    /// An empty node; `run` as in [`Node::run`].
    pub(super) fn encode_empty(&self, run: (u64, u64)) -> Vec<u8> {
        let mut out = NodeHead { live: 0, ..*self }.encode();
        varint::write(&mut out, run.0);
        varint::write(&mut out, run.1);
        out
    }
}

impl<'a> Node<'a> {
    /// Takes a node apart; `None` if the bytes are none.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Node<'a>> {
        let rest = &mut bytes;
        let first = StreamId::read(rest)?;
        let (live, removed, listpack) = (varint::read(rest)?, varint::read(rest)?, varint::read(rest)?);
        let last = StreamId::read(rest)?;
        let last = StreamId { ms: first.ms.checked_add(last.ms)?, ..last };
        let head = NodeHead { first, live, removed, listpack, last };
        if live == 0 {
            let run = (varint::read(rest)?, varint::read(rest)?);
            return Some(Node { head, run, body: &[], fields: &[], entries: &[] });
        }
        let body = *rest;
        let fields = varint::read_bytes(rest)?;
        Some(Node { head, run: (0, 0), body, fields, entries: rest })
    }

    /// Its entries, in order.
    pub(super) fn entries(&self) -> Entries<'a> {
        Entries { first: self.head.first, fields: self.fields, rest: self.entries }
    }

    /// The entry of an id.
    pub(super) fn find(&self, id: StreamId) -> Option<EntryRef<'a>> {
        self.entries().take_while(|entry| entry.id <= id).find(|entry| entry.id == id)
    }

    /// Whether Redis would begin a new node for one more entry with so many bytes of fields and values.
    pub(super) fn is_full(&self, content: u64, settings: &Settings) -> bool {
        let NodeHead { live, removed, listpack, .. } = self.head;
        let counters = integer_size(live as i64) + integer_size(removed as i64);
        let most_bytes = match settings.stream_node_max_bytes {
            0 => LARGEST_ENTRY,
            bytes => bytes.min(LARGEST_ENTRY),
        };
        let most_entries = settings.stream_node_max_entries;
        listpack + counters + content >= most_bytes
            || (most_entries > 0 && live + removed >= most_entries)
            || self.fields.len() + self.entries.len() >= LARGEST_NODE
    }

    /// This node with one more entry: what stands before its body, and what behind.
    pub(super) fn append(&self, id: StreamId, pairs: &[(&[u8], &[u8])]) -> (Vec<u8>, Vec<u8>) {
        let same = self.has_fields(pairs);
        let (entry, listpack) = encode_entry(self.head.first, id, pairs, same);
        let listpack = self.head.listpack + listpack;
        let head = NodeHead { live: self.head.live + 1, last: id, listpack, ..self.head };
        (head.encode(), entry)
    }

    /// The value of this node without some of its entries: all from the first to the last that `removes` says, which
    /// must stand together. `None` if none is left.
    pub(super) fn without(&self, mut removes: impl FnMut(StreamId) -> bool) -> (u64, Option<Vec<u8>>) {
        let (mut start, mut end, mut count) = (0, 0, 0);
        let mut entries = self.entries();
        loop {
            let before = self.entries.len() - entries.rest.len();
            let Some(entry) = entries.next() else { break };
            if removes(entry.id) {
                start = if count == 0 { before } else { start };
                end = self.entries.len() - entries.rest.len();
                count += 1;
            } else if count > 0 {
                break;
            }
        }
        let head = NodeHead { live: self.head.live - count, removed: self.head.removed + count, ..self.head };
        if head.live == 0 {
            return (count, None);
        }
        let mut out = head.encode();
        varint::write_bytes(&mut out, self.fields);
        out.extend_from_slice(&self.entries[..start]);
        out.extend_from_slice(&self.entries[end..]);
        (count, Some(out))
    }

    fn has_fields(&self, pairs: &[(&[u8], &[u8])]) -> bool {
        let mut fields = self.fields;
        varint::read(&mut fields) == Some(pairs.len() as u64)
            && pairs.iter().all(|(field, _)| varint::read_bytes(&mut fields) == Some(field))
    }
}

/// The value of a new node of one entry.
pub(super) fn new_node(id: StreamId, pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    /// The listpack's own header and end.
    const FRAME: u64 = 7;
    let mut fields = Vec::new();
    varint::write(&mut fields, pairs.len() as u64);
    // The number of fields, and a zero behind them.
    let mut listpack = FRAME + integer_size(pairs.len() as i64) + integer_size(0);
    for (field, _) in pairs {
        varint::write_bytes(&mut fields, field);
        listpack += text_size(field);
    }
    let (entry, size) = encode_entry(id, id, pairs, true);
    let head = NodeHead { first: id, live: 1, removed: 0, listpack: listpack + size, last: id };
    let mut out = head.encode();
    varint::write_bytes(&mut out, &fields);
    out.extend_from_slice(&entry);
    out
}

/// An entry's bytes, and how many bytes it has in Redis's listpack.
fn encode_entry(first: StreamId, id: StreamId, pairs: &[(&[u8], &[u8])], same: bool) -> (Vec<u8>, u64) {
    let ms = id.ms - first.ms;
    let seq = if ms == 0 { id.seq - first.seq } else { id.seq };
    let count = pairs.len() as i64;
    let mut body = Vec::with_capacity(32);
    varint::write(&mut body, ms);
    varint::write(&mut body, seq);
    varint::write(&mut body, if same { 0 } else { pairs.len() as u64 });
    // Flags, the id as differences, and how many pieces the entry has.
    let seq_difference = id.seq.wrapping_sub(first.seq) as i64;
    let pieces = 3 + if same { count } else { 2 * count + 1 };
    let mut listpack =
        integer_size(0) + integer_size(ms as i64) + integer_size(seq_difference) + integer_size(pieces);
    listpack += if same { 0 } else { integer_size(count) };
    for (field, value) in pairs {
        if !same {
            varint::write_bytes(&mut body, field);
            listpack += text_size(field);
        }
        varint::write_bytes(&mut body, value);
        listpack += text_size(value);
    }
    let mut out = Vec::with_capacity(body.len() + 3);
    varint::write_bytes(&mut out, &body);
    (out, listpack)
}

/// Bytes of an integer in a listpack.
fn integer_size(value: i64) -> u64 {
    let encoding = match value {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    encoding + 1
}

/// Bytes of a text in a listpack, which keeps integers as such.
fn text_size(text: &[u8]) -> u64 {
    if let Some(value) = parse_i64(text) {
        return integer_size(value);
    }
    let length = text.len() as u64;
    let encoded = length
        + match length {
            0..64 => 1,
            64..4096 => 2,
            _ => 5,
        };
    // Its length once more, seven bits a byte, for reading backwards.
    encoded
        + match encoded {
            0..=127 => 1,
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        }
}

/// The entries of a node, in order. Ends early at bytes that are none.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    first: StreamId,
    fields: &'a [u8],
    rest: &'a [u8],
}

/// One entry; borrows its node.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    /// Its id.
    pub id: StreamId,
    /// The node's fields, if they are the entry's.
    shared: Option<&'a [u8]>,
    /// Number of pairs.
    pairs: u64,
    body: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        let mut body = varint::read_bytes(&mut self.rest)?;
        let ms = varint::read(&mut body)?;
        let seq = varint::read(&mut body)?;
        let seq = if ms == 0 { seq.checked_add(self.first.seq)? } else { seq };
        let id = StreamId { ms: self.first.ms.checked_add(ms)?, seq };
        let own = varint::read(&mut body)?;
        if own > 0 {
            return Some(EntryRef { id, shared: None, pairs: own, body });
        }
        let mut fields = self.fields;
        let pairs = varint::read(&mut fields)?;
        Some(EntryRef { id, shared: Some(fields), pairs, body })
    }
}

impl<'a> EntryRef<'a> {
    /// Its fields with their values, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (mut shared, mut body) = (self.shared, self.body);
        (0..self.pairs).map_while(move |_| {
            let field = match &mut shared {
                Some(fields) => varint::read_bytes(fields)?,
                None => varint::read_bytes(&mut body)?,
            };
            Some((field, varint::read_bytes(&mut body)?))
        })
    }

    /// Answers it as all commands do: its id, and an array of fields and values.
    pub fn reply(&self, reply: &mut Reply) {
        reply.array(2);
        write_id(reply, self.id);
        reply.array(2 * self.pairs as usize);
        for (field, value) in self.pairs() {
            reply.bulk(field);
            reply.bulk(value);
        }
    }
}

/// Answers an id.
pub fn write_id(reply: &mut Reply, id: StreamId) {
    use crate::number::Decimal;
    let mut text = smallvec::SmallVec::<[u8; 64]>::new();
    text.extend_from_slice(Decimal::unsigned(id.ms).as_bytes());
    text.push(b'-');
    text.extend_from_slice(Decimal::unsigned(id.seq).as_bytes());
    reply.bulk(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    fn with(node: &[u8], id: StreamId, pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let node = Node::parse(node).unwrap();
        let (head, entry) = node.append(id, pairs);
        [&head, node.body, &entry].concat()
    }

    fn shown(bytes: &[u8]) -> Vec<(StreamId, String)> {
        let node = Node::parse(bytes).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        node.entries()
            .map(|entry| (entry.id, entry.pairs().map(|(f, v)| text(f) + "=" + &text(v) + ";").collect()))
            .collect()
    }

    #[test]
    fn a_node_is_these_bytes() {
        let bytes = new_node(id(5, 3), &[(b"f", b"v")]);
        #[rustfmt::skip]
        let expected = [
            5, 3, 1, 0, 25, 0, 3, // first id, entries, removed, listpack, last id
            3, 1, 1, b'f', // one field
            5, 0, 0, 0, 1, b'v', // the entry: no difference, the fields of the node
        ];
        assert_eq!(bytes, expected);
        let node = Node::parse(&bytes).unwrap();
        let more = with(&bytes, id(6, 1), &[(b"g", b"12")]);
        #[rustfmt::skip]
        let expected = [
            5, 3, 2, 0, 41, 1, 1,
            3, 1, 1, b'f',
            5, 0, 0, 0, 1, b'v',
            8, 1, 1, 1, 1, b'g', 2, b'1', b'2',
        ];
        assert_eq!(more, expected);
        assert_eq!(shown(&more), [(id(5, 3), "f=v;".into()), (id(6, 1), "g=12;".into())]);
        assert_eq!(node.head.encode_empty((2, 3)), [5, 3, 0, 0, 25, 0, 3, 2, 3]);
    }

    #[test]
    fn entries_leave_the_middle_the_ends_and_the_node() {
        let mut bytes = new_node(id(1, 0), &[(b"a", b"0")]);
        for ms in 2..6 {
            bytes = with(&bytes, id(ms, 0), &[(b"a", b"0")]);
        }
        let ids = |bytes: &[u8]| shown(bytes).iter().map(|(id, _)| id.ms).collect::<Vec<_>>();
        let without = |bytes: &[u8], range: std::ops::Range<u64>| {
            Node::parse(bytes).unwrap().without(|id| range.contains(&id.ms))
        };
        let (count, middle) = without(&bytes, 3..4);
        assert_eq!((count, ids(middle.as_ref().unwrap())), (1, vec![1, 2, 4, 5]));
        let (count, front) = without(middle.as_ref().unwrap(), 0..3);
        assert_eq!((count, ids(front.as_ref().unwrap())), (2, vec![4, 5]));
        let head = Node::parse(front.as_ref().unwrap()).unwrap().head;
        assert_eq!((head.first, head.last, head.live, head.removed), (id(1, 0), id(5, 0), 2, 3));
        assert_eq!(without(front.as_ref().unwrap(), 0..9), (2, None));
        assert_eq!(without(&bytes, 7..9).0, 0);
        assert!(Node::parse(&bytes).unwrap().find(id(3, 0)).is_some());
        assert!(Node::parse(&bytes).unwrap().find(id(3, 1)).is_none());
    }

    #[test]
    fn ids_keep_all_their_bits() {
        let first = id(1, u64::MAX - 1);
        let bytes = new_node(first, &[(b"a", b"0")]);
        let bytes = with(&bytes, id(1, u64::MAX), &[(b"b", b"0")]);
        let bytes = with(&bytes, id(2, 0), &[(b"a", b"1")]);
        let bytes = with(&bytes, StreamId::MAX, &[(b"a", b"1")]);
        let ids: Vec<_> = shown(&bytes).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [first, id(1, u64::MAX), id(2, 0), StreamId::MAX]);
        assert_eq!(Node::parse(&bytes).unwrap().head.last, StreamId::MAX);
    }

    #[test]
    fn a_node_is_full_by_entries_by_bytes_and_by_its_own_limit() {
        let bytes = new_node(id(1, 0), &[(b"a", b"0")]);
        let node = Node::parse(&bytes).unwrap();
        let full = |entries, bytes, content| {
            let settings = Settings {
                stream_node_max_entries: entries,
                stream_node_max_bytes: bytes,
                ..Settings::default()
            };
            node.is_full(content, &settings)
        };
        let size = node.head.listpack + 4;
        assert!(full(1, 0, 1) && !full(2, 0, 1) && !full(0, 0, 1));
        assert!(full(0, size + 5, 5) && !full(0, size + 6, 5));
        let big = new_node(id(1, 0), &[(b"a", &[b'x'; LARGEST_NODE])]);
        let settings =
            Settings { stream_node_max_entries: 0, stream_node_max_bytes: 0, ..Settings::default() };
        assert!(Node::parse(&big).unwrap().is_full(1, &settings));
    }
}
