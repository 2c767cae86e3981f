//! Random commands on hashes, compared with a map.

use std::collections::BTreeMap;

use super::*;
use crate::engine::memory::MemoryEngine;

/// Value, and when the field expires.
type Model = BTreeMap<String, (String, Option<u64>)>;

struct Pair {
    server: MiniServer,
    model: Model,
    random: fastrand::Rng,
    fields: usize,
}

impl Pair {
    fn field(&mut self) -> String {
        format!("f{}", self.random.usize(0..self.fields))
    }

    fn live(&self, field: &str) -> Option<&(String, Option<u64>)> {
        let now_ms = self.server.now_ms;
        self.model.get(field).filter(|(_, at_ms)| at_ms.is_none_or(|at_ms| at_ms > now_ms))
    }

    #[track_caller]
    fn expect(&mut self, line: &str, expected: impl std::fmt::Display) {
        assert_eq!(self.server.ask(line), expected.to_string(), "{line}");
    }

    fn set(&mut self) {
        let pairs =
            if self.random.u8(0..10) == 0 { self.random.usize(1..40) } else { self.random.usize(1..4) };
        let (mut line, mut created) = ("HSET h".to_string(), 0);
        let now_ms = self.server.now_ms;
        for _ in 0..pairs {
            let field = self.field();
            let length = if self.random.u8(0..50) == 0 { 900 } else { self.random.usize(1..8) };
            let value = self.random.digit(10).to_string().repeat(length);
            line.push_str(&format!(" {field} {value}"));
            let old = self.model.insert(field, (value, None));
            created += i32::from(old.is_none_or(|(_, at_ms)| at_ms.is_some_and(|at_ms| at_ms <= now_ms)));
        }
        self.expect(&line, format!("(integer) {created}"));
    }

    fn remove(&mut self) {
        let (mut line, mut removed) = ("HDEL h".to_string(), 0);
        for _ in 0..self.random.usize(1..6) {
            let field = self.field();
            line.push_str(&format!(" {field}"));
            removed += i32::from(self.live(&field).is_some());
            self.model.remove(&field);
        }
        self.expect(&line, format!("(integer) {removed}"));
    }

    fn set_if_free(&mut self) {
        let field = self.field();
        let free = self.live(&field).is_none();
        if free {
            self.model.insert(field.clone(), ("7".into(), None));
        }
        self.expect(&format!("HSETNX h {field} 7"), format!("(integer) {}", i32::from(free)));
    }

    fn add(&mut self) {
        let field = self.field();
        let (value, at_ms) = self.live(&field).cloned().unwrap_or(("0".into(), None));
        match value.parse::<i64>() {
            Ok(number) if number.to_string() == value => {
                self.model.insert(field.clone(), ((number + 5).to_string(), at_ms));
                self.expect(&format!("HINCRBY h {field} 5"), format!("(integer) {}", number + 5));
            }
            _ => self.expect(&format!("HINCRBY h {field} 5"), "(error) ERR hash value is not an integer"),
        }
    }

    fn expire(&mut self) {
        let (field, after) = (self.field(), self.random.u64(0..400));
        let at_ms = self.server.now_ms + after;
        let answer = match self.live(&field) {
            None => -2,
            Some(_) if after == 0 => 2,
            Some(_) => 1,
        };
        match answer {
            2 => drop(self.model.remove(&field)),
            1 => self.model.get_mut(&field).unwrap().1 = Some(at_ms),
            _ => {}
        }
        self.expect(&format!("HPEXPIRE h {after} FIELDS 1 {field}"), format!("1) (integer) {answer}"));
    }

    fn persist(&mut self) {
        let field = self.field();
        let answer = self.live(&field).map_or(-2, |(_, at_ms)| if at_ms.is_some() { 1 } else { -1 });
        if answer == 1 {
            self.model.get_mut(&field).unwrap().1 = None;
        }
        self.expect(&format!("HPERSIST h FIELDS 1 {field}"), format!("1) (integer) {answer}"));
    }

    fn read(&mut self) {
        let field = self.field();
        let found = self.live(&field).cloned();
        let value = found.as_ref().map_or("(nil)".to_string(), |(value, _)| format!("\"{value}\""));
        let now_ms = self.server.now_ms;
        let left = found.map_or(-2, |(_, at_ms)| at_ms.map_or(-1, |at_ms| (at_ms - now_ms) as i64));
        self.expect(&format!("HGET h {field}"), value);
        self.expect(&format!("HPTTL h FIELDS 1 {field}"), format!("1) (integer) {left}"));
    }

    /// Everything at once.
    fn compare(&mut self) {
        let expected: BTreeMap<String, String> = self
            .model
            .keys()
            .filter_map(|field| Some((field.clone(), self.live(field)?.0.clone())))
            .collect();
        let all = items(&self.server.ask("HGETALL h"));
        let found = all.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        assert_eq!(expected, found);
        assert_eq!(expected.len() * 2, all.len(), "each field once");
        let mut keys = items(&self.server.ask("HRANDFIELD h 100000"));
        keys.sort();
        assert!(keys.iter().eq(expected.keys()));
    }

    fn disturb(&mut self) {
        match self.random.u8(0..12) {
            0 => {
                let server = std::mem::replace(&mut self.server, MiniServer::new(1));
                self.server = server.crash(self.random.usize(1..4));
            }
            1 => {
                cool(&mut self.server);
                let cold = self.random.bool();
                self.server.engine.make_cold(cold);
            }
            2 => self.server.write_behind(),
            3 => self.server.now_ms += self.random.u64(0..100),
            4 => {
                let cold_before = self.random.bool();
                self.server.engine.make_cold(false);
                self.server.expire();
                self.server.engine.make_cold(cold_before);
                let now_ms = self.server.now_ms;
                self.model.retain(|_, (_, at_ms)| at_ms.is_none_or(|at_ms| at_ms > now_ms));
                let len = self.model.len();
                self.expect("HLEN h", format!("(integer) {len}"));
            }
            5 => self.compare(),
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_a_map_does() {
    for seed in 0..24 {
        let mut random = fastrand::Rng::with_seed(seed);
        let fields = [5, 60, 400][random.usize(0..3)];
        let mut pair = Pair { server: MiniServer::new(1), model: Model::new(), random, fields };
        for _ in 0..600 {
            match pair.random.u8(0..14) {
                0..4 => pair.set(),
                4..6 => pair.remove(),
                6 => pair.set_if_free(),
                7..9 => pair.add(),
                9..11 => pair.expire(),
                11 => pair.persist(),
                _ => pair.read(),
            }
            pair.disturb();
        }
        pair.compare();
        // The log alone gives the same.
        let (log, now_ms) = (pair.server.log.clone(), pair.server.now_ms);
        pair.server = MiniServer::open(MemoryEngine::new(), 2, log);
        pair.server.now_ms = now_ms;
        pair.compare();
    }
}
