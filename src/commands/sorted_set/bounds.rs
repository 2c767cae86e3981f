//! The ends of ranges, as Redis reads them.

use crate::keyspace::transaction::Stop;
use crate::number::parse_f64;
use crate::types::sorted_set::{LexBound, LexRange, ScoreRange};

/// Reads a range of scores: numbers, `(` before one that is left out.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, Stop> {
    let bound = |word: &[u8]| -> Option<(f64, bool)> {
        match word {
            [b'(', rest @ ..] => Some((score_bound(rest)?, true)),
            all => Some((score_bound(all)?, false)),
        }
    };
    match (bound(min), bound(max)) {
        (Some((min, min_excluded)), Some((max, max_excluded))) => {
            Ok(ScoreRange { min, min_excluded, max, max_excluded })
        }
        _ => Err(Stop::error("ERR min or max is not a float")),
    }
}

/// A bound is read by `strtod` alone: it may begin with blanks and end at a NUL, nothing at all is 0, what is too
/// large is infinite and what is too small is 0.
fn score_bound(word: &[u8]) -> Option<f64> {
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    if word.is_empty() {
        return Some(0.0);
    }
    let start = word.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    let word = &word[start..];
    if let Some(value) = parse_f64(word) {
        return Some(value);
    }
    let decimal = word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    // Rust's reader goes to infinity and to zero by itself.
    if decimal { std::str::from_utf8(word).ok()?.parse().ok() } else { None }
}

/// Reads a range of members: `-` and `+`, or `[` or `(` before a member.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, Stop> {
    match (lex_bound(min), lex_bound(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(Stop::error("ERR min or max not valid string range item")),
    }
}

fn lex_bound(word: &[u8]) -> Option<LexBound<'_>> {
    match word {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Lowest),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Highest),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    }
}

/// The ranks from `start` to `stop`, both included; negative ones count from the end.
pub(super) fn rank_range(start: i64, stop: i64, len: u64) -> std::ops::Range<u64> {
    let length = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |rank: i64| if rank < 0 { rank.saturating_add(length) } else { rank };
    let (start, stop) = (place(start).max(0), place(stop).min(length - 1));
    if start > stop { 0..0 } else { start as u64..stop as u64 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_strtod_does() {
        for (word, value) in [
            ("", Some(0.0)),
            (" 1", Some(1.0)),
            ("\t-1.5e2", Some(-150.0)),
            ("1 ", None),
            (" ", None),
            ("1\x002", Some(1.0)),
            ("1e999", Some(f64::INFINITY)),
            ("-1e999", Some(f64::NEG_INFINITY)),
            ("1e-999", Some(0.0)),
            ("+inf", Some(f64::INFINITY)),
            ("0x10", Some(16.0)),
            ("nan", None),
            ("1e", None),
            ("x", None),
        ] {
            assert_eq!(score_bound(word.as_bytes()), value, "{word:?}");
        }
    }

    #[test]
    fn ranks_stay_within_the_sorted_set() {
        for (start, stop, expected) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-2, -1, 3..5),
            (-9, 1, 0..2),
            (3, 99, 3..5),
            (5, 9, 0..0),
            (2, 1, 0..0),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
        ] {
            assert_eq!(rank_range(start, stop, 5), expected);
        }
        assert_eq!(rank_range(0, -1, 0), 0..0);
    }
}
