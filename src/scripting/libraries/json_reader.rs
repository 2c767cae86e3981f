//! JSON to Lua's values, with the errors of Lua CJSON.

use mlua::{Lua, Value};

use super::cjson::Settings;
use super::{Fault, fault};

/// A piece of JSON.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(what) => what,
        }
    }
}

struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    position: usize,
    /// Where the last token begins, or is wrong.
    index: usize,
    depth: i64,
    settings: &'a Settings,
}

/// Reads a text that is one value.
pub(super) fn read(lua: &Lua, text: &[u8], settings: &Settings) -> Result<Value, Fault> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(fault("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut reader = Reader { lua, text, position: 0, index: 0, depth: 0, settings };
    let first = reader.next();
    let value = reader.value(first)?;
    match reader.next() {
        Token::End => Ok(value),
        other => Err(reader.expected("the end", &other)),
    }
}

impl Reader<'_> {
    fn expected(&self, what: &str, found: &Token) -> Fault {
        fault(format!("Expected {what} but found {} at character {}", found.name(), self.index + 1))
    }

    /// The byte at a place; 0 behind the end, and wherever the text has one.
    fn byte(&self, place: usize) -> u8 {
        self.text.get(place).copied().unwrap_or(0)
    }

    fn wrong(&mut self, what: &'static str) -> Token {
        self.index = self.position;
        Token::Error(what)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.position), b' ' | b'\t' | b'\n' | b'\r') {
            self.position += 1;
        }
        self.index = self.position;
        let rest = self.text.get(self.position..).unwrap_or_default();
        let mark = self.byte(self.position);
        let single = match mark {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && is_invalid_number(rest) {
                    return self.wrong("invalid number");
                }
                return self.number();
            }
            _ if rest.starts_with(b"true") => {
                self.position += 4;
                return Token::Boolean(true);
            }
            _ if rest.starts_with(b"false") => {
                self.position += 5;
                return Token::Boolean(false);
            }
            _ if rest.starts_with(b"null") => {
                self.position += 4;
                return Token::Null;
            }
            _ if self.settings.decode_invalid && is_invalid_number(rest) => return self.number(),
            _ => return self.wrong("invalid token"),
        };
        self.position += 1;
        single
    }

    fn string(&mut self) -> Token {
        let mut out = Vec::new();
        self.position += 1;
        loop {
            match self.byte(self.position) {
                b'"' => break,
                0 => return self.wrong("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(self.position + 1) {
                        b'b' => 8,
                        b't' => 9,
                        b'n' => 10,
                        b'f' => 12,
                        b'r' => 13,
                        same @ (b'"' | b'\\' | b'/') => same,
                        b'u' => match self.unicode() {
                            Some(character) => {
                                let mut bytes = [0; 4];
                                out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
                                continue;
                            }
                            None => return self.wrong("invalid unicode escape code"),
                        },
                        _ => return self.wrong("invalid escape code"),
                    };
                    out.push(plain);
                    self.position += 2;
                }
                other => {
                    out.push(other);
                    self.position += 1;
                }
            }
        }
        self.position += 1;
        Token::String(out)
    }

    /// Four hexadecimal digits.
    fn unit(&self, place: usize) -> Option<u32> {
        let digits = self.text.get(place..place + 4)?;
        digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
    }

    /// A character written as `\u1234`, or as two of these, which are passed.
    fn unicode(&mut self) -> Option<char> {
        let first = self.unit(self.position + 2)?;
        let mut length = 6;
        let code = match first {
            0xd800..0xdc00 => {
                if self.byte(self.position + 6) != b'\\' || self.byte(self.position + 7) != b'u' {
                    return None;
                }
                let second = self.unit(self.position + 8).filter(|unit| (0xdc00..0xe000).contains(unit))?;
                length = 12;
                0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff)
            }
            other => other,
        };
        let character = char::from_u32(code)?;
        self.position += length;
        Some(character)
    }

    fn number(&mut self) -> Token {
        match parse_number(&self.text[self.position..]) {
            Some((number, length)) => {
                self.position += length;
                Token::Number(number)
            }
            None => self.wrong("invalid number"),
        }
    }

    fn descend(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth.min(1000) {
            return Ok(());
        }
        let (depth, place) = (self.depth, self.position);
        Err(fault(format!("Found too many nested data structures ({depth}) at character {place}")))
    }

    fn value(&mut self, token: Token) -> Result<Value, Fault> {
        Ok(match token {
            Token::String(text) => Value::String(self.lua.create_string(text)?),
            Token::Number(number) => Value::Number(number),
            Token::Boolean(value) => Value::Boolean(value),
            Token::Null => Value::NULL,
            Token::ObjectBegin => self.object()?,
            Token::ArrayBegin => self.array()?,
            other => return Err(self.expected("value", &other)),
        })
    }

    fn object(&mut self) -> Result<Value, Fault> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token, Token::ObjectEnd) {
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        loop {
            let Token::String(key) = token else { return Err(self.expected("object key string", &token)) };
            match self.next() {
                Token::Colon => {}
                other => return Err(self.expected("colon", &other)),
            }
            let first = self.next();
            let value = self.value(first)?;
            table.raw_set(self.lua.create_string(key)?, value)?;
            match self.next() {
                Token::ObjectEnd => break,
                Token::Comma => token = self.next(),
                other => return Err(self.expected("comma or object end", &other)),
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }

    fn array(&mut self) -> Result<Value, Fault> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token, Token::ArrayEnd) {
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        for index in 1.. {
            let value = self.value(token)?;
            table.raw_set(index, value)?;
            match self.next() {
                Token::ArrayEnd => break,
                Token::Comma => token = self.next(),
                other => return Err(self.expected("comma or array end", &other)),
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}

/// Whether what begins here is a number of C, but none of JSON.
fn is_invalid_number(text: &[u8]) -> bool {
    let text = match text.first() {
        Some(b'+') => return true,
        Some(b'-') => &text[1..],
        _ => text,
    };
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word));
    match text.first() {
        Some(b'0') => matches!(text.get(1), Some(b'x' | b'X' | b'0'..=b'9')),
        Some(..=b'9') => false,
        _ => begins(b"inf") || begins(b"nan"),
    }
}

/// The number of C that a text begins with, and its length.
fn parse_number(text: &[u8]) -> Option<(f64, usize)> {
    let signed = matches!(text.first(), Some(b'+' | b'-'));
    let negative = text.first() == Some(&b'-');
    let start = usize::from(signed);
    let body = &text[start..];
    let apply = |number: f64| if negative { -number } else { number };
    let begins = |word: &[u8]| body.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word));
    for (word, number) in [(&b"infinity"[..], f64::INFINITY), (b"inf", f64::INFINITY), (b"nan", f64::NAN)] {
        if begins(word) {
            return Some((apply(number), start + word.len()));
        }
    }
    if begins(b"0x") {
        let digits = body[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 0 {
            let value =
                |sum: f64, digit: &u8| sum * 16.0 + f64::from(char::from(*digit).to_digit(16).unwrap_or(0));
            return Some((apply(body[2..2 + digits].iter().fold(0.0, value)), start + 2 + digits));
        }
    }
    let digits = |from: usize| body.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit());
    let whole = digits(0).count();
    let mut length = whole;
    if body.get(length) == Some(&b'.') {
        let decimals = digits(length + 1).count();
        if whole + decimals == 0 {
            return None;
        }
        length += 1 + decimals;
    }
    if length == 0 {
        return None;
    }
    if matches!(body.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(body.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign).count();
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&body[..length]).ok()?.parse().ok()?;
    Some((apply(number), start + length))
}
