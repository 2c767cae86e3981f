//! What the scans of a collection's elements have in common: HSCAN, SSCAN, ZSCAN.

use super::args::{Args, not_an_integer, syntax_error};
use crate::glob::glob_match;
use crate::keyspace::transaction::Stop;
use crate::number::parse_i64;
use crate::resp::Reply;

/// How many elements a call goes through that does not say.
const DEFAULT_COUNT: u64 = 10;

/// MATCH, COUNT (or LIMIT) and NOVALUES.
#[derive(Debug)]
pub struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    /// How many elements to look at; at least 1.
    pub count: u64,
    /// Whether contents are shown too; they are not for NOVALUES.
    pub values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options from word `at` on. `count` is the name of the one that limits.
    pub fn read(args: Args<'a>, at: usize, count: &str, novalues: bool) -> Result<ScanOptions<'a>, Stop> {
        let mut options = ScanOptions { pattern: None, count: DEFAULT_COUNT, values: true };
        let mut words = args.cursor(at);
        while words.left() > 0 {
            if words.left() >= 2 && words.eat(count) {
                let count = words.integer()?;
                options.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or_else(syntax_error)?;
            } else if words.left() >= 2 && words.eat("match") {
                // `*` takes everything; as a pattern it would not match the empty name.
                options.pattern = words.next().filter(|pattern| *pattern != b"*");
            } else if novalues && words.eat("novalues") {
                options.values = false;
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }

    /// As [`ScanOptions::read`] for Pika's ranges by name, which have another word for a LIMIT that is none.
    pub fn read_range(args: Args<'a>, at: usize) -> Result<ScanOptions<'a>, Stop> {
        let refused = (at..args.len().saturating_sub(1)).step_by(2).any(|at| {
            args.word(at).eq_ignore_ascii_case(b"limit")
                && parse_i64(args.word(at + 1)).is_none_or(|n| n <= 0)
        });
        match ScanOptions::read(args, at, "limit", false) {
            Err(_) if refused => Err(not_an_integer()),
            other => other,
        }
    }

    /// Whether an element of this name is wanted.
    pub fn admits(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, name, false))
    }
}

/// The second part of a reply, made before the first is known.
#[derive(Debug)]
pub struct Items {
    reply: Reply,
    count: usize,
}

impl Items {
    /// None yet, for the protocol of `reply`.
    pub fn new(reply: &Reply) -> Items {
        Items { reply: Reply::new(reply.protocol()), count: 0 }
    }

    /// Adds one.
    pub fn push(&mut self, item: &[u8]) {
        self.reply.bulk(item);
        self.count += 1;
    }

    /// Writes the whole reply: where to go on, and the items.
    pub fn send(&self, reply: &mut Reply, next: &[u8]) {
        reply.array(2);
        reply.bulk(next);
        reply.array(self.count);
        reply.raw(self.reply.as_slice());
    }
}

/// Reads a cursor as C's `strtoul` does, which Redis uses, but for blanks: a sign and leading zeros are taken, nothing
/// at all is 0, and a negative number counts from the end of the 64-bit ones. `None` if it is none.
pub fn parse_cursor(word: &[u8]) -> Option<u64> {
    let (negative, digits) = match word {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// As [`parse_cursor`]; a word that is none is refused.
pub fn cursor(word: &[u8]) -> Result<u64, Stop> {
    parse_cursor(word).ok_or_else(|| Stop::error("ERR invalid cursor"))
}

/// Walks a collection in the order of its elements' hashes, for one call of a scan. The cursor is the hash of the
/// first element that was not looked at; 0 is never that, since something was. Elements of equal hashes come together.
/// Nothing is kept in the server, and no write moves an element.
#[derive(Debug)]
pub struct Walk {
    count: u64,
    seen: u64,
    last: Option<u32>,
    next: u32,
}

impl Walk {
    /// A walk that looks at `count` elements.
    pub fn new(count: u64) -> Walk {
        Walk { count, seen: 0, last: None, next: 0 }
    }

    /// Whether the element of this hash is looked at; if not, the walk is over.
    pub fn admits(&mut self, hash: u32) -> bool {
        if self.seen >= self.count && self.last != Some(hash) {
            self.next = hash;
            return false;
        }
        self.seen += 1;
        self.last = Some(hash);
        true
    }

    /// The cursor for the next call.
    pub fn cursor(&self) -> String {
        self.next.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_redis_reads_them() {
        for (word, number) in [
            ("", Some(0)),
            ("0", Some(0)),
            ("00", Some(0)),
            ("+7", Some(7)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-18446744073709551616", None),
            ("+", None),
            ("-", None),
            (" 1", None),
            ("1 ", None),
            ("x", None),
        ] {
            assert_eq!(parse_cursor(word.as_bytes()), number, "{word:?}");
        }
    }
}
