//! ZUNION, ZINTER, ZDIFF, ZINTERCARD, and those that store what they find.

use std::collections::HashMap;

use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::config::Events;
use crate::encoding::sorted_set::ordered;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::number::{parse_f64, parse_i64};
use crate::resp::Protocol;
use crate::types::scored;
use crate::types::sorted_set::SortedSet;

/// A set with so many times more members than the smallest one is asked for single members, and not read whole.
const MANY_TIMES: u64 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            // Infinity and its negative make zero, as in Redis.
            Aggregate::Sum => not_nan(one + other),
            Aggregate::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// One of the keys that members come from.
#[derive(Debug)]
struct Source {
    entry: Entry,
    len: u64,
    weight: f64,
}

/// What a command is asked for.
#[derive(Debug)]
struct Wanted {
    operation: Operation,
    sources: Vec<Source>,
    aggregate: Aggregate,
    with_scores: bool,
    /// ZINTERCARD: how far to count; 0 is no limit.
    limit: u64,
}

/// What sets the commands apart whose words are read here.
#[derive(Debug, Clone, Copy)]
struct Form {
    name: &'static str,
    operation: Operation,
    /// Where the number of keys stands.
    numkeys: usize,
    /// Only the number of members is asked for.
    counts: bool,
}

impl Wanted {
    fn read(cx: &mut Context<'_, '_>, args: Args<'_>, form: Form) -> Result<Wanted, Stop> {
        let count = args.integer(form.numkeys)?;
        if count < 1 {
            let name = form.name;
            return Err(Stop::error(format!("ERR at least 1 input key is needed for '{name}' command")));
        }
        let first = form.numkeys + 1;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > args.len().saturating_sub(first) {
            return Err(syntax_error());
        }
        let mut sources = Vec::with_capacity(count);
        for key in args.from(first).take(count) {
            let entry = cx.txn.lookup(key)?;
            sources.push(Source { len: scored::len(&entry)?, entry, weight: 1.0 });
        }
        let mut wanted = Wanted {
            operation: form.operation,
            sources,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        wanted.read_options(args, first + count, form)?;
        Ok(wanted)
    }

    fn read_options(&mut self, args: Args<'_>, at: usize, form: Form) -> Result<(), Stop> {
        let weighs = form.operation != Operation::Diff && !form.counts;
        let shows = form.numkeys == 1 && !form.counts;
        let mut options = args.cursor(at);
        while options.left() > 0 {
            if weighs && options.left() > self.sources.len() && options.eat("WEIGHTS") {
                for source in &mut self.sources {
                    source.weight = parse_f64(options.word()?)
                        .ok_or_else(|| Stop::error("ERR weight value is not a float"))?;
                }
            } else if weighs && options.left() > 1 && options.eat("AGGREGATE") {
                self.aggregate = if options.eat("SUM") {
                    Aggregate::Sum
                } else if options.eat("MIN") {
                    Aggregate::Min
                } else if options.eat("MAX") {
                    Aggregate::Max
                } else {
                    return Err(syntax_error());
                };
            } else if shows && options.eat("WITHSCORES") {
                self.with_scores = true;
            } else if form.counts && options.left() > 1 && options.eat("LIMIT") {
                let limit = parse_i64(options.word()?).and_then(|limit| u64::try_from(limit).ok());
                self.limit = limit.ok_or_else(|| Stop::error("ERR LIMIT can't be negative"))?;
            } else {
                return Err(syntax_error());
            }
        }
        Ok(())
    }

    /// The members of the result, in order.
    fn result(mut self, txn: &mut Transaction<'_>) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
        if self.operation != Operation::Diff {
            // The order in which scores are added makes a difference, and this is Redis's.
            self.sources.sort_by_key(|source| source.len);
        }
        let mut found = match self.operation {
            Operation::Union => self.union(txn)?,
            Operation::Inter => self.inter(txn)?,
            Operation::Diff => self.diff(txn)?,
        };
        found.sort_unstable_by(|one, other| {
            ordered(one.0).cmp(&ordered(other.0)).then_with(|| one.1.cmp(&other.1))
        });
        Ok(found)
    }

    fn union(&self, txn: &mut Transaction<'_>) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
        let mut found: HashMap<Vec<u8>, f64, ahash::RandomState> = HashMap::default();
        for source in &self.sources {
            scored::each(txn, &source.entry, |score, member| {
                let score = not_nan(source.weight * score);
                match found.get_mut(member) {
                    Some(sum) => *sum = self.aggregate.of(*sum, score),
                    None => drop(found.insert(member.to_vec(), score)),
                }
                true
            })?;
        }
        Ok(found.into_iter().map(|(member, score)| (score, member)).collect())
    }

    fn inter(&self, txn: &mut Transaction<'_>) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
        let Some((smallest, others)) = self.sources.split_first() else { return Ok(Vec::new()) };
        let mut left = whole(txn, smallest)?;
        for (score, _) in &mut left {
            *score = not_nan(smallest.weight * *score);
        }
        for other in others {
            if left.is_empty() {
                break;
            }
            let mut scores = scores_of(txn, other, &left)?.into_iter();
            left.retain_mut(|(score, _)| match scores.next().flatten() {
                Some(more) => {
                    *score = self.aggregate.of(*score, more * other.weight);
                    true
                }
                None => false,
            });
        }
        Ok(left)
    }

    fn diff(&self, txn: &mut Transaction<'_>) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
        let Some((first, others)) = self.sources.split_first() else { return Ok(Vec::new()) };
        let mut left = whole(txn, first)?;
        for other in others {
            if left.is_empty() {
                break;
            }
            let mut scores = scores_of(txn, other, &left)?.into_iter();
            left.retain(|_| scores.next().flatten().is_none());
        }
        Ok(left)
    }
}

fn whole(txn: &mut Transaction<'_>, source: &Source) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
    let mut all = Vec::new();
    scored::each(txn, &source.entry, |score, member| {
        all.push((score, member.to_vec()));
        true
    })?;
    Ok(all)
}

/// The scores that some members have in a source.
fn scores_of(
    txn: &mut Transaction<'_>,
    source: &Source,
    members: &[(f64, Vec<u8>)],
) -> Result<Vec<Option<f64>>, Stop> {
    let members = members.iter().map(|(_, member)| &member[..]);
    if source.len > MANY_TIMES.saturating_mul(members.len() as u64) {
        return scored::scores(txn, &source.entry, members);
    }
    let mut all: HashMap<Vec<u8>, f64, ahash::RandomState> = HashMap::default();
    scored::each(txn, &source.entry, |score, member| {
        all.insert(member.to_vec(), score);
        true
    })?;
    Ok(members.map(|member| all.get(member).copied()).collect())
}

fn show(cx: &mut Context<'_, '_>, args: Args<'_>, name: &'static str, operation: Operation) -> RunResult {
    let wanted = Wanted::read(cx, args, Form { name, operation, numkeys: 1, counts: false })?;
    let with_scores = wanted.with_scores;
    let found = wanted.result(&mut cx.txn)?;
    let nested = with_scores && cx.reply.protocol() == Protocol::Resp3;
    cx.reply.array(if with_scores && !nested { 2 * found.len() } else { found.len() });
    for (score, member) in &found {
        if nested {
            cx.reply.array(2);
        }
        cx.reply.bulk(member);
        if with_scores {
            cx.reply.double(*score);
        }
        cx.reply.may_leave();
    }
    Ok(())
}

pub(super) fn zunion(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, "zunion", Operation::Union)
}

pub(super) fn zinter(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, "zinter", Operation::Inter)
}

pub(super) fn zdiff(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, "zdiff", Operation::Diff)
}

pub(super) fn zintercard(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let form = Form { name: "zintercard", operation: Operation::Inter, numkeys: 1, counts: true };
    let wanted = Wanted::read(cx, args, form)?;
    let limit = if wanted.limit == 0 { u64::MAX } else { wanted.limit };
    let found = wanted.result(&mut cx.txn)?.len() as u64;
    cx.reply.integer(found.min(limit) as i64);
    Ok(())
}

fn combine_and_store(
    cx: &mut Context<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    operation: Operation,
) -> RunResult {
    let wanted = Wanted::read(cx, args, Form { name, operation, numkeys: 2, counts: false })?;
    let found = wanted.result(&mut cx.txn)?;
    store(cx, args.word(1), &found, name)
}

pub(super) fn zunionstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    combine_and_store(cx, args, "zunionstore", Operation::Union)
}

pub(super) fn zinterstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    combine_and_store(cx, args, "zinterstore", Operation::Inter)
}

pub(super) fn zdiffstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    combine_and_store(cx, args, "zdiffstore", Operation::Diff)
}

/// Puts members, each of which is named once, in the place of whatever a key holds, and answers how many they are.
/// Without any the key is removed.
pub(in crate::commands) fn store(
    cx: &mut Context<'_, '_>,
    key: &[u8],
    members: &[(f64, Vec<u8>)],
    event: &'static str,
) -> RunResult {
    let mut entry = cx.txn.entry(key)?;
    cx.reply.integer(members.len() as i64);
    if members.is_empty() {
        if cx.txn.remove(&mut entry)? {
            cx.txn.notify(Events::GENERIC, "del", &entry);
        }
        return Ok(());
    }
    let mut set = SortedSet::empty(&entry);
    for (score, member) in members {
        set.set(&mut cx.txn, member, None, *score)?;
    }
    set.count_as_one();
    set.finish(&mut cx.txn, Some(cx.settings))?;
    cx.txn.notify(Events::ZSET, event, &entry);
    Ok(())
}
