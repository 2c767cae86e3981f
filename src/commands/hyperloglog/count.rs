//! PFADD, PFCOUNT, PFMERGE.

use std::borrow::Cow;

use super::{corrupt, open, put};
use crate::commands::{Args, Context, RunResult};
use crate::config::Events;
use crate::types::hyperloglog::{self, Form, REGISTERS};

pub(super) fn pfadd(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let found = open(cx, &entry)?.map(Cow::into_owned);
    // A new one counts as a change by itself.
    let mut changes = u64::from(found.is_none());
    let mut value = found.unwrap_or_else(hyperloglog::empty);
    let sparse_max = cx.settings.hll_sparse_max_bytes;
    for element in args.from(2) {
        changes += u64::from(hyperloglog::add(&mut value, element, sparse_max).map_err(corrupt)?);
    }
    if changes > 0 {
        hyperloglog::outdate(&mut value);
        put(cx, &mut entry, &value)?;
        cx.txn.add_changes(changes - 1);
        cx.txn.notify(Events::STRING, "pfadd", &entry);
    }
    cx.reply.integer(i64::from(changes > 0));
    Ok(())
}

pub(super) fn pfcount(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 2 {
        let mut registers = [0; REGISTERS];
        for key in args.from(1) {
            let entry = cx.txn.lookup(key)?;
            if let Some(value) = open(cx, &entry)? {
                hyperloglog::join(&mut registers, &value).map_err(corrupt)?;
            }
        }
        cx.reply.integer(hyperloglog::count_joined(&registers).cast_signed());
        return Ok(());
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let Some(value) = open(cx, &entry)? else {
        cx.reply.integer(0);
        return Ok(());
    };
    let estimate = match hyperloglog::cached(&value) {
        Some(estimate) => estimate,
        None => {
            let estimate = hyperloglog::count(&value).map_err(corrupt)?;
            // It reads, as far as clients can tell, but for the estimate in the value's header, which GET shows.
            let mut value = value.into_owned();
            hyperloglog::cache(&mut value, estimate);
            put(cx, &mut entry.clone(), &value)?;
            estimate
        }
    };
    cx.reply.integer(estimate.cast_signed());
    Ok(())
}

pub(super) fn pfmerge(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut registers = [0; REGISTERS];
    let mut dense = false;
    for key in args.from(1) {
        let entry = cx.txn.lookup(key)?;
        if let Some(value) = open(cx, &entry)? {
            dense |= hyperloglog::form(&value) == Some(Form::Dense);
            hyperloglog::join(&mut registers, &value).map_err(corrupt)?;
        }
    }
    let mut entry = cx.txn.entry(args.word(1))?;
    let mut value = open(cx, &entry)?.map_or_else(hyperloglog::empty, Cow::into_owned);
    if dense {
        hyperloglog::make_dense(&mut value).map_err(corrupt)?;
    }
    let sparse_max = cx.settings.hll_sparse_max_bytes;
    for (index, &number) in registers.iter().enumerate().filter(|(_, number)| **number > 0) {
        hyperloglog::raise(&mut value, index, number, sparse_max).map_err(corrupt)?;
    }
    hyperloglog::outdate(&mut value);
    put(cx, &mut entry, &value)?;
    cx.txn.notify(Events::STRING, "pfadd", &entry);
    cx.reply.ok();
    Ok(())
}
