//! BITCOUNT and BITPOS. Large strings are read piece by piece; what is not there is passed over.

use super::{Args, Context, RunResult, Stop};
use crate::commands::args::syntax_error;
use crate::types::bits;
use crate::types::string::StringValue;

/// Whether a word says that positions count bits: `BIT`, not `BYTE`.
fn counts_bits(word: &[u8]) -> Result<bool, Stop> {
    match word {
        _ if word.eq_ignore_ascii_case(b"bit") => Ok(true),
        _ if word.eq_ignore_ascii_case(b"byte") => Ok(false),
        _ => Err(syntax_error()),
    }
}

/// The bits from `start` to `end`, both included, of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits {
    first: u64,
    last: u64,
}

impl Bits {
    /// What two positions mean, which may count from the end; `None` if there is nothing between them.
    fn resolve(length: u64, (start, end): (i64, i64), in_bits: bool) -> Option<Bits> {
        let total =
            i64::try_from(if in_bits { length.saturating_mul(8) } else { length }).unwrap_or(i64::MAX);
        let absolute = |index: i64| if index < 0 { (index + total).max(0) } else { index };
        let (start, end) = (absolute(start), absolute(end).min(total - 1));
        if start > end {
            return None;
        }
        let (start, end) = (start.cast_unsigned(), end.cast_unsigned());
        Some(if in_bits {
            Bits { first: start, last: end }
        } else {
            Bits { first: start * 8, last: end * 8 + 7 }
        })
    }

    /// The bytes that hold them.
    fn bytes(self) -> std::ops::Range<u64> {
        self.first / 8..self.last / 8 + 1
    }
}

pub(super) fn bitcount(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (range, in_bits) = match args.len() {
        2 => ((0, -1), false),
        4 | 5 => {
            let range = (args.integer(2)?, args.integer(3)?);
            (range, args.len() == 5 && counts_bits(args.word(4))?)
        }
        _ => return Err(syntax_error()),
    };
    let entry = cx.txn.lookup(args.word(1))?;
    let value = StringValue::open_or_empty(&entry)?;
    // Both before the first byte would mean the first byte; Redis says there is nothing between them.
    let reversed = range.0 < 0 && range.1 < 0 && range.0 > range.1;
    let counted = match Bits::resolve(value.len(), range, in_bits) {
        Some(wanted) if !reversed => count(cx, &value, wanted)?,
        _ => 0,
    };
    cx.reply.integer(counted as i64);
    Ok(())
}

fn count(cx: &mut Context<'_, '_>, value: &StringValue<'_>, wanted: Bits) -> Result<u64, Stop> {
    let (first, last) = (wanted.first / 8, wanted.last / 8);
    let (before, behind) = (!(0xffu8 >> (wanted.first % 8)), !(0xffu16 << (7 - wanted.last % 8)) as u8);
    let mut total = 0;
    value.pieces(&mut cx.txn, wanted.bytes(), |position, bytes| {
        total += bits::count_ones(bytes);
        // Bits of the outermost bytes that do not belong to the range were counted, too.
        for (byte, mask) in [(first, before), (last, behind)] {
            let place = byte.checked_sub(position).and_then(|place| bytes.get(place as usize));
            total -= place.map_or(0, |byte| u64::from((byte & mask).count_ones()));
        }
        true
    })?;
    Ok(total)
}

pub(super) fn bitpos(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = match args.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Stop::error("ERR The bit argument must be 1 or 0.")),
    };
    let (mut range, mut in_bits) = ((0, -1), false);
    let end_given = args.len() >= 5;
    match args.len() {
        3 => {}
        4..=6 => {
            range.0 = args.integer(3)?;
            if args.len() == 6 {
                in_bits = counts_bits(args.word(5))?;
            }
            if end_given {
                range.1 = args.integer(4)?;
            }
        }
        _ => return Err(syntax_error()),
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let Some(value) = StringValue::open(&entry)? else {
        // Zero bits without end.
        cx.reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let found = match Bits::resolve(value.len(), range, in_bits) {
        None => None,
        Some(within) => {
            let found = find(cx, &value, wanted, within)?;
            // A string that has no end told is followed by zero bits.
            let behind = (!wanted && !end_given).then(|| value.len() * 8);
            found.or(behind)
        }
    };
    cx.reply.integer(found.map_or(-1, |position| position as i64));
    Ok(())
}

/// The first bit of a range that is `wanted`.
fn find(
    cx: &mut Context<'_, '_>,
    value: &StringValue<'_>,
    wanted: bool,
    within: Bits,
) -> Result<Option<u64>, Stop> {
    let (mut found, mut next) = (None, within.first);
    value.pieces(&mut cx.txn, within.bytes(), |position, bytes| {
        let (start, end) = (position * 8, (position + bytes.len() as u64) * 8);
        if start > next && !wanted {
            // What was left out before this piece is zero.
            return false;
        }
        found = bits::first(bytes, wanted, next.saturating_sub(start)).map(|place| start + place);
        next = end;
        found.is_none()
    })?;
    if found.is_none() && !wanted {
        found = Some(next);
    }
    Ok(found.filter(|&position| position <= within.last))
}
