//! ZRANDMEMBER.

use std::collections::HashSet;

use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::resp::{Protocol, Reply};
use crate::types::sorted_set::SortedSet;

/// Choosing one member by its rank costs about as much as looking at so many one after the other.
const COST_OF_A_CHOICE: u64 = 16;

pub(super) fn zrandmember(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 2 {
        return several(cx, args);
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    if set.is_empty() {
        cx.reply.null();
        return Ok(());
    }
    let rank = cx.txn.random.u64(0..set.len());
    let reply = &mut *cx.reply;
    at_rank(&mut cx.txn, &mut set, rank, |_, member| reply.bulk(member))
}

/// Shows the member at a rank that was chosen at random. If it has to be read from disk, all of the tree is asked
/// for: the choice will be another one then.
fn at_rank(
    txn: &mut Transaction<'_>,
    set: &mut SortedSet<'_>,
    rank: u64,
    mut visit: impl FnMut(f64, &[u8]),
) -> Result<(), Stop> {
    let shown = set.walk(txn, rank, 1, false, |score, member| {
        visit(score, member);
        true
    });
    shown.map_err(|stop| match (stop, set.tree_need()) {
        (Stop::Need(_), Some(need)) => Stop::Need(vec![need]),
        (stop, _) => stop,
    })
}

fn out_of_range() -> Stop {
    Stop::error("ERR value is out of range")
}

fn several(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let count = args.integer(2)?;
    if count == i64::MIN {
        let most = i64::MAX;
        return Err(Stop::error(format!("ERR value is out of range, value must between -{most} and {most}")));
    }
    let with_scores = args.len() > 3;
    if args.len() > 4 || (with_scores && !args.word(3).eq_ignore_ascii_case(b"withscores")) {
        return Err(syntax_error());
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(out_of_range());
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    let (mark, mut shown) = (cx.reply.deferred(), 0);
    let (reply, txn) = (&mut *cx.reply, &mut cx.txn);
    if count >= 0 {
        distinct(txn, &mut set, count as u64, |score, member| {
            show(reply, member, with_scores.then_some(score));
            shown += 1;
        })?;
    } else {
        let most = cx.settings.max_bulk_len;
        shown = repeated(txn, reply, &mut set, count.unsigned_abs(), with_scores, most)?;
    }
    let flat = with_scores && cx.reply.protocol() == Protocol::Resp2;
    cx.reply.set_array_len(mark, if flat { 2 * shown } else { shown });
    Ok(())
}

/// Shows `count` different members, or all if there are not so many.
fn distinct(
    txn: &mut Transaction<'_>,
    set: &mut SortedSet<'_>,
    count: u64,
    mut visit: impl FnMut(f64, &[u8]),
) -> Result<(), Stop> {
    let len = set.len();
    let mut random = txn.random.fork();
    if count.saturating_mul(COST_OF_A_CHOICE) >= len {
        // Each is taken with the chance that the right number is taken in the end.
        let (mut left, mut wanted) = (len, count.min(len));
        return set.each(txn, |score, member| {
            if random.u64(0..left) < wanted {
                visit(score, member);
                wanted -= 1;
            }
            left -= 1;
            wanted > 0
        });
    }
    let mut chosen = HashSet::new();
    while (chosen.len() as u64) < count {
        let rank = random.u64(0..len);
        if chosen.insert(rank) {
            at_rank(txn, set, rank, &mut visit)?;
        }
    }
    Ok(())
}

/// Shows `count` members, each chosen among all; how many there were. A reply has no bound in Redis, which dies of
/// a great one; here it is that of a string.
fn repeated(
    txn: &mut Transaction<'_>,
    reply: &mut Reply,
    set: &mut SortedSet<'_>,
    count: u64,
    with_scores: bool,
    most_bytes: u64,
) -> Result<usize, Stop> {
    const SHORTEST: u64 = 6;
    let (start, len) = (reply.len(), set.len());
    if len == 0 {
        return Ok(0);
    }
    if count.saturating_mul(SHORTEST) > most_bytes {
        return Err(out_of_range());
    }
    let mut random = txn.random.fork();
    let mut all: Vec<(f64, Vec<u8>)> = Vec::new();
    if count.saturating_mul(COST_OF_A_CHOICE) >= len {
        set.each(txn, |score, member| {
            all.push((score, member.to_vec()));
            true
        })?;
    }
    for _ in 0..count {
        let rank = random.u64(0..len);
        match all.get(rank as usize) {
            Some((score, member)) => show(reply, member, with_scores.then_some(*score)),
            None => at_rank(txn, set, rank, |score, member| {
                show(reply, member, with_scores.then_some(score));
            })?,
        }
        if (reply.len() - start) as u64 > most_bytes {
            return Err(out_of_range());
        }
    }
    Ok(count as usize)
}

/// A pair is an array in RESP3, and in RESP2 two elements of the reply.
fn show(reply: &mut Reply, member: &[u8], score: Option<f64>) {
    if score.is_some() && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(member);
    if let Some(score) = score {
        reply.double(score);
    }
}
