//! Commands on the ends of lists.

use super::{edit, notify_popped, notify_pushed, side};
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::encoding::meta::Type;
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::{Decimal, parse_i64};
use crate::types::list::Side;

pub(super) fn lpush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    push(cx, args, Side::Left, false)
}

pub(super) fn rpush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    push(cx, args, Side::Right, false)
}

pub(super) fn lpushx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    push(cx, args, Side::Left, true)
}

pub(super) fn rpushx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    push(cx, args, Side::Right, true)
}

fn push(cx: &mut Context<'_, '_>, args: Args<'_>, side: Side, only_existing: bool) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    if only_existing && !entry.exists() {
        cx.reply.integer(0);
        return Ok(());
    }
    let values: smallvec::SmallVec<[&[u8]; 8]> = args.from(2).collect();
    let len = edit(&mut entry, cx.settings)?.push(&mut cx.txn, side, &values)?;
    notify_pushed(cx, &entry, side);
    cx.reply.integer(len as i64);
    Ok(())
}

pub(super) fn lpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop(cx, args, Side::Left, "lpop")
}

pub(super) fn rpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop(cx, args, Side::Right, "rpop")
}

fn pop(cx: &mut Context<'_, '_>, args: Args<'_>, side: Side, name: &str) -> RunResult {
    if args.len() > 3 {
        return Err(Stop::error(format!("ERR wrong number of arguments for '{name}' command")));
    }
    let count = if args.len() == 3 {
        let out_of_range = || Stop::error("ERR value is out of range, must be positive");
        let count = parse_i64(args.word(2)).and_then(|count| u64::try_from(count).ok());
        Some(count.ok_or_else(out_of_range)?)
    } else {
        None
    };
    let mut entry = cx.txn.entry(args.word(1))?;
    if !entry.exists() {
        match count {
            Some(_) => cx.reply.null_array(),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    match count {
        None => {
            let reply = &mut *cx.reply;
            edit(&mut entry, cx.settings)?.pop(&mut cx.txn, side, 1, |element| reply.bulk(element))?;
        }
        Some(0) => {
            entry.typed(Type::List)?;
            cx.reply.array(0);
            return Ok(());
        }
        Some(count) => {
            pop_array(cx, &mut entry, side, count)?;
        }
    }
    notify_popped(cx, &entry, side);
    Ok(())
}

/// Takes up to `count` elements and answers with an array of them. Returns how many.
fn pop_array(cx: &mut Context<'_, '_>, entry: &mut Entry, side: Side, count: u64) -> Result<u64, Stop> {
    let mut list = edit(entry, cx.settings)?;
    let count = count.min(list.len()?);
    cx.reply.array(count as usize);
    let reply = &mut *cx.reply;
    list.pop(&mut cx.txn, side, count, |element| reply.bulk(element))
}

/// What LMPOP and BLMPOP take.
#[derive(Debug)]
pub(super) struct PopSeveral<'a> {
    /// The keys, in the order in which they are looked at.
    pub(super) keys: Args<'a>,
    /// The end to take from.
    side: Side,
    /// How many elements at most.
    count: u64,
}

impl<'a> PopSeveral<'a> {
    /// Reads the arguments from the number of keys on, which is word `numkeys`.
    pub(super) fn parse(args: Args<'a>, numkeys: usize) -> Result<PopSeveral<'a>, Stop> {
        let positive = |word: &[u8], error: &'static str| {
            let number = parse_i64(word).and_then(|number| u64::try_from(number).ok());
            number.filter(|&number| number > 0).ok_or_else(|| Stop::error(error))
        };
        let keys = positive(args.word(numkeys), "ERR numkeys should be greater than 0")?;
        let first = numkeys + 1;
        let end = usize::try_from(keys).ok().and_then(|keys| first.checked_add(keys));
        let end = end.filter(|&end| end < args.len()).ok_or_else(syntax_error)?;
        let mut rest = args.cursor(end);
        let side = side(rest.word()?)?;
        let mut count = None;
        while rest.left() > 0 {
            if count.is_some() || rest.left() < 2 || !rest.eat("COUNT") {
                return Err(syntax_error());
            }
            count = Some(positive(rest.word()?, "ERR count should be greater than 0")?);
        }
        let keys = args.up_to(end).skip(first);
        Ok(PopSeveral { keys, side, count: count.unwrap_or(1) })
    }

    /// Takes elements from the first list that has any, and answers. Returns whether there was one.
    pub(super) fn run(&self, cx: &mut Context<'_, '_>) -> Result<bool, Stop> {
        for key in self.keys.words() {
            let mut entry = cx.txn.entry(key)?;
            entry.typed(Type::List)?;
            if !entry.exists() {
                continue;
            }
            cx.reply.array(2);
            cx.reply.bulk(key);
            let taken = pop_array(cx, &mut entry, self.side, self.count)?;
            notify_popped(cx, &entry, self.side);
            let name: &[u8] = if self.side == Side::Left { b"LPOP" } else { b"RPOP" };
            cx.txn.effect(&[name, key, Decimal::unsigned(taken).as_bytes()]);
            return Ok(true);
        }
        Ok(false)
    }
}

pub(super) fn lmpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if !PopSeveral::parse(args, 1)?.run(cx)? {
        cx.reply.null_array();
    }
    Ok(())
}
