//! Changing a set.

use std::collections::HashMap;

use super::{PACKED_BYTES, PACKED_MEMBERS, corrupt, form_for, form_with, place_for};
use crate::commands::Settings;
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::packed_set::{self, Form};
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::elements::Elements;

/// A set as a command changes it. Elements are written at once, the key itself by [`SetEdit::finish`].
///
/// A packed set is taken apart, and put together when the command is done: only then it is known whether it stays
/// packed, and moving it to elements reads nothing.
#[derive(Debug)]
pub struct SetEdit<'a> {
    entry: &'a Entry,
    stored: Stored<'a>,
    expire_ms: Option<u64>,
    /// `None` for a set that does not exist yet.
    form: Option<Form>,
    before: Option<Form>,
    changes: u64,
}

#[derive(Debug)]
enum Stored<'a> {
    Packed(Rows<'a>),
    Elements { before: Collection, len: u64 },
}

/// The members of a packed set, in its order.
#[derive(Debug, Default)]
struct Rows<'a> {
    members: Vec<&'a [u8]>,
    /// The members; only kept once there are many, as when one command adds thousands.
    index: HashMap<&'a [u8], (), ahash::RandomState>,
}

impl<'a> Rows<'a> {
    fn contains(&mut self, member: &[u8]) -> bool {
        // A packed set never has so many: making the index would cost more than looking through it.
        const MANY: usize = PACKED_MEMBERS + 1;
        if self.members.len() < MANY {
            return self.members.contains(&member);
        }
        if self.index.is_empty() {
            self.index = self.members.iter().map(|member| (*member, ())).collect();
        }
        self.index.contains_key(member)
    }

    /// Adds a member that is not there.
    fn insert(&mut self, form: Form, member: &'a [u8]) {
        if !self.index.is_empty() {
            self.index.insert(member, ());
        }
        // So many will not stay packed: their order is that of their hashes.
        let place = match self.members.len() {
            0..=PACKED_MEMBERS => place_for(form, &self.members, member),
            many => many,
        };
        self.members.insert(place, member);
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        let place = self.members.iter().position(|other| *other == member);
        if let Some(place) = place {
            self.index.clear();
            self.members.remove(place);
        }
        place.is_some()
    }

    fn longest(&self) -> usize {
        self.members.iter().map(|member| member.len()).max().unwrap_or(0)
    }
}

impl<'a> SetEdit<'a> {
    /// The set at a key, which need not exist; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<SetEdit<'a>, Stop> {
        let meta = entry.typed(Type::Set)?;
        let (stored, form) = match meta {
            None => (Stored::Packed(Rows::default()), None),
            Some(meta) if meta.by_elements => {
                let before = meta.collection().ok_or_else(corrupt)?;
                let form = packed_set::collection_form(meta.payload).ok_or_else(corrupt)?;
                (Stored::Elements { before, len: before.len }, Some(form))
            }
            Some(meta) => {
                let (form, found) = packed_set::parse(meta.payload).ok_or_else(corrupt)?;
                let mut members = Vec::with_capacity((meta.payload.len() / 4 + 1).min(PACKED_MEMBERS + 1));
                members.extend(found);
                (Stored::Packed(Rows { members, index: HashMap::default() }), Some(form))
            }
        };
        let expire_ms = meta.and_then(|meta| meta.expire_ms);
        Ok(SetEdit { entry, stored, expire_ms, form, before: form, changes: 0 })
    }

    /// The number of members.
    pub fn len(&self) -> u64 {
        match &self.stored {
            Stored::Packed(rows) => rows.members.len() as u64,
            Stored::Elements { len, .. } => *len,
        }
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says that so many members, the first one `first`, are to be added: OBJECT ENCODING may depend on it.
    pub fn expect(&mut self, first: &[u8], count: usize, settings: &Settings) {
        self.form = Some(form_for(self.form, first, count, settings));
    }

    /// Adds a member. Returns whether it is new.
    pub fn add(
        &mut self,
        txn: &mut Transaction<'_>,
        member: &'a [u8],
        settings: &Settings,
    ) -> Result<bool, Stop> {
        let known = match &mut self.stored {
            Stored::Packed(rows) => rows.contains(member),
            Stored::Elements { before, .. } => {
                Elements::new(self.entry, *before).read(txn, member)?.is_some()
            }
        };
        if known {
            return Ok(false);
        }
        let form = self.form.unwrap_or_else(|| form_for(None, member, 1, settings));
        let longest = || match &self.stored {
            Stored::Packed(rows) => rows.longest(),
            // More than a listpack takes, unless its limits were raised.
            Stored::Elements { .. } => 0,
        };
        let form = form_with(form, self.len(), member, settings, longest);
        self.form = Some(form);
        match &mut self.stored {
            Stored::Packed(rows) => rows.insert(form, member),
            Stored::Elements { before, len } => {
                let key = Elements::new(self.entry, *before).key(member);
                txn.put_element(self.entry, &key, b"");
                *len += 1;
            }
        }
        self.changes += 1;
        Ok(true)
    }

    /// Removes a member. Returns whether it was one.
    pub fn remove(&mut self, txn: &mut Transaction<'_>, member: &[u8]) -> Result<bool, Stop> {
        if let Stored::Elements { before, .. } = &self.stored
            && Elements::new(self.entry, *before).read(txn, member)?.is_none()
        {
            return Ok(false);
        }
        Ok(self.take(txn, member))
    }

    /// As [`SetEdit::remove`] for a member that was just read: it is not looked up again.
    pub fn take(&mut self, txn: &mut Transaction<'_>, member: &[u8]) -> bool {
        let removed = match &mut self.stored {
            Stored::Packed(rows) => rows.remove(member),
            Stored::Elements { before, len } => {
                let key = Elements::new(self.entry, *before).key(member);
                txn.remove_element(self.entry, &key);
                *len = len.saturating_sub(1);
                true
            }
        };
        self.changes += u64::from(removed);
        removed
    }

    /// Turns the need for one member into the need for all that the command names.
    pub fn need_all<'m>(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        members: impl Iterator<Item = &'m [u8]>,
    ) -> Stop {
        match &self.stored {
            Stored::Packed(_) => stop,
            Stored::Elements { before, .. } => {
                Elements::new(self.entry, *before).need_all(txn, stop, members)
            }
        }
    }

    /// Writes what has to be written of the key itself, and removes the key if no member is left.
    pub fn finish(self, txn: &mut Transaction<'_>) -> Result<(), Stop> {
        if self.changes == 0 {
            return Ok(());
        }
        let form = self.form.unwrap_or(Form::Hashtable);
        let written = match &self.stored {
            _ if self.is_empty() => txn.remove(&mut self.entry.clone())?,
            Stored::Packed(rows) => {
                let few = rows.members.len() <= PACKED_MEMBERS;
                let members = rows.members.iter().copied();
                match few.then(|| packed_set::pack(form, members, PACKED_BYTES)).flatten() {
                    Some(payload) => self.put(txn, false, &payload)?,
                    None => self.move_to_elements(txn, &rows.members, form)?,
                }
            }
            Stored::Elements { before, len } if *len != before.len || self.form != self.before => {
                let head = Collection { version: before.version, len: *len };
                self.put(txn, true, &packed_set::collection_payload(head, form))?
            }
            Stored::Elements { .. } => false,
        };
        // Writing the key has counted as one change.
        txn.add_changes(self.changes - u64::from(written));
        Ok(())
    }

    fn put(&self, txn: &mut Transaction<'_>, by_elements: bool, payload: &[u8]) -> Result<bool, Stop> {
        let meta = Meta { kind: Type::Set, expire_ms: self.expire_ms, by_elements, expanded: false, payload };
        txn.put(&mut self.entry.clone(), &meta)?;
        Ok(true)
    }

    fn move_to_elements(
        &self,
        txn: &mut Transaction<'_>,
        members: &[&[u8]],
        form: Form,
    ) -> Result<bool, Stop> {
        let head = Collection { version: txn.new_version(), len: members.len() as u64 };
        let elements = Elements::new(self.entry, head);
        for member in members {
            txn.put_element(self.entry, &elements.key(member), b"");
        }
        self.put(txn, true, &packed_set::collection_payload(head, form))
    }
}
