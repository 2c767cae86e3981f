//! The texts that C takes for floating-point numbers, taken apart.

/// A floating-point number in text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned<'a> {
    /// Whether it starts with `-`.
    pub(super) negative: bool,
    /// What follows the sign.
    pub(super) magnitude: Magnitude<'a>,
}

/// A number without its sign.
#[derive(Clone, Copy, Debug)]
pub(super) enum Magnitude<'a> {
    /// `inf` or `infinity`.
    Infinite,
    /// The digits before and after the point, times `10^exponent`.
    Decimal { whole: &'a [u8], fraction: &'a [u8], exponent: i64 },
    /// `mantissa * 2^exponent`, the mantissa below 2^124; bits that did not fit are or'ed into its last one.
    Hex { mantissa: u128, exponent: i64 },
}

impl Scanned<'_> {
    /// Whether it is zero as written, not by rounding.
    pub(super) fn is_zero(&self) -> bool {
        match self.magnitude {
            Magnitude::Infinite => false,
            Magnitude::Decimal { whole, fraction, .. } => {
                whole.iter().chain(fraction).all(|&digit| digit == b'0')
            }
            Magnitude::Hex { mantissa, .. } => mantissa == 0,
        }
    }
}

/// Takes a number apart; `None` if `text` is none. NaN is none.
pub(super) fn scan(text: &[u8]) -> Option<Scanned<'_>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let magnitude = match rest {
        [b'0', b'x' | b'X', hex @ ..] => scan_hex(hex)?,
        [b'i' | b'I', ..] => {
            let known = rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity");
            known.then_some(Magnitude::Infinite)?
        }
        _ => scan_decimal(rest)?,
    };
    Some(Scanned { negative, magnitude })
}

fn scan_decimal(text: &[u8]) -> Option<Magnitude<'_>> {
    let (whole, rest) = split_digits(text, u8::is_ascii_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest, u8::is_ascii_digit),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    Some(Magnitude::Decimal { whole, fraction, exponent: scan_exponent(rest, b'e')? })
}

fn scan_hex(text: &[u8]) -> Option<Magnitude<'_>> {
    let (whole, rest) = split_digits(text, u8::is_ascii_hexdigit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest, u8::is_ascii_hexdigit),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut mantissa, mut dropped) = (0u128, 0);
    for &digit in whole.iter().chain(fraction) {
        let digit = char::from(digit).to_digit(16)?;
        if mantissa >> 120 == 0 {
            mantissa = mantissa << 4 | u128::from(digit);
        } else {
            mantissa |= u128::from(digit != 0);
            dropped += 4;
        }
    }
    let exponent = scan_exponent(rest, b'p')? + dropped - 4 * fraction.len() as i64;
    Some(Magnitude::Hex { mantissa, exponent })
}

fn split_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len()))
}

/// Reads nothing, or `mark`, a sign and digits. A number that is far out of range is cut to one that still is.
fn scan_exponent(text: &[u8], mark: u8) -> Option<i64> {
    let digits = match text {
        [] => return Some(0),
        [first, rest @ ..] if first.eq_ignore_ascii_case(&mark) => rest,
        _ => return None,
    };
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(1 << 50));
    Some(if negative { -size } else { size })
}

/// Divides by `2^shift`, rounding to the nearest integer, to even between two.
pub(super) fn shift_right_to_even(value: u128, shift: u32) -> u128 {
    match shift {
        0 => value,
        1..=127 => {
            let quotient = value >> shift;
            let rest = value & ((1 << shift) - 1);
            let half = 1 << (shift - 1);
            quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
        }
        128 => u128::from(value > 1 << 127),
        _ => 0,
    }
}
