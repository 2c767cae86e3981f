//! Intersections, unions and differences of sets.

use super::members::show_all;
use crate::commands::answer::{self, Whole};
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::number::parse_i64;
use crate::types::set::{Set, SetWriter, merge, probe};

/// What is made of several sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

impl Operation {
    /// Shows the members of the result, until `visit` returns false. The order means nothing.
    fn run(
        self,
        txn: &mut Transaction<'_>,
        sets: &[Set<'_>],
        mut visit: impl FnMut(&mut Transaction<'_>, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let Some((first, others)) = sets.split_first() else { return Ok(()) };
        match self {
            Operation::Intersection => {
                let mut sets: Vec<&Set<'_>> = sets.iter().collect();
                sets.sort_by_key(|set| set.len());
                if sets[0].is_empty() {
                    return Ok(());
                }
                probe(txn, sets[0], &sets[1..], true, visit)
            }
            Operation::Union => {
                let sets: Vec<&Set<'_>> = sets.iter().filter(|set| !set.is_empty()).collect();
                match sets.as_slice() {
                    [only] => probe(txn, only, &[], true, visit),
                    several => merge(txn, several, |txn, member, _| visit(txn, member)),
                }
            }
            Operation::Difference if first.is_empty() => Ok(()),
            Operation::Difference => {
                let mut others: Vec<&Set<'_>> = others.iter().filter(|set| !set.is_empty()).collect();
                if probing_is_cheaper(first, &others) {
                    // In the biggest one a member is found soonest.
                    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
                    return probe(txn, first, &others, false, visit);
                }
                others.insert(0, first);
                merge(
                    txn,
                    &others,
                    |txn, member, only_first| {
                        if only_first { visit(txn, member) } else { true }
                    },
                )
            }
        }
    }
}

/// Whether to look each member of `first` up in all others, rather than to go through all of them.
fn probing_is_cheaper(first: &Set<'_>, others: &[&Set<'_>]) -> bool {
    /// A look-up costs about as much as so many steps.
    const LOOK_UP: u64 = 4;
    let probing = first.len().saturating_mul(LOOK_UP).saturating_mul(others.len() as u64);
    if first.is_packed() {
        // Its order stays, as in Redis.
        return true;
    }
    let merging = others.iter().fold(first.len(), |sum, set| sum.saturating_add(set.len()));
    probing <= merging
}

/// Looks the keys up, in their order: the first one that holds another type decides.
fn entries<'k>(txn: &mut Transaction<'_>, keys: impl Iterator<Item = &'k [u8]>) -> Result<Vec<Entry>, Stop> {
    keys.map(|key| {
        let entry = txn.lookup(key)?;
        Set::open(&entry)?;
        Ok(entry)
    })
    .collect()
}

fn show(cx: &mut Context<'_, '_>, args: Args<'_>, operation: Operation) -> RunResult {
    let entries = entries(&mut cx.txn, args.from(1))?;
    let sets = entries.iter().map(Set::open).collect::<Result<Vec<_>, Stop>>()?;
    if let [only] = sets.as_slice() {
        return show_all(cx, only);
    }
    answer::show_all(cx, Whole::Set, None, |txn, see| operation.run(txn, &sets, |_, member| see(&[member])))
}

fn store(cx: &mut Context<'_, '_>, args: Args<'_>, operation: Operation, event: &'static str) -> RunResult {
    let entries = entries(&mut cx.txn, args.from(2))?;
    let sets = entries.iter().map(Set::open).collect::<Result<Vec<_>, Stop>>()?;
    let target = cx.txn.entry(args.word(1))?;
    let mut result = SetWriter::new(&target, cx.settings);
    operation.run(&mut cx.txn, &sets, |txn, member| {
        result.add(txn, member);
        true
    })?;
    let len = result.finish(&mut cx.txn)?;
    if len > 0 {
        cx.txn.notify(Events::SET, event, &target);
    } else if target.exists() {
        cx.txn.notify(Events::GENERIC, "del", &target);
    }
    cx.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn sinter(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Operation::Intersection)
}

pub(super) fn sunion(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Operation::Union)
}

pub(super) fn sdiff(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Operation::Difference)
}

pub(super) fn sinterstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    store(cx, args, Operation::Intersection, "sinterstore")
}

pub(super) fn sunionstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    store(cx, args, Operation::Union, "sunionstore")
}

pub(super) fn sdiffstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    store(cx, args, Operation::Difference, "sdiffstore")
}

pub(super) fn sintercard(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let count = parse_i64(args.word(1)).and_then(|count| usize::try_from(count).ok()).filter(|&n| n > 0);
    let count = count.ok_or_else(|| Stop::error("ERR numkeys should be greater than 0"))?;
    if count > args.len() - 2 {
        return Err(Stop::error("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut options = args.cursor(2 + count);
    while options.left() > 0 {
        if options.left() < 2 || !options.eat("LIMIT") {
            return Err(syntax_error());
        }
        limit = parse_i64(options.word()?)
            .and_then(|limit| u64::try_from(limit).ok())
            .ok_or_else(|| Stop::error("ERR LIMIT can't be negative"))?;
    }
    let entries = entries(&mut cx.txn, args.from(2).take(count))?;
    let sets = entries.iter().map(Set::open).collect::<Result<Vec<_>, Stop>>()?;
    let mut common = 0u64;
    if let [only] = sets.as_slice() {
        // Nothing has to be looked at.
        common = if limit == 0 { only.len() } else { only.len().min(limit) };
    } else {
        Operation::Intersection.run(&mut cx.txn, &sets, |_, _| {
            common += 1;
            common != limit
        })?;
    }
    cx.reply.integer(i64::try_from(common).unwrap_or(i64::MAX));
    Ok(())
}
