//! Reading a set.

use super::corrupt;
use crate::encoding::key::order_hash;
use crate::encoding::meta::Type;
use crate::encoding::packed_set::{self, Members};
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::elements::Elements;
use crate::types::sample::Population;

/// A set as a command reads it. A key that does not exist is a set without members.
#[derive(Debug, Clone)]
pub struct Set<'a> {
    pub(super) stored: Stored<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum Stored<'a> {
    Packed(Members<'a>),
    Elements(Elements<'a>),
}

impl<'a> Set<'a> {
    /// The set at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<Set<'a>, Stop> {
        let stored = match entry.typed(Type::Set)? {
            None => Stored::Packed(packed_set::nothing()),
            Some(meta) if meta.by_elements => {
                Stored::Elements(Elements::new(entry, meta.collection().ok_or_else(corrupt)?))
            }
            Some(meta) => Stored::Packed(packed_set::parse(meta.payload).ok_or_else(corrupt)?.1),
        };
        Ok(Set { stored })
    }

    /// Whether it is small enough to be one value.
    pub fn is_packed(&self) -> bool {
        matches!(self.stored, Stored::Packed(_))
    }

    /// The number of members.
    pub fn len(&self) -> u64 {
        match &self.stored {
            Stored::Packed(members) => members.clone().count() as u64,
            Stored::Elements(elements) => elements.head.len,
        }
    }

    /// Whether it has no member, that is, does not exist.
    pub fn is_empty(&self) -> bool {
        match &self.stored {
            Stored::Packed(members) => members.clone().next().is_none(),
            Stored::Elements(elements) => elements.head.len == 0,
        }
    }

    /// Whether it has a member.
    pub fn contains(&self, txn: &mut Transaction<'_>, member: &[u8]) -> Result<bool, Stop> {
        match &self.stored {
            Stored::Packed(members) => Ok(members.clone().any(|other| other == member)),
            Stored::Elements(elements) => Ok(elements.read(txn, member)?.is_some()),
        }
    }

    /// As [`Set::contains`] for several: those on disk are asked for together.
    pub fn contains_each<'m>(
        &self,
        txn: &mut Transaction<'_>,
        members: impl Iterator<Item = &'m [u8]> + Clone,
        mut visit: impl FnMut(bool),
    ) -> Result<(), Stop> {
        for member in members.clone() {
            match (self.contains(txn, member), &self.stored) {
                (Ok(found), _) => visit(found),
                (Err(stop), Stored::Packed(_)) => return Err(stop),
                (Err(stop), Stored::Elements(elements)) => return Err(elements.need_all(txn, stop, members)),
            }
        }
        Ok(())
    }

    /// Shows the members in the order in which they are stored, until `visit` returns false.
    pub fn each(&self, txn: &mut Transaction<'_>, mut visit: impl FnMut(&[u8]) -> bool) -> Result<(), Stop> {
        match &self.stored {
            Stored::Packed(members) => {
                let mut members = members.clone();
                while members.next().is_some_and(&mut visit) {}
                Ok(())
            }
            Stored::Elements(elements) => elements.walk(txn, &elements.whole(), |_, member, _| visit(member)),
        }
    }

    /// As [`Set::each`] in the order of the members' hashes, and then of the members, from a hash and a member on.
    /// `visit` gets the hash too. The order does not depend on how the set is stored.
    pub fn each_ordered(
        &self,
        txn: &mut Transaction<'_>,
        from: (u32, &[u8]),
        mut visit: impl FnMut(u32, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        match &self.stored {
            Stored::Packed(members) => {
                let mut members: Vec<(u32, &[u8])> = members
                    .clone()
                    .map(|member| (order_hash(member), member))
                    .filter(|place| *place >= from)
                    .collect();
                members.sort_unstable();
                let mut members = members.into_iter();
                while members.next().is_some_and(|(hash, member)| visit(hash, member)) {}
                Ok(())
            }
            Stored::Elements(elements) => {
                elements.walk(txn, &elements.from(from), |hash, member, _| visit(hash, member))
            }
        }
    }

    /// The members, to choose from; the content of each is empty.
    pub fn population(&self) -> Population<'a> {
        match &self.stored {
            Stored::Packed(members) => {
                Population::Packed(members.clone().map(|member| (member, &b""[..])).collect())
            }
            Stored::Elements(elements) => Population::Elements(*elements, |value, _| Ok(Some(value))),
        }
    }
}
