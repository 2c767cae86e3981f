//! COPY, MOVE, RENAME, RENAMENX: what one key holds under another name or in another database.
//!
//! A string or a small hash is its Meta value, which is written again. Elements of a bigger collection stand
//! under slot, namespace and version: they are copied when one of the first two changes, and stay where they
//! are when only the name does.

use super::keys::database_argument;
use super::{Args, Context, RunResult};
use crate::commands::args::syntax_error;
use crate::config::Events;
use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_hash;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::{self, hash};

fn same_object() -> Stop {
    Stop::error("ERR source and destination objects are the same")
}

pub(super) fn copy(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let txn = &mut cx.txn;
    let (mut replace, mut database) = (false, txn.database());
    let mut options = args.cursor(3);
    while options.left() > 0 {
        if options.eat("REPLACE") {
            replace = true;
        } else if options.left() > 1 && options.eat("DB") {
            database = database_argument(options.word()?, txn.databases())?;
        } else {
            return Err(syntax_error());
        }
    }
    if database == txn.database() && args.word(1) == args.word(2) {
        return Err(same_object());
    }
    let source = txn.lookup(args.word(1))?;
    let mut target = txn.entry_in(txn.namespace_of(database), args.word(2))?;
    let copied = match source.meta() {
        Some(meta) if replace || !target.exists() => {
            let replaced = target.exists();
            copy_to(txn, &source, &mut target, meta.expire_ms)?;
            tell_new(txn, replaced, &target);
            txn.notify(Events::GENERIC, "copy_to", &target);
            true
        }
        _ => false,
    };
    cx.reply.integer(i64::from(copied));
    Ok(())
}

/// MOVE; its name in Rust is a keyword.
pub(super) fn move_key(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let txn = &mut cx.txn;
    let database = database_argument(args.word(2), txn.databases())?;
    if database == txn.database() {
        return Err(same_object());
    }
    let mut source = txn.entry(args.word(1))?;
    let mut target = txn.entry_in(txn.namespace_of(database), args.word(1))?;
    let moved = source.exists() && !target.exists();
    if moved {
        move_to(txn, &mut source, &mut target)?;
        txn.notify(Events::GENERIC, "move_from", &source);
        txn.notify(Events::GENERIC, "move_to", &target);
    }
    cx.reply.integer(i64::from(moved));
    Ok(())
}

pub(super) fn rename(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    rename_key(cx, args, true)?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn renamenx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let renamed = rename_key(cx, args, false)?;
    cx.reply.integer(i64::from(renamed));
    Ok(())
}

/// Renames a key. Returns whether it did: not if it has the name already, or another key has and `replace` is
/// false.
fn rename_key(cx: &mut Context<'_, '_>, args: Args<'_>, replace: bool) -> Result<bool, Stop> {
    let txn = &mut cx.txn;
    let mut source = txn.entry(args.word(1))?;
    if !source.exists() {
        return Err(Stop::error("ERR no such key"));
    }
    if args.word(1) == args.word(2) {
        return Ok(false);
    }
    let mut target = txn.entry(args.word(2))?;
    if target.exists() && !replace {
        return Ok(false);
    }
    let replaced = target.exists();
    move_to(txn, &mut source, &mut target)?;
    tell_new(txn, replaced, &target);
    txn.notify(Events::GENERIC, "rename_from", &source);
    txn.notify(Events::GENERIC, "rename_to", &target);
    Ok(true)
}

/// A key that takes another one's place is a new one too.
fn tell_new(txn: &mut Transaction<'_>, replaced: bool, target: &Entry) {
    if replaced {
        txn.notify(Events::NEW, "new", target);
    }
}

/// Puts what `source` holds, and its expiry, in the place of what `target` holds, and removes `source`.
fn move_to(txn: &mut Transaction<'_>, source: &mut Entry, target: &mut Entry) -> RunResult {
    let stored = source.clone();
    let Some(meta) = stored.meta() else { return Ok(()) };
    let stays = meta.by_elements && source.slot == target.slot && source.namespace == target.namespace;
    if stays && !(meta.kind == Type::Hash && hash::may_have_field_expiry(&meta)) {
        txn.put(target, &meta)?;
        txn.remove_moved(source)?;
        return Ok(());
    }
    copy_to(txn, &stored, target, meta.expire_ms)?;
    index_fields(txn, &meta, source, false);
    txn.remove(source)?;
    Ok(())
}

/// Puts a copy of what `source` holds in the place of what `target` holds.
fn copy_to(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> RunResult {
    let Some(meta) = source.meta() else { return Ok(()) };
    if meta.by_elements {
        return types::copy_elements(txn, source, target, expire_ms);
    }
    txn.put(target, &Meta { expire_ms, ..meta })?;
    index_fields(txn, &meta, target, true);
    Ok(())
}

/// Adds or removes what the expiry index has of the fields of a small hash: its entries name the key.
fn index_fields(txn: &mut Transaction<'_>, meta: &Meta<'_>, entry: &Entry, present: bool) {
    if meta.kind != Type::Hash || meta.by_elements {
        return;
    }
    for field in packed_hash::fields(meta.payload) {
        if let Some(at_ms) = field.expire_ms {
            txn.index_field(entry, field.name, at_ms, present);
        }
    }
}
