//! Random commands on lists, compared with a vector.

use std::collections::BTreeMap;

use super::*;
use crate::engine::memory::MemoryEngine;

const KEYS: [&str; 2] = ["{t}a", "{t}b"];

struct Pair {
    server: MiniServer,
    model: BTreeMap<&'static str, Vec<String>>,
    random: fastrand::Rng,
    /// About how many elements a list grows to.
    size: usize,
    cold: bool,
}

fn array(items: &[String]) -> String {
    if items.is_empty() {
        return "(empty array)".into();
    }
    let lines = items.iter().enumerate().map(|(index, item)| format!("{}) \"{item}\"", index + 1));
    lines.collect::<Vec<_>>().join("\n")
}

impl Pair {
    fn key(&mut self) -> &'static str {
        KEYS[usize::from(self.random.u8(0..4) == 0)]
    }

    /// Few values, so that searches find them; some too long for a chunk, some too long for a packed list.
    fn value(&mut self) -> String {
        let value = self.random.u8(0..20).to_string();
        match self.random.u8(0..60) {
            0 => value.repeat(300),
            1 => value.repeat(2100),
            2 => "".into(),
            _ => value,
        }
    }

    fn list(&mut self, key: &'static str) -> &mut Vec<String> {
        self.model.entry(key).or_default()
    }

    fn index(&mut self, key: &'static str) -> i64 {
        let len = self.list(key).len() as i64;
        self.random.i64(-len - 2..=len + 2)
    }

    #[track_caller]
    fn expect(&mut self, line: &str, expected: impl std::fmt::Display) {
        self.server.engine.make_cold(self.cold);
        let reply = self.server.ask(line);
        let short: String = line.chars().take(200).collect();
        assert!(reply == expected.to_string(), "{short}: {}", reply.chars().take(200).collect::<String>());
    }

    fn push(&mut self) {
        let key = self.key();
        let most = if self.list(key).len() > self.size { 2 } else { 1 + self.size / 8 };
        let count = self.random.usize(1..=most);
        let values: Vec<String> = (0..count).map(|_| self.value()).collect();
        let left = self.random.bool();
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        let list = self.list(key);
        for value in values {
            if left { list.insert(0, value) } else { list.push(value) }
        }
        let len = list.len();
        let name = if left { "LPUSH" } else { "RPUSH" };
        self.expect(&format!("{name} {key} {}", quoted.join(" ")), format!("(integer) {len}"));
    }

    fn take(&mut self, key: &'static str, left: bool) -> Option<String> {
        let list = self.list(key);
        if list.is_empty() {
            None
        } else if left {
            Some(list.remove(0))
        } else {
            list.pop()
        }
    }

    fn pop(&mut self) {
        let (key, left) = (self.key(), self.random.bool());
        let name = if left { "LPOP" } else { "RPOP" };
        if self.random.bool() {
            let taken = self.take(key, left).map_or("(nil)".to_string(), |value| format!("\"{value}\""));
            return self.expect(&format!("{name} {key}"), taken);
        }
        let count = self.random.usize(0..=1 + self.size / 4);
        let there = !self.list(key).is_empty();
        let taken: Vec<String> = (0..count).map_while(|_| self.take(key, left)).collect();
        let expected = if there { array(&taken) } else { "(nil)".into() };
        self.expect(&format!("{name} {key} {count}"), expected);
    }

    fn set(&mut self) {
        let key = self.key();
        let (index, value) = (self.index(key), self.value());
        let list = self.list(key);
        let len = list.len() as i64;
        let place = if index < 0 { index + len } else { index };
        let expected = if len == 0 {
            "(error) ERR no such key"
        } else if (0..len).contains(&place) {
            list[place as usize] = value.clone();
            "OK"
        } else {
            "(error) ERR index out of range"
        };
        self.expect(&format!("LSET {key} {index} \"{value}\""), expected);
    }

    fn insert(&mut self) {
        let (key, pivot, value) = (self.key(), self.value(), self.value());
        let before = self.random.bool();
        let list = self.list(key);
        let expected = if list.is_empty() {
            0
        } else if let Some(place) = list.iter().position(|item| *item == pivot) {
            list.insert(place + usize::from(!before), value.clone());
            list.len() as i64
        } else {
            -1
        };
        let word = if before { "BEFORE" } else { "AFTER" };
        let line = format!("LINSERT {key} {word} \"{pivot}\" \"{value}\"");
        self.expect(&line, format!("(integer) {expected}"));
    }

    fn remove(&mut self) {
        let (key, value) = (self.key(), self.value());
        let count = self.random.i64(-4..=4);
        let list = self.list(key);
        let mut found: Vec<usize> = (0..list.len()).filter(|&index| list[index] == value).collect();
        if count < 0 {
            found.reverse();
        }
        if count != 0 {
            found.truncate(count.unsigned_abs() as usize);
        }
        found.sort_unstable();
        for &index in found.iter().rev() {
            list.remove(index);
        }
        let removed = found.len();
        self.expect(&format!("LREM {key} {count} \"{value}\""), format!("(integer) {removed}"));
    }

    /// The part of a list that two indices mean, both included.
    fn part(list: &[String], start: i64, stop: i64) -> Vec<String> {
        let len = list.len() as i64;
        let from_head = |index: i64| if index < 0 { index + len } else { index };
        let (start, stop) = (from_head(start).max(0), from_head(stop).min(len - 1));
        if start > stop { Vec::new() } else { list[start as usize..=stop as usize].to_vec() }
    }

    fn range(&mut self) {
        let key = self.key();
        let (start, stop) = (self.index(key), self.index(key));
        let expected = array(&Self::part(self.list(key), start, stop));
        self.expect(&format!("LRANGE {key} {start} {stop}"), expected);
        let found = Self::part(self.list(key), start, start);
        let expected = found.first().map_or("(nil)".to_string(), |value| format!("\"{value}\""));
        self.expect(&format!("LINDEX {key} {start}"), expected);
    }

    fn trim(&mut self) {
        let key = self.key();
        let len = self.list(key).len() as i64;
        // Mostly a little at the ends, at times all but a little.
        let (start, stop) = match self.random.u8(0..6) {
            0 => (self.index(key), self.index(key)),
            1 => (len / 2, len / 2 + 5),
            _ => (self.random.i64(0..=len / 8 + 1), -1 - self.random.i64(0..=len / 8 + 1)),
        };
        let kept = Self::part(self.list(key), start, stop);
        *self.list(key) = kept;
        self.expect(&format!("LTRIM {key} {start} {stop}"), "OK");
    }

    fn find(&mut self) {
        let (key, value) = (self.key(), self.value());
        let rank = self.random.i64(1..4) * if self.random.bool() { 1 } else { -1 };
        let len = self.list(key).len();
        let most = self.random.usize(0..=len + 1);
        let list = self.list(key);
        let all = 0..list.len();
        let mut order: Vec<usize> = if rank < 0 { all.rev().collect() } else { all.collect() };
        if most > 0 {
            order.truncate(most);
        }
        let found: Vec<usize> = order
            .into_iter()
            .filter(|&index| list[index] == value)
            .skip(rank.unsigned_abs() as usize - 1)
            .take(2)
            .collect();
        let lines =
            found.iter().enumerate().map(|(index, place)| format!("{}) (integer) {place}", index + 1));
        let lines: Vec<String> = lines.collect();
        let expected = if lines.is_empty() { "(empty array)".to_string() } else { lines.join("\n") };
        self.expect(&format!("LPOS {key} \"{value}\" RANK {rank} COUNT 2 MAXLEN {most}"), expected);
    }

    fn move_one(&mut self) {
        let (source, target) = (self.key(), self.key());
        let (from, to) = (self.random.bool(), self.random.bool());
        let taken = self.take(source, from);
        if let Some(value) = taken.clone() {
            let list = self.list(target);
            if to { list.insert(0, value) } else { list.push(value) }
        }
        let word = |left| if left { "LEFT" } else { "RIGHT" };
        let expected = taken.map_or("(nil)".to_string(), |value| format!("\"{value}\""));
        self.expect(&format!("LMOVE {source} {target} {} {}", word(from), word(to)), expected);
    }

    /// COPY and RENAME, which take a list as a whole.
    fn whole(&mut self) {
        let [a, b] = KEYS;
        let list = self.list(a).clone();
        if list.is_empty() {
            return self.expect(&format!("COPY {a} {b} REPLACE"), "(integer) 0");
        }
        *self.list(b) = list;
        if self.random.bool() {
            self.expect(&format!("COPY {a} {b} REPLACE"), "(integer) 1");
        } else {
            self.list(a).clear();
            self.expect(&format!("RENAME {a} {b}"), "OK");
        }
    }

    fn compare(&mut self) {
        for key in KEYS {
            let list = self.list(key).clone();
            self.expect(&format!("LRANGE {key} 0 -1"), array(&list));
            self.expect(&format!("LLEN {key}"), format!("(integer) {}", list.len()));
            let exists = usize::from(!list.is_empty());
            self.expect(&format!("EXISTS {key}"), format!("(integer) {exists}"));
        }
    }

    fn disturb(&mut self) {
        match self.random.u8(0..12) {
            0 => {
                let server = std::mem::replace(&mut self.server, MiniServer::new(1));
                server.engine.make_cold(false);
                self.server = server.crash(self.random.usize(1..4));
            }
            1 => {
                cool(&mut self.server);
                self.cold = self.random.bool();
            }
            2 => self.server.write_behind(),
            3 => self.compare(),
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_a_vector_does() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = [4, 100, 300, 1500][random.usize(0..4)];
        let server = MiniServer::new(1);
        let mut pair = Pair { server, model: BTreeMap::new(), random, size, cold: false };
        for _ in 0..300 {
            match pair.random.u8(0..20) {
                0..5 => pair.push(),
                5..8 => pair.pop(),
                8 => pair.set(),
                9..11 => pair.insert(),
                11..13 => pair.remove(),
                13 => pair.trim(),
                14..16 => pair.find(),
                16 => pair.move_one(),
                17 if pair.random.u8(0..4) == 0 => pair.whole(),
                _ => pair.range(),
            }
            pair.disturb();
        }
        pair.compare();
        // The log alone gives the same.
        let log = pair.server.log.clone();
        pair.server = MiniServer::open(MemoryEngine::new(), 2, log);
        pair.compare();
    }
}
