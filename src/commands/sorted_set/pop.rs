//! ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait: BZPOPMIN, BZPOPMAX, BZMPOP.

use super::remove::finish;
use crate::commands::args::syntax_error;
use crate::commands::timeout::timeout_ms;
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::{Block, Entry, Otherwise, Stop};
use crate::number::{Decimal, parse_i64};
use crate::resp::{Protocol, Reply};
use crate::types::sorted_set::SortedSet;

/// The end of a sorted set that members are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

pub(super) fn zpopmin(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop_one_key(cx, args, End::Min)
}

pub(super) fn zpopmax(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    pop_one_key(cx, args, End::Max)
}

pub(super) fn bzpopmin(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    wait_for_one(cx, args, End::Min)
}

pub(super) fn bzpopmax(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    wait_for_one(cx, args, End::Max)
}

type Taken = Vec<(f64, Vec<u8>)>;

/// Takes up to `count` members, the first one of that end first.
fn pop(cx: &mut Context<'_, '_>, entry: &Entry, end: End, count: u64) -> Result<Taken, Stop> {
    let mut set = SortedSet::open(entry)?;
    let len = set.len();
    let ranks = match end {
        End::Min => 0..count,
        End::Max => len.saturating_sub(count)..len,
    };
    let mut taken = Vec::new();
    set.take_ranks(&mut cx.txn, ranks, |score, member| taken.push((score, member.to_vec())))?;
    if end == End::Max {
        taken.reverse();
    }
    finish(cx, entry, set, end.event())?;
    Ok(taken)
}

fn show(reply: &mut Reply, (score, member): &(f64, Vec<u8>)) {
    reply.bulk(member);
    reply.double(*score);
}

fn pop_one_key(cx: &mut Context<'_, '_>, args: Args<'_>, end: End) -> RunResult {
    if args.len() > 3 {
        return Err(syntax_error());
    }
    let counted = args.len() == 3;
    let count = if counted { parse_i64(args.word(2)) } else { Some(1) };
    let count = count
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| Stop::error("ERR value is out of range, must be positive"))?;
    let entry = cx.txn.entry(args.word(1))?;
    let taken = pop(cx, &entry, end, count)?;
    // With a count RESP3 has an array for each pair.
    let nested = counted && cx.reply.protocol() == Protocol::Resp3;
    cx.reply.array(if nested { taken.len() } else { 2 * taken.len() });
    for pair in &taken {
        if nested {
            cx.reply.array(2);
        }
        show(cx.reply, pair);
    }
    Ok(())
}

/// The first of some keys that has members; an error if one before it is no sorted set.
fn first_with_members<'a>(
    cx: &mut Context<'_, '_>,
    keys: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<Entry>, Stop> {
    for key in keys {
        let entry = cx.txn.entry(key)?;
        if !SortedSet::open(&entry)?.is_empty() {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn block<'a>(keys: impl Iterator<Item = &'a [u8]>, timeout_ms: Option<u64>) -> Stop {
    let keys = keys.map(<[u8]>::to_vec).collect();
    Stop::Block(Box::new(Block { keys, timeout_ms, retry: None, otherwise: Otherwise::NullArray }))
}

fn wait_for_one(cx: &mut Context<'_, '_>, args: Args<'_>, end: End) -> RunResult {
    let last = args.len() - 1;
    let timeout_ms = timeout_ms(args.word(last), cx.txn.now_ms())?;
    let keys = args.from(1).take(last - 1);
    let Some(entry) = first_with_members(cx, keys.clone())? else { return Err(block(keys, timeout_ms)) };
    let taken = pop(cx, &entry, end, 1)?;
    cx.txn.effect(&[end.command(), entry.key()]);
    cx.reply.array(3);
    cx.reply.bulk(entry.key());
    taken.iter().for_each(|pair| show(cx.reply, pair));
    Ok(())
}

/// What ZMPOP and BZMPOP are asked for.
struct Wanted {
    /// The words that are keys.
    keys: std::ops::Range<usize>,
    end: End,
    count: u64,
}

impl Wanted {
    /// Reads the words from the number of keys on.
    fn read(args: Args<'_>, at: usize) -> Result<Wanted, Stop> {
        let positive = |word: &[u8], name: &str| {
            let number = parse_i64(word).and_then(|number| u64::try_from(number).ok()).filter(|&n| n > 0);
            number.ok_or_else(|| Stop::error(format!("ERR {name} should be greater than 0")))
        };
        let keys = positive(args.word(at), "numkeys")?;
        let first = at + 1;
        let end = usize::try_from(keys).ok().and_then(|keys| first.checked_add(keys));
        let keys = first..end.filter(|&end| end < args.len()).ok_or_else(syntax_error)?;
        let mut words = args.cursor(keys.end);
        let end = if words.eat("MIN") {
            End::Min
        } else if words.eat("MAX") {
            End::Max
        } else {
            return Err(syntax_error());
        };
        let mut count = None;
        while words.left() > 0 {
            if count.is_some() || words.left() < 2 || !words.eat("COUNT") {
                return Err(syntax_error());
            }
            count = Some(positive(words.word()?, "count")?);
        }
        Ok(Wanted { keys, end, count: count.unwrap_or(1) })
    }

    fn keys<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.keys.clone().map(move |index| args.word(index))
    }
}

pub(super) fn zmpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = Wanted::read(args, 1)?;
    match first_with_members(cx, wanted.keys(args))? {
        Some(entry) => pop_several(cx, &entry, &wanted)?,
        None => cx.reply.null_array(),
    }
    Ok(())
}

pub(super) fn bzmpop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = Wanted::read(args, 2)?;
    let timeout_ms = timeout_ms(args.word(1), cx.txn.now_ms())?;
    match first_with_members(cx, wanted.keys(args))? {
        Some(entry) => pop_several(cx, &entry, &wanted),
        None => Err(block(wanted.keys(args), timeout_ms)),
    }
}

fn pop_several(cx: &mut Context<'_, '_>, entry: &Entry, wanted: &Wanted) -> RunResult {
    let taken = pop(cx, entry, wanted.end, wanted.count)?;
    let count = Decimal::new(taken.len() as i64);
    cx.txn.effect(&[wanted.end.command(), entry.key(), count.as_bytes()]);
    cx.reply.array(2);
    cx.reply.bulk(entry.key());
    cx.reply.array(taken.len());
    for pair in &taken {
        cx.reply.array(2);
        show(cx.reply, pair);
    }
    Ok(())
}
