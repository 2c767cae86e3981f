//! Commands that wait for an element. What they took goes into the log as the command that does not wait.

use super::ends::PopSeveral;
use super::moves::Move;
use super::{edit, notify_popped};
use crate::commands::args::Args;
use crate::commands::timeout::timeout_ms;
use crate::commands::{Context, RunResult};
use crate::encoding::meta::Type;
use crate::keyspace::transaction::{Block, Otherwise, Stop};
use crate::types::list::Side;

/// Waits until one of the keys changes.
fn wait<'k>(
    keys: impl Iterator<Item = &'k [u8]>,
    timeout_ms: Option<u64>,
    otherwise: Otherwise,
) -> RunResult {
    let keys = keys.map(<[u8]>::to_vec).collect();
    Err(Stop::Block(Box::new(Block { keys, timeout_ms, retry: None, otherwise })))
}

pub(super) fn blpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop(cx, args, Side::Left)
}

pub(super) fn brpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop(cx, args, Side::Right)
}

fn pop(cx: &mut Context<'_, '_>, args: Args<'_>, side: Side) -> RunResult {
    let last = args.len() - 1;
    let timeout_ms = timeout_ms(args.word(last), cx.txn.now_ms())?;
    let keys = args.up_to(last).skip(1);
    for key in keys.words() {
        let mut entry = cx.txn.entry(key)?;
        entry.typed(Type::List)?;
        if !entry.exists() {
            continue;
        }
        cx.reply.array(2);
        cx.reply.bulk(key);
        let reply = &mut *cx.reply;
        edit(&mut entry, cx.settings)?.pop(&mut cx.txn, side, 1, |element| reply.bulk(element))?;
        notify_popped(cx, &entry, side);
        let name: &[u8] = if side == Side::Left { b"LPOP" } else { b"RPOP" };
        cx.txn.effect(&[name, key]);
        return Ok(());
    }
    wait(keys.words(), timeout_ms, Otherwise::NullArray)
}

pub(super) fn blmove(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = Move::parse(args)?;
    let timeout_ms = timeout_ms(args.word(5), cx.txn.now_ms())?;
    move_or_wait(cx, wanted, timeout_ms, &[b"LMOVE", args.word(1), args.word(2), args.word(3), args.word(4)])
}

pub(super) fn brpoplpush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let timeout_ms = timeout_ms(args.word(3), cx.txn.now_ms())?;
    let effect = [b"RPOPLPUSH", args.word(1), args.word(2)];
    move_or_wait(cx, Move::last_to_head(args), timeout_ms, &effect)
}

fn move_or_wait(
    cx: &mut Context<'_, '_>,
    wanted: Move<'_>,
    timeout_ms: Option<u64>,
    effect: &[&[u8]],
) -> RunResult {
    if !wanted.run(cx)? {
        return wait([wanted.source].into_iter(), timeout_ms, Otherwise::NullArrayOrNull);
    }
    cx.txn.effect(effect);
    Ok(())
}

pub(super) fn blmpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = PopSeveral::parse(args, 2)?;
    let timeout_ms = timeout_ms(args.word(1), cx.txn.now_ms())?;
    if wanted.run(cx)? {
        return Ok(());
    }
    wait(wanted.keys.words(), timeout_ms, Otherwise::NullArray)
}
