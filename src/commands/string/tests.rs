//! What the commands put into the log, the table against Redis's, and a model.

use std::collections::HashMap;

use fastrand::Rng;

use super::COMMANDS;
use crate::resp::{Limits, Parser};
use crate::testing::MiniServer;

mod events;
mod large;

/// The commands in the log after a script, a text each.
pub(super) fn effects(script: &str) -> Vec<String> {
    let mut server = MiniServer::new(1);
    for line in script.lines().map(str::trim) {
        match line.strip_prefix("# wait ") {
            Some(ms) => server.now_ms += ms.parse::<u64>().unwrap(),
            None => drop(server.ask(line)),
        }
    }
    let log: Vec<u8> = server.log.iter().flat_map(|record| record.payload.to_vec()).collect();
    let mut batch = crate::resp::Batch::default();
    Parser::default().parse(&log, &Limits::default(), usize::MAX, &mut batch).unwrap();
    let text = |command: &crate::resp::Command| {
        let words: Vec<_> =
            batch.arguments(&log, command).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        words.join(" ")
    };
    batch.commands.iter().map(text).collect()
}

#[test]
fn the_rows_stand_in_order_and_have_syntax() {
    assert!(COMMANDS.is_sorted_by(|one, other| one.name < other.name));
    for command in COMMANDS {
        let words = command.syntax.split(' ').take_while(|word| !word.starts_with('[')).count();
        assert_eq!(words + 1, command.arity.signed().unsigned_abs() as usize, "{}", command.name);
        assert_eq!(
            command.is_write(),
            !command.flags.has(crate::commands::Flags::READONLY),
            "{}",
            command.name
        );
    }
}

/// Strings and their expiries, in the plainest way.
#[derive(Default)]
struct Model {
    now_ms: u64,
    keys: HashMap<String, (Vec<u8>, Option<u64>)>,
}

impl Model {
    fn live(&mut self, key: &str) -> Option<(Vec<u8>, Option<u64>)> {
        let now_ms = self.now_ms;
        self.keys.retain(|_, (_, time)| time.is_none_or(|time| time > now_ms));
        self.keys.get(key).cloned()
    }

    fn put(&mut self, key: &str, value: Vec<u8>, time: Option<u64>) {
        self.keys.insert(key.to_string(), (value, time));
    }

    fn incrby(&mut self, key: &str, by: i64) -> String {
        let (value, time) = self.live(key).unwrap_or((b"0".to_vec(), None));
        let Some(value) = std::str::from_utf8(&value).ok().and_then(|text| {
            let value: i64 = text.parse().ok()?;
            (value.to_string() == text).then_some(value)
        }) else {
            return "(error) ERR value is not an integer or out of range".into();
        };
        let Some(sum) = value.checked_add(by) else {
            return "(error) ERR increment or decrement would overflow".into();
        };
        self.put(key, sum.to_string().into_bytes(), time);
        format!("(integer) {sum}")
    }

    fn append(&mut self, key: &str, more: &str) -> String {
        let (mut value, time) = self.live(key).unwrap_or_default();
        value.extend_from_slice(more.as_bytes());
        let length = value.len();
        self.put(key, value, time);
        format!("(integer) {length}")
    }

    fn setrange(&mut self, key: &str, offset: usize, patch: &str) -> String {
        let (mut value, time) = self.live(key).unwrap_or_default();
        if !patch.is_empty() {
            value.resize(value.len().max(offset + patch.len()), 0);
            value[offset..offset + patch.len()].copy_from_slice(patch.as_bytes());
            self.put(key, value.clone(), time);
        }
        format!("(integer) {}", value.len())
    }

    fn getrange(&mut self, key: &str, start: i64, end: i64) -> String {
        let (value, _) = self.live(key).unwrap_or_default();
        let length = value.len() as i64;
        if start < 0 && end < 0 && start > end {
            return show_bulk(&[]);
        }
        let place = |index: i64| if index < 0 { (index + length).max(0) } else { index };
        let bytes: Vec<u8> = (0..length)
            .filter(|&index| place(start) <= index && index <= place(end))
            .map(|index| value[index as usize])
            .collect();
        show_bulk(&bytes)
    }

    /// `options` are in any case and order, and sound but for NX with XX.
    fn set(&mut self, key: &str, value: &str, options: &[&str]) -> String {
        let has = |name: &str| options.iter().any(|option| option.eq_ignore_ascii_case(name));
        let old = self.live(key);
        if has("NX") && has("XX") {
            return "(error) ERR syntax error".into();
        }
        let stores = if has("NX") { old.is_none() } else { !has("XX") || old.is_some() };
        let reply = match &old {
            Some((value, _)) if has("GET") => show_bulk(value),
            None if has("GET") => "(nil)".into(),
            _ if stores => "OK".into(),
            _ => "(nil)".to_string(),
        };
        if stores {
            let kept = old.and_then(|(_, time)| time).filter(|_| has("KEEPTTL"));
            self.put(key, value.as_bytes().to_vec(), self.time(options).or(kept));
        }
        reply
    }

    fn time(&self, options: &[&str]) -> Option<u64> {
        let time = |name: &str| {
            let at = options.iter().position(|option| option.eq_ignore_ascii_case(name))?;
            options[at + 1].parse::<u64>().ok()
        };
        None.or_else(|| time("EX").map(|s| self.now_ms + s * 1000))
            .or_else(|| time("PX").map(|ms| self.now_ms + ms))
            .or_else(|| time("EXAT").map(|s| s * 1000))
            .or_else(|| time("PXAT"))
    }

    fn getex(&mut self, key: &str, options: &[&str]) -> String {
        let Some((value, time)) = self.live(key) else { return "(nil)".into() };
        let time = if options.contains(&"PERSIST") { None } else { self.time(options).or(time) };
        let reply = show_bulk(&value);
        self.put(key, value, time);
        reply
    }
}

fn show_bulk(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// A random command, and what the model answers.
fn step(model: &mut Model, random: &mut Rng) -> (String, String) {
    const NUMBERS: [i64; 11] =
        [0, 1, -1, 7, -30, 1 << 31, -(1 << 31), 1 << 32, -(1 << 32), i64::MAX, i64::MIN + 1];
    const VALUES: [&str; 8] =
        ["1", "-20", "9223372036854775807", "007", "x", "hello", "1.5", "a-longer-value"];
    let key = ["a", "b", "c", "d", "e"][random.usize(0..5)];
    let value = VALUES[random.usize(0..VALUES.len())];
    let number = NUMBERS[random.usize(0..NUMBERS.len())];
    let times = [
        format!("EX {}", random.u32(1..5)),
        format!("px {}", random.u32(1..5000)),
        format!("ExAt {}", (model.now_ms / 1000).saturating_add_signed(random.i64(-2..4))),
        format!("PXAT {}", model.now_ms.saturating_add_signed(random.i64(-10..3000))),
    ];
    let time = times[random.usize(0..4)].as_str();
    match random.u8(0..10) {
        0 => (format!("INCR {key}"), model.incrby(key, 1)),
        1 => (format!("DECRBY {key} {number}"), model.incrby(key, -number)),
        2 => (format!("INCRBY {key} {number}"), model.incrby(key, number)),
        3 => (format!("APPEND {key} {value}"), model.append(key, value)),
        4 => {
            let offset = random.usize(0..40);
            let patch = if random.u8(0..5) == 0 { "" } else { value };
            (format!("SETRANGE {key} {offset} \"{patch}\""), model.setrange(key, offset, patch))
        }
        5 => {
            let mut bound = || match random.u8(0..4) {
                0 => NUMBERS[random.usize(0..NUMBERS.len())],
                _ => random.i64(-40..40),
            };
            let (start, end) = (bound(), bound());
            (format!("GETRANGE {key} {start} {end}"), model.getrange(key, start, end))
        }
        6 => {
            let option = ["", "PERSIST", time][random.usize(0..3)];
            let words: Vec<&str> = option.split_whitespace().collect();
            (format!("GETEX {key} {option}"), model.getex(key, &words))
        }
        7 => (format!("STRLEN {key}"), model.setrange(key, 0, "")),
        _ => {
            let mut options = vec!["nx", "XX", "get", time, ""];
            options.retain(|_| random.u8(0..3) == 0);
            if !options.contains(&time) && random.bool() {
                options.push("KeepTTL");
            }
            random.shuffle(&mut options);
            let options = options.join(" ");
            let words: Vec<&str> = options.split_whitespace().collect();
            (format!("SET {key} {value} {options}"), model.set(key, value, &words))
        }
    }
}

#[test]
fn random_commands_answer_as_a_naive_model_does() {
    for seed in 0..20 {
        let mut random = Rng::with_seed(seed);
        let partitions = 1 + seed as usize % 3;
        let mut server = MiniServer::new(partitions);
        let mut model = Model::default();
        for count in 0..1000 {
            model.now_ms = server.now_ms;
            let (line, expected) = step(&mut model, &mut random);
            let reply = server.ask(&line);
            assert_eq!(reply, expected, "seed {seed}, command {count}: {line}");
            match random.u8(0..40) {
                0 => server.now_ms += random.u64(0..2000),
                1 => server.write_behind(),
                2 => server.expire(),
                3 => server = server.crash(random.usize(1..4)),
                4 => {
                    server.write_behind();
                    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                }
                5..8 => server.engine.make_cold(random.bool()),
                _ => {}
            }
        }
        server = server.crash(2);
        model.now_ms = server.now_ms;
        for key in ["a", "b", "c", "d", "e"] {
            let expected = model.live(key);
            let value = expected.as_ref().map_or("(nil)".into(), |(value, _)| show_bulk(value));
            assert_eq!(server.ask(&format!("GET {key}")), value, "seed {seed}");
            let time = expected.map_or(-2, |(_, time)| time.map_or(-1, |time| time as i64));
            assert_eq!(server.ask(&format!("PEXPIRETIME {key}")), format!("(integer) {time}"), "seed {seed}");
        }
    }
}
