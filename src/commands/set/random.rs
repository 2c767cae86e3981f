//! SPOP and SRANDMEMBER.

use super::members::{finish_removal, show_all};
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::parse_i64;
use crate::types::draw;
use crate::types::sample::Population;
use crate::types::set::{Set, SetEdit};

/// How many members one SREM in the log names.
const MEMBERS_OF_AN_EFFECT: usize = 1024;

pub(super) fn spop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(syntax_error());
    }
    if args.len() == 3 {
        return spop_several(cx, args);
    }
    let entry = cx.txn.entry(args.word(1))?;
    match take(cx, &entry, 1)?.pop() {
        Some(member) => cx.reply.bulk(&member),
        None => cx.reply.null(),
    }
    Ok(())
}

fn spop_several(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let count = parse_i64(args.word(2)).and_then(|count| u64::try_from(count).ok());
    let count = count.ok_or_else(|| Stop::error("ERR value is out of range, must be positive"))?;
    let entry = cx.txn.entry(args.word(1))?;
    let set = Set::open(&entry)?;
    let len = set.len();
    if count < len {
        let taken = take(cx, &entry, count)?;
        cx.reply.set(taken.len());
        taken.iter().for_each(|member| cx.reply.bulk(member));
        return Ok(());
    }
    show_all(cx, &set)?;
    if len > 0 {
        cx.txn.remove(&mut entry.clone())?;
        // Removing the key has counted as one change.
        cx.txn.add_changes(len - 1);
        cx.txn.effect(&[b"DEL", args.word(1)]);
        cx.txn.notify(Events::SET, "spop", &entry);
        cx.txn.notify(Events::GENERIC, "del", &entry);
    }
    Ok(())
}

/// Takes up to `count` members out of a set, each with the same chance. The log gets which they were.
fn take(cx: &mut Context<'_, '_>, entry: &Entry, count: u64) -> Result<Vec<Vec<u8>>, Stop> {
    let mut taken = Vec::new();
    // The set is not touched before all are chosen: a range must not hold what the command wrote.
    let mut choose = |member: &[u8]| taken.push(member.to_vec());
    let population = Set::open(entry)?.population();
    let drawn = match &population {
        Population::Elements(elements, _) if count == 1 => draw::draw(&mut cx.txn, elements)?,
        _ => None,
    };
    if let Some(member) = drawn {
        choose(&member);
    } else if count == 1 {
        population.choose_repeated(&mut cx.txn, 1, |(member, _)| {
            choose(member);
            true
        })?;
    } else {
        population.choose_distinct(&mut cx.txn, count, |(member, _)| choose(member))?;
    }
    if taken.is_empty() {
        return Ok(taken);
    }
    let mut set = SetEdit::open(entry)?;
    for member in &taken {
        set.take(&mut cx.txn, member);
    }
    for members in taken.chunks(MEMBERS_OF_AN_EFFECT) {
        let mut words: Vec<&[u8]> = vec![b"SREM", entry.key()];
        words.extend(members.iter().map(Vec::as_slice));
        cx.txn.effect(&words);
    }
    finish_removal(&mut cx.txn, set, entry, "spop")?;
    Ok(taken)
}

pub(super) fn srandmember(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(syntax_error());
    }
    if args.len() == 3 {
        return srandmember_several(cx, args);
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let reply = &mut *cx.reply;
    let mut found = false;
    Set::open(&entry)?.population().choose_repeated(&mut cx.txn, 1, |(member, _)| {
        reply.bulk(member);
        found = true;
        true
    })?;
    if !found {
        cx.reply.null();
    }
    Ok(())
}

fn srandmember_several(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let count = args.integer(2)?;
    if count == i64::MIN {
        let most = i64::MAX;
        return Err(Stop::error(format!("ERR value is out of range, value must between -{most} and {most}")));
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let population = Set::open(&entry)?.population();
    let (mark, mut shown) = (cx.reply.deferred(), 0);
    let reply = &mut *cx.reply;
    if count >= 0 {
        population.choose_distinct(&mut cx.txn, count.unsigned_abs(), |(member, _)| {
            reply.bulk(member);
            shown += 1;
        })?;
    } else {
        // A reply has no bound in Redis, which dies of a great one; here it is that of a string.
        const SHORTEST: u64 = 6;
        let (most, start, count) = (cx.settings.max_bulk_len, reply.len(), count.unsigned_abs());
        let mut fits = count.saturating_mul(SHORTEST) <= most || !entry.exists();
        if fits {
            population.choose_repeated(&mut cx.txn, count, |(member, _)| {
                reply.bulk(member);
                shown += 1;
                fits = (reply.len() - start) as u64 <= most;
                fits
            })?;
        }
        if !fits {
            return Err(Stop::error("ERR value is out of range"));
        }
    }
    cx.reply.set_array_len(mark, shown);
    Ok(())
}
