//! Reading a string, in either form.

use std::borrow::Cow;
use std::ops::Range;

use super::fragments::{FRAGMENT, corrupt, fragment_index, fragment_key};
use crate::encoding::key::KeyBuf;
use crate::encoding::meta::{Collection, Type};
use crate::engine::{self, Family};
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::resp::Reply;

/// Up to so many fragments are looked up one by one, in the table of hot entries; more are read as one range, which
/// passes over those that are not there.
const POINT_READS: u64 = 64;

/// A string as a command reads it.
#[derive(Debug, Clone, Copy)]
pub struct StringValue<'a> {
    pub(super) entry: &'a Entry,
    pub(super) form: Form<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    Whole(&'a [u8]),
    Fragments(Collection),
}

impl<'a> StringValue<'a> {
    /// The string at a key; `None` if there is no such key, WRONGTYPE if it holds another type.
    #[inline]
    pub fn open(entry: &'a Entry) -> Result<Option<StringValue<'a>>, Stop> {
        let form = match entry.typed(Type::String)? {
            None => return Ok(None),
            Some(meta) if meta.by_elements => Form::Fragments(meta.collection().ok_or_else(corrupt)?),
            Some(meta) => Form::Whole(meta.payload),
        };
        Ok(Some(StringValue { entry, form }))
    }

    /// As [`StringValue::open`]; a key that does not exist is an empty string.
    pub fn open_or_empty(entry: &'a Entry) -> Result<StringValue<'a>, Stop> {
        Ok(StringValue::open(entry)?.unwrap_or(StringValue { entry, form: Form::Whole(&[]) }))
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        match self.form {
            Form::Whole(bytes) => bytes.len() as u64,
            Form::Fragments(head) => head.len,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers with the whole string.
    #[inline]
    pub fn reply(&self, txn: &mut Transaction<'_>, reply: &mut Reply) -> Result<(), Stop> {
        self.reply_range(txn, reply, 0..self.len())
    }

    /// Answers with the bytes of a range, as far as the string has them.
    #[inline]
    pub fn reply_range(
        &self,
        txn: &mut Transaction<'_>,
        reply: &mut Reply,
        range: Range<u64>,
    ) -> Result<(), Stop> {
        match self.form {
            Form::Whole(bytes) => {
                reply.bulk(part(bytes, &range));
                Ok(())
            }
            Form::Fragments(head) => {
                let range = range.start..range.end.min(head.len);
                let bytes = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| too_long())?;
                self.fill(txn, range.start, reply.bulk_zeroed(bytes))
            }
        }
    }

    /// The whole string, in one piece.
    pub fn whole(&self, txn: &mut Transaction<'_>) -> Result<Cow<'a, [u8]>, Stop> {
        match self.form {
            Form::Whole(bytes) => Ok(Cow::Borrowed(bytes)),
            Form::Fragments(head) => {
                let mut out = vec![0; usize::try_from(head.len).map_err(|_| too_long())?];
                self.fill(txn, 0, &mut out)?;
                Ok(Cow::Owned(out))
            }
        }
    }

    /// One byte; 0 behind the end.
    pub fn byte(&self, txn: &mut Transaction<'_>, position: u64) -> Result<u8, Stop> {
        let mut out = [0];
        self.fill(txn, position, &mut out)?;
        Ok(out[0])
    }

    /// Copies the bytes from a position on into `out`, which holds zero bytes. What the string does not have stays.
    pub fn fill(&self, txn: &mut Transaction<'_>, from: u64, out: &mut [u8]) -> Result<(), Stop> {
        self.pieces(txn, from..from.saturating_add(out.len() as u64), |position, bytes| {
            let start = (position - from) as usize;
            out[start..start + bytes.len()].copy_from_slice(bytes);
            true
        })
    }

    /// Shows the bytes of a range in order, piece by piece with their positions, until `visit` returns false.
    /// Zero bytes may be left out.
    pub fn pieces(
        &self,
        txn: &mut Transaction<'_>,
        range: Range<u64>,
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let range = range.start..range.end.min(self.len());
        if range.is_empty() {
            return Ok(());
        }
        let head = match self.form {
            Form::Whole(bytes) => {
                visit(range.start, part(bytes, &range));
                return Ok(());
            }
            Form::Fragments(head) => head,
        };
        let mut show = |index: u64, bytes: &[u8]| {
            let start = index * FRAGMENT;
            let within = range.start.saturating_sub(start)..range.end - start;
            let piece = part(bytes, &within);
            piece.is_empty() || visit(start + within.start, piece)
        };
        let indices = range.start / FRAGMENT..range.end.div_ceil(FRAGMENT);
        if indices.end - indices.start <= POINT_READS {
            self.each_by_key(txn, head, indices, &mut show)
        } else {
            self.each_by_range(txn, head, indices, &mut show)
        }
    }

    fn each_by_key(
        &self,
        txn: &mut Transaction<'_>,
        head: Collection,
        indices: Range<u64>,
        show: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        for index in indices.clone() {
            let key = fragment_key(self.entry, head.version, index);
            match txn.read(Family::Element, self.entry.slot, &key) {
                Ok(Some(bytes)) if !show(index, &bytes) => break,
                Ok(_) => {}
                Err(stop) => return Err(self.need_all(txn, stop, index..indices.end)),
            }
        }
        Ok(())
    }

    fn each_by_range(
        &self,
        txn: &mut Transaction<'_>,
        head: Collection,
        indices: Range<u64>,
        show: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let key = |index| fragment_key(self.entry, head.version, index).to_vec();
        let keys = engine::Range { lower: key(indices.start), upper: key(indices.end) };
        let mut sound = Ok(());
        txn.range(Family::Element, self.entry.slot, &keys, |key, bytes| match fragment_index(key) {
            Ok(index) => show(index, bytes),
            Err(stop) => {
                sound = Err(stop);
                false
            }
        })?;
        sound
    }

    /// A command that lacks one of its fragments will lack others: asks for all of them at once.
    pub(super) fn need_all(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        indices: impl Iterator<Item = u64>,
    ) -> Stop {
        let (Form::Fragments(head), Stop::Need(_)) = (self.form, &stop) else { return stop };
        let keys: Vec<KeyBuf> = indices.map(|index| fragment_key(self.entry, head.version, index)).collect();
        txn.prefetch_elements(self.entry.slot, &keys).err().unwrap_or(stop)
    }
}

/// The whole string, as RDB tells it; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<crate::rdb::Value>, Stop> {
    let Some(value) = StringValue::open(entry)? else { return Ok(None) };
    Ok(Some(crate::rdb::Value::String(value.whole(txn)?.into_owned())))
}

/// Asks for the fragments of several strings at once, so that those on disk are fetched together; not for those of
/// strings so long that they are read as ranges.
pub fn prefetch<'v>(
    txn: &mut Transaction<'_>,
    values: impl Iterator<Item = StringValue<'v>>,
) -> Result<(), Stop> {
    let mut needs = Vec::new();
    for value in values {
        let Form::Fragments(head) = value.form else { continue };
        let count = head.len.div_ceil(FRAGMENT);
        if count > POINT_READS {
            continue;
        }
        let keys: Vec<KeyBuf> =
            (0..count).map(|index| fragment_key(value.entry, head.version, index)).collect();
        match txn.prefetch_elements(value.entry.slot, &keys) {
            Err(Stop::Need(more)) => needs.extend(more),
            other => other?,
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// The bytes of a range, as far as there are any.
#[inline]
fn part<'b>(bytes: &'b [u8], range: &Range<u64>) -> &'b [u8] {
    let place = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(place(range.start)..place(range.end)).unwrap_or(&[])
}

fn too_long() -> Stop {
    Stop::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
}
