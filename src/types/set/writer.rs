//! Making a set from nothing, in place of what a key holds.

use super::{PACKED_BYTES, PACKED_MEMBERS, form_with, place_for};
use crate::commands::Settings;
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::packed_set::{self, Form};
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::elements::Elements;

/// A set that is being made. Once it is too big to be packed, members are written as they come.
///
/// OBJECT ENCODING is that of a set to which the members were added one by one: for the results of SINTERSTORE and
/// its like that is what Redis comes to, though it begins elsewhere.
#[derive(Debug)]
pub struct SetWriter<'a> {
    entry: &'a Entry,
    settings: &'a Settings,
    expire_ms: Option<u64>,
    form: Form,
    /// What came before it was too big.
    members: Vec<Vec<u8>>,
    bytes: usize,
    written: Option<Collection>,
}

impl<'a> SetWriter<'a> {
    /// An empty set for a key.
    pub fn new(entry: &'a Entry, settings: &'a Settings) -> SetWriter<'a> {
        SetWriter {
            entry,
            settings,
            expire_ms: None,
            form: Form::Intset,
            members: Vec::new(),
            bytes: 0,
            written: None,
        }
    }

    /// Gives it an expiry, Unix time in ms.
    pub fn expiring(self, expire_ms: Option<u64>) -> SetWriter<'a> {
        SetWriter { expire_ms, ..self }
    }

    /// The number of members so far.
    pub fn len(&self) -> u64 {
        self.written.map_or(self.members.len() as u64, |head| head.len)
    }

    /// Whether it has no member yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a member that was not added before.
    pub fn add(&mut self, txn: &mut Transaction<'_>, member: &[u8]) {
        let members = &self.members;
        let longest = || members.iter().map(Vec::len).max().unwrap_or(0);
        self.form = form_with(self.form, self.len(), member, self.settings, longest);
        if let Some(head) = &mut self.written {
            let key = Elements::new(self.entry, *head).key(member);
            txn.put_element(self.entry, &key, b"");
            head.len += 1;
            return;
        }
        self.bytes += member.len();
        let place = place_for(self.form, &self.members, member);
        self.members.insert(place, member.to_vec());
        if self.members.len() > PACKED_MEMBERS || self.bytes > PACKED_BYTES {
            self.elements(txn);
        }
    }

    /// The members as elements; writes those that are not yet.
    fn elements(&mut self, txn: &mut Transaction<'_>) -> Collection {
        if let Some(head) = self.written {
            return head;
        }
        let head = Collection { version: txn.new_version(), len: self.members.len() as u64 };
        let elements = Elements::new(self.entry, head);
        for member in std::mem::take(&mut self.members) {
            txn.put_element(self.entry, &elements.key(&member), b"");
        }
        self.written = Some(head);
        head
    }

    /// Puts the set in the place of what the key holds, and of its expiry. Returns the number of members. If that is
    /// 0, the key is removed.
    pub fn finish(mut self, txn: &mut Transaction<'_>) -> Result<u64, Stop> {
        let len = self.len();
        let mut entry = self.entry.clone();
        if len == 0 {
            txn.remove(&mut entry)?;
            return Ok(0);
        }
        let members = self.members.iter().map(Vec::as_slice);
        let packed = match self.written {
            None => packed_set::pack(self.form, members, PACKED_BYTES),
            Some(_) => None,
        };
        let (by_elements, payload) = match packed {
            Some(payload) => (false, payload),
            None => (true, packed_set::collection_payload(self.elements(txn), self.form)),
        };
        let expire_ms = self.expire_ms;
        let meta = Meta { kind: Type::Set, expire_ms, by_elements, expanded: false, payload: &payload };
        txn.put(&mut entry, &meta)?;
        Ok(len)
    }
}
