//! The `redis` crate, end to end. Arguments: the server's port, then steps (default: all). One line a step on standard
//! output.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::thread;

use redis::streams::{
    StreamAutoClaimOptions, StreamAutoClaimReply, StreamInfoStreamReply, StreamPendingReply,
    StreamReadOptions, StreamReadReply,
};
use redis::{Client, Commands, Connection, Direction, RedisResult, Value};

type Outcome = Result<(), Box<dyn Error>>;

/// Connections to the server under test.
struct Server {
    port: u16,
}

impl Server {
    fn connect(&self) -> RedisResult<Connection> {
        Client::open(format!("redis://127.0.0.1:{}/", self.port))?.get_connection()
    }

    fn connect_resp3(&self) -> RedisResult<Connection> {
        Client::open(format!("redis://127.0.0.1:{}/?protocol=resp3", self.port))?.get_connection()
    }

    /// Asks again and again until one client waits in a blocking command.
    fn until_one_waits(&self) -> Outcome {
        let mut connection = self.connect()?;
        loop {
            let text: String = redis::cmd("INFO").arg("clients").query(&mut connection)?;
            if text.lines().any(|line| line == "blocked_clients:1") {
                return Ok(());
            }
        }
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}").into()) }
}

fn pipelines(server: &Server) -> Outcome {
    let mut connection = server.connect()?;
    let mut pipeline = redis::pipe();
    for number in 0..1000 {
        pipeline.set_ex(format!("key:{number}"), number, 1000).ignore();
        pipeline.incr(format!("key:{number}"), 7);
        pipeline.hset("hash", format!("field:{}", number % 10), number).ignore();
    }
    equal(pipeline.query::<Vec<i64>>(&mut connection)?, (7..1007).collect())?;
    let hash: BTreeMap<String, i64> = connection.hgetall("hash")?;
    equal(hash, (0..10).map(|number| (format!("field:{number}"), 990 + number)).collect())?;
    let values: Vec<Option<i64>> = connection.mget(&["key:0", "key:999", "no such key"])?;
    equal(values, vec![Some(7), Some(1006), None])
}

fn transactions(server: &Server) -> Outcome {
    let (mut connection, mut other) = (server.connect()?, server.connect()?);
    let _: () = connection.set("balance", 10)?;
    let mut attempts = Vec::new();
    let replies: (i64, String) =
        redis::transaction(&mut connection, &["balance"], |connection, pipeline| {
            let balance: i64 = connection.get("balance")?;
            if attempts.is_empty() {
                let _: () = other.set("balance", 100)?; // so the first attempt must fail
            }
            attempts.push(balance);
            pipeline
                .set("balance", balance + 1)
                .ignore()
                .rpush("history", balance)
                .get("balance")
                .query(connection)
        })?;
    equal(replies, (1, "101".to_owned()))?;
    equal(attempts, vec![10, 100])
}

fn pubsub(server: &Server) -> Outcome {
    let (mut connection, mut publisher) = (server.connect()?, server.connect()?);
    let mut listener = connection.as_pubsub();
    listener.subscribe(&["news", "sport"])?;
    listener.psubscribe("n*")?;
    equal(publisher.publish::<_, _, i64>("news", "hello")?, 2)?;
    equal(publisher.publish::<_, _, i64>("nobody listens", "hello")?, 1)?;
    equal(publisher.publish::<_, _, i64>("weather", "rain")?, 0)?;
    for expected in [(None, "news"), (Some("n*"), "news"), (Some("n*"), "nobody listens")] {
        let message = listener.get_message()?;
        let pattern: Option<String> = message.get_pattern()?;
        equal((pattern.as_deref(), message.get_channel_name()), expected)?;
        equal(message.get_payload::<String>()?, "hello".to_owned())?;
    }
    drop(listener); // unsubscribes
    equal(redis::cmd("PING").query::<String>(&mut connection)?, "PONG".to_owned())
}

fn blocking(server: &Server) -> Outcome {
    let mut connection = server.connect()?;
    equal(connection.blpop::<_, Option<(String, String)>>("queue", 0.05)?, None)?;
    thread::scope(|scope| {
        let waiting =
            scope.spawn(|| server.connect()?.blpop::<_, (String, String)>(&["empty", "queue"], 15.0));
        server.until_one_waits()?;
        let _: () = connection.rpush("queue", &["job 1", "job 2"])?;
        equal(waiting.join().map_err(|_| "a panic")??, ("queue".to_owned(), "job 1".to_owned()))
    })?;
    let moved: String = connection.blmove("queue", "running", Direction::Left, Direction::Right, 1.0)?;
    equal(moved, "job 2".to_owned())?;
    let _: () = connection.zadd_multiple("scores", &[(1, "low"), (2, "high")])?;
    let greatest: (String, String, f64) = connection.bzpopmax("scores", 1.0)?;
    equal(greatest, ("scores".to_owned(), "high".to_owned(), 2.0))
}

fn streams(server: &Server) -> Outcome {
    let mut connection = server.connect()?;
    for number in 1..=10 {
        let _: () = connection.xadd("stream", format!("{number}-0"), &[("number", number)])?;
    }
    let _: () = connection.xgroup_create("stream", "workers", "0")?;
    let ids =
        |reply: &StreamReadReply| reply.keys[0].ids.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    let named =
        |first: i64, last: i64| (first..=last).map(|number| format!("{number}-0")).collect::<Vec<_>>();
    let options = StreamReadOptions::default().group("workers", "alice").count(4);
    equal(ids(&connection.xread_options(&["stream"], &[">"], &options)?), named(1, 4))?;
    let options = StreamReadOptions::default().group("workers", "bob");
    equal(ids(&connection.xread_options(&["stream"], &[">"], &options)?), named(5, 10))?;
    equal(connection.xack::<_, _, _, i64>("stream", "workers", &["1-0", "2-0"])?, 2)?;
    let StreamPendingReply::Data(pending) = connection.xpending("stream", "workers")? else {
        return Err("nothing is pending".into());
    };
    equal((pending.count, pending.start_id, pending.end_id), (8, "3-0".to_owned(), "10-0".to_owned()))?;
    let options = StreamAutoClaimOptions::default().count(2);
    let claimed: StreamAutoClaimReply =
        connection.xautoclaim_options("stream", "workers", "bob", 0, "0", options)?;
    equal(claimed.next_stream_id, "5-0".to_owned())?;
    equal(claimed.claimed.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>(), named(3, 4))?;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let options = StreamReadOptions::default().group("workers", "carol").block(15_000);
            server.connect()?.xread_options::<_, _, StreamReadReply>(&["stream"], &[">"], &options)
        });
        server.until_one_waits()?;
        let _: () = connection.xadd("stream", "20-0", &[("late", "yes")])?;
        equal(ids(&waiting.join().map_err(|_| "a panic")??), named(20, 20))
    })?;
    let info: StreamInfoStreamReply = connection.xinfo_stream("stream")?;
    equal((info.length, info.last_generated_id), (11, "20-0".to_owned()))
}

fn scans(server: &Server) -> Outcome {
    let mut connection = server.connect()?;
    let numbers = 0..2500_i64;
    let pairs: Vec<_> = numbers.clone().map(|number| (format!("scan:{number}"), number)).collect();
    let _: () = connection.mset(&pairs)?;
    let _: () = connection.hset_multiple("big", &pairs)?;
    let _: () = connection.sadd("many", numbers.clone().collect::<Vec<_>>())?;
    let scored: Vec<_> = numbers.clone().map(|number| (number, format!("member:{number}"))).collect();
    let _: () = connection.zadd_multiple("scored", &scored)?;
    let names: BTreeSet<String> = connection.scan_match("scan:*")?.collect::<RedisResult<_>>()?;
    equal(names, pairs.iter().map(|(name, _)| name.clone()).collect())?;
    let fields: HashMap<String, i64> = connection.hscan("big")?.collect::<RedisResult<_>>()?;
    equal(fields, pairs.iter().cloned().collect())?;
    let members: BTreeSet<i64> = connection.sscan("many")?.collect::<RedisResult<_>>()?;
    equal(members, numbers.collect())?;
    let members: HashMap<String, i64> = connection.zscan("scored")?.collect::<RedisResult<_>>()?;
    equal(members, scored.into_iter().map(|(score, member)| (member, score)).collect())
}

fn resp3(server: &Server) -> Outcome {
    let mut connection = server.connect_resp3()?;
    let _: () = connection.hset_multiple("map", &[("a", 1), ("b", 2)])?;
    let _: () = connection.sadd("set", &["x", "y"])?;
    let _: () = connection.zadd_multiple("zset", &[(1.0, "one"), (0.5, "half")])?;
    let map: Value = connection.hgetall("map")?;
    let text = |word: &str| Value::BulkString(word.as_bytes().to_vec());
    equal(map, Value::Map(vec![(text("a"), text("1")), (text("b"), text("2"))]))?;
    let set: Value = connection.smembers("set")?;
    equal(matches!(set, Value::Set(ref members) if members.len() == 2), true)?;
    let score: Value = redis::cmd("ZSCORE").arg("zset").arg("half").query(&mut connection)?;
    equal(score, Value::Double(0.5))?;
    let missing: Value = redis::cmd("GET").arg("no such key").query(&mut connection)?;
    equal(missing, Value::Nil)
}

type Step = (&'static str, fn(&Server) -> Outcome);
const STEPS: [Step; 7] = [
    ("pipelines", pipelines),
    ("transactions", transactions),
    ("pubsub", pubsub),
    ("blocking", blocking),
    ("streams", streams),
    ("scans", scans),
    ("resp3", resp3),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.first().and_then(|word| word.parse().ok()).expect("the port comes first");
    let server = Server { port };
    let mut failed = false;
    for (name, step) in STEPS {
        if arguments.len() > 1 && !arguments[1..].iter().any(|wanted| wanted == name) {
            continue;
        }
        let flushed =
            server.connect().and_then(|mut connection| redis::cmd("FLUSHALL").query::<()>(&mut connection));
        match flushed.map_err(Into::into).and_then(|()| step(&server)) {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                failed = true;
                println!("FAILED {name}: {}", error.to_string().replace('\n', " "));
            }
        }
    }
    std::process::exit(i32::from(failed));
}
