//! Lists.

use super::naive::{Naive, value};
use super::reply::Reply;
use super::{Choose, number};

impl Naive {
    pub(super) fn list(&mut self, words: &[&str]) -> Option<Reply> {
        Some(match *words {
            [name @ ("LPUSH" | "RPUSH"), key, ref items @ ..] => {
                let list = value!(self, key, List);
                for &item in items {
                    list.insert(if name == "LPUSH" { 0 } else { list.len() }, item.into());
                }
                Reply::count(list.len())
            }
            [name @ ("LPOP" | "RPOP"), key, count] => {
                let (there, list) = (self.keys.contains_key(key), value!(self, key, List));
                let count = list.len().min(number(count) as usize);
                let taken: Vec<String> = if name == "LPOP" {
                    list.drain(..count).collect()
                } else {
                    list.drain(list.len() - count..).rev().collect()
                };
                if there { Reply::array(taken) } else { Reply::Nil }
            }
            ["LMOVE", from, to, side, end] => {
                let list = value!(self, from, List);
                if list.is_empty() {
                    return Some(Reply::Nil);
                }
                let item = list.remove(if side == "LEFT" { 0 } else { list.len() - 1 });
                let target = value!(self, to, List);
                target.insert(if end == "LEFT" { 0 } else { target.len() }, item.clone());
                Reply::bulk(item)
            }
            ["LSET", key, at, item] => {
                let (there, list) = (self.keys.contains_key(key), value!(self, key, List));
                let at = number(at);
                let place = if at < 0 { at + list.len() as i64 } else { at };
                match list.get_mut(usize::try_from(place).unwrap_or(usize::MAX)) {
                    _ if !there => Reply::Error("ERR no such key"),
                    Some(old) => {
                        *old = item.into();
                        Reply::Status("OK")
                    }
                    None => Reply::Error("ERR index out of range"),
                }
            }
            ["LINSERT", key, side, pivot, item] => {
                let list = value!(self, key, List);
                match list.iter().position(|there| there == pivot) {
                    _ if list.is_empty() => Reply::Number(0),
                    None => Reply::Number(-1),
                    Some(place) => {
                        list.insert(place + usize::from(side == "AFTER"), item.into());
                        Reply::count(list.len())
                    }
                }
            }
            ["LREM", key, "0", item] => {
                let list = value!(self, key, List);
                let before = list.len();
                list.retain(|there| there != item);
                Reply::count(before - list.len())
            }
            ["LTRIM", key, start, stop] => {
                let list = value!(self, key, List);
                *list = part(list, number(start), number(stop));
                Reply::Status("OK")
            }
            ["LRANGE", key, start, stop] => {
                Reply::array(part(value!(self, key, List), number(start), number(stop)))
            }
            ["LINDEX", key, at] => {
                Reply::maybe(part(value!(self, key, List), number(at), number(at)).first())
            }
            ["LLEN", key] => Reply::count(value!(self, key, List).len()),
            _ => return None,
        })
    }
}

/// What two indices mean, both included, each from the end if it is negative.
fn part(list: &[String], start: i64, stop: i64) -> Vec<String> {
    let len = list.len() as i64;
    let place = |index: i64| if index < 0 { index + len } else { index };
    let (start, stop) = (place(start).max(0), place(stop).min(len - 1));
    if start > stop { Vec::new() } else { list[start as usize..=stop as usize].to_vec() }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('l');
    let most = if choose.big(&key) { 120 } else { 4 };
    let (at, count) = (choose.random.i64(-400..400), choose.random.usize(1..=most));
    match choose.random.u8(..20) {
        0..8 => {
            let items: Vec<String> = (0..count).map(|_| choose.word()).collect();
            format!("{} {key} {}", choose.of(&["LPUSH", "RPUSH"]), items.join(" "))
        }
        8..10 => format!("{} {key} {}", choose.of(&["LPOP", "RPOP"]), count / 2 + 1),
        10..12 => {
            let (to, side, end) =
                (choose.key('l'), choose.of(&["LEFT", "RIGHT"]), choose.of(&["LEFT", "RIGHT"]));
            format!("LMOVE {key} {to} {side} {end}")
        }
        12..14 => format!("LSET {key} {at} {}", choose.word()),
        14 => format!(
            "LINSERT {key} {} {} {}",
            choose.of(&["BEFORE", "AFTER"]),
            choose.seldom_word(),
            choose.word()
        ),
        15 => format!("LREM {key} 0 {}", choose.seldom_word()),
        16 => format!("LTRIM {key} {} {}", choose.random.u8(..9), -1 - i64::from(choose.random.u8(..9))),
        17 => format!("LRANGE {key} {at} {}", at + 100),
        18 => format!("LINDEX {key} {at}"),
        _ => format!("LLEN {key}"),
    }
}
