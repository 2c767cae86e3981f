//! ZRANGE and its older forms, ZRANGESTORE.

use super::bounds::{lex_range, rank_range, score_range};
use super::combine::store;
use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::resp::Protocol;
use crate::types::sorted_set::{LexRange, ScoreRange, SortedSet};

/// What a range is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name leaves open.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// Where the key stands.
    key: usize,
    /// `None`: BYSCORE and BYLEX say.
    by: Option<By>,
    /// `None`: REV says.
    backwards: Option<bool>,
    /// The result is stored, and always with its scores.
    stores: bool,
}

const READS: Form = Form { key: 1, by: None, backwards: None, stores: false };

pub(super) fn zrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, READS)
}

pub(super) fn zrevrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Form { by: Some(By::Rank), backwards: Some(true), ..READS })
}

pub(super) fn zrangebyscore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Form { by: Some(By::Score), backwards: Some(false), ..READS })
}

pub(super) fn zrevrangebyscore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Form { by: Some(By::Score), backwards: Some(true), ..READS })
}

pub(super) fn zrangebylex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Form { by: Some(By::Lex), backwards: Some(false), ..READS })
}

pub(super) fn zrevrangebylex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    show(cx, args, Form { by: Some(By::Lex), backwards: Some(true), ..READS })
}

/// A range as it was asked for.
#[derive(Debug, Clone, Copy)]
enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// All that was asked for.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    bounds: Bounds<'a>,
    backwards: bool,
    /// How many members of the range are passed over; a negative number passes over all.
    offset: i64,
    /// How many are shown; a negative number shows all.
    limit: i64,
    with_scores: bool,
}

impl<'a> Wanted<'a> {
    fn read(args: Args<'a>, form: Form) -> Result<Wanted<'a>, Stop> {
        let (mut by, mut backwards) = (form.by, form.backwards);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut options = args.cursor(form.key + 3);
        while options.left() > 0 {
            if !form.stores && options.eat("WITHSCORES") {
                with_scores = true;
            } else if options.left() > 2 && options.eat("LIMIT") {
                offset = options.integer()?;
                limit = options.integer()?;
            } else if backwards.is_none() && options.eat("REV") {
                backwards = Some(true);
            } else if by.is_none() && options.eat("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && options.eat("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(syntax_error());
            }
        }
        let (by, backwards) = (by.unwrap_or(By::Rank), backwards.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Stop::error(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Stop::error("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (first, second) = (form.key + 1, form.key + 2);
        let (min, max) = if backwards { (second, first) } else { (first, second) };
        let bounds = match by {
            By::Rank => Bounds::Rank(args.integer(first)?, args.integer(second)?),
            By::Score => Bounds::Score(score_range(args.word(min), args.word(max))?),
            By::Lex => Bounds::Lex(lex_range(args.word(min), args.word(max))?),
        };
        Ok(Wanted { bounds, backwards, offset, limit, with_scores })
    }

    /// From how many members before (or, backwards, behind) them on, and how many members.
    fn place(&self, txn: &mut Transaction<'_>, set: &mut SortedSet<'_>) -> Result<(u64, u64), Stop> {
        let ranks = match &self.bounds {
            Bounds::Rank(start, stop) => {
                let ranks = rank_range(*start, *stop, set.len());
                return Ok((ranks.start, ranks.end - ranks.start));
            }
            Bounds::Score(range) => set.ranks_by_score(txn, range)?,
            Bounds::Lex(range) => set.ranks_by_member(txn, range, self.backwards)?,
        };
        let length = ranks.end - ranks.start;
        let start = if self.backwards { set.len() - ranks.end } else { ranks.start };
        let offset = u64::try_from(self.offset).unwrap_or(u64::MAX).min(length);
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        Ok((start + offset, limit.min(length - offset)))
    }
}

fn show(cx: &mut Context<'_, '_>, args: Args<'_>, form: Form) -> RunResult {
    let wanted = Wanted::read(args, form)?;
    let entry = cx.txn.lookup(args.word(form.key))?;
    let mut set = SortedSet::open(&entry)?;
    let (from, count) = wanted.place(&mut cx.txn, &mut set)?;
    let reply = &mut *cx.reply;
    let nested = wanted.with_scores && reply.protocol() == Protocol::Resp3;
    let flat = wanted.with_scores && !nested;
    reply.array(if flat { 2 * count as usize } else { count as usize });
    set.walk(&mut cx.txn, from, count, wanted.backwards, |score, member| {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        if wanted.with_scores {
            reply.double(score);
        }
        reply.may_leave();
        true
    })
}

pub(super) fn zrangestore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = Wanted::read(args, Form { key: 2, stores: true, ..READS })?;
    let entry = cx.txn.lookup(args.word(2))?;
    let mut set = SortedSet::open(&entry)?;
    let (from, count) = wanted.place(&mut cx.txn, &mut set)?;
    let mut found = Vec::new();
    set.walk(&mut cx.txn, from, count, wanted.backwards, |score, member| {
        found.push((score, member.to_vec()));
        true
    })?;
    if wanted.backwards {
        found.reverse();
    }
    store(cx, args.word(1), &found, "zrangestore")
}
