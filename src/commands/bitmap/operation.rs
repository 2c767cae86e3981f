//! BITOP. Large strings are worked on window by window, so that what it needs beside the result is bounded.

use super::{Args, Context, RunResult, Stop};
use crate::commands::args::syntax_error;
use crate::config::Events;
use crate::encoding::meta::Meta;
use crate::keyspace::transaction::Entry;
use crate::types::bits::Operation;
use crate::types::string::{self, FRAGMENT, StringValue, WHOLE};

/// Bytes that are worked on at a time; whole fragments.
const WINDOW: u64 = 256 * FRAGMENT;

pub(super) fn bitop(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let operation = match args.word(1).to_ascii_lowercase().as_slice() {
        b"and" => Operation::And,
        b"or" => Operation::Or,
        b"xor" => Operation::Xor,
        b"not" => Operation::Not,
        _ => return Err(syntax_error()),
    };
    if operation == Operation::Not && args.len() != 4 {
        return Err(Stop::error("ERR BITOP NOT must be called with a single source key."));
    }
    let mut entries = Vec::with_capacity(args.len() - 3);
    for key in args.from(3) {
        let entry = cx.txn.lookup(key)?;
        StringValue::open(&entry)?;
        entries.push(entry);
    }
    let sources = entries.iter().map(StringValue::open_or_empty).collect::<Result<Vec<_>, _>>()?;
    string::prefetch(&mut cx.txn, sources.iter().copied())?;
    let length = sources.iter().map(StringValue::len).max().unwrap_or(0);
    let mut target = cx.txn.entry(args.word(2))?;
    if length == 0 {
        if target.exists() {
            cx.txn.remove(&mut target)?;
            cx.txn.notify(Events::GENERIC, "del", &target);
        }
    } else {
        if length <= WHOLE {
            let mut result = vec![0; length as usize];
            combine(cx, operation, &sources, 0, &mut result)?;
            let meta = Meta { expanded: true, ..Meta::string(&result, None) };
            cx.txn.put(&mut target, &meta)?;
        } else {
            put_fragments(cx, operation, &sources, &mut target, length)?;
        }
        cx.txn.notify(Events::STRING, "set", &target);
    }
    cx.reply.integer(length as i64);
    Ok(())
}

/// Fills `out`, which holds zero bytes, with what comes out at a position.
fn combine(
    cx: &mut Context<'_, '_>,
    operation: Operation,
    sources: &[StringValue<'_>],
    position: u64,
    out: &mut [u8],
) -> RunResult {
    let Some((first, others)) = sources.split_first() else { return Ok(()) };
    first.fill(&mut cx.txn, position, out)?;
    let mut window = vec![0; if others.is_empty() { 0 } else { out.len() }];
    for other in others {
        window.fill(0);
        other.fill(&mut cx.txn, position, &mut window)?;
        operation.apply(out, &window);
    }
    operation.end(out);
    Ok(())
}

/// Puts a large result in the place of what `target` holds.
fn put_fragments(
    cx: &mut Context<'_, '_>,
    operation: Operation,
    sources: &[StringValue<'_>],
    target: &mut Entry,
    length: u64,
) -> RunResult {
    let version = cx.txn.new_version();
    let mut window = vec![0; WINDOW.min(length) as usize];
    for position in (0..length).step_by(WINDOW as usize) {
        let bytes = &mut window[..WINDOW.min(length - position) as usize];
        bytes.fill(0);
        combine(cx, operation, sources, position, bytes)?;
        for (index, bytes) in (position / FRAGMENT..).zip(bytes.chunks(FRAGMENT as usize)) {
            string::put_fragment(&mut cx.txn, target, version, index, bytes, false);
        }
    }
    string::put_head(&mut cx.txn, target, version, length, None)
}
