//! The slave's side, told by what goes in and what comes out.

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn id() -> ReplicationId {
    ReplicationId::parse(ID.as_bytes()).expect("40 digits")
}

fn settings() -> Settings {
    Settings { port: 6380, timeout_ms: 60_000, ..Settings::default() }
}

fn position() -> Position {
    Position { id: id(), offset: 100 }
}

/// What is sent, one after another, as the words of each command.
fn sent(actions: &[Action]) -> Vec<String> {
    let bytes: Vec<u8> = actions
        .iter()
        .filter_map(|action| if let Action::Send(bytes) = action { Some(&bytes[..]) } else { None })
        .flatten()
        .copied()
        .collect();
    let text = String::from_utf8(bytes).expect("text");
    let words = text.split("\r\n").filter(|line| !line.starts_with('$'));
    let mut commands: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        match (word.strip_prefix('*'), commands.last_mut()) {
            (Some(_), _) => commands.push(String::new()),
            (None, Some(last)) => last.push_str(&format!("{}{word}", if last.is_empty() { "" } else { " " })),
            (None, None) => commands.push(word.to_string()),
        }
    }
    commands
}

/// A slave that has just connected.
fn connected(settings: Settings, position: Option<Position>) -> Slave {
    let mut slave = Slave::new(0);
    assert_eq!(slave.handle(Event::Clock, 0), [Action::Connect]);
    assert_eq!(sent(&slave.handle(Event::Connected(settings, position), 0)), ["PING"]);
    slave
}

/// A slave that has asked.
fn asked(position: Option<Position>) -> Slave {
    let mut slave = connected(settings(), position);
    slave.handle(Event::Received(b"+PONG\r\n+OK\r\n+OK\r\n"), 0);
    slave
}

fn receive(slave: &mut Slave, bytes: &[u8]) -> Vec<Action> {
    slave.handle(Event::Received(bytes), 1)
}

fn broken(actions: &[Action]) -> Option<&str> {
    actions
        .iter()
        .find_map(|action| if let Action::Disconnect(why) = action { Some(why.as_str()) } else { None })
}

/// The bytes of the data set, and of the spool, and of the stream.
fn split(actions: &[Action]) -> [Vec<u8>; 3] {
    let mut out: [Vec<u8>; 3] = Default::default();
    for action in actions {
        match action {
            Action::Store(bytes) => out[0].extend_from_slice(bytes),
            Action::Spool(bytes) => out[1].extend_from_slice(bytes),
            Action::Stream(bytes) => out[2].extend_from_slice(bytes),
            _ => {}
        }
    }
    out
}

#[test]
fn the_handshake_says_who_it_is_and_asks_for_the_byte_behind_what_it_has() {
    let mut slave = connected(settings(), Some(position()));
    assert_eq!(slave.stage(), Stage::Handshake);
    let out = receive(&mut slave, b"+PONG\r\n");
    assert_eq!(sent(&out), ["REPLCONF listening-port 6380", "REPLCONF capa eof capa psync2"]);
    assert_eq!(sent(&receive(&mut slave, b"+OK\r\n+O")), Vec::<String>::new());
    assert_eq!(sent(&receive(&mut slave, b"K\r\n")), [format!("PSYNC {ID} 101")]);
    let out = receive(&mut slave, b"+CONTINUE\r\n*1\r\n$4\r\nPING\r\n");
    assert!(out.contains(&Action::Continue(None)));
    assert_eq!(sent(&out), ["REPLCONF ACK 100"]);
    assert_eq!(split(&out)[2], b"*1\r\n$4\r\nPING\r\n");
    assert_eq!((slave.stage(), slave.down_since_ms), (Stage::Connected, None));
}

#[test]
fn who_has_nothing_asks_for_everything() {
    let mut slave = connected(settings(), None);
    receive(&mut slave, b"+PONG\r\n");
    assert_eq!(sent(&receive(&mut slave, b"+OK\r\n+OK\r\n")), ["PSYNC ? -1"]);
    let out = receive(&mut slave, b"+CONTINUE\r\n");
    assert!(broken(&out).is_some_and(|why| why.contains("nobody asked")));
}

#[test]
fn authentication_comes_first_and_its_refusal_ends_it() {
    let with = Settings { password: "secret".into(), ..settings() };
    let mut slave = connected(with.clone(), None);
    assert_eq!(sent(&receive(&mut slave, b"-NOAUTH Authentication required.\r\n"))[0], "AUTH secret");
    let out = receive(&mut slave, b"-WRONGPASS invalid\r\n");
    assert!(broken(&out).is_some_and(|why| why.contains("refuses masterauth: -WRONGPASS")));
    let named = Settings { user: "copy".into(), announce_ip: "10.0.0.1".into(), ..with };
    let mut slave = connected(named, None);
    let out = sent(&receive(&mut slave, b"+PONG\r\n"));
    assert_eq!(out[0], "AUTH copy secret");
    assert_eq!(out[2], "REPLCONF ip-address 10.0.0.1");
}

#[test]
fn what_an_old_master_does_not_know_is_told_and_passed_over() {
    let mut slave = connected(settings(), None);
    receive(&mut slave, b"+PONG\r\n");
    let out = receive(&mut slave, b"-ERR unknown command\r\n-ERR unknown command\r\n");
    assert_eq!(sent(&out), ["PSYNC ? -1"]);
    assert_eq!(
        out.iter().filter(|action| matches!(action, Action::Tell(text) if text.contains("REPLCONF"))).count(),
        2
    );
}

#[test]
fn a_data_set_of_known_length_in_every_cut() {
    let whole = format!("+FULLRESYNC {ID} 500\r\n\n\n$10\r\n0123456789*1\r\n").into_bytes();
    for cut in 0..=whole.len() {
        let mut slave = asked(None);
        let mut out = receive(&mut slave, &whole[..cut]);
        if cut < whole.len() {
            out.extend(receive(&mut slave, &whole[cut..]));
        }
        let at = Position { id: id(), offset: 500 };
        assert!(out.contains(&Action::BeginTransfer(at, Some(10))), "{cut}: {out:?}");
        assert!(out.contains(&Action::Load(at)));
        assert_eq!(split(&out), [b"0123456789".to_vec(), b"*1\r\n".to_vec(), Vec::new()], "{cut}");
        assert!(slave.is_loading());
    }
}

#[test]
fn a_data_set_up_to_a_mark_in_every_cut_and_byte_by_byte() {
    let mark = "m".repeat(39) + "n";
    // Part of the mark stands in the data, and right before the mark.
    let data = format!("{}x{}", "m".repeat(39), "m".repeat(5));
    let whole = format!("+FULLRESYNC {ID} 7\r\n$EOF:{mark}\r\n{data}{mark}tail").into_bytes();
    let check = |out: &[Action], slave: &Slave, what: &str| {
        assert_eq!(split(out), [data.clone().into_bytes(), b"tail".to_vec(), Vec::new()], "{what}");
        assert_eq!(out.iter().filter(|action| matches!(action, Action::Load(_))).count(), 1, "{what}");
        assert!(slave.is_loading());
    };
    for cut in 0..whole.len() {
        let mut slave = asked(None);
        let mut out = receive(&mut slave, &whole[..cut]);
        out.extend(receive(&mut slave, &whole[cut..]));
        check(&out, &slave, &format!("cut at {cut}"));
    }
    let mut slave = asked(None);
    let out: Vec<Action> = whole.chunks(1).flat_map(|byte| receive(&mut slave, byte)).collect();
    check(&out, &slave, "byte by byte");
}

#[test]
fn a_loaded_data_set_is_followed_and_acknowledged_every_second() {
    let mut slave = asked(Some(position()));
    receive(&mut slave, format!("+FULLRESYNC {ID} 500\r\n$1\r\nx").as_bytes());
    // A sign of life while it loads, and nothing that could be taken for an offset.
    assert_eq!(slave.handle(Event::Clock, 1001), [Action::Send(b"\n".to_vec())]);
    slave.handle(Event::Applied(500), 1002);
    assert_eq!(sent(&slave.handle(Event::Loaded(Ok(())), 1002)), ["REPLCONF ACK 500"]);
    assert_eq!(slave.stage(), Stage::Connected);
    slave.handle(Event::Applied(514), 1500);
    assert_eq!(slave.handle(Event::Clock, 1600), []);
    assert_eq!(sent(&slave.handle(Event::Clock, 2002)), ["REPLCONF ACK 514"]);
    assert_eq!(sent(&slave.acknowledge(2003)), ["REPLCONF ACK 514"]);
}

#[test]
fn silence_ends_every_stage_and_a_second_later_it_tries_again() {
    let begin: [&dyn Fn() -> Slave; 4] = [
        &|| connected(settings(), None),
        &|| asked(None),
        &|| {
            let mut slave = asked(None);
            receive(&mut slave, format!("+FULLRESYNC {ID} 5\r\n$100\r\nx").as_bytes());
            slave
        },
        &|| {
            let mut slave = asked(Some(position()));
            receive(&mut slave, b"+CONTINUE\r\n");
            slave
        },
    ];
    for begin in begin {
        let mut slave = begin();
        receive(&mut slave, b"\n");
        assert_eq!(broken(&slave.handle(Event::Clock, 60_001)), None);
        let out = slave.handle(Event::Clock, 60_002);
        assert!(broken(&out).is_some_and(|why| why.contains("60 s (repl-timeout)")), "{out:?}");
        assert_eq!((slave.stage(), slave.down_since_ms.is_some()), (Stage::Connect, true));
        assert_eq!(slave.handle(Event::Clock, 61_001), []);
        assert_eq!(slave.handle(Event::Clock, 61_002), [Action::Connect]);
    }
}

#[test]
fn nonsense_of_a_master_is_named() {
    for (answer, part) in [
        (&b"+FULLRESYNC abc 1\r\n"[..], "makes no sense"),
        (b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 -1\r\n", "makes no sense"),
        (b"-NOMASTERLINK Can't SYNC\r\n", "cannot serve slaves now"),
        (b"-ERR unknown command 'PSYNC'\r\n", "refuses PSYNC"),
        (b"$5\r\n", "refuses PSYNC"),
        (b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 1\r\n-ERR no disk\r\n", "gave up"),
        (b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 1\r\nhello\r\n", "does not begin"),
        (b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 1\r\n$-3\r\n", "does not begin"),
        (b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 1\r\n$EOF:short\r\n", "does not begin"),
    ] {
        let mut slave = asked(None);
        let out = receive(&mut slave, answer);
        assert!(broken(&out).is_some_and(|why| why.contains(part)), "{part}: {out:?}");
        assert!(slave.last_error.contains(part));
    }
    let mut slave = asked(None);
    assert!(
        broken(&receive(&mut slave, &vec![b'x'; LONGEST_LINE + 1]))
            .is_some_and(|why| why.contains("too long"))
    );
}

#[test]
fn a_data_set_that_cannot_be_loaded_is_asked_for_again() {
    let mut slave = asked(None);
    receive(&mut slave, format!("+FULLRESYNC {ID} 5\r\n$1\r\nx").as_bytes());
    let out = slave.handle(Event::Loaded(Err("the checksum is wrong")), 10);
    assert!(broken(&out).is_some_and(|why| why.contains("the checksum is wrong")));
    assert_eq!(slave.handle(Event::Clock, 1010), [Action::Connect]);
    // News of a load that was given up mean nothing.
    assert_eq!(slave.handle(Event::Loaded(Ok(())), 1011), []);
}

#[test]
fn any_bytes_are_an_answer_and_none_is_a_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    let parts: [&[u8]; 12] = [
        b"+PONG\r\n",
        b"+OK\r\n",
        b"-ERR\r\n",
        b"\n",
        b"$EOF:",
        b"$12\r\n",
        b"$0\r\n",
        b"*1\r\n",
        b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 9\r\n",
        b"+CONTINUE\r\n",
        b"xyz",
        b"\r",
    ];
    let mut stages = std::collections::BTreeSet::new();
    for _ in 0..20_000 {
        let mut slave = connected(settings(), random.bool().then(position));
        for now_ms in 0..random.u64(1..12) {
            match random.u8(..12) {
                0 => drop(slave.handle(Event::Clock, now_ms * 700)),
                1 => drop(slave.handle(Event::Loaded(Ok(())), now_ms)),
                _ => drop(slave.handle(Event::Received(parts[random.usize(..parts.len())]), now_ms)),
            }
            stages.insert(slave.stage().name());
        }
    }
    assert_eq!(stages.len(), 5, "{stages:?}");
}

/// A slave that takes files, and has asked.
fn asked_for_files() -> Slave {
    let mut slave = connected(Settings { files: true, ..settings() }, None);
    let out = receive(&mut slave, b"+PONG\r\n");
    assert_eq!(sent(&out)[1], "REPLCONF capa eof capa psync2 capa pika-files");
    receive(&mut slave, b"+OK\r\n+OK\r\n");
    slave
}

#[test]
fn files_are_fetched_beside_the_link_and_the_stream_is_asked_for_behind_them() {
    let mut slave = asked_for_files();
    let out = receive(&mut slave, format!("\n+CHECKPOINT {ID} 500 abc\r\n\n\n").as_bytes());
    let of = Position { id: id(), offset: 500 };
    assert!(out.contains(&Action::Fetch { of, name: "abc".into(), common: None }), "{out:?}");
    assert_eq!(slave.stage(), Stage::Sync);
    // Signs of life go both ways.
    assert_eq!(slave.handle(Event::Clock, 1001), [Action::Send(b"\n".to_vec())]);
    assert_eq!(receive(&mut slave, b"\n"), []);
    let out = slave.handle(Event::Loaded(Ok(())), 2000);
    assert!(broken(&out).is_some_and(|why| why.contains("in its place")));
    assert_eq!((slave.stage(), slave.down_since_ms.is_some()), (Stage::Connect, true));
    // At once: nothing has gone wrong.
    assert_eq!(slave.handle(Event::Clock, 2000), [Action::Connect]);
}

#[test]
fn what_ends_a_fetch_is_told() {
    let offer = format!("+CHECKPOINT {ID} 500 abc 77\r\n");
    let mut slave = asked_for_files();
    let out = receive(&mut slave, offer.as_bytes());
    assert!(out.iter().any(|action| matches!(action, Action::Fetch { common: Some(77), .. })));
    let out = receive(&mut slave, b"-ERR the log is gone\r\n");
    assert!(broken(&out).is_some_and(|why| why.contains("the log is gone")));
    let mut slave = asked_for_files();
    receive(&mut slave, offer.as_bytes());
    let out = slave.handle(Event::Loaded(Err("no room")), 10);
    assert!(broken(&out).is_some_and(|why| why.contains("no room")));
    assert_eq!(slave.handle(Event::Clock, 1009), []);
    assert_eq!(slave.handle(Event::Clock, 1010), [Action::Connect]);
    let mut slave = asked_for_files();
    assert!(
        broken(&receive(&mut slave, b"+CHECKPOINT x 500 abc\r\n"))
            .is_some_and(|why| why.contains("no sense"))
    );
}

#[test]
fn after_data_sets_that_fail_it_waits_longer_and_longer() {
    let offer = format!("+CHECKPOINT {ID} 500 abc\r\n");
    let (mut slave, mut now, mut waits) = (asked_for_files(), 0, Vec::new());
    for _ in 0..7 {
        receive(&mut slave, offer.as_bytes());
        slave.handle(Event::Loaded(Err("no room")), now);
        let failed = now;
        while slave.handle(Event::Clock, now) != [Action::Connect] {
            now += 500;
        }
        waits.push(now - failed);
        slave.handle(Event::Connected(Settings { files: true, ..settings() }, None), now);
        for answer in [&b"+PONG\r\n"[..], b"+OK\r\n+OK\r\n"] {
            slave.handle(Event::Received(answer), now);
        }
    }
    assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    // One that is in its place ends it.
    receive(&mut slave, offer.as_bytes());
    slave.handle(Event::Loaded(Ok(())), now);
    slave.handle(Event::Clock, now);
    let out = slave.handle(Event::Broken("the link broke"), now);
    assert!(broken(&out).is_some());
    assert_eq!(slave.handle(Event::Clock, now + 999), []);
    assert_eq!(slave.handle(Event::Clock, now + 1000), [Action::Connect]);
}

#[test]
fn what_differs_is_fetched_beside_the_link() {
    let earlier = Earlier { id: ReplicationId::from_random([9; 20]), until: 40 };
    let settings = || Settings { refetch: true, earlier: vec![earlier], ..settings() };
    let at = || Some(Position { id: id(), offset: 100 });
    let mut slave = connected(settings(), at());
    let out = receive(&mut slave, b"+PONG\r\n");
    let capabilities =
        format!("REPLCONF capa eof capa psync2 capa pika-refetch capa pika-earlier:{}:40", earlier.id);
    assert_eq!(sent(&out)[1], capabilities);
    receive(&mut slave, b"+OK\r\n+OK\r\n");
    let out = receive(&mut slave, format!("+DIVERGED {ID} 77\r\n\n").as_bytes());
    assert!(out.contains(&Action::Refetch(Position { id: id(), offset: 77 })), "{out:?}");
    assert_eq!(slave.stage(), Stage::Sync);
    assert_eq!(slave.handle(Event::Clock, 1001), [Action::Send(b"\n".to_vec())]);
    let out = slave.handle(Event::Loaded(Ok(())), 2000);
    assert!(broken(&out).is_some_and(|why| why.contains("in its place")));
    assert_eq!(slave.handle(Event::Clock, 2000), [Action::Connect]);
    // Nobody asked for it, or it is beyond what there is.
    for (refetch, answer) in [(false, "77"), (true, "101"), (true, "x")] {
        let mut slave = connected(Settings { refetch, ..settings() }, at());
        receive(&mut slave, b"+PONG\r\n");
        receive(&mut slave, b"+OK\r\n+OK\r\n");
        let out = receive(&mut slave, format!("+DIVERGED {ID} {answer}\r\n").as_bytes());
        assert!(broken(&out).is_some(), "{answer}: {out:?}");
    }
}
