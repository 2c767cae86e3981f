//! SETBIT and GETBIT.

use super::{Args, Context, RunResult, Stop};
use crate::config::Events;
use crate::number;
use crate::types::string::{StringEdit, StringValue};

/// The refusal of an offset.
pub(super) fn offset_out_of_range() -> Stop {
    Stop::error("ERR bit offset is not an integer or out of range")
}

/// Reads the offset of a bit, or, with `unit` (bits of a field), `#` and the number of a field.
pub(super) fn offset(cx: &Context<'_, '_>, word: &[u8], unit: Option<u32>) -> Result<u64, Stop> {
    let (word, unit) = match (word, unit) {
        ([b'#', number @ ..], Some(bits)) => (number, bits),
        _ => (word, 1),
    };
    number::parse_i64(word)
        .and_then(|offset| u64::try_from(offset).ok())
        .and_then(|offset| offset.checked_mul(u64::from(unit)))
        .filter(|&offset| offset / 8 < cx.settings.max_bulk_len && i64::try_from(offset).is_ok())
        .ok_or_else(offset_out_of_range)
}

/// The mask of a bit in its byte.
fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

pub(super) fn getbit(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let offset = offset(cx, args.word(2), None)?;
    let entry = cx.txn.lookup(args.word(1))?;
    let byte = StringValue::open_or_empty(&entry)?.byte(&mut cx.txn, offset / 8)?;
    cx.reply.integer(i64::from(byte & mask(offset) != 0));
    Ok(())
}

pub(super) fn setbit(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let offset = offset(cx, args.word(2), None)?;
    let on = match args.word(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Stop::error("ERR bit is not an integer or out of range")),
    };
    let entry = cx.txn.entry(args.word(1))?;
    let mut edit = StringEdit::open(&entry)?;
    let byte = edit.before().byte(&mut cx.txn, offset / 8)?;
    let was = byte & mask(offset) != 0;
    cx.reply.integer(i64::from(was));
    if was == on && offset / 8 < edit.len() {
        return edit.finish_unchanged(&mut cx.txn);
    }
    let byte = if on { byte | mask(offset) } else { byte & !mask(offset) };
    edit.write(&mut cx.txn, offset / 8, &[byte])?;
    edit.finish(&mut cx.txn, 1)?;
    cx.txn.notify(Events::STRING, "setbit", &entry);
    Ok(())
}
