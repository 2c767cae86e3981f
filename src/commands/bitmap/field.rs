//! BITFIELD and BITFIELD_RO: a string as integers of any width.

use super::bit::offset;
use super::{Args, Context, RunResult, Stop};
use crate::commands::args::{Cursor, not_an_integer, syntax_error};
use crate::config::Events;
use crate::number;
use crate::types::bits::{FIELD_BYTES, Overflow, Width};
use crate::types::string::{StringEdit, StringValue};

/// A field: its type, and where it begins.
#[derive(Debug, Clone, Copy)]
struct Field {
    width: Width,
    offset: u64,
}

impl Field {
    /// The bit of its first byte that it begins with.
    fn bit(self) -> u32 {
        (self.offset % 8) as u32
    }

    /// The bytes that hold it.
    fn bytes(self) -> std::ops::Range<u64> {
        let first = self.offset / 8;
        first..first + self.width.span(self.bit()) as u64
    }
}

/// What is done with a field.
#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// Reads the subcommands.
fn parse(cx: &Context<'_, '_>, args: Args<'_>) -> Result<Vec<(Field, Action)>, Stop> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut cursor = args.cursor(2);
    while cursor.left() > 0 {
        let left = cursor.left() - 1;
        if left >= 2 && cursor.eat("GET") {
            operations.push((field(cx, &mut cursor)?, Action::Get));
        } else if left >= 3 && cursor.eat("SET") {
            let field = field(cx, &mut cursor)?;
            operations.push((field, Action::Set(number(&mut cursor)?, overflow)));
        } else if left >= 3 && cursor.eat("INCRBY") {
            let field = field(cx, &mut cursor)?;
            operations.push((field, Action::Add(number(&mut cursor)?, overflow)));
        } else if left >= 1 && cursor.eat("OVERFLOW") {
            overflow = match cursor.word()?.to_ascii_lowercase().as_slice() {
                b"wrap" => Overflow::Wrap,
                b"sat" => Overflow::Saturate,
                b"fail" => Overflow::Fail,
                _ => return Err(Stop::error("ERR Invalid OVERFLOW type specified")),
            };
        } else {
            return Err(syntax_error());
        }
    }
    Ok(operations)
}

fn number(cursor: &mut Cursor<'_>) -> Result<i64, Stop> {
    number::parse_i64(cursor.word()?).ok_or_else(not_an_integer)
}

fn field(cx: &Context<'_, '_>, cursor: &mut Cursor<'_>) -> Result<Field, Stop> {
    let width = width(cursor.word()?)?;
    Ok(Field { width, offset: offset(cx, cursor.word()?, Some(width.bits))? })
}

fn width(word: &[u8]) -> Result<Width, Stop> {
    let found = match word {
        [b'i', bits @ ..] => Some((true, bits, 64)),
        [b'u', bits @ ..] => Some((false, bits, 63)),
        _ => None,
    };
    found
        .and_then(|(signed, bits, most)| {
            let bits = u32::try_from(number::parse_i64(bits)?).ok()?;
            (1..=most).contains(&bits).then_some(Width { signed, bits })
        })
        .ok_or_else(|| {
            Stop::error(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            )
        })
}

pub(super) fn bitfield(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let operations = parse(cx, args)?;
    if operations.iter().all(|(_, action)| matches!(action, Action::Get)) {
        return read(cx, args, &operations);
    }
    write(cx, args, &operations)
}

pub(super) fn bitfield_ro(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let operations = parse(cx, args)?;
    if !operations.iter().all(|(_, action)| matches!(action, Action::Get)) {
        return Err(Stop::error("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(cx, args, &operations)
}

fn read(cx: &mut Context<'_, '_>, args: Args<'_>, operations: &[(Field, Action)]) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let value = StringValue::open_or_empty(&entry)?;
    prefetch(cx, &StringEdit::open(&entry)?, operations)?;
    cx.reply.array(operations.len());
    for (field, _) in operations {
        let mut bytes = [0; FIELD_BYTES];
        value.fill(&mut cx.txn, field.offset / 8, &mut bytes)?;
        cx.reply.integer(field.width.get(&bytes, field.bit()));
    }
    Ok(())
}

/// Several fields may stand in several fragments: those on disk are fetched together.
fn prefetch(
    cx: &mut Context<'_, '_>,
    edit: &StringEdit<'_>,
    operations: &[(Field, Action)],
) -> Result<(), Stop> {
    match operations {
        [] | [_] => Ok(()),
        several => edit.prefetch(&mut cx.txn, several.iter().map(|(field, _)| field.bytes())),
    }
}

fn write(cx: &mut Context<'_, '_>, args: Args<'_>, operations: &[(Field, Action)]) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut edit = StringEdit::open(&entry)?;
    prefetch(cx, &edit, operations)?;
    let written = operations.iter().filter(|(_, action)| !matches!(action, Action::Get));
    // As Redis does: the string gets its new length even if no field is written in the end.
    edit.grow(written.map(|(field, _)| field.bytes().end).max().unwrap_or(0));
    let grows = edit.len() > edit.before().len();
    let mut changes = 0;
    cx.reply.array(operations.len());
    for &(field, action) in operations {
        let mut bytes = [0; FIELD_BYTES];
        edit.read(&mut cx.txn, field.offset / 8, &mut bytes)?;
        let old = field.width.get(&bytes, field.bit());
        let new = match action {
            Action::Get => {
                cx.reply.integer(old);
                continue;
            }
            Action::Set(value, overflow) => field.width.add(value, 0, overflow),
            Action::Add(increment, overflow) => field.width.add(old, increment, overflow),
        };
        let Some(new) = new else {
            cx.reply.null();
            continue;
        };
        cx.reply.integer(if matches!(action, Action::Set(..)) { old } else { new });
        if new != old {
            field.width.set(&mut bytes, field.bit(), new);
            let range = field.bytes();
            edit.write(&mut cx.txn, range.start, &bytes[..(range.end - range.start) as usize])?;
        }
        changes += u64::from(grows || new != old);
    }
    if changes == 0 && !grows {
        return edit.finish_unchanged(&mut cx.txn);
    }
    edit.finish(&mut cx.txn, changes)?;
    if changes > 0 {
        cx.txn.notify(Events::STRING, "setbit", &entry);
    }
    Ok(())
}
