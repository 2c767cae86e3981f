//! Reading a list.

use std::ops::Range;

use smallvec::SmallVec;

use super::chunks::{self, Walk};
use super::{Side, corrupt};
use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_list::{Block, INLINE_BYTES, Item, ListHead};
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// A list as a command reads it. A key that does not exist is a list without elements.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    pub(super) entry: &'a Entry,
    pub(super) form: Form<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    Packed(Block<'a>),
    Chunks(ListHead),
}

impl<'a> Form<'a> {
    pub(super) fn parse(meta: Option<Meta<'a>>) -> Result<Form<'a>, Stop> {
        match meta {
            None => Ok(Form::Packed(Block::default())),
            Some(meta) if meta.by_elements => {
                ListHead::parse(meta.payload).map(Form::Chunks).ok_or_else(corrupt)
            }
            Some(meta) => Block::parse(meta.payload).map(Form::Packed).ok_or_else(corrupt),
        }
    }
}

/// An element that was read.
#[derive(Debug, Clone)]
pub enum Element<'a> {
    /// Part of the key's own value.
    Borrowed(&'a [u8]),
    /// From a chunk.
    Copied(SmallVec<[u8; 64]>),
    /// A value of its own.
    Apart(Value),
}

impl std::ops::Deref for Element<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Element::Borrowed(bytes) => bytes,
            Element::Copied(bytes) => bytes,
            Element::Apart(value) => value,
        }
    }
}

impl<'a> List<'a> {
    /// The list at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<List<'a>, Stop> {
        Ok(List { entry, form: Form::parse(entry.typed(Type::List)?)? })
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        match self.form {
            Form::Packed(block) => block.len() as u64,
            Form::Chunks(head) => head.len,
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at an index.
    pub fn get(&self, txn: &mut Transaction<'_>, index: u64) -> Result<Option<Element<'a>>, Stop> {
        if index >= self.len() {
            return Ok(None);
        }
        let head = match self.form {
            Form::Packed(block) => {
                return match block.get(index as usize) {
                    Some(Item::Here(bytes)) => Ok(Some(Element::Borrowed(bytes))),
                    _ => Err(corrupt()),
                };
            }
            Form::Chunks(head) => head,
        };
        let sequence = head.first + index;
        let chunk = chunks::read(txn, self.entry, &head, sequence)?;
        let place = (sequence - chunk.sequences.start) as usize;
        match chunk.block()?.get(place).ok_or_else(corrupt)? {
            Item::Here(bytes) => Ok(Some(Element::Copied(SmallVec::from_slice(bytes)))),
            Item::Apart { number, .. } => {
                Ok(Some(Element::Apart(chunks::read_apart(txn, self.entry, head.version, number)?)))
            }
        }
    }

    /// Shows the elements of these indices, which exist, in order.
    pub fn each(
        &self,
        txn: &mut Transaction<'_>,
        indices: Range<u64>,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        let first = match self.form {
            Form::Packed(_) => 0,
            Form::Chunks(head) => head.first,
        };
        let walk = Walk::all(first + indices.start..first + indices.end);
        self.walk(txn, &walk, |_, _, read| {
            read.element(&mut visit)?;
            Ok(true)
        })
    }

    /// Shows all elements as if they were taken from an end one by one.
    pub(super) fn pop_all(
        &self,
        txn: &mut Transaction<'_>,
        side: Side,
        visit: &mut impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        let Form::Chunks(head) = self.form else { return Err(corrupt()) };
        let walk = Walk { reverse: side == Side::Right, ..Walk::all(head.first..head.end()) };
        self.walk(txn, &walk, |_, _, read| {
            read.element(visit)?;
            Ok(true)
        })
    }

    /// Finds the elements that equal `needle`, from the head or, with `reverse`, from the tail, and shows their indices
    /// until `visit` returns false. Compares at most `most` elements.
    pub fn find(
        &self,
        txn: &mut Transaction<'_>,
        needle: &[u8],
        reverse: bool,
        most: u64,
        mut visit: impl FnMut(u64) -> bool,
    ) -> Result<(), Stop> {
        let (first, len) = match self.form {
            Form::Packed(block) => (0, block.len() as u64),
            Form::Chunks(head) => (head.first, head.len),
        };
        let most = most.min(len);
        let sequences = if reverse { first + len - most..first + len } else { first..first + most };
        let apart = needle.len() > INLINE_BYTES;
        self.walk(txn, &Walk { sequences, reverse, search: true, apart }, |sequence, item, read| {
            let equal = match item {
                Item::Here(bytes) => bytes == needle,
                Item::Apart { length, .. } if length as usize != needle.len() => false,
                Item::Apart { .. } => {
                    let mut equal = false;
                    read.element(&mut |bytes: &[u8]| equal = bytes == needle)?;
                    equal
                }
            };
            Ok(!equal || visit(sequence - first))
        })
    }

    /// Goes through a list until `visit` returns false. `visit` gets each element's sequence number (of a packed list,
    /// its index), the element as it stands, and what reads it.
    fn walk(
        &self,
        txn: &mut Transaction<'_>,
        walk: &Walk,
        mut visit: impl FnMut(u64, Item<'_>, &mut Reader<'_, '_, '_>) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        let head = match self.form {
            Form::Packed(block) => {
                let Range { start, end } = walk.sequences;
                let part = block.slice(start as usize, end as usize).ok_or_else(corrupt)?;
                walk_block(part, start, walk.reverse, |sequence, item| {
                    visit(sequence, item, &mut Reader { txn, list: None, item })
                })?;
                return Ok(());
            }
            Form::Chunks(head) => head,
        };
        chunks::begin(txn, self.entry, &head, walk)?;
        for (count, sequences) in walk.chunks().enumerate() {
            chunks::go_on(txn, self.entry, &head, walk, count as u64)?;
            let start = sequences.start;
            let more = chunks::read(txn, self.entry, &head, start).and_then(|chunk| {
                walk_block(chunk.part(sequences)?, start, walk.reverse, |sequence, item| {
                    visit(sequence, item, &mut Reader { txn, list: Some((self.entry, &head)), item })
                })
            });
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(stop) => return Err(chunks::need(txn, self.entry, &head, walk, start, stop)),
            }
        }
        Ok(())
    }
}

/// Reads the element that a walk is at.
struct Reader<'r, 'txn, 'l> {
    txn: &'r mut Transaction<'txn>,
    list: Option<(&'l Entry, &'l ListHead)>,
    item: Item<'l>,
}

impl Reader<'_, '_, '_> {
    fn element(&mut self, visit: &mut impl FnMut(&[u8])) -> Result<(), Stop> {
        match (self.item, self.list) {
            (Item::Here(bytes), _) => visit(bytes),
            (Item::Apart { number, .. }, Some((entry, head))) => {
                chunks::not_spent(self.txn, entry, head)?;
                visit(&chunks::read_apart(self.txn, entry, head.version, number)?);
            }
            (Item::Apart { .. }, None) => return Err(corrupt()),
        }
        Ok(())
    }
}

/// Shows a block's elements until `visit` returns false, which is then the result.
fn walk_block<'b>(
    block: Block<'b>,
    start: u64,
    reverse: bool,
    mut visit: impl FnMut(u64, Item<'b>) -> Result<bool, Stop>,
) -> Result<bool, Stop> {
    let numbered = (start..).zip(block.items());
    if !reverse {
        for (sequence, item) in numbered {
            if !visit(sequence, item)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let items: SmallVec<[(u64, Item<'b>); 64]> = numbered.collect();
    for &(sequence, item) in items.iter().rev() {
        if !visit(sequence, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}
