//! Replies as values, for the side that reads them.

use std::fmt;

use memchr::memchr;

use crate::number::{parse_f64, parse_i64};

/// How deep arrays may lie in each other.
pub const MAX_DEPTH: usize = 64;

/// One reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`: a status.
    Simple(Vec<u8>),
    /// `-` or `!`: an error, its whole text.
    Error(Vec<u8>),
    /// `:`: an integer.
    Integer(i64),
    /// `$`: a string.
    Bulk(Vec<u8>),
    /// `$-1` or `_`: no value.
    Null,
    /// `*-1`: no array (RESP2).
    NullArray,
    /// `*`: an array.
    Array(Vec<Value>),
    /// `%`: a map, in the order in which it was sent.
    Map(Vec<(Value, Value)>),
    /// `~`: a set, in the order in which it was sent.
    Set(Vec<Value>),
    /// `>`: a message that answers no command.
    Push(Vec<Value>),
    /// `,`: a floating-point number.
    Double(f64),
    /// `#`: a boolean.
    Boolean(bool),
    /// `(`: an integer of any size, in decimal.
    BigNumber(Vec<u8>),
    /// `=`: text for people.
    Verbatim {
        /// `txt` or `mkd`.
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
    /// `|`: a reply with attributes.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

/// The bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed reply: {}", self.reason)
    }
}

impl std::error::Error for Malformed {}

/// Reads the reply at the start of `input`. Returns it and how many bytes it took, or `None` if it goes on after the
/// input: then call again with more. Each call starts anew, so read large replies in few calls.
///
/// Memory grows with the input, whatever its headers say. Deeper nesting than [`MAX_DEPTH`] is malformed.
pub fn parse_value(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut reader = Reader { input, position: 0 };
    match reader.value(0) {
        Ok(value) => Ok(Some((value, reader.position))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(reason)) => Err(Malformed { reason }),
    }
}

enum Stop {
    Incomplete,
    Malformed(&'static str),
}

struct Reader<'a> {
    input: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Malformed("nested too deep"));
        }
        let line = self.line()?;
        let Some((&mark, line)) = line.split_first() else { return Err(Stop::Malformed("empty line")) };
        Ok(match mark {
            b'+' => Value::Simple(line.to_vec()),
            b'-' => Value::Error(line.to_vec()),
            b':' => Value::Integer(parse_i64(line).ok_or(Stop::Malformed("no integer"))?),
            b'$' => self.bulk(line)?.map_or(Value::Null, |text| Value::Bulk(text.to_vec())),
            b'!' => Value::Error(self.bulk(line)?.ok_or(Stop::Malformed("negative length"))?.to_vec()),
            b'=' => self.verbatim(line)?,
            b'_' if line.is_empty() => Value::Null,
            b'*' if line == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.values(line, depth)?),
            b'~' => Value::Set(self.values(line, depth)?),
            b'>' => Value::Push(self.values(line, depth)?),
            b'%' => Value::Map(self.pairs(line, depth)?),
            b'|' => Value::Attribute(self.pairs(line, depth)?, Box::new(self.value(depth + 1)?)),
            b'#' if line == b"t" => Value::Boolean(true),
            b'#' if line == b"f" => Value::Boolean(false),
            b',' if line.eq_ignore_ascii_case(b"nan") => Value::Double(f64::NAN),
            b',' => Value::Double(parse_f64(line).ok_or(Stop::Malformed("no double"))?),
            b'(' if is_integer(line) => Value::BigNumber(line.to_vec()),
            _ => return Err(Stop::Malformed("unknown type")),
        })
    }

    /// The bytes before the next line end, which is passed.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.position..];
        let end = memchr(b'\r', rest).filter(|end| end + 1 < rest.len()).ok_or(Stop::Incomplete)?;
        if rest[end + 1] != b'\n' {
            return Err(Stop::Malformed("bad line end"));
        }
        self.position += end + 2;
        Ok(&rest[..end])
    }

    /// The payload whose length is `line`; `None` if that is -1.
    fn bulk(&mut self, line: &[u8]) -> Result<Option<&'a [u8]>, Stop> {
        if line == b"-1" {
            return Ok(None);
        }
        let len = parse_len(line)?;
        let rest = &self.input[self.position..];
        if rest.len() < 2 || rest.len() - 2 < len {
            return Err(Stop::Incomplete);
        }
        if &rest[len..len + 2] != b"\r\n" {
            return Err(Stop::Malformed("bad line end"));
        }
        self.position += len + 2;
        Ok(Some(&rest[..len]))
    }

    fn verbatim(&mut self, line: &[u8]) -> Result<Value, Stop> {
        match self.bulk(line)? {
            Some([a, b, c, b':', text @ ..]) => {
                Ok(Value::Verbatim { format: [*a, *b, *c], text: text.to_vec() })
            }
            _ => Err(Stop::Malformed("no format")),
        }
    }

    fn values(&mut self, line: &[u8], depth: usize) -> Result<Vec<Value>, Stop> {
        let mut values = Vec::new();
        for _ in 0..parse_len(line)? {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }

    fn pairs(&mut self, line: &[u8], depth: usize) -> Result<Vec<(Value, Value)>, Stop> {
        let mut pairs = Vec::new();
        for _ in 0..parse_len(line)? {
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(pairs)
    }
}

fn parse_len(line: &[u8]) -> Result<usize, Stop> {
    parse_i64(line).and_then(|len| usize::try_from(len).ok()).ok_or(Stop::Malformed("bad length"))
}

fn is_integer(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}
