//! Choosing fields at random: see [`crate::types::sample`].

use super::read::{Form, live};
use super::{Hash, corrupt, is_due};
use crate::encoding::packed_hash::{self, Field};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::types::sample::{Pair, Population};

impl<'a> Hash<'a> {
    /// Shows `count` fields, each chosen among all, until `visit` returns false. Shows none if there is none.
    pub fn choose_repeated(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        self.population(txn.expiry_clock_ms()).choose_repeated(txn, count, |pair| visit(field(pair)))
    }

    /// Shows `count` different fields, or all if there are not so many.
    pub fn choose_distinct(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Field<'_>),
    ) -> Result<(), Stop> {
        self.population(txn.expiry_clock_ms()).choose_distinct(txn, count, |pair| visit(field(pair)))
    }

    fn population(&self, now_ms: u64) -> Population<'a> {
        match self.form {
            Form::Packed(payload) => {
                Population::Packed(live(payload, now_ms).map(|field| (field.name, field.value)).collect())
            }
            Form::Elements(elements) => Population::Elements(elements, |value, now_ms| {
                let (expire_ms, value) = packed_hash::parse_element(value).ok_or_else(corrupt)?;
                Ok((!is_due(expire_ms, now_ms)).then_some(value))
            }),
        }
    }
}

fn field((name, value): Pair<'_>) -> Field<'_> {
    Field { name, expire_ms: None, value }
}
