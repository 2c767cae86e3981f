use super::super::current::Config;
use super::super::key::Id;
use super::super::row::{Effect, Kind, Section};
use super::super::table::{TABLE, find, names};
use super::super::{choice, options, retired};
use super::{parse, samples};
use std::collections::HashSet;

#[test]
fn names_are_unique_and_plain() {
    let mut seen = HashSet::new();
    for named in names() {
        assert!(seen.insert(named.name), "{} stands for two options", named.name);
        assert!(
            named.name.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte)),
            "{} is no name",
            named.name
        );
        assert_eq!(retired::reason(named.name), None, "{} is an option and retired", named.name);
    }
}

#[test]
fn rows_are_complete() {
    for row in TABLE {
        assert!(!row.help.trim().is_empty(), "{} has no help", row.name);
        assert!(row.help.lines().all(|line| line.len() <= 160), "{}: a line of help is too long", row.name);
        let accepted = row.effect == Effect::Accepted;
        assert_eq!(accepted, row.section == Section::Redis, "{} is in the wrong section", row.name);
        match row.kind {
            Kind::Integer { min, max } | Kind::Octal { min, max } => assert!(min < max, "{}", row.name),
            Kind::Size { min, max } => assert!(min < max, "{}", row.name),
            _ => {}
        }
    }
}

#[test]
fn every_parameter_of_redis_is_there_with_its_default() {
    // Where this server differs on purpose.
    let ours = ["port", "bind", "dir", "enable-debug-command"];
    // `name=default`, what redis-server 7.0.15 answers to CONFIG GET * without a configuration.
    let config = Config::default();
    for line in include_str!("redis_7_0_15.txt").lines() {
        let (name, default) = line.split_once('=').expect("name=default");
        let named = find(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(named.listed, "{name} is not listed by CONFIG GET *");
        if !ours.contains(&name) {
            assert_eq!(config.value(named.id).to_text(named.id), default, "{name}");
        }
    }
    let newer = [
        ("locale-collate", ""),
        ("set-max-listpack-entries", "128"),
        ("set-max-listpack-value", "64"),
        ("cluster-announce-human-nodename", ""),
        ("server-cpulist", ""),
    ];
    for (name, default) in newer {
        let named = find(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(config.value(named.id).to_text(named.id), default, "{name}");
    }
}

#[test]
fn old_names_of_pika_are_known() {
    // All that Pika 4 reads from its configuration file.
    let retired_or_known = [
        "thread-num",
        "expire-logs-nums",
        "expire-logs-days",
        "binlog-file-size",
        "write-buffer-size",
        "db-path",
        "dump-path",
        "max-cache-files",
        "max-background-jobs",
        "target-file-size-base",
        "block-size",
        "rate-limiter-bandwidth",
        "max-conn-rbuf-size",
        "throttle-bytes-per-second",
        "slave-priority",
        "slaveof",
    ];
    for name in retired_or_known {
        assert!(find(name).is_some(), "{name}");
    }
    for name in ["log-path", "compression", "thread-pool-size", "cache-model"] {
        assert!(retired::reason(name).is_some(), "{name}");
    }
}

#[test]
fn every_value_reads_back_from_its_text() {
    for id in Id::all() {
        for text in samples(id) {
            let value =
                parse(id, &text).unwrap_or_else(|problem| panic!("{} {text:?}: {problem}", id.row().name));
            assert_eq!(parse(id, &value.to_text(id)), Ok(value), "{} {text:?}", id.row().name);
        }
    }
}

#[test]
fn every_range_ends_where_it_says() {
    for id in Id::all() {
        let (row, refused) = (id.row(), |text: String| parse(id, &text).is_err());
        match row.kind {
            Kind::Integer { min, max } => {
                assert!(!refused(min.to_string()) && !refused(max.to_string()), "{}", row.name);
                assert!(refused((i128::from(min) - 1).to_string()), "{}", row.name);
                assert!(refused((i128::from(max) + 1).to_string()), "{}", row.name);
            }
            Kind::Size { min, max } => {
                assert!(!refused(min.to_string()) && !refused(max.to_string()), "{}", row.name);
                assert!(min == 0 || refused((min - 1).to_string()), "{}", row.name);
                assert!(max == u64::MAX || refused((max + 1).to_string()), "{}", row.name);
            }
            _ => {}
        }
    }
}

#[test]
fn typed_getters_read_the_defaults() {
    let config = Config::default();
    assert_eq!(config.get(options::PORT), 9221);
    assert_eq!(config.get(options::BIND), ["127.0.0.1", "-::1"]);
    assert_eq!(config.get(options::DATABASES), 16);
    assert_eq!(config.get(options::DIR), "./data");
    assert_eq!(config.get(options::MEMORY_BUDGET), 0);
    assert_eq!(config.get(options::BINLOG_SEGMENT_SIZE), 64 << 20);
    assert_eq!(config.get(options::APPENDFSYNC), choice::AppendFsync::EverySecond);
    assert_eq!(config.get(options::LOGLEVEL), choice::LogLevel::Notice);
    assert_eq!(config.get(options::ENABLE_DEBUG_COMMAND), choice::Permission::Local);
    assert_eq!(config.get(options::SLOWLOG_LOG_SLOWER_THAN), 10_000);
    assert_eq!(config.get(options::REPLICAOF), None);
    assert_eq!(config.get(options::LATENCY_TRACKING_INFO_PERCENTILES), [50.0, 99.0, 99.9]);
    assert_eq!(config.get(options::CLIENT_OUTPUT_BUFFER_LIMIT).replica.hard_bytes, 256 << 20);
    assert!(config.get(options::NOTIFY_KEYSPACE_EVENTS).is_empty());
    assert!(config.get(options::PROTECTED_MODE));
}

#[test]
fn every_key_reads_and_is_named_as_its_option() {
    let config = Config::default();
    options::network::read_all(&config);
    options::clients::read_all(&config);
    options::security::read_all(&config);
    options::tls::read_all(&config);
    options::memory::read_all(&config);
    options::storage::read_all(&config);
    options::binlog::read_all(&config);
    options::replication::read_all(&config);
    options::data_types::read_all(&config);
    options::monitoring::read_all(&config);
    options::process::read_all(&config);
    assert!(options::PORT.id().is(options::PORT));
    assert!(!options::PORT.id().is(options::HZ));
}
