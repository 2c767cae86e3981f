//! SORT and SORT_RO.
//!
//! What is sorted is a list, a set or a sorted set. What it is sorted by, and what is returned of each element, may
//! stand under other keys: a pattern names them, with the element in place of its first `*`. All keys that a pattern
//! stands for are asked for at once, so that those on disk are one wait.

mod pattern;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use super::{Args, Context, RunResult};
use crate::acl;
use crate::commands::args::syntax_error;
use crate::commands::table;
use crate::config::Events;
use crate::keyspace::transaction::{Stop, Transaction};
use crate::number::parse_f64;
use crate::types::sort_source::{SortSource, sort_source, store_list};
use pattern::Pattern;

/// What a SORT command asks for.
struct Options<'a> {
    descending: bool,
    alpha: bool,
    /// As given: from where, and how many.
    limit: (i64, i64),
    store: Option<&'a [u8]>,
    by: By<'a>,
    get: Vec<Pattern<'a>>,
}

/// What elements are sorted by.
enum By<'a> {
    Themselves,
    /// BY with a pattern without `*`: they stay as they are.
    Nothing,
    Pattern(Pattern<'a>),
}

impl<'a> Options<'a> {
    /// `reads_every_key`: the user may read whatever keys the patterns make.
    fn read(args: Args<'a>, read_only: bool, reads_every_key: bool) -> Result<Options<'a>, Stop> {
        let denied = |option: &str| {
            Err(Stop::error(format!(
                "ERR {option} option of SORT denied due to insufficient ACL permissions."
            )))
        };
        let mut options = Options {
            descending: false,
            alpha: false,
            limit: (0, -1),
            store: None,
            by: By::Themselves,
            get: Vec::new(),
        };
        let mut words = args.cursor(2);
        while words.left() > 0 {
            if words.eat("ASC") {
                options.descending = false;
            } else if words.eat("DESC") {
                options.descending = true;
            } else if words.eat("ALPHA") {
                options.alpha = true;
            } else if words.left() > 2 && words.eat("LIMIT") {
                options.limit = (words.integer()?, words.integer()?);
            } else if !read_only && words.left() > 1 && words.eat("STORE") {
                options.store = Some(words.word()?);
            } else if words.left() > 1 && words.eat("BY") {
                options.by = match Pattern::parse(words.word()?) {
                    Pattern::Key { .. } if !reads_every_key => return denied("BY"),
                    pattern @ Pattern::Key { .. } => By::Pattern(pattern),
                    Pattern::Element | Pattern::Nothing => By::Nothing,
                };
            } else if words.left() > 1 && words.eat("GET") {
                if !reads_every_key {
                    return denied("GET");
                }
                options.get.push(Pattern::parse(words.word()?));
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }

    /// Which of `len` elements the result has: the first one, and how many.
    fn wanted(&self, len: u64) -> (u64, u64) {
        let (offset, count) = self.limit;
        let offset = u64::try_from(offset).unwrap_or(0).min(len);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        (offset, count.min(len - offset))
    }
}

pub(super) fn sort(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    run(cx, args, false)
}

pub(super) fn sort_ro(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    run(cx, args, true)
}

fn run(cx: &mut Context<'_, '_>, args: Args<'_>, read_only: bool) -> RunResult {
    let reads_every_key = match (cx.user, table::resolve_as_named(args)) {
        (Some(user), Ok(entry)) => acl::reads_every_key(user, entry, args),
        _ => true,
    };
    let mut options = Options::read(args, read_only, reads_every_key)?;
    let entry = cx.txn.lookup(args.word(1))?;
    let mut source = sort_source(&entry)?;
    if matches!(options.by, By::Nothing) && !source.is_ordered() && (options.store.is_some() || cx.scripted) {
        // What is stored, or what a script may go by, must not depend on how a set is kept: it is sorted, by its bytes.
        options.by = By::Themselves;
        options.alpha = true;
    }
    let elements = sorted(&mut cx.txn, &options, &mut *source)?;
    let rows = (!options.get.is_empty()).then(|| get_all(&mut cx.txn, &options, &elements)).transpose()?;
    let Some(target) = options.store else {
        match rows {
            None => {
                cx.reply.array(elements.len());
                for element in &elements {
                    cx.reply.bulk(element);
                    cx.reply.may_leave();
                }
            }
            Some(rows) => {
                cx.reply.array(rows.len());
                for found in &rows {
                    match found {
                        Some(value) => cx.reply.bulk(value),
                        None => cx.reply.null(),
                    }
                    cx.reply.may_leave();
                }
            }
        }
        return Ok(());
    };
    let stored = match rows {
        None => elements,
        Some(rows) => rows.into_iter().map(Option::unwrap_or_default).collect(),
    };
    store(cx, target, &stored)
}

fn store(cx: &mut Context<'_, '_>, target: &[u8], elements: &[Vec<u8>]) -> RunResult {
    let mut target = cx.txn.entry(target)?;
    if !elements.is_empty() {
        store_list(&mut cx.txn, &mut target, elements, cx.settings)?;
        cx.txn.notify(Events::LIST, "sortstore", &target);
    } else if cx.txn.remove(&mut target)? {
        cx.txn.notify(Events::GENERIC, "del", &target);
    }
    if cx.txn.has_met_due_field() {
        // A slave would read the field: it gets the result.
        cx.txn.effect(&[b"DEL", target.key()]);
        if !elements.is_empty() {
            let words = [&b"RPUSH"[..], target.key()].into_iter().chain(elements.iter().map(Vec::as_slice));
            cx.txn.effect(&words.collect::<Vec<_>>());
        }
    }
    cx.reply.integer(elements.len() as i64);
    Ok(())
}

/// The elements of the result, in order.
fn sorted(
    txn: &mut Transaction<'_>,
    options: &Options<'_>,
    source: &mut dyn SortSource,
) -> Result<Vec<Vec<u8>>, Stop> {
    let (offset, count) = options.wanted(source.count());
    let pattern = match &options.by {
        By::Nothing => return source.part(txn, offset, count, options.descending),
        By::Themselves => None,
        By::Pattern(pattern) => Some(pattern),
    };
    let elements = source.part(txn, 0, source.count(), false)?;
    let keys = match pattern {
        Some(pattern) => pattern.find_all(txn, &elements)?,
        None => Vec::new(),
    };
    let (first, last) = (offset as usize, (offset + count) as usize);
    let elements = if options.alpha && pattern.is_none() {
        order(elements, first, last, options.descending, |one, other| one.cmp(other))
    } else if options.alpha {
        // One without a key comes first.
        let rows = keys.into_iter().zip(elements).collect();
        names(order(rows, first, last, options.descending, |one, other| one.cmp(other)))
    } else {
        let rows = scored(elements, pattern.map(|_| keys))?;
        names(order(rows, first, last, options.descending, |one: &(f64, Vec<u8>), other| {
            one.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal).then_with(|| one.1.cmp(&other.1))
        }))
    };
    Ok(elements)
}

/// Each element with the number that it is sorted by: its own, or that of its key, if it was looked for. One without
/// a key has 0.
fn scored(elements: Vec<Vec<u8>>, keys: Option<Vec<Option<Vec<u8>>>>) -> Result<Vec<(f64, Vec<u8>)>, Stop> {
    let number = |text: &[u8]| {
        score(text).ok_or_else(|| Stop::error("ERR One or more scores can't be converted into double"))
    };
    let Some(keys) = keys else {
        return elements.into_iter().map(|element| Ok((number(&element)?, element))).collect();
    };
    keys.iter()
        .zip(elements)
        .map(|(key, element)| Ok((key.as_deref().map_or(Ok(0.0), number)?, element)))
        .collect()
}

/// Sorts `rows`, as far as those from `first` to before `last` are concerned, and returns these.
fn order<R>(
    mut rows: Vec<R>,
    first: usize,
    last: usize,
    descending: bool,
    compare: impl Fn(&R, &R) -> Ordering,
) -> Vec<R> {
    let compare = |one: &R, other: &R| {
        if descending { compare(other, one) } else { compare(one, other) }
    };
    if first >= last {
        return Vec::new();
    }
    if last < rows.len() {
        rows.select_nth_unstable_by(last, compare);
        rows.truncate(last);
    }
    if first > 0 {
        rows.select_nth_unstable_by(first, compare);
        rows.drain(..first);
    }
    rows.sort_unstable_by(compare);
    rows
}

fn names<K>(rows: Vec<(K, Vec<u8>)>) -> Vec<Vec<u8>> {
    rows.into_iter().map(|(_, element)| element).collect()
}

/// Reads a number as SORT does with C's `strtod`: blanks may stand before it, nothing is 0, and a NUL ends the text.
fn score(text: &[u8]) -> Option<f64> {
    let text = pattern::until_nul(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let hexadecimal = text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'x'));
    // C calls a decimal fraction out of range that is too small to have all its digits.
    parse_f64(text).filter(|value| hexadecimal || !value.is_subnormal())
}

/// What GET asks of each element, one after another.
fn get_all(
    txn: &mut Transaction<'_>,
    options: &Options<'_>,
    elements: &[Vec<u8>],
) -> Result<Vec<Option<Vec<u8>>>, Stop> {
    let columns = options
        .get
        .iter()
        .map(|pattern| pattern.find_all(txn, elements))
        .collect::<Result<Vec<_>, Stop>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let mut rows = Vec::with_capacity(elements.len() * columns.len());
    for _ in elements {
        rows.extend(columns.iter_mut().map(|column| column.next().flatten()));
    }
    Ok(rows)
}
