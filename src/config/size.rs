//! Memory sizes as Redis writes them: `1k` is 1000 bytes, `1kb` is 1024, and so on for `m`, `mb`, `g`, `gb`.

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];

/// Reads a size in bytes: decimal digits and a unit in any case.
///
/// No digits mean 0, as in Redis. A number past `u64` becomes `u64::MAX`, so that the caller's range check names the
/// limit. `None` for a sign, a space, a fraction or an unknown unit.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let number = number
        .bytes()
        .fold(0_u64, |total, digit| total.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(*factor))
}

/// Writes a size with the largest of `gb`, `mb`, `kb` that divides it; else in plain bytes.
pub fn format_size(bytes: u64) -> String {
    let unit = [("gb", 1_u64 << 30), ("mb", 1 << 20), ("kb", 1 << 10)]
        .into_iter()
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_redis_reads() {
        for (text, bytes) in [
            ("", 0),
            ("0", 0),
            ("007", 7),
            ("1b", 1),
            ("1k", 1_000),
            ("1Kb", 1_024),
            ("3m", 3_000_000),
            ("3MB", 3 << 20),
            ("2g", 2_000_000_000),
            ("2gb", 2 << 30),
            ("18446744073709551615", u64::MAX),
            ("99999999999999999999", u64::MAX),
            ("9999999999999gb", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text:?}");
        }
        for text in ["-1", "+5", " 5", "5 ", "1.5gb", "1zb", "gbb", "1 gb", "5%"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }

    #[test]
    fn writes_the_largest_exact_unit() {
        for (bytes, text) in
            [(0, "0"), (1, "1"), (1_024, "1kb"), (1_536, "1536"), (64 << 20, "64mb"), (1 << 30, "1gb")]
        {
            assert_eq!(format_size(bytes), text);
            assert_eq!(parse_size(text), Some(bytes));
        }
    }
}
