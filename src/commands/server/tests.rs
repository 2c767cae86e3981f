use crate::commands::redact;
use crate::commands::{Args, table};
use crate::resp::Protocol;
use crate::server::Identity;
use crate::server::stand_in::StandIn;
use crate::session::Session;
use crate::testing::MiniServer;

#[track_caller]
fn check(server: &StandIn, protocol: Protocol, script: &[(&str, &str)]) {
    let mut session = Session::new(5, 0);
    session.protocol = protocol;
    for (line, expected) in script {
        assert_eq!(server.ask(&mut session, line), *expected, "{line}");
    }
}

#[test]
fn command_info_in_both_protocols() {
    // As a real Redis 7.0.15 answers.
    let three = "*2\r\n*10\r\n$12\r\nmemory|usage\r\n:-3\r\n~1\r\n+readonly\r\n:2\r\n:2\r\n:1\r\n~2\r\n+@read\r\n\
                 +@slow\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~1\r\n+RO\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n\
                 $5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:2\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\n\
                 range\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n\
                 ~0\r\n_\r\n";
    let two = three
        .replace("%3", "*6")
        .replace("%2", "*4")
        .replace("%1", "*2")
        .replace('~', "*")
        .replace("_\r\n", "$-1\r\n");
    let server = StandIn::default();
    check(&server, Protocol::Resp3, &[("COMMAND INFO memory|usage nosuch", three)]);
    check(&server, Protocol::Resp2, &[("COMMAND INFO memory|usage nosuch", &two)]);
    let mut session = Session::new(1, 0);
    session.protocol = Protocol::Resp3;
    let slowlog = server.ask(&mut session, "COMMAND INFO slowlog");
    assert!(slowlog.contains("~0\r\n~0\r\n*4\r\n*10\r\n$11\r\nslowlog|get\r\n:-2\r\n"), "{slowlog}");
    let all = server.ask(&mut session, "COMMAND");
    assert!(all.starts_with(&format!("*{}\r\n", table::all().count())));
    assert_eq!(server.ask(&mut session, "COMMAND INFO"), all);
    assert_eq!(server.ask(&mut session, "COMMAND COUNT"), format!(":{}\r\n", table::all().count()));
}

#[test]
fn command_docs() {
    let usage = "%1\r\n$12\r\nmemory|usage\r\n%5\r\n$7\r\nsummary\r\n$51\r\nEstimates the memory that a key and its \
                 value take.\r\n$5\r\nsince\r\n$5\r\n4.0.0\r\n$5\r\ngroup\r\n$6\r\nserver\r\n$10\r\ncomplexity\r\n$4\r\n\
                 O(1)\r\n$9\r\narguments\r\n*2\r\n%3\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\n\
                 key_spec_index\r\n:0\r\n%4\r\n$4\r\nname\r\n$5\r\ncount\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\ntoken\
                 \r\n$7\r\nSAMPLES\r\n$5\r\nflags\r\n~1\r\n+optional\r\n";
    let server = StandIn::default();
    check(
        &server,
        Protocol::Resp3,
        &[("COMMAND DOCS nosuch memory|usage", usage), ("COMMAND DOCS nosuch", "%0\r\n")],
    );
    let two = usage
        .replace("%1", "*2")
        .replace("%5", "*10")
        .replace("%3", "*6")
        .replace("%4", "*8")
        .replace('~', "*");
    check(
        &server,
        Protocol::Resp2,
        &[("COMMAND DOCS memory|usage", &two), ("COMMAND DOCS nosuch", "*0\r\n")],
    );
}

#[test]
fn command_list_and_keys() {
    check(
        &StandIn::default(),
        Protocol::Resp3,
        &[
            ("COMMAND LIST bad", "-ERR syntax error\r\n"),
            ("COMMAND LIST FILTERBY bad", "-ERR syntax error\r\n"),
            ("COMMAND LIST FILTERBY bad bad", "-ERR syntax error\r\n"),
            ("COMMAND LIST FILTERBY MODULE x", "*0\r\n"),
            ("COMMAND LIST FILTERBY ACLCAT x", "*0\r\n"),
            (
                "COMMAND LIST FILTERBY PATTERN CONFIG|*RE*",
                "*2\r\n$16\r\nconfig|resetstat\r\n$14\r\nconfig|rewrite\r\n",
            ),
            ("COMMAND LIST FILTERBY PATTERN debug*", "*1\r\n$5\r\ndebug\r\n"),
            ("COMMAND GETKEYS get a", "*1\r\n$1\r\na\r\n"),
            ("COMMAND GETKEYS memory usage a", "*1\r\n$1\r\na\r\n"),
            ("COMMAND GETKEYS eval s 1_0 a", "*1\r\n$1\r\na\r\n"),
            ("COMMAND GETKEYS ping a", "-ERR The command has no key arguments\r\n"),
            ("COMMAND GETKEYS nosuch a", "-ERR Invalid command specified\r\n"),
            ("COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command\r\n"),
            ("COMMAND GETKEYSANDFLAGS set a b", "*1\r\n*2\r\n$1\r\na\r\n~2\r\n+OW\r\n+update\r\n"),
            (
                "COMMAND GETKEYSANDFLAGS set a b GET",
                "*1\r\n*2\r\n$1\r\na\r\n~3\r\n+RW\r\n+access\r\n+update\r\n",
            ),
        ],
    );
}

#[test]
fn config() {
    let server = StandIn {
        identity: Identity { config_file: "x".into(), ..Identity::default() },
        ..StandIn::default()
    };
    check(
        &server,
        Protocol::Resp2,
        &[
            ("CONFIG GET nosuch", "*0\r\n"),
            ("CONFIG SET slowlog-max-len 10 hz 20", "+OK\r\n"),
            ("CONFIG GET slowlog-max-*", "*2\r\n$15\r\nslowlog-max-len\r\n$2\r\n10\r\n"),
            ("CONFIG SET a b c", "-ERR syntax error\r\n"),
            (
                "CONFIG SET nosuch 1",
                "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n",
            ),
            ("CONFIG REWRITE", "-ERR Rewriting config file: no disk\r\n"),
            ("CONFIG RESETSTAT", "+OK\r\n"),
        ],
    );
    assert_eq!(*server.done.borrow(), ["set hz", "set slowlog-max-len", "reset"].map(String::from).to_vec());
    let three = "%1\r\n$2\r\nhz\r\n$2\r\n20\r\n";
    check(&server, Protocol::Resp3, &[("CONFIG GET hz", three)]);
    check(
        &StandIn::default(),
        Protocol::Resp2,
        &[("CONFIG REWRITE", "-ERR The server is running without a config file\r\n")],
    );
}

#[test]
fn slowlog() {
    let server = StandIn::default();
    {
        let mut log = server.slow_log.lock().expect("free");
        for name in ["get", "set"] {
            log.add([name.as_bytes(), b"k"].into_iter(), 10, 20, ("1.2.3.4:5", b"me"), 128);
        }
    }
    let newest = "*6\r\n:1\r\n:10\r\n:20\r\n*2\r\n$3\r\nset\r\n$1\r\nk\r\n$9\r\n1.2.3.4:5\r\n$2\r\nme\r\n";
    check(
        &server,
        Protocol::Resp2,
        &[
            ("SLOWLOG LEN", ":2\r\n"),
            ("SLOWLOG GET 1", &format!("*1\r\n{newest}")),
            ("SLOWLOG GET 0", "*0\r\n"),
            ("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n"),
            ("SLOWLOG GET x", "-ERR count should be greater than or equal to -1\r\n"),
            ("SLOWLOG RESET", "+OK\r\n"),
            ("SLOWLOG GET", "*0\r\n"),
        ],
    );
}

#[test]
fn backups_and_the_end() {
    let scheduled = StandIn { backup_running: true, ..StandIn::default() };
    check(
        &scheduled,
        Protocol::Resp2,
        &[
            ("BGSAVE", "-ERR Background save already in progress\r\n"),
            ("BGSAVE SCHEDULE", "+Background saving scheduled\r\n"),
        ],
    );
    let server = StandIn::default();
    check(
        &server,
        Protocol::Resp2,
        &[
            ("BGSAVE", "+Background saving started\r\n"),
            ("BGSAVE FOO", "-ERR syntax error\r\n"),
            ("SAVE", "+OK\r\n"),
            ("LASTSAVE", ":1600000000\r\n"),
            ("BGREWRITEAOF", "+Background append only file rewriting started\r\n"),
            ("DELBACKUP", ":3\r\n"),
            ("COMPACT", "+OK\r\n"),
            ("COMPACT db1,0", "+OK\r\n"),
            ("COMPACT 2 hash zset", "+OK\r\n"),
            ("COMPACT ALL", "+OK\r\n"),
            ("COMPACT 16", "-ERR DB index is out of range\r\n"),
            ("COMPACTRANGE 1 a b", "+OK\r\n"),
            ("PURGELOGSTO 12", ":1\r\n"),
            ("PURGELOGSTO binlog-00000000000000000013", ":1\r\n"),
            ("PURGELOGSTO write2file10", "-ERR no offset of the log, and no name of a segment\r\n"),
            ("SHUTDOWN FOO", "-ERR syntax error\r\n"),
            ("SHUTDOWN SAVE NOSAVE", "-ERR syntax error\r\n"),
            ("SHUTDOWN NOW ABORT", "-ERR syntax error\r\n"),
            ("SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n"),
            ("SHUTDOWN NOSAVE NOW FORCE", ""),
        ],
    );
    let done = server.done.borrow();
    assert_eq!(done[1], "Compact { databases: [], types: [], range: None }");
    assert_eq!(done[2], "Compact { databases: [0, 1], types: [], range: None }");
    assert_eq!(done[3], "Compact { databases: [2], types: [Hash, SortedSet], range: None }");
    assert_eq!(done[4], done[1]);
    assert_eq!(done[5], "Compact { databases: [1], types: [], range: Some(([97], [98])) }");
    assert_eq!(&done[6..8], ["purge 12", "purge 13"]);
    assert_eq!(done[8], "Shutdown { save: Some(false), now: true, force: true }");
}

#[test]
fn debug_latency_and_others() {
    let server = StandIn::default();
    check(
        &server,
        Protocol::Resp3,
        &[
            ("DEBUG SLEEP 0.5", "+OK\r\n"),
            ("DEBUG SLEEP nan", "+OK\r\n"),
            ("DEBUG RELOAD NOSAVE", "+OK\r\n"),
            ("DEBUG STRINGMATCH-LEN 3 a*", ":1\r\n"),
            ("DEBUG DIGEST", "+0000000000000000000000000000000000000000\r\n"),
            ("DEBUG POPULATE 3", "+OK\r\n"),
            ("DEBUG POPULATE 3 p 100", "+OK\r\n"),
            ("DEBUG POPULATE -1", "-ERR value is out of range, must be positive\r\n"),
            ("DEBUG POPULATE", "-ERR wrong number of arguments for 'debug|populate' command\r\n"),
            ("DEBUG ERROR MY", "-MY\r\n"),
            (
                "DEBUG FOO",
                "-ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP.\r\n",
            ),
            ("LATENCY LATEST", "*0\r\n"),
            ("LATENCY RESET x", ":0\r\n"),
            ("LATENCY GRAPH x", "-ERR No samples available for event 'x'\r\n"),
            ("LATENCY HISTOGRAM nosuch", "%0\r\n"),
            ("ROLE", "*3\r\n$6\r\nmaster\r\n:42\r\n*0\r\n"),
            ("REPLICAOF no one", "+OK\r\n"),
            ("SLAVEOF x y", "-ERR Invalid master port\r\n"),
            ("TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"),
            ("INFO nosuch", "=4\r\ntxt:\r\n"),
            ("MEMORY PURGE", "+OK\r\n"),
            ("MEMORY MALLOC-STATS", "=9\r\ntxt:stats\r\n"),
        ],
    );
    assert_eq!(server.done.borrow()[..2], ["sleep 500ms", "sleep 0ns"].map(String::from));
}

#[test]
fn histograms_of_a_command_include_its_subcommands() {
    let mut server = StandIn::default();
    let id = |name: &[u8]| table::find_full(name).expect("a command").id;
    server.numbers.commands.ran(id(b"config|get"), 11_000, false, true);
    server.numbers.commands.ran(id(b"config|get"), 40_000, false, true);
    let expected = "%1\r\n$10\r\nconfig|get\r\n%2\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n%2\r\n:16\r\n:1\r\n\
                    :66\r\n:2\r\n";
    check(
        &server,
        Protocol::Resp3,
        &[("LATENCY HISTOGRAM config get", expected), ("LATENCY HISTOGRAM", expected)],
    );
}

#[test]
fn every_container_helps() {
    let server = StandIn::default();
    let mut session = Session::new(1, 0);
    for entry in table::entries().iter().filter(|entry| entry.subcommands().next().is_some()) {
        let reply = server.ask(&mut session, &format!("{} HELP", entry.full_name));
        let heading = format!(
            "+{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n",
            entry.full_name.to_uppercase()
        );
        assert!(reply.contains(&heading), "{reply}");
        assert!(reply.contains("\r\n+HELP\r\n"), "{reply}");
    }
    assert!(server.ask(&mut session, "DEBUG HELP").contains("+DEBUG <subcommand>"));
}

#[test]
fn keys_are_described() {
    let mut server = MiniServer::new(2);
    server.ask("SET k value");
    assert!(server.ask("MEMORY USAGE k").starts_with("(integer) "));
    assert_eq!(server.ask("MEMORY USAGE nosuch SAMPLES 0"), "(nil)");
    assert_eq!(server.ask("MEMORY USAGE k SAMPLES -1"), "(error) ERR syntax error");
    assert_eq!(server.ask("MEMORY USAGE k SAMPLES"), "(error) ERR syntax error");
    let x = "(error) ERR value is not an integer or out of range";
    assert_eq!(server.ask("MEMORY USAGE k SAMPLES x"), x);
    assert!(server.ask("DEBUG OBJECT k").contains("encoding:embstr"));
    assert_eq!(server.ask("DEBUG OBJECT nosuch"), "(error) ERR no such key");
}

#[test]
fn secrets_are_redacted() {
    let shown = |words: &[&str]| {
        let frame = words.concat();
        let mut ranges = Vec::new();
        let mut start = 0;
        for word in words {
            ranges.push((start, start + word.len() as u32));
            start += word.len() as u32;
        }
        let args = Args::new(frame.as_bytes(), &ranges);
        let entry = table::resolve(args).expect("a command");
        let words = redact::words(entry, args);
        words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(&["AUTH", "x"]), "AUTH (redacted)");
    assert_eq!(shown(&["auth", "u", "x"]), "auth (redacted) (redacted)");
    assert_eq!(
        shown(&["hello", "2", "SETNAME", "a", "AUTH", "u", "p"]),
        "hello 2 SETNAME a AUTH (redacted) (redacted)"
    );
    assert_eq!(
        shown(&["config", "set", "hz", "1", "masterauth", "x", "RequirePass", "y"]),
        "config set hz 1 masterauth (redacted) RequirePass (redacted)"
    );
    assert_eq!(shown(&["get", "auth"]), "get auth");
}
