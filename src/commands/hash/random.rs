//! HRANDFIELD.

use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::encoding::packed_hash::Field;
use crate::keyspace::transaction::Stop;
use crate::resp::{Protocol, Reply};
use crate::types::hash::Hash;

pub(super) fn hrandfield(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 2 {
        return several(cx, args);
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let reply = &mut *cx.reply;
    let mut found = false;
    Hash::open(&entry)?.choose_repeated(&mut cx.txn, 1, |field| {
        reply.bulk(field.name);
        found = true;
        true
    })?;
    if !found {
        cx.reply.null();
    }
    Ok(())
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
    let values = args.len() > 3;
    if args.len() > 4 || (values && !args.word(3).eq_ignore_ascii_case(b"withvalues")) {
        return Err(syntax_error());
    }
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(out_of_range());
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let (mark, mut shown) = (cx.reply.deferred(), 0);
    let reply = &mut *cx.reply;
    if count >= 0 {
        hash.choose_distinct(&mut cx.txn, count as u64, |field| {
            show(reply, field, values);
            shown += 1;
        })?;
    } else {
        // A reply has no bound in Redis, which dies of a great one; here it is that of a string.
        const SHORTEST: u64 = 6;
        let (most, start) = (cx.settings.max_bulk_len, reply.len());
        let count = count.unsigned_abs();
        let mut fits = count.saturating_mul(SHORTEST) <= most || !entry.exists();
        if fits {
            hash.choose_repeated(&mut cx.txn, count, |field| {
                show(reply, field, values);
                shown += 1;
                fits = (reply.len() - start) as u64 <= most;
                fits
            })?;
        }
        if !fits {
            return Err(out_of_range());
        }
    }
    let flat = values && cx.reply.protocol() == Protocol::Resp2;
    cx.reply.set_array_len(mark, if flat { 2 * shown } else { shown });
    Ok(())
}

/// A pair is an array in RESP3, and in RESP2 two elements of the reply.
fn show(reply: &mut Reply, field: Field<'_>, values: bool) {
    if values && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(field.name);
    if values {
        reply.bulk(field.value);
    }
}
