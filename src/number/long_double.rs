//! INCRBYFLOAT's arithmetic: C's `long double` on x86, bit for bit, in integers.
//!
//! Redis adds in that type and prints 17 decimals, which hides most of binary's rounding: 0.1 + 0.2 is 0.3. A slave or
//! a client that compares must find the same digits here, so the type is emulated: 64 bits of mantissa, 15 of exponent,
//! rounding to nearest even. Only numbers below 2^-16382 keep more bits than in C, which 17 decimals never show.

use std::fmt;

use super::scan::{Magnitude, scan, shift_right_to_even};

/// Bytes of the longest text that is read.
const MAX_TEXT: usize = 5 * 1024 - 1;
/// The exponent of the highest bit of the largest numbers.
const MAX_EXPONENT: i64 = 16_383;
/// The exponent of the bit whose half rounds to zero: the smallest number above zero.
const MIN_EXPONENT: i64 = -16_445;
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut n = 1;
    while n < 20 {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// Why INCRBYFLOAT failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatError {
    /// One of the texts is no number.
    NotAFloat,
    /// The sum is no finite number.
    NanOrInfinity,
}

impl fmt::Display for FloatError {
    /// Redis's text, without the `ERR ` before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FloatError::NotAFloat => "value is not a valid float",
            FloatError::NanOrInfinity => "increment would produce NaN or Infinity",
        })
    }
}

impl std::error::Error for FloatError {}

/// Adds two numbers in text, and prints the sum with up to 17 decimals, without zeros at the end and without exponent.
pub fn incr_by_float(current: &[u8], increment: &[u8]) -> Result<Vec<u8>, FloatError> {
    let current = LongDouble::parse(current).ok_or(FloatError::NotAFloat)?;
    let increment = LongDouble::parse(increment).ok_or(FloatError::NotAFloat)?;
    let sum = current.plus(increment).ok_or(FloatError::NanOrInfinity)?;
    Ok(sum.to_text())
}

/// A number with 64 bits of mantissa and an exponent of 15 bits; infinite, but never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    infinite: bool,
    /// With its highest bit set, or 0.
    mantissa: u64,
    /// The value is `mantissa * 2^exponent`.
    exponent: i32,
}

impl LongDouble {
    /// Reads a number as `strtold` does, in the forms of [`parse_f64`](super::parse_f64), `inf` included. `None` for
    /// what is no number, is longer than 5119 bytes, or rounds to infinity or, without being zero, to zero.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let scanned = scan(text)?;
        let negative = scanned.negative;
        if scanned.is_zero() {
            return Some(LongDouble { negative, infinite: false, mantissa: 0, exponent: 0 });
        }
        let value = match scanned.magnitude {
            Magnitude::Infinite => {
                return Some(LongDouble { negative, infinite: true, mantissa: 0, exponent: 0 });
            }
            Magnitude::Hex { mantissa, exponent } => Self::rounded(negative, mantissa, exponent),
            Magnitude::Decimal { whole, fraction, exponent } => {
                let digits: Vec<u8> =
                    whole.iter().chain(fraction).copied().skip_while(|&digit| digit == b'0').collect();
                Self::from_decimal(negative, &digits, exponent - fraction.len() as i64)?
            }
        };
        (value.mantissa != 0).then_some(value)
    }

    /// Whether it is infinite.
    pub fn is_infinite(&self) -> bool {
        self.infinite
    }

    /// The sum, rounded; `None` if it is infinite or NaN.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.infinite || other.infinite {
            return None;
        }
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { other } else { self });
        }
        let (large, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // 62 bits below the larger mantissa's last one, and one above it for the carry. What is shifted out of the
        // smaller one is or'ed into its last bit, so far below the rounding that only its being there counts.
        let a = u128::from(large.mantissa) << 62;
        let distance = large.exponent.abs_diff(small.exponent);
        let full = u128::from(small.mantissa) << 62;
        let mut b = full.checked_shr(distance).unwrap_or(0);
        b |= u128::from(distance >= 128 || b << distance != full);
        let exponent = i64::from(large.exponent) - 62;
        let sum = if large.negative == small.negative {
            Self::rounded(large.negative, a + b, exponent)
        } else if a >= b {
            Self::rounded(large.negative, a - b, exponent)
        } else {
            Self::rounded(small.negative, b - a, exponent)
        };
        (!sum.infinite).then_some(sum)
    }

    /// The text with up to 17 decimals, without zeros at the end and without exponent; `inf` or `-inf`.
    pub fn to_text(&self) -> Vec<u8> {
        let magnitude = if self.infinite {
            "inf".to_owned()
        } else if self.exponent >= 0 {
            let mut number = Big::from(u128::from(self.mantissa));
            number.shift_left(self.exponent.unsigned_abs());
            number.into_decimal()
        } else {
            // In units of 10^-17: at most 121 bits before the shift.
            let scaled = u128::from(self.mantissa) * 100_000_000_000_000_000;
            let units = shift_right_to_even(scaled, self.exponent.unsigned_abs());
            let (whole, fraction) = (units / 100_000_000_000_000_000, units % 100_000_000_000_000_000);
            if fraction == 0 {
                whole.to_string()
            } else {
                let text = format!("{whole}.{fraction:017}");
                text.trim_end_matches('0').to_owned()
            }
        };
        let sign = if self.negative && magnitude != "0" { "-" } else { "" };
        [sign.as_bytes(), magnitude.as_bytes()].concat()
    }

    /// `mantissa * 2^exponent`, rounded to 64 bits; infinite if too large, zero if too small.
    fn rounded(negative: bool, mantissa: u128, exponent: i64) -> Self {
        let zero = LongDouble { negative, infinite: false, mantissa: 0, exponent: 0 };
        if mantissa == 0 {
            return zero;
        }
        let mut shift = 64 - i64::from(mantissa.leading_zeros());
        let mut bits =
            if shift > 0 { shift_right_to_even(mantissa, shift as u32) } else { mantissa << -shift };
        if bits >> 64 != 0 {
            bits >>= 1;
            shift += 1;
        }
        let exponent = exponent + shift;
        let mantissa = bits as u64;
        let top = exponent + 63;
        if top > MAX_EXPONENT {
            return LongDouble { infinite: true, ..zero };
        }
        // Exactly half of the smallest number goes to the even side, which is zero.
        if top < MIN_EXPONENT - 1 || (top == MIN_EXPONENT - 1 && mantissa == 1 << 63) {
            return zero;
        }
        LongDouble { negative, infinite: false, mantissa, exponent: exponent as i32 }
    }

    /// `digits * 10^exponent`; the first digit is not zero. `None` if far out of range.
    fn from_decimal(negative: bool, digits: &[u8], exponent: i64) -> Option<Self> {
        let trailing = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        let digits = &digits[..digits.len() - trailing];
        let exponent = exponent + trailing as i64;
        if !(-5_000..=5_000).contains(&(exponent + digits.len() as i64)) {
            return None;
        }
        let power = exponent.unsigned_abs() as usize;
        if digits.len() <= 19 && power <= 18 {
            // What people count with: all of it fits 128 bits.
            let number = digits.iter().fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
            let number = u128::from(number);
            let power = u128::from(POWERS_OF_TEN[power]);
            if exponent >= 0 {
                return Some(Self::rounded(negative, number * power, 0));
            }
            // The divisor is below 2^60, so at least 67 bits of the quotient remain.
            let shift = number.leading_zeros();
            let number = number << shift;
            let quotient = (number / power) | u128::from(!number.is_multiple_of(power));
            return Some(Self::rounded(negative, quotient, -i64::from(shift)));
        }
        let mut number = Big::from(0);
        for chunk in digits.chunks(9) {
            let value = chunk.iter().fold(0, |value: u32, digit| value * 10 + u32::from(digit - b'0'));
            number.multiply_add(POWERS_OF_TEN[chunk.len()] as u32, value);
        }
        let (mantissa, exponent) = if exponent >= 0 {
            number.multiply_power_of_ten(power);
            number.top()
        } else {
            let mut divisor = Big::from(1);
            divisor.multiply_power_of_ten(power);
            number.divide(divisor)
        };
        Some(Self::rounded(negative, mantissa, exponent))
    }
}

/// A natural number of any size: 32 bits a word, the lowest first, no zeros at the end.
#[derive(Clone, Debug)]
struct Big(Vec<u32>);

impl Big {
    fn from(value: u128) -> Self {
        let mut big = Big((0..4).map(|word| (value >> (32 * word)) as u32).collect());
        big.trim();
        big
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn bits(&self) -> u64 {
        self.0.last().map_or(0, |last| 32 * self.0.len() as u64 - u64::from(last.leading_zeros()))
    }

    fn multiply_add(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn multiply_power_of_ten(&mut self, power: usize) {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(POWERS_OF_TEN[power % 9] as u32, 0);
    }

    fn shift_left(&mut self, bits: u32) {
        if !bits.is_multiple_of(32) {
            self.multiply_add(1 << (bits % 32), 0);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits as usize / 32));
    }

    /// Divides by `divisor`, and returns the remainder in its place.
    fn divide_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for word in self.0.iter_mut().rev() {
            let value = rest << 32 | u64::from(*word);
            *word = (value / u64::from(divisor)) as u32;
            rest = value % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    /// Whether it is at least `other`, both trimmed.
    fn reaches(&self, other: &Big) -> bool {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_ge()
    }

    /// Subtracts `other`, which is not larger.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0;
        for (at, word) in self.0.iter_mut().enumerate() {
            let value = i64::from(*word) - i64::from(other.0.get(at).copied().unwrap_or(0)) - borrow;
            *word = value as u32;
            borrow = i64::from(value < 0);
        }
        self.trim();
    }

    /// The highest 96 to 127 bits and the exponent of the lowest of these. Lost ones are or'ed into it.
    fn top(&self) -> (u128, i64) {
        let skip = (self.bits().saturating_sub(96) / 32) as usize;
        let top = self.0[skip..].iter().rev().fold(0, |top, &word| top << 32 | u128::from(word));
        let lost = self.0[..skip].iter().any(|&word| word != 0);
        (top | u128::from(lost), 32 * skip as i64)
    }

    /// The quotient, as a mantissa of 70 or 71 bits whose last one tells of a remainder, and its exponent.
    fn divide(mut self, mut divisor: Big) -> (u128, i64) {
        let difference = self.bits() as i64 - divisor.bits() as i64;
        // One is shifted so that the number has as many bits as the divisor, or one more: the quotient's first bit.
        if difference > 0 {
            divisor.shift_left(difference as u32);
        } else {
            self.shift_left(difference.unsigned_abs() as u32);
        }
        let mut quotient = 0u128;
        for bit in 0..71 {
            if bit > 0 {
                self.multiply_add(2, 0);
            }
            quotient <<= 1;
            if self.reaches(&divisor) {
                self.subtract(&divisor);
                quotient |= 1;
            }
        }
        (quotient | u128::from(!self.0.is_empty()), difference - 70)
    }

    fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.0.is_empty() {
            chunks.push(self.divide_small(1_000_000_000));
        }
        let mut text = chunks.pop().unwrap_or(0).to_string();
        for chunk in chunks.iter().rev() {
            text.push_str(&format!("{chunk:09}"));
        }
        text
    }
}
