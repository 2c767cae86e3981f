//! Ids of entries: a time in ms and a number within it.

use std::fmt;

use crate::encoding::varint;

/// The id of an entry. `0-0` is before all entries: no entry has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct StreamId {
    /// Mostly Unix time in ms; whatever the client said, if it said an id.
    pub ms: u64,
    /// The number within the ms.
    pub seq: u64,
}

/// What a client said as the id of a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the time, or what follows the last id.
    Auto,
    /// `ms-*`: the next free number within that ms.
    Within(u64),
    /// All of it.
    Exactly(StreamId),
}

impl StreamId {
    /// Before all entries.
    pub const ZERO: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last possible id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };
    /// Bytes of [`StreamId::to_bytes`].
    pub const BYTES: usize = 16;

    /// The next one; `None` after the last.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The one before; `None` before the first.
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// ms and number, 8 bytes each, big-endian: in byte order as ids are.
    pub fn to_bytes(self) -> [u8; StreamId::BYTES] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of [`StreamId::to_bytes`]; `None` unless there are 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<StreamId> {
        let both = u128::from_be_bytes(bytes.try_into().ok()?);
        Some(StreamId { ms: (both >> 64) as u64, seq: both as u64 })
    }

    /// Appends it as two varints.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        varint::write(out, self.ms);
        varint::write(out, self.seq);
    }

    /// Reads two varints and moves past them.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<StreamId> {
        Some(StreamId { ms: varint::read(bytes)?, seq: varint::read(bytes)? })
    }

    /// `ms-seq`, or `ms` alone, whose number is then `missing_seq`. `None` for anything else.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        let (ms, seq) = split(text)?;
        let seq = match seq {
            Some(seq) => parse_number(seq)?,
            None => missing_seq,
        };
        Some(StreamId { ms: parse_number(ms)?, seq })
    }

    /// As [`StreamId::parse`], and `-` is the least id, `+` the greatest.
    pub fn parse_bound(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match text {
            b"-" => Some(StreamId::ZERO),
            b"+" => Some(StreamId::MAX),
            _ => StreamId::parse(text, missing_seq),
        }
    }
}

impl NewId {
    /// What XADD takes: `*`, `ms-*`, `ms-seq`, or `ms`, which is `ms-0`.
    pub fn parse(text: &[u8]) -> Option<NewId> {
        if text == b"*" {
            return Some(NewId::Auto);
        }
        match split(text)? {
            (ms, Some(b"*")) => Some(NewId::Within(parse_number(ms)?)),
            _ => Some(NewId::Exactly(StreamId::parse(text, 0)?)),
        }
    }
}

/// What stands before and behind the first `-`. Redis reads ids as C does: up to a zero byte.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    const LONGEST: usize = 127;
    if text.len() > LONGEST {
        return None;
    }
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = &text[..end];
    Some(match text.iter().position(|&byte| byte == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    })
}

/// An unsigned number as Redis reads it here: what is no strict integer may still be one for C's `strtoull`, which
/// skips blanks, takes a sign, and wraps negative numbers around.
fn parse_number(text: &[u8]) -> Option<u64> {
    if let Some(value) = crate::number::parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn neighbours_carry_over_and_end() {
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!((StreamId::MAX.next(), StreamId::ZERO.previous()), (None, None));
    }

    #[test]
    fn bytes_are_in_the_order_of_ids() {
        let ids = [id(0, 0), id(0, u64::MAX), id(1, 0), id(255, 1), id(256, 0), StreamId::MAX];
        assert!(ids.is_sorted_by(|one, other| one.to_bytes() < other.to_bytes()));
        assert!(ids.iter().all(|id| StreamId::from_bytes(&id.to_bytes()) == Some(*id)));
        assert_eq!(StreamId::from_bytes(b"short"), None);
    }

    #[test]
    fn text_is_read_as_redis_reads_it() {
        assert_eq!(StreamId::parse(b"5", 7), Some(id(5, 7)));
        assert_eq!(StreamId::parse(b"5-18446744073709551615", 0), Some(id(5, u64::MAX)));
        assert_eq!(StreamId::parse(b"007-+3", 0), Some(id(7, 3)));
        assert_eq!(StreamId::parse(b" 1- 2", 0), Some(id(1, 2)));
        assert_eq!(StreamId::parse(b"1--05", 0), Some(id(1, u64::MAX - 4)));
        assert_eq!(StreamId::parse(b"12\x0034", 0), Some(id(12, 0)));
        for wrong in ["", "-", "+", "-1", "1-", "1--5", "1-2-3", "x", "1 ", "18446744073709551616", "1-*"] {
            assert_eq!(StreamId::parse(wrong.as_bytes(), 0), None, "{wrong}");
        }
        assert_eq!(StreamId::parse(&[b'0'; 128], 0), None);
        assert_eq!(StreamId::parse_bound(b"+", 0), Some(StreamId::MAX));
        assert_eq!(NewId::parse(b"5-*"), Some(NewId::Within(5)));
        assert_eq!(NewId::parse(b"5"), Some(NewId::Exactly(id(5, 0))));
        assert_eq!((NewId::parse(b"*"), NewId::parse(b"-")), (Some(NewId::Auto), None));
    }
}
