//! Random commands on a stream and its groups, compared with maps.

use std::collections::BTreeMap;

use super::*;
use crate::engine::memory::MemoryEngine;

/// Consumer, when it was delivered, how often.
type Owned = (String, u64, u64);

#[derive(Default)]
struct Model {
    entries: BTreeMap<u64, String>,
    last: u64,
    delivered: u64,
    pending: BTreeMap<u64, Owned>,
}

struct Pair {
    server: MiniServer,
    model: Model,
    random: fastrand::Rng,
}

fn shown(id: u64, value: &str, indent: &str) -> String {
    format!("1) \"{id}-0\"\n{indent}   2) 1) \"f\"\n{indent}      2) \"{value}\"")
}

fn list(items: &[String], indent: &str) -> String {
    if items.is_empty() {
        return "(empty array)".into();
    }
    let numbered = items.iter().enumerate().map(|(at, item)| format!("{}) {item}", at + 1));
    numbered.collect::<Vec<_>>().join(&format!("\n{indent}"))
}

impl Pair {
    #[track_caller]
    fn expect(&mut self, line: &str, expected: impl std::fmt::Display) {
        assert_eq!(self.server.ask(line), expected.to_string(), "{line}");
    }

    fn any_id(&mut self) -> u64 {
        self.random.u64(1..self.model.last + 2)
    }

    fn consumer(&mut self) -> String {
        format!("c{}", self.random.u8(0..3))
    }

    fn add(&mut self) {
        let id = self.model.last + self.random.u64(1..4);
        let value = "v".repeat(self.random.usize(1..30));
        self.model.entries.insert(id, value.clone());
        self.model.last = id;
        let trim = match self.random.u8(0..8) {
            0 => {
                let keep = self.random.usize(0..120);
                while self.model.entries.len() > keep {
                    self.model.entries.pop_first();
                }
                format!("MAXLEN {keep} ")
            }
            1 => {
                let first = self.any_id();
                self.model.entries = self.model.entries.split_off(&first);
                format!("MINID {first} ")
            }
            _ => String::new(),
        };
        self.expect(&format!("XADD s {trim}{id} f {value}"), format!("\"{id}-0\""));
    }

    fn remove(&mut self) {
        let from = self.any_id();
        let ids: Vec<u64> = (from..from + self.random.u64(1..12)).collect();
        let removed = ids.iter().filter(|id| self.model.entries.remove(id).is_some()).count();
        let words: Vec<String> = ids.iter().map(u64::to_string).collect();
        self.expect(&format!("XDEL s {}", words.join(" ")), format!("(integer) {removed}"));
    }

    fn range(&mut self) {
        let (one, other) = (self.any_id(), self.any_id());
        let (start, end) = (one.min(other), one.max(other));
        let count = self.random.usize(1..40);
        let found = self.model.entries.range(start..=end);
        let forward: Vec<String> =
            found.clone().take(count).map(|(id, value)| shown(*id, value, "")).collect();
        let back: Vec<String> = found.rev().take(count).map(|(id, value)| shown(*id, value, "")).collect();
        self.expect(&format!("XRANGE s {start} {end} COUNT {count}"), list(&forward, ""));
        self.expect(&format!("XREVRANGE s {end} {start} COUNT {count}"), list(&back, ""));
    }

    fn deliver(&mut self) {
        let (consumer, count) = (self.consumer(), self.random.usize(1..9));
        let now_ms = self.server.now_ms;
        let new: Vec<(u64, String)> = self
            .model
            .entries
            .range(self.model.delivered + 1..)
            .take(count)
            .map(|(id, value)| (*id, value.clone()))
            .collect();
        let mut items = Vec::new();
        for (id, value) in &new {
            items.push(shown(*id, value, "      "));
            self.model.delivered = *id;
            self.model.pending.insert(*id, (consumer.clone(), now_ms, 1));
        }
        let expected = match items.len() {
            0 => "(nil)".to_string(),
            _ => format!("1) 1) \"s\"\n   2) {}", list(&items, "      ")),
        };
        self.expect(&format!("XREADGROUP GROUP g {consumer} COUNT {count} STREAMS s >"), expected);
    }

    fn acknowledge(&mut self) {
        let from = self.any_id();
        let ids: Vec<u64> = (from..from + self.random.u64(1..6)).collect();
        let known = ids.iter().filter(|id| self.model.pending.remove(id).is_some()).count();
        let words: Vec<String> = ids.iter().map(u64::to_string).collect();
        self.expect(&format!("XACK s g {}", words.join(" ")), format!("(integer) {known}"));
    }

    fn claim(&mut self) {
        let (consumer, id, now_ms) = (self.consumer(), self.any_id(), self.server.now_ms);
        let claimed = match (self.model.pending.get_mut(&id), self.model.entries.contains_key(&id)) {
            (Some(owned), true) => {
                *owned = (consumer.clone(), now_ms, owned.2 + 1);
                vec![shown(id, &self.model.entries[&id], "")]
            }
            _ => {
                self.model.pending.remove(&id);
                Vec::new()
            }
        };
        self.expect(&format!("XCLAIM s g {consumer} 0 {id}"), list(&claimed, ""));
    }

    fn take_over(&mut self) {
        let (consumer, from, now_ms) = (self.consumer(), self.any_id(), self.server.now_ms);
        let (count, idle_ms) = (self.random.usize(1..5), self.random.u64(0..80));
        let (mut claimed, mut gone) = (Vec::new(), Vec::new());
        let (mut left, mut cursor) = (count, 0);
        let ids: Vec<u64> = self.model.pending.range(from..).map(|(id, _)| *id).collect();
        for (attempt, id) in ids.into_iter().enumerate() {
            if left == 0 || attempt == count * 10 {
                cursor = id;
                break;
            }
            let owned = self.model.pending.get_mut(&id).unwrap();
            if !self.model.entries.contains_key(&id) {
                self.model.pending.remove(&id);
                gone.push(format!("\"{id}-0\""));
                left -= 1;
            } else if now_ms - owned.1 >= idle_ms {
                *owned = (consumer.clone(), now_ms, owned.2);
                claimed.push(format!("\"{id}-0\""));
                left -= 1;
            }
        }
        let expected = format!("1) \"{cursor}-0\"\n2) {}\n3) {}", list(&claimed, "   "), list(&gone, "   "));
        self.expect(&format!("XAUTOCLAIM s g {consumer} {idle_ms} {from} COUNT {count} JUSTID"), expected);
    }

    /// Everything at once.
    fn compare(&mut self) {
        let all: Vec<String> = self.model.entries.iter().map(|(id, value)| shown(*id, value, "")).collect();
        self.expect("XRANGE s - +", list(&all, ""));
        self.expect("XLEN s", format!("(integer) {}", all.len()));
        let now_ms = self.server.now_ms;
        let pending = |(id, (consumer, at_ms, count)): (&u64, &Owned)| {
            let idle_ms = now_ms - at_ms;
            format!("1) \"{id}-0\"\n   2) \"{consumer}\"\n   3) (integer) {idle_ms}\n   4) (integer) {count}")
        };
        let all: Vec<String> = self.model.pending.iter().map(pending).collect();
        self.expect("XPENDING s g - + 100000", list(&all, ""));
        let mut counts = BTreeMap::new();
        for (consumer, ..) in self.model.pending.values() {
            *counts.entry(consumer.clone()).or_insert(0) += 1;
        }
        for (consumer, count) in &counts {
            let own = self.model.pending.iter().filter(|(_, owned)| owned.0 == *consumer);
            let own: Vec<String> = own.map(pending).collect();
            assert_eq!(own.len(), *count);
            self.expect(&format!("XPENDING s g - + 100000 {consumer}"), list(&own, ""));
        }
        let counts: Vec<String> =
            counts.iter().map(|(name, count)| format!("1) \"{name}\"\n      2) \"{count}\"")).collect();
        let bounds = self.model.pending.first_key_value().zip(self.model.pending.last_key_value());
        let expected = match bounds {
            None => "1) (integer) 0\n2) (nil)\n3) (nil)\n4) (nil)".to_string(),
            Some(((least, _), (greatest, _))) => format!(
                "1) (integer) {}\n2) \"{least}-0\"\n3) \"{greatest}-0\"\n4) {}",
                self.model.pending.len(),
                list(&counts, "   ")
            ),
        };
        self.expect("XPENDING s g", expected);
    }

    fn disturb(&mut self) {
        match self.random.u8(0..20) {
            0 => {
                self.server.engine.make_cold(false);
                let server = std::mem::replace(&mut self.server, MiniServer::new(1));
                self.server = server.crash(self.random.usize(1..4));
            }
            1 => {
                self.server.engine.make_cold(false);
                self.server.write_behind();
                self.server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                self.server.engine.make_cold(self.random.bool());
            }
            2 => {
                self.server.engine.make_cold(false);
                self.server.write_behind();
            }
            3..6 => self.server.now_ms += self.random.u64(0..50),
            6 => self.compare(),
            7 => self.server.settings.stream_node_max_entries = self.random.u64(1..12),
            _ => {}
        }
    }
}

#[test]
fn random_commands_do_what_maps_do() {
    for seed in 0..16 {
        let random = fastrand::Rng::with_seed(seed);
        let mut pair = Pair { server: MiniServer::new(1), model: Model::default(), random };
        pair.server.settings.stream_node_max_entries = 4;
        pair.expect("XGROUP CREATE s g 0 MKSTREAM", "OK");
        for _ in 0..600 {
            match pair.random.u8(0..16) {
                0..6 => pair.add(),
                6..8 => pair.remove(),
                8 => pair.range(),
                9..12 => pair.deliver(),
                12..14 => pair.acknowledge(),
                14 => pair.claim(),
                _ => pair.take_over(),
            }
            pair.disturb();
        }
        pair.compare();
        // The log alone gives the same.
        let everything = ["XINFO STREAM s FULL COUNT 0", "XINFO GROUPS s", "XINFO CONSUMERS s g"];
        let before = everything.map(|line| pair.server.ask(line));
        let (log, now_ms) = (pair.server.log.clone(), pair.server.now_ms);
        pair.server = MiniServer::open(MemoryEngine::new(), 2, log);
        pair.server.now_ms = now_ms;
        pair.compare();
        let after = everything.map(|line| pair.server.ask(line));
        assert_eq!(without_nodes(&before[0]), without_nodes(&after[0]));
        assert_eq!(before[1..], after[1..]);
    }
}

/// Where nodes end depends on the options of the moment, which the log does not have.
fn without_nodes(reply: &str) -> Vec<&str> {
    reply.lines().enumerate().filter(|(at, _)| !(2..6).contains(at)).map(|(_, line)| line).collect()
}
