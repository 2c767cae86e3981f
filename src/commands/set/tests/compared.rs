//! Random commands on sets, compared with a set.

use std::collections::BTreeSet;

use super::*;
use crate::engine::memory::MemoryEngine;

type Model = BTreeSet<String>;

const KEYS: usize = 3;

struct Pair {
    server: MiniServer,
    models: [Model; KEYS],
    random: fastrand::Rng,
    members: usize,
}

impl Pair {
    fn member(&mut self) -> String {
        match self.random.u8(0..20) {
            0 => format!("{}", self.random.usize(0..self.members)).repeat(20),
            1..8 => format!("x{}", self.random.usize(0..self.members)),
            _ => self.random.usize(0..self.members).to_string(),
        }
    }

    fn members(&mut self) -> Vec<String> {
        let most = if self.random.u8(0..10) == 0 { 120 } else { 5 };
        (0..self.random.usize(1..=most)).map(|_| self.member()).collect()
    }

    fn key(&mut self) -> usize {
        self.random.usize(0..KEYS)
    }

    #[track_caller]
    fn expect(&mut self, line: &str, expected: impl std::fmt::Display) {
        assert_eq!(self.server.ask(line), expected.to_string(), "{line}");
    }

    fn change(&mut self) {
        let (key, members) = (self.key(), self.members());
        let line = members.join(" ");
        if self.random.bool() {
            let added = members.into_iter().filter(|member| self.models[key].insert(member.clone())).count();
            self.expect(&format!("SADD k{key} {line}"), format!("(integer) {added}"));
        } else {
            let gone = members.iter().filter(|member| self.models[key].remove(*member)).count();
            self.expect(&format!("SREM k{key} {line}"), format!("(integer) {gone}"));
        }
    }

    fn move_one(&mut self) {
        let (from, to, member) = (self.key(), self.key(), self.member());
        let moved = self.models[from].contains(&member);
        if moved && from != to {
            self.models[from].remove(&member);
            self.models[to].insert(member.clone());
        }
        self.expect(&format!("SMOVE k{from} k{to} {member}"), format!("(integer) {}", i32::from(moved)));
    }

    fn pop(&mut self) {
        let (key, count) = (self.key(), self.random.usize(0..9));
        let taken = items(&self.server.ask(&format!("SPOP k{key} {count}")));
        assert_eq!(taken.len(), count.min(self.models[key].len()));
        assert!(taken.iter().all(|member| self.models[key].remove(member)));
    }

    fn combine(&mut self) {
        let (target, one, other) = (self.key(), self.key(), self.key());
        let (first, second) = (&self.models[one], &self.models[other]);
        let (command, result) = match self.random.u8(0..3) {
            0 => ("SINTERSTORE", first & second),
            // Not too often, or all sets become one.
            1 => ("SUNIONSTORE", if one < other { first | second } else { first.clone() }),
            _ => ("SDIFFSTORE", first - second),
        };
        let keys = if command == "SUNIONSTORE" && one >= other {
            format!("k{one} none")
        } else {
            format!("k{one} k{other}")
        };
        self.expect(&format!("{command} k{target} {keys}"), format!("(integer) {}", result.len()));
        self.models[target] = result;
    }

    fn read(&mut self) {
        let (key, member) = (self.key(), self.member());
        let found = i32::from(self.models[key].contains(&member));
        self.expect(&format!("SISMEMBER k{key} {member}"), format!("(integer) {found}"));
        let len = self.models[key].len();
        self.expect(&format!("SCARD k{key}"), format!("(integer) {len}"));
    }

    fn compare(&mut self) {
        for key in 0..KEYS {
            let expected: Vec<String> = self.models[key].iter().cloned().collect();
            assert_eq!(sorted(&self.server.ask(&format!("SMEMBERS k{key}"))), expected);
            assert_eq!(sorted(&self.server.ask(&format!("SRANDMEMBER k{key} 100000"))), expected);
        }
        let common: Vec<String> = (&self.models[0] & &self.models[1]).into_iter().collect();
        assert_eq!(sorted(&self.server.ask("SINTER k0 k1")), common);
        let all: Vec<String> = (&(&self.models[0] | &self.models[1]) | &self.models[2]).into_iter().collect();
        assert_eq!(sorted(&self.server.ask("SUNION k0 k1 k2")), all);
        let only: Vec<String> =
            (&(&self.models[0] - &self.models[1]) - &self.models[2]).into_iter().collect();
        assert_eq!(sorted(&self.server.ask("SDIFF k0 k1 k2")), only);
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
            3 => self.compare(),
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_sets_do() {
    for seed in 0..18 {
        let mut random = fastrand::Rng::with_seed(seed);
        let members = [5, 60, 400][random.usize(0..3)];
        let server = MiniServer::new(1);
        let mut pair = Pair { server, models: Default::default(), random, members };
        for _ in 0..400 {
            match pair.random.u8(0..12) {
                0..6 => pair.change(),
                6 => pair.move_one(),
                7 => pair.pop(),
                8 => pair.combine(),
                _ => pair.read(),
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
