//! HSCAN, and Pika's scans by names of fields.

use std::collections::BTreeMap;

use crate::commands::args::{Args, not_an_integer, syntax_error};
use crate::commands::{Context, RunResult};
use crate::encoding::key::order_hash;
use crate::encoding::packed_hash::Field;
use crate::glob::glob_match;
use crate::keyspace::transaction::Stop;
use crate::number::parse_i64;
use crate::resp::Reply;
use crate::types::hash::Hash;

/// How many fields a call goes through that does not say.
const DEFAULT_COUNT: u64 = 10;

struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
    values: bool,
}

impl<'a> Options<'a> {
    /// Reads the options from word `at` on. `count` is the name of the one that limits.
    fn read(args: Args<'a>, at: usize, count: &str, novalues: bool) -> Result<Options<'a>, Stop> {
        let mut options = Options { pattern: None, count: DEFAULT_COUNT, values: true };
        let mut words = args.cursor(at);
        while words.left() > 0 {
            if words.left() >= 2 && words.eat(count) {
                let count = words.integer()?;
                options.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or_else(syntax_error)?;
            } else if words.left() >= 2 && words.eat("match") {
                // `*` takes everything; as a pattern it would not match the empty name.
                options.pattern = words.next().filter(|pattern| *pattern != b"*");
            } else if novalues && words.eat("novalues") {
                options.values = false;
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }

    /// Adds a field to the reply if it is wanted.
    fn show(&self, items: &mut Items, field: Field<'_>) {
        if self.pattern.is_some_and(|pattern| !glob_match(pattern, field.name, false)) {
            return;
        }
        items.reply.bulk(field.name);
        items.count += 1;
        if self.values {
            items.reply.bulk(field.value);
            items.count += 1;
        }
    }
}

/// The second part of a reply, made before the first is known.
struct Items {
    reply: Reply,
    count: usize,
}

impl Items {
    fn new(reply: &Reply) -> Items {
        Items { reply: Reply::new(reply.protocol()), count: 0 }
    }

    fn send(&self, reply: &mut Reply, next: &[u8]) {
        reply.array(2);
        reply.bulk(next);
        reply.array(self.count);
        reply.raw(self.reply.as_slice());
    }
}

/// Reads a cursor as C's `strtoul` does, which Redis uses: a sign is allowed, and nothing is 0.
fn cursor(word: &[u8]) -> Result<u64, Stop> {
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        [] => (false, &b"0"[..]),
        all => (false, all),
    };
    let mut value = (!digits.is_empty()).then_some(0u64);
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'));
        value = value.and_then(|value| value.checked_mul(10)?.checked_add(digit?));
    }
    let value = value.ok_or_else(|| Stop::error("ERR invalid cursor"))?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// The cursor is the hash of the first field that was not looked at; 0 is never that, since something was.
/// Fields of equal hashes come together. Nothing is kept in the server, and no write moves a field.
///
/// A small hash comes whole, whatever the cursor. If it outgrows that form, no scan of it can be under way.
pub(super) fn hscan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = cursor(args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let mut items = Items::new(cx.reply);
    if !entry.exists() {
        // Even if the options are wrong: so does Redis.
        items.send(cx.reply, b"0");
        return Ok(());
    }
    let options = Options::read(args, 3, "count", true)?;
    let mut next = 0;
    if hash.is_packed() {
        hash.each(&mut cx.txn, |field| {
            options.show(&mut items, field);
            true
        })?;
    } else if let Ok(start) = u32::try_from(cursor) {
        let (mut seen, mut last) = (0, None);
        hash.each_ordered(&mut cx.txn, (start, b""), |place, field| {
            if seen >= options.count && last != Some(place) {
                next = place;
                return false;
            }
            seen += 1;
            last = Some(place);
            options.show(&mut items, field);
            true
        })?;
    }
    items.send(cx.reply, next.to_string().as_bytes());
    Ok(())
}

/// HSCANX: the cursor is the name of a field, which need not exist any more. The order is HSCAN's.
pub(super) fn hscanx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let start = args.word(2);
    let options = Options::read(args, 3, "count", false)?;
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let mut items = Items::new(cx.reply);
    let (mut seen, mut next) = (0, Vec::new());
    let from = if start.is_empty() { (0, start) } else { (order_hash(start), start) };
    hash.each_ordered(&mut cx.txn, from, |_, field| {
        // The empty name cannot be where to go on: it means that nothing is left.
        if seen >= options.count && !field.name.is_empty() {
            next = field.name.to_vec();
            return false;
        }
        seen += 1;
        options.show(&mut items, field);
        true
    })?;
    items.send(cx.reply, &next);
    Ok(())
}

pub(super) fn pkhscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    scan_range(cx, args, false)
}

pub(super) fn pkhrscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    scan_range(cx, args, true)
}

/// The fields between two names, both included; an empty name is no bound. As in Pika, LIMIT counts what was
/// looked at, the pattern apart, and the reply begins with the field to go on with.
///
/// Fields are stored by their hashes, so this goes through all of the hash, and keeps the first `limit` by name.
fn scan_range(cx: &mut Context<'_, '_>, args: Args<'_>, backwards: bool) -> RunResult {
    let (low, high) = if backwards { (3, 2) } else { (2, 3) };
    let (low, high) = (args.word(low), args.word(high));
    let options = range_options(args)?;
    if !low.is_empty() && !high.is_empty() && low > high {
        return Err(Stop::error("ERR Invalid argument: error in given range"));
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let mut kept: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    // One more: it is where to go on.
    let most = usize::try_from(options.count).unwrap_or(usize::MAX).saturating_add(1);
    Hash::open(&entry)?.each(&mut cx.txn, |field| {
        let worst = if backwards { kept.first_key_value() } else { kept.last_key_value() };
        let late = worst.is_some_and(|(worst, _)| (field.name > &worst[..]) != backwards);
        let outside = field.name < low || (!high.is_empty() && field.name > high);
        let unwanted = outside || (late && kept.len() == most);
        if !unwanted {
            kept.insert(field.name.to_vec(), field.value.to_vec());
            if kept.len() > most {
                if backwards {
                    kept.pop_first()
                } else {
                    kept.pop_last()
                };
            }
        }
        true
    })?;
    let mut next = None;
    if kept.len() == most {
        next = if backwards { kept.pop_first() } else { kept.pop_last() };
    }
    let mut items = Items::new(cx.reply);
    let mut show = |(name, value): (&Vec<u8>, &Vec<u8>)| {
        options.show(&mut items, Field { name, expire_ms: None, value });
    };
    if backwards {
        kept.iter().rev().for_each(&mut show);
    } else {
        kept.iter().for_each(&mut show);
    }
    // The empty name cannot be where to go on: it means that nothing is left.
    if let Some((name, value)) = next.take_if(|(name, _)| name.is_empty()) {
        show((&name, &value));
    }
    items.send(cx.reply, &next.unwrap_or_default().0);
    Ok(())
}

fn range_options(args: Args<'_>) -> Result<Options<'_>, Stop> {
    let refused = (4..args.len().saturating_sub(1)).step_by(2).any(|at| {
        args.word(at).eq_ignore_ascii_case(b"limit") && parse_i64(args.word(at + 1)).is_none_or(|n| n <= 0)
    });
    match Options::read(args, 4, "limit", false) {
        // Pika's word for a limit that is none.
        Err(_) if refused => Err(not_an_integer()),
        other => other,
    }
}
