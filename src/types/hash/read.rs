//! Reading a hash.

use super::{corrupt, is_due};
use crate::encoding::key;
use crate::encoding::meta::Type;
use crate::encoding::packed_hash::{self, Field};
use crate::engine::Range;
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::elements::Elements;

/// A hash as a command reads it. A key that does not exist is a hash without fields.
#[derive(Debug, Clone, Copy)]
pub struct Hash<'a> {
    pub(super) form: Form<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    Packed(&'a [u8]),
    Elements(Elements<'a>),
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

/// Reads a field of a big hash by its Element key, its time come or not.
pub(super) fn read_element<'a>(
    txn: &mut Transaction<'_>,
    elements: Elements<'_>,
    key: &[u8],
) -> Result<Option<Found<'a>>, Stop> {
    let Some(value) = elements.read_key(txn, key)? else { return Ok(None) };
    let (expire_ms, rest) = packed_hash::parse_element(&value).ok_or_else(corrupt)?;
    let start = value.len() - rest.len();
    Ok(Some(Found { expire_ms, value: FoundValue::Element(value, start) }))
}

impl<'a> Hash<'a> {
    /// The hash at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<Hash<'a>, Stop> {
        let form = match entry.typed(Type::Hash)? {
            None => Form::Packed(&[]),
            Some(meta) if meta.by_elements => {
                Form::Elements(Elements::new(entry, meta.collection().ok_or_else(corrupt)?))
            }
            Some(meta) => Form::Packed(meta.payload),
        };
        Ok(Hash { form })
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
            Form::Elements(elements) => elements.head.len,
        }
    }

    /// Whether [`Hash::len`] is 0.
    pub fn is_empty(&self, now_ms: u64) -> bool {
        self.len(now_ms) == 0
    }

    /// A field, if it exists and its time has not come.
    pub fn get(&self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<Option<Found<'a>>, Stop> {
        let now_ms = txn.expiry_clock_ms();
        let found = match self.form {
            Form::Packed(payload) => {
                packed_hash::find(payload, field).map(|Field { expire_ms, value, .. }| Found {
                    expire_ms,
                    value: FoundValue::Borrowed(value),
                })
            }
            Form::Elements(elements) => read_element(txn, elements, &elements.key(field))?,
        };
        let found = found.filter(|found| {
            let due = is_due(found.expire_ms, now_ms);
            if due {
                txn.note_due_field();
            }
            !due
        });
        Ok(found)
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
                (Err(stop), Form::Elements(elements)) => return Err(elements.need_all(txn, stop, fields)),
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
                let mut fields = live(payload, txn.expiry_clock_ms());
                while fields.next().is_some_and(&mut visit) {}
                Ok(())
            }
            Form::Elements(elements) => walk(txn, elements, &elements.whole(), |_, field| visit(field)),
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
                let mut fields: Vec<(u32, Field<'_>)> = live(payload, txn.expiry_clock_ms())
                    .map(|field| (key::order_hash(field.name), field))
                    .filter(|(hash, field)| (*hash, field.name) >= from)
                    .collect();
                fields.sort_unstable_by_key(|(hash, field)| (*hash, field.name));
                let mut fields = fields.into_iter();
                while fields.next().is_some_and(|(hash, field)| visit(hash, field)) {}
                Ok(())
            }
            Form::Elements(elements) => walk(txn, elements, &elements.from(from), visit),
        }
    }
}

/// Shows the fields in a range of Element keys whose time has not come.
fn walk(
    txn: &mut Transaction<'_>,
    elements: Elements<'_>,
    range: &Range,
    mut visit: impl FnMut(u32, Field<'_>) -> bool,
) -> Result<(), Stop> {
    let now_ms = txn.expiry_clock_ms();
    let mut sound = true;
    elements.walk(txn, range, |hash, name, value| {
        let Some((expire_ms, value)) = packed_hash::parse_element(value) else {
            sound = false;
            return false;
        };
        is_due(expire_ms, now_ms) || visit(hash, Field { name, expire_ms, value })
    })?;
    if sound { Ok(()) } else { Err(corrupt()) }
}

/// The fields of a packed hash whose time has not come.
pub(super) fn live(payload: &[u8], now_ms: u64) -> impl Iterator<Item = Field<'_>> {
    packed_hash::fields(payload).filter(move |field| !is_due(field.expire_ms, now_ms))
}
