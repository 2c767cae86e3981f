//! Strings, whole and changed in part.

use super::naive::{Held, Naive, Value, value};
use super::reply::Reply;
use super::{Choose, number};

impl Naive {
    pub(super) fn text(&mut self, words: &[&str]) -> Option<Reply> {
        Some(match *words {
            ["SET", key, text] => {
                self.replace(key, Value::Text(text.into()));
                Reply::Status("OK")
            }
            ["GET", key] => match self.keys.get(key) {
                Some(Held { value: Value::Text(text), .. }) => Reply::bulk(text),
                _ => Reply::Nil,
            },
            ["STRLEN", key] => match self.keys.get(key) {
                Some(Held { value: Value::Text(text), .. }) => Reply::count(text.len()),
                _ => Reply::Number(0),
            },
            ["APPEND", key, part] => {
                let text = value!(self, key, Text);
                text.extend_from_slice(part.as_bytes());
                Reply::count(text.len())
            }
            ["SETRANGE", key, at, part] => {
                let (text, at) = (value!(self, key, Text), number(at) as usize);
                text.resize(text.len().max(at + part.len()), 0);
                text[at..at + part.len()].copy_from_slice(part.as_bytes());
                Reply::count(text.len())
            }
            ["SETBIT", key, at, bit] => {
                let (text, at) = (value!(self, key, Text), number(at) as usize);
                text.resize(text.len().max(at / 8 + 1), 0);
                let (byte, mask) = (&mut text[at / 8], 0x80 >> (at % 8));
                let old = *byte & mask != 0;
                *byte = if bit == "1" { *byte | mask } else { *byte & !mask };
                Reply::flag(old)
            }
            ["GETRANGE", key, start, end] => match self.keys.get(key) {
                Some(Held { value: Value::Text(text), .. }) => {
                    let (start, end) = (number(start) as usize, number(end) as usize);
                    Reply::bulk(text.get(start..text.len().min(end + 1)).unwrap_or_default())
                }
                _ => Reply::bulk(""),
            },
            _ => return None,
        })
    }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('k');
    // Beyond 16384 bytes a string that is changed in part is kept in fragments.
    let at = if choose.big(&key) { choose.random.usize(..40_000) } else { choose.random.usize(..300) };
    match choose.random.u8(..10) {
        0 => format!("SET {key} {}", choose.word()),
        1 => format!("GET {key}"),
        2..5 => format!("APPEND {key} {}", choose.word()),
        5..7 => format!("SETRANGE {key} {at} {}", choose.word()),
        7..9 => format!("SETBIT {key} {} {}", at * 8 + choose.random.usize(..8), choose.random.u8(..2)),
        _ => format!("GETRANGE {key} {at} {}", at + choose.random.usize(..9000)),
    }
}
