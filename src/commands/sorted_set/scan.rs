//! ZSCAN.

use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::glob::glob_match;
use crate::keyspace::transaction::Stop;
use crate::number::write_f64;
use crate::resp::Reply;
use crate::types;
use crate::types::sorted_set::SortedSet;

/// How many members a call goes through that does not say.
const DEFAULT_COUNT: u64 = 10;

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

struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>) -> Result<Options<'a>, Stop> {
        let mut options = Options { pattern: None, count: DEFAULT_COUNT };
        let mut words = args.cursor(3);
        while words.left() > 0 {
            if words.left() >= 2 && words.eat("COUNT") {
                let count = words.integer()?;
                options.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or_else(syntax_error)?;
            } else if words.left() >= 2 && words.eat("MATCH") {
                // `*` takes everything; as a pattern it would not match the empty name.
                options.pattern = words.next().filter(|pattern| *pattern != b"*");
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }

    fn wants(&self, member: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, member, false))
    }
}

/// The cursor is the hash of the first member that was not looked at; 0 is never that, since something was. Members
/// of equal hashes come together. Nothing is kept in the server, and no write moves a member.
///
/// A small sorted set comes whole, whatever the cursor. If it outgrows that form, no scan of it can be under way.
pub(super) fn zscan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = cursor(args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    let (mut items, mut shown, mut next) = (Reply::new(cx.reply.protocol()), 0, 0);
    if let Some(meta) = entry.meta() {
        // Even if the options are wrong, a key that is not there has no members: so does Redis.
        let options = Options::read(args)?;
        let exactly = types::encoding(&meta, cx.settings) == "skiplist";
        let mut show = |score: f64, member: &[u8]| {
            if options.wants(member) {
                items.bulk(member);
                items.bulk(&score_text(score, exactly));
                shown += 2;
            }
        };
        if set.is_packed() {
            set.each(&mut cx.txn, |score, member| {
                show(score, member);
                true
            })?;
        } else if let Ok(start) = u32::try_from(cursor) {
            let (mut seen, mut last) = (0, None);
            set.each_by_hash(&mut cx.txn, start, |hash, score, member| {
                if seen >= options.count && last != Some(hash) {
                    next = hash;
                    return false;
                }
                seen += 1;
                last = Some(hash);
                show(score, member);
                true
            })?;
        }
    }
    cx.reply.array(2);
    cx.reply.bulk(next.to_string().as_bytes());
    cx.reply.array(shown);
    cx.reply.raw(items.as_slice());
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
