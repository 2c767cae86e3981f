//! What a script costs a serving thread, without sockets, log and disk: CPU time of the thread in microseconds a run, of
//! scripts and of the same commands without one.
//!
//!     cargo bench -p pika-core --bench scripting -- [runs] [name of one script]
//!
//! With a few runs under `valgrind --tool=callgrind` it says where the instructions go.

use pika_core::commands::execute::{Environment, execute};
use pika_core::commands::{Args, Settings, table};
use pika_core::keyspace::transaction::{Reach, Source};
use pika_core::resp::{Protocol, Reply};
use pika_core::testing::MiniServer;

const VALUE: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// Name, script, number of keys. All get the same argument.
const SCRIPTS: &[(&str, &str, usize)] = &[
    ("nothing", "return 1", 1),
    ("get", "return redis.call('get', KEYS[1])", 1),
    ("set", "return redis.call('set', KEYS[1], ARGV[1])", 1),
    (
        "release",
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
        1,
    ),
    ("four_gets", "local r = {} for i = 1, 4 do r[i] = redis.call('get', KEYS[i]) end return r", 4),
    ("four_sets", "for i = 1, 4 do redis.call('set', KEYS[i], ARGV[1]) end return 4", 4),
    ("mget", "return redis.call('mget', KEYS[1], KEYS[2], KEYS[3], KEYS[4])", 4),
];

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

/// Words as a client sends them.
struct Words {
    frame: Vec<u8>,
    ranges: Vec<(u32, u32)>,
}

impl Words {
    fn new<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Words {
        let (mut frame, mut ranges) = (Vec::new(), Vec::new());
        for word in words {
            let start = frame.len() as u32;
            frame.extend_from_slice(word.as_ref());
            ranges.push((start, frame.len() as u32));
        }
        Words { frame, ranges }
    }

    fn args(&self) -> Args<'_> {
        Args::new(&self.frame, &self.ranges)
    }
}

/// Runs each of `commands` so many times, and says what one run of all of them cost, in microseconds.
fn cost(server: &mut MiniServer, commands: &[Words], runs: usize) -> f64 {
    let settings = Settings::default();
    let mut reply = Reply::new(Protocol::Resp2);
    let before = cpu_seconds();
    for run in 0..runs {
        for words in commands {
            let args = words.args();
            let command = table::find(args.word(0)).expect("a command");
            let partition = &mut server.partitions[0];
            reply.truncate(0);
            let environment = Environment::of_nobody(server.now_ms, &settings, 0);
            execute(command, args, Source::One(partition), Reach::SERVING, environment, &mut reply)
                .expect("memory has all");
            assert_ne!(
                reply.as_slice().first(),
                Some(&b'-'),
                "{}",
                String::from_utf8_lossy(reply.as_slice())
            );
        }
        if run % 64 == 0 {
            server.partitions[0].close_group();
        }
        if run % 4096 == 0 {
            server.write_behind();
        }
    }
    (cpu_seconds() - before) * 1e6 / runs as f64
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let runs = words.next().and_then(|word| word.parse().ok()).unwrap_or(200_000);
    let only = words.next();
    let keys = ["key:000000000001", "key:000000000002", "key:000000000003", "key:000000000004"];
    let mut server = MiniServer::new(1);
    for key in keys {
        server.call(&[b"set", key.as_bytes(), VALUE.as_bytes()]);
    }
    for (name, text, count) in SCRIPTS {
        if only.as_deref().is_some_and(|only| only != *name) {
            continue;
        }
        let loaded = server.ask(&format!("script load \"{}\"", text.replace('"', "\\\"")));
        let digest = loaded.trim_matches('"');
        let number = count.to_string();
        let words =
            ["evalsha", digest, &number].into_iter().chain(keys[..*count].iter().copied()).chain([VALUE]);
        let script = [Words::new(words)];
        cost(&mut server, &script, runs.min(1000));
        println!("{name:>12} {:>8.2} µs", cost(&mut server, &script, runs));
    }
    if only.is_none() {
        let get = |key: &&str| Words::new(["get", key]);
        let set = |key: &&str| Words::new(["set", key, VALUE]);
        println!("without a script:");
        println!("{:>12} {:>8.2} µs", "get", cost(&mut server, &[get(&keys[0])], runs));
        println!("{:>12} {:>8.2} µs", "set", cost(&mut server, &[set(&keys[0])], runs));
        println!(
            "{:>12} {:>8.2} µs",
            "four_gets",
            cost(&mut server, &keys.iter().map(get).collect::<Vec<_>>(), runs)
        );
        println!(
            "{:>12} {:>8.2} µs",
            "four_sets",
            cost(&mut server, &keys.iter().map(set).collect::<Vec<_>>(), runs)
        );
    }
}
