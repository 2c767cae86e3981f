//! XADD, XTRIM, XDEL, XSETID.

use super::options::{add_options, id, ids};
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::Stop;
use crate::number::Decimal;
use crate::types::stream::{LARGEST_ENTRY, NewId, Stream, StreamId, write_id};

pub(super) fn xadd(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = add_options(args, true, cx.settings)?;
    let first = options.id_at + 1;
    let words = args.len().saturating_sub(first);
    if words < 2 || !words.is_multiple_of(2) {
        return Err(Stop::error("ERR wrong number of arguments for 'xadd' command"));
    }
    if options.id == NewId::Exactly(StreamId::ZERO) {
        return Err(Stop::error("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let txn = &mut cx.txn;
    let entry = txn.entry(args.word(1))?;
    if options.only_existing && !entry.exists() {
        cx.reply.null();
        return Ok(());
    }
    let mut stream = Stream::open_or_create(txn, &entry)?;
    if stream.head.last == StreamId::MAX {
        return Err(Stop::error(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let Some(id) = stream.next_id(options.id, txn.now_ms()) else {
        return Err(Stop::error(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ));
    };
    if args.from(first).map(|word| word.len() as u64).sum::<u64>() > LARGEST_ENTRY {
        return Err(Stop::error("ERR Elements are too large to be stored"));
    }
    let pairs: Vec<_> = (first..args.len()).step_by(2).map(|at| (args.word(at), args.word(at + 1))).collect();
    stream.append(txn, id, &pairs, cx.settings)?;
    txn.notify(Events::STREAM, "xadd", stream.entry());
    let removed = match &options.trim {
        Some(trim) => stream.trim(txn, trim)?,
        None => 0,
    };
    if removed > 0 {
        txn.notify(Events::STREAM, "xtrim", stream.entry());
    }
    // The log gets the id as it is now, and what is left instead of how it came to be.
    if !matches!(options.id, NewId::Exactly(_)) || options.trim.is_some_and(|trim| trim.whole_nodes) {
        let (id, length) = (id.to_string(), Decimal::unsigned(stream.head.len));
        let mut effect: Vec<&[u8]> = vec![b"XADD", args.word(1)];
        if removed > 0 {
            effect.extend([&b"MAXLEN"[..], b"=", length.as_bytes()]);
        }
        effect.push(id.as_bytes());
        effect.extend(args.from(first));
        txn.effect(&effect);
    }
    stream.save(txn)?;
    write_id(cx.reply, id);
    Ok(())
}

pub(super) fn xtrim(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = add_options(args, false, cx.settings)?;
    let txn = &mut cx.txn;
    let entry = txn.entry(args.word(1))?;
    let mut removed = 0;
    if let (Some(mut stream), Some(trim)) = (Stream::open(&entry)?, options.trim) {
        removed = stream.trim(txn, &trim)?;
        if removed > 0 {
            txn.notify(Events::STREAM, "xtrim", stream.entry());
            if trim.whole_nodes {
                let length = Decimal::unsigned(stream.head.len);
                txn.effect(&[b"XTRIM", args.word(1), b"MAXLEN", b"=", length.as_bytes()]);
            }
            txn.add_changes(removed - 1);
            stream.save(txn)?;
        }
    }
    cx.reply.integer(removed as i64);
    Ok(())
}

pub(super) fn xdel(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let txn = &mut cx.txn;
    let entry = txn.entry(args.word(1))?;
    let Some(mut stream) = Stream::open(&entry)? else {
        cx.reply.integer(0);
        return Ok(());
    };
    let mut removed = 0;
    for id in ids(args, 2)? {
        if stream.delete(txn, id)? {
            stream.head.max_deleted = stream.head.max_deleted.max(id);
            removed += 1;
        }
    }
    if removed > 0 {
        txn.notify(Events::STREAM, "xdel", stream.entry());
        txn.add_changes(removed - 1);
        stream.save(txn)?;
    }
    cx.reply.integer(removed as i64);
    Ok(())
}

pub(super) fn xsetid(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let last = id(args.word(2))?;
    let (mut added, mut max_deleted) = (None, StreamId::ZERO);
    let mut options = args.cursor(3);
    while options.left() > 0 {
        if options.left() > 1 && options.eat("ENTRIESADDED") {
            let count = options.integer()?;
            added =
                Some(u64::try_from(count).map_err(|_| Stop::error("ERR entries_added must be positive"))?);
        } else if options.left() > 1 && options.eat("MAXDELETEDID") {
            max_deleted = id(options.word()?)?;
            if last < max_deleted {
                return Err(Stop::error(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(syntax_error());
        }
    }
    let txn = &mut cx.txn;
    let entry = txn.entry(args.word(1))?;
    let Some(mut stream) = Stream::open(&entry)? else { return Err(Stop::error("ERR no such key")) };
    if last < stream.head.max_deleted {
        return Err(Stop::error(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last_entry(txn)?.is_some_and(|top| last < top) {
        return Err(Stop::error("ERR The ID specified in XSETID is smaller than the target stream top item"));
    }
    if stream.head.len > 0 && added.is_some_and(|added| stream.head.len > added) {
        return Err(Stop::error(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.head.last = last;
    stream.head.added = added.unwrap_or(stream.head.added);
    if max_deleted != StreamId::ZERO {
        stream.head.max_deleted = max_deleted;
    }
    stream.save(txn)?;
    txn.spare_watches();
    txn.notify(Events::STREAM, "xsetid", stream.entry());
    cx.reply.ok();
    Ok(())
}
