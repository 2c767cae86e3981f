//! Numbers as Redis reads and prints them.
//!
//! Integers are strict: one text for each number. Floating-point numbers are read as C's `strtod` reads them, hex and
//! `infinity` included, but for blanks, NaN, and what is too large or too small for the type.

use bytes::BufMut;

mod long_double;
mod scan;
#[cfg(test)]
mod tests;

pub use long_double::{FloatError, LongDouble, incr_by_float};
use scan::{Magnitude, scan, shift_right_to_even};

/// Reads a signed integer: an optional `-`, then digits without a leading zero. No `+`, no blanks, no `-0`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let value = parse_digits(digits)?;
            // The smallest number has no positive counterpart.
            if value == 0 { None } else { 0i64.checked_sub_unsigned(value) }
        }
        digits => i64::try_from(parse_digits(digits)?).ok(),
    }
}

/// Reads the number that a text begins with, as C's `atoi`: blanks, a sign, digits; 0 if there is none. What stands
/// behind it is not looked at.
pub fn leading_i64(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value =
        digits.fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}

/// Reads an unsigned integer: digits without a leading zero. No sign, no blanks.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_digits(text)
}

#[inline]
fn parse_digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut value = 0u64;
    // 19 digits cannot overflow.
    let (safe, last) = digits.split_at(digits.len().min(19));
    for byte in safe {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for byte in last {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// The decimal text of an integer, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    buffer: [u8; 20],
    start: u8,
}

impl Decimal {
    /// The text of a signed integer.
    #[inline]
    pub fn new(value: i64) -> Self {
        let mut decimal = Decimal::unsigned(value.unsigned_abs());
        if value < 0 {
            decimal.start -= 1;
            decimal.buffer[usize::from(decimal.start)] = b'-';
        }
        decimal
    }

    /// The text of an unsigned integer.
    #[inline]
    pub fn unsigned(mut value: u64) -> Self {
        let mut buffer = [0; 20];
        let mut start = buffer.len();
        while value >= 100 {
            start -= 2;
            buffer[start..start + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
            value /= 100;
        }
        if value >= 10 {
            start -= 2;
            buffer[start..start + 2].copy_from_slice(&PAIRS[value as usize]);
        } else {
            start -= 1;
            buffer[start] = b'0' + value as u8;
        }
        Decimal { buffer, start: start as u8 }
    }

    /// The text: 1 to 20 bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[usize::from(self.start)..]
    }
}

/// The two digits of each number below 100: half the divisions.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Appends an integer in decimal.
#[inline]
pub fn write_i64(out: &mut impl BufMut, value: i64) {
    out.put_slice(Decimal::new(value).as_bytes());
}

/// Reads a score or another double, as `strtod` does: decimal or hex with an exponent, or `inf`, `infinity` in any
/// case, with a sign. `None` for anything else: the empty text, blanks, NaN, a number that rounds to infinity, and a
/// number other than zero that rounds to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let scanned = scan(text)?;
    match scanned.magnitude {
        Magnitude::Infinite => Some(if scanned.negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Magnitude::Hex { mantissa, exponent } => {
            let value = f64_from_parts(mantissa, exponent)?;
            Some(if scanned.negative { -value } else { value })
        }
        Magnitude::Decimal { .. } => {
            let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            let underflow = value == 0.0 && !scanned.is_zero();
            (value.is_finite() && !underflow).then_some(value)
        }
    }
}

/// `mantissa * 2^exponent`, rounded to the nearest double, to even between two. The mantissa is below 2^127.
fn f64_from_parts(mantissa: u128, exponent: i64) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let bits = i64::from(128 - mantissa.leading_zeros());
    let top = exponent + bits - 1;
    if !(-1075..=1023).contains(&top) {
        return None;
    }
    // A number below 2^-1022 has fewer bits: the last one is always worth 2^-1074.
    let unit = (top - 52).max(-1074);
    let shift = unit - exponent;
    let rounded = if shift > 0 { shift_right_to_even(mantissa, shift as u32) } else { mantissa << -shift };
    let power = if unit >= -1022 { ((unit + 1023) as u64) << 52 } else { 1 << (unit + 1074) };
    // Exact: the product of at most 53 bits and a power of two that keeps them.
    let value = rounded as f64 * f64::from_bits(power);
    (value.is_finite() && value != 0.0).then_some(value)
}

/// Appends a double as Redis 7.2 and later print scores: the shortest text that reads as the same number; without an
/// exponent if it is an integer up to 2^62 or of moderate size; `inf`, `-inf`, `nan`, `-0`.
pub fn write_f64(out: &mut impl BufMut, value: f64) {
    /// Doubles in this range convert to `i64` and back without loss, if they are integers.
    const SAFE: f64 = (i64::MAX / 2) as f64;
    if !value.is_finite() {
        let text: &[u8] = if value.is_nan() {
            b"nan"
        } else if value > 0.0 {
            b"inf"
        } else {
            b"-inf"
        };
        return out.put_slice(text);
    }
    if value == 0.0 {
        return out.put_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
    }
    if value.abs() <= SAFE && value as i64 as f64 == value {
        return write_i64(out, value as i64);
    }
    if value < 0.0 {
        out.put_u8(b'-');
    }
    let mut digits = [0; 20];
    let (len, exponent) = shortest_digits(value.abs(), &mut digits);
    write_digits(out, &digits[..len], exponent);
}

/// The fewest decimal digits that stand for `value`, without zeros at either end, and the power of ten that the last
/// one is multiplied with.
fn shortest_digits(value: f64, digits: &mut [u8; 20]) -> (usize, i32) {
    let mut buffer = ryu::Buffer::new();
    let (mut len, mut exponent, mut fraction) = (0, 0, false);
    let mut text = buffer.format_finite(value).bytes();
    while let Some(byte) = text.next() {
        match byte {
            b'.' => fraction = true,
            b'e' => {
                let rest: Vec<u8> = text.by_ref().collect();
                exponent += parse_i64(&rest).unwrap_or(0) as i32;
            }
            _ => {
                exponent -= i32::from(fraction);
                if len > 0 || byte != b'0' {
                    digits[len] = byte;
                    len += 1;
                }
            }
        }
    }
    while len > 1 && digits[len - 1] == b'0' {
        len -= 1;
        exponent += 1;
    }
    (len, exponent)
}

/// Writes `digits * 10^exponent`. The bounds between the forms are those of Redis's printer.
fn write_digits(out: &mut impl BufMut, digits: &[u8], exponent: i32) {
    let len = digits.len() as i32;
    let scientific = exponent + len - 1;
    if exponent >= 0 && scientific < len + 7 {
        out.put_slice(digits);
        out.put_bytes(b'0', exponent as usize);
    } else if exponent < 0 && (exponent > -7 || scientific.abs() < 4) {
        let whole = len + exponent;
        if whole > 0 {
            let (whole, fraction) = digits.split_at(whole as usize);
            out.put_slice(whole);
            out.put_u8(b'.');
            out.put_slice(fraction);
        } else {
            out.put_slice(b"0.");
            out.put_bytes(b'0', whole.unsigned_abs() as usize);
            out.put_slice(digits);
        }
    } else {
        out.put_u8(digits[0]);
        if len > 1 {
            out.put_u8(b'.');
            out.put_slice(&digits[1..]);
        }
        out.put_slice(if scientific < 0 { b"e-" } else { b"e+" });
        write_i64(out, i64::from(scientific.abs()));
    }
}
