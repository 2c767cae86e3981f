//! A moment's keys by their positions: sums of them, their names, and single ones, for comparisons
//! ([`crate::replication::verify`]).

use super::*;
use crate::encoding::key;
use crate::encoding::meta::Type;
use crate::keyspace::slot::{self, SLOTS};
use crate::replication::verify::bisect::{Answer, Question};
use crate::replication::verify::{Found, Key, Span, Sum, hash, position};
use crate::server::Dumped;

/// What a walk shows: the database, the name, when it expires (Unix time in ms), and what counts of the key as a number.
/// False ends it.
type Visit<'a> = dyn FnMut(usize, MetaKey<'_>, Option<u64>, u128) -> bool + 'a;

impl Snapshot {
    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.view.namespaces().databases()
    }

    /// [`verify::hash::hash_of_functions`](crate::replication::verify::hash::hash_of_functions) of the libraries.
    pub fn functions(&self) -> u128 {
        let libraries = self.view.functions.libraries();
        crate::replication::verify::hash::hash_of_functions(libraries.map(|library| &library.code[..]))
    }

    /// Answers a question; `None` if `go_on`, which is asked before each key, says no.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn answer(
        &self,
        question: &Question,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>, Failure> {
        let mut ended = false;
        let mut goes_on = || {
            ended = !go_on();
            !ended
        };
        let answer = match *question {
            Question::Sums(span, parts) => {
                let mut sums = vec![Sum::default(); span.cut(parts).len()];
                self.walk(span, &mut |_, key, _, hash| {
                    sums[span.part_of(position(key.slot, key.hash), parts)].add(hash);
                    goes_on()
                })?;
                Answer::Sums(sums)
            }
            Question::Names(span) => {
                let mut names = Vec::new();
                self.walk(span, &mut |database, key, _, hash| {
                    names.push(Found { key: Key { database, name: key.key.to_vec() }, hash });
                    goes_on()
                })?;
                Answer::Names(names)
            }
        };
        Ok((!ended).then_some(answer))
    }

    /// Shows all keys of a span.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn walk(&self, span: Span, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let (first, last) = (span.slots().next(), span.slots().last());
        let whole =
            |piece: Option<(u16, u64, u64)>| piece.is_some_and(|(_, from, to)| from == 0 && to == 1 << 32);
        if let (Some((from, ..)), Some((to, ..))) = (first, last)
            && whole(first)
            && whole(last)
        {
            let upper = if to + 1 == SLOTS { Vec::new() } else { (to + 1).to_be_bytes().to_vec() };
            return self.walk_range(&Range { lower: from.to_be_bytes().to_vec(), upper }, visit).map(|_| ());
        }
        for (slot, from, to) in span.slots() {
            for database in 0..self.databases() {
                let namespace = self.view.namespaces().of(database);
                // Less than 2³²: it is within the slot.
                let lower = key::meta_position(slot, namespace, from as u32).to_vec();
                let upper = match u32::try_from(to) {
                    Ok(to) => key::meta_position(slot, namespace, to).to_vec(),
                    Err(_) => key::successor(&key::meta_slot(slot, namespace)).to_vec(),
                };
                if !self.walk_range(&Range { lower, upper }, visit)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns whether it went to the end.
    fn walk_range(&self, range: &Range, visit: &mut Visit<'_>) -> Result<bool, Failure> {
        let mut outcome = Ok(true);
        self.view.range(Family::Meta, range, |meta_key, stored| {
            outcome = self.visit(meta_key, stored, visit);
            Ok(matches!(outcome, Ok(true)))
        })?;
        outcome
    }

    fn visit(&self, meta_key: &[u8], stored: &[u8], visit: &mut Visit<'_>) -> Result<bool, Failure> {
        let corrupt = || Failure::Corrupt(meta_key.escape_ascii().to_string());
        let key = MetaKey::parse(meta_key).ok_or_else(corrupt)?;
        let Some(database) = self.view.namespaces().database_of(key.namespace) else { return Ok(true) };
        let found = self.held(database, key.key, stored)?;
        Ok(found.is_none_or(|(value, expire_ms)| {
            visit(database, key, expire_ms, hash(database, key.key, expire_ms, &value))
        }))
    }

    /// What the entry of a key says that it holds, and when it expires.
    fn held(
        &self,
        database: usize,
        key: &[u8],
        stored: &[u8],
    ) -> Result<Option<(Value, Option<u64>)>, Failure> {
        let meta = Meta::parse(stored).ok_or_else(|| Failure::Corrupt(key.escape_ascii().to_string()))?;
        let value = match meta.kind == Type::String && !meta.by_elements {
            true => Some(Value::String(meta.payload.to_vec())),
            false => self.value(database, key)?,
        };
        Ok(value.map(|value| (value, meta.expire_ms)))
    }

    /// What a key holds, and when it expires, whatever time it is; `None` if it is not there.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn find(&self, wanted: &Key) -> Result<Option<(Value, Option<u64>)>, Failure> {
        if wanted.database >= self.databases() {
            return Ok(None);
        }
        let namespace = self.view.namespaces().of(wanted.database);
        let lower = key::meta(slot::of_key(&wanted.name), namespace, &wanted.name).to_vec();
        let upper = [&lower[..], b"\0"].concat();
        let mut found = Ok(None);
        self.view.range(Family::Meta, &Range { lower, upper }, |_, stored| {
            found = self.held(wanted.database, &wanted.name, stored);
            Ok(false)
        })?;
        found
    }

    /// As [`Snapshot::find`], with the value as DUMP has it.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn dump(&self, wanted: &Key, settings: &Settings) -> Result<Dumped, Failure> {
        let found = self.find(wanted)?;
        Ok(found.map(|(value, expire_ms)| (rdb::dump::encode(&value, &limits(settings)), expire_ms)))
    }
}
