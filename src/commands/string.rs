//! String commands.

use super::args::{not_an_integer, syntax_error};
use super::*;
use crate::encoding::meta::{Meta, Type};

/// The string commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "get",
        syntax: "key",
        summary: "Returns the string at a key.",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(get),
        ..Command::BASE
    },
    Command {
        name: "set",
        syntax: "key value [<NX | XX>] [GET] [<EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL>]",
        summary: "Stores a string at a key, whatever the key held before.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags(&["RW", "access", "update", "variable_flags"]))],
        run: Run::Keys(set),
        ..Command::BASE
    },
];

fn get(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    match entry.typed(Type::String)? {
        Some(meta) => cx.reply.bulk(meta.payload),
        None => cx.reply.null(),
    }
    Ok(())
}

fn set(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry_blind(args.word(1))?;
    cx.txn.put(&mut entry, &Meta::string(args.word(2), None))?;
    cx.reply.ok();
    let _ = (not_an_integer, syntax_error);
    Ok(())
}
