//! How long a command may wait.

use crate::keyspace::transaction::Stop;
use crate::number::{LongDouble, parse_f64};

/// Reads a timeout in seconds, which may have a fraction, as whole ms, rounded up. `None`: for ever.
///
/// # Errors
/// Redis's, if it is no number, negative, or would end behind the last time that there is; `now_ms` is Unix time.
pub fn timeout_ms(word: &[u8], now_ms: u64) -> Result<Option<u64>, Stop> {
    const BEYOND: f64 = i64::MAX as f64;
    let seconds = match parse_f64(word) {
        Some(seconds) => seconds,
        // Redis reads a longer kind of float: some numbers are 0 or infinite only here.
        None => match LongDouble::parse(word) {
            None => return Err(Stop::error("ERR timeout is not a float or out of range")),
            Some(_) => {
                let magnitude = if is_tiny(word) { f64::MIN_POSITIVE } else { f64::INFINITY };
                if word.starts_with(b"-") { -magnitude } else { magnitude }
            }
        },
    };
    let out_of_range = || Stop::error("ERR timeout is out of range");
    let ms = (seconds * 1000.0).ceil();
    if ms >= BEYOND {
        return Err(out_of_range());
    }
    if ms < 0.0 {
        return Err(Stop::error("ERR timeout is negative"));
    }
    let ms = ms as u64;
    if ms > (i64::MAX as u64).saturating_sub(now_ms) {
        return Err(out_of_range());
    }
    Ok((ms > 0).then_some(ms))
}

/// Whether a number that no double can hold is too small, and not too large.
fn is_tiny(word: &[u8]) -> bool {
    let Some(exponent) = word.iter().rposition(|byte| matches!(byte, b'e' | b'E' | b'p' | b'P')) else {
        return word.first() == Some(&b'0') || word.contains(&b'.');
    };
    word.get(exponent + 1) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(word: &str) -> Result<Option<u64>, String> {
        timeout_ms(word.as_bytes(), 1_700_000_000_000).map_err(|stop| match stop {
            Stop::Error(text) => String::from_utf8(text.into_owned()).expect("text"),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn timeouts_are_whole_ms_rounded_up() {
        for (word, ms) in
            [("0", None), ("-0", None), ("1", Some(1000)), ("0.0001", Some(1)), ("-0.0001", None)]
        {
            assert_eq!(answer(word), Ok(ms), "{word}");
        }
        assert_eq!(answer("1.5e0"), Ok(Some(1500)));
        assert_eq!(answer("0x10"), Ok(Some(16_000)));
        assert_eq!(answer("1e-400"), Ok(Some(1)));
        assert_eq!(answer("-1e-400"), Ok(None));
        assert_eq!(answer("9223370000000000"), Ok(Some(9_223_370_000_000_000_000)));
    }

    #[test]
    fn errors_are_those_of_redis() {
        for word in ["", "x", "1x", " 1", "nan", "1e99999"] {
            assert_eq!(answer(word), Err("ERR timeout is not a float or out of range".into()), "{word}");
        }
        for word in ["-1", "-0.001", "-inf", "-1e400"] {
            assert_eq!(answer(word), Err("ERR timeout is negative".into()), "{word}");
        }
        for word in ["inf", "1e400", "9223372036854775807", "9223372036854775", "0x7FFFFFFFFFFFFF"] {
            assert_eq!(answer(word), Err("ERR timeout is out of range".into()), "{word}");
        }
    }
}
