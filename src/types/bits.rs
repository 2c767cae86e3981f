//! Bits of byte strings: counting them, finding them, and integers of any width among them.
//!
//! Bit 0 is the highest one of byte 0.

/// How many bits are 1.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    in_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first bit that is `wanted`, among those from bit `from` on.
pub fn first(bytes: &[u8], wanted: bool, from: u64) -> Option<u64> {
    // Of a byte turned so that the wanted bits are ones.
    let turned = |byte: u8| if wanted { byte } else { !byte };
    let begin = usize::try_from(from / 8).ok()?;
    let (&head, tail) = bytes.get(begin..)?.split_first()?;
    let masked = turned(head) & (0xff >> (from % 8));
    if masked != 0 {
        return Some(from / 8 * 8 + u64::from(masked.leading_zeros()));
    }
    let (words, rest) = tail.as_chunks::<8>();
    let none = if wanted { [0; 8] } else { [0xff; 8] };
    let whole = words.iter().position(|word| *word != none);
    let (skipped, bytes) = match whole {
        Some(index) => (index * 8, &words[index][..]),
        None => (words.len() * 8, rest),
    };
    let index = bytes.iter().position(|&byte| turned(byte) != 0)?;
    let byte = (begin + 1 + skipped + index) as u64;
    Some(byte * 8 + u64::from(turned(bytes[index]).leading_zeros()))
}

/// What BITOP does with several strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 1 where all have 1.
    And,
    /// 1 where any has 1.
    Or,
    /// 1 where an odd number of them have 1.
    Xor,
    /// 1 where the only one has 0.
    Not,
}

impl Operation {
    /// Works `other` into `into`. The two are equally long.
    pub fn apply(self, into: &mut [u8], other: &[u8]) {
        debug_assert_eq!(into.len(), other.len());
        match self {
            Operation::And => combine(into, other, |a, b| a & b),
            Operation::Or => combine(into, other, |a, b| a | b),
            Operation::Xor => combine(into, other, |a, b| a ^ b),
            Operation::Not => {}
        }
    }

    /// What remains to be done when all were worked in.
    pub fn end(self, into: &mut [u8]) {
        if self == Operation::Not {
            combine(into, &[], |a, _| !a);
        }
    }
}

/// Changes `into` word by word; bytes that `other` lacks are 0.
fn combine(into: &mut [u8], other: &[u8], change: impl Fn(u64, u64) -> u64) {
    let (words, rest) = into.as_chunks_mut::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let others = others.iter().chain(std::iter::repeat(&[0; 8]));
    for (word, other) in words.iter_mut().zip(others) {
        *word = change(u64::from_ne_bytes(*word), u64::from_ne_bytes(*other)).to_ne_bytes();
    }
    for (byte, other) in rest.iter_mut().zip(other_rest.iter().chain(std::iter::repeat(&0))) {
        *byte = change(u64::from(*byte), u64::from(*other)) as u8;
    }
}

/// What becomes of a number that its field has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Its low bits stay.
    Wrap,
    /// The nearest that fits.
    Saturate,
    /// Nothing is written.
    Fail,
}

/// The type of a field: `i1` to `i64`, `u1` to `u63`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// Whether it is a number with a sign, in two's complement.
    pub signed: bool,
    /// 1 to 64; without sign at most 63.
    pub bits: u32,
}

/// Most bytes that a field touches: 64 bits that begin with the last bit of a byte.
pub const FIELD_BYTES: usize = 9;

impl Width {
    /// How many bytes a field at this bit of its first byte (0 to 7) touches.
    pub fn span(self, bit: u32) -> usize {
        (bit + self.bits).div_ceil(8) as usize
    }

    /// Reads the field that begins with this bit (0 to 7) of `bytes`.
    pub fn get(self, bytes: &[u8; FIELD_BYTES], bit: u32) -> i64 {
        let word = (joined(bytes) >> self.shift(bit)) as u64;
        self.narrowed(word)
    }

    /// Writes the low bits of a number there.
    pub fn set(self, bytes: &mut [u8; FIELD_BYTES], bit: u32, value: i64) {
        let mask = u128::from(self.mask()) << self.shift(bit);
        let new = u128::from(value.cast_unsigned() & self.mask()) << self.shift(bit);
        let word = joined(bytes) & !mask | new;
        bytes.copy_from_slice(&word.to_be_bytes()[16 - FIELD_BYTES..]);
    }

    /// Where the field's lowest bit is in the number that nine bytes are.
    fn shift(self, bit: u32) -> u32 {
        FIELD_BYTES as u32 * 8 - bit - self.bits
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The number that the low bits of a word are.
    fn narrowed(self, word: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed {
            (word << unused).cast_signed() >> unused
        } else {
            (word & self.mask()).cast_signed()
        }
    }

    fn limits(self) -> (i64, i64) {
        let max = if self.signed { (self.mask() >> 1).cast_signed() } else { self.mask().cast_signed() };
        (if self.signed { -max - 1 } else { 0 }, max)
    }

    /// The sum of a number and an increment as the field will hold it; `None` if nothing may be written.
    ///
    /// The number may be one that the field has no room for. One without sign is then taken for a very large one if
    /// it is negative, as Redis does.
    pub fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.limits();
        let (above, below) = if self.signed {
            // Near the lowest i64, the room that is left wraps around and counts as none: so it does in Redis.
            let narrow = self.bits != 64;
            let (room, depth) = (max.wrapping_sub(value), min.wrapping_sub(value));
            (
                value > max || ((narrow || (value >= 0 && increment > 0)) && increment > room),
                value < min || ((narrow || (value < 0 && increment < 0)) && increment < depth),
            )
        } else {
            let room = max.wrapping_sub(value);
            let above = value.cast_unsigned() > max.cast_unsigned() || (increment > 0 && increment > room);
            (above, increment < 0 && increment < value.wrapping_neg())
        };
        let sum = value.wrapping_add(increment);
        match overflow {
            _ if !above && !below => Some(sum),
            Overflow::Wrap => Some(self.narrowed(sum.cast_unsigned())),
            Overflow::Saturate => Some(if above { max } else { min }),
            Overflow::Fail => None,
        }
    }
}

fn joined(bytes: &[u8; FIELD_BYTES]) -> u128 {
    bytes.iter().fold(0, |word, &byte| word << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests;
