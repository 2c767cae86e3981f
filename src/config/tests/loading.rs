use super::super::current::Config;
use super::super::layer::LoadError;
use super::super::load::{Disk, Loaded, Sources, load};
use super::super::options;
use super::super::redis_format::{quote_word, split_words};
use super::{Memory, strings};
use std::path::Path;

fn load_all(files: &Memory, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Loaded, LoadError> {
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let sources = Sources {
        default_path: Some(Path::new("config")),
        environment: &environment,
        arguments: &strings(arguments),
    };
    load(&sources, files)
}

fn load_redis(text: &str) -> Result<Loaded, LoadError> {
    load_all(&Memory::with(&[("redis.conf", text)]), &[], &["redis.conf"])
}

fn load_toml(text: &str) -> Result<Loaded, LoadError> {
    load_all(&Memory::with(&[("config/pika.toml", text)]), &[], &[])
}

fn problem(result: Result<Loaded, LoadError>) -> String {
    result.map_or_else(|error| error.to_string(), |loaded| format!("loaded {:?}", loaded.config))
}

#[test]
fn nothing_gives_the_defaults() {
    let loaded = load_all(&Memory::default(), &[], &[]).expect("valid");
    assert_eq!((loaded.config, loaded.path, loaded.warnings), (Config::default(), None, Vec::new()));
}

#[test]
fn later_layers_win() {
    let files = Memory::with(&[
        ("config/pika.toml", "port = 1\ntimeout = 1\nhz = 1\ndatabases = 1\nslave-priority = 1"),
        ("config/20-b.toml", "timeout = 3\nhz = 3\ndatabases = 3"),
        ("config/10-a.toml", "timeout = 2\n"),
        ("config/notes.txt", "not read"),
    ]);
    let loaded = load_all(&files, &[("PIKA_HZ", "4"), ("PIKA_DATABASES", "4")], &["--databases", "5"]);
    let loaded = loaded.expect("valid");
    let config = &loaded.config;
    assert_eq!(config.get(options::PORT), 1);
    assert_eq!(config.get(options::TIMEOUT), 3);
    assert_eq!(config.get(options::HZ), 4);
    assert_eq!(config.get(options::DATABASES), 5);
    assert_eq!(loaded.path.as_deref(), Some(Path::new("config")));
    // Under whichever name.
    let loaded = load_all(&files, &[("PIKA_REPLICA_PRIORITY", "2")], &[]).expect("valid");
    assert_eq!(loaded.config.get(options::REPLICA_PRIORITY), 2);
    let loaded = load_all(&files, &[], &["--slave-priority", "3"]).expect("valid");
    assert_eq!(loaded.config.get(options::REPLICA_PRIORITY), 3);
}

#[test]
fn output_buffer_limits_merge_by_class() {
    let files = Memory::with(&[(
        "config/pika.toml",
        "client-output-buffer-limit = ['pubsub 1 2 3', 'replica 4 5 6']",
    )]);
    let environment = [("PIKA_CLIENT_OUTPUT_BUFFER_LIMIT", "slave 7 8 9")];
    let limits =
        load_all(&files, &environment, &[]).expect("valid").config.get(options::CLIENT_OUTPUT_BUFFER_LIMIT);
    assert_eq!((limits.pubsub.hard_bytes, limits.replica.hard_bytes, limits.normal.hard_bytes), (1, 7, 0));
}

#[test]
fn toml_values_may_have_their_natural_types() {
    let config = load_toml(
        "daemonize = true\nlatency-tracking = 'no'\nmaxclients = 5\ndisk-reserve = '2gb'\nmemory-budget = 4096\n\
         bind = ['::1', '*']\nlatency-tracking-info-percentiles = [1, 99.9]\nunixsocketperm = '770'\n\
         replicaof = 'h 1'\nsave = ['1 2', '3 4']\nthreads = '3'\nrequirepass = ' a  b '\n",
    )
    .expect("valid")
    .config;
    assert!(config.get(options::DAEMONIZE) && !config.get(options::LATENCY_TRACKING));
    assert_eq!(config.get(options::MAXCLIENTS), 5);
    assert_eq!(config.get(options::DISK_RESERVE), 2 << 30);
    assert_eq!(config.get(options::MEMORY_BUDGET), 4096);
    assert_eq!(config.get(options::BIND), ["::1", "*"]);
    assert_eq!(config.get(options::LATENCY_TRACKING_INFO_PERCENTILES), [1.0, 99.9]);
    assert_eq!(config.get(options::UNIXSOCKETPERM), 0o770);
    assert_eq!(config.get(options::THREADS), 3);
    assert_eq!(config.get(options::REQUIREPASS), " a  b ");
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    for (text, expected) in [
        ("prot = 1", "config/pika.toml: unknown option 'prot'"),
        ("port = 70000", "config/pika.toml: port: argument must be between 0 and 65535 inclusive"),
        ("port = [1]", "config/pika.toml: port: expected a single value"),
        ("[server]\nport = 1", "config/pika.toml: unknown option 'server'"),
        ("[port]\nport = 1", "config/pika.toml: port: expected a single value"),
        (
            "unixsocketperm = 0o770",
            "config/pika.toml: unixsocketperm: expected the octal number as a string, such as \"770\"",
        ),
        (
            "slave-priority = 1\nreplica-priority = 2",
            "config/pika.toml: slave-priority: given twice, under two names",
        ),
        ("save = [['1', '2']]", "config/pika.toml: save: expected an array of strings or numbers"),
    ] {
        assert_eq!(problem(load_toml(text)), expected);
    }
    assert!(problem(load_toml("port = \n")).starts_with("config/pika.toml: "));
    assert!(problem(load_toml("port = 1\nport = 2")).contains("duplicate"));
    for (line, expected) in [
        ("port abc", "port: argument couldn't be parsed into an integer"),
        ("foo bar", "unknown option 'foo'"),
        ("timeout", "timeout: wrong number of arguments"),
        ("timeout 1 2", "timeout: wrong number of arguments"),
        ("appendfsync x", "appendfsync: argument(s) must be one of the following: everysec, always, no"),
        ("maxmemory 1x", "maxmemory: argument must be a memory value"),
        ("save 1", "save: Invalid save parameters"),
        ("timeout \"7", "unbalanced quotes"),
        ("unixsocketperm 888", "unixsocketperm: argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1000", "unixsocketperm: argument must be between 0 and 777 inclusive"),
        ("replicaof 1.2.3.4", "replicaof: wrong number of arguments"),
        ("databases 0", "databases: argument must be between 1 and 2147483647 inclusive"),
        ("supervised zz", "supervised: argument(s) must be one of the following: upstart, systemd, auto, no"),
        (
            "client-output-buffer-limit normal 1 2",
            "client-output-buffer-limit: Wrong number of arguments in buffer limit configuration.",
        ),
    ] {
        assert_eq!(
            problem(load_redis(&format!("# comment\nport 1\n{line}\n"))),
            format!("redis.conf:3: {expected}")
        );
    }
    let none = Memory::default();
    assert_eq!(
        problem(load_all(&none, &[("PIKA_PORT", "x")], &[])),
        "environment variable PIKA_PORT: port: argument couldn't be parsed into an integer"
    );
    assert_eq!(
        problem(load_all(&none, &[], &["--port", "x"])),
        "command line 'port \"x\"': port: argument couldn't be parsed into an integer"
    );
    assert_eq!(problem(load_all(&none, &[], &["--foo"])), "command line 'foo': unknown option 'foo'");
    assert_eq!(
        problem(load_all(&none, &[], &["--port"])),
        "command line 'port': port: wrong number of arguments"
    );
    assert!(problem(load_all(&none, &[], &["nowhere"])).starts_with("nowhere: "));
    assert_eq!(
        problem(load_all(&Memory::with(&[("folder/readme", "")]), &[], &["folder"])),
        "folder: the folder holds no .toml file"
    );
}

#[test]
fn an_invalid_value_is_an_error_even_if_a_later_layer_overrides_it() {
    let files = Memory::with(&[("config/pika.toml", "port = 'x'")]);
    assert!(load_all(&files, &[], &["--port", "7000"]).is_err());
}

#[test]
fn the_command_line_is_read_as_redis_reads_it() {
    let files = Memory::with(&[("my.conf", "port 1\nsave 9 9\n")]);
    let arguments =
        ["my.conf", "--port", "7000", "--bind", "::1", "*", "--save", "", "--slowlog-log-slower-than", "-1"];
    let config = load_all(&files, &[], &arguments).expect("valid").config;
    assert_eq!(config.get(options::PORT), 7000);
    assert_eq!(config.get(options::BIND), ["::1", "*"]);
    assert_eq!(config.get(options::SLOWLOG_LOG_SLOWER_THAN), -1);
    let save = |arguments: &[&str]| {
        let config = load_all(&Memory::default(), &[], arguments).expect("valid").config;
        config.show(&[b"save"], |_, _| false)[0].1.clone()
    };
    assert_eq!(save(&["--save", "60", "1", "--save", "70", "2"]), "60 1 70 2");
    assert_eq!(save(&["--save", "60", "1", "--save", ""]), "");
    assert_eq!(save(&["--save", "--port", "1"]), "");
    assert!(problem(load_all(&files, &[], &["my.conf", "other"])).contains("unknown option 'other'"));
    assert!(problem(load_all(&files, &[], &["my.conf", "--"])).contains("found '--'"));
}

#[test]
fn save_on_the_command_line_adds_to_the_file() {
    let files = Memory::with(&[("my.conf", "save 900 1\n")]);
    let save = |arguments: &[&str]| {
        let config = load_all(&files, &[], arguments).expect("valid").config;
        config.show(&[b"save"], |_, _| false)[0].1.clone()
    };
    assert_eq!(save(&["my.conf"]), "900 1");
    assert_eq!(save(&["my.conf", "--save", "100", "100"]), "900 1 100 100");
    assert_eq!(save(&["my.conf", "--save"]), "");
    assert_eq!(save(&["my.conf", "--save", "", "--save", "1", "2"]), "1 2");
}

#[test]
fn an_option_on_the_command_line_has_a_value_whatever_it_begins_with() {
    let config = |arguments: &[&str]| load_all(&Memory::default(), &[], arguments).expect("valid").config;
    let show = |config: &Config, name: &str| config.show(&[name.as_bytes()], |_, _| false)[0].1.clone();
    let title = config(&["--proc-title-template", "--save", "--save", "", "--loglevel", "verbose"]);
    assert_eq!(show(&title, "proc-title-template"), "--save");
    assert_eq!((show(&title, "save"), show(&title, "loglevel")), (String::new(), "verbose".into()));
    let together = config(&["--proc-title-template --a--b", "--loglevel 'verbose'", "--maxmemory 700mb"]);
    assert_eq!(show(&together, "proc-title-template"), "--a--b");
    assert_eq!(
        (show(&together, "loglevel"), show(&together, "maxmemory")),
        ("verbose".into(), "734003200".into())
    );
    let words =
        config(&["--shutdown-on-sigint", "nosave", "force", "now", "--shutdown-on-sigterm", "nosave force"]);
    assert_eq!(show(&words, "shutdown-on-sigint"), "nosave now force");
    assert_eq!(show(&words, "shutdown-on-sigterm"), "nosave force");
    let files = Memory::with(&[("my.conf", "")]);
    let bare =
        load_all(&files, &[], &["my.conf", "loglevel", "verbose", "--port", "7"]).expect("valid").config;
    assert_eq!((show(&bare, "loglevel"), show(&bare, "port")), ("verbose".into(), "7".into()));
}

#[test]
fn errors_of_the_command_line_show_its_words() {
    let cases: [(&[&str], &str); 9] = [
        (&["--port"], "command line 'port': port: wrong number of arguments"),
        (
            &["--port", "6379", "6380"],
            "command line 'port \"6379\" \"6380\"': port: wrong number of arguments",
        ),
        (
            &["--port", "--loglevel", "verbose"],
            "command line 'port \"--loglevel\" \"verbose\"': port: wrong number of arguments",
        ),
        (
            &["--port", "--bla", "--loglevel", "verbose"],
            "command line 'port \"--bla\"': port: argument couldn't be parsed into an integer",
        ),
        (
            &["--loglevel", "--bla"],
            "command line 'loglevel \"--bla\"': loglevel: argument(s) must be one of the following: ",
        ),
        (
            &["--shutdown-on-sigint"],
            "command line 'shutdown-on-sigint': shutdown-on-sigint: argument(s) must be one of the following: ",
        ),
        (
            &["--replicaof", "--127.0.0.1", "abc"],
            "command line 'replicaof \"--127.0.0.1\" \"abc\"': replicaof: Invalid master port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "--abc", "1"],
            "command line 'replicaof \"--127.0.0.1\"': replicaof: wrong number of arguments",
        ),
        (&["--requirepass", "a", "b"], "command line 'requirepass': requirepass: wrong number of arguments"),
    ];
    for (arguments, expected) in cases {
        let found = problem(load_all(&Memory::default(), &[], arguments));
        assert!(found.starts_with(expected), "{arguments:?}: {found}");
    }
}

#[test]
fn a_redis_file_repeats_and_includes() {
    let files = Memory::with(&[
        (
            "conf/a.conf",
            "port 1\ninclude b.conf\nhz 3\nsave 1 2\nsave \"\"\nsave 3 4\nsave 5 6 7 8\nbind 1.1.1.1\nBIND ::1 *\n",
        ),
        ("conf/b.conf", "port 2\nhz 2\nrequirepass \"a \\x62\\n\" # no comment"),
        ("conf/c.conf", "port 2\nrequirepass 'it\\'s'\n  # indented\n\n\ttimeout\t5\r\n"),
        ("conf/loop.conf", "include loop.conf"),
        ("conf/gone.conf", "\ninclude gone/b.conf"),
    ]);
    assert_eq!(
        problem(load_all(&files, &[], &["conf/a.conf"])),
        "conf/b.conf:3: requirepass: wrong number of arguments"
    );
    let mut files = files;
    files.0.insert("conf/b.conf".into(), "port 2\nhz 2\nrequirepass \"a \\x62\\n\"".into());
    let config = load_all(&files, &[], &["conf/a.conf"]).expect("valid").config;
    assert_eq!((config.get(options::PORT), config.get(options::HZ)), (2, 3));
    assert_eq!(config.get(options::REQUIREPASS), "a b\n");
    assert_eq!(config.get(options::BIND), ["::1", "*"]);
    assert_eq!(config.show(&[b"save"], |_, _| false)[0].1, "3 4 5 6 7 8");
    let config = load_all(&files, &[], &["conf/c.conf"]).expect("valid").config;
    assert_eq!((config.get(options::REQUIREPASS), config.get(options::TIMEOUT)), ("it's", 5));
    assert!(problem(load_all(&files, &[], &["conf/loop.conf"])).contains("more than 16 deep"));
    assert!(problem(load_all(&files, &[], &["conf/gone.conf"])).starts_with("conf/gone.conf:2: include: "));
}

#[test]
fn what_has_no_effect_is_warned_of_by_name() {
    let loaded = load_redis(
        "loadmodule x.so\nrename-command A B\nuser u on\nmaxmemory 1gb\nhz 5\nmaxmemory-samples 5\n",
    );
    let loaded = loaded.expect("valid");
    assert_eq!(loaded.renames, [("A".to_string(), "B".to_string())]);
    assert_eq!(loaded.users, [[b"u".to_vec(), b"on".to_vec()]]);
    let warnings = loaded.warnings;
    let expected = ["redis.conf:1: loadmodule", "redis.conf:4: maxmemory"];
    assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
    for (warning, start) in warnings.iter().zip(expected) {
        assert!(warning.starts_with(start), "{warning}");
    }
    let environment =
        [("PIKA_PORT", "tcp://10.0.0.1:9221"), ("PIKA_SERVICE_HOST", "10.0.0.1"), ("HOME", "/")];
    let loaded = load_all(&Memory::default(), &environment, &[]).expect("valid");
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}

#[test]
fn a_file_of_an_older_pika_loads() {
    let text = "# Pika\nport : 9222\nthread-num : 1\nrocksdb-ttl-second : 86400 * 7;\nrequirepass :\nslaveof : 10.0.0.1:9221\n\
                expire-logs-days : 7\nwrite-buffer-size : 256M\ncompression : snappy\ndaemonize : yes\n";
    let loaded = load_redis(text).expect("valid");
    assert_eq!(loaded.config.get(options::PORT), 9222);
    assert_eq!(loaded.config.get(options::REQUIREPASS), "");
    assert_eq!(loaded.config.get(options::REPLICAOF).map(|master| master.host.as_str()), Some("10.0.0.1"));
    assert_eq!(loaded.config.get(options::ROCKSDB_WRITE_BUFFER_SIZE), 256_000_000);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    // A password of one colon is not taken for an old file.
    let config = load_redis("port 1\nrequirepass :\ntimeout 5\n").expect("valid").config;
    assert_eq!(config.get(options::REQUIREPASS), ":");
}

#[test]
fn the_file_that_debian_ships_loads_with_warnings_only() {
    let path = Path::new("/etc/redis/redis.conf");
    if std::fs::read_to_string(path).is_err() {
        eprintln!("skipped: {} is not here, or not for this user", path.display());
        return;
    }
    let loaded = load(&Sources { default_path: Some(path), ..Sources::default() }, &Disk).expect("valid");
    assert_eq!(loaded.config.get(options::PORT), 6379);
    assert_eq!(loaded.config.get(options::DIR), "/var/lib/redis");
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn files_on_disk_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pika.toml"), "port = 1").expect("written");
    let sources = Sources { default_path: Some(folder.path()), ..Sources::default() };
    assert_eq!(load(&sources, &Disk).expect("valid").config.get(options::PORT), 1);
    let nowhere = folder.path().join("nowhere");
    let sources = Sources { default_path: Some(&nowhere), ..Sources::default() };
    assert_eq!(load(&sources, &Disk).expect("valid").path, None);
}

#[test]
fn quoting_reads_back() {
    for word in
        ["", "a", "a b", "\"", "'", "\\", "#", "\\x41", "a\"b", "\r\n\t\u{7}\u{8}\u{1b}", "é", "\u{85}"]
    {
        assert_eq!(split_words(&quote_word(word)), Some(vec![word.to_string()]), "{word:?}");
    }
    for (line, words) in [
        ("a  b\tc", Some(vec!["a", "b", "c"])),
        ("\"a\\\"b\" 'c\"d'", Some(vec!["a\"b", "c\"d"])),
        ("x\"y z\"", Some(vec!["xy z"])),
        ("\"\\xZZ\\q\"", Some(vec!["xZZq"])),
        ("", Some(vec![])),
        ("\"a", None),
        ("'a", None),
        ("\"a\"b", None),
        ("\"\\xff\"", None),
        ("\"a\\", None),
    ] {
        assert_eq!(split_words(line), words.map(|words| strings(&words)), "{line:?}");
    }
}
