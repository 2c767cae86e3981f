//! Hashes.

use super::naive::{Naive, value};
use super::reply::Reply;
use super::{Choose, number};

impl Naive {
    pub(super) fn hash(&mut self, words: &[&str]) -> Option<Reply> {
        Some(match *words {
            ["HSET", key, ref pairs @ ..] => {
                let fields = value!(self, key, Hash);
                let new = |pair: &[&str]| fields.insert(pair[0].into(), pair[1].into()).is_none();
                Reply::count(pairs.chunks(2).map(new).filter(|new| *new).count())
            }
            ["HDEL", key, ref names @ ..] => {
                let fields = value!(self, key, Hash);
                Reply::count(names.iter().filter(|&&name| fields.remove(name).is_some()).count())
            }
            ["HINCRBY", key, name, by] => {
                let sum = value!(self, key, Hash).entry(name.into()).or_insert_with(|| "0".into());
                *sum = (number(sum) + number(by)).to_string();
                Reply::Number(number(sum))
            }
            ["HGET", key, name] => Reply::maybe(value!(self, key, Hash).get(name)),
            ["HMGET", key, ref names @ ..] => {
                let fields = value!(self, key, Hash);
                Reply::Array(names.iter().map(|&name| Reply::maybe(fields.get(name))).collect())
            }
            ["HLEN", key] => Reply::count(value!(self, key, Hash).len()),
            _ => return None,
        })
    }
}

pub(super) fn generate(choose: &mut Choose) -> String {
    let key = choose.key('h');
    let (universe, most) = if choose.big(&key) { (600, 120) } else { (20, 4) };
    let count = choose.random.usize(1..=most);
    let names: Vec<String> = (0..count).map(|_| format!("f{}", choose.random.usize(..universe))).collect();
    match choose.random.u8(..10) {
        0..5 => {
            let pairs: Vec<String> = names.iter().map(|name| format!("{name} {}", choose.word())).collect();
            format!("HSET {key} {}", pairs.join(" "))
        }
        5..7 => format!("HDEL {key} {}", names.join(" ")),
        7 => format!("HINCRBY {key} n{} {}", choose.random.u8(..3), choose.random.i8(..)),
        8 => format!("HGET {key} {}", names[0]),
        _ => format!("HLEN {key}"),
    }
}
