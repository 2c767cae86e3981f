//! Random commands on sorted sets, compared with a map.

use std::collections::BTreeMap;

use super::*;
use crate::engine::memory::MemoryEngine;

/// Scores by member; small whole numbers, so that arithmetic is exact.
type Model = BTreeMap<String, i64>;

struct Pair {
    server: MiniServer,
    model: Model,
    random: fastrand::Rng,
    members: usize,
}

impl Pair {
    fn member(&mut self) -> String {
        let number = self.random.usize(0..self.members);
        // Some long ones, so that leaves differ.
        if number % 41 == 7 {
            format!("{}{number}", "long".repeat(number % 60))
        } else {
            format!("m{number}")
        }
    }

    fn score(&mut self) -> i64 {
        self.random.i64(-20..20)
    }

    #[track_caller]
    fn expect(&mut self, line: &str, expected: impl std::fmt::Display) {
        assert_eq!(self.server.ask(line), expected.to_string(), "{line}");
    }

    fn sorted(&self) -> Vec<(i64, String)> {
        let mut all: Vec<(i64, String)> =
            self.model.iter().map(|(member, score)| (*score, member.clone())).collect();
        all.sort();
        all
    }

    fn add(&mut self) {
        let pairs =
            if self.random.u8(0..10) == 0 { self.random.usize(1..150) } else { self.random.usize(1..4) };
        let (mut line, mut changed) = ("ZADD z CH".to_string(), 0);
        for _ in 0..pairs {
            let (member, score) = (self.member(), self.score());
            line.push_str(&format!(" {score} {member}"));
            changed += i32::from(self.model.insert(member, score) != Some(score));
        }
        self.expect(&line, format!("(integer) {changed}"));
    }

    fn add_to(&mut self) {
        let (member, score) = (self.member(), self.score());
        let sum = self.model.entry(member.clone()).or_default();
        *sum += score;
        let sum = *sum;
        self.expect(&format!("ZINCRBY z {score} {member}"), format!("\"{sum}\""));
    }

    fn remove(&mut self) {
        let (mut line, mut removed) = ("ZREM z".to_string(), 0);
        for _ in 0..self.random.usize(1..12) {
            let member = self.member();
            line.push_str(&format!(" {member}"));
            removed += i32::from(self.model.remove(&member).is_some());
        }
        self.expect(&line, format!("(integer) {removed}"));
    }

    fn pop(&mut self) {
        let (count, max) = (self.random.usize(0..20), self.random.bool());
        let mut all = self.sorted();
        if max {
            all.reverse();
        }
        let mut expected = Vec::new();
        for (score, member) in all.into_iter().take(count) {
            self.model.remove(&member);
            expected.extend([member, score.to_string()]);
        }
        let name = if max { "ZPOPMAX" } else { "ZPOPMIN" };
        assert_eq!(items(&self.server.ask(&format!("{name} z {count}"))), expected);
    }

    fn remove_range(&mut self) {
        let all = self.sorted();
        let (line, gone): (String, Vec<String>) = if self.random.bool() {
            let (start, count) = (self.random.usize(0..all.len() + 3), self.random.usize(1..40));
            let gone = all.iter().skip(start).take(count);
            let line = format!("ZREMRANGEBYRANK z {start} {}", start + count - 1);
            (line, gone.map(|(_, member)| member.clone()).collect())
        } else {
            let (min, max) = (self.score(), self.score());
            let gone = all.iter().filter(|(score, _)| min < *score && *score <= max);
            let line = format!("ZREMRANGEBYSCORE z ({min} {max}");
            (line, gone.map(|(_, member)| member.clone()).collect())
        };
        gone.iter().for_each(|member| assert!(self.model.remove(member).is_some()));
        self.expect(&line, format!("(integer) {}", gone.len()));
    }

    fn look(&mut self) {
        let all = self.sorted();
        let member = self.member();
        let score = self.model.get(&member).map_or("(nil)".into(), |score| format!("\"{score}\""));
        self.expect(&format!("ZSCORE z {member}"), score);
        let rank = all.iter().position(|(_, other)| *other == member);
        let rank = rank.map_or("(nil)".into(), |rank| format!("(integer) {rank}"));
        self.expect(&format!("ZRANK z {member}"), rank);
        let (min, max) = (self.score(), self.score());
        let within: Vec<&String> =
            all.iter().filter(|(score, _)| min <= *score && *score < max).map(|(_, member)| member).collect();
        self.expect(&format!("ZCOUNT z {min} ({max}"), format!("(integer) {}", within.len()));
        let (skip, limit) = (self.random.usize(0..9), self.random.usize(0..30));
        let reply = self.server.ask(&format!("ZREVRANGEBYSCORE z ({max} {min} LIMIT {skip} {limit}"));
        assert!(items(&reply).iter().eq(within.iter().rev().skip(skip).take(limit).copied()));
    }

    /// Everything at once.
    fn compare(&mut self) {
        let all = self.sorted();
        let expected: Vec<String> =
            all.iter().flat_map(|(score, member)| [member.clone(), score.to_string()]).collect();
        assert_eq!(items(&self.server.ask("ZRANGE z 0 -1 WITHSCORES")), expected);
        let members: Vec<&String> = all.iter().rev().map(|(_, member)| member).collect();
        assert!(items(&self.server.ask("ZREVRANGE z 0 -1")).iter().eq(members));
        self.expect("ZCARD z", format!("(integer) {}", all.len()));
        self.expect("EXISTS z", format!("(integer) {}", i32::from(!all.is_empty())));
        if let Some((score, member)) = all.first() {
            self.expect(&format!("ZSCORE z {member}"), format!("\"{score}\""));
        }
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
            3 if self.random.u8(0..4) == 0 => self.compare(),
            4 if self.random.u8(0..9) == 0 => {
                // Another name in another slot, and back.
                let exists = !self.model.is_empty();
                let reply = if exists { "OK" } else { "(error) ERR no such key" };
                self.expect("RENAME z elsewhere", reply);
                self.expect("RENAME elsewhere z", reply);
            }
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_a_map_does() {
    for seed in 0..18 {
        let mut random = fastrand::Rng::with_seed(seed);
        let members = [5, 150, 1500][seed as usize % 3];
        let growing = random.bool();
        let mut pair = Pair { server: MiniServer::new(1), model: Model::new(), random, members };
        for _ in 0..300 {
            match pair.random.u8(0..15) {
                0..5 => pair.add(),
                5..7 => pair.add_to(),
                7 | 8 => pair.remove(),
                9 if !growing || pair.random.bool() => pair.pop(),
                10 if !growing || pair.random.u8(0..4) == 0 => pair.remove_range(),
                _ => pair.look(),
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
