//! Random commands on long strings, compared with plain vectors: in both forms, about the limit between them, with
//! gaps, hot, cold and after crashes.

use std::collections::BTreeMap;

use crate::engine::memory::MemoryEngine;
use crate::testing::MiniServer;

const KEYS: [&str; 3] = ["{t}a", "{t}b", "other"];

struct Pair {
    server: MiniServer,
    model: BTreeMap<&'static str, Vec<u8>>,
    random: fastrand::Rng,
    /// Longest string that is made.
    longest: usize,
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn integer(number: i64) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}

fn bit(bytes: &[u8], index: usize) -> bool {
    bytes.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
}

fn ones(bytes: &[u8]) -> i64 {
    bytes.iter().map(|byte| i64::from(byte.count_ones())).sum()
}

impl Pair {
    fn key(&mut self) -> &'static str {
        KEYS[self.random.usize(0..KEYS.len())]
    }

    /// The string at a key; empty if there is none.
    fn value(&self, key: &str) -> Vec<u8> {
        self.model.get(key).cloned().unwrap_or_default()
    }

    /// A position, often near an edge of a fragment or of the string.
    fn position(&mut self) -> usize {
        let edge = self.random.usize(0..=self.longest / 4096) * 4096;
        match self.random.u8(0..4) {
            0 => self.random.usize(0..self.longest),
            1 => self.random.usize(0..64),
            _ => (edge + self.random.usize(0..6)).saturating_sub(3),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let most = [3, 40, 5000, 9000][self.random.usize(0..4)];
        let length = self.random.usize(1..most);
        match self.random.u8(0..4) {
            0 => vec![0; length],
            1 => vec![0xff; length],
            _ => std::iter::repeat_with(|| self.random.u8(..)).take(length).collect(),
        }
    }

    #[track_caller]
    fn expect(&mut self, words: &[&dyn AsRef<[u8]>], expected: &[u8]) {
        let words: Vec<&[u8]> = words.iter().map(|word| (*word).as_ref()).collect();
        let found = self.server.call(&words);
        let short = |bytes: &[u8]| bytes[..bytes.len().min(60)].escape_ascii().to_string();
        assert!(
            found == expected,
            "{}: {} not {}",
            words.iter().map(|word| short(word)).collect::<Vec<_>>().join(" "),
            short(&found),
            short(expected)
        );
    }

    fn change(&mut self) {
        let (key, position, bytes) = (self.key(), self.position(), self.bytes());
        let mut value = self.value(key);
        match self.random.u8(0..9) {
            0 => {
                self.expect(&[&"SET", &key, &bytes], b"+OK\r\n");
                value = bytes;
            }
            1 => {
                value.extend_from_slice(&bytes);
                self.expect(&[&"APPEND", &key, &bytes], &integer(value.len() as i64));
            }
            2..5 => {
                value.resize(value.len().max(position + bytes.len()), 0);
                value[position..position + bytes.len()].copy_from_slice(&bytes);
                let place = position.to_string();
                self.expect(&[&"SETRANGE", &key, &place, &bytes], &integer(value.len() as i64));
            }
            5..7 => {
                let (place, on) = (position * 8 + self.random.usize(0..8), self.random.bool());
                value.resize(value.len().max(position + 1), 0);
                let was = bit(&value, place);
                value[position] = value[position] & !(0x80 >> (place % 8)) | u8::from(on) << (7 - place % 8);
                let words: [&dyn AsRef<[u8]>; 4] =
                    [&"SETBIT", &key, &place.to_string(), &u8::from(on).to_string()];
                self.expect(&words, &integer(i64::from(was)));
            }
            7 => return self.set_fields(key, position),
            _ => return self.combine(),
        }
        self.model.insert(key, value);
        if self.value(key).len() > self.longest * 2 {
            self.model.remove(key);
            self.expect(&[&"DEL", &key], b":1\r\n");
        }
    }

    /// Two fields of 16 bits, one of which may lie in another fragment, and the first one again.
    fn set_fields(&mut self, key: &'static str, position: usize) {
        let (other, one, two) = (self.position(), self.random.u16(..), self.random.u16(..));
        let mut value = self.value(key);
        let end = position.max(other) + 2;
        value.resize(value.len().max(end), 0);
        let mut old = Vec::new();
        for (place, new) in [(position, one), (other, two)] {
            old.push(u16::from_be_bytes([value[place], value[place + 1]]));
            value[place..place + 2].copy_from_slice(&new.to_be_bytes());
        }
        let last = u16::from_be_bytes([value[position], value[position + 1]]);
        let line = format!(
            "BITFIELD {key} SET u16 {} {one} SET u16 {} {two} GET u16 {}",
            position * 8,
            other * 8,
            position * 8
        );
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let expected = format!("*3\r\n:{}\r\n:{}\r\n:{last}\r\n", old[0], old[1]);
        assert_eq!(String::from_utf8_lossy(&self.server.call(&words)), expected, "{line}");
        self.model.insert(key, value);
    }

    fn combine(&mut self) {
        let (target, one, two) = (self.key(), self.key(), self.key());
        let (first, second) = (self.value(one), self.value(two));
        let length = first.len().max(second.len());
        let at = |bytes: &[u8], index: usize| bytes.get(index).copied().unwrap_or(0);
        let operation = self.random.u8(0..4);
        let result: Vec<u8> = (0..if operation == 3 { first.len() } else { length })
            .map(|index| {
                let (a, b) = (at(&first, index), at(&second, index));
                [a & b, a | b, a ^ b, !a][usize::from(operation)]
            })
            .collect();
        let expected = integer(result.len() as i64);
        match operation {
            3 => self.expect(&[&"BITOP", &"NOT", &target, &one], &expected),
            _ => {
                let name = ["AND", "OR", "XOR"][usize::from(operation)];
                self.expect(&[&"BITOP", &name, &target, &one, &two], &expected);
            }
        }
        if result.is_empty() {
            self.model.remove(target);
        } else {
            self.model.insert(target, result);
        }
    }

    fn move_about(&mut self) {
        let (source, target) = (self.key(), self.key());
        let Some(value) = self.model.get(source).cloned() else { return };
        if source == target {
            return;
        }
        if self.random.bool() {
            self.expect(&[&"COPY", &source, &target, &"REPLACE"], b":1\r\n");
        } else {
            self.expect(&[&"RENAME", &source, &target], b"+OK\r\n");
            self.model.remove(source);
        }
        self.model.insert(target, value);
    }

    fn look(&mut self) {
        let key = self.key();
        let (mut one, mut two) = (self.position(), self.position());
        (one, two) = (one.min(two), one.max(two));
        let value = self.value(key);
        let clip = |place: usize| place.min(value.len());
        let part = &value[clip(one)..clip(two + 1)];
        let (start, end) = (one.to_string(), two.to_string());
        self.expect(&[&"STRLEN", &key], &integer(value.len() as i64));
        self.expect(&[&"GETRANGE", &key, &start, &end], &bulk(part));
        let bits = value.len() * 8;
        self.expect(&[&"BITCOUNT", &key, &start, &end], &integer(ones(part)));
        let (low, high) = (one * 8 + 3, two * 8 + 5);
        let within = low.min(bits)..(high + 1).min(bits);
        let (start, end) = (low.to_string(), high.to_string());
        let words: [&dyn AsRef<[u8]>; 5] = [&"BITCOUNT", &key, &start, &end, &"BIT"];
        // The whole bytes, without the bits of the outermost ones that lie outside.
        let outside = |bits: std::ops::Range<usize>| bits.filter(|&index| bit(&value, index)).count();
        let cut = outside(clip(one) * 8..within.start) + outside(within.end..clip(two + 1) * 8);
        self.expect(&words, &integer(ones(part) - cut as i64));
        if self.model.contains_key(key) {
            let wanted = self.random.bool();
            let found = within.clone().find(|&index| bit(&value, index) == wanted);
            let name = u8::from(wanted).to_string();
            let words: [&dyn AsRef<[u8]>; 6] = [&"BITPOS", &key, &name, &start, &end, &"BIT"];
            self.expect(&words, &integer(found.map_or(-1, |index| index as i64)));
            let from = one.to_string();
            let found = (one * 8..bits).find(|&index| bit(&value, index) == wanted);
            let behind = if wanted || one >= value.len() { -1 } else { bits as i64 };
            let words: [&dyn AsRef<[u8]>; 4] = [&"BITPOS", &key, &name, &from];
            self.expect(&words, &integer(found.map_or(behind, |index| index as i64)));
        }
        let place = low.to_string();
        self.expect(&[&"GETBIT", &key, &place], &integer(i64::from(bit(&value, low))));
    }

    fn compare(&mut self) {
        let mut all = b"*3\r\n".to_vec();
        for key in KEYS {
            all.extend(self.model.get(key).map_or(b"$-1\r\n".to_vec(), |value| bulk(value)));
            if let Some(value) = self.model.get(key).cloned() {
                self.expect(&[&"GET", &key], &bulk(&value));
            }
        }
        self.expect(&[&"MGET", &KEYS[0], &KEYS[1], &KEYS[2]], &all);
        self.expect(&[&"DBSIZE"], &integer(self.model.len() as i64));
        self.no_fragment_ends_with_zero();
    }

    fn no_fragment_ends_with_zero(&mut self) {
        self.server.write_behind();
        for (key, value) in self.server.engine.dump(crate::engine::Family::Element) {
            assert!(value.len() <= 4096 && value.last().is_some_and(|&byte| byte != 0), "{key:?}");
        }
    }

    fn disturb(&mut self) {
        match self.random.u8(0..12) {
            0 => {
                let server = std::mem::replace(&mut self.server, MiniServer::new(1));
                self.server = server.crash(self.random.usize(1..4));
            }
            1..4 => {
                self.server.write_behind();
                self.server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                let cold = self.random.bool();
                self.server.engine.make_cold(cold);
            }
            4 => self.server.write_behind(),
            5 => self.compare(),
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_they_do_to_vectors() {
    for seed in 0..16 {
        let mut random = fastrand::Rng::with_seed(seed);
        // Below the limit of the whole form, about it, and so long that fragments are read as a range.
        let longest = [9_000, 18_000, 60_000, 400_000][random.usize(0..4)];
        let server = MiniServer::new(random.usize(1..3));
        let mut pair = Pair { server, model: BTreeMap::new(), random, longest };
        for _ in 0..100 {
            match pair.random.u8(0..10) {
                0..6 => pair.change(),
                6 => pair.move_about(),
                _ => pair.look(),
            }
            pair.disturb();
        }
        pair.server.engine.make_cold(false);
        pair.compare();
        // The log alone gives the same.
        let log = pair.server.log.clone();
        pair.server = MiniServer::open(MemoryEngine::new(), 2, log);
        pair.compare();
    }
}
