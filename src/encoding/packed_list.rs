//! Lists: consecutive elements in one value, and the head of a list whose elements stand in such values.
//!
//! A *block* holds up to 255 consecutive elements. It is the payload of a small list's Meta value, and the value of
//! each *chunk* of a big list:
//!
//! | bytes | what |
//! |-------|------|
//! | 1     | number of elements, n |
//! | n     | for each element: its length, 0 to 254; 255: it is a long one |
//! | rest  | the elements' content, one after the other |
//!
//! The content of a long element begins with a `u16` (big-endian). If that is not 0, it is the element's length, and
//! the element follows. If it is 0, the element is a value of its own in the Element family: a number `u64` that names
//! it within its list, and its length `u32`, both big-endian, follow.
//!
//! Lengths stand apart from content so that adding and removing elements at either end, and cutting a block in two,
//! is copying two runs of bytes, whatever is in them.
//!
//! The payload of a big list's Meta value is a [`super::meta::Collection`] (version and number of elements), and behind
//! it:
//!
//! | bytes  | what |
//! |--------|------|
//! | 8      | sequence number of the first element, `u64` big-endian; the others follow it |
//! | varint | bytes that Redis's listpack would take for the elements (an estimate after LTRIM) |
//! | varint | the number that the next value of its own gets; 0: the list never had one |
//!
//! In the Element family, behind the prefix of the collection: byte 0 and the number of the chunk (`u64` big-endian: the
//! sequence number divided by [`SPAN`]), or byte 1 and the number of a value of its own (`u64` big-endian).

use smallvec::SmallVec;

use super::key::{self, KeyBuf, Namespace, Version};
use super::varint;
use crate::keyspace::slot::Slot;

/// How many sequence numbers a chunk holds.
pub const SPAN: u64 = 64;
/// The sequence number at which a big list begins to grow in both directions; a multiple of [`SPAN`].
pub const CENTRE: u64 = 1 << 63;
/// Longest element that stands in a chunk itself, bytes. One that does not costs an entry of its own with each push and
/// each read; one that does is copied whenever its chunk changes, 32 of them on average.
pub const INLINE_BYTES: usize = 512;
/// Longest element that is not a long one, bytes.
const SHORT_BYTES: usize = 254;
/// The length that says that an element is a long one.
const LONG: u8 = 255;
/// Bytes of the content of a reference to a value of its own.
const REFERENCE_BYTES: usize = 14;

/// An element of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// It stands here.
    Here(&'a [u8]),
    /// It is a value of its own, of this number and length.
    Apart {
        /// Names it within the list.
        number: u64,
        /// Bytes.
        length: u32,
    },
}

impl Item<'_> {
    /// Length of the element, bytes.
    pub fn length(&self) -> usize {
        match self {
            Item::Here(bytes) => bytes.len(),
            Item::Apart { length, .. } => *length as usize,
        }
    }
}

/// Consecutive elements of a list, in the form of the table above but for the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block<'a> {
    lengths: &'a [u8],
    content: &'a [u8],
}

/// Reads the content of one element and moves past it.
fn read_item<'a>(length: u8, content: &mut &'a [u8]) -> Option<Item<'a>> {
    if length != LONG {
        let (item, rest) = content.split_at_checked(length as usize)?;
        *content = rest;
        return Some(Item::Here(item));
    }
    let (long, rest) = content.split_first_chunk::<2>()?;
    let long = u16::from_be_bytes(*long) as usize;
    if long > 0 {
        let (item, rest) = rest.split_at_checked(long)?;
        *content = rest;
        return Some(Item::Here(item));
    }
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    *content = rest;
    Some(Item::Apart { number: u64::from_be_bytes(*number), length: u32::from_be_bytes(*length) })
}

impl<'a> Block<'a> {
    /// Takes a stored block apart; `None` if the bytes are none. No bytes are a block of no elements.
    pub fn parse(bytes: &'a [u8]) -> Option<Block<'a>> {
        let Some((&count, rest)) = bytes.split_first() else { return Some(Block::default()) };
        let (lengths, content) = rest.split_at_checked(count as usize)?;
        Some(Block { lengths, content })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Bytes as it would be stored.
    pub fn stored_bytes(&self) -> usize {
        1 + self.lengths.len() + self.content.len()
    }

    /// Whether an element is a value of its own.
    pub fn has_apart(&self) -> bool {
        self.lengths.contains(&LONG) && self.items().any(|item| matches!(item, Item::Apart { .. }))
    }

    /// Cuts the block before an element; `None` if there are not so many, or the content is cut short.
    pub fn split_at(&self, index: usize) -> Option<(Block<'a>, Block<'a>)> {
        let (lengths, more_lengths) = self.lengths.split_at_checked(index)?;
        let bytes = if lengths.contains(&LONG) {
            let mut rest = self.content;
            for &length in lengths {
                read_item(length, &mut rest)?;
            }
            self.content.len() - rest.len()
        } else {
            lengths.iter().map(|&length| u32::from(length)).sum::<u32>() as usize
        };
        let (content, more_content) = self.content.split_at_checked(bytes)?;
        Some((Block { lengths, content }, Block { lengths: more_lengths, content: more_content }))
    }

    /// The elements from `start` up to, not including, `end`.
    pub fn slice(&self, start: usize, end: usize) -> Option<Block<'a>> {
        let (_, rest) = self.split_at(start)?;
        Some(rest.split_at(end.checked_sub(start)?)?.0)
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<Item<'a>> {
        self.split_at(index)?.1.items().next()
    }

    /// The elements in order. Ends early at content that is cut short.
    pub fn items(&self) -> Items<'a> {
        Items { lengths: self.lengths.iter(), content: self.content }
    }
}

/// See [`Block::items`].
#[derive(Debug, Clone)]
pub struct Items<'a> {
    lengths: std::slice::Iter<'a, u8>,
    content: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        read_item(*self.lengths.next()?, &mut self.content)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.lengths.len()))
    }
}

/// The parts of a stored block, for writing.
pub type Parts<'a> = SmallVec<[&'a [u8]; 12]>;

/// The parts of the block that joins `blocks`; `count` is the number of all their elements.
pub fn join<'a>(count: &'a u8, blocks: &[Block<'a>]) -> Parts<'a> {
    let mut parts = Parts::new();
    parts.push(std::slice::from_ref(count));
    parts.extend(blocks.iter().map(|block| block.lengths));
    parts.extend(blocks.iter().map(|block| block.content));
    parts
}

/// Elements that are to be stored. Any number: who stores them cuts them into blocks.
#[derive(Debug, Default)]
pub struct BlockBuf {
    lengths: SmallVec<[u8; 64]>,
    content: SmallVec<[u8; 256]>,
}

impl BlockBuf {
    /// Appends an element that stands here; at most 65535 bytes.
    pub fn push(&mut self, element: &[u8]) {
        debug_assert!(u16::try_from(element.len()).is_ok());
        if element.len() <= SHORT_BYTES {
            self.lengths.push(element.len() as u8);
        } else {
            self.lengths.push(LONG);
            self.content.extend_from_slice(&(element.len() as u16).to_be_bytes());
        }
        self.content.extend_from_slice(element);
    }

    /// Appends a reference to a value of its own.
    pub fn push_apart(&mut self, number: u64, length: u32) {
        self.lengths.push(LONG);
        self.content.extend_from_slice(&[0, 0]);
        self.content.extend_from_slice(&number.to_be_bytes());
        self.content.extend_from_slice(&length.to_be_bytes());
    }

    /// What was appended.
    pub fn block(&self) -> Block<'_> {
        Block { lengths: &self.lengths, content: &self.content }
    }
}

/// Bytes that an element takes in a block, if it stands there.
pub fn stored_bytes(length: usize) -> usize {
    1 + length + if length > SHORT_BYTES { 2 } else { 0 }
}

/// Bytes that a reference to a value of its own takes in a block.
pub const STORED_REFERENCE: usize = 1 + REFERENCE_BYTES;

/// A big list's Meta payload taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListHead {
    /// Which life of the list its chunks belong to.
    pub version: Version,
    /// Number of elements.
    pub len: u64,
    /// Sequence number of the first element.
    pub first: u64,
    /// About the bytes of the listpack that Redis would keep the elements in.
    pub listpack_bytes: u64,
    /// Number of the next value of its own.
    pub next_apart: u64,
}

impl ListHead {
    /// Takes a payload apart; `None` if it is none.
    pub fn parse(payload: &[u8]) -> Option<ListHead> {
        let (version, mut rest) = payload.split_first_chunk::<8>()?;
        let len = varint::read(&mut rest)?;
        let (first, mut rest) = rest.split_first_chunk::<8>()?;
        let listpack_bytes = varint::read(&mut rest)?;
        let next_apart = varint::read(&mut rest)?;
        let first = u64::from_be_bytes(*first);
        first.checked_add(len)?;
        Some(ListHead { version: u64::from_be_bytes(*version), len, first, listpack_bytes, next_apart })
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        out.extend_from_slice(&self.version.to_be_bytes());
        varint::write(&mut out, self.len);
        out.extend_from_slice(&self.first.to_be_bytes());
        varint::write(&mut out, self.listpack_bytes);
        varint::write(&mut out, self.next_apart);
        out
    }

    /// The sequence number behind the last element.
    pub fn end(&self) -> u64 {
        self.first + self.len
    }
}

/// Key of the chunk that holds a sequence number.
pub fn chunk_key(slot: Slot, namespace: Namespace, version: Version, sequence: u64) -> KeyBuf {
    let mut out = key::collection(slot, namespace, version);
    out.push(0);
    out.extend_from_slice(&(sequence / SPAN).to_be_bytes());
    out
}

/// Key of a value of its own.
pub fn apart_key(slot: Slot, namespace: Namespace, version: Version, number: u64) -> KeyBuf {
    let mut out = key::collection(slot, namespace, version);
    out.push(1);
    out.extend_from_slice(&number.to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(blocks: &[Block<'_>]) -> Vec<u8> {
        let count = blocks.iter().map(Block::len).sum::<usize>() as u8;
        join(&count, blocks).concat()
    }

    /// Three elements: a short one, a long one, and one that stands elsewhere.
    fn sample() -> BlockBuf {
        let mut buffer = BlockBuf::default();
        buffer.push(b"ab");
        buffer.push(&[b'x'; 300]);
        buffer.push_apart(7, 70_000);
        buffer
    }

    #[test]
    fn blocks_are_stored_byte_for_byte_like_this() {
        let mut expected = vec![3, 2, 255, 255];
        expected.extend_from_slice(b"ab\x01\x2c");
        expected.extend_from_slice(&[b'x'; 300]);
        expected.extend_from_slice(b"\0\0\0\0\0\0\0\0\0\x07\x00\x01\x11\x70");
        let sample = sample();
        assert_eq!(stored(&[sample.block()]), expected);
        assert_eq!(sample.block().stored_bytes(), expected.len());
        assert_eq!(1 + stored_bytes(2) + stored_bytes(300) + STORED_REFERENCE, expected.len());
        let head = ListHead { version: 5, len: 300, first: CENTRE - 2, listpack_bytes: 130, next_apart: 1 };
        assert_eq!(head.encode(), b"\0\0\0\0\0\0\0\x05\xac\x02\x7f\xff\xff\xff\xff\xff\xff\xfe\x82\x01\x01");
        assert_eq!(ListHead::parse(&head.encode()), Some(head));
        assert_eq!(&chunk_key(1, 2, 3, CENTRE)[14..], b"\x00\x02\0\0\0\0\0\0\0");
        assert_eq!(&apart_key(1, 2, 3, 4)[14..], b"\x01\0\0\0\0\0\0\0\x04");
    }

    #[test]
    fn blocks_are_cut_and_joined_anywhere() {
        let sample = sample();
        let whole = sample.block();
        let items: Vec<_> = whole.items().collect();
        assert_eq!(items.len(), 3);
        assert_eq!(items[2], Item::Apart { number: 7, length: 70_000 });
        for cut in 0..=3 {
            let (left, right) = whole.split_at(cut).unwrap();
            assert_eq!(stored(&[left, right]), stored(&[whole]));
            assert!(left.items().chain(right.items()).eq(items.iter().copied()));
            assert_eq!(whole.get(cut), items.get(cut).copied());
        }
        assert_eq!(whole.split_at(4), None);
        assert_eq!(whole.slice(1, 2).unwrap().items().collect::<Vec<_>>(), items[1..2]);
        assert!(whole.has_apart() && !whole.split_at(2).unwrap().0.has_apart());
    }

    #[test]
    fn what_is_cut_short_is_no_block() {
        let bytes = stored(&[sample().block()]);
        for cut in 1..bytes.len() {
            let items = Block::parse(&bytes[..cut]).map_or(0, |block| block.items().count());
            assert!(items < 3, "{cut}");
        }
        assert_eq!(Block::parse(b""), Some(Block::default()));
        for cut in 0..21 {
            assert_eq!(
                ListHead::parse(
                    &b"\0\0\0\0\0\0\0\x05\xac\x02\x7f\xff\xff\xff\xff\xff\xff\xfe\x82\x01\x01"[..cut]
                ),
                None
            );
        }
    }
}
