//! What the log says is enough for a slave, which keeps no time: its data is the master's, byte for byte, whatever had
//! expired there without anyone having noticed.

use crate::binlog::record::SENT;
use crate::engine::Family;
use crate::engine::memory::MemoryEngine;
use crate::keyspace::partition::LogRecord;
use crate::testing::MiniServer;

/// Runs a script (`# wait 5`: time passes) on a master; its log, one command a line.
fn master(script: &str) -> (MiniServer, Vec<String>) {
    let mut server = MiniServer::new(1);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("# wait ") {
            Some(ms) => server.now_ms += ms.parse::<u64>().unwrap(),
            None => {
                let reply = server.ask(line);
                assert!(!reply.starts_with("(error)"), "{line}: {reply}");
            }
        }
    }
    let lines = server.log.iter().flat_map(|record| commands(&record.payload)).collect();
    (server, lines)
}

fn commands(payload: &[u8]) -> Vec<String> {
    let mut batch = crate::resp::Batch::default();
    crate::resp::Parser::default()
        .parse(payload, &crate::resp::Limits::default(), usize::MAX, &mut batch)
        .unwrap();
    let text = |range: &(u32, u32)| {
        String::from_utf8_lossy(&payload[range.0 as usize..range.1 as usize]).into_owned()
    };
    let line = |command: &crate::resp::Command| {
        let first = command.first as usize;
        let words: Vec<_> = batch.ranges[first..first + command.count as usize].iter().map(text).collect();
        words.join(" ")
    };
    batch.commands.iter().map(line).collect()
}

/// A slave that ran the log by a clock of its own.
fn slave(log: &[LogRecord], clock_ms: u64) -> MiniServer {
    let sent = log.iter().map(|record| LogRecord { clock_ms: clock_ms | SENT, ..record.clone() });
    MiniServer::open(MemoryEngine::new(), 1, sent.collect())
}

/// Whatever a slave's clock says, it has what the master has. Returns the log.
#[track_caller]
fn same(script: &str) -> Vec<String> {
    let (mut server, lines) = master(script);
    server.write_behind();
    for clock_ms in [1, server.now_ms, server.now_ms + 1_000_000_000] {
        let mut slave = slave(&server.log, clock_ms);
        slave.write_behind();
        for family in [Family::Meta, Family::Element, Family::Expiry] {
            let (here, there) = (server.engine.dump(family), slave.engine.dump(family));
            assert_eq!(here, there, "{family:?} by clock {clock_ms}: {lines:#?}");
        }
    }
    lines
}

/// A small hash and a big one, of which the field `f` has expired, and nobody noticed.
fn hashes() -> String {
    let big: Vec<String> = (0..200).map(|index| format!("n{index} x")).collect();
    format!(
        "HSET small f 5 g 6\nHSET big f 5 g 6 {}\nHPEXPIRE small 10 FIELDS 1 f\nHPEXPIRE big 10 FIELDS 1 f\n# wait 11\n",
        big.join(" ")
    )
}

#[test]
fn a_field_that_has_expired_is_removed_by_the_log_before_a_command_that_looks_at_it() {
    for key in ["small", "big"] {
        for command in [
            "HSETNX K f 1",
            "HINCRBY K f 1",
            "HINCRBYFLOAT K f 1.5",
            "HSET K f 1",
            "HDEL K f",
            "HDEL K f g",
            "HPERSIST K FIELDS 2 f g",
            "HPEXPIRE K 1000 FIELDS 2 f g",
            "HPEXPIRE K 1000 NX FIELDS 1 f",
            "HPEXPIREAT K 1 FIELDS 2 f g",
            "COPY K other",
            "RENAME K other",
            "HGET K f",
            "HGETALL K",
        ] {
            let log = same(&(hashes() + &command.replace('K', key)));
            if command.starts_with("HSETNX") {
                let tail: Vec<String> = [
                    "MULTI".to_string(),
                    format!("HDEL {key} f"),
                    format!("HSETNX {key} f 1"),
                    "EXEC".to_string(),
                ]
                .into();
                assert_eq!(log[log.len() - 4..], tail);
            }
        }
    }
}

#[test]
fn a_command_that_finds_only_what_has_expired_is_not_logged_itself() {
    let log = same(&(hashes() + "HPEXPIRE small 1000 FIELDS 1 f"));
    assert_eq!(log.last().unwrap(), "HDEL small f");
    let log = same("HSET h f 1\nHPEXPIRE h 10 FIELDS 1 f\n# wait 11\nHPERSIST h FIELDS 1 f");
    assert_eq!(log.last().unwrap(), "HDEL h f");
    let (mut server, _) = master("HSET h f 1\nHPEXPIRE h 10 FIELDS 1 f\n# wait 11\nHPERSIST h FIELDS 1 f");
    assert_eq!(server.ask("EXISTS h"), "(integer) 0", "its last field was removed");
}

#[test]
fn a_result_that_an_expired_field_decided_is_logged_as_it_is() {
    let log = same(&(hashes() + "RPUSH l small\nSORT l BY nosort GET *->f GET *->g STORE d"));
    assert_eq!(log[log.len() - 3..], ["DEL d", "RPUSH d  6", "EXEC"]);
    let log = same(&(hashes() + "RPUSH l small\nSORT l BY nosort GET *->g STORE d"));
    assert_eq!(log.last().unwrap(), "SORT l BY nosort GET *->g STORE d");
}

#[test]
fn a_key_that_has_expired_is_removed_by_the_log_before_a_command_that_looks_at_it() {
    let commands = [
        "RENAME a k",
        "RENAMENX a k",
        "COPY a k",
        "COPY a k REPLACE",
        "SETNX k 1",
        "SET k 1 NX",
        "SET k 1 XX",
        "SET k 1",
        "SET k 1 KEEPTTL",
        "SET k 1 GET",
        "GETSET k 1",
        "APPEND k 1",
        "INCR k",
        "SETRANGE k 1 x",
        "SETBIT k 1 1",
        "MSETNX k 1 x 2",
        "MSET k 1 x 2",
        "GETDEL k",
        "GETEX k PERSIST",
        "LPUSH k 1",
        "LPUSHX k 1",
        "SADD k 1",
        "ZADD k 1 m",
        "ZADD k XX 1 m",
        "HSET k f v",
        "XADD k 1 f v",
        "PFADD k e",
        "EXPIRE k 100",
        "PERSIST k",
        "DEL k",
        "UNLINK k",
        "SUNIONSTORE k s t",
        "SUNIONSTORE d k s",
        "ZUNIONSTORE d 2 k z",
        "SDIFFSTORE d s k",
        "BITOP OR d k a",
        "PFMERGE d k",
        "SORT l BY k STORE d",
        "SORT l GET k STORE d",
        "LMOVE l k LEFT LEFT",
        "SMOVE s k 1",
        "GEOADD k 1 1 m",
        "BITFIELD k INCRBY u8 0 1",
        "MOVE k 1",
        "RESTORE k 0 \"\\x00\\xc0\\x01\\x0b\\x00\\x1d\\x8e\\x82\\xb5\\xf7\\xc5\\xc8\\xe8\"",
        "GET k",
        "TOUCH k",
        "SINTERCARD 2 k s",
    ];
    let before = "MSET a v\nSADD s 1 2\nSADD t 3\nZADD z 1 m\nRPUSH l 1\nSET k old PX 10\n# wait 11\n";
    for command in commands {
        let (mut server, _) = master(before);
        if server.ask(command).starts_with("(error)") {
            continue;
        }
        same(&format!("{before}{command}"));
    }
}

#[test]
fn a_key_of_another_database_that_has_expired_is_removed_there() {
    let before = "SELECT 1\nSET k old PX 10\nSELECT 0\nSET k new\n# wait 11\n";
    let tail =
        |command: &str| ["MULTI", "SELECT 1", "DEL k", "SELECT 0", command, "EXEC"].map(str::to_string);
    for command in ["MOVE k 1", "COPY k k DB 1", "COPY k k DB 1 REPLACE"] {
        let log = same(&format!("{before}{command}"));
        assert_eq!(log[log.len() - 6..], tail(command));
    }
    let log = same(&format!("{before}COPY none k DB 1"));
    assert_eq!(log[log.len() - 5..], ["MULTI", "SELECT 1", "DEL k", "SELECT 0", "EXEC"]);
}

#[test]
fn deliveries_of_a_stream_are_logged_as_what_a_redis_takes() {
    let (_, log) = master(
        "XADD s 1 f v\nXADD s 2 f v\nXGROUP CREATE s g 0\nXREADGROUP GROUP g a COUNT 1 STREAMS s >\n\
         XREADGROUP GROUP g a NOACK STREAMS s >\n# wait 5\nXREADGROUP GROUP g a STREAMS s 0\n\
         XREADGROUP GROUP g b STREAMS s >\nXCLAIM s g c 0 9\nXCLAIM s g c 0 9 LASTID 3",
    );
    assert_eq!(
        log[log.len() - 9..],
        [
            "MULTI",
            "XCLAIM s g a 0 1-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
            "XGROUP SETID s g 1-0 ENTRIESREAD 1",
            "EXEC",
            "XGROUP SETID s g 2-0 ENTRIESREAD 2",
            "XCLAIM s g a 0 1-0 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0",
            "XGROUP CREATECONSUMER s g b",
            "XGROUP CREATECONSUMER s g c",
            "XGROUP SETID s g 3-0 ENTRIESREAD 2",
        ][..]
    );
}

#[test]
fn sums_of_floats_are_logged_as_redis_logs_them() {
    let log = same("INCRBYFLOAT k 1.5\nPEXPIRE k 100000\nINCRBYFLOAT k 1.5");
    assert_eq!((&log[0][..], log.last().unwrap().as_str()), ("SET k 1.5 KEEPTTL", "SET k 3 KEEPTTL"));
    // What was there had expired unnoticed: its time is not kept.
    let log = same("SET k 5 PX 10\n# wait 11\nINCRBYFLOAT k 1");
    assert_eq!(log[log.len() - 4..], ["MULTI", "DEL k", "SET k 1 KEEPTTL", "EXEC"]);
}

#[test]
fn what_is_restored_as_it_was_is_logged() {
    for make in ["ZADD k 1 a 2 b", "SADD k 1", "HSET k f v", "RPUSH k 1", "SET k v", "XADD k 1 f v"] {
        let mut server = MiniServer::new(1);
        server.ask(make);
        let reply = server.call(&[b"DUMP", b"k"]);
        let start = reply.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let (payload, before) = (reply[start..reply.len() - 2].to_vec(), server.log.len());
        let answer = server.call(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE", b"ABSTTL"]);
        assert_eq!((&answer[..], server.log.len()), (&b"+OK\r\n"[..], before + 1), "{make}");
    }
}
