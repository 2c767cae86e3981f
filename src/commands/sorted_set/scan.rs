//! ZSCAN.

use crate::commands::element_scan::{Items, ScanOptions, Walk, cursor};
use crate::commands::{Args, Context, RunResult};
use crate::number::write_f64;
use crate::types;
use crate::types::sorted_set::SortedSet;

/// See [`Walk`] for the cursor. A small sorted set comes whole, whatever the cursor. If it outgrows that form, no scan
/// of it can be under way.
pub(super) fn zscan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = cursor(args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    let mut items = Items::new(cx.reply);
    let Some(meta) = entry.meta() else {
        // Even if the options are wrong: so does Redis.
        items.send(cx.reply, b"0");
        return Ok(());
    };
    let options = ScanOptions::read(args, 3, "count", false)?;
    let mut walk = Walk::new(options.count);
    let exactly = types::encoding(&meta, cx.settings) == "skiplist";
    let mut show = |score: f64, member: &[u8]| {
        if options.admits(member) {
            items.push(member);
            items.push(&score_text(score, exactly));
        }
    };
    if set.is_packed() {
        set.each(&mut cx.txn, |score, member| {
            show(score, member);
            true
        })?;
    } else if let Ok(start) = u32::try_from(cursor) {
        set.each_by_hash(&mut cx.txn, start, |hash, score, member| {
            let wanted = walk.admits(hash);
            if wanted {
                show(score, member);
            }
            wanted
        })?;
    }
    items.send(cx.reply, walk.cursor().as_bytes());
    Ok(())
}

/// A score as ZSCAN shows it: Redis prints what its compact form holds, or else 17 digits.
fn score_text(score: f64, exactly: bool) -> Vec<u8> {
    if exactly && score.is_finite() {
        return general(score).into_bytes();
    }
    let mut out = Vec::new();
    write_f64(&mut out, score);
    out
}

/// A finite number as C's `%.17g` prints it.
fn general(value: f64) -> String {
    const DIGITS: i32 = 17;
    let scientific = format!("{:.*e}", DIGITS as usize - 1, value);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_string();
    if (-4..DIGITS).contains(&exponent) {
        let fixed = format!("{:.*}", (DIGITS - 1 - exponent) as usize, value);
        return if fixed.contains('.') { trim(&fixed) } else { fixed };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn seventeen_digits_are_printed_as_c_does() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (3.0e100, "2.9999999999999999e+100"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (123_456_789.123, "123456789.123"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e22, "1e+22"),
            (5e-324, "4.9406564584124654e-324"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
