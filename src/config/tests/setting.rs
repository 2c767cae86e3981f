use super::super::current::{Config, SetError};
use super::super::key::Id;
use super::super::options;
use super::super::row::Change;
use super::super::special::Events;
use super::super::table::{find, names};
use super::samples;

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<(Config, Vec<Id>), SetError> {
    let bytes: Vec<(&[u8], &[u8])> =
        pairs.iter().map(|(name, text)| (name.as_bytes(), text.as_bytes())).collect();
    config.set(&bytes, true)
}

/// What CONFIG SET answers.
fn answer(pairs: &[(&str, &str)]) -> String {
    set(&Config::default(), pairs).map_or_else(|error| error.to_string(), |_| "OK".into())
}

fn failed(name: &str, reason: &str) -> String {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
}

/// A stand-in for the server's glob: `*` only at the ends.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let pattern = String::from_utf8_lossy(pattern).to_ascii_lowercase();
    let name = String::from_utf8_lossy(name).into_owned();
    let middle = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => name.contains(middle),
        (true, false) => name.ends_with(middle),
        (false, _) => name.starts_with(middle),
    }
}

fn show(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    config.show(&patterns.iter().map(|pattern| pattern.as_bytes()).collect::<Vec<_>>(), glob)
}

fn shown(config: &Config, name: &str) -> String {
    show(config, &[name]).into_iter().map(|(_, value)| value).next().unwrap_or_default()
}

#[test]
fn every_option_can_be_set_and_read_or_is_fixed() {
    let config = Config::default();
    for id in Id::all() {
        let row = id.row();
        for text in samples(id) {
            match (row.change, set(&config, &[(row.name, &text)])) {
                (Change::Runtime, Ok((next, changed))) => {
                    let read = shown(&next, row.name);
                    let again = set(&config, &[(row.name, &read)]).map(|(next, _)| next);
                    assert_eq!(again.as_ref(), Ok(&next), "{} {text:?}", row.name);
                    let differs = if row.volatile { vec![id] } else { config.differences(&next) };
                    assert_eq!(changed, differs, "{}", row.name);
                    assert!(changed.is_empty() || changed == [id], "{}", row.name);
                }
                (Change::Start, Err(error)) => {
                    assert_eq!(error.to_string(), failed(row.name, "can't set immutable config"));
                }
                (Change::Protected, Err(error)) => {
                    assert_eq!(error.to_string(), failed(row.name, "can't set protected config"));
                }
                (change, result) => panic!("{} {text:?}: {change:?} gave {result:?}", row.name),
            }
        }
    }
}

/// Each answer was read from redis-server 7.0.15, except for options and words that it does not have.
#[test]
fn answers_are_those_of_redis() {
    let unknown = |name: &str| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
    assert_eq!(answer(&[("foo", "bar")]), unknown("foo"));
    assert_eq!(answer(&[("timeout", "5"), ("Foo", "bar")]), unknown("Foo"));
    assert_eq!(answer(&[("timeout", "zz"), ("foo", "bar")]), unknown("foo"));
    assert_eq!(answer(&[("DAEMONIZE", "yes")]), failed("DAEMONIZE", "can't set immutable config"));
    assert_eq!(answer(&[("dbfilename", "x")]), failed("dbfilename", "can't set protected config"));
    assert_eq!(answer(&[("timeout", "5"), ("TIMEOUT", "6")]), failed("TIMEOUT", "duplicate parameter"));
    assert_eq!(answer(&[("slave-priority", "5"), ("replica-priority", "6")]), "OK");

    let integer = "argument couldn't be parsed into an integer";
    for text in ["zz", "", "007", " 7", "7 ", "+7", "-0", "1.5", "1e3", "9223372036854775808"] {
        assert_eq!(answer(&[("Timeout", text)]), failed("timeout", integer), "{text:?}");
    }
    assert_eq!(answer(&[("SLAVE-PRIORITY", "zz")]), failed("slave-priority", integer));
    let range = |min: &str, max: &str| format!("argument must be between {min} and {max} inclusive");
    assert_eq!(answer(&[("port", "70000")]), failed("port", &range("0", "65535")));
    assert_eq!(answer(&[("port", "-1")]), failed("port", &range("0", "65535")));
    assert_eq!(answer(&[("timeout", "99999999999")]), failed("timeout", &range("0", "2147483647")));
    assert_eq!(answer(&[("maxclients", "0")]), failed("maxclients", &range("1", "4294967295")));
    assert_eq!(
        answer(&[("proto-max-bulk-len", "5")]),
        failed("proto-max-bulk-len", &range("1048576", "9223372036854775807"))
    );
    assert_eq!(
        answer(&[("hash-max-ziplist-entries", "-1")]),
        failed("hash-max-ziplist-entries", &range("0", "9223372036854775807"))
    );

    for text in ["1zb", " 5", "5 ", "1.5gb", "+5", "-1"] {
        assert_eq!(answer(&[("maxmemory", text)]), failed("maxmemory", "argument must be a memory value"));
    }
    let percent = "argument must be a memory or percent value";
    assert_eq!(answer(&[("maxmemory-clients", "-5%")]), failed("maxmemory-clients", percent));
    assert_eq!(answer(&[("maxmemory-clients", "5%%")]), failed("maxmemory-clients", percent));
    assert_eq!(
        answer(&[("maxmemory-clients", "500%")]),
        failed("maxmemory-clients", "percentage argument must be less or equal to 100")
    );
    assert_eq!(
        answer(&[("latency-tracking", "x")]),
        failed("latency-tracking", "argument must be 'yes' or 'no'")
    );
    let one_of = "argument(s) must be one of the following: ";
    for text in ["x", "", " always", "always no"] {
        assert_eq!(
            answer(&[("appendfsync", text)]),
            failed("appendfsync", &format!("{one_of}everysec, always, no"))
        );
    }
    for text in ["zz", "", "nosave  now"] {
        assert_eq!(
            answer(&[("shutdown-on-sigterm", text)]),
            failed("shutdown-on-sigterm", &format!("{one_of}default, save, nosave, now, force"))
        );
    }
    assert_eq!(
        answer(&[("shutdown-on-sigterm", "save nosave")]),
        failed("shutdown-on-sigterm", "shutdown options SAVE and NOSAVE can't be used simultaneously")
    );
    for text in ["100 10 60", "0 5", "5 -1", "a b", " ", "5  6"] {
        assert_eq!(answer(&[("save", text)]), failed("save", "Invalid save parameters"), "{text:?}");
    }
    let scores = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
    assert_eq!(answer(&[("oom-score-adj-values", "1 2 3001")]), failed("oom-score-adj-values", scores));
    assert_eq!(answer(&[("oom-score-adj-values", "1 2 x")]), failed("oom-score-adj-values", scores));
    assert_eq!(
        answer(&[("oom-score-adj-values", "1 2")]),
        failed("oom-score-adj-values", "wrong number of arguments")
    );
    let letters = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    assert_eq!(answer(&[("notify-keyspace-events", "K%")]), failed("notify-keyspace-events", letters));
    let limits = "client-output-buffer-limit";
    let class = "Invalid client class specified in buffer limit configuration.";
    assert_eq!(answer(&[(limits, "master 1mb 512kb 5")]), failed(limits, class));
    assert_eq!(answer(&[(limits, "normal 1 2 3 wrong 1 2 3")]), failed(limits, class));
    let setting = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    assert_eq!(answer(&[(limits, "replica 1mb 512kb -5")]), failed(limits, setting));
    assert_eq!(answer(&[(limits, "normal 1mbx 512kb 5")]), failed(limits, setting));
    let count = "Wrong number of arguments in buffer limit configuration.";
    assert_eq!(answer(&[(limits, "normal 1 2")]), failed(limits, count));
    let percentiles = "latency-tracking-info-percentiles";
    for text in ["x", "nan", " 5", "5  6"] {
        assert_eq!(
            answer(&[(percentiles, text)]),
            failed(percentiles, "Invalid latency-tracking-info-percentiles parameters")
        );
    }
    let sit = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    assert_eq!(answer(&[(percentiles, "50 101")]), failed(percentiles, sit));
}

/// As above: what redis-server 7.0.15 shows after each CONFIG SET.
#[test]
fn values_are_shown_as_redis_shows_them() {
    for (name, text, expected) in [
        ("maxmemory", "", "0"),
        ("maxmemory", "1Kb", "1024"),
        ("maxmemory", "18446744073709551615", "18446744073709551615"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "0%", "0"),
        ("appendfsync", "ALWAYS", "always"),
        ("shutdown-on-sigterm", "FORCE NOW", "now force"),
        ("shutdown-on-sigterm", "default now", "now"),
        ("save", "100 10 60 5", "100 10 60 5"),
        ("save", "", ""),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "KElm", "lKEm"),
        ("notify-keyspace-events", "KEn", "nKE"),
        ("notify-keyspace-events", "gxK", "gxK"),
        ("latency-tracking-info-percentiles", "50 99.99 100.0", "50 99.99 100"),
        ("latency-tracking-info-percentiles", "50.12345678", "50.123457"),
        ("latency-tracking-info-percentiles", "", ""),
        ("hz", "0", "1"),
        ("hz", "501", "500"),
        (
            "client-output-buffer-limit",
            "slave 1mb 512kb 5 pubsub 1 2 3",
            "normal 0 0 0 slave 1048576 524288 5 pubsub 1 2 3",
        ),
        (
            "client-output-buffer-limit",
            "normal 10 20 30 NORMAL 1 2 3",
            "normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ] {
        let (config, _) = set(&Config::default(), &[(name, text)]).expect(name);
        assert_eq!(shown(&config, name), expected, "{name} {text:?}");
    }
    // Redis forgets the `n` here.
    let (config, _) = set(&Config::default(), &[("notify-keyspace-events", "KEAmn")]).expect("valid");
    assert_eq!(shown(&config, "notify-keyspace-events"), "AnKEm");
    assert!(config.get(options::NOTIFY_KEYSPACE_EVENTS).contains(Events::NEW));
}

#[test]
fn a_failed_set_changes_nothing_and_a_good_one_names_what_changed() {
    let config = Config::default();
    assert!(set(&config, &[("timeout", "5"), ("hz", "x")]).is_err());
    assert_eq!(config, Config::default());
    let (next, changed) = set(&config, &[("timeout", "5"), ("hz", "10"), ("save", "")]).expect("valid");
    assert_eq!(changed, [options::TIMEOUT.id(), find("save").expect("known").id]);
    assert_eq!(next.get(options::TIMEOUT), 5);
    assert_eq!(
        next.set(&[(b"requirepass", b"\xff")], true).map_err(|error| error.to_string()).err().as_deref(),
        Some("ERR CONFIG SET failed (possibly related to argument 'requirepass') - argument must be UTF-8")
    );
}

#[test]
fn protected_options_follow_the_permission() {
    for (permission, local, allowed) in
        [("no", true, false), ("local", true, true), ("local", false, false), ("yes", false, true)]
    {
        let config = Config::default().with(options::ENABLE_PROTECTED_CONFIGS, permission).expect("valid");
        assert_eq!(config.set(&[(b"dbfilename", b"x")], local).is_ok(), allowed, "{permission} {local}");
    }
}

#[test]
fn the_program_itself_may_change_what_clients_may_not() {
    let config = Config::default().with(options::REPLICAOF, "10.0.0.1 6379").expect("valid");
    assert_eq!(config.get(options::REPLICAOF).map(|master| master.port), Some(6379));
    assert_eq!(shown(&config, "slaveof"), "10.0.0.1 6379");
    let config = config.with(options::REPLICAOF, "no one").expect("valid");
    assert_eq!(config.get(options::REPLICAOF), None);
    assert_eq!(config.with(options::REPLICAOF, "host 99999").err().as_deref(), Some("Invalid master port"));
}

#[test]
fn get_matches_names_and_aliases_once() {
    let config = Config::default();
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    assert_eq!(
        show(&config, &["slowlog*", "slowlog-max*", "PORT"]),
        [pair("slowlog-log-slower-than", "10000"), pair("slowlog-max-len", "128"), pair("PORT", "9221")]
    );
    assert_eq!(show(&config, &["save", "SAVE"]).len(), 1);
    assert_eq!(show(&config, &["*ziplist*"]).len(), 5);
    assert_eq!(show(&config, &["slave-priority"]), [pair("slave-priority", "100")]);
    assert_eq!(show(&config, &["nothing", "\u{fffd}"]), []);
    assert_eq!(config.show(&[b"\xff"], glob), []);
    // Hidden options and old names answer only to their exact names.
    assert_eq!(show(&config, &["Key-Load-Delay", "*key*delay*"]), [pair("Key-Load-Delay", "0")]);
    assert_eq!(show(&config, &["thread-num"]), [pair("thread-num", "0")]);
    assert_eq!(show(&config, &["*thread-num*"]), []);
    let listed = names().filter(|named| named.listed).count();
    assert_eq!(show(&config, &["*"]).len(), listed);
}

#[test]
fn old_names_count_in_their_own_units() {
    let (config, changed) =
        set(&Config::default(), &[("expire-logs-days", "3"), ("expire-logs-nums", "10")]).expect("valid");
    assert_eq!(changed, [options::BINLOG_RETENTION_BYTES.id(), options::BINLOG_RETENTION_AGE.id()]);
    assert_eq!(config.get(options::BINLOG_RETENTION_AGE), 3 * 86_400);
    assert_eq!(config.get(options::BINLOG_RETENTION_BYTES), 1000 << 20);
    assert_eq!(shown(&config, "expire-logs-days"), "3");
    assert_eq!(shown(&config, "expire-logs-nums"), "10");
    assert!(set(&config, &[("expire-logs-days", "-1")]).is_err());
    assert!(set(&config, &[("expire-logs-days", "1mb")]).is_err());
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let config = Config::default().with(options::REQUIREPASS, "hunter2").expect("valid");
    let text = format!("{config:?}");
    assert!(text.contains("requirepass") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_named_again_is_to_be_read_again() {
    let (config, changed) = set(&Config::default(), &[("tls-cert-file", "a")]).expect("valid");
    assert_eq!(changed, [options::TLS_CERT_FILE.id()]);
    let (_, changed) = set(&config, &[("tls-cert-file", "a"), ("timeout", "0")]).expect("valid");
    assert_eq!(changed, [options::TLS_CERT_FILE.id()]);
    let (_, changed) = set(&config, &[("timeout", "1")]).expect("valid");
    assert_eq!(changed, [options::TIMEOUT.id()]);
}
