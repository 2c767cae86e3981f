//! Changing a hash.

use std::borrow::Cow;
use std::collections::HashMap;

use super::read::{FoundValue, read_element};
use super::{Found, PACKED_BYTES, PACKED_FIELDS, corrupt, is_due};
use crate::commands::Settings;
use crate::config::Events;
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::packed_hash::{self, Field};
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::elements::Elements;

/// A hash as a command changes it. Elements are written at once, the key itself by [`HashEdit::finish`].
///
/// A packed hash is taken apart, and put together when the command is done: only then it is known whether it
/// stays packed, and moving it to elements reads nothing.
#[derive(Debug)]
pub struct HashEdit<'a> {
    entry: &'a Entry,
    form: EditForm<'a>,
    expire_ms: Option<u64>,
    expanded: bool,
    /// The Meta value has to be written though the number of fields is what it was.
    meta_changed: bool,
    /// Length of the longest name or value that was set.
    longest: Option<usize>,
    changes: u64,
    /// Fields that were met and removed because their time had come: no changes of the command's own.
    lapsed: u64,
}

#[derive(Debug)]
enum EditForm<'a> {
    Packed(Rows<'a>),
    Elements { before: Collection, len: u64, timed: bool },
}

/// The fields of a packed hash, in the order of insertion.
#[derive(Debug, Default)]
struct Rows<'a> {
    rows: Vec<Row<'a>>,
    /// Where a name stands; only kept once there are many, as when one command sets thousands.
    index: HashMap<&'a [u8], usize, ahash::RandomState>,
}

#[derive(Debug)]
struct Row<'a> {
    name: &'a [u8],
    expire_ms: Option<u64>,
    value: Cow<'a, [u8]>,
}

impl<'a> Rows<'a> {
    fn find(&mut self, name: &[u8]) -> Option<usize> {
        // A packed hash never has so many: making the index would cost more than looking through it.
        const MANY: usize = PACKED_FIELDS + 1;
        if self.rows.len() < MANY {
            return self.rows.iter().position(|row| row.name == name);
        }
        if self.index.is_empty() {
            self.index = self.rows.iter().enumerate().map(|(place, row)| (row.name, place)).collect();
        }
        self.index.get(name).copied()
    }

    /// Adds a row that is not there.
    fn push(&mut self, row: Row<'a>) {
        if !self.index.is_empty() {
            self.index.insert(row.name, self.rows.len());
        }
        self.rows.push(row);
    }

    fn remove(&mut self, place: usize) -> Row<'a> {
        self.index.clear();
        self.rows.remove(place)
    }

    /// The packed form; `None` if the hash is too big for it.
    fn pack(&self) -> Option<Vec<u8>> {
        let content: usize = self.rows.iter().map(|row| row.name.len() + row.value.len()).sum();
        if self.rows.len() > PACKED_FIELDS || content > PACKED_BYTES {
            return None;
        }
        let mut out = Vec::with_capacity(content + 4 * self.rows.len());
        for Row { name, expire_ms, value } in &self.rows {
            packed_hash::push(&mut out, Field { name, expire_ms: *expire_ms, value });
        }
        (out.len() <= PACKED_BYTES).then_some(out)
    }
}

impl<'a> HashEdit<'a> {
    /// The hash at a key, which need not exist; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<HashEdit<'a>, Stop> {
        let meta = entry.typed(Type::Hash)?;
        let (expire_ms, expanded) = meta.map_or((None, false), |meta| (meta.expire_ms, meta.expanded));
        let form = match meta {
            Some(meta) if meta.by_elements => {
                let before = meta.collection().ok_or_else(corrupt)?;
                let timed = packed_hash::is_timed(meta.payload, before);
                EditForm::Elements { before, len: before.len, timed }
            }
            _ => {
                let payload = meta.map_or(&[][..], |meta| meta.payload);
                let mut rows = Vec::with_capacity((payload.len() / 16 + 1).min(PACKED_FIELDS + 1));
                rows.extend(packed_hash::fields(payload).map(|Field { name, expire_ms, value }| Row {
                    name,
                    expire_ms,
                    value: Cow::Borrowed(value),
                }));
                EditForm::Packed(Rows { rows, index: HashMap::default() })
            }
        };
        let (meta_changed, longest, changes, lapsed) = (false, None, 0, 0);
        Ok(HashEdit { entry, form, expire_ms, expanded, meta_changed, longest, changes, lapsed })
    }

    /// A new hash that will take the place of what the key holds, whatever that is.
    pub(super) fn replace(entry: &'a Entry, expire_ms: Option<u64>) -> HashEdit<'a> {
        let form = EditForm::Packed(Rows::default());
        let (expanded, meta_changed, longest, changes, lapsed) = (false, false, None, 0, 0);
        HashEdit { entry, form, expire_ms, expanded, meta_changed, longest, changes, lapsed }
    }

    /// As [`HashEdit::finish`], but all of it counts as one change.
    pub(super) fn finish_as_one(
        mut self,
        txn: &mut Transaction<'_>,
        settings: &Settings,
    ) -> Result<(), Stop> {
        self.changes = self.changes.min(1);
        self.finish(txn, Some(settings))
    }

    /// What stands under a field, its time come or not.
    fn stored(&mut self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<Option<Found<'a>>, Stop> {
        match &mut self.form {
            EditForm::Packed(rows) => Ok(rows.find(field).map(|place| {
                let Row { expire_ms, value, .. } = &rows.rows[place];
                let value = match value {
                    Cow::Borrowed(value) => FoundValue::Borrowed(value),
                    Cow::Owned(value) => FoundValue::Owned(value.clone()),
                };
                Found { expire_ms: *expire_ms, value }
            })),
            EditForm::Elements { before, .. } => {
                let elements = Elements::new(self.entry, *before);
                read_element(txn, elements, &elements.key(field))
            }
        }
    }

    /// A field, if it exists and its time has not come. One whose time has come is removed, which the log says before
    /// what the command does: a slave, which keeps no time, would take it for one that exists.
    pub fn get(&mut self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<Option<Found<'a>>, Stop> {
        let now_ms = txn.expiry_clock_ms();
        let found = self.stored(txn, field)?;
        if found.as_ref().is_none_or(|found| !is_due(found.expire_ms, now_ms)) {
            return Ok(found);
        }
        if txn.removes_due() {
            self.take_out(txn, field)?;
            self.lapsed += 1;
            txn.lapse_field(self.entry, field);
        }
        Ok(None)
    }

    /// Sets a field and its expiry. Returns whether it is a new one; one whose time had come is.
    pub fn set(
        &mut self,
        txn: &mut Transaction<'_>,
        field: &'a [u8],
        value: Cow<'a, [u8]>,
        expire_ms: Option<u64>,
    ) -> Result<bool, Stop> {
        self.longest = self.longest.max(Some(field.len().max(value.len())));
        let old = self.write(txn, field, value, expire_ms)?;
        self.changes += 1;
        Ok(old.is_none_or(|old_ms| is_due(old_ms, txn.expiry_clock_ms())))
    }

    /// Sets when a field expires; `None`: never. The field has to exist.
    pub fn expire(
        &mut self,
        txn: &mut Transaction<'_>,
        field: &'a [u8],
        expire_ms: Option<u64>,
    ) -> Result<(), Stop> {
        let Some(found) = self.stored(txn, field)? else { return Ok(()) };
        let value = match found.value {
            FoundValue::Borrowed(value) => Cow::Borrowed(value),
            FoundValue::Owned(value) => Cow::Owned(value),
            FoundValue::Element(..) => Cow::Owned(found.to_vec()),
        };
        self.write(txn, field, value, expire_ms)?;
        self.changes += 1;
        Ok(())
    }

    /// Writes a field; the expiry that was stored if it was.
    fn write(
        &mut self,
        txn: &mut Transaction<'_>,
        field: &'a [u8],
        value: Cow<'a, [u8]>,
        expire_ms: Option<u64>,
    ) -> Result<Option<Option<u64>>, Stop> {
        let old = match &mut self.form {
            EditForm::Packed(rows) => match rows.find(field) {
                Some(place) => {
                    let row = &mut rows.rows[place];
                    row.value = value;
                    Some(std::mem::replace(&mut row.expire_ms, expire_ms))
                }
                None => {
                    rows.push(Row { name: field, expire_ms, value });
                    None
                }
            },
            EditForm::Elements { before, len, timed } => {
                let elements = Elements::new(self.entry, *before);
                let key = elements.key(field);
                let old = read_element(txn, elements, &key)?.map(|found| found.expire_ms);
                txn.put_element_parts(self.entry, &key, &[&packed_hash::element_head(expire_ms), &value]);
                *len += u64::from(old.is_none());
                if expire_ms.is_some() && !std::mem::replace(timed, true) {
                    self.meta_changed = true;
                }
                old
            }
        };
        self.index(txn, field, old.flatten(), expire_ms);
        Ok(old)
    }

    /// Removes a field. Returns whether it existed; one whose time had come goes too, but did not exist.
    pub fn remove(&mut self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<bool, Stop> {
        let Some(expire_ms) = self.take_out(txn, field)? else { return Ok(false) };
        self.changes += 1;
        Ok(!is_due(expire_ms, txn.expiry_clock_ms()))
    }

    /// Takes a field out. Returns its expiry, if it was there.
    fn take_out(&mut self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<Option<Option<u64>>, Stop> {
        let old = match &mut self.form {
            EditForm::Packed(rows) => rows.find(field).map(|place| rows.remove(place).expire_ms),
            EditForm::Elements { before, len, .. } => {
                let elements = Elements::new(self.entry, *before);
                let key = elements.key(field);
                let old = read_element(txn, elements, &key)?.map(|found| found.expire_ms);
                if old.is_some() {
                    txn.remove_element(self.entry, &key);
                    *len = len.saturating_sub(1);
                }
                old
            }
        };
        if let Some(expire_ms) = old {
            self.index(txn, field, expire_ms, None);
        }
        Ok(old)
    }

    /// Removes a field if its time has come. Returns whether it did.
    pub(super) fn remove_due(&mut self, txn: &mut Transaction<'_>, field: &[u8]) -> Result<bool, Stop> {
        let now_ms = txn.expiry_clock_ms();
        let due = self.stored(txn, field)?.is_some_and(|found| is_due(found.expire_ms, now_ms));
        if due {
            self.remove(txn, field)?;
        }
        Ok(due)
    }

    /// Keeps the index of expiries right.
    fn index(&self, txn: &mut Transaction<'_>, field: &[u8], old: Option<u64>, new: Option<u64>) {
        if old == new {
            return;
        }
        if let Some(at_ms) = old {
            txn.index_field(self.entry, field, at_ms, false);
        }
        if let Some(at_ms) = new {
            txn.index_field(self.entry, field, at_ms, true);
        }
    }

    /// Turns the need for one field into the need for all that the command names.
    pub fn need_all<'f>(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        fields: impl Iterator<Item = &'f [u8]>,
    ) -> Stop {
        match &self.form {
            EditForm::Packed(_) => stop,
            EditForm::Elements { before, .. } => {
                Elements::new(self.entry, *before).need_all(txn, stop, fields)
            }
        }
    }

    /// Writes what has to be written of the key itself, and removes the key if no field is left. `settings` say
    /// when OBJECT ENCODING leaves the compact form; a command that sets no field has none to give.
    pub fn finish(self, txn: &mut Transaction<'_>, settings: Option<&Settings>) -> Result<(), Stop> {
        self.finish_with(txn, settings, None)
    }

    /// As [`HashEdit::finish`], and tells of an event, if there is one, and of the key's removal.
    pub fn finish_with(
        mut self,
        txn: &mut Transaction<'_>,
        settings: Option<&Settings>,
        event: Option<&'static str>,
    ) -> Result<(), Stop> {
        if self.changes == 0 && self.lapsed == 0 {
            return Ok(());
        }
        let (changes, lapsed) = (self.changes, self.lapsed);
        let emptied = match &self.form {
            EditForm::Packed(rows) => rows.rows.is_empty(),
            EditForm::Elements { len, .. } => *len == 0,
        };
        let entry = self.entry;
        self.write_back(txn, settings)?;
        if lapsed > 0 {
            txn.notify(Events::HASH, "hexpired", entry);
        }
        if let Some(event) = event.filter(|_| changes > 0) {
            txn.notify(Events::HASH, event, entry);
        }
        if emptied && (event.is_some() || changes == 0) {
            txn.notify(Events::GENERIC, "del", entry);
        }
        Ok(())
    }

    fn write_back(&mut self, txn: &mut Transaction<'_>, settings: Option<&Settings>) -> Result<(), Stop> {
        if let (Some(settings), Some(longest)) = (settings, self.longest) {
            self.expand(settings, longest);
        }
        let written = match &self.form {
            EditForm::Packed(rows) => match rows.pack() {
                Some(payload) if payload.is_empty() => txn.remove(&mut self.entry.clone())?,
                Some(payload) => self.put(txn, false, &payload)?,
                None => self.move_to_elements(txn, rows)?,
            },
            EditForm::Elements { len: 0, .. } => txn.remove(&mut self.entry.clone())?,
            EditForm::Elements { before, len, timed } if self.meta_changed || *len != before.len => {
                let head = Collection { version: before.version, len: *len };
                self.put(txn, true, &packed_hash::collection_payload(head, *timed))?
            }
            EditForm::Elements { .. } => false,
        };
        // Writing the key has counted as one change.
        match (self.changes, written) {
            (0, true) => txn.discount_change(),
            (changes, written) => txn.add_changes(changes - u64::from(written)),
        }
        Ok(())
    }

    fn expand(&mut self, settings: &Settings, longest: usize) {
        let len = match &self.form {
            EditForm::Packed(rows) => rows.rows.len() as u64,
            EditForm::Elements { len, .. } => *len,
        };
        let over =
            longest > settings.hash_max_listpack_value || len > settings.hash_max_listpack_entries as u64;
        if over && !self.expanded {
            self.expanded = true;
            self.meta_changed = true;
        }
    }

    fn put(&self, txn: &mut Transaction<'_>, by_elements: bool, payload: &[u8]) -> Result<bool, Stop> {
        let HashEdit { expire_ms, expanded, .. } = *self;
        let meta = Meta { kind: Type::Hash, expire_ms, by_elements, expanded, payload };
        txn.put(&mut self.entry.clone(), &meta)?;
        Ok(true)
    }

    fn move_to_elements(&self, txn: &mut Transaction<'_>, rows: &Rows<'a>) -> Result<bool, Stop> {
        let head = Collection { version: txn.new_version(), len: rows.rows.len() as u64 };
        let elements = Elements::new(self.entry, head);
        for Row { name, expire_ms, value } in &rows.rows {
            let head = packed_hash::element_head(*expire_ms);
            txn.put_element_parts(self.entry, &elements.key(name), &[&head, value]);
        }
        let timed = rows.rows.iter().any(|row| row.expire_ms.is_some());
        self.put(txn, true, &packed_hash::collection_payload(head, timed))
    }
}
