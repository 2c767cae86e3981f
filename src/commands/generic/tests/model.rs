//! Random commands on strings, against maps: replies, times, counts and what survives a crash.

use std::collections::BTreeMap;

use crate::testing::MiniServer;

const DATABASES: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    value: String,
    expire_ms: Option<u64>,
}

/// What a server should hold, plainly.
#[derive(Debug, Default)]
struct Model {
    databases: [BTreeMap<String, Held>; DATABASES],
    selected: usize,
    now_ms: u64,
}

impl Model {
    fn here(&mut self) -> &mut BTreeMap<String, Held> {
        &mut self.databases[self.selected]
    }

    fn forget_expired(&mut self) {
        let now_ms = self.now_ms;
        for keys in &mut self.databases {
            keys.retain(|_, held| held.expire_ms.is_none_or(|at_ms| at_ms > now_ms));
        }
    }

    /// Runs a command; the reply as redis-cli shows it.
    fn ask(&mut self, words: &[&str]) -> String {
        self.forget_expired();
        let number = |number: i64| format!("(integer) {number}");
        let flag = |flag: bool| number(i64::from(flag));
        let now_ms = self.now_ms;
        match *words {
            ["SET", key, value] => {
                self.here().insert(key.into(), Held { value: value.into(), expire_ms: None });
                "OK".into()
            }
            ["GET", key] => self.here().get(key).map_or("(nil)".into(), |held| format!("\"{}\"", held.value)),
            ["DEL" | "UNLINK", ref keys @ ..] => {
                number(keys.iter().filter(|&&key| self.here().remove(key).is_some()).count() as i64)
            }
            ["EXISTS" | "TOUCH", ref keys @ ..] => {
                number(keys.iter().filter(|&&key| self.here().contains_key(key)).count() as i64)
            }
            [name @ ("RENAME" | "RENAMENX"), from, to] => self.rename(name == "RENAMENX", from, to),
            ["COPY", from, to, "DB", database, ref replace @ ..] => {
                self.copy(from, to, database.parse().unwrap(), !replace.is_empty())
            }
            ["MOVE", key, database] => {
                let database: usize = database.parse().unwrap();
                if database == self.selected {
                    return "(error) ERR source and destination objects are the same".into();
                }
                if self.databases[database].contains_key(key) {
                    return flag(false);
                }
                let Some(held) = self.here().remove(key) else { return flag(false) };
                self.databases[database].insert(key.into(), held);
                flag(true)
            }
            ["PEXPIRE", key, ms] => {
                let at_ms = now_ms as i64 + ms.parse::<i64>().unwrap();
                let Some(held) = self.here().get_mut(key) else { return flag(false) };
                held.expire_ms = Some(at_ms as u64);
                flag(true)
            }
            ["PERSIST", key] => {
                flag(self.here().get_mut(key).is_some_and(|held| held.expire_ms.take().is_some()))
            }
            ["PTTL", key] => number(match self.here().get(key) {
                None => -2,
                Some(Held { expire_ms: None, .. }) => -1,
                Some(Held { expire_ms: Some(at_ms), .. }) => (at_ms - now_ms) as i64,
            }),
            ["FLUSHDB"] => {
                self.here().clear();
                "OK".into()
            }
            ["FLUSHALL"] => {
                self.databases.iter_mut().for_each(BTreeMap::clear);
                "OK".into()
            }
            ["SWAPDB", first, second] => {
                self.databases.swap(first.parse().unwrap(), second.parse().unwrap());
                "OK".into()
            }
            ["SELECT", database] => {
                self.selected = database.parse().unwrap();
                "OK".into()
            }
            ref other => panic!("unknown: {other:?}"),
        }
    }

    fn rename(&mut self, only_new: bool, from: &str, to: &str) -> String {
        let Some(held) = self.here().get(from).cloned() else { return "(error) ERR no such key".into() };
        let renamed = from != to && !(only_new && self.here().contains_key(to));
        if renamed {
            self.here().remove(from);
            self.here().insert(to.into(), held);
        }
        if only_new { format!("(integer) {}", i64::from(renamed)) } else { "OK".into() }
    }

    fn copy(&mut self, from: &str, to: &str, database: usize, replace: bool) -> String {
        if database == self.selected && from == to {
            return "(error) ERR source and destination objects are the same".into();
        }
        let held = self.here().get(from).cloned();
        let target = &mut self.databases[database];
        match held {
            Some(held) if replace || !target.contains_key(to) => {
                target.insert(to.into(), held);
                "(integer) 1".into()
            }
            _ => "(integer) 0".into(),
        }
    }
}

fn command(random: &mut fastrand::Rng) -> String {
    const KEYS: [&str; 8] = ["a", "b", "c", "d", "{t}1", "{t}2", "e{t}", "f"];
    let mut key = || KEYS[random.usize(..KEYS.len())];
    let (first, second) = (key(), key());
    let database = random.usize(..DATABASES);
    match random.u8(..40) {
        0..10 => format!("SET {first} {}", random.u8(..)),
        10..12 => format!("GET {first}"),
        12..14 => format!("{} {first} {second}", ["DEL", "UNLINK"][random.usize(..2)]),
        14 => format!("{} {first} {second} {first}", ["EXISTS", "TOUCH"][random.usize(..2)]),
        15..19 => format!("RENAME {first} {second}"),
        19 => format!("RENAMENX {first} {second}"),
        20..24 => format!("COPY {first} {second} DB {database}{}", ["", " REPLACE"][random.usize(..2)]),
        24..27 => format!("MOVE {first} {database}"),
        27..32 => format!("PEXPIRE {first} {}", random.i64(-3..30)),
        32 => format!("PERSIST {first}"),
        33..36 => format!("SELECT {database}"),
        36 => "FLUSHDB".into(),
        37 => format!("SWAPDB {database} {}", random.usize(..DATABASES)),
        38 if random.u8(..4) == 0 => "FLUSHALL".into(),
        _ => format!("PTTL {first}"),
    }
}

/// Everything that can be asked about the state, and the exact counts once what is due was removed.
fn compare(server: &mut MiniServer, model: &mut Model, exact: bool) {
    let selected = model.selected;
    model.forget_expired();
    if exact {
        server.expire();
    }
    for database in 0..DATABASES {
        server.ask(&format!("SELECT {database}"));
        let live = model.databases[database].len();
        if exact {
            assert_eq!(server.ask("DBSIZE"), format!("(integer) {live}"), "database {database}");
        }
        model.selected = database;
        for key in ["a", "b", "c", "d", "{t}1", "{t}2", "e{t}", "f"] {
            for question in [["GET", key], ["PTTL", key]] {
                assert_eq!(server.ask(&question.join(" ")), model.ask(&question), "{question:?}");
            }
        }
    }
    model.selected = selected;
    server.ask(&format!("SELECT {selected}"));
}

#[test]
fn random_commands_do_what_maps_do() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = MiniServer::new(random.usize(1..4));
        let mut model = Model { now_ms: server.now_ms, ..Model::default() };
        let mut history = Vec::new();
        for _ in 0..300 {
            let line = command(&mut random);
            history.push(line.clone());
            let words: Vec<&str> = line.split(' ').collect();
            let cold = random.u8(..5) == 0;
            if cold {
                server.write_behind();
                server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                server.engine.make_cold(true);
            }
            let reply = server.ask(&line);
            server.engine.make_cold(false);
            assert_eq!(reply, model.ask(&words), "seed {seed}: {history:?}");
            server.now_ms += random.u64(..4);
            model.now_ms = server.now_ms;
            match random.u8(..20) {
                0 => server.write_behind(),
                1 => {
                    server = server.crash(random.usize(1..5));
                    history.push("crash".into());
                }
                2 => server.expire(),
                _ => {}
            }
            let exact = random.u8(..4) == 0;
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                compare(&mut server, &mut model, exact);
            }))
            .is_err()
            {
                panic!("seed {seed}, after {history:?}");
            }
        }
    }
}
