//! Reading a hash.

use super::{corrupt, is_due};
use crate::encoding::key::{self, KeyBuf, Version};
use crate::encoding::meta::{Collection, Type};
use crate::encoding::packed_hash::{self, Field};
use crate::engine::{Family, Range};
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Need, Stop, Transaction};

/// A hash as a command reads it. A key that does not exist is a hash without fields.
#[derive(Debug, Clone, Copy)]
pub struct Hash<'a> {
    pub(super) entry: &'a Entry,
    pub(super) form: Form<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    Packed(&'a [u8]),
    Elements(Collection),
}

/// What stands under a field. Dereferences to the field's value.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// When the field expires, Unix time in ms.
    pub expire_ms: Option<u64>,
    pub(super) value: FoundValue<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum FoundValue<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
    /// The part of an element's entry from an index.
    Element(Value, usize),
}

impl std::ops::Deref for Found<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.value {
            FoundValue::Borrowed(value) => value,
            FoundValue::Owned(value) => value,
            FoundValue::Element(entry, start) => &entry[*start..],
        }
    }
}

/// Reads a field of a big hash, its time come or not.
pub(super) fn read_element<'a>(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    key: &KeyBuf,
) -> Result<Option<Found<'a>>, Stop> {
    let Some(value) = txn.read(Family::Element, entry.slot, key)? else { return Ok(None) };
    let (expire_ms, rest) = packed_hash::parse_element(&value).ok_or_else(corrupt)?;
    let start = value.len() - rest.len();
    Ok(Some(Found { expire_ms, value: FoundValue::Element(value, start) }))
}

/// The key of a field of a big hash.
pub(super) fn element_key(entry: &Entry, version: Version, field: &[u8]) -> KeyBuf {
    key::element(entry.slot, entry.namespace, version, field)
}

/// A command that lacks one of its fields will lack others: asks for all of them at once.
pub(super) fn need_all<'f>(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    stop: Stop,
    fields: impl Iterator<Item = &'f [u8]>,
) -> Stop {
    if !matches!(stop, Stop::Need(_)) {
        return stop;
    }
    let keys: Vec<KeyBuf> = fields.map(|field| element_key(entry, version, field)).collect();
    txn.prefetch_elements(entry.slot, &keys).err().unwrap_or(stop)
}

impl<'a> Hash<'a> {
    /// The hash at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<Hash<'a>, Stop> {
        let form = match entry.typed(Type::Hash)? {
            None => Form::Packed(&[]),
            Some(meta) if meta.by_elements => Form::Elements(meta.collection().ok_or_else(corrupt)?),
            Some(meta) => Form::Packed(meta.payload),
        };
        Ok(Hash { entry, form })
    }

    /// Whether it is small enough to be one value.
    pub fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed(_))
    }

    /// The number of fields. Of a big hash, those are counted too whose time has come and that the expirer has
    /// not removed yet.
    pub fn len(&self, now_ms: u64) -> u64 {
        match self.form {
            Form::Packed(payload) => live(payload, now_ms).count() as u64,
            Form::Elements(head) => head.len,
        }
    }

    /// Whether [`Hash::len`] is 0.
    pub fn is_empty(&self, now_ms: u64) -> bool {
        self.len(now_ms) == 0
    }

    /// A field, if it exists and its time has not come.
    pub fn get(&self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<Option<Found<'a>>, Stop> {
        let now_ms = txn.now_ms();
        let found = match self.form {
            Form::Packed(payload) => {
                packed_hash::find(payload, field).map(|Field { expire_ms, value, .. }| Found {
                    expire_ms,
                    value: FoundValue::Borrowed(value),
                })
            }
            Form::Elements(head) => {
                read_element(txn, self.entry, &element_key(self.entry, head.version, field))?
            }
        };
        Ok(found.filter(|found| !is_due(found.expire_ms, now_ms)))
    }

    /// As [`Hash::get`] for several fields: those on disk are asked for together.
    pub fn get_each<'f>(
        &self,
        txn: &mut Transaction<'_>,
        fields: impl Iterator<Item = &'f [u8]> + Clone,
        mut visit: impl FnMut(Option<Found<'a>>),
    ) -> Result<(), Stop> {
        for field in fields.clone() {
            match (self.get(txn, field), self.form) {
                (Ok(found), _) => visit(found),
                (Err(stop), Form::Packed(_)) => return Err(stop),
                (Err(stop), Form::Elements(head)) => {
                    return Err(need_all(txn, self.entry, head.version, stop, fields));
                }
            }
        }
        Ok(())
    }

    /// Shows the fields whose time has not come, until `visit` returns false; in the order in which they are
    /// stored.
    pub fn each(
        &self,
        txn: &mut Transaction<'_>,
        mut visit: impl FnMut(Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        match self.form {
            Form::Packed(payload) => {
                let mut fields = live(payload, txn.now_ms());
                while fields.next().is_some_and(&mut visit) {}
                Ok(())
            }
            Form::Elements(head) => self.walk(txn, self.whole(head), |_, field| visit(field)),
        }
    }

    /// As [`Hash::each`] in the order of the fields' hashes, and then of their names, from a hash and a name on.
    /// `visit` gets the hash too. The order does not depend on the form.
    pub fn each_ordered(
        &self,
        txn: &mut Transaction<'_>,
        from: (u32, &[u8]),
        mut visit: impl FnMut(u32, Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        match self.form {
            Form::Packed(payload) => {
                let mut fields: Vec<(u32, Field<'_>)> = live(payload, txn.now_ms())
                    .map(|field| (key::order_hash(field.name), field))
                    .filter(|(hash, field)| (*hash, field.name) >= from)
                    .collect();
                fields.sort_unstable_by_key(|(hash, field)| (*hash, field.name));
                let mut fields = fields.into_iter();
                while fields.next().is_some_and(|(hash, field)| visit(hash, field)) {}
                Ok(())
            }
            Form::Elements(head) => {
                let mut lower = self.position(head, from.0);
                lower.extend_from_slice(from.1);
                let upper = self.whole(head).upper;
                self.walk(txn, Range { lower: lower.to_vec(), upper }, visit)
            }
        }
    }

    /// The Element keys of all fields.
    pub(super) fn whole(&self, head: Collection) -> Range {
        Range::prefix(&key::collection(self.entry.slot, self.entry.namespace, head.version))
    }

    /// The first possible Element key at or after a hash.
    pub(super) fn position(&self, head: Collection, hash: u32) -> KeyBuf {
        key::element_position(self.entry.slot, self.entry.namespace, head.version, hash)
    }

    /// Shows the fields in a range of Element keys whose time has not come.
    pub(super) fn walk(
        &self,
        txn: &mut Transaction<'_>,
        range: Range,
        mut visit: impl FnMut(u32, Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        let now_ms = txn.now_ms();
        let mut sound = true;
        txn.range(Family::Element, self.entry.slot, &range, |key, value| {
            let Some((hash, field)) = parse(key, value) else {
                sound = false;
                return false;
            };
            is_due(field.expire_ms, now_ms) || visit(hash, field)
        })?;
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// As [`Hash::walk`] over a part of the hash that was chosen at random. If it has to be read elsewhere, the
    /// whole hash is asked for: the choice will be another one there.
    pub(super) fn walk_part(
        &self,
        txn: &mut Transaction<'_>,
        head: Collection,
        part: Range,
        visit: impl FnMut(u32, Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        self.walk(txn, part, visit).map_err(|stop| match stop {
            Stop::Need(_) => Stop::Need(vec![Need::Range(Family::Element, self.whole(head))]),
            other => other,
        })
    }
}

/// Takes an element apart: its hash, and the field.
fn parse<'e>(key: &'e [u8], value: &'e [u8]) -> Option<(u32, Field<'e>)> {
    let (hash, name) = key.get(key::COLLECTION_PREFIX..)?.split_first_chunk::<4>()?;
    let (expire_ms, value) = packed_hash::parse_element(value)?;
    Some((u32::from_be_bytes(*hash), Field { name, expire_ms, value }))
}

/// The fields of a packed hash whose time has not come.
pub(super) fn live(payload: &[u8], now_ms: u64) -> impl Iterator<Item = Field<'_>> {
    packed_hash::fields(payload).filter(move |field| !is_due(field.expire_ms, now_ms))
}
