//! A node of a counted tree: keys in order, or nodes below with the number of keys in each.
//!
//! | bytes | what |
//! |-------|------|
//! | 1     | level: 0 is a leaf, a node of level `n` has children of level `n - 1` |
//! | rest  | leaf: for each key, in byte order: its length (varint), the key |
//! |       | others: for each child, in order: its id (varint), how many keys are below it (varint), the length of its separator (varint), the separator |
//!
//! A separator is not greater than any key below its child, and greater than all keys before it; that of the first
//! child says nothing. Ids are given by the tree, from 1 on.
//!
//! Who reads bytes that are none gets fewer entries than there should be; the tree notices by its counts.

use super::varint;

/// Names a node within its tree. 0 is the root, which stands with its owner.
pub type NodeId = u64;

/// A node without keys.
pub const EMPTY: [u8; 1] = [LEAF];
/// The level of leaves.
pub const LEAF: u8 = 0;

/// The level of a node; `None` if there are no bytes.
pub fn level(node: &[u8]) -> Option<u8> {
    node.first().copied()
}

/// Whether a node has neither keys nor children.
pub fn is_empty(node: &[u8]) -> bool {
    node.len() <= 1
}

/// A key of a leaf, or a child of another node, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<T> {
    /// Offset of its first byte in the node.
    pub start: usize,
    /// Offset of the byte behind it.
    pub end: usize,
    /// What it is.
    pub content: T,
}

/// What stands in a node that is no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// Its id.
    pub id: NodeId,
    /// How many keys are below it.
    pub count: u64,
    /// Its separator.
    pub separator: &'a [u8],
}

/// The lengths and numbers in nodes are mostly of one byte.
#[inline]
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Some(u64::from(byte))
        }
        _ => varint::read(bytes),
    }
}

#[inline]
fn read_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_number(bytes)?).ok()?;
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head)
}

/// Reads items until the bytes end, or are none.
fn items<'a, T>(
    node: &'a [u8],
    mut read: impl FnMut(&mut &'a [u8]) -> Option<T>,
) -> impl Iterator<Item = Item<T>> {
    let mut rest = node.get(1..).unwrap_or_default();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = node.len() - rest.len();
        let content = read(&mut rest)?;
        Some(Item { start, end: node.len() - rest.len(), content })
    })
}

/// The keys of a leaf, in order.
pub fn keys(node: &[u8]) -> impl Iterator<Item = Item<&[u8]>> {
    items(node, read_bytes)
}

/// The children of a node that is no leaf, in order.
pub fn children(node: &[u8]) -> impl Iterator<Item = Item<Child<'_>>> {
    items(node, |rest| {
        Some(Child { id: read_number(rest)?, count: read_number(rest)?, separator: read_bytes(rest)? })
    })
}

/// How many keys a node has below it, or in it.
pub fn count(node: &[u8]) -> u64 {
    match level(node) {
        Some(LEAF) | None => keys(node).count() as u64,
        Some(_) => children(node).map(|child| child.content.count).sum(),
    }
}

/// Where a key stands in a leaf, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Offset in the node.
    pub start: usize,
    /// Offset behind the key, if it is there; else `start`.
    pub end: usize,
    /// How many keys are before it.
    pub index: u64,
}

impl Place {
    /// Whether the key is there.
    pub fn is_taken(&self) -> bool {
        self.end > self.start
    }
}

/// A key that is compared with many: its first bytes as a number decide most often, at the cost of one instruction.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'k> {
    key: &'k [u8],
    head: u64,
}

impl<'k> Probe<'k> {
    /// Of a key.
    pub fn new(key: &'k [u8]) -> Probe<'k> {
        Probe { key, head: head(key) }
    }

    /// How `other` stands to the key.
    #[inline]
    pub fn order_of(&self, other: &[u8]) -> std::cmp::Ordering {
        head(other).cmp(&self.head).then_with(|| other.cmp(self.key))
    }
}

/// The first eight bytes as a number; zeros stand for those that are not there.
#[inline]
fn head(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(head) => u64::from_be_bytes(*head),
        None => key.iter().rev().fold(0, |head, &byte| head >> 8 | u64::from(byte) << 56),
    }
}

/// The place of a key in a leaf.
pub fn place(node: &[u8], key: &[u8]) -> Place {
    let mut index = 0;
    let probe = Probe::new(key);
    for item in keys(node) {
        match probe.order_of(item.content) {
            std::cmp::Ordering::Less => index += 1,
            std::cmp::Ordering::Equal => return Place { start: item.start, end: item.end, index },
            std::cmp::Ordering::Greater => return Place { start: item.start, end: item.start, index },
        }
    }
    Place { start: node.len(), end: node.len(), index }
}

/// The bytes of a key of a leaf.
fn encode_key(out: &mut Vec<u8>, parts: &[&[u8]]) {
    varint::write(out, parts.iter().map(|part| part.len() as u64).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends a key to a leaf, in parts that are joined. It has to be the greatest.
pub fn push_key(node: &mut Vec<u8>, parts: &[&[u8]]) {
    encode_key(node, parts);
}

/// Puts a key into a leaf at an offset that [`place`] gave.
pub fn insert_key(node: &mut Vec<u8>, at: usize, key: &[u8]) {
    if at == node.len() {
        return encode_key(node, &[key]);
    }
    let (length, len) = (node.len(), varint_len(key.len() as u64) + key.len());
    node.resize(length + len, 0);
    node.copy_within(at..length, at + len);
    let mut head = Vec::with_capacity(10);
    varint::write(&mut head, key.len() as u64);
    node[at..at + head.len()].copy_from_slice(&head);
    node[at + head.len()..at + len].copy_from_slice(key);
}

fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a child.
pub fn push_child(node: &mut Vec<u8>, child: Child<'_>) {
    varint::write(node, child.id);
    varint::write(node, child.count);
    varint::write_bytes(node, child.separator);
}

/// Replaces the bytes from `start` to before `end` by a child.
pub fn replace_with_child(node: &mut Vec<u8>, start: usize, end: usize, child: Child<'_>) {
    let mut bytes = Vec::with_capacity(24 + child.separator.len());
    push_child(&mut bytes, child);
    node.splice(start..end, bytes);
}

/// Adds to the number of keys below the child that begins at an offset.
pub fn add_count(node: &mut Vec<u8>, start: usize, change: i64) {
    let Some(mut rest) = node.get(start..) else { return };
    let length = rest.len();
    if read_number(&mut rest).is_none() {
        return;
    }
    let count_start = start + length - rest.len();
    let Some(count) = read_number(&mut rest) else { return };
    let count_end = start + length - rest.len();
    let count = count.saturating_add_signed(change);
    if varint_len(count) == 1 && count_end - count_start == 1 {
        node[count_start] = count as u8;
        return;
    }
    let mut bytes = Vec::with_capacity(10);
    varint::write(&mut bytes, count);
    node.splice(count_start..count_end, bytes);
}

/// The shortest bytes that are greater than `low` and not greater than `high`, which is greater than `low`.
pub fn separator<'a>(low: &[u8], high: &'a [u8]) -> &'a [u8] {
    let common = low.iter().zip(high).take_while(|(one, other)| one == other).count();
    &high[..(common + 1).min(high.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_keeps_its_keys_in_order() {
        let mut node = EMPTY.to_vec();
        for key in [&b"m"[..], b"a", b"z", b"", b"mm", &[b'x'; 200]] {
            let place = place(&node, key);
            assert!(!place.is_taken());
            insert_key(&mut node, place.start, key);
        }
        let found: Vec<&[u8]> = keys(&node).map(|item| item.content).collect();
        assert_eq!(found, [&b""[..], b"a", b"m", b"mm", &[b'x'; 200], b"z"]);
        for (index, key) in found.iter().enumerate() {
            let place = place(&node, key);
            assert!(place.is_taken() && place.index == index as u64);
        }
        assert_eq!(place(&node, b"b").index, 2);
        assert_eq!((count(&node), count(&EMPTY), is_empty(&node), is_empty(&EMPTY)), (6, 0, false, true));
    }

    #[test]
    fn a_probe_compares_as_slices_do() {
        let keys: [&[u8]; 9] =
            [b"", b"\0", b"\0\0", b"a", b"a\0", b"a\0b", b"abcdefgh", b"abcdefgh\0", b"abcdefgi"];
        for one in keys {
            for other in keys {
                assert_eq!(Probe::new(one).order_of(other), other.cmp(one), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn counts_of_children_change_in_place() {
        let mut node = vec![1];
        for (id, count) in [(1, 127), (300, 1), (2, 20_000)] {
            push_child(&mut node, Child { id, count, separator: b"s" });
        }
        let starts: Vec<usize> = children(&node).map(|item| item.start).collect();
        add_count(&mut node, starts[2], -19_999);
        add_count(&mut node, starts[1], 126);
        add_count(&mut node, starts[0], 1);
        let found: Vec<_> = children(&node).map(|item| (item.content.id, item.content.count)).collect();
        assert_eq!(found, [(1, 128), (300, 127), (2, 1)]);
        assert_eq!(count(&node), 256);
    }

    #[test]
    fn a_separator_is_short_and_parts() {
        for (low, high, expected) in
            [("a", "b", "b"), ("abc", "abd", "abd"), ("ab", "abcdef", "abc"), ("", "xyz", "x")]
        {
            let found = separator(low.as_bytes(), high.as_bytes());
            assert_eq!(found, expected.as_bytes());
            assert!(low.as_bytes() < found && found <= high.as_bytes());
        }
    }

    #[test]
    fn numbers_take_the_bytes_that_are_counted() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            varint::write(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_document() {
        let mut leaf = EMPTY.to_vec();
        push_key(&mut leaf, &[b"a", b"b"]);
        push_key(&mut leaf, &[b"c"]);
        assert_eq!(leaf, b"\x00\x02ab\x01c");
        let mut inner = vec![1];
        push_child(&mut inner, Child { id: 1, count: 2, separator: b"" });
        push_child(&mut inner, Child { id: 300, count: 128, separator: b"b" });
        assert_eq!(inner, b"\x01\x01\x02\x00\xac\x02\x80\x01\x01b");
        // What is cut off is not there.
        assert_eq!(keys(b"\x00\x02ab\x05c").count(), 1);
        assert_eq!(children(&inner[..inner.len() - 1]).count(), 1);
    }
}
