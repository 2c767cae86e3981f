//! Commands that move an element from one list to another, or within one.

use super::{edit, notify_popped, notify_pushed, side};
use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::encoding::meta::Type;
use crate::keyspace::transaction::Stop;
use crate::types::list::{List, Side};

/// What moves where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) source: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) from: Side,
    pub(super) to: Side,
}

impl<'a> Move<'a> {
    /// LMOVE's first arguments.
    pub(super) fn parse(args: Args<'a>) -> Result<Move<'a>, Stop> {
        let (from, to) = (side(args.word(3))?, side(args.word(4))?);
        Ok(Move { source: args.word(1), target: args.word(2), from, to })
    }

    /// RPOPLPUSH's.
    pub(super) fn last_to_head(args: Args<'a>) -> Move<'a> {
        Move { source: args.word(1), target: args.word(2), from: Side::Right, to: Side::Left }
    }

    /// Moves an element and answers with it. Returns whether there was one.
    pub(super) fn run(&self, cx: &mut Context<'_, '_>) -> Result<bool, Stop> {
        let mut source = cx.txn.entry(self.source)?;
        source.typed(Type::List)?;
        if !source.exists() {
            return Ok(false);
        }
        if self.source == self.target {
            self.rotate(cx)?;
            return Ok(true);
        }
        let mut target = cx.txn.entry(self.target)?;
        target.typed(Type::List)?;
        let mut moved = Vec::new();
        edit(&mut source, cx.settings)?
            .pop(&mut cx.txn, self.from, 1, |element| moved.extend_from_slice(element))?;
        edit(&mut target, cx.settings)?.push(&mut cx.txn, self.to, &[&moved])?;
        notify_pushed(cx, &target, self.to);
        notify_popped(cx, &source, self.from);
        cx.reply.bulk(&moved);
        Ok(true)
    }

    /// Within one list, which keeps its expiry and never is without elements.
    fn rotate(&self, cx: &mut Context<'_, '_>) -> RunResult {
        let mut entry = cx.txn.entry(self.source)?;
        let stored = entry.clone();
        let list = List::open(&stored)?;
        let mut moved = Vec::new();
        if list.len() == 1 || self.from == self.to {
            // Everything stays where it is; but it counts as a change.
            let index = if self.from == Side::Left { 0 } else { list.len() - 1 };
            if let Some(element) = list.get(&mut cx.txn, index)? {
                moved.extend_from_slice(&element);
            }
            if let Some(meta) = stored.meta() {
                cx.txn.put(&mut entry, &meta)?;
            }
        } else {
            let mut list = edit(&mut entry, cx.settings)?;
            list.pop(&mut cx.txn, self.from, 1, |element| moved.extend_from_slice(element))?;
            list.push(&mut cx.txn, self.to, &[&moved])?;
        }
        notify_pushed(cx, &entry, self.to);
        notify_popped(cx, &entry, self.from);
        cx.reply.bulk(&moved);
        Ok(())
    }
}

pub(super) fn lmove(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    move_or_null(cx, Move::parse(args)?)
}

pub(super) fn rpoplpush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    move_or_null(cx, Move::last_to_head(args))
}

fn move_or_null(cx: &mut Context<'_, '_>, wanted: Move<'_>) -> RunResult {
    if !wanted.run(cx)? {
        cx.reply.null();
    }
    Ok(())
}
