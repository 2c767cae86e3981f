//! ZADD, ZINCRBY.

use smallvec::SmallVec;

use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Stop, Transaction};
use crate::number::parse_f64;
use crate::types::sorted_set::SortedSet;

/// What ZADD may do.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::commands) struct Mode {
    /// Only new members.
    pub only_new: bool,
    /// Only members that are there.
    pub only_old: bool,
    /// Members that are there only get greater scores.
    greater: bool,
    /// Members that are there only get lesser scores.
    less: bool,
    /// The reply counts members that got another score too.
    pub changed: bool,
    /// The score is added to the one that is there.
    increment: bool,
}

pub(super) fn zadd(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut mode = Mode::default();
    let mut options = args.cursor(2);
    loop {
        let flag = if options.eat("NX") {
            &mut mode.only_new
        } else if options.eat("XX") {
            &mut mode.only_old
        } else if options.eat("CH") {
            &mut mode.changed
        } else if options.eat("INCR") {
            &mut mode.increment
        } else if options.eat("GT") {
            &mut mode.greater
        } else if options.eat("LT") {
            &mut mode.less
        } else {
            break;
        };
        *flag = true;
    }
    let left = options.left();
    if left == 0 || !left.is_multiple_of(2) {
        return Err(syntax_error());
    }
    if mode.only_new && mode.only_old {
        return Err(Stop::error("ERR XX and NX options at the same time are not compatible"));
    }
    if (mode.greater && mode.less) || (mode.only_new && (mode.greater || mode.less)) {
        return Err(Stop::error("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if mode.increment && left > 2 {
        return Err(Stop::error("ERR INCR option supports a single increment-element pair"));
    }
    add_texts(cx, args.word(1), args.skip(args.len() - left), mode)
}

pub(super) fn zincrby(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    add_texts(cx, args.word(1), args.skip(2), Mode { increment: true, ..Mode::default() })
}

/// Adds what the pairs of scores and members say.
fn add_texts(cx: &mut Context<'_, '_>, key: &[u8], words: Args<'_>, mode: Mode) -> RunResult {
    let pair = |index| Some((parse_f64(words.word(index))?, words.word(index + 1)));
    let pairs = (0..words.len())
        .step_by(2)
        .map(pair)
        .collect::<Option<SmallVec<[(f64, &[u8]); 8]>>>()
        .ok_or_else(|| Stop::error("ERR value is not a valid float"))?;
    add(cx, key, &pairs, mode)
}

/// Gives members scores as ZADD does, and answers as it does. There is at least one pair.
pub(in crate::commands) fn add(
    cx: &mut Context<'_, '_>,
    key: &[u8],
    pairs: &[(f64, &[u8])],
    mode: Mode,
) -> RunResult {
    let entry = cx.txn.entry(key)?;
    let mut set = SortedSet::open(&entry)?;
    if !entry.exists()
        && (pairs.len() > cx.settings.zset_max_listpack_entries
            || pairs[0].1.len() > cx.settings.zset_max_listpack_value)
    {
        set.expand();
    }
    let (mut added, mut updated, mut result) = (0, 0, None);
    for &(score, member) in pairs {
        match add_one(&mut cx.txn, &mut set, member, score, mode) {
            Ok(Done { new, changed, score }) => {
                added += i64::from(new);
                updated += i64::from(changed && !new);
                result = score;
            }
            Err(stop) => return Err(need_all(&mut cx.txn, &mut set, stop, pairs)),
        }
    }
    let name = if mode.increment { "zincr" } else { "zadd" };
    if added + updated > 0 {
        set.finish(&mut cx.txn, Some(cx.settings))?;
        cx.txn.notify(Events::ZSET, name, &entry);
    }
    match result {
        _ if !mode.increment => cx.reply.integer(if mode.changed { added + updated } else { added }),
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

/// What became of a pair.
struct Done {
    new: bool,
    changed: bool,
    /// The member's score; `None` if the pair was not wanted.
    score: Option<f64>,
}

fn add_one(
    txn: &mut Transaction<'_>,
    set: &mut SortedSet<'_>,
    member: &[u8],
    score: f64,
    mode: Mode,
) -> Result<Done, Stop> {
    const UNWANTED: Done = Done { new: false, changed: false, score: None };
    let Some(old) = set.score(txn, member)? else {
        if mode.only_old {
            return Ok(UNWANTED);
        }
        set.set(txn, member, None, score)?;
        return Ok(Done { new: true, changed: true, score: Some(score) });
    };
    if mode.only_new {
        return Ok(UNWANTED);
    }
    let score = if mode.increment { old + score } else { score };
    if score.is_nan() {
        return Err(Stop::error("ERR resulting score is not a number (NaN)"));
    }
    if (mode.less && score >= old) || (mode.greater && score <= old) {
        return Ok(UNWANTED);
    }
    if score != old {
        set.set(txn, member, Some(old), score)?;
    }
    Ok(Done { new: false, changed: score != old, score: Some(score) })
}

/// Turns the need for what one pair takes into the need for what all take.
fn need_all(txn: &mut Transaction<'_>, set: &mut SortedSet<'_>, stop: Stop, pairs: &[(f64, &[u8])]) -> Stop {
    if !matches!(stop, Stop::Need(_)) || pairs.len() == 1 {
        return stop;
    }
    let members = pairs.iter().map(|&(_, member)| member);
    let all = set.scores(txn, members).and_then(|old| {
        let changes = pairs.iter().zip(old).map(|(&(new, member), old)| (member, old, Some(new)));
        set.prefetch(txn, changes)
    });
    all.err().unwrap_or(stop)
}
